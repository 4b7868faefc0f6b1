package signin_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/directory/directorytest"
	"cardinal/internal/password"
	"cardinal/internal/seal"
	"cardinal/internal/signin"
)

// guesser tries passwords.
type guesser struct {
	*world
	t *testing.T
}

// try tries a password at a node, from an address, with a device token or "".
func (g guesser) try(
	d *directory.Directory, address, identifier string, secret, device cardinal.Secret,
) (cardinal.SignedIn, error) {
	in := cardinal.SignIn{Identifier: identifier, Password: secret, Device: device}
	return signin.WithPassword(g.t.Context(), directorytest.Anonymous(d, address), in)
}

// guess tries a password from an unknown device. It returns the code of the answer, with the seconds of Retry-After.
func (g guesser) guess(identifier string, secret cardinal.Secret) string {
	_, err := g.try(g.Directory, "", identifier, secret, "")
	return answer(err)
}

// answer is the code of a refusal, with the time after which it can be tried again.
func answer(err error) string {
	var refusal *cardinal.Refusal
	if errors.As(err, &refusal) && refusal.RetryAfter > 0 {
		return fmt.Sprint(refusal.Code, " ", refusal.RetryAfter.Round(time.Second)) // the clock runs
	}
	return directorytest.ErrorCode(err)
}

// stop makes so many wrong guesses that unknown devices are refused until a reset.
func (g guesser) stop(identifier string) {
	g.t.Helper()
	for n := range 100 {
		if got := g.guess(identifier, wrongPassword); got != "invalid_credentials" {
			g.t.Fatalf("guess %d: %s", n, got)
		}
		if n >= 4 {
			g.Clock.Add(time.Hour)
		}
	}
	g.expect(identifier, "sign_in_stopped")
}

// expect checks the answer to the right password from an unknown device.
func (g guesser) expect(identifier, want string) {
	g.t.Helper()
	if got := g.guess(identifier, goodPassword); got != want {
		g.t.Errorf("the answer to the right password is %q, want %q", got, want)
	}
}

func eachGuesser(t *testing.T, test func(t *testing.T, g guesser)) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		w.Clock.Stop()
		test(t, guesser{w, t})
	})
}

// TestWaitDoubles: after five failures in a row each attempt waits twice as long, up to an hour, and after 100 they
// stop. An identifier that no user has gets the same answers.
func TestWaitDoubles(t *testing.T) {
	eachGuesser(t, func(t *testing.T, g guesser) {
		_, known := g.NewPerson(t)
		const unknown = "unknown@example.com"
		// both makes the same wrong guess for both identifiers.
		both := func(want string) {
			t.Helper()
			for _, identifier := range []string{known, unknown} {
				if got := g.guess(identifier, wrongPassword); got != want {
					t.Fatalf("%s: %s, want %s", identifier, got, want)
				}
			}
		}
		for range 5 {
			both("invalid_credentials")
		}
		wait := time.Second
		for n := 6; n <= 100; n++ {
			both("too_many_attempts " + wait.String())
			g.expect(known, "too_many_attempts "+wait.String())
			g.Clock.Add(wait)
			both("invalid_credentials")
			wait = min(2*wait, time.Hour)
		}
		both("sign_in_stopped")
		g.Clock.Add(10 * 365 * 24 * time.Hour)
		g.RunJob(t, "throttles.purge")
		both("sign_in_stopped")
	})
}

// TestThrottleOfAccount: the count belongs to the account, over all its identifiers, addresses and nodes.
func TestThrottleOfAccount(t *testing.T) {
	eachGuesser(t, func(t *testing.T, g guesser) {
		u, email := g.NewPerson(t)
		second := newEmail()
		value(g.Operator().AddContact(t.Context(), u.ID, cardinal.NewContact{
			Kind: "email", Value: second, Verified: true,
		}))(t)
		other := g.OpenNode(t, directorytest.CheapHash)
		for i := range 5 {
			identifier, node := email, g.Directory
			if i%2 == 0 {
				identifier, node = second, other
			}
			_, err := g.try(node, fmt.Sprintf("203.0.113.%d", i), " "+strings.ToUpper(identifier), wrongPassword, "")
			expectRefusal(t, err, "invalid_credentials")
		}
		for _, identifier := range []string{email, second} {
			for _, node := range []*directory.Directory{g.Directory, other} {
				_, err := g.try(node, "203.0.113.99", identifier, goodPassword, "")
				if got := answer(err); got != "too_many_attempts 1s" {
					t.Errorf("the answer is %q", got)
				}
			}
		}
		// A right password begins again.
		g.Clock.Add(time.Second)
		g.expect(second, "")
		for range 4 {
			g.guess(email, wrongPassword)
		}
		g.expect(email, "")
	})
}

// TestFailuresInFlight: attempts are counted before their answer is computed, on all nodes. While five are under way,
// another one gets no answer, and those that wait for them get none either when all five were wrong.
func TestFailuresInFlight(t *testing.T) {
	eachGuesser(t, func(t *testing.T, g guesser) {
		_, email := g.NewPerson(t)
		nodes := []*directory.Directory{
			g.OpenNode(t, directorytest.CheapHash), g.OpenNode(t, directorytest.CheapHash),
		}
		release, hashing := make(chan struct{}), make(chan struct{}, 40)
		ctx := directorytest.BeforeHash(t.Context(), func() { hashing <- struct{}{}; <-release })
		answers := make(chan string, 40)
		var running sync.WaitGroup
		start := func(node *directory.Directory) {
			running.Go(func() {
				in := cardinal.SignIn{Identifier: email, Password: wrongPassword}
				_, err := signin.WithPassword(ctx, directorytest.Anonymous(node, ""), in)
				answers <- answer(err)
			})
		}
		for i := range 5 {
			start(nodes[i%2])
			<-hashing
		}
		// A node without attempts of its own refuses at once.
		g.expect(email, "too_many_attempts 1s")
		for i := range 27 {
			start(nodes[i%2])
		}
		close(release)
		running.Wait()
		counts := map[string]int{}
		for range 32 {
			counts[<-answers]++
		}
		if counts["invalid_credentials"] != 5 || counts["too_many_attempts 1s"] != 27 {
			t.Errorf("the answers are %v, want 5 invalid_credentials and 27 too_many_attempts", counts)
		}
		g.expect(email, "too_many_attempts 1s")
	})
}

// TestRightPasswordsInFlight: a user can sign in many times at once.
func TestRightPasswordsInFlight(t *testing.T) {
	eachGuesser(t, func(t *testing.T, g guesser) {
		_, email := g.NewPerson(t)
		var calls []func(context.Context) error
		for range 20 {
			calls = append(calls, func(context.Context) error {
				return errorOf(g.try(g.Directory, "203.0.113.5", email, goodPassword, ""))
			})
		}
		for _, err := range directorytest.Concurrently(calls...) {
			if err != nil {
				t.Errorf("refused: %v", err)
			}
		}
	})
}

// TestUnsettledAttempts: an attempt that is not settled counts as failed; one for which there was no room does not.
func TestUnsettledAttempts(t *testing.T) {
	eachGuesser(t, func(t *testing.T, g guesser) {
		_, email := g.NewPerson(t)
		for range 5 {
			ctx, hangUp := context.WithCancel(t.Context())
			in := cardinal.SignIn{Identifier: email, Password: wrongPassword}
			_, err := signin.WithPassword(directorytest.BeforeHash(ctx, hangUp), g.Anonymous(""), in)
			if !errors.Is(err, context.Canceled) {
				t.Fatalf("the error is %v", err)
			}
		}
		g.expect(email, "too_many_attempts 1s")

		_, email = g.NewPerson(t)
		slow := password.Params{MemoryKiB: 8 << 10, Iterations: 8, Parallelism: 1}
		for range 6 {
			hasher := password.New(slow, password.Limits{Concurrent: 1})
			d := value(directory.Open(t.Context(), g.Store, directory.Options{
				LoadKeys: func() (*seal.Keyring, error) { return seal.LoadKeyring(g.Keys, "") },
				Hasher:   hasher, Clock: g.Clock.Now,
			}))(t)
			var hashing sync.WaitGroup
			// The queue fills after the attempt was counted, and before it asks for a place.
			ctx := once(t.Context(), func() {
				hashing.Go(func() {
					_, _ = hasher.Hash(context.WithoutCancel(t.Context()), password.Caller{}, goodPassword)
				})
				for running := 0; running == 0; running, _, _ = hasher.Stats() {
					runtime.Gosched()
				}
			})
			in := cardinal.SignIn{Identifier: email, Password: wrongPassword}
			_, err := signin.WithPassword(ctx, directorytest.Anonymous(d, ""), in)
			expectRefusal(t, err, "busy")
			hashing.Wait()
		}
		g.expect(email, "")
	})
}

// TestResetsOfThrottle: what ends the count of an account that is stopped.
func TestResetsOfThrottle(t *testing.T) {
	eachGuesser(t, func(t *testing.T, g guesser) {
		ctx := t.Context()
		u, email := g.NewPerson(t)
		device := value(g.try(g.Directory, "", email, goodPassword, ""))(t).Device
		g.stop(email)
		value(g.try(g.Directory, "", email, goodPassword, device))(t)
		g.expect(email, "")

		g.stop(email)
		noError(t, g.Operator().UnlockUser(ctx, u.ID))
		g.expect(email, "")

		g.stop(email)
		value(g.Operator().SetPassword(ctx, u.ID, 1, cardinal.PasswordSet{ChosenByUser: true, New: goodPassword}))(t)
		g.expect(email, "")

		g.stop(email)
		in := cardinal.PasswordChange{Current: goodPassword, New: directorytest.OtherPassword}
		value(signin.ChangePassword(ctx, g.DeskOf(u), in))(t)
		if got := g.guess(email, directorytest.OtherPassword); got != "" {
			t.Errorf("after a change of the password: %s", got)
		}
	})
}

// TestKnownDevice: a device that signed in before has ten tries of its own, for its account and its password only.
func TestKnownDevice(t *testing.T) {
	eachGuesser(t, func(t *testing.T, g guesser) {
		ctx := t.Context()
		u, email := g.NewPerson(t)
		device := value(g.try(g.Directory, "203.0.113.1", email, goodPassword, ""))(t).Device
		wrong := func(device cardinal.Secret, want string) {
			t.Helper()
			_, err := g.try(g.Directory, "203.0.113.1", email, wrongPassword, device)
			if got := answer(err); got != want {
				t.Fatalf("the answer is %q, want %q", got, want)
			}
		}
		g.stop(email)
		for range 9 {
			wrong(device, "invalid_credentials")
		}
		// A right password begins again, and the token stays the same.
		if again := value(g.try(g.Directory, "203.0.113.1", email, goodPassword, device))(t).Device; again != device {
			t.Error("the device has another token after a sign-in")
		}
		g.stop(email)
		for range 10 {
			wrong(device, "invalid_credentials")
		}
		wrong(device, "sign_in_stopped")

		noError(t, g.Operator().UnlockUser(ctx, u.ID))
		device = value(g.try(g.Directory, "203.0.113.1", email, goodPassword, device))(t).Device
		_, otherEmail := g.NewPerson(t)
		otherDevice := value(g.try(g.Directory, "203.0.113.1", otherEmail, goodPassword, ""))(t).Device
		g.stop(email)
		for _, token := range []cardinal.Secret{
			"", "cd_", "cd_AAAA", otherDevice, cardinal.Secret(directorytest.WithOtherSecret(device)),
			device + "A", "cs_" + device[3:],
		} {
			wrong(token, "sign_in_stopped")
		}
		wrong(device, "invalid_credentials")

		value(g.Operator().SetPassword(ctx, u.ID, 1, cardinal.PasswordSet{ChosenByUser: true, New: goodPassword}))(t)
		g.stop(email)
		wrong(device, "sign_in_stopped")
	})
}

// TestThrottleOfAddress: failures count per IPv4 address, and per /64, /56 and /48 of IPv6, twice and four times as
// many.
func TestThrottleOfAddress(t *testing.T) {
	eachGuesser(t, func(t *testing.T, g guesser) {
		g.SetSetting(t, "sign_in.failures_per_address", 10)
		_, email := g.NewPerson(t)
		number := 0
		guess := func(address string) string {
			number++
			_, err := g.try(g.Directory, address, fmt.Sprintf("guess%d@example.com", number), wrongPassword, "")
			return answer(err)
		}
		// guesses makes n guesses from addresses, with their number in place of N.
		guesses := func(n int, format string) {
			t.Helper()
			for i := range n {
				if got := guess(strings.Replace(format, "N", fmt.Sprintf("%02d", i), 1)); got != "invalid_credentials" {
					t.Fatalf("guess %d from %s: %s", i, format, got)
				}
			}
		}
		refused := func(address string) {
			t.Helper()
			_, err := g.try(g.Directory, address, email, goodPassword, "")
			if got := answer(err); got != "too_many_attempts 15m0s" {
				t.Errorf("the answer to %s is %q", address, got)
			}
		}
		allowed := func(address string) {
			t.Helper()
			if _, err := g.try(g.Directory, address, email, goodPassword, ""); err != nil {
				t.Errorf("the answer to %s is %v", address, err)
			}
		}
		guesses(10, "2001:db8:0:1::N")
		refused("2001:db8:0:1:ffff::1")
		allowed("2001:db8:0:2::1")
		guesses(10, "2001:db8:0:2:N::1") // the /56 has 20 now
		refused("2001:db8:0:ff::1")
		allowed("2001:db8:0:100::1")
		guesses(20, "2001:db8:0:1N::1") // the /48 has 40 now
		refused("2001:db8:0:ffff::1")
		allowed("2001:db8:1::1")

		for range 3 {
			guesses(9, "198.51.100.7")
			allowed("198.51.100.7")
			g.Clock.Add(directorytest.ThrottleWindow)
		}
		guesses(10, "203.0.113.200")
		refused("::ffff:203.0.113.200")
		allowed("203.0.113.201")
		// A known device is not refused because of its neighbours.
		device := value(g.try(g.Directory, "203.0.113.201", email, goodPassword, ""))(t).Device
		value(g.try(g.Directory, "203.0.113.200", email, goodPassword, device))(t)
		g.Clock.Add(directorytest.ThrottleWindow)
		allowed("203.0.113.200")
	})
}

// TestAddressOfRightPasswords: right passwords do not count, not even while they are under way.
func TestAddressOfRightPasswords(t *testing.T) {
	eachGuesser(t, func(t *testing.T, g guesser) {
		g.SetSetting(t, "sign_in.failures_per_address", 10)
		_, email := g.NewPerson(t)
		for range 30 {
			value(g.try(g.Directory, "203.0.113.9", email, goodPassword, ""))(t)
		}
	})
}
