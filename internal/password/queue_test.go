package password

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// crowd are callers of one queue. Each enters, waits for release, and leaves.
type crowd struct {
	t       *testing.T
	queue   *queue
	order   []string // who got slots
	refused []string
	release chan struct{}
}

// newCrowd returns a crowd for a queue whose slots are all taken by "first".
func newCrowd(t *testing.T, concurrent, length int) *crowd {
	c := &crowd{t: t, release: make(chan struct{}),
		queue: newQueue(Limits{Concurrent: concurrent, Queue: length, Wait: time.Hour})}
	for range concurrent {
		c.enter("first first", 1)
	}
	c.order = nil
	return c
}

// enter adds callers, given as "prefix account", one after another.
func (c *crowd) enter(who string, turns int) {
	prefix, account, _ := strings.Cut(who, " ")
	go func() {
		at, err := c.queue.enter(c.t.Context(), Caller{Prefix: prefix, Account: account}, turns)
		if errors.Is(err, ErrBusy) {
			c.refused = append(c.refused, account)
			return
		}
		if err != nil {
			c.t.Error(err)
			return
		}
		c.order = append(c.order, account)
		<-c.release
		c.queue.leave(at)
	}()
	synctest.Wait()
}

// finish ends one hash after another.
func (c *crowd) finish(hashes int) {
	for range hashes {
		c.release <- struct{}{}
		synctest.Wait()
	}
}

func (c *crowd) wantOrder(want string) {
	c.t.Helper()
	if got := strings.Join(c.order, " "); got != want {
		c.t.Errorf("the order is %q, want %q", got, want)
	}
	if len(c.queue.prefixes) > 0 || c.queue.running > 0 || c.queue.waiting > 0 {
		c.t.Errorf("%d prefixes, %d running, %d waiting are left", len(c.queue.prefixes), c.queue.running,
			c.queue.waiting)
	}
}

func TestQueueIsFair(t *testing.T) {
	for _, c := range []struct {
		rule       string
		concurrent int
		enter      []string // "prefix account", with × turns
		order      string
	}{
		{"AccountsOfAPrefixTakeTurns", 1, []string{"p a", "p a", "p a", "p b", "p b", "p c"}, "a b c a b a"},
		{"PrefixesTakeTurns", 1, []string{"p a", "p b", "p c", "p d", "q e", "q f", "r g"}, "a e g b f c d"},
		{"TheRunningAccountComesLast", 1, []string{"first first", "first b", "q c"}, "c b first"},
		{"AccountsShareSlots", 2, []string{"p a", "p a", "p a", "p b", "p b", "p b"}, "a b b a a b"},
		{"AfterAHashOfThreeTurnsItsAccountWaitsThreeRounds", 1,
			[]string{"p a×3", "p a", "p b", "p b", "p b", "p b", "p c", "p c", "p c", "p c"}, "a b c b c b c a b c"},
		{"AfterAHeavyHashItsPrefixWaitsAsManyRounds", 1,
			[]string{"p a×3", "p a", "q b", "q b", "q b", "q b"}, "a b b b a b"},
		{"AHashOfThreeTurnsDoesNotWaitLongerThanAnother", 1, []string{"p b", "p a×3", "p c"}, "b a c"},
		{"AHashOfThreeTurnsAloneDoesNotWait", 1, []string{"p a×3", "p a×3"}, "a a"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				crowd := newCrowd(t, c.concurrent, 100)
				for _, who := range c.enter {
					who, turns, heavy := strings.Cut(who, "×")
					crowd.enter(who, map[bool]int{false: 1, true: len(turns) * 3}[heavy])
				}
				crowd.finish(c.concurrent + len(c.enter))
				crowd.wantOrder(c.order)
			})
		})
	}
	t.Run("AddedAccountWaitsForOneHash", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			crowd := newCrowd(t, 1, 100)
			for range 20 {
				crowd.enter("p a", 1)
			}
			crowd.finish(5)
			crowd.enter("p b", 1)
			crowd.finish(1)
			if last := crowd.order[len(crowd.order)-1]; last != "b" {
				t.Errorf("after the running hash came %q", last)
			}
			crowd.finish(16)
		})
	})
	t.Run("NewAccountsDoNotKeepABusyOneOut", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			crowd := newCrowd(t, 1, 100)
			crowd.enter("p a", 1)
			crowd.enter("p a", 1)
			for i := range 30 { // always two new ones wait
				crowd.enter(fmt.Sprintf("p new%d", 2*i), 1)
				crowd.enter(fmt.Sprintf("q new%d", 2*i+1), 1)
				crowd.finish(1)
			}
			crowd.finish(33)
			if got := strings.Index(strings.Join(crowd.order, " "), "a "); got < 0 || got > 60 {
				t.Errorf("the account is at %d of %v", got, crowd.order)
			}
		})
	})
	t.Run("AnAccountSavesNoTurnsWhileItDoesNotWait", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			crowd := newCrowd(t, 2, 100) // "first" runs during the whole test
			for range 10 {
				crowd.enter("p a", 1)
			}
			crowd.finish(8)
			for range 3 {
				crowd.enter("first first", 1)
			}
			crowd.order = nil
			crowd.finish(7)
			crowd.wantOrder("first a a first first")
		})
	})
}

func TestSeveralTurnsTakeSeveralSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		crowd := newCrowd(t, 3, 100)
		crowd.enter("p heavy", 2)
		crowd.finish(1)
		if len(crowd.order) > 0 {
			t.Error("a hash of two slots runs in one")
		}
		crowd.enter("p light", 1)
		crowd.finish(2)
		if running, waiting, _ := crowd.queue.stats(); running != 3 || waiting != 0 {
			t.Errorf("%d slots are taken, %d wait", running, waiting)
		}
		crowd.enter("p huge", 50)
		crowd.finish(2)
		if running, _, _ := crowd.queue.stats(); running != 3 {
			t.Errorf("a hash of 50 slots takes %d of 3", running)
		}
		crowd.finish(1)
		crowd.wantOrder("heavy light huge")
	})
	t.Run("CancelledHeavyHashLetsOthersPass", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			crowd := newCrowd(t, 2, 100)
			ctx, cancel := context.WithCancel(t.Context())
			result := make(chan error, 1)
			go func() { _, err := crowd.queue.enter(ctx, Caller{Prefix: "p"}, 2); result <- err }()
			synctest.Wait()
			crowd.enter("p a", 1)
			crowd.enter("p a", 1)
			crowd.finish(1)
			cancel()
			synctest.Wait()
			if err := <-result; !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
			if running, waiting, _ := crowd.queue.stats(); running != 2 || waiting != 1 {
				t.Errorf("%d slots are taken, %d wait", running, waiting)
			}
			crowd.finish(3)
			crowd.wantOrder("a a")
		})
	})
}

func TestFullQueue(t *testing.T) {
	t.Run("AddedAccountTakesThePlaceOfTheLongest", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			crowd := newCrowd(t, 1, 4)
			for _, who := range []string{"p a", "p a", "p a", "p b", "p c", "q d", "p a", "r e"} {
				crowd.enter(who, 1)
			}
			if got := strings.Join(crowd.refused, " "); got != "a a a c" {
				t.Errorf("refused are %q", got)
			}
			crowd.finish(5)
			crowd.wantOrder("a d e b")
		})
	})
	t.Run("CheckCapacityAsksForTheCaller", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			crowd := newCrowd(t, 1, 3)
			for range 3 {
				go func() {
					at, err := crowd.queue.enter(t.Context(), Caller{"p", "a", "ada@example.com"}, 1)
					if err != nil {
						return
					}
					<-crowd.release
					crowd.queue.leave(at)
				}()
			}
			synctest.Wait()
			for _, c := range []struct {
				caller Caller
				busy   bool
			}{
				{Caller{"p", "a", ""}, true},
				{Caller{"p", "ada@example.com", "ada@example.com"}, true}, // the account is not looked up yet
				{Caller{"p", "b", ""}, false},
				{Caller{"q", "a", ""}, false},
			} {
				if err := crowd.queue.checkCapacity(c.caller); errors.Is(err, ErrBusy) != c.busy {
					t.Errorf("%v: %v", c.caller, err)
				}
			}
			crowd.enter("p b", 1)
			crowd.enter("p c", 1)
			if err := crowd.queue.checkCapacity(Caller{"p", "d", ""}); !errors.Is(err, ErrBusy) {
				t.Error("each account has one place, and one more is accepted")
			}
			crowd.finish(4)
		})
	})
}

// TestQueueKeepsNothing: callers that come and go in any order lose no slot and leave nothing behind.
func TestQueueKeepsNothing(t *testing.T) {
	q := newQueue(Limits{Concurrent: 3, Queue: 10, Wait: 300 * time.Microsecond})
	var all sync.WaitGroup
	var slots atomic.Int64
	for range 2000 {
		all.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rand.IntN(600))*time.Microsecond)
			defer cancel()
			c := Caller{Prefix: fmt.Sprint(rand.IntN(3)), Account: fmt.Sprint(rand.IntN(4))}
			turns := 1 + rand.IntN(5)
			at, err := q.enter(ctx, c, turns)
			if err != nil {
				return
			}
			if now := slots.Add(int64(min(turns, 3))); now > 3 {
				t.Errorf("%d slots are taken", now)
			}
			time.Sleep(time.Duration(rand.IntN(100)) * time.Microsecond)
			slots.Add(-int64(min(turns, 3)))
			q.leave(at)
		})
	}
	all.Wait()
	if running, waiting, _ := q.stats(); running != 0 || waiting != 0 || len(q.prefixes) != 0 {
		t.Errorf("%d run, %d wait, %d prefixes", running, waiting, len(q.prefixes))
	}
}

// TestSlotGrantedWhileCancelling: a caller that gets its slot at the moment when it gives up has the slot.
func TestSlotGrantedWhileCancelling(t *testing.T) {
	q := newQueue(Limits{Concurrent: 1, Queue: 1, Wait: time.Minute})
	first, err := q.enter(t.Context(), Caller{}, 1)
	if err != nil {
		t.Fatal(err)
	}
	w := &waiter{turns: 1, result: make(chan error, 1)}
	at := q.add(Caller{}, w)
	q.leave(first)
	if err := q.cancel(at, w, ErrBusy); err != nil {
		t.Errorf("the slot is lost: %v", err)
	}
	q.leave(at)
	if running, waiting, refused := q.stats(); running != 0 || waiting != 0 || refused != 0 {
		t.Errorf("%d run, %d wait, %d were refused", running, waiting, refused)
	}
}

// BenchmarkNextToABusyAccount reports how many times as long a hash takes next to 48 callers of one account, at the
// same address, as without them.
func BenchmarkNextToABusyAccount(b *testing.B) {
	h := New(Default, DefaultLimits())
	other := func() time.Duration {
		begin := time.Now()
		if err := h.VerifyDummy(b.Context(), Caller{Prefix: "p", Account: "other"}, "pw"); err != nil {
			b.Fatal(err)
		}
		return time.Since(begin)
	}
	var alone, next time.Duration
	for b.Loop() {
		alone += other()
		var stop atomic.Bool
		var busy sync.WaitGroup
		for range 48 {
			busy.Go(func() {
				for !stop.Load() {
					if h.VerifyDummy(b.Context(), Caller{Prefix: "p", Account: "busy"}, "pw") != nil {
						time.Sleep(100 * time.Millisecond)
					}
				}
			})
		}
		for running, waiting, _ := h.Stats(); running == 0 || waiting < 8; running, waiting, _ = h.Stats() {
			time.Sleep(time.Millisecond)
		}
		time.Sleep(time.Duration(rand.IntN(50)) * time.Millisecond) // the running hash can be anywhere
		next += other()
		stop.Store(true)
		busy.Wait()
	}
	b.ReportMetric(float64(next)/float64(alone), "times-as-long")
}
