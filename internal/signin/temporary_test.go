package signin_test

import (
	"context"
	"testing"
	"time"

	"cardinal"
	"cardinal/internal/directory/directorytest"
	"cardinal/internal/signin"
	"cardinal/internal/store"
)

// TestTemporaryPassword: a password that another user set works once, and expires. Its session can only change the
// password, and ends with it at the latest.
func TestTemporaryPassword(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.SetSetting(t, "passwords.temporary_lifetime_seconds", 600)
		signIn := func(email string, secret cardinal.Secret) (cardinal.SignedIn, error) {
			in := cardinal.SignIn{Identifier: email, Password: secret}
			return signin.WithPassword(ctx, w.Anonymous("192.0.2.9"), in)
		}
		// newUser returns a user whose password another user set just now.
		newUser := func(t *testing.T) (u cardinal.User, email string, setAt time.Time) {
			u, email = w.NewPerson(t)
			state := value(w.Operator().SetPassword(ctx, u.ID, 1, cardinal.PasswordSet{New: otherPassword}))(t)
			return u, email, *state.LastReset
		}
		t.Run("WorksOnce", func(t *testing.T) {
			u, email, setAt := newUser(t)
			in := value(signIn(email, otherPassword))(t)
			if !in.MustChangePassword || !in.PasswordSetByOther || in.Session.Assurance != 0 {
				t.Errorf("signed in as %+v", in)
			}
			if want := setAt.Add(10 * time.Minute); !in.Session.ExpiresAt.Equal(want) {
				t.Errorf("the session expires at %s, want %s", in.Session.ExpiresAt, want)
			}
			expectRefusal(t, errorOf(signIn(email, otherPassword)), "invalid_credentials")
			if !w.SessionActive(t, in) {
				t.Error("the session has ended")
			}
			// The password of the user's own choice works as often as they want.
			own := cardinal.PasswordChange{Current: otherPassword, New: goodPassword}
			value(signin.ChangePassword(ctx, w.DeskOfToken(t, in.Token), own))(t)
			for range 2 {
				if in := value(signIn(email, goodPassword))(t); in.MustChangePassword || in.PasswordSetByOther {
					t.Errorf("signed in as %+v", in)
				}
			}
			value(w.Operator().SetPassword(ctx, u.ID, 3, cardinal.PasswordSet{New: otherPassword}))(t)
			value(signIn(email, otherPassword))(t)
			relayed := cardinal.PasswordSet{New: otherPassword, ChosenByUser: true}
			value(w.Operator().SetPassword(ctx, u.ID, 4, relayed))(t)
			for range 2 {
				value(signIn(email, otherPassword))(t)
			}
		})
		t.Run("Expires", func(t *testing.T) {
			_, first, _ := newUser(t)
			_, second, _ := newUser(t)
			w.Clock.Add(9 * time.Minute)
			value(signIn(first, otherPassword))(t)
			w.Clock.Add(time.Minute)
			expectRefusal(t, errorOf(signIn(second, otherPassword)), "invalid_credentials")
		})
		t.Run("EndsWithAnyChange", func(t *testing.T) {
			u, email, _ := newUser(t)
			value(signIn(email, otherPassword))(t)
			w.Clock.Add(time.Second)
			// The previous version changes the credential only.
			err := w.Store.Write(ctx, func(tx store.Tx) error {
				c, err := tx.LockCredential(ctx, u.ID)
				if err != nil {
					return err
				}
				c.LastReset, c.MustChange = w.Clock.Now(), false
				return errorOf(tx.UpdateCredential(ctx, c, w.Clock.Now()))
			})
			noError(t, err)
			for range 2 {
				value(signIn(email, otherPassword))(t)
			}
		})
	})
}

// TestConcurrentTemporaryPassword: of two sign-ins at the same time only one succeeds.
func TestConcurrentTemporaryPassword(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		u, email := w.NewPerson(t)
		value(w.Operator().SetPassword(t.Context(), u.ID, 1, cardinal.PasswordSet{New: otherPassword}))(t)
		signIn := func(ctx context.Context) error {
			in := cardinal.SignIn{Identifier: email, Password: otherPassword}
			return errorOf(signin.WithPassword(ctx, w.Anonymous("192.0.2.9"), in))
		}
		ctx := once(t.Context(), func() { noError(t, signIn(t.Context())) })
		expectRefusal(t, signIn(ctx), "invalid_credentials")
	})
}
