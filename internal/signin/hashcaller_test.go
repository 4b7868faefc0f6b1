package signin_test

import (
	"context"
	"runtime"
	"testing"
	"time"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/directory/directorytest"
	"cardinal/internal/normal"
	"cardinal/internal/password"
	"cardinal/internal/seal"
	"cardinal/internal/signin"
)

// TestHashCaller: each hash is asked for in the name of its account and of the address of the request, so that the
// queue can share its turns. The queue has two places, which the same caller takes: only then the next is refused.
func TestHashCaller(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		const address, prefix = "2001:db8:1:2::3", "2001:db8:1::/48"
		w.SetSetting(t, "sign_up.mode", "open")
		email := newEmail()
		user := value(w.Operator().CreateUser(ctx, cardinal.NewUser{
			Email: email, EmailVerified: true, Username: "mallory", ChosenByUser: true, Password: goodPassword,
		}))(t)
		admin, _ := w.NewPerson(t, "administrator")

		slow := password.New(password.Params{MemoryKiB: 128 << 10, Iterations: 10, Parallelism: 1},
			password.Limits{Concurrent: 1, Queue: 2, Wait: time.Minute})
		d := value(directory.Open(ctx, w.Store, directory.Options{
			LoadKeys: func() (*seal.Keyring, error) { return seal.LoadKeyring(w.Keys, "") },
			Hasher:   slow,
		}))(t)
		go func() { _, _ = slow.Hash(context.WithoutCancel(ctx), password.Caller{}, goodPassword) }() // for seconds
		as := func(u cardinal.User) directory.Desk {
			return d.As(cardinal.Actor{UserID: u.ID, Assurance: 1, ClientFrom: cardinal.Client{Address: address}})
		}
		anonymous := directorytest.Anonymous(d, address)
		signIn := func(identifier string) func() error {
			return func() error {
				in := cardinal.SignIn{Identifier: identifier, Password: goodPassword}
				return errorOf(signin.WithPassword(ctx, anonymous, in))
			}
		}
		kind, name, _ := normal.Identifier("unknown@example.com")
		for _, c := range []struct {
			what, account string
			call          func() error
		}{
			{"sign-in by address", user.ID.String(), signIn(email)},
			{"sign-in by user name", user.ID.String(), signIn("mallory")},
			{"sign-in with an unknown address", string(d.Keys().BlindIndex(kind, name)), signIn("unknown@example.com")},
			{"sign-up", cardinal.AnonymousID.String(), func() error {
				in := cardinal.SignUp{Email: newEmail(), Password: goodPassword}
				return errorOf(signin.SignUp(ctx, anonymous, in))
			}},
			{"change of the own password", user.ID.String(), func() error {
				in := cardinal.PasswordChange{Current: goodPassword, New: "nine lanterns by the river"}
				return errorOf(signin.ChangePassword(ctx, as(user), in))
			}},
			{"password set by an administrator", admin.ID.String(), func() error {
				return errorOf(as(admin).SetPassword(ctx, user.ID, 1,
					cardinal.PasswordSet{ChosenByUser: true, New: goodPassword}))
			}},
			{"new user of an administrator", admin.ID.String(), func() error {
				return errorOf(as(admin).CreateUser(ctx,
					cardinal.NewUser{Email: newEmail(), ChosenByUser: true, Password: goodPassword}))
			}},
		} {
			waiting, cancel := context.WithCancel(ctx)
			ended := make(chan error, 2)
			for range 2 {
				go func() {
					_, err := slow.Hash(waiting, password.Caller{Prefix: prefix, Account: c.account}, goodPassword)
					ended <- err
				}()
			}
			for running, waiting, _ := slow.Stats(); running == 0 || waiting < 2; running, waiting, _ = slow.Stats() {
				runtime.Gosched()
			}
			result := make(chan error, 1)
			go func() { result <- c.call() }()
			select {
			case err := <-result:
				expectRefusal(t, err, "busy")
			case err := <-ended:
				t.Errorf("%s: takes the place of its own account (%v)", c.what, err)
			case <-time.After(time.Minute):
				t.Fatalf("%s: waits", c.what)
			}
			cancel()
			for _, waiting, _ := slow.Stats(); waiting > 0; _, waiting, _ = slow.Stats() {
				runtime.Gosched()
			}
		}
	})
}
