package directory

import (
	"context"
	"sync"

	"cardinal/internal/store"
)

// olderTokens collects the tokens that were used and are stored without the service key. They are converted in batches,
// like the last use of sessions, so that no check of a session waits for a write.
type olderTokens struct {
	mu      sync.Mutex
	pending map[Token]bool
}

// maxOlderTokens bounds the memory between two flushes. Further tokens are converted after their next use.
const maxOlderTokens = 10_000

func (b *olderTokens) add(t Token) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.pending == nil {
		b.pending = map[Token]bool{}
	}
	if len(b.pending) < maxOlderTokens {
		b.pending[t] = true
	}
}

func (b *olderTokens) take() map[Token]bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	pending := b.pending
	b.pending = nil
	return pending
}

// NoteOlderToken notes that a valid token is stored without the service key, and can be converted. FlushLastSeen
// converts it.
func (d *Directory) NoteOlderToken(t Token) { d.olderTokens.add(t) }

// convertTokens stores the noted tokens under the service key. The row's digests do not cover the token, so no event is
// needed: what the token allows does not change.
func (d *Directory) convertTokens(ctx context.Context) error {
	for t := range d.olderTokens.take() {
		err := d.store.Write(ctx, func(tx store.Tx) error {
			if t.prefix == APIKeyPrefix {
				return tx.ConvertAPIKeyToken(ctx, t.UserID, t.ID, d.keys.TokenHashes(t))
			}
			return tx.ConvertSessionToken(ctx, t.UserID, t.ID, d.keys.TokenHashes(t))
		})
		if err != nil {
			return err
		}
	}
	return nil
}
