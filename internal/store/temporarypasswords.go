package store

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// TemporaryPassword is a row of temporary_passwords: a password that another user set. It works once, until it expires.
type TemporaryPassword struct {
	UserID    uuid.UUID
	SetAt     time.Time // the last_reset of the credential; after a change of the password the row means nothing
	ExpiresAt time.Time
	UsedAt    *time.Time
}

const temporaryPasswordColumns = `user_id, password_set_at, expires_at, used_at`

// TemporaryPassword returns the row that belongs to the password that a user has had since a time; cardinal.ErrNotFound
// if that password is not temporary.
func (r Reader) TemporaryPassword(ctx context.Context, userID uuid.UUID, setAt time.Time) (TemporaryPassword, error) {
	return queryOne(ctx, r, func(row scanner) (p TemporaryPassword, err error) {
		err = row.Scan(&p.UserID, timeInto{&p.SetAt}, timeInto{&p.ExpiresAt}, nullTimeInto{&p.UsedAt})
		return p, err
	}, `SELECT `+temporaryPasswordColumns+` FROM temporary_passwords WHERE user_id = $1 AND password_set_at = $2`,
		userID, setAt)
}

// SaveTemporaryPassword adds the row of a user's temporary password, or replaces the one of an earlier password.
func (tx Tx) SaveTemporaryPassword(ctx context.Context, p TemporaryPassword) error {
	if err := tx.DeleteTemporaryPassword(ctx, p.UserID); err != nil {
		return err
	}
	return tx.execDeferred(ctx,
		`INSERT INTO temporary_passwords (`+temporaryPasswordColumns+`) VALUES ($1, $2, $3, $4)`,
		p.UserID, p.SetAt, p.ExpiresAt, p.UsedAt)
}

// UseTemporaryPassword notes that a user signed in with a temporary password. It reports whether that was possible: not
// when it was used before, or has expired.
func (tx Tx) UseTemporaryPassword(ctx context.Context, p TemporaryPassword, now time.Time) (bool, error) {
	n, err := tx.exec(ctx, `
		UPDATE temporary_passwords SET used_at = $3
		 WHERE user_id = $1 AND password_set_at = $2 AND used_at IS NULL AND expires_at > $3`, p.UserID, p.SetAt, now)
	return n == 1, err
}

// DeleteTemporaryPassword deletes the row of a user, if there is one.
func (tx Tx) DeleteTemporaryPassword(ctx context.Context, userID uuid.UUID) error {
	return tx.execDeferred(ctx, `DELETE FROM temporary_passwords WHERE user_id = $1`, userID)
}
