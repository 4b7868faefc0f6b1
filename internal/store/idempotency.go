package store

import (
	"context"
	"strconv"
	"time"

	"github.com/google/uuid"

	"cardinal"
)

// IdempotencyRecord is a row of idempotency_keys: the stored response that a repeated request gets.
type IdempotencyRecord struct {
	ID, CallerID                      uuid.UUID
	Route                             string
	KeyHash, Fingerprint, ReplySealed []byte
	CreatedAt, ExpiresAt              time.Time
	// APIKeyID is the API key of the request. It is nil for other callers, and in rows of the first version.
	APIKeyID *uuid.UUID
}

const idempotencyColumns = `id, caller_id, route, key_hash, fingerprint, reply_sealed, created_at, expires_at,
  api_key_id`

// IdempotencyKey returns the stored response to a caller's key on a route, also if it has expired but is not deleted
// yet. For an API key it is that of the key, or else one without a key, which the first version wrote.
func (r Reader) IdempotencyKey(
	ctx context.Context, callerID uuid.UUID, apiKeyID *uuid.UUID, route string, keyHash []byte,
) (IdempotencyRecord, error) {
	return queryOne(ctx, r, func(row scanner) (k IdempotencyRecord, err error) {
		err = row.Scan(&k.ID, &k.CallerID, &k.Route, &k.KeyHash, &k.Fingerprint, &k.ReplySealed, timeInto{&k.CreatedAt},
			timeInto{&k.ExpiresAt}, &k.APIKeyID)
		return k, err
	}, `
		SELECT `+idempotencyColumns+` FROM idempotency_keys
		 WHERE caller_id = $1 AND route = $2 AND key_hash = $3 AND (api_key_id IS NULL OR api_key_id = $4)
		 ORDER BY api_key_id IS NULL LIMIT 1`, callerID, route, keyHash, apiKeyID)
}

// ClaimIdempotencyKey inserts the row of a request whose response is not known yet: ReplySealed is a placeholder until
// StoreReply. It waits for a concurrent transaction that inserts the same key, and returns false if that one
// commits; then IdempotencyKey returns its response. Until the contraction of migration 32, a row of another API key of
// the same caller counts too; IdempotencyKey does not return it.
func (tx Tx) ClaimIdempotencyKey(ctx context.Context, k IdempotencyRecord) (claimed bool, err error) {
	n, err := tx.exec(ctx, `
		INSERT INTO idempotency_keys (`+idempotencyColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		ON CONFLICT DO NOTHING`,
		k.ID, k.CallerID, k.Route, k.KeyHash, k.Fingerprint, k.ReplySealed, k.CreatedAt, k.ExpiresAt,
		k.APIKeyID)
	return n > 0, err
}

// ReuseIdempotencyKey reuses the row of an expired response for a new request with the same key; cardinal.ErrNotFound
// if another request did so first.
func (tx Tx) ReuseIdempotencyKey(ctx context.Context, id uuid.UUID, k IdempotencyRecord) error {
	n, err := tx.exec(ctx, `
		UPDATE idempotency_keys
		   SET fingerprint = $2, reply_sealed = $3, created_at = $4, expires_at = $5, api_key_id = $6
		 WHERE id = $1 AND expires_at <= $4`,
		id, k.Fingerprint, k.ReplySealed, k.CreatedAt, k.ExpiresAt, k.APIKeyID)
	if err == nil && n == 0 {
		return cardinal.ErrNotFound
	}
	return err
}

// StoreReply stores the response in the row that ClaimIdempotencyKey inserted.
func (tx Tx) StoreReply(ctx context.Context, id uuid.UUID, replySealed []byte) error {
	n, err := tx.exec(ctx, `UPDATE idempotency_keys SET reply_sealed = $2 WHERE id = $1`, id, replySealed)
	if err == nil && n == 0 {
		return cardinal.ErrNotFound
	}
	return err
}

// DeleteExpiredIdempotencyKeys deletes expired responses and returns their number.
func (tx Tx) DeleteExpiredIdempotencyKeys(ctx context.Context, now time.Time, limit int) (int64, error) {
	return tx.exec(ctx, `
		DELETE FROM idempotency_keys WHERE id IN (
		  SELECT id FROM idempotency_keys WHERE expires_at <= $1 ORDER BY expires_at LIMIT `+limitText(limit)+`)`, now)
}

// SetLockTimeout sets the lock timeout of the following statements of this transaction: a statement that waits longer
// for another transaction fails with cardinal.ErrBusy. On SQLite only one transaction writes at a time, so it has no
// effect.
func (tx Tx) SetLockTimeout(ctx context.Context, d time.Duration) error {
	if tx.engine.name != "postgres" {
		return nil
	}
	// SET takes no parameters; 0 would mean no timeout.
	limit := strconv.FormatInt(max(1, d.Milliseconds()), 10) + "ms"
	_, err := tx.exec(ctx, `SELECT set_config('lock_timeout', $1, TRUE)`, limit)
	return err
}
