package password

import (
	"container/list"
	"context"
	"errors"
	"sync"
	"time"
)

// ErrBusy is returned when the queue is full or the wait is over; the caller may try again later (HTTP 503, Retry-After).
var ErrBusy = errors.New("password: too many hashes at once")

// queue hands out turns first come, first served.
type queue struct {
	limits Limits

	mu      sync.Mutex
	running int
	waiters list.List // of chan struct{}, closed by whoever hands its turn over
	refused uint64
}

func newQueue(limits Limits) *queue { return &queue{limits: limits} }

// room refuses who could not even wait now.
func (q *queue) room() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.running < q.limits.Concurrent || q.waiters.Len() < q.limits.Queue {
		return nil
	}
	q.refused++
	return ErrBusy
}

// enter takes a turn; after a nil error the caller owes leave.
func (q *queue) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	q.mu.Lock()
	// While anybody waits every turn is taken, because leave hands its own over: nobody can overtake.
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
	turn := make(chan struct{})
	place := q.waiters.PushBack(turn)
	q.mu.Unlock()

	deadline := time.NewTimer(q.limits.Wait)
	defer deadline.Stop()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
		return q.giveUp(place, turn, ctx.Err())
	case <-deadline.C:
		return q.giveUp(place, turn, ErrBusy)
	}
}

// giveUp leaves the queue, unless the turn came at the same moment: then it is taken, for nobody else would give it back.
func (q *queue) giveUp(place *list.Element, turn chan struct{}, reason error) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	select {
	case <-turn:
		return nil
	default:
	}
	q.waiters.Remove(place)
	if reason == ErrBusy {
		q.refused++
	}
	return reason
}

// leave ends a turn and hands it to the one who has waited longest.
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
