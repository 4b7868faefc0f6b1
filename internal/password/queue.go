package password

import (
	"container/list"
	"context"
	"errors"
	"sync"
	"time"
)

// ErrBusy is returned when the queue is full or the wait took too long. The caller can try again later (HTTP 503,
// Retry-After).
var ErrBusy = errors.New("password: too many hashes at once")

// queue is a semaphore with a bounded first-in, first-out queue of waiters and a limit on the time of waiting. It stays
// our own: a fair queue per account will replace the single list, and golang.org/x/sync/semaphore has neither.
type queue struct {
	limits Limits

	mu      sync.Mutex
	running int
	waiters list.List // of chan struct{}; leave closes the channel of the waiter that gets the slot
	refused uint64
}

func newQueue(limits Limits) *queue { return &queue{limits: limits} }

// checkCapacity returns ErrBusy when enter would return it at once.
func (q *queue) checkCapacity() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.running < q.limits.Concurrent || q.waiters.Len() < q.limits.Queue {
		return nil
	}
	q.refused++
	return ErrBusy
}

// enter takes a slot, and waits for one when all are taken. After a nil error the caller must call leave. Tests of
// package directory recognize the call of ctx.Err by the name of this method.
func (q *queue) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	q.mu.Lock()
	// While there are waiters every slot is taken, because leave passes its slot to the first one. So a new caller
	// cannot overtake.
	if q.running < q.limits.Concurrent {
		q.running++
		q.mu.Unlock()
		return nil
	}
	if q.waiters.Len() >= q.limits.Queue {
		q.refused++
		q.mu.Unlock()
		return ErrBusy
	}
	granted := make(chan struct{})
	element := q.waiters.PushBack(granted)
	q.mu.Unlock()

	deadline := time.NewTimer(q.limits.Wait)
	defer deadline.Stop()
	select {
	case <-granted:
		return nil
	case <-ctx.Done():
		return q.cancel(element, granted, ctx.Err())
	case <-deadline.C:
		return q.cancel(element, granted, ErrBusy)
	}
}

// cancel removes a waiter from the queue and returns reason. When the slot was granted at the same moment it returns
// nil: the caller has the slot and must call leave, because no other code would.
func (q *queue) cancel(element *list.Element, granted chan struct{}, reason error) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	select {
	case <-granted:
		return nil
	default:
	}
	q.waiters.Remove(element)
	if reason == ErrBusy {
		q.refused++
	}
	return reason
}

// leave gives a slot back, or passes it to the caller that has waited longest.
func (q *queue) leave() {
	q.mu.Lock()
	defer q.mu.Unlock()
	first := q.waiters.Front()
	if first == nil {
		q.running--
		return
	}
	close(q.waiters.Remove(first).(chan struct{}))
}

func (q *queue) stats() (running, waiting int, refused uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.running, q.waiters.Len(), q.refused
}
