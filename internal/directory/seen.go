package directory

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"

	"cardinal/internal/store"
)

// seen collects which sessions were used, so that last_seen_at moves at most once a minute, in batches, outside the check.
// What is lost by a crash is at most a minute's notes, and no session ends earlier by more than that.
type seen struct {
	d     *Directory
	mu    sync.Mutex
	noted map[sessionKey]time.Time
}

type sessionKey struct{ userID, id uuid.UUID }

// maxSeen bounds the memory between two flushes; sessions beyond it are noted at their next use after one.
const maxSeen = 100_000

func newSeen(d *Directory) *seen { return &seen{d: d, noted: map[sessionKey]time.Time{}} }

func (s *seen) note(userID, id uuid.UUID, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.noted) < maxSeen {
		s.noted[sessionKey{userID, id}] = at
	}
}

// FlushSeen writes which sessions were used since the last time, a bounded number in a transaction.
func (d *Directory) FlushSeen(ctx context.Context) error {
	d.seen.mu.Lock()
	noted := d.seen.noted
	d.seen.noted = map[sessionKey]time.Time{}
	d.seen.mu.Unlock()
	batch := make([]sessionKey, 0, 500)
	write := func() error {
		defer func() { batch = batch[:0] }()
		return d.store.Write(ctx, func(tx store.Tx) error {
			for _, key := range batch {
				if err := tx.SeeSession(ctx, key.userID, key.id, noted[key]); err != nil {
					return err
				}
			}
			return nil
		})
	}
	for key := range noted {
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
