package directory_test

import (
	"context"
	"runtime"
	"sync"
	"testing"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/password"
	"cardinal/internal/seal"
	"cardinal/internal/signin"
)

// TestAdmit: what is asked together with the session answers for reading by that permission, and for nothing else.
func TestAdmit(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		_, email := w.person(t, w.holding(t, "users.read"))
		in := w.signIn(t, email, goodPassword)
		admit := func(permission string) (directory.Desk, error) {
			return signin.AuthenticateReader(ctx, w.Directory, in.Token.Reveal(), permission, uuid.NullUUID{}, cardinal.Client{Address: "192.0.2.9"})
		}
		users := func(k directory.Desk) error {
			_, err := k.Users(context.WithoutCancel(ctx), cardinal.UserFilter{Page: cardinal.Page{Limit: 5}}, false)
			return err
		}
		for _, permission := range []string{"", "users.read", "audit.read", "no.such"} {
			k := must(admit(permission))(t)
			if got, want := k.Actor(), w.session(t, in).Actor(); got.UserID != want.UserID || got.SessionID != want.SessionID || got.Assurance != want.Assurance {
				t.Errorf("%q: %+v, but the session's is %+v", permission, got, want)
			}
			ok(t, users(k))
			_, err := k.Settings(ctx)
			refuses(t, err, "permission_missing")
			_, err = k.CreateUser(ctx, cardinal.NewUser{Email: anEmail()})
			refuses(t, err, "permission_missing")
		}
		_, stranger := w.person(t)
		other := w.signIn(t, stranger, goodPassword)
		refuses(t, users(must(signin.AuthenticateReader(ctx, w.Directory, other.Token.Reveal(), "users.read", uuid.NullUUID{}, cardinal.Client{}))(t)), "permission_missing")

		_, err := signin.AuthenticateReader(ctx, w.Directory, otherSecret(in.Token), "users.read", uuid.NullUUID{}, cardinal.Client{})
		refuses(t, err, "not_signed_in")
		ok(t, w.session(t, in).SignOut(ctx))
		_, err = admit("users.read")
		refuses(t, err, "not_signed_in")
	})
}

// TestAdmitBeforePasswordChange: who must change their password first reads nothing, whatever they hold.
func TestAdmitBeforePasswordChange(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		email := anEmail()
		u := must(w.operator().CreateUser(ctx, cardinal.NewUser{Email: email, EmailVerified: true, Password: goodPassword, MustChangePassword: true}))(t)
		w.grant(t, u, w.holding(t, "users.read"), nil)
		in := w.signIn(t, email, goodPassword)
		k := must(signin.AuthenticateReader(ctx, w.Directory, in.Token.Reveal(), "users.read", uuid.NullUUID{}, cardinal.Client{}))(t)
		_, err := k.Users(ctx, cardinal.UserFilter{Page: cardinal.Page{Limit: 5}}, false)
		refuses(t, err, "password_change_required")
	})
}

// TestSignInWithoutATurn: who finds no room in the queue of hashes is turned away before anything is asked of the database.
func TestSignInWithoutATurn(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		hasher := password.New(password.Params{MemoryKiB: 32 << 10, Iterations: 8, Parallelism: 1}, password.Limits{Concurrent: 1})
		d := must(directory.Open(t.Context(), w.Store, directory.Options{LoadKeys: func() (*seal.Keyring, error) { return seal.LoadKeyring(w.Keys, "") }, Hasher: hasher}))(t)
		var hashing sync.WaitGroup
		defer hashing.Wait()
		hashing.Go(func() { _, _ = hasher.Hash(context.WithoutCancel(t.Context()), goodPassword) })
		for running := 0; running == 0; running, _, _ = hasher.Stats() {
			runtime.Gosched()
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel() // whatever asks the database now fails
		_, err := signin.WithPassword(gone, d.As(cardinal.Stranger(uuid.NullUUID{}, cardinal.Client{})), cardinal.SignIn{Identifier: "ana@example.com", Password: goodPassword})
		refuses(t, err, "busy")
	})
}
