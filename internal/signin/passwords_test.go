package signin_test

import (
	"context"
	"testing"
	"time"

	"cardinal"
	"cardinal/internal/directory/directorytest"
	"cardinal/internal/password"
	"cardinal/internal/signin"
)

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
		t.Run("SamePasswordRefused", func(t *testing.T) {
			in := cardinal.PasswordChange{Current: goodPassword, New: goodPassword}
			expectRefusal(t, errorOf(signin.ChangePassword(ctx, desk, in)), "/new_password password_unchanged")
		})
		t.Run("ChangeOpensNewSession", func(t *testing.T) {
			w.ResetEvents(t)
			change := cardinal.PasswordChange{Current: goodPassword, New: otherPassword}
			s := value(signin.ChangePassword(ctx, desk, change))(t)
			if s.MustChange || s.Version != 3 || s.SignedIn == nil || s.SignedIn.Session.Assurance != 1 {
				t.Fatalf("state %+v", s)
			}
			w.ExpectEvents(t, event{
				Action: "password.change", Actor: u.ID, Subject: u.ID,
				Changes: []string{"credentials.hash", "sessions.ended >1", "sessions.method >password"},
				Rows:    []string{"credentials", "sessions", "sessions"},
			})
			if w.SessionActive(t, in) {
				t.Error("the session that was opened with the old password is active")
			}
			value(w.DeskOfToken(t, s.SignedIn.Token).CreateUser(ctx, cardinal.NewUser{}))(t)
			value(signin.CheckSession(ctx, w.Directory, s.SignedIn.Token.Reveal()))(t)
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
			changed := value(signin.ChangePassword(ctx, w.DeskOfToken(t, mine.Token), cardinal.PasswordChange{
				Current: goodPassword, New: otherPassword,
			}))(t)
			if changed.SignedIn != nil || changed.Version != 2 {
				t.Errorf("state %+v", changed)
			}
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
			change := func(from, to cardinal.Secret) error {
				return errorOf(signin.ChangePassword(ctx, desk, cardinal.PasswordChange{Current: from, New: to}))
			}
			w.ResetEvents(t)
			var want []event
			for range 5 {
				expectRefusal(t, change(wrongPassword, otherPassword), "/current_password password_wrong")
				want = append(want, event{Action: "password.change", Actor: u.ID, Subject: u.ID, Refused: true})
			}
			w.ExpectEvents(t, want...)
			expectRefusal(t, change(goodPassword, otherPassword), "too_many_attempts")
			expectRefusal(t, change(wrongPassword, otherPassword), "too_many_attempts")
			w.ExpectEvents(t)
			// Failures at the sign-in are counted apart: anonymous callers do not keep the user from changing it.
			w.Clock.Add(time.Second)
			noError(t, change(goodPassword, otherPassword))
			for range 5 {
				_, err := signin.WithPassword(ctx, w.Anonymous(""), cardinal.SignIn{
					Identifier: email, Password: wrongPassword,
				})
				expectRefusal(t, err, "invalid_credentials")
			}
			noError(t, change(otherPassword, goodPassword))
		})
		t.Run("WeakOrMissingPassword", func(t *testing.T) {
			u := value(w.Operator().CreateUser(ctx, cardinal.NewUser{Email: newEmail()}))(t)
			in := cardinal.PasswordChange{Current: goodPassword, New: "short"}
			expectRefusal(t, errorOf(signin.ChangePassword(ctx, w.DeskOf(u), in)), "/new_password password_too_short")
			_, err := signin.ChangePassword(ctx, w.DeskOf(u), cardinal.PasswordChange{Current: "", New: goodPassword})
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
			return errorOf(signin.ChangePassword(ctx, w.DeskOf(u), in))
		}
		t.Run("PasswordSet", func(t *testing.T) {
			ctx := once(t.Context(), func() {
				set := cardinal.PasswordSet{ChosenByUser: true, New: "nine orange unicycles"}
				value(w.Operator().SetPassword(t.Context(), u.ID, 1, set))(t)
			})
			expectRefusal(t, change(ctx, goodPassword), "/current_password password_wrong")
		})
		if w.SessionActive(t, in) {
			t.Error("the session is active after the password was set")
		}
		t.Run("HashReplaced", func(t *testing.T) {
			u, email := w.NewPerson(t)
			params := password.Params{MemoryKiB: 128, Iterations: 1, Parallelism: 1}
			stronger := directorytest.Anonymous(w.OpenNode(t, params), "")
			ctx := once(t.Context(), func() {
				in := cardinal.SignIn{Identifier: email, Password: goodPassword}
				value(signin.WithPassword(t.Context(), stronger, in))(t)
			})
			in := cardinal.PasswordChange{Current: goodPassword, New: otherPassword}
			value(signin.ChangePassword(ctx, w.DeskOf(u), in))(t)
		})
	})
}

// TestSetOwnPassword: users who set a password change their own one only with the current one, whatever their
// permissions are.
func TestSetOwnPassword(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		u, email := w.NewPerson(t, "administrator")
		k := w.DeskOfToken(t, w.SignIn(t, email, goodPassword).Token)
		set := func(version int64, in cardinal.PasswordSet) error {
			return errorOf(signin.SetPassword(ctx, k, u.ID, version, in))
		}
		expectRefusal(t, set(1, cardinal.PasswordSet{New: otherPassword}), "/current_password password_wrong")
		expectRefusal(t, set(1, cardinal.PasswordSet{MustChange: true}), "own_password")
		expectRefusal(t, set(1, cardinal.PasswordSet{New: otherPassword, ChosenByUser: true}), "own_password")
		expectRefusal(t, set(2, cardinal.PasswordSet{New: otherPassword, Current: goodPassword}), "stale 1")
		expectRefusal(t, errorOf(k.SetPassword(ctx, u.ID, 1, cardinal.PasswordSet{New: otherPassword})), "own_password")
		noError(t, set(1, cardinal.PasswordSet{New: otherPassword, Current: goodPassword}))
		w.SignIn(t, email, otherPassword)

		other, _ := w.NewPerson(t)
		in := cardinal.PasswordSet{New: otherPassword, Current: otherPassword}
		expectRefusal(t, errorOf(signin.SetPassword(ctx, k, other.ID, 1, in)), "/current_password password_not_needed")
		value(signin.SetPassword(ctx, k, other.ID, 1, cardinal.PasswordSet{New: otherPassword}))(t)
	})
}
