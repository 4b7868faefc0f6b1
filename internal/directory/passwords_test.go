package directory_test

import (
	"errors"
	"strings"
	"testing"

	"cardinal"
	"cardinal/internal/directory/directorytest"
	"cardinal/internal/signin"
)

func TestSetPassword(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		t.Run("EndsAllSessions", func(t *testing.T) {
			u, email := w.NewPerson(t)
			in := w.SignIn(t, email, goodPassword)
			w.ResetEvents(t)
			s := value(w.Operator().SetPassword(ctx, u.ID, 1,
				cardinal.PasswordSet{ChosenByUser: true, New: otherPassword}))(t)
			if !s.HasPassword || s.MustChange || s.Version != 2 || s.LastReset == nil {
				t.Errorf("state %+v", s)
			}
			w.ExpectEvents(t, event{
				Action: "password.set", Actor: cardinal.OperatorID, Subject: u.ID,
				Changes: []string{"credentials.hash", "credentials.must_change >false", "sessions.ended >1"},
				Rows:    []string{"credentials", "sessions"},
			})
			if w.SessionActive(t, in) {
				t.Error("the session is still active")
			}
			_, err := signin.WithPassword(ctx, w.Anonymous("192.0.2.1"), cardinal.SignIn{
				Identifier: email, Password: goodPassword,
			})
			expectRefusal(t, err, "invalid_credentials")
			w.SignIn(t, email, otherPassword)
		})
		t.Run("FirstPassword", func(t *testing.T) {
			email := newEmail()
			u := value(w.Operator().CreateUser(ctx, cardinal.NewUser{Email: email, EmailVerified: true}))(t)
			if s := value(w.Operator().PasswordState(ctx, u.ID))(t); s.HasPassword || s.Version != 0 {
				t.Errorf("state %+v", s)
			}
			_, err := w.Operator().SetPassword(ctx, u.ID, 1,
				cardinal.PasswordSet{ChosenByUser: true, New: goodPassword})
			expectRefusal(t, err, "stale 0")
			_, err = w.Operator().SetPassword(ctx, u.ID, 0, cardinal.PasswordSet{MustChange: true})
			expectRefusal(t, err, "no_password")
			value(w.Operator().SetPassword(ctx, u.ID, 0,
				cardinal.PasswordSet{ChosenByUser: true, New: goodPassword}))(t)
			w.SignIn(t, email, goodPassword)
			_, err = w.Operator().SetPassword(ctx, u.ID, 0, cardinal.PasswordSet{ChosenByUser: true, New: goodPassword})
			expectRefusal(t, err, "stale 1")
		})
		t.Run("WeakPasswords", func(t *testing.T) {
			u, _ := w.NewPerson(t)
			for secret, want := range map[cardinal.Secret]string{
				"":                                      "/new_password password_missing",
				"fourteen chars":                        "/new_password password_too_short",
				"passwordpassword":                      "/new_password password_too_common",
				cardinal.Secret("a\x00" + goodPassword): "/new_password password_format",
				cardinal.Secret(strings.Repeat("x1", 513)): "/new_password password_too_long",
			} {
				_, err := w.Operator().SetPassword(ctx, u.ID, 1, cardinal.PasswordSet{ChosenByUser: true, New: secret})
				expectRefusal(t, err, want)
			}
			w.SetSetting(t, "passwords.min_length", 8)
			value(w.Operator().SetPassword(ctx, u.ID, 1,
				cardinal.PasswordSet{ChosenByUser: true, New: "fourteen chars"}))(t)
			w.SetSetting(t, "passwords.min_length", 15)
		})
		t.Run("Service", func(t *testing.T) {
			set := cardinal.PasswordSet{ChosenByUser: true, New: goodPassword}
			_, err := w.Operator().SetPassword(ctx, w.NewService(t).ID, 0, set)
			expectRefusal(t, err, "status_not_allowed")
		})
		t.Run("PHCStringWithOwnSalt", func(t *testing.T) {
			a, _ := w.NewPerson(t)
			b, _ := w.NewPerson(t)
			x, y := value(w.Store.Read(ctx).Credential(ctx, a.ID))(t).Hash, value(w.Store.Read(ctx).Credential(ctx,
				b.ID))(t).Hash
			if !strings.HasPrefix(x, "$argon2id$v=19$m=64,t=1,p=1$") || strings.Contains(x, goodPassword) {
				t.Errorf("stored as %s", x)
			}
			if strings.Split(x, "$")[4] == strings.Split(y, "$")[4] {
				t.Error("two users have the same salt")
			}
		})
	})
}

// TestOwnWordsAreNoPassword: a password is compared with the names and addresses of the user whose it will be.
func TestOwnWordsAreNoPassword(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		u := value(w.Operator().CreateUser(ctx, cardinal.NewUser{
			Email: "wilhelmina@giraffes.example", EmailVerified: true, DisplayName: "Wilhelmina Zweig",
			ChosenByUser: true, Password: goodPassword,
		}))(t)
		const own = "wilhelmina-zweig!"
		_, err := w.Operator().SetPassword(ctx, u.ID, 1, cardinal.PasswordSet{ChosenByUser: true, New: own})
		expectRefusal(t, err, "/new_password password_too_common")
		_, err = signin.ChangePassword(ctx, w.DeskOf(u), cardinal.PasswordChange{Current: goodPassword, New: own})
		expectRefusal(t, err, "/new_password password_too_common")
		_, err = w.Operator().CreateUser(ctx, cardinal.NewUser{
			Email: "other@example.com", DisplayName: "Wilhelmina Zweig", Password: own,
		})
		expectRefusal(t, err, "/password password_too_common")
		other, _ := w.NewPerson(t)
		value(w.Operator().SetPassword(ctx, other.ID, 1, cardinal.PasswordSet{ChosenByUser: true, New: own}))(t)
	})
}

// TestSetPasswordMustBeChanged: who sets the password of another user knows it, so that user must change it. A backend
// that passes on what its user typed needs a permission of its own.
func TestSetPasswordMustBeChanged(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		administrator, _ := w.NewPerson(t, w.NewRole(t, "credentials.update"))
		backend, _ := w.NewPerson(t, w.NewRole(t, "credentials.relay"))
		u, email := w.NewPerson(t)
		set := cardinal.PasswordSet{New: otherPassword}
		relayed := cardinal.PasswordSet{New: "nine orange unicycles", ChosenByUser: true}
		expectRefusal(t, errorOf(w.DeskOf(backend).SetPassword(ctx, u.ID, 1, set)), "permission_missing")
		expectRefusal(t, errorOf(w.DeskOf(administrator).SetPassword(ctx, u.ID, 1, relayed)), "permission_missing")
		if s := value(w.DeskOf(administrator).SetPassword(ctx, u.ID, 1, set))(t); !s.MustChange {
			t.Errorf("state %+v", s)
		}
		if in := w.SignIn(t, email, otherPassword); !in.MustChangePassword || in.Session.Assurance != 0 {
			t.Errorf("signed in as %+v", in)
		}
		if s := value(w.DeskOf(backend).SetPassword(ctx, u.ID, 2, relayed))(t); s.MustChange {
			t.Errorf("state %+v", s)
		}
	})
}

// TestCreatedPasswordIsTemporary: the same is true of the password of a new user.
func TestCreatedPasswordIsTemporary(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		administrator, _ := w.NewPerson(t, w.NewRole(t, "users.create", "contacts.verify"))
		backend, _ := w.NewPerson(t, w.NewRole(t, "users.create", "contacts.verify", "credentials.relay"))
		in := cardinal.NewUser{Email: newEmail(), EmailVerified: true, Password: goodPassword}
		created := value(w.DeskOf(administrator).CreateUser(ctx, in))(t)
		if in := w.SignIn(t, in.Email, goodPassword); !in.MustChangePassword || !in.PasswordSetByOther {
			t.Errorf("signed in as %+v", in)
		}
		in.Email, in.ChosenByUser = newEmail(), true
		expectRefusal(t, errorOf(w.DeskOf(administrator).CreateUser(ctx, in)), "permission_missing")
		value(w.DeskOf(backend).CreateUser(ctx, in))(t)
		for range 2 {
			if in := w.SignIn(t, in.Email, goodPassword); in.MustChangePassword || in.PasswordSetByOther {
				t.Errorf("signed in as %+v", in)
			}
		}
		credential := value(w.Store.Read(ctx).Credential(ctx, created.ID))(t)
		value(w.Store.Read(ctx).TemporaryPassword(ctx, created.ID, credential.LastReset))(t)
		erase(t, w, created.ID)
		_, err := w.Store.Read(ctx).TemporaryPassword(ctx, created.ID, credential.LastReset)
		if !errors.Is(err, cardinal.ErrNotFound) {
			t.Errorf("the temporary password of the erased user: %v", err)
		}
	})
}
