package store

import (
	"context"
	"time"

	"github.com/google/uuid"

	"cardinal"
)

// ContactRecord is a row of contacts as stored: the value is encrypted.
type ContactRecord struct {
	UserID, ID             uuid.UUID
	Kind                   string
	ValueSealed            []byte
	IsPrimary              bool
	VerifiedAt             *time.Time
	CreatedAt, UpdatedAt   time.Time
	Version, SchemaVersion int64
	GivenBy                string // cardinal.GivenByUser and so on
	// ValueIndex is the blind index of an unverified value that its user typed. It is nil for all others: theirs is in
	// identifiers, where it is unique.
	ValueIndex []byte
}

const contactColumns = `user_id, id, kind, value_sealed, is_primary, verified_at, created_at, updated_at, version,
  schema_version, given_by, value_index`

func scanContact(row scanner) (c ContactRecord, err error) {
	err = row.Scan(&c.UserID, &c.ID, &c.Kind, &c.ValueSealed, &c.IsPrimary, nullTimeInto{&c.VerifiedAt},
		timeInto{&c.CreatedAt}, timeInto{&c.UpdatedAt}, &c.Version, &c.SchemaVersion, &c.GivenBy, &c.ValueIndex)
	return c, err
}

// DigestContact digests a row of contacts.
func DigestContact(c ContactRecord) cardinal.RowDigest {
	return digestRow("contacts", keyOf(c.UserID, c.ID), c.Version, c.UserID, c.ID, c.Kind, c.ValueSealed, c.IsPrimary,
		c.VerifiedAt, c.CreatedAt, c.UpdatedAt, c.Version, c.SchemaVersion, c.GivenBy, c.ValueIndex)
}

// Contacts returns all contacts of a user, at most cardinal.MaxContacts, oldest first.
func (r Reader) Contacts(ctx context.Context, userID uuid.UUID) ([]ContactRecord, error) {
	return queryAll(ctx, r, scanContact,
		`SELECT `+contactColumns+` FROM contacts WHERE user_id = $1 ORDER BY id LIMIT 100`, userID)
}

// Contact returns one contact of a user.
func (r Reader) Contact(ctx context.Context, userID, id uuid.UUID) (ContactRecord, error) {
	return queryOne(ctx, r, scanContact, `SELECT `+contactColumns+` FROM contacts WHERE user_id = $1 AND id = $2`,
		userID, id)
}

// LockContact returns one contact and locks it until the transaction ends.
func (tx Tx) LockContact(ctx context.Context, userID, id uuid.UUID) (ContactRecord, error) {
	return queryOne(ctx, tx.Reader, scanContact, `
		SELECT `+contactColumns+` FROM contacts WHERE user_id = $1 AND id = $2`+tx.engine.lockRow, userID, id)
}

// InsertContact adds a contact.
func (tx Tx) InsertContact(ctx context.Context, c ContactRecord) error {
	return tx.execDeferred(ctx, `
		INSERT INTO contacts (`+contactColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`, c.values()...)
}

// values are the values of contactColumns.
func (c ContactRecord) values() []any {
	return []any{c.UserID, c.ID, c.Kind, c.ValueSealed, c.IsPrimary, c.VerifiedAt, c.CreatedAt, c.UpdatedAt, c.Version,
		c.SchemaVersion, c.GivenBy, c.ValueIndex}
}

// UpdateContact updates whether a contact is primary and verified, and its blind index, if its version is still
// c.Version; it returns the new row.
func (tx Tx) UpdateContact(ctx context.Context, c ContactRecord, now time.Time) (ContactRecord, error) {
	return queryOne(ctx, tx.Reader, scanContact, `
		UPDATE contacts
		   SET is_primary = $4, verified_at = $5, value_index = $6, updated_at = $7, version = version + 1
		 WHERE user_id = $1 AND id = $2 AND version = $3
		RETURNING `+contactColumns, c.UserID, c.ID, c.Version, c.IsPrimary, c.VerifiedAt, c.ValueIndex, now)
}

// DeleteContact deletes a contact and its identifier.
func (tx Tx) DeleteContact(ctx context.Context, userID, id uuid.UUID) error {
	_, err := tx.exec(ctx, `DELETE FROM identifiers WHERE user_id = $1 AND contact_id = $2`, userID, id)
	if err != nil {
		return err
	}
	n, err := tx.exec(ctx, `DELETE FROM contacts WHERE user_id = $1 AND id = $2`, userID, id)
	if err == nil && n == 0 {
		return cardinal.ErrNotFound
	}
	return err
}

// UnverifiedContacts returns the unverified contacts with a blind index that their users typed, ordered by user.
func (r Reader) UnverifiedContacts(ctx context.Context, valueIndex []byte, limit int) ([]ContactRecord, error) {
	return queryAll(ctx, r, scanContact, `
		SELECT `+contactColumns+` FROM contacts WHERE value_index = $1
		 ORDER BY user_id LIMIT `+limitText(limit), valueIndex)
}

// AllUnverifiedContacts returns a batch of the contacts that their users typed and no user has verified: those after a
// blind index and a user, in this order. The first batch is after nil and uuid.Nil.
func (r Reader) AllUnverifiedContacts(
	ctx context.Context, afterIndex []byte, afterUser uuid.UUID, limit int,
) ([]ContactRecord, error) {
	if afterIndex == nil {
		afterIndex = []byte{}
	}
	return queryAll(ctx, r, scanContact, `
		SELECT `+contactColumns+` FROM contacts
		 WHERE value_index IS NOT NULL AND (value_index, user_id) > ($1, $2)
		 ORDER BY value_index, user_id LIMIT `+limitText(limit), afterIndex, afterUser)
}

// ContactKinds lists the kinds of contacts.
func (r Reader) ContactKinds(ctx context.Context) ([]string, error) {
	return queryAll(ctx, r, scanText, `SELECT code FROM contact_kinds ORDER BY id`)
}

func scanText(row scanner) (s string, err error) {
	err = row.Scan(&s)
	return s, err
}
