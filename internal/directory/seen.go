package directory

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"

	"cardinal/internal/store"
)

// lastSeenBuffer collects which sessions were used, so that last_seen_at moves at most once a minute, in batches, outside the check.
// What is lost by a crash is at most a minute's notes, and no session ends earlier by more than that.
type lastSeenBuffer struct {
	d       *Directory
	mu      sync.Mutex
	pending map[sessionKey]time.Time
}

type sessionKey struct{ userID, id uuid.UUID }

// maxPendingLastSeen bounds the memory between two flushes; sessions beyond it are noted at their next use after one.
const maxPendingLastSeen = 100_000

func newLastSeenBuffer(d *Directory) *lastSeenBuffer {
	return &lastSeenBuffer{d: d, pending: map[sessionKey]time.Time{}}
}

func (s *lastSeenBuffer) add(userID, id uuid.UUID, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.pending) < maxPendingLastSeen {
		s.pending[sessionKey{userID, id}] = at
	}
}

// FlushLastSeen writes which sessions were used since the last time, a bounded number in a transaction.
func (d *Directory) FlushLastSeen(ctx context.Context) error {
	d.lastSeen.mu.Lock()
	pending := d.lastSeen.pending
	d.lastSeen.pending = map[sessionKey]time.Time{}
	d.lastSeen.mu.Unlock()
	batch := make([]sessionKey, 0, 500)
	write := func() error {
		defer func() { batch = batch[:0] }()
		return d.store.Write(ctx, func(tx store.Tx) error {
			for _, key := range batch {
				if err := tx.SeeSession(ctx, key.userID, key.id, pending[key]); err != nil {
					return err
				}
			}
			return nil
		})
	}
	for key := range pending {
		if batch = append(batch, key); len(batch) == cap(batch) {
			if err := write(); err != nil {
				return err
			}
		}
	}
	if len(batch) == 0 {
		return nil
	}
	return write()
}
