// Inserting the rows of many users at once (an import), and look-ups for many keys at once.

package store

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"cardinal"
	"cardinal/internal/rowdigest"
)

// NewUserRows is all rows of a new user, and the event of the creation.
type NewUserRows struct {
	User         UserRecord
	Key          UserKeyRecord
	Profile      ProfileRecord
	Contacts     []ContactRecord
	Identifiers  []IdentifierRecord
	Credential   *CredentialRecord
	Grants       []cardinal.Grant
	SearchTokens [][]byte // search tokens
	Event        EventRecord
}

// tableRows is the rows to insert into one table.
type tableRows struct {
	table   string
	columns []string
	types   []string // of the columns on PostgreSQL, if the rows are inserted from arrays and not by COPY
	rows    [][]any
}

func newTableRows(table, columns string) *tableRows {
	b := &tableRows{table: table, columns: strings.Split(columns, ",")}
	for i, name := range b.columns {
		b.columns[i] = strings.TrimSpace(name)
	}
	return b
}

func (b *tableRows) add(values ...any) { b.rows = append(b.rows, values) }

// InsertUsers adds users, table by table, by the fastest way to insert that the engine has. If one row violates a
// constraint, no row is inserted; Write may be the call that returns this error.
func (tx Tx) InsertUsers(ctx context.Context, users []NewUserRows) error {
	tables, err := rowsByTable(users)
	if err != nil {
		return err
	}
	return tx.insertRows(ctx, tables...)
}

func (tx Tx) insertRows(ctx context.Context, tables ...*tableRows) error {
	for _, b := range tables {
		if len(b.rows) == 0 {
			continue
		}
		for _, row := range b.rows {
			tx.engine.encodeArgs(row)
		}
		if err := tx.engine.bulkInsert(ctx, tx, b); err != nil {
			return tx.engine.classify(err)
		}
	}
	return nil
}

// rowsByTable groups the rows of users by table. Tables that others reference come first.
func rowsByTable(newUsers []NewUserRows) ([]*tableRows, error) {
	users := newTableRows("users",
		"id, kind, status, status_before_deletion, created_at, updated_at, deleted_at, version, schema_version")
	keys := newTableRows("user_keys", "user_id, kek_id, wrapped_key, created_at, wrapped_at")
	profiles := newTableRows("profiles", profileColumns)
	contacts := newTableRows("contacts", contactColumns)
	identifiers := newTableRows("identifiers", identifierColumns)
	credentials := newTableRows("credentials", credentialColumns)
	grants := newTableRows("user_roles", "user_id, role_id, granted_by, created_at, expires_at")
	tokens := newTableRows("search_tokens", "token, user_id")
	events := newTableRows("audit_logs", auditColumns)
	events.types = auditColumnTypes
	for i := range newUsers {
		n := &newUsers[i]
		u := &n.User
		users.add(u.ID, u.Kind, u.Status, u.StatusBeforeDeletion, u.CreatedAt, u.UpdatedAt, u.DeletedAt, u.Version,
			u.SchemaVersion)
		k := n.Key
		keys.add(k.UserID, k.KEKID, k.WrappedKey, k.CreatedAt, k.WrappedAt)
		profile, err := n.Profile.values()
		if err != nil {
			return nil, err
		}
		profiles.add(profile...)
		for _, c := range n.Contacts {
			contacts.add(c.values()...)
		}
		for _, id := range n.Identifiers {
			identifiers.add(id.ValueIndex, id.UserID, id.ContactID, id.CreatedAt)
		}
		if c := n.Credential; c != nil {
			credentials.add(c.UserID, c.Hash, c.LastReset, c.MustChange, c.CreatedAt, c.UpdatedAt, c.Version,
				c.SchemaVersion)
		}
		for _, g := range n.Grants {
			grants.add(g.UserID, g.RoleID, g.GrantedBy, g.CreatedAt, g.ExpiresAt)
		}
		for _, token := range n.SearchTokens {
			tokens.add(token, u.ID)
		}
		if err := events.addEvent(n.Event); err != nil {
			return nil, err
		}
	}
	return []*tableRows{users, keys, profiles, contacts, identifiers, credentials, grants, tokens, events}, nil
}

func (b *tableRows) addEvent(e EventRecord) error {
	changes, err := rowdigest.Canonical(e.Changes)
	if err != nil {
		return err
	}
	b.add(e.SubjectID, e.ID, e.ActorID, e.SessionID, e.APIKeyID, e.Action, e.IsRefused, e.Attempts,
		rowdigest.JSON(rowdigest.Encode(e.ChangedRows, e.SubjectID)), changes, e.RequestID, e.AddressSealed,
		e.UserAgentSealed, rowdigest.CompactVersion)
	return nil
}

// sort sorts rows by their key, which is the first column, so that each page of a large table is read and written once.
// Keys that are not bytes are ids, which already are in order.
func (b *tableRows) sort() {
	if _, ok := b.rows[0][0].([]byte); ok {
		slices.SortStableFunc(b.rows, func(x, y []any) int { return bytes.Compare(x[0].([]byte), y[0].([]byte)) })
	}
}

// rowsPerInsert is the number of rows per INSERT statement of SQLite. For adjacent rows, as new rows are, SQLite
// searches the position in the table and its indexes only once per statement.
const rowsPerInsert = 50

func bulkInsertSQLite(ctx context.Context, tx Tx, b *tableRows) error {
	b.sort()
	row := "(" + strings.TrimSuffix(strings.Repeat("?, ", len(b.columns)), ", ") + ")"
	singleRow := `INSERT INTO ` + b.table + ` (` + strings.Join(b.columns, ", ") + `) VALUES ` + row
	manyRows := singleRow + strings.Repeat(", "+row, rowsPerInsert-1)
	inGroups := len(b.rows) / rowsPerInsert * rowsPerInsert
	for rows := range slices.Chunk(b.rows[:inGroups], rowsPerInsert) {
		if _, err := tx.q.ExecContext(ctx, manyRows, slices.Concat(rows...)...); err != nil {
			return err
		}
	}
	for _, row := range b.rows[inGroups:] {
		if _, err := tx.q.ExecContext(ctx, singleRow, row...); err != nil {
			return err
		}
	}
	return nil
}

// copyPostgres inserts by COPY. PostgreSQL does not support that where a policy applies: the events of an import are
// inserted from arrays instead, one for each column.
func copyPostgres(ctx context.Context, tx Tx, b *tableRows) error {
	p := tx.q.(*pipeline)
	if err := p.flush(ctx); err != nil {
		return err
	}
	b.sort()
	if b.types != nil {
		return p.conn.Raw(func(driver any) error {
			_, err := driver.(*stdlib.Conn).Conn().Exec(ctx, b.insertFromArrays(), b.arrays()...)
			return err
		})
	}
	return p.conn.Raw(func(driver any) error {
		_, err := driver.(*stdlib.Conn).Conn().CopyFrom(ctx, pgx.Identifier{b.table}, b.columns,
			pgx.CopyFromRows(b.rows))
		return err
	})
}

// insertFromArrays is a statement that inserts rows from an array for each column.
func (b *tableRows) insertFromArrays() string {
	arrays, values := make([]string, len(b.columns)), make([]string, len(b.columns))
	for i, name := range b.columns {
		values[i] = name
		arrays[i] = fmt.Sprintf("$%d::%s[]", i+1, b.types[i])
		if b.types[i] == "jsonb" {
			arrays[i], values[i] = fmt.Sprintf("$%d::text[]", i+1), name+"::jsonb"
		}
	}
	columns := strings.Join(b.columns, ", ")
	return `INSERT INTO ` + b.table + ` (` + columns + `) SELECT ` + strings.Join(values, ", ") + ` FROM unnest(` +
		strings.Join(arrays, ", ") + `) AS r (` + columns + `)`
}

// arrays returns the values of each column.
func (b *tableRows) arrays() []any {
	columns := make([]any, len(b.columns))
	for i := range b.columns {
		values := make([]any, len(b.rows))
		for k, row := range b.rows {
			values[k] = row[i]
		}
		columns[i] = values
	}
	return columns
}

// IdentifiersByIndex returns the identifiers with any of these blind indexes.
func (r Reader) IdentifiersByIndex(ctx context.Context, valueIndexes [][]byte) ([]IdentifierRecord, error) {
	return queryIn(ctx, r, scanIdentifier, `SELECT `+identifierColumns+` FROM identifiers WHERE value_index IN (`,
		valueIndexes)
}

// ExistingUserIDs returns those of the ids that belong to a user.
func (r Reader) ExistingUserIDs(ctx context.Context, ids []uuid.UUID) ([]uuid.UUID, error) {
	return queryIn(ctx, r, scanID, `SELECT id FROM users WHERE id IN (`, ids)
}

// ExistingSalts returns those of the salts that a stored password has.
func (r Reader) ExistingSalts(ctx context.Context, salts []string) ([]string, error) {
	return queryIn(ctx, r, scanText, `SELECT salt FROM credentials WHERE salt IN (`, salts)
}

// queryIn runs a query that ends in "IN (" for a list of values, and nothing for an empty list.
func queryIn[T, V any](
	ctx context.Context, r Reader, scan func(scanner) (T, error), query string, values []V,
) ([]T, error) {
	if len(values) == 0 {
		return nil, nil
	}
	list, args := placeholders(values)
	return queryAll(ctx, r, scan, query+list+`)`, args...)
}

// ContactsOfUsers returns the contacts of some users, each user's oldest first.
func (r Reader) ContactsOfUsers(ctx context.Context, userIDs []uuid.UUID) ([]ContactRecord, error) {
	list, args := placeholders(userIDs)
	return queryAll(ctx, r, scanContact, `
		SELECT `+contactColumns+` FROM contacts WHERE user_id IN (`+list+`) ORDER BY user_id, id`, args...)
}

// CredentialsOfUsers returns the password verifiers of some users.
func (r Reader) CredentialsOfUsers(ctx context.Context, userIDs []uuid.UUID) ([]CredentialRecord, error) {
	return queryIn(ctx, r, scanCredential, `SELECT `+credentialColumns+` FROM credentials WHERE user_id IN (`, userIDs)
}

// GrantsOfUsers returns the grants of some users, including expired ones, ordered by user and role id.
func (r Reader) GrantsOfUsers(ctx context.Context, userIDs []uuid.UUID) ([]cardinal.Grant, error) {
	list, args := placeholders(userIDs)
	return queryAll(ctx, r, scanGrant, `
		SELECT `+grantColumns+` FROM user_roles WHERE user_roles.user_id IN (`+list+`)
		 ORDER BY user_roles.user_id, user_roles.role_id`, args...)
}
