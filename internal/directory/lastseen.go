package directory

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"

	"cardinal/internal/store"
)

// lastSeenBuffer collects when sessions were last used. The column last_seen_at is written in batches and not by each
// check, at most once a minute per session. A crash loses the entries of one interval at most: a session then ends
// earlier by no more than that.
type lastSeenBuffer struct {
	mu      sync.Mutex
	pending map[sessionKey]time.Time
}

type sessionKey struct{ userID, id uuid.UUID }

// maxPendingLastSeen bounds the memory between two flushes. Further sessions are recorded at their next use after a
// flush.
const maxPendingLastSeen = 100_000

func newLastSeenBuffer() *lastSeenBuffer {
	return &lastSeenBuffer{pending: map[sessionKey]time.Time{}}
}

func (b *lastSeenBuffer) add(key sessionKey, at time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.pending) < maxPendingLastSeen {
		b.pending[key] = at
	}
}

// take empties the buffer and returns what it had.
func (b *lastSeenBuffer) take() map[sessionKey]time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	pending := b.pending
	b.pending = map[sessionKey]time.Time{}
	return pending
}

// NoteLastSeen notes that a session was used. FlushLastSeen writes it.
func (d *Directory) NoteLastSeen(userID, id uuid.UUID, at time.Time) {
	d.lastSeen.add(sessionKey{userID, id}, at)
}

// FlushLastSeen writes which sessions were used since the last flush, a bounded number per transaction, and converts
// the tokens that were used and are stored without the service key.
func (d *Directory) FlushLastSeen(ctx context.Context) error {
	if err := d.convertTokens(ctx); err != nil {
		return err
	}
	pending := d.lastSeen.take()
	batch := make([]sessionKey, 0, BatchSize)
	write := func() error {
		defer func() { batch = batch[:0] }()
		return d.store.Write(ctx, func(tx store.Tx) error {
			for _, key := range batch {
				if err := tx.SetSessionLastSeen(ctx, key.userID, key.id, pending[key]); err != nil {
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
