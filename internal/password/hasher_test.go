package password

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/argon2"

	"cardinal"
)

// small are parameters for hashes that take microseconds.
var small = Params{MemoryKiB: 64, Iterations: 1, Parallelism: 1}

func newSmall() *Hasher {
	return New(small, Limits{Concurrent: 2, Queue: 8, Wait: time.Minute})
}

func TestHash(t *testing.T) {
	h, ctx := newSmall(), t.Context()
	phc, err := h.Hash(ctx, Caller{}, "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	t.Run("SamePasswordMatches", func(t *testing.T) {
		match, rehash, err := h.Verify(ctx, Caller{}, "correct horse", phc)
		if !match || rehash || err != nil {
			t.Errorf("Verify = %v, %v, %v", match, rehash, err)
		}
	})
	t.Run("OtherPasswordsDoNotMatch", func(t *testing.T) {
		for _, other := range []string{"", "Correct horse", "correct horse ", "correct hors"} {
			match, rehash, err := h.Verify(ctx, Caller{}, other, phc)
			if match || rehash || err != nil {
				t.Errorf("%q: %v, %v, %v", other, match, rehash, err)
			}
		}
	})
	t.Run("PHCForm", func(t *testing.T) {
		parts := strings.Split(phc, "$")
		parts[4], parts[5] = "22", "43"
		if diff := cmp.Diff([]string{"", "argon2id", "v=19", "m=64,t=1,p=1", "22", "43"}, parts); diff != "" {
			t.Error(diff)
		}
		if want := len("$argon2id$v=19$m=64,t=1,p=1$") + 22 + 1 + 43; len(phc) != want {
			t.Errorf("%d characters, want %d", len(phc), want)
		}
	})
	t.Run("NewSaltEachTime", func(t *testing.T) {
		again, err := h.Hash(ctx, Caller{}, "correct horse")
		if err != nil || strings.Split(again, "$")[4] == strings.Split(phc, "$")[4] {
			t.Errorf("equal salts, or %v", err)
		}
	})
	t.Run("TooLongRefused", func(t *testing.T) {
		long := strings.Repeat("a", maxBytes+1)
		_, hashErr := h.Hash(ctx, Caller{}, long)
		_, _, verifyErr := h.Verify(ctx, Caller{}, long, phc)
		for _, err := range []error{hashErr, verifyErr, h.VerifyDummy(ctx, Caller{}, long)} {
			if !errors.Is(err, &cardinal.FieldError{Code: "password_too_long"}) {
				t.Errorf("error is %v", err)
			}
		}
	})
	t.Run("DefaultIsOWASPRecommendation", func(t *testing.T) {
		if diff := cmp.Diff(Params{MemoryKiB: 19456, Iterations: 2, Parallelism: 1}, Default); diff != "" {
			t.Error(diff)
		}
	})
}

func TestRehash(t *testing.T) {
	ctx := t.Context()
	strong := Params{MemoryKiB: 128, Iterations: 2, Parallelism: 1}
	for _, row := range []struct {
		rule   string
		stored Params
		want   bool
	}{
		{"SameCosts", strong, false},
		{"LessMemory", Params{64, 2, 1}, true},
		{"FewerPasses", Params{128, 1, 1}, true},
		{"MoreOfBoth", Params{256, 3, 1}, false},
		{"OtherLanes", Params{128, 2, 2}, false},
	} {
		t.Run(row.rule, func(t *testing.T) {
			phc, err := New(row.stored, DefaultLimits()).Hash(ctx, Caller{}, "pw")
			if err != nil {
				t.Fatal(err)
			}
			h := New(strong, DefaultLimits())
			if match, rehash, err := h.Verify(ctx, Caller{}, "pw", phc); !match || rehash != row.want || err != nil {
				t.Errorf("Verify = %v, %v, %v", match, rehash, err)
			}
			if _, rehash, _ := h.Verify(ctx, Caller{}, "other", phc); rehash {
				t.Error("wants a rehash after a wrong password")
			}
		})
	}
}

func TestNew(t *testing.T) {
	for _, bad := range []struct {
		rule   string
		params Params
		limits Limits
	}{
		{"NoPassesRefused", Params{64, 0, 1}, DefaultLimits()},
		{"NoLanesRefused", Params{64, 1, 0}, DefaultLimits()},
		{"TooLittleMemoryRefused", Params{7, 1, 1}, DefaultLimits()},
		{"TooMuchMemoryRefused", Params{maxMemoryKiB + 1, 1, 1}, DefaultLimits()},
		{"NoSlotsRefused", small, Limits{0, 1, time.Second}},
		{"NegativeQueueRefused", small, Limits{1, -1, time.Second}},
	} {
		t.Run(bad.rule, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("did not panic")
				}
			}()
			New(bad.params, bad.limits)
		})
	}
	t.Run("DefaultLimitsAllowOneHash", func(t *testing.T) {
		if n := DefaultLimits().Concurrent; n < 1 {
			t.Errorf("%d at once", n)
		}
	})
}

func TestVerifyDummy(t *testing.T) {
	t.Run("SameCostAsKnownUser", func(t *testing.T) {
		h := newSmall()
		phc, err := h.Hash(t.Context(), Caller{}, "correct horse")
		if err != nil {
			t.Fatal(err)
		}
		type work struct {
			Salt, Key        int
			Time, Memory     uint32
			Threads          uint8
			Running, Waiting int
		}
		var calls []work
		h.argon2id = func(password, salt []byte, time, memory uint32, threads uint8, length uint32) []byte {
			running, waiting, _ := h.Stats()
			calls = append(calls, work{len(salt), int(length), time, memory, threads, running, waiting})
			return argon2.IDKey(password, salt, time, memory, threads, length)
		}
		if _, _, err := h.Verify(t.Context(), Caller{}, "wrong", phc); err != nil {
			t.Fatal(err)
		}
		if err := h.VerifyDummy(t.Context(), Caller{}, "wrong"); err != nil {
			t.Fatal(err)
		}
		want := work{saltBytes, tagBytes, small.Iterations, small.MemoryKiB, small.Parallelism, 1, 0}
		if diff := cmp.Diff([]work{want, want}, calls); diff != "" {
			t.Error(diff)
		}
	})
}

// blockHashes makes every hash of h wait for a value on release. maximum is the largest number of hashes that ran at
// once.
func blockHashes(h *Hasher) (started <-chan struct{}, release chan<- struct{}, maximum *atomic.Int32) {
	begin, end := make(chan struct{}, 100), make(chan struct{})
	maximum = new(atomic.Int32)
	var now atomic.Int32
	h.argon2id = func(_, _ []byte, _, _ uint32, _ uint8, length uint32) []byte {
		n := now.Add(1)
		for old := maximum.Load(); n > old && !maximum.CompareAndSwap(old, n); old = maximum.Load() {
		}
		begin <- struct{}{}
		<-end
		now.Add(-1)
		return make([]byte, length)
	}
	return begin, end, maximum
}

func checkStats(t *testing.T, h *Hasher, running, waiting int, refused uint64) {
	t.Helper()
	type s struct {
		Running, Waiting int
		Refused          uint64
	}
	var got s
	got.Running, got.Waiting, got.Refused = h.Stats()
	if diff := cmp.Diff(s{running, waiting, refused}, got); diff != "" {
		t.Error(diff)
	}
}

func TestLimits(t *testing.T) {
	t.Run("ConcurrentIsMaximum", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			h := New(small, Limits{Concurrent: 3, Queue: 50, Wait: time.Minute})
			_, release, maximum := blockHashes(h)
			var all sync.WaitGroup
			for range 40 {
				all.Go(func() {
					if _, err := h.Hash(t.Context(), Caller{}, "pw"); err != nil {
						t.Error(err)
					}
				})
			}
			synctest.Wait()
			checkStats(t, h, 3, 37, 0)
			for range 40 {
				release <- struct{}{}
			}
			all.Wait()
			if maximum.Load() != 3 {
				t.Errorf("%d ran at once", maximum.Load())
			}
			checkStats(t, h, 0, 0, 0)
		})
	})
	t.Run("FullQueueReturnsBusyImmediately", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			h := New(small, Limits{Concurrent: 1, Queue: 1, Wait: time.Minute})
			_, release, _ := blockHashes(h)
			for range 2 {
				if err := h.CheckCapacity(Caller{}); err != nil {
					t.Error(err)
				}
				go func() {
					if _, err := h.Hash(t.Context(), Caller{}, "pw"); err != nil {
						t.Error(err)
					}
				}()
				synctest.Wait()
			}
			before := time.Now()
			_, hashErr := h.Hash(t.Context(), Caller{}, "pw")
			_, _, verifyErr := h.Verify(t.Context(), Caller{}, "pw", h.dummy)
			dummyErr, capacityErr := h.VerifyDummy(t.Context(), Caller{}, "pw"), h.CheckCapacity(Caller{})
			for _, err := range []error{hashErr, verifyErr, dummyErr, capacityErr} {
				if !errors.Is(err, ErrBusy) {
					t.Errorf("error is %v", err)
				}
			}
			if waited := time.Since(before); waited != 0 {
				t.Errorf("waited %v", waited)
			}
			checkStats(t, h, 1, 1, 4)
			release <- struct{}{}
			release <- struct{}{}
			synctest.Wait()
			checkStats(t, h, 0, 0, 4)
		})
	})
	t.Run("TimeoutReturnsBusy", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			h := New(small, Limits{Concurrent: 1, Queue: 5, Wait: 3 * time.Second})
			_, release, _ := blockHashes(h)
			go func() { _, _ = h.Hash(t.Context(), Caller{}, "pw") }()
			synctest.Wait()
			before := time.Now()
			if _, err := h.Hash(t.Context(), Caller{}, "pw"); !errors.Is(err, ErrBusy) {
				t.Errorf("error is %v", err)
			}
			if waited := time.Since(before); waited != 3*time.Second {
				t.Errorf("waited %v", waited)
			}
			checkStats(t, h, 1, 0, 1)
			release <- struct{}{}
			synctest.Wait()
			checkStats(t, h, 0, 0, 1)
		})
	})
	t.Run("CancelledWaiterLeavesQueue", func(t *testing.T) {
		// The synctest bubble fails when a goroutine does not end.
		synctest.Test(t, func(t *testing.T) {
			h := New(small, Limits{Concurrent: 1, Queue: 5, Wait: time.Minute})
			_, release, _ := blockHashes(h)
			go func() { _, _ = h.Hash(t.Context(), Caller{}, "pw") }()
			synctest.Wait()
			ctx, cancel := context.WithCancel(t.Context())
			result := make(chan error)
			go func() { result <- h.VerifyDummy(ctx, Caller{}, "pw") }()
			synctest.Wait()
			checkStats(t, h, 1, 1, 0)
			cancel()
			if err := <-result; !errors.Is(err, context.Canceled) {
				t.Errorf("error is %v", err)
			}
			checkStats(t, h, 1, 0, 0)
			if err := h.VerifyDummy(ctx, Caller{}, "pw"); !errors.Is(err, context.Canceled) {
				t.Errorf("error is %v", err)
			}
			release <- struct{}{}
			synctest.Wait()
			if err := h.VerifyDummy(ctx, Caller{}, "pw"); !errors.Is(err, context.Canceled) {
				t.Errorf("hashed for a cancelled caller: %v", err)
			}
			checkStats(t, h, 0, 0, 0)
		})
	})
	t.Run("FirstInFirstOut", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			h := New(small, Limits{Concurrent: 1, Queue: 9, Wait: time.Minute})
			_, release, _ := blockHashes(h)
			var order []int
			for i := range 6 {
				go func() {
					if err := h.VerifyDummy(t.Context(), Caller{}, "pw"); err != nil {
						t.Error(err)
					}
					order = append(order, i)
				}()
				synctest.Wait()
			}
			for range 6 {
				release <- struct{}{}
				synctest.Wait()
			}
			if diff := cmp.Diff([]int{0, 1, 2, 3, 4, 5}, order); diff != "" {
				t.Error(diff)
			}
		})
	})
	t.Run("PanicReleasesSlot", func(t *testing.T) {
		h := New(small, Limits{Concurrent: 1, Queue: 0, Wait: time.Minute})
		h.argon2id = func(_, _ []byte, _, _ uint32, _ uint8, _ uint32) []byte { panic("x") }
		func() {
			defer func() { _ = recover() }()
			_ = h.VerifyDummy(t.Context(), Caller{}, "pw")
		}()
		checkStats(t, h, 0, 0, 0)
	})
	t.Run("CancellationsLoseNoSlot", func(t *testing.T) {
		h := New(small, Limits{Concurrent: 2, Queue: 4, Wait: 200 * time.Microsecond})
		var all sync.WaitGroup
		for i := range 300 {
			all.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i%7)*50*time.Microsecond)
				defer cancel()
				_, _ = h.Hash(ctx, Caller{}, "pw")
			})
		}
		all.Wait()
		running, waiting, _ := h.Stats()
		if running != 0 || waiting != 0 {
			t.Errorf("%d run, %d wait", running, waiting)
		}
	})
}

// The difference between the two benchmarks is the cost of the queue and the PHC string. It is too small to measure.
func BenchmarkVerify(b *testing.B) {
	h := New(Default, DefaultLimits())
	phc, err := h.Hash(b.Context(), Caller{}, "correct horse battery")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if match, _, err := h.Verify(b.Context(), Caller{}, "correct horse battery", phc); !match || err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRawArgon2id(b *testing.B) {
	salt := randomBytes(saltBytes)
	for b.Loop() {
		argon2.IDKey([]byte("correct horse battery"), salt, Default.Iterations, Default.MemoryKiB, Default.Parallelism,
			tagBytes)
	}
}
