package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
)

// ThrottleRecord is a row of sign_in_throttles: the attempts per keyed hash that are counted as failed.
type ThrottleRecord struct {
	KeyHash      []byte
	Failures     int64
	BlockedUntil *time.Time
	ExpiresAt    time.Time
}

const throttleColumns = `key_hash, failures, blocked_until, expires_at`

func scanThrottle(row scanner) (t ThrottleRecord, err error) {
	err = row.Scan(&t.KeyHash, &t.Failures, nullTimeInto{&t.BlockedUntil}, timeInto{&t.ExpiresAt})
	return t, err
}

// ThrottleKey is what an attempt is counted for.
type ThrottleKey struct {
	Hash      []byte
	ExpiresAt time.Time // of the count, when this attempt is the first that is counted
}

// Throttles returns the rows of those of the keys that have counted attempts.
func (r Reader) Throttles(ctx context.Context, keys ...ThrottleKey) ([]ThrottleRecord, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	hashes := make([][]byte, len(keys))
	for i, key := range keys {
		hashes[i] = key.Hash
	}
	list, args := placeholders(hashes)
	return queryAll(ctx, r, scanThrottle,
		`SELECT `+throttleColumns+` FROM sign_in_throttles WHERE key_hash IN (`+list+`)`, args...)
}

// CountAttempts counts an attempt for each key and returns the rows. A count that has expired begins again. Callers
// give the keys in one order, so that two transactions do not wait for each other.
func (tx Tx) CountAttempts(ctx context.Context, now time.Time, keys ...ThrottleKey) ([]ThrottleRecord, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	rows, args := make([]string, len(keys)), []any{now}
	for i, key := range keys {
		args = append(args, key.Hash, key.ExpiresAt)
		rows[i] = fmt.Sprintf("($%d, 1, $1, $%d)", len(args)-1, len(args))
	}
	return queryAll(ctx, tx.Reader, scanThrottle, `
		INSERT INTO sign_in_throttles AS t (key_hash, failures, window_started_at, expires_at)
		VALUES `+strings.Join(rows, ", ")+`
		ON CONFLICT (key_hash) DO UPDATE
		   SET failures = CASE WHEN t.expires_at <= $1 THEN 1 ELSE t.failures + 1 END,
		       window_started_at = CASE WHEN t.expires_at <= $1 THEN $1 ELSE t.window_started_at END,
		       blocked_until = CASE WHEN t.blocked_until > $1 THEN t.blocked_until END,
		       expires_at = CASE WHEN t.expires_at <= $1 THEN excluded.expires_at ELSE t.expires_at END
		RETURNING `+throttleColumns, args...)
}

// BlockThrottle refuses all attempts for a key until a time, unless another attempt was counted since.
func (tx Tx) BlockThrottle(ctx context.Context, keyHash []byte, failures int64, until, expires time.Time) error {
	return tx.execDeferred(ctx, `
		UPDATE sign_in_throttles SET blocked_until = $3, expires_at = $4 WHERE key_hash = $1 AND failures = $2`,
		keyHash, failures, until, expires)
}

// UncountAttempt undoes the count of an attempt: it is one less. The block that this attempt set ends, if no other was
// counted since.
func (tx Tx) UncountAttempt(ctx context.Context, keyHash []byte, failures int64) error {
	return tx.execDeferred(ctx, `
		UPDATE sign_in_throttles
		   SET failures = failures - 1, blocked_until = CASE WHEN failures <> $2 THEN blocked_until END
		 WHERE key_hash = $1 AND failures > 0`, keyHash, failures)
}

// DeleteThrottle deletes the counted attempts of a key.
func (tx Tx) DeleteThrottle(ctx context.Context, keyHash []byte) error {
	return tx.execDeferred(ctx, `DELETE FROM sign_in_throttles WHERE key_hash = $1`, keyHash)
}

// DeleteExpiredThrottles deletes failed attempts that do not count any more.
func (tx Tx) DeleteExpiredThrottles(ctx context.Context, now time.Time, limit int) (int64, error) {
	return tx.exec(ctx, `
		DELETE FROM sign_in_throttles WHERE key_hash IN (
		  SELECT key_hash FROM sign_in_throttles
		   WHERE expires_at <= $1 ORDER BY expires_at LIMIT `+limitText(limit)+`)`, now)
}

// RefusedAttempts is a row of refused_attempts: the number of refused attempts of anonymous callers in one minute.
type RefusedAttempts struct {
	SubjectID uuid.UUID
	Action    string
	Minute    time.Time
	Attempts  int64
}

// CountRefusedAttempt adds a refused attempt of an anonymous caller to its minute.
func (tx Tx) CountRefusedAttempt(ctx context.Context, subjectID uuid.UUID, action string, at time.Time) error {
	_, err := tx.exec(ctx, `
		INSERT INTO refused_attempts (subject_id, action, minute, attempts) VALUES ($1, $2, $3, 1)
		ON CONFLICT (subject_id, action, minute) DO UPDATE SET attempts = refused_attempts.attempts + 1`,
		subjectID, action, at.UTC().Truncate(time.Minute))
	return err
}

// TakeRefusedAttempts deletes and returns the counts of minutes that began before a time.
func (tx Tx) TakeRefusedAttempts(ctx context.Context, before time.Time, limit int) ([]RefusedAttempts, error) {
	return queryAll(ctx, tx.Reader, func(row scanner) (r RefusedAttempts, err error) {
		err = row.Scan(&r.SubjectID, &r.Action, timeInto{&r.Minute}, &r.Attempts)
		return r, err
	}, `
		DELETE FROM refused_attempts WHERE (subject_id, action, minute) IN (
		  SELECT subject_id, action, minute FROM refused_attempts
		   WHERE minute < $1 ORDER BY minute LIMIT `+limitText(limit)+`)
		RETURNING subject_id, action, minute, attempts`, before)
}
