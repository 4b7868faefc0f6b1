package store

import (
	"bytes"
	"context"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"cardinal"
)

// NewPerson is every row that a new user has, and the event that tells of them.
type NewPerson struct {
	User        cardinal.User
	Key         UserKeyRecord
	Profile     ProfileRecord
	Contacts    []ContactRecord
	Identifiers []IdentifierRecord
	Credential  *CredentialRecord
	Grants      []cardinal.Grant
	Tokens      [][]byte // what a search finds them by
	Event       cardinal.AuditEvent
}

// tableRows is the rows of one table on their way in.
type tableRows struct {
	table   string
	columns []string
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

// InsertPeople adds people, all rows of a table together, as fast as the engine takes them. What a row breaks fails them all, and
// may show only as the error of Write.
func (tx Tx) InsertPeople(ctx context.Context, people []NewPerson) error {
	tables, err := rowsByTable(people)
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

// rowsByTable sorts the rows of people by table, what others refer to first.
func rowsByTable(people []NewPerson) ([]*tableRows, error) {
	users := newTableRows("users", "id, kind, status, status_before_deletion, created_at, updated_at, deleted_at, version, schema_version")
	keys := newTableRows("user_keys", "user_id, kek_id, wrapped_key, created_at, wrapped_at")
	profiles, contacts, identifiers := newTableRows("profiles", profileColumns), newTableRows("contacts", contactColumns), newTableRows("identifiers", identifierColumns)
	credentials, grants := newTableRows("credentials", credentialColumns), newTableRows("user_roles", "user_id, role_id, granted_by, created_at, expires_at")
	tokens, events := newTableRows("search_tokens", "token, user_id"), newTableRows("audit_logs", auditColumns)
	for i := range people {
		u, p := &people[i].User, &people[i].Profile
		users.add(u.ID, u.Kind, u.Status, u.StatusBeforeDeletion, u.CreatedAt, u.UpdatedAt, u.DeletedAt, u.Version, u.SchemaVersion)
		k := people[i].Key
		keys.add(k.UserID, k.KEKID, k.WrappedKey, k.CreatedAt, k.WrappedAt)
		preferences, err := canonicalJSON(p.Preferences)
		if err != nil {
			return nil, err
		}
		profiles.add(p.UserID, p.DisplayNameSealed, p.UsernameSealed, p.AvatarURLSealed, p.Country, p.Locale, p.TimeZone, preferences,
			p.AttributesSealed, p.CreatedAt, p.UpdatedAt, p.Version, p.SchemaVersion)
		for _, c := range people[i].Contacts {
			contacts.add(c.UserID, c.ID, c.Kind, c.ValueSealed, c.IsPrimary, c.VerifiedAt, c.CreatedAt, c.UpdatedAt, c.Version, c.SchemaVersion)
		}
		for _, claim := range people[i].Identifiers {
			identifiers.add(claim.ValueIndex, claim.UserID, claim.ContactID, claim.CreatedAt, claim.ExpiresAt)
		}
		if c := people[i].Credential; c != nil {
			credentials.add(c.UserID, c.Hash, c.LastReset, c.MustChange, c.CreatedAt, c.UpdatedAt, c.Version, c.SchemaVersion)
		}
		for _, g := range people[i].Grants {
			grants.add(g.UserID, g.RoleID, g.GrantedBy, g.CreatedAt, g.ExpiresAt)
		}
		for _, token := range people[i].Tokens {
			tokens.add(token, u.ID)
		}
		if err := events.addEvent(people[i].Event); err != nil {
			return nil, err
		}
	}
	return []*tableRows{users, keys, profiles, contacts, identifiers, credentials, grants, tokens, events}, nil
}

func (b *tableRows) addEvent(e cardinal.AuditEvent) error {
	changes, err := canonicalJSON(e.Changes)
	if err != nil {
		return err
	}
	b.add(e.SubjectID, e.ID, e.ActorID, e.SessionID, e.APIKeyID, e.Action, e.IsRefused, e.Attempts, shortRows(e.ChangedRows, e.SubjectID), changes, e.RequestID,
		e.AddressSealed, e.UserAgentSealed, shortEntry)
	return nil
}

// sort brings rows into the order of their keys, which come first, so that a page of a large table is read and written once. Keys that
// are no bytes are ids, which are in order as they come.
func (b *tableRows) sort() {
	if _, ok := b.rows[0][0].([]byte); ok {
		slices.SortStableFunc(b.rows, func(x, y []any) int { return bytes.Compare(x[0].([]byte), y[0].([]byte)) })
	}
}

// rowsPerInsert is how many rows SQLite gets in one statement. It finds its place in a table and its indexes once for rows that stand
// side by side, as new ones do.
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

// copyPostgres copies.
func copyPostgres(ctx context.Context, tx Tx, b *tableRows) error {
	p := tx.q.(*pipeline)
	if err := p.flush(ctx); err != nil {
		return err
	}
	b.sort()
	return p.conn.Raw(func(driver any) error {
		_, err := driver.(*stdlib.Conn).Conn().CopyFrom(ctx, pgx.Identifier{b.table}, b.columns, pgx.CopyFromRows(b.rows))
		return err
	})
}

// Look-ups for many at once: what of a list is there.

// IdentifiersAmong returns the claims on some values.
func (r Reader) IdentifiersAmong(ctx context.Context, valueIndexes [][]byte) ([]IdentifierRecord, error) {
	return queryIn(ctx, r, scanIdentifier, `SELECT `+identifierColumns+` FROM identifiers WHERE value_index IN (`, valueIndexes)
}

// UsersAmong returns which of some ids are users.
func (r Reader) UsersAmong(ctx context.Context, ids []uuid.UUID) ([]uuid.UUID, error) {
	return queryIn(ctx, r, scanID, `SELECT id FROM users WHERE id IN (`, ids)
}

// SaltsAmong returns which of some salts a stored password has.
func (r Reader) SaltsAmong(ctx context.Context, salts []string) ([]string, error) {
	return queryIn(ctx, r, scanText, `SELECT salt FROM credentials WHERE salt IN (`, salts)
}

func queryIn[T, V any](ctx context.Context, r Reader, scan func(scanner) (T, error), query string, values []V) ([]T, error) {
	if len(values) == 0 {
		return nil, nil
	}
	list, args := placeholders(values)
	return queryAll(ctx, r, scan, query+list+`)`, args...)
}

// ContactsAmong returns the contacts of some users, each user's oldest first.
func (r Reader) ContactsAmong(ctx context.Context, userIDs []uuid.UUID) ([]ContactRecord, error) {
	list, args := placeholders(userIDs)
	return queryAll(ctx, r, scanContact, `SELECT `+contactColumns+` FROM contacts WHERE user_id IN (`+list+`) ORDER BY user_id, id`, args...)
}

// CredentialsAmong returns the password verifiers of some users.
func (r Reader) CredentialsAmong(ctx context.Context, userIDs []uuid.UUID) ([]CredentialRecord, error) {
	return queryIn(ctx, r, scanCredential, `SELECT `+credentialColumns+` FROM credentials WHERE user_id IN (`, userIDs)
}

// GrantsAmong returns the roles that some users hold, expired grants too, each user's by the id of the role.
func (r Reader) GrantsAmong(ctx context.Context, userIDs []uuid.UUID) ([]cardinal.Grant, error) {
	list, args := placeholders(userIDs)
	return queryAll(ctx, r, scanGrant, `SELECT `+grantColumns+` FROM user_roles WHERE user_roles.user_id IN (`+list+`) ORDER BY user_roles.user_id, user_roles.role_id`, args...)
}
