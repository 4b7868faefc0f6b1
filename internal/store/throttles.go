package store

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// ThrottleRecord is a row of sign_in_throttles: the number of failed attempts per keyed hash.
type ThrottleRecord struct {
	KeyHash         []byte
	Failures        int64
	WindowStartedAt time.Time
	BlockedUntil    *time.Time
	ExpiresAt       time.Time
}

// Throttles returns the rows of those of the keys that have failed attempts.
func (r Reader) Throttles(ctx context.Context, keyHashes ...[]byte) ([]ThrottleRecord, error) {
	if len(keyHashes) == 0 {
		return nil, nil
	}
	list, args := placeholders(keyHashes)
	return queryAll(ctx, r, func(row scanner) (t ThrottleRecord, err error) {
		err = row.Scan(&t.KeyHash, &t.Failures, timeInto{&t.WindowStartedAt}, nullTimeInto{&t.BlockedUntil},
			timeInto{&t.ExpiresAt})
		return t, err
	}, `
		SELECT key_hash, failures, window_started_at, blocked_until, expires_at
		  FROM sign_in_throttles WHERE key_hash IN (`+list+`)`, args...)
}

// CountThrottleFailure adds a failed attempt to a key, begins a new window if the old one has ended, and returns the
// number of failures in the current window.
func (tx Tx) CountThrottleFailure(
	ctx context.Context, keyHash []byte, now time.Time, window time.Duration,
) (int64, error) {
	return queryOne(ctx, tx.Reader, func(row scanner) (n int64, err error) { err = row.Scan(&n); return n, err }, `
		INSERT INTO sign_in_throttles AS t (key_hash, failures, window_started_at, expires_at)
		VALUES ($1, 1, $2, $3)
		ON CONFLICT (key_hash) DO UPDATE
		   SET failures = CASE WHEN t.window_started_at <= $4 THEN 1 ELSE t.failures + 1 END,
		       window_started_at = CASE WHEN t.window_started_at <= $4 THEN $2 ELSE t.window_started_at END,
		       blocked_until = CASE WHEN t.blocked_until > $2 THEN t.blocked_until END,
		       expires_at = CASE WHEN t.blocked_until > $3 THEN t.blocked_until ELSE $3 END
		RETURNING failures`, keyHash, now, now.Add(2*window), now.Add(-window))
}

// BlockThrottle blocks attempts with a key until a time.
func (tx Tx) BlockThrottle(ctx context.Context, keyHash []byte, until time.Time) error {
	_, err := tx.exec(ctx, `UPDATE sign_in_throttles SET blocked_until = $2, expires_at = $2 WHERE key_hash = $1`,
		keyHash, until)
	return err
}

// DeleteThrottle deletes the failed attempts of a key.
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
