package store

import (
	"context"
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"cardinal"
)

// IdentifierRecord is a row of identifiers: a user name, or an email address or phone number that is verified or that
// an administrator or an import gave. It is unique over all users, and its user can sign in with it.
type IdentifierRecord struct {
	ValueIndex []byte // blind index of the value
	UserID     uuid.UUID
	ContactID  *uuid.UUID // nil for a user name
	CreatedAt  time.Time
}

const identifierColumns = `value_index, user_id, contact_id, created_at`

func scanIdentifier(row scanner) (i IdentifierRecord, err error) {
	err = row.Scan(&i.ValueIndex, &i.UserID, &i.ContactID, timeInto{&i.CreatedAt})
	return i, err
}

// DigestIdentifier digests a row of identifiers.
func DigestIdentifier(i IdentifierRecord) cardinal.RowDigest {
	return digestRow("identifiers", hex.EncodeToString(i.ValueIndex), 0, i.ValueIndex, i.UserID, i.ContactID,
		i.CreatedAt)
}

// DeletedIdentifier is the stamp of a deleted identifier.
func DeletedIdentifier(valueIndex []byte) cardinal.RowDigest {
	return cardinal.RowDigest{Table: "identifiers", Key: hex.EncodeToString(valueIndex)}
}

// Identifier returns the identifier with a blind index.
func (r Reader) Identifier(ctx context.Context, valueIndex []byte) (IdentifierRecord, error) {
	return queryOne(ctx, r, scanIdentifier, `SELECT `+identifierColumns+` FROM identifiers WHERE value_index = $1`,
		valueIndex)
}

// Identifiers returns all identifiers of a user.
func (r Reader) Identifiers(ctx context.Context, userID uuid.UUID) ([]IdentifierRecord, error) {
	return queryAll(ctx, r, scanIdentifier,
		`SELECT `+identifierColumns+` FROM identifiers WHERE user_id = $1 LIMIT 100`, userID)
}

// InsertIdentifier adds an identifier; it Violates "identifiers_pk" if a user has it already.
func (tx Tx) InsertIdentifier(ctx context.Context, i IdentifierRecord) error {
	return tx.execDeferred(ctx, `INSERT INTO identifiers (`+identifierColumns+`) VALUES ($1, $2, $3, $4)`,
		i.ValueIndex, i.UserID, i.ContactID, i.CreatedAt)
}

// DeleteIdentifier deletes an identifier.
func (tx Tx) DeleteIdentifier(ctx context.Context, valueIndex []byte) error {
	_, err := tx.exec(ctx, `DELETE FROM identifiers WHERE value_index = $1`, valueIndex)
	return err
}

// IsReservedUsername reports whether a user name, in its normal form, is one that users cannot give themselves.
func (r Reader) IsReservedUsername(ctx context.Context, name string) (bool, error) {
	return queryOne(ctx, r, scanBool, `SELECT EXISTS (SELECT 1 FROM reserved_usernames WHERE name = $1)`, name)
}

// placeholders returns "$1, $2, …" and the values as arguments. It repeats the last value up to the next power of two,
// so that lists of all lengths share a few SQL texts.
func placeholders[T any](values []T) (string, []any) {
	length := 1
	for length < len(values) {
		length *= 2
	}
	var list strings.Builder
	args := make([]any, length)
	for i := range args {
		if i > 0 {
			list.WriteString(", ")
		}
		list.WriteString("$" + strconv.Itoa(i+1))
		args[i] = values[min(i, len(values)-1)]
	}
	return list.String(), args
}
