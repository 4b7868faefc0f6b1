package directory_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

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
			s := value(w.Operator().SetPassword(ctx, u.ID, 1, cardinal.PasswordSet{New: otherPassword}))(t)
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
			_, err := w.Operator().SetPassword(ctx, u.ID, 1, cardinal.PasswordSet{New: goodPassword})
			expectRefusal(t, err, "stale 0")
			_, err = w.Operator().SetPassword(ctx, u.ID, 0, cardinal.PasswordSet{MustChange: true})
			expectRefusal(t, err, "no_password")
			value(w.Operator().SetPassword(ctx, u.ID, 0, cardinal.PasswordSet{New: goodPassword}))(t)
			w.SignIn(t, email, goodPassword)
			_, err = w.Operator().SetPassword(ctx, u.ID, 0, cardinal.PasswordSet{New: goodPassword})
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
				_, err := w.Operator().SetPassword(ctx, u.ID, 1, cardinal.PasswordSet{New: secret})
				expectRefusal(t, err, want)
			}
			w.SetSetting(t, "passwords.min_length", 8)
			value(w.Operator().SetPassword(ctx, u.ID, 1, cardinal.PasswordSet{New: "fourteen chars"}))(t)
			w.SetSetting(t, "passwords.min_length", 15)
		})
		t.Run("Service", func(t *testing.T) {
			_, err := w.Operator().SetPassword(ctx, w.NewService(t).ID, 0, cardinal.PasswordSet{New: goodPassword})
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

func TestMustChangePassword(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		u, email := w.NewPerson(t, "administrator")
		value(w.Operator().SetPassword(ctx, u.ID, 1, cardinal.PasswordSet{MustChange: true}))(t)
		in := w.SignIn(t, email, goodPassword)
		if !in.MustChangePassword || in.Session.Assurance != 0 {
			t.Errorf("signed in as %+v", in)
		}
		desk := w.DeskOfToken(t, in.Token)
		t.Run("OtherOperationsRefused", func(t *testing.T) {
			w.ResetEvents(t)
			_, err := desk.CreateUser(ctx, cardinal.NewUser{})
			expectRefusal(t, err, "password_change_required")
			_, err = desk.UpdateProfile(ctx, u.ID, 1, cardinal.ProfileChange{DisplayName: cardinal.Set("X")})
			expectRefusal(t, err, "password_change_required")
			_, err = desk.User(ctx, u.ID, false)
			expectRefusal(t, err, "password_change_required")
			_, err = signin.CheckSession(ctx, w.Directory, in.Token.Reveal())
			expectRefusal(t, err, "password_change_required")
			w.ExpectEvents(t, event{
				Action: "user.create", Actor: u.ID, Subject: cardinal.SystemID, Refused: true,
			}, event{Action: "profile.update", Actor: u.ID, Subject: u.ID, Refused: true})
		})
		t.Run("SignOutAllowed", func(t *testing.T) {
			other := w.SignIn(t, email, goodPassword)
			noError(t, w.DeskOfToken(t, other.Token).SignOut(ctx))
			if w.SessionActive(t, other) {
				t.Error("the session is still active")
			}
		})
		t.Run("ChangeRaisesAssurance", func(t *testing.T) {
			w.ResetEvents(t)
			s := value(desk.ChangePassword(ctx, cardinal.PasswordChange{Current: goodPassword, New: otherPassword}))(t)
			if s.MustChange || s.Version != 3 {
				t.Errorf("state %+v", s)
			}
			w.ExpectEvents(t, event{
				Action: "password.change", Actor: u.ID, Subject: u.ID,
				Changes: []string{"credentials.hash"},
				Rows:    []string{"credentials", "sessions"},
			})
			value(w.DeskOfToken(t, in.Token).CreateUser(ctx, cardinal.NewUser{}))(t)
			value(signin.CheckSession(ctx, w.Directory, in.Token.Reveal()))(t)
			if again := w.SignIn(t, email, otherPassword); again.MustChangePassword || again.Session.Assurance != 1 {
				t.Errorf("signed in as %+v", again)
			}
		})
	})
}

func TestChangePassword(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		t.Run("EndsOtherSessions", func(t *testing.T) {
			u, email := w.NewPerson(t)
			mine, other := w.SignIn(t, email, goodPassword), w.SignIn(t, email, goodPassword)
			w.ResetEvents(t)
			value(w.DeskOfToken(t, mine.Token).ChangePassword(ctx, cardinal.PasswordChange{
				Current: goodPassword, New: otherPassword,
			}))(t)
			w.ExpectEvents(t, event{
				Action: "password.change", Actor: u.ID, Subject: u.ID,
				Changes: []string{"credentials.hash", "sessions.ended >1"},
				Rows:    []string{"credentials", "sessions"},
			})
			if !w.SessionActive(t, mine) || w.SessionActive(t, other) {
				t.Errorf("own session active %t, other session active %t",
					w.SessionActive(t, mine), w.SessionActive(t, other))
			}
			w.SignIn(t, email, otherPassword)
		})
		t.Run("WrongCurrentPasswordThrottled", func(t *testing.T) {
			u, email := w.NewPerson(t)
			desk := w.DeskOfToken(t, w.SignIn(t, email, goodPassword).Token)
			w.ResetEvents(t)
			var want []event
			for range 5 {
				_, err := desk.ChangePassword(ctx, cardinal.PasswordChange{Current: wrongPassword, New: otherPassword})
				expectRefusal(t, err, "/current_password password_wrong")
				want = append(want, event{Action: "password.change", Actor: u.ID, Subject: u.ID, Refused: true})
			}
			w.ExpectEvents(t, want...)
			for _, secret := range []cardinal.Secret{goodPassword, wrongPassword} {
				_, err := desk.ChangePassword(ctx, cardinal.PasswordChange{Current: secret, New: otherPassword})
				expectRefusal(t, err, "too_many_attempts")
			}
			w.ExpectEvents(t)
			// Failures at the sign-in are counted apart: anonymous callers do not keep the user from changing it.
			w.Clock.Add(time.Second)
			value(desk.ChangePassword(ctx, cardinal.PasswordChange{Current: goodPassword, New: otherPassword}))(t)
			for range 5 {
				_, err := signin.WithPassword(ctx, w.Anonymous(""), cardinal.SignIn{
					Identifier: email, Password: wrongPassword,
				})
				expectRefusal(t, err, "invalid_credentials")
			}
			value(desk.ChangePassword(ctx, cardinal.PasswordChange{Current: otherPassword, New: goodPassword}))(t)
		})
		t.Run("WeakOrMissingPassword", func(t *testing.T) {
			u := value(w.Operator().CreateUser(ctx, cardinal.NewUser{Email: newEmail()}))(t)
			_, err := w.DeskOf(u).ChangePassword(ctx, cardinal.PasswordChange{Current: goodPassword, New: "short"})
			expectRefusal(t, err, "/new_password password_too_short")
			_, err = w.DeskOf(u).ChangePassword(ctx, cardinal.PasswordChange{Current: "", New: goodPassword})
			expectRefusal(t, err, "/current_password password_wrong")
		})
	})
}

// TestChangePasswordConcurrentChanges: what was right when the verification of the current password began can be wrong
// at its end.
func TestChangePasswordConcurrentChanges(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		u, email := w.NewPerson(t)
		in := w.SignIn(t, email, goodPassword)
		change := func(ctx context.Context, current cardinal.Secret) error {
			in := cardinal.PasswordChange{Current: current, New: otherPassword}
			return errorOf(w.DeskOf(u).ChangePassword(ctx, in))
		}
		// once returns a context that calls a function while the password is verified, but only the first time.
		once := func(ctx context.Context, call func()) context.Context {
			var first sync.Once
			return directorytest.BeforeHash(ctx, func() { first.Do(call) })
		}
		t.Run("PasswordSet", func(t *testing.T) {
			ctx := once(t.Context(), func() {
				set := cardinal.PasswordSet{New: goodPassword}
				value(w.Operator().SetPassword(t.Context(), u.ID, 1, set))(t)
			})
			expectRefusal(t, change(ctx, goodPassword), "stale 2")
		})
		if w.SessionActive(t, in) {
			t.Error("the session is active after the password was set")
		}
	})
}

// TestOwnWordsAreNoPassword: a password is compared with the names and addresses of the user whose it will be.
func TestOwnWordsAreNoPassword(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		u := value(w.Operator().CreateUser(ctx, cardinal.NewUser{
			Email: "wilhelmina@giraffes.example", EmailVerified: true, DisplayName: "Wilhelmina Zweig",
			Password: goodPassword,
		}))(t)
		const own = "wilhelmina-zweig!"
		_, err := w.Operator().SetPassword(ctx, u.ID, 1, cardinal.PasswordSet{New: own})
		expectRefusal(t, err, "/new_password password_too_common")
		_, err = w.DeskOf(u).ChangePassword(ctx, cardinal.PasswordChange{Current: goodPassword, New: own})
		expectRefusal(t, err, "/new_password password_too_common")
		_, err = w.Operator().CreateUser(ctx, cardinal.NewUser{
			Email: "other@example.com", DisplayName: "Wilhelmina Zweig", Password: own,
		})
		expectRefusal(t, err, "/password password_too_common")
		other, _ := w.NewPerson(t)
		value(w.Operator().SetPassword(ctx, other.ID, 1, cardinal.PasswordSet{New: own}))(t)
	})
}
