package store

import (
	"context"
	"time"

	"github.com/google/uuid"

	"cardinal"
)

// KEKRecord is a row of key_encryption_keys: it identifies a key-encryption key, and never contains the key.
type KEKRecord struct {
	ID          uuid.UUID
	Location    string // file or environment
	CheckValue  []byte // HMAC of a constant under the key
	CreatedAt   time.Time
	RetiredAt   *time.Time
	DestroyedAt *time.Time
}

// KEKs returns the key-encryption keys, also those that are retired or destroyed.
func (r Reader) KEKs(ctx context.Context) ([]KEKRecord, error) {
	return queryAll(ctx, r, func(row scanner) (k KEKRecord, err error) {
		err = row.Scan(&k.ID, &k.Location, &k.CheckValue, timeInto{&k.CreatedAt}, nullTimeInto{&k.RetiredAt},
			nullTimeInto{&k.DestroyedAt})
		return k, err
	}, `
		SELECT id, location, check_value, created_at, retired_at, destroyed_at FROM key_encryption_keys ORDER BY id`)
}

// InsertKEK registers a key-encryption key; it Violates "key_encryption_keys_one_live_uq" if another one is in use.
func (tx Tx) InsertKEK(ctx context.Context, k KEKRecord) error {
	_, err := tx.exec(ctx,
		`INSERT INTO key_encryption_keys (id, location, check_value, created_at) VALUES ($1, $2, $3, $4)`, k.ID,
		k.Location, k.CheckValue, k.CreatedAt)
	return err
}

// ServiceKeyRecord is a row of service_keys: a wrapped key of Cardinal itself.
type ServiceKeyRecord struct {
	ID         uuid.UUID
	Name       string
	KEKID      uuid.UUID
	WrappedKey []byte
	CreatedAt  time.Time
}

const serviceKeyColumns = `id, name, kek_id, wrapped_key, created_at`

func scanServiceKey(row scanner) (k ServiceKeyRecord, err error) {
	err = row.Scan(&k.ID, &k.Name, &k.KEKID, &k.WrappedKey, timeInto{&k.CreatedAt})
	return k, err
}

// ServiceKey returns a key of Cardinal itself by name.
func (r Reader) ServiceKey(ctx context.Context, name string) (ServiceKeyRecord, error) {
	return queryOne(ctx, r, scanServiceKey, `SELECT `+serviceKeyColumns+` FROM service_keys WHERE name = $1`, name)
}

// EnsureServiceKey adds a key of Cardinal itself unless there is one with that name, and returns the stored one.
func (tx Tx) EnsureServiceKey(ctx context.Context, k ServiceKeyRecord) (ServiceKeyRecord, error) {
	if _, err := tx.exec(ctx, `
		INSERT INTO service_keys (`+serviceKeyColumns+`, wrapped_at) VALUES ($1, $2, $3, $4, $5, $5)
		ON CONFLICT (name) DO NOTHING`, k.ID, k.Name, k.KEKID, k.WrappedKey, k.CreatedAt); err != nil {
		return ServiceKeyRecord{}, err
	}
	return tx.ServiceKey(ctx, k.Name)
}

// UserKeyRecord is a row of user_keys: a user's wrapped data key.
type UserKeyRecord struct {
	UserID     uuid.UUID
	KEKID      uuid.NullUUID // NULL only if an outer join found no key
	WrappedKey []byte
	CreatedAt  time.Time
	WrappedAt  time.Time
}

// DigestUserKey digests a row of user_keys.
func DigestUserKey(k UserKeyRecord) cardinal.RowDigest {
	return digestRow("user_keys", keyOf(k.UserID), 0, k.UserID, k.KEKID.UUID, k.WrappedKey, k.CreatedAt, k.WrappedAt)
}

const userKeyColumns = `user_id, kek_id, wrapped_key, created_at, wrapped_at`

func scanUserKey(row scanner) (k UserKeyRecord, err error) {
	err = row.Scan(&k.UserID, &k.KEKID, &k.WrappedKey, timeInto{&k.CreatedAt}, timeInto{&k.WrappedAt})
	return k, err
}

// UserKey returns a user's wrapped data key; cardinal.ErrNotFound for built-in actors and erased users.
func (r Reader) UserKey(ctx context.Context, userID uuid.UUID) (UserKeyRecord, error) {
	return queryOne(ctx, r, scanUserKey, `SELECT `+userKeyColumns+` FROM user_keys WHERE user_id = $1`, userID)
}

// UserKeys returns the wrapped data keys of those of the users that have one.
func (r Reader) UserKeys(ctx context.Context, userIDs []uuid.UUID) ([]UserKeyRecord, error) {
	return queryIn(ctx, r, scanUserKey, `SELECT `+userKeyColumns+` FROM user_keys WHERE user_id IN (`, userIDs)
}

// InsertUserKey adds a user's wrapped data key.
func (tx Tx) InsertUserKey(ctx context.Context, k UserKeyRecord) error {
	return tx.execDeferred(ctx, `INSERT INTO user_keys (`+userKeyColumns+`) VALUES ($1, $2, $3, $4, $5)`,
		k.UserID, k.KEKID, k.WrappedKey, k.CreatedAt, k.WrappedAt)
}
