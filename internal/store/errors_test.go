package store_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"cardinal"
	"cardinal/internal/store"
)

// canary is a value that no error may repeat.
const canary = "Canary-7f3a"

// TestErrorsNameMethodAndCode: an error names the store method and the code of the database, and repeats no value.
func TestErrorsNameMethodAndCode(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		s, path := migratedSQLite(t)
		alter := execer(t, "sqlite", path)
		// The result code of a constraint has the kind of the constraint in its higher bits.
		testErrors(t, s, alter, map[string]string{
			"UndefinedColumn": "store.Country: SQLite: code 1 (Generic error (SQLITE_ERROR))",
			"UndefinedTable":  "store.Setting: SQLite: code 1 (Generic error (SQLITE_ERROR))",
			"Violation": "store.InsertRole: SQLite: code 275 " +
				"(Abort due to constraint violation (SQLITE_CONSTRAINT)), constraint roles_name_ck",
			"DeferredStatement": "store.InsertUser: SQLite: code 1555 " +
				"(Abort due to constraint violation (SQLITE_CONSTRAINT)), constraint users_pk",
			"DeferredStatementFlushedByQuery": "store.InsertUser: SQLite: code 1555 " +
				"(Abort due to constraint violation (SQLITE_CONSTRAINT)), constraint users_pk",
			"DeferredStatementNotPrepared": "store.InsertCredential: SQLite: code 1 (Generic error (SQLITE_ERROR))",
		})
	})
	t.Run("postgres", func(t *testing.T) {
		url := migratedPostgres(t)
		s, alter := open(t, url), execer(t, "pgx", url)
		testErrors(t, s, alter, map[string]string{
			"UndefinedColumn": "store.Country: PostgreSQL: SQLSTATE 42703 (undefined column) at character N",
			"UndefinedTable":  "store.Setting: PostgreSQL: SQLSTATE 42P01 (undefined table) at character N",
			"Violation": "store.InsertRole: PostgreSQL: SQLSTATE 23514 (check violation), " +
				"constraint roles_name_ck",
			"DeferredStatement": "store.InsertUser: PostgreSQL: SQLSTATE 23505 " +
				"(unique violation), constraint users_pk",
			"DeferredStatementFlushedByQuery": "store.InsertUser: PostgreSQL: SQLSTATE 23505 " +
				"(unique violation), constraint users_pk",
			"DeferredStatementNotPrepared": "store.InsertCredential: " +
				"PostgreSQL: SQLSTATE 42P01 (undefined table) at character N",
		})
		t.Run("UnencodableArgument", func(t *testing.T) {
			err := store.Query(t.Context(), s.Read(t.Context()), `SELECT $1::bigint`,
				struct{ name string }{canary})
			wantErrorText(t, err, "PostgreSQL: an argument does not fit its type")
		})
		t.Run("UnexpectedColumnType", func(t *testing.T) {
			alter(t, `ALTER TABLE cardinal.countries RENAME COLUMN rate TO tax_rate_ppm`)
			alter(t, `ALTER TABLE cardinal.countries DROP CONSTRAINT countries_tax_rate_ck,
				ALTER COLUMN tax_rate_ppm DROP DEFAULT, ALTER COLUMN tax_rate_ppm TYPE text USING '`+canary+`'`)
			_, err := s.Read(t.Context()).Country(t.Context(), "AQ")
			wantErrorText(t, err, `store.Country: sql: Scan error on column index 3, name "tax_rate_ppm"`)
		})
	})
}

func testErrors(t *testing.T, s *store.Store, alter func(*testing.T, string), want map[string]string) {
	ctx := t.Context()
	prefix := ""
	if s.Engine() == "postgres" {
		prefix = "cardinal."
	}
	created := time.Date(2026, 3, 14, 9, 26, 53, 0, time.UTC)
	insertSystem := func(tx store.Tx) error {
		_, err := tx.InsertUser(ctx, cardinal.SystemID, "person", "create", created)
		return err
	}
	for _, test := range []struct {
		name  string
		alter string
		run   func() error
		kind  error
	}{
		{"Violation", "", func() error {
			return s.Write(ctx, func(tx store.Tx) error {
				_, err := tx.InsertRole(ctx, cardinal.Role{ID: cardinal.NewID(), Name: canary, Description: canary,
					IsAssignable: true, CreatedAt: created, UpdatedAt: created, Version: 1})
				return err
			})
		}, cardinal.ErrConflict},
		{"DeferredStatement", "", func() error { return s.Write(ctx, insertSystem) }, cardinal.ErrConflict},
		{"DeferredStatementFlushedByQuery", "", func() error {
			return s.Write(ctx, func(tx store.Tx) error {
				if err := insertSystem(tx); err != nil {
					return err
				}
				_, err := tx.Roles(ctx, cardinal.Page{Limit: 1})
				return err
			})
		}, cardinal.ErrConflict},
		{"UndefinedColumn", `ALTER TABLE ` + prefix + `countries RENAME COLUMN tax_rate_ppm TO rate`, func() error {
			_, err := s.Read(ctx).Country(ctx, canary)
			return err
		}, nil},
		{"UndefinedTable", `ALTER TABLE ` + prefix + `settings RENAME TO old_settings`, func() error {
			_, err := s.Read(ctx).Setting(ctx, canary)
			return err
		}, nil},
		{"DeferredStatementNotPrepared", `ALTER TABLE ` + prefix + `credentials RENAME TO old`, func() error {
			return s.Write(ctx, func(tx store.Tx) error {
				return tx.InsertCredential(ctx, store.CredentialRecord{Hash: canary})
			})
		}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.alter != "" {
				alter(t, test.alter)
			}
			err := test.run()
			wantErrorText(t, err, want[test.name])
			if test.kind != nil && !errors.Is(err, test.kind) {
				t.Errorf("%v is not %v", err, test.kind)
			}
		})
	}
}

func wantErrorText(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || position.ReplaceAllString(err.Error(), "character N") != want {
		t.Errorf("error:\n got %v\nwant %s", err, want)
	}
	if err != nil && strings.Contains(strings.ToLower(err.Error()), strings.ToLower(canary)) {
		t.Errorf("the error repeats a value: %v", err)
	}
}

var position = regexp.MustCompile(`character \d+`)

// execer returns a function that runs a statement on a connection of its own.
func execer(t *testing.T, driver, dsn string) func(*testing.T, string) {
	t.Helper()
	db := openSQL(t, driver, dsn)
	return func(t *testing.T, statement string) {
		t.Helper()
		if _, err := db.Exec(statement); err != nil {
			t.Fatalf("%v\nin\n%s", err, statement)
		}
	}
}
