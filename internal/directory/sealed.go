package directory

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/seal"
	"cardinal/internal/store"
)

// SealedSample is what came of opening a sample of a sealed column.
type SealedSample struct {
	Table, Column string
	Opened        int
	Erased        int         // placeholders, and what is left in the log of those whose key is gone
	Broken        []uuid.UUID // rows
}

// OpenSealedSamples tries to open some values of every sealed column, from both ends of each table, and forgets what they say. It
// opens no directory, since that may write; it gives an ErrKeyMissing when a key that the database names is not in the ring.
func OpenSealedSamples(ctx context.Context, r store.Reader, ring *seal.Keyring) ([]SealedSample, error) {
	const perColumn = 200
	k := &keys{byID: map[uuid.UUID]seal.KEK{}}
	registered, err := r.KEKs(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the register of keys: %w", err)
	}
	for _, kek := range registered {
		var ok bool
		if k.byID[kek.ID], ok = ring.ByCheckValue([32]byte(kek.CheckValue)); !ok {
			return nil, fmt.Errorf("%w: the key-encryption key %s is not at hand", ErrKeyMissing, kek.ID)
		}
	}
	var samples []SealedSample
	for _, place := range store.SealedPlaces() {
		values, err := r.SealedSample(ctx, place, perColumn)
		if err != nil {
			return nil, fmt.Errorf("read %s.%s: %w", place.Table, place.Column, err)
		}
		sample := SealedSample{Table: place.Table, Column: place.Column}
		for _, v := range values {
			switch err := k.tryOpen(ctx, r, place, v); {
			case err == nil:
				sample.Opened++
			case errors.Is(err, seal.ErrErased):
				sample.Erased++
			case ctx.Err() != nil:
				return nil, ctx.Err()
			default:
				sample.Broken = append(sample.Broken, v.RowID)
			}
		}
		samples = append(samples, sample)
	}
	return samples, nil
}

// tryOpen opens a value under its owner's key, a stranger's under that of the month.
func (k *keys) tryOpen(ctx context.Context, r store.Reader, place store.SealedPlace, v store.SealedValue) error {
	at := seal.Place{Table: place.Table, Column: place.Column, UserID: v.OwnerID, SchemaVersion: 1}
	var key seal.Key
	var err error
	switch {
	case len(v.Sealed) == 1:
		key = seal.NewKey() // a placeholder opens under none
	case v.OwnerID == cardinal.AnonymousID:
		key, err = k.lookUp(ctx, r, monthName(cardinal.TimeOf(v.RowID)))
		if errors.Is(err, cardinal.ErrNotFound) {
			return seal.ErrErased // the month retired
		}
	case !v.Key.KEKID.Valid && place.Table == "audit_logs":
		return seal.ErrErased // the log never changes: what an erased user left in it is closed for ever
	default:
		key, err = k.unwrap(v.Key)
	}
	if err != nil {
		return err
	}
	_, err = key.Open(v.Sealed, at)
	return err
}
