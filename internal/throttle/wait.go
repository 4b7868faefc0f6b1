package throttle

import (
	"context"
	"errors"
	"sync"
	"time"

	"cardinal"
)

// maxWaiting bounds the attempts of this process that wait for others, and maxWait how long each does.
const (
	maxWaiting = 64
	maxWait    = 5 * time.Second
)

// runningAttempts are the attempts of this process that are not settled yet. A user with several programs can sign in
// several times at once; each attempt is counted as failed until it is settled, so the last ones would be refused. They
// wait for the others instead: when one of those is right, the count begins again.
type runningAttempts struct {
	mu       sync.Mutex
	attempts map[string]*running // by the hash of the account
	waiting  int
}

// running are the attempts on one account.
type running struct {
	n       int
	settled chan struct{} // closed when one of them was right, or when the last one ended
}

// reserveOrWait is reserve. If the last counter blocks the attempt and others on the same account are not settled, it
// waits for them.
func (t *Throttle) reserveOrWait(ctx context.Context, counters ...counter) (*Attempt, error) {
	key := string(counters[len(counters)-1].Hash)
	for {
		attempt, err := t.reserve(ctx, counters...)
		if err == nil {
			attempt.waitKey = key
			t.running.begin(key)
			return attempt, nil
		}
		if !errors.Is(err, cardinal.ErrThrottled) || !t.running.wait(ctx, key) {
			return nil, err
		}
	}
}

func (r *runningAttempts) begin(key string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.attempts[key] == nil {
		r.attempts[key] = &running{settled: make(chan struct{})}
	}
	r.attempts[key].n++
}

// wait waits until an attempt was right or the last one ended; false when there is none to wait for.
func (r *runningAttempts) wait(ctx context.Context, key string) bool {
	r.mu.Lock()
	others := r.attempts[key]
	if others == nil || r.waiting >= maxWaiting {
		r.mu.Unlock()
		return false
	}
	settled := others.settled
	r.waiting++
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		r.waiting--
		r.mu.Unlock()
	}()
	timer := time.NewTimer(maxWait)
	defer timer.Stop()
	select {
	case <-settled:
		return true
	case <-timer.C:
		return false
	case <-ctx.Done():
		return false
	}
}

// End ends an attempt that is settled, or is not going to be. Calling it twice has the effect of one call.
func (a *Attempt) End() {
	if a.waitKey == "" || a.ended {
		return
	}
	a.ended = true
	r := &a.throttle.running
	r.mu.Lock()
	defer r.mu.Unlock()
	others := r.attempts[a.waitKey]
	others.n--
	switch {
	case others.n == 0:
		close(others.settled)
		delete(r.attempts, a.waitKey)
	case a.isRight:
		close(others.settled)
		others.settled = make(chan struct{})
	}
}
