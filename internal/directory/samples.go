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

// EncryptedSample is what came of opening a sample of a sealed column.
type EncryptedSample struct {
	Table, Column string
	Decrypted     int
	Erased        int         // placeholders, and what is left in the log of those whose key is gone
	Broken        []uuid.UUID // rows
}

// DecryptSamples tries to open some values of every sealed column, from both ends of each table, and forgets what they say. It
// opens no directory, since that may write; it gives an ErrKeyMissing when a key that the database names is not in the ring.
func DecryptSamples(ctx context.Context, r store.Reader, ring *seal.Keyring) ([]EncryptedSample, error) {
	const perColumn = 200
	k := &Keys{byID: map[uuid.UUID]seal.KEK{}}
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
	var samples []EncryptedSample
	for _, place := range store.SealedPlaces() {
		values, err := r.SealedSample(ctx, place, perColumn)
		if err != nil {
			return nil, fmt.Errorf("read %s.%s: %w", place.Table, place.Column, err)
		}
		sample := EncryptedSample{Table: place.Table, Column: place.Column}
		for _, v := range values {
			switch err := k.tryDecrypt(ctx, r, place, v); {
			case err == nil:
				sample.Decrypted++
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

// tryDecrypt opens a value under its owner's key, a stranger's under that of the month.
func (k *Keys) tryDecrypt(ctx context.Context, r store.Reader, place store.SealedPlace, v store.SealedValue) error {
	at := seal.Place{Table: place.Table, Column: place.Column, UserID: v.OwnerID, SchemaVersion: 1}
	var key seal.Key
	var err error
	switch {
	case len(v.Sealed) == 1:
		key = seal.NewKey() // a placeholder opens under none
	case v.OwnerID == cardinal.StrangerID:
		key, err = k.readServiceKey(ctx, r, monthKeyName(cardinal.TimeOf(v.RowID)))
		if errors.Is(err, cardinal.ErrNotFound) {
			return seal.ErrErased // the month retired
		}
	case !v.Key.KEKID.Valid && place.Table == "audit_logs":
		return seal.ErrErased // the log never changes: what an erased user left in it is closed for ever
	default:
		key, err = k.Unwrap(v.Key)
	}
	if err != nil {
		return err
	}
	_, err = key.Open(v.Sealed, at)
	return err
}
