package store

import (
	"context"
	"time"

	"github.com/google/uuid"

	"cardinal"
)

// CredentialRecord is a row of credentials. The column salt is missing here: the database extracts it from the hash.
type CredentialRecord struct {
	UserID                 uuid.UUID
	Hash                   string // PHC string
	LastReset              time.Time
	MustChange             bool
	CreatedAt, UpdatedAt   time.Time
	Version, SchemaVersion int64
}

// #nosec G101 -- names of columns
const credentialColumns = `user_id, hash, last_reset, must_change, created_at, updated_at, version, schema_version`

func scanCredential(row scanner) (c CredentialRecord, err error) {
	err = row.Scan(&c.UserID, &c.Hash, timeInto{&c.LastReset}, &c.MustChange, timeInto{&c.CreatedAt},
		timeInto{&c.UpdatedAt}, &c.Version, &c.SchemaVersion)
	return c, err
}

// DigestCredential digests a row of credentials.
func DigestCredential(c CredentialRecord) cardinal.RowDigest {
	return digestRow("credentials", keyOf(c.UserID), c.Version, c.UserID, c.Hash, c.LastReset, c.MustChange,
		c.CreatedAt, c.UpdatedAt, c.Version, c.SchemaVersion)
}

// Credential returns a user's password hash.
func (r Reader) Credential(ctx context.Context, userID uuid.UUID) (CredentialRecord, error) {
	return queryOne(ctx, r, scanCredential, `SELECT `+credentialColumns+` FROM credentials WHERE user_id = $1`, userID)
}

// LockCredential returns a user's password hash and locks it until the transaction ends.
func (tx Tx) LockCredential(ctx context.Context, userID uuid.UUID) (CredentialRecord, error) {
	return queryOne(ctx, tx.Reader, scanCredential,
		`SELECT `+credentialColumns+` FROM credentials WHERE user_id = $1`+tx.engine.lockRow, userID)
}

// InsertCredential adds a user's password hash.
func (tx Tx) InsertCredential(ctx context.Context, c CredentialRecord) error {
	return tx.execDeferred(ctx,
		`INSERT INTO credentials (`+credentialColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`, c.UserID, c.Hash,
		c.LastReset, c.MustChange, c.CreatedAt, c.UpdatedAt, c.Version, c.SchemaVersion)
}

// UpdateCredential updates a password hash if its version is still c.Version; it returns the new row.
func (tx Tx) UpdateCredential(ctx context.Context, c CredentialRecord, now time.Time) (CredentialRecord, error) {
	return queryOne(ctx, tx.Reader, scanCredential, `
		UPDATE credentials SET hash = $3, last_reset = $4, must_change = $5, updated_at = $6, version = version + 1
		 WHERE user_id = $1 AND version = $2
		RETURNING `+credentialColumns, c.UserID, c.Version, c.Hash, c.LastReset, c.MustChange, now)
}

// DeleteCredential deletes a user's password hash; cardinal.ErrNotFound if there is none.
func (tx Tx) DeleteCredential(ctx context.Context, userID uuid.UUID) error {
	n, err := tx.exec(ctx, `DELETE FROM credentials WHERE user_id = $1`, userID)
	if err != nil {
		return err
	}
	if n == 0 {
		return cardinal.ErrNotFound
	}
	return tx.DeleteTemporaryPassword(ctx, userID)
}

// LockSignIn returns a user and the user's password hash as they are now, and locks both until the transaction
// ends; cardinal.ErrNotFound for a user without password.
func (tx Tx) LockSignIn(ctx context.Context, userID uuid.UUID) (UserRecord, CredentialRecord, error) {
	var user UserRecord
	credential, err := queryOne(ctx, tx.Reader, func(row scanner) (c CredentialRecord, err error) {
		user.ID = userID
		err = row.Scan(&user.Kind, &user.Status, &user.Version, &c.UserID, &c.Hash, timeInto{&c.LastReset},
			&c.MustChange, timeInto{&c.CreatedAt}, timeInto{&c.UpdatedAt}, &c.Version, &c.SchemaVersion)
		return c, err
	}, `
		SELECT u.kind, u.status, u.version,
		       c.user_id, c.hash, c.last_reset, c.must_change, c.created_at, c.updated_at, c.version, c.schema_version
		  FROM users u JOIN credentials c ON c.user_id = u.id
		 WHERE u.id = $1`+tx.engine.lockRow, userID)
	return user, credential, err
}

// SignInAccount is what a sign-in needs to know of an account.
type SignInAccount struct {
	UserID     uuid.UUID
	Status     string
	CanSignIn  bool
	Hash       *string // nil if there is no password
	MustChange bool
	LastReset  *time.Time // when the password was set; nil if there is none
	UsedAt     *time.Time // when a temporary password was used; nil if it was not, or is not temporary
	ExpiresAt  *time.Time // of a temporary password; nil if it is not temporary
	Version    int64      // of the credential; 0 if there is none
	Key        UserKeyRecord
}

// IsTemporaryEnded reports whether the password is temporary and was used or has expired.
func (a SignInAccount) IsTemporaryEnded(now time.Time) bool {
	return a.UsedAt != nil || a.ExpiresAt != nil && !now.Before(*a.ExpiresAt)
}

// SignInAccount returns the account with an identifier, in one statement; cardinal.ErrNotFound if there is none.
func (r Reader) SignInAccount(ctx context.Context, valueIndex []byte) (SignInAccount, error) {
	return queryOne(ctx, r, func(row scanner) (s SignInAccount, err error) {
		err = row.Scan(&s.UserID, &s.Status, &s.CanSignIn, &s.Hash, &s.MustChange, nullTimeInto{&s.LastReset},
			&s.Version, nullTimeInto{&s.UsedAt}, nullTimeInto{&s.ExpiresAt}, &s.Key.KEKID, &s.Key.WrappedKey)
		s.Key.UserID = s.UserID
		return s, err
	}, `
		SELECT u.id, u.status, (s.can_sign_in AND k.can_sign_in),
		       c.hash, COALESCE(c.must_change, FALSE), c.last_reset, COALESCE(c.version, 0), t.used_at, t.expires_at,
		       uk.kek_id, uk.wrapped_key
		  FROM identifiers i
		  JOIN users u ON u.id = i.user_id
		  JOIN user_statuses s ON s.code = u.status
		  JOIN user_kinds k ON k.code = u.kind
		  LEFT JOIN credentials c ON c.user_id = u.id
		  LEFT JOIN temporary_passwords t ON t.user_id = u.id AND t.password_set_at = c.last_reset
		  LEFT JOIN user_keys uk ON uk.user_id = u.id
		 WHERE i.value_index = $1`, valueIndex)
}
