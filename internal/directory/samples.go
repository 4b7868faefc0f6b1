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

// EncryptedSample is the result of decrypting a sample of an encrypted column.
type EncryptedSample struct {
	Table, Column string
	Decrypted     int
	Erased        int         // erased values, and values in the log of users whose key was destroyed
	Broken        []uuid.UUID // rows whose value could not be decrypted
}

// DecryptSamples decrypts some values of every encrypted column, from both ends of each table, and discards the values.
// cardinal check calls it. It does not open a directory, because that can write. The error is ErrKeyMissing when a key
// that the database names is not in the ring.
func DecryptSamples(ctx context.Context, r store.Reader, ring *seal.Keyring) ([]EncryptedSample, error) {
	const perColumn = 200
	k := &Keys{byID: map[uuid.UUID]seal.KEK{}}
	registered, err := r.KEKs(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the registered keys: %w", err)
	}
	for _, kek := range registered {
		if kek.DestroyedAt != nil {
			continue
		}
		var ok bool
		if k.byID[kek.ID], ok = ring.ByCheckValue([32]byte(kek.CheckValue)); !ok {
			return nil, fmt.Errorf("%w: the key-encryption key %s was not given", ErrKeyMissing, kek.ID)
		}
	}
	var samples []EncryptedSample
	for _, place := range store.EncryptedColumns() {
		values, err := r.SampleEncryptedColumn(ctx, place, perColumn)
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

// tryDecrypt decrypts a value with the key of its owner; a value of an anonymous caller with the key of the month.
func (k *Keys) tryDecrypt(
	ctx context.Context,
	r store.Reader,
	place store.EncryptedColumn,
	v store.EncryptedValue,
) error {
	at := valuePlace(place.Table, place.Column, v.OwnerID, v.RowID)
	var key seal.Key
	var err error
	switch {
	case len(v.Ciphertext) == 1:
		key = seal.NewKey() // an erased value: any key returns seal.ErrErased
	case v.OwnerID == cardinal.AnonymousID:
		key, err = k.readServiceKey(ctx, r, monthKeyName(cardinal.TimeOf(v.RowID)))
		if errors.Is(err, cardinal.ErrNotFound) {
			return seal.ErrErased // the key was destroyed with the month
		}
	case !v.Key.KEKID.Valid && place.Table == "audit_logs":
		return seal.ErrErased // the log never changes: it keeps the values of an erased user, which no key decrypts
	default:
		key, err = k.Unwrap(v.Key)
	}
	if err != nil {
		return err
	}
	_, err = key.Open(v.Ciphertext, at)
	return err
}
