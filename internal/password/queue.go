package password

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// ErrBusy is returned when the queue is full or the wait took too long. The caller can try again later (HTTP 503,
// Retry-After).
var ErrBusy = errors.New("password: too many hashes at once")

// Caller is who asks for a hash. The queue gives turns to prefixes, one after another, and the turns of a prefix to its
// accounts, so that neither one address nor one account keeps the others from signing in.
type Caller struct {
	// Prefix is the range of addresses that the request came from; "" when it is not known.
	Prefix string
	// Account is the account that asks or is asked for: its id, or the identifier that was given when there is none.
	Account string
	// Identifier is a name of the account that is known before the account is looked up; "" for none.
	Identifier string
}

// queue is a semaphore with a bounded, fair queue: round robin by prefix, and in a prefix by account. It stays our own,
// because golang.org/x/sync/semaphore has one list of waiters.
//
// The order is that of self-clocked fair queueing (Golestani 1994). The clock of a level is at the turn that was
// granted last. A share, which is a prefix or an account, asks for the turn after its own last one, or after the
// clock when it did not wait; the lowest turn is granted first. So each share gets one turn per round, and a new share
// is never behind more than one round. Among equals the first is the one that has waited longest, or was served longest
// ago. A share counts as served when its hash ends: a new account waits for the hash of a busy account that runs, and
// not for the next one.
//
// After a hash that costs several turns its account and its prefix wait for as many rounds. The hash itself does not:
// the wait would disclose which accounts have such a hash.
//
// A hash of several turns also takes several slots, so that the slots bound the memory.
type queue struct {
	limits Limits

	mu      sync.Mutex
	running int // slots that are taken
	waiting int // callers
	refused uint64

	clock    uint64
	prefixes []*prefix // those that have or wait for slots, the one that was served longest ago first
}

// prefix is a range of addresses.
type prefix struct {
	name     string
	turn     uint64 // the last one
	waiting  int    // callers
	clock    uint64
	accounts []*account // as queue.prefixes
}

// account is an account, at one prefix.
type account struct {
	name    string
	turn    uint64 // the last one
	running int    // callers
	waiters []*waiter
}

// waiter is a caller that waits. result gets nil when it has its slots, or ErrBusy.
type waiter struct {
	identifier string
	turns      int
	result     chan error
}

// place is where a hash waits or runs. The caller of enter gives it back to leave.
type place struct {
	prefix  *prefix
	account *account
	slots   int
}

func newQueue(limits Limits) *queue { return &queue{limits: limits} }

// checkCapacity returns ErrBusy when enter would return it at once. A caller whose account is not known yet is found by
// its identifier.
func (q *queue) checkCapacity(c Caller) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.running < q.limits.Concurrent || q.waiting < q.limits.Queue {
		return nil
	}
	if q.limits.Queue > 0 && !q.hasMost(c) {
		return nil
	}
	q.refused++
	return ErrBusy
}

// enter takes slots for a hash that costs a number of turns, and waits for them when they are taken. After a nil error
// the caller must call leave. Tests of package directory recognize the call of ctx.Err by the name of this method.
func (q *queue) enter(ctx context.Context, c Caller, turns int) (place, error) {
	if err := ctx.Err(); err != nil {
		return place{}, err
	}
	w := &waiter{c.Identifier, turns, make(chan error, 1)}
	q.mu.Lock()
	at := q.add(c, w)
	q.grant()
	if q.waiting > q.limits.Queue {
		q.refuseOne(at)
	}
	q.mu.Unlock()
	select { // most callers do not wait
	case err := <-w.result:
		return at, err
	default:
	}
	deadline := time.NewTimer(q.limits.Wait)
	defer deadline.Stop()
	select {
	case err := <-w.result:
		return at, err
	case <-ctx.Done():
		return at, q.cancel(at, w, ctx.Err())
	case <-deadline.C:
		return at, q.cancel(at, w, ErrBusy)
	}
}

// add adds a waiter, and its prefix and its account where they are new.
func (q *queue) add(c Caller, w *waiter) place {
	at := place{prefix: find(q.prefixes, func(p *prefix) bool { return p.name == c.Prefix }),
		slots: min(w.turns, q.limits.Concurrent)}
	if at.prefix == nil {
		at.prefix = &prefix{name: c.Prefix}
		q.prefixes = append(q.prefixes, at.prefix)
	}
	p := at.prefix
	at.account = find(p.accounts, func(a *account) bool { return a.name == c.Account })
	if at.account == nil {
		at.account = &account{name: c.Account}
		p.accounts = append(p.accounts, at.account)
	}
	if p.waiting == 0 {
		p.turn = max(p.turn, q.clock)
	}
	if len(at.account.waiters) == 0 {
		at.account.turn = max(at.account.turn, p.clock)
	}
	at.account.waiters = append(at.account.waiters, w)
	p.waiting++
	q.waiting++
	return at
}

func find[T any](shares []*T, matches func(*T) bool) *T {
	if i := slices.IndexFunc(shares, matches); i >= 0 {
		return shares[i]
	}
	return nil
}

// grant passes free slots to waiters. A hash that takes more slots than are free makes the others wait.
func (q *queue) grant() {
	for q.waiting > 0 {
		var at place
		var w *waiter
		for _, p := range q.prefixes {
			if a := p.next(); a != nil && (w == nil || p.turn < at.prefix.turn) {
				at, w = place{prefix: p, account: a}, a.waiters[0]
			}
		}
		if at.slots = min(w.turns, q.limits.Concurrent); q.running+at.slots > q.limits.Concurrent {
			return
		}
		at.prefix.clock = max(at.prefix.clock, at.account.turn+1)
		q.clock = max(q.clock, at.prefix.turn+1)
		at.account.turn += uint64(w.turns) // #nosec G115 -- turns are positive
		at.prefix.turn += uint64(w.turns)  // #nosec G115 -- turns are positive
		q.unqueue(at, w)
		at.account.running++
		q.running += at.slots
		w.result <- nil
	}
}

// next returns the account that has the next turn of a prefix, nil when none waits.
func (p *prefix) next() *account {
	var next *account
	for _, a := range p.accounts {
		if len(a.waiters) > 0 && (next == nil || a.turn < next.turn) {
			next = a
		}
	}
	return next
}

// leave gives the slots back, and passes them on.
func (q *queue) leave(at place) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.running -= at.slots
	at.account.running--
	moveToEnd(q.prefixes, at.prefix)
	moveToEnd(at.prefix.accounts, at.account)
	q.remove(at)
	q.grant()
}

func moveToEnd[T any](shares []*T, s *T) {
	i := slices.Index(shares, s)
	copy(shares[i:], shares[i+1:])
	shares[len(shares)-1] = s
}

// refuseOne refuses a waiter after one was added: the last one of the account with the most, at the prefix with the
// most. So a caller that finds the queue full gets a place, at the expense of the caller that fills it. The new one is
// refused when its prefix and its account have as many as any other.
func (q *queue) refuseOne(added place) {
	p, a := added.prefix, added.account
	for _, other := range q.prefixes {
		if other.waiting > p.waiting {
			p, a = other, other.accounts[len(other.accounts)-1]
		}
	}
	for _, other := range slices.Backward(p.accounts) {
		if len(other.waiters) > len(a.waiters) {
			a = other
		}
	}
	at, last := place{prefix: p, account: a}, a.waiters[len(a.waiters)-1]
	q.unqueue(at, last)
	q.remove(at)
	q.refused++
	last.result <- ErrBusy
}

// hasMost reports whether a new waiter would be the one that refuseOne refuses.
func (q *queue) hasMost(c Caller) bool {
	ofPrefix, ofAccount := 0, 0
	var accounts []*account
	if p := find(q.prefixes, func(p *prefix) bool { return p.name == c.Prefix }); p != nil {
		ofPrefix, accounts = p.waiting, p.accounts
	}
	for _, a := range accounts {
		if a.name == c.Account || c.Identifier != "" &&
			slices.ContainsFunc(a.waiters, func(w *waiter) bool { return w.identifier == c.Identifier }) {
			ofAccount = len(a.waiters)
		}
	}
	return !slices.ContainsFunc(q.prefixes, func(p *prefix) bool { return p.waiting > ofPrefix+1 }) &&
		!slices.ContainsFunc(accounts, func(a *account) bool { return len(a.waiters) > ofAccount+1 })
}

// unqueue takes a waiter out of its account.
func (q *queue) unqueue(at place, w *waiter) {
	i := slices.Index(at.account.waiters, w)
	at.account.waiters = slices.Delete(at.account.waiters, i, i+1)
	at.prefix.waiting--
	q.waiting--
}

// remove forgets the account and the prefix of a place that have nothing left in the queue.
func (q *queue) remove(at place) {
	if at.account.running == 0 && len(at.account.waiters) == 0 {
		at.prefix.accounts = slices.DeleteFunc(at.prefix.accounts, func(a *account) bool { return a == at.account })
	}
	if len(at.prefix.accounts) == 0 {
		q.prefixes = slices.DeleteFunc(q.prefixes, func(p *prefix) bool { return p == at.prefix })
	}
}

// cancel removes a waiter from the queue and returns reason. When its result came at the same moment it returns that:
// with the slots, the caller must call leave, because no other code would.
func (q *queue) cancel(at place, w *waiter, reason error) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	select {
	case err := <-w.result:
		return err
	default:
	}
	q.unqueue(at, w)
	q.remove(at)
	if reason == ErrBusy {
		q.refused++
	}
	q.grant() // to those who waited behind a hash of several slots
	return reason
}

func (q *queue) stats() (running, waiting int, refused uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.running, q.waiting, q.refused
}
