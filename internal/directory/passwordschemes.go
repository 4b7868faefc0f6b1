package directory

import (
	"context"
	"errors"
	"sync"
	"time"

	"cardinal/internal/password"
	"cardinal/internal/store"
)

// schemesValidFor is how long a node uses the schemes of the stored password hashes that it has read.
const schemesValidFor = 10 * time.Second

// schemeCache says when the hasher has to learn again which schemes are in use: an import, of any node, adds some.
type schemeCache struct {
	mu         sync.Mutex
	validUntil time.Time
}

// refreshPasswordSchemes tells the hasher which schemes the stored hashes have, when it does not know it or knows it
// for a while.
func (d *Directory) refreshPasswordSchemes(ctx context.Context) error {
	if !d.schemes.mu.TryLock() {
		return nil // another request does it
	}
	defer d.schemes.mu.Unlock()
	if time.Now().Before(d.schemes.validUntil) {
		return nil
	}
	rows, err := d.store.Read(ctx).PasswordSchemes(ctx)
	if err != nil {
		return err
	}
	inUse := make([]password.SchemeInUse, len(rows))
	for i, row := range rows {
		inUse[i] = password.SchemeInUse(row)
	}
	d.hasher.SetSchemes(inUse)
	d.schemes.validUntil = time.Now().Add(schemesValidFor)
	return nil
}

// NotePasswordSchemes notes the schemes of hashes that a transaction stores. Those of the hasher itself need not be
// noted: it knows them.
func NotePasswordSchemes(ctx context.Context, tx store.Tx, now time.Time, inUse map[string]password.SchemeInUse) error {
	for _, s := range inUse {
		if err := tx.NotePasswordScheme(ctx, store.PasswordScheme(s), now); err != nil {
			return err
		}
	}
	return nil
}

// WrapHash hashes a hash of another scheme with the scheme of this service. It waits as long as the hashing queue is
// full: an import and a job can wait, users who sign in cannot.
func (k Desk) WrapHash(ctx context.Context, given password.ImportedHash) (string, error) {
	for {
		phc, err := k.d.hasher.Wrap(ctx, k.HashCaller(), given)
		if !errors.Is(err, password.ErrBusy) {
			return phc, err
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}
