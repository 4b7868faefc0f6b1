package store

import (
	"context"
	"fmt"

	"github.com/google/uuid"
)

// Rows whose encrypted values are encrypted again, in another format.

// RowTable is a table with encrypted values where a user has several rows.
type RowTable string

// The tables whose encrypted values are bound to their row.
const (
	ContactRows RowTable = "contacts"
	SessionRows RowTable = "sessions"
	APIKeyRows  RowTable = "api_keys"
)

// sealedColumns are the encrypted columns of the tables.
var sealedColumns = map[RowTable][]string{
	ContactRows: {"value_sealed"},
	SessionRows: {"address_sealed", "user_agent_sealed"},
	APIKeyRows:  {"name_sealed"},
}

// formatWithoutRow is the first byte of an encrypted value that is bound to its user and not to its row.
const formatWithoutRow = 0x01

// RowKey is the primary key of a row of a RowTable, and whether the row has a value that is not bound to it.
type RowKey struct {
	UserID, ID uuid.UUID
	IsOlder    bool
}

// RowKeys returns the keys of the next rows of a table after a key; the zero RowKey for the start.
func (r Reader) RowKeys(ctx context.Context, table RowTable, after RowKey, limit int) ([]RowKey, error) {
	older := ``
	for _, column := range sealedColumns[table] {
		older += fmt.Sprintf(` OR coalesce(substr(%s, 1, 1) = $3, FALSE)`, column)
	}
	return queryAll(ctx, r, func(row scanner) (k RowKey, err error) {
		err = row.Scan(&k.UserID, &k.ID, &k.IsOlder)
		return k, err
	}, fmt.Sprintf(`
		SELECT user_id, id, FALSE%s FROM %s WHERE (user_id, id) > ($1, $2) ORDER BY user_id, id LIMIT %s`,
		older, table, limitText(limit)), after.UserID, after.ID, []byte{formatWithoutRow})
}

// SetContactValue stores the value of a contact in another format. The content is the same, so updated_at stays; the
// version increases. It returns the new row.
func (tx Tx) SetContactValue(ctx context.Context, c ContactRecord) (ContactRecord, error) {
	return queryOne(ctx, tx.Reader, scanContact, `
		UPDATE contacts SET value_sealed = $4, version = version + 1
		 WHERE user_id = $1 AND id = $2 AND version = $3
		RETURNING `+contactColumns, c.UserID, c.ID, c.Version, c.ValueSealed)
}

// LockSession returns one session of a user and locks it until the transaction ends.
func (tx Tx) LockSession(ctx context.Context, userID, id uuid.UUID) (SessionRecord, error) {
	return queryOne(ctx, tx.Reader, scanSession,
		`SELECT `+sessionColumns+` FROM sessions WHERE user_id = $1 AND id = $2`+tx.engine.lockRow, userID, id)
}

// SetSessionValues stores the encrypted values of a session, and the version of their format. It returns the new row.
func (tx Tx) SetSessionValues(ctx context.Context, s SessionRecord) (SessionRecord, error) {
	return queryOne(ctx, tx.Reader, scanSession, `
		UPDATE sessions SET address_sealed = $3, user_agent_sealed = $4, schema_version = $5
		 WHERE user_id = $1 AND id = $2
		RETURNING `+sessionColumns, s.UserID, s.ID, s.AddressSealed, s.UserAgentSealed, s.SchemaVersion)
}

// LockAPIKey locks an API key until the transaction ends, and returns it.
func (tx Tx) LockAPIKey(ctx context.Context, id uuid.UUID) (APIKeyRecord, error) {
	_, err := queryOne(ctx, tx.Reader, scanID, `SELECT id FROM api_keys WHERE id = $1`+tx.engine.lockRow, id)
	if err != nil {
		return APIKeyRecord{}, err
	}
	return tx.APIKey(ctx, id)
}

// SetAPIKeyName stores the encrypted name of an API key, and the version of its format.
func (tx Tx) SetAPIKeyName(ctx context.Context, k APIKeyRecord) error {
	_, err := tx.exec(ctx, `
		UPDATE api_keys SET name_sealed = $3, schema_version = $4 WHERE user_id = $1 AND id = $2`,
		k.UserID, k.ID, k.NameSealed, k.SchemaVersion)
	return err
}
