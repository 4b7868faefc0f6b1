package password

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const (
	someSalt       = "c29tZXNhbHQ"
	someTag        = "nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
	someCryptSalt  = "saltsaltsalt"
	someBcryptTail = "$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"
)

func argon2Text(scheme, params string) string {
	return "$" + scheme + "$v=19$" + params + "$" + someSalt + "$" + someTag
}

// TestCostsOfImportedHashes: on both sides of each limit.
func TestCostsOfImportedHashes(t *testing.T) {
	const stored, wrapped, refused = "stored as it is", "wrapped", "refused"
	h := New(Default, DefaultLimits())
	tail := "$" + someSalt + "$" + someTag
	for text, want := range map[string]string{
		"$2b$04" + someBcryptTail: wrapped, "$2b$09" + someBcryptTail: wrapped, "$2y$10" + someBcryptTail: stored,
		"$2b$12" + someBcryptTail: stored, "$2b$13" + someBcryptTail: refused, "$2b$17" + someBcryptTail: refused,

		"$pbkdf2-sha256$1000" + tail: wrapped, "$pbkdf2-sha256$599999" + tail: wrapped,
		"$pbkdf2-sha256$600000" + tail: stored, "$pbkdf2-sha256$3000000" + tail: refused,
		"$pbkdf2-sha256$99999999999" + tail: refused,
		"$pbkdf2-sha512$209999" + tail:      wrapped, "$pbkdf2-sha512$210000" + tail: stored,
		"$pbkdf2$1299999" + tail: refused, // two blocks of SHA-1
		"$pbkdf2$1299999$" + someSalt + "$" + strings.Repeat("A", 27): wrapped,
		"$pbkdf2$1300000$" + someSalt + "$" + strings.Repeat("A", 27): stored,

		"$5$rounds=1000$" + someCryptSalt + "$" + strings.Repeat("a", 43):    wrapped,
		"$5$rounds=4999$" + someCryptSalt + "$" + strings.Repeat("a", 43):    wrapped,
		"$5$" + someCryptSalt + "$" + strings.Repeat("a", 43):                stored,
		"$6$rounds=5000000$" + someCryptSalt + "$" + strings.Repeat("a", 86): refused,

		"$scrypt$ln=13,r=8,p=1" + tail: wrapped, "$scrypt$ln=14,r=8,p=1" + tail: stored,
		"$scrypt$ln=17,r=8,p=1" + tail: stored, "$scrypt$ln=18,r=8,p=1" + tail: refused,
		"$scrypt$ln=17,r=8,p=2" + tail: refused,

		argon2Text("argon2id", "m=7167,t=9,p=1"): wrapped, argon2Text("argon2id", "m=7168,t=5,p=1"): stored,
		argon2Text("argon2i", "m=7168,t=4,p=1"): wrapped, argon2Text("argon2d", "m=65536,t=3,p=4"): stored,
		argon2Text("argon2id", "m=262144,t=1,p=1"): stored, argon2Text("argon2id", "m=262145,t=1,p=1"): refused,
		argon2Text("argon2id", "m=262144,t=2,p=1"): refused, argon2Text("argon2id", "m=2000000,t=1,p=1"): refused,
	} {
		got := stored
		given, err := ParseImported(text)
		if errors.Is(err, ErrTooExpensive) && errors.Is(err, ErrUnusable) {
			got = refused
		} else if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		} else if h.MustWrap(given) {
			got = wrapped
		}
		if got != want {
			t.Errorf("%s is %s, want %s", text, got, want)
		}
	}
}

// TestInUseHasNoSecrets: a sample can be verified like the hash, and has nothing of its salt, digest and keys.
func TestInUseHasNoSecrets(t *testing.T) {
	h := newSmall()
	texts := []string{argon2Text("argon2id", "m=256,t=2,p=1")}
	for _, v := range importVectors {
		texts = append(texts, v.text)
	}
	for _, v := range vectors {
		texts = append(texts, v.phc)
	}
	for _, text := range texts {
		given, err := ParseImported(text)
		if err != nil {
			t.Fatal(err)
		}
		hashes := []string{given.PHC()}
		if wrapped, err := h.Wrap(t.Context(), Caller{}, given); err == nil {
			hashes = append(hashes, wrapped)
		}
		for _, hash := range hashes {
			s, err := InUse(hash)
			if err != nil {
				t.Fatal(err)
			}
			again, err := InUse(s.Sample)
			if err != nil || again != s {
				t.Errorf("%s: the sample %s is %v, %v", s.Name, s.Sample, again, err)
			}
			fields := strings.Split(hash, "$")
			for _, secret := range []string{fields[len(fields)-1], given.Salt()} {
				if len(secret) > 8 && strings.Contains(s.Sample, secret) {
					t.Errorf("%s: the sample %s has a secret", s.Name, s.Sample)
				}
			}
			if strings.Contains(s.Sample, "jxspr8Ki0RYycVU8") {
				t.Errorf("the sample %s has the key of the project", s.Sample)
			}
		}
	}
}

// slowHasher returns a Hasher whose work takes 10 ms for each 64 KiB of memory, on the clock of a synctest bubble.
func slowHasher() *Hasher {
	h := newSmall()
	h.argon2id = func(_, _ []byte, _, memory uint32, _ uint8, length uint32) []byte {
		time.Sleep(time.Duration(memory) * 10 * time.Millisecond / 64)
		return make([]byte, length)
	}
	return h
}

func TestVerificationsTakeTheTimeOfTheMostExpensiveScheme(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, ctx := slowHasher(), t.Context()
		expensive := argon2Text("argon2id", "m=640,t=1,p=1")
		own := argon2Text("argon2id", "m=64,t=1,p=1")
		given, err := ParseImported("$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/")
		if err != nil {
			t.Fatal(err)
		}
		wrapped, err := h.Wrap(ctx, Caller{}, given)
		if err != nil {
			t.Fatal(err)
		}
		timeOf := func(phc string) time.Duration {
			start := time.Now()
			if _, _, err := h.Verify(ctx, Caller{}, "password", phc); err != nil {
				t.Fatal(err)
			}
			return time.Since(start)
		}
		expect := func(want time.Duration) {
			t.Helper()
			for name, phc := range map[string]string{
				"unknown": h.dummy, "own": own, "wrapped": wrapped, "expensive": expensive,
			} {
				if took := timeOf(phc); took != want {
					t.Errorf("%s took %v, want %v", name, took, want)
				}
			}
		}
		if took := timeOf(h.dummy); took != 10*time.Millisecond {
			t.Errorf("with our own scheme alone it took %v", took)
		}
		var schemes []SchemeInUse
		for _, phc := range []string{own, wrapped, expensive} {
			s, err := InUse(phc)
			if err != nil {
				t.Fatal(err)
			}
			schemes = append(schemes, s)
		}
		h.SetSchemes(schemes)
		timeOf(own) // measures
		expect(125 * time.Millisecond)

		// Under load, hashes take three times as long: answers follow the slowest recent hashes but one.
		quick := h.argon2id
		h.argon2id = func(p, s []byte, n, memory uint32, lanes uint8, length uint32) []byte {
			return quick(p, s, n, 3*memory, lanes, length)
		}
		timeOf(own)
		timeOf(own)
		expect(300 * time.Millisecond)
		h.argon2id = quick
		time.Sleep(recentTime + time.Second)
		expect(125 * time.Millisecond)
		h.SetSchemes(nil)
		if took := timeOf(h.dummy); took != 10*time.Millisecond {
			t.Errorf("without the other schemes it took %v", took)
		}
	})
}

func TestTurnsAreInProportionToMemory(t *testing.T) {
	h := New(Default, DefaultLimits())
	for text, want := range map[string]int{
		h.dummy: 1, argon2Text("argon2id", "m=19457,t=1,p=1"): 2, argon2Text("argon2id", "m=262144,t=1,p=1"): 14,
		"$2b$12" + someBcryptTail: 1, "$scrypt$ln=17,r=8,p=1$" + someSalt + "$" + someTag: 7,
	} {
		stored, err := parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := h.turns(stored); got != want {
			t.Errorf("%s takes %d turns, want %d", text, got, want)
		}
	}
	// A verification asks the queue for them: with three slots and one that is taken, three turns wait.
	synctest.Test(t, func(t *testing.T) {
		h := New(small, Limits{Concurrent: 3, Queue: 5, Wait: time.Second})
		at, err := h.queue.enter(t.Context(), Caller{}, 1)
		if err != nil {
			t.Fatal(err)
		}
		defer h.queue.leave(at)
		_, _, err = h.Verify(t.Context(), Caller{}, "password", argon2Text("argon2id", "m=192,t=1,p=1"))
		if !errors.Is(err, ErrBusy) {
			t.Errorf("a hash of three turns ran in two slots: %v", err)
		}
	})
}
