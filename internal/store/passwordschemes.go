package store

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// PasswordScheme is a row of password_schemes: a scheme that stored password hashes have.
type PasswordScheme struct {
	Name   string
	Sample string // a hash of no user, with the most expensive parameters
	Cost   time.Duration
}

// PasswordSchemes returns the schemes of the stored password hashes.
func (r Reader) PasswordSchemes(ctx context.Context) ([]PasswordScheme, error) {
	return queryAll(ctx, r, func(row scanner) (s PasswordScheme, err error) {
		var micros int64
		err = row.Scan(&s.Name, &s.Sample, &micros)
		s.Cost = time.Duration(micros) * time.Microsecond
		return s, err
	}, `SELECT name, sample, cost_us FROM password_schemes ORDER BY name`)
}

// NotePasswordScheme notes that a hash of a scheme is stored. Of two samples the more expensive one stays.
func (tx Tx) NotePasswordScheme(ctx context.Context, s PasswordScheme, now time.Time) error {
	return tx.execDeferred(ctx, `
		INSERT INTO password_schemes AS p (name, sample, cost_us, noted_at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (name) DO UPDATE
		   SET sample = CASE WHEN excluded.cost_us > p.cost_us THEN excluded.sample ELSE p.sample END,
		       cost_us = CASE WHEN excluded.cost_us > p.cost_us THEN excluded.cost_us ELSE p.cost_us END,
		       noted_at = excluded.noted_at`, s.Name, s.Sample, s.Cost.Microseconds(), now)
}

// DeletePasswordSchemes deletes the schemes that were not noted since a time.
func (tx Tx) DeletePasswordSchemes(ctx context.Context, notedBefore time.Time) error {
	_, err := tx.exec(ctx, `DELETE FROM password_schemes WHERE noted_at < $1`, notedBefore)
	return err
}

// UserHash is the password hash of a user.
type UserHash struct {
	UserID uuid.UUID
	Hash   string
}

// OtherHashes returns the next password hashes, by user, that do not start with a prefix.
func (r Reader) OtherHashes(ctx context.Context, prefix string, after uuid.UUID, limit int) ([]UserHash, error) {
	return queryAll(ctx, r, func(row scanner) (h UserHash, err error) {
		err = row.Scan(&h.UserID, &h.Hash)
		return h, err
	}, `
		SELECT user_id, hash FROM credentials
		 WHERE user_id > $1 AND substr(hash, 1, length($2)) <> $2 ORDER BY user_id LIMIT $3`, after, prefix, limit)
}
