package signin_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	"cardinal"
	"cardinal/internal/directory/directorytest"
	"cardinal/internal/password"
	"cardinal/internal/signin"
)

// once returns a context that calls a function while a password is verified, but only the first time.
func once(ctx context.Context, call func()) context.Context {
	var first sync.Once
	return directorytest.BeforeHash(ctx, func() { first.Do(call) })
}

// TestConcurrentChanges: what was right when the verification of a password began can be wrong at its end.
func TestConcurrentChanges(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		u, email := w.NewPerson(t)
		signIn := func(ctx context.Context, secret cardinal.Secret) error {
			in := cardinal.SignIn{Identifier: email, Password: secret}
			return errorOf(signin.WithPassword(ctx, w.Anonymous(""), in))
		}
		t.Run("PasswordSet", func(t *testing.T) {
			in := w.SignIn(t, email, goodPassword)
			ctx := once(t.Context(), func() {
				set := cardinal.PasswordSet{ChosenByUser: true, New: directorytest.OtherPassword}
				value(w.Operator().SetPassword(t.Context(), u.ID, 1, set))(t)
			})
			expectRefusal(t, signIn(ctx, goodPassword), "invalid_credentials")
			if w.SessionActive(t, in) {
				t.Error("the session is active after the password was set")
			}
		})
	})
}

// TestConcurrentRehash: a hash with older parameters is replaced by the first of several sign-ins with the right
// password. The others are not refused, and a wrong password still is.
func TestConcurrentRehash(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		params := password.Params{MemoryKiB: 128, Iterations: 1, Parallelism: 1}
		stronger := directorytest.Anonymous(w.OpenNode(t, params), "")
		t.Run("SixAtOnce", func(t *testing.T) {
			for range 5 {
				u, email := w.NewPerson(t)
				in := cardinal.SignIn{Identifier: email, Password: goodPassword}
				signIn := func(ctx context.Context) error { return errorOf(signin.WithPassword(ctx, stronger, in)) }
				guess := func(ctx context.Context) error {
					wrong := cardinal.SignIn{Identifier: email, Password: wrongPassword}
					expectRefusal(t, errorOf(signin.WithPassword(ctx, stronger, wrong)), "invalid_credentials")
					return nil
				}
				errs := directorytest.Concurrently(signIn, signIn, signIn, signIn, signIn, signIn, guess)
				for _, err := range errs {
					noError(t, err)
				}
				if c := value(w.Store.Read(t.Context()).Credential(t.Context(), u.ID))(t); c.Version != 2 {
					t.Errorf("the hash was replaced %d times", c.Version-1)
				}
			}
		})
		t.Run("ReplacedWhileCompared", func(t *testing.T) {
			_, email := w.NewPerson(t)
			in := cardinal.SignIn{Identifier: email, Password: goodPassword}
			ctx := once(t.Context(), func() { value(signin.WithPassword(t.Context(), stronger, in))(t) })
			value(signin.WithPassword(ctx, w.Anonymous(""), in))(t)
		})
		t.Run("ReplacedEachTime", func(t *testing.T) {
			u, email := w.NewPerson(t)
			in := cardinal.SignIn{Identifier: email, Password: goodPassword}
			replaced := 0
			ctx := directorytest.BeforeHash(t.Context(), func() {
				current := value(w.Store.Read(t.Context()).Credential(t.Context(), u.ID))(t)
				set := cardinal.PasswordSet{ChosenByUser: true, New: goodPassword}
				value(w.Operator().SetPassword(t.Context(), u.ID, current.Version, set))(t)
				replaced++
			})
			expectRefusal(t, errorOf(signin.WithPassword(ctx, w.Anonymous(""), in)), "temporary_conflict")
			if replaced != 3 {
				t.Errorf("the password was compared with %d hashes", replaced)
			}
		})
	})
}

func TestWithPasswordRehashes(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		u, email := w.NewPerson(t)
		stronger := w.OpenNode(t, password.Params{MemoryKiB: 128, Iterations: 1, Parallelism: 1})
		in := cardinal.SignIn{Identifier: email, Password: goodPassword}
		w.ResetEvents(t)
		value(signin.WithPassword(ctx, directorytest.Anonymous(stronger, ""), in))(t)
		w.ExpectEvents(t, event{
			Action: "session.create", Actor: u.ID, Subject: u.ID,
			Changes: []string{"credentials.hash", "sessions.method >password"},
			Rows:    []string{"credentials", "sessions"},
		})
		c := value(w.Store.Read(ctx).Credential(ctx, u.ID))(t)
		if !strings.Contains(c.Hash, "m=128,") || c.Version != 2 {
			t.Errorf("stored as %+v", c)
		}
		value(signin.WithPassword(ctx, directorytest.Anonymous(stronger, ""), in))(t)
		w.ExpectEvents(t, event{
			Action: "session.create", Actor: u.ID, Subject: u.ID,
			Changes: []string{"sessions.method >password"},
			Rows:    []string{"sessions"},
		})
		// A hash under stronger parameters is not replaced.
		value(signin.WithPassword(ctx, w.Anonymous("192.0.2.1"), in))(t)
		if c := value(w.Store.Read(ctx).Credential(ctx, u.ID))(t); c.Version != 2 {
			t.Errorf("stored as %+v", c)
		}
	})
}
