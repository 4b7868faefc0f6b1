package store_test

import (
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"cardinal/internal/pgtest"
	"cardinal/internal/store"
	"cardinal/internal/store/schema"
)

// onEmptyDatabases runs a test on an empty database of each engine, with its URL and a function that opens it for SQL.
func onEmptyDatabases(t *testing.T, test func(t *testing.T, url string, raw func(t *testing.T) *sql.DB)) {
	t.Run("sqlite", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "cardinal.db")
		test(t, path, func(t *testing.T) *sql.DB { return openSQL(t, "sqlite", path) })
	})
	t.Run("postgres", func(t *testing.T) {
		url := pgtest.Database(t)
		test(t, url, func(t *testing.T) *sql.DB { return openSQL(t, "pgx", inSchema(url)) })
	})
}

// inSchema sets the search path of a URL to Cardinal's schema.
func inSchema(url string) string {
	if strings.Contains(url, "?") {
		return url + "&search_path=cardinal"
	}
	return url + "?search_path=cardinal"
}

func TestConcurrentMigration(t *testing.T) {
	onEmptyDatabases(t, func(t *testing.T, url string, raw func(t *testing.T) *sql.DB) {
		const nodes = 4
		var all sync.WaitGroup
		applied := make([]int, nodes)
		for i := range nodes {
			all.Go(func() {
				// A separate Store, as in another process.
				s, err := store.Open(t.Context(), url)
				if err != nil {
					t.Errorf("open: %v", err)
					return
				}
				defer s.Close()
				list, err := s.Migrate(t.Context(), time.Now(), "")
				if err != nil {
					t.Errorf("migrate: %v", err)
				}
				applied[i] = len(list)
			})
		}
		all.Wait()
		sum := 0
		for _, n := range applied {
			sum += n
		}
		s := open(t, url)
		list, err := s.Read(t.Context()).Migrations(t.Context())
		if err != nil || sum != len(list) {
			t.Errorf("%v applied of %d: %v", applied, len(list), err)
		}
		if empty, err := s.Ready(t.Context()); empty || err != nil {
			t.Errorf("Ready: %v, %v", empty, err)
		}
		var rows, users int
		err = raw(t).QueryRow(`
			SELECT (SELECT count(*) FROM schema_migrations), (SELECT count(*) FROM users)`).Scan(&rows, &users)
		if err != nil || rows != len(list) || users != 3 {
			t.Errorf("%d rows of %d migrations, %d users: %v", rows, len(list), users, err)
		}
	})
}

func TestReady(t *testing.T) {
	onEmptyDatabases(t, func(t *testing.T, url string, raw func(t *testing.T) *sql.DB) {
		ctx, s := t.Context(), open(t, url)
		if empty, err := s.Ready(ctx); !empty || !errors.Is(err, schema.ErrUnusable) {
			t.Errorf("Ready of an empty database: %v, %v", empty, err)
		}
		for _, m := range must(s.Read(ctx).Migrations(ctx))(t) {
			if m.AppliedAt != nil {
				t.Errorf("applied in an empty database: %+v", m)
			}
		}
		migrate(t, s, "")
		if empty, err := s.Ready(ctx); empty || err != nil {
			t.Errorf("Ready after Migrate: %v, %v", empty, err)
		}
		if again := must(s.Migrate(ctx, time.Now(), ""))(t); len(again) != 0 {
			t.Errorf("applied twice: %v", again)
		}
		const insertFuture = `INSERT INTO schema_migrations
			SELECT 9999, '%s', 'future', checksum, applied_at FROM schema_migrations WHERE number = 1`
		for _, c := range []struct{ name, change, message string }{
			{"pending", `DELETE FROM schema_migrations WHERE number = 5`, "pending"},
			{"changed", `UPDATE schema_migrations SET checksum = CAST('changed' AS BLOB) WHERE number = 1`,
				"was changed after"},
			{"newer", fmt.Sprintf(insertFuture, "contract"), "newer than this program"},
			{"before the first release", `UPDATE schema_migrations SET name = 'identity' WHERE number = 1`,
				"created by a version before the first release"},
			{"phase", `UPDATE schema_migrations SET phase = 'backfill' WHERE number = 2`, "newer than this program"},
		} {
			db := raw(t)
			if s.Engine() == "postgres" {
				c.change = strings.Replace(c.change, "CAST('changed' AS BLOB)", "'\\x00'::bytea", 1)
			}
			before := migrationRows(t, db)
			run(t, db, c.change)
			empty, err := s.Ready(ctx)
			if empty || !errors.Is(err, schema.ErrUnusable) || !strings.Contains(err.Error(), c.message) {
				t.Errorf("Ready, %s: %v, %v", c.name, empty, err)
			}
			if c.name != "pending" {
				if list, err := s.Migrate(ctx, time.Now(), ""); !errors.Is(err, schema.ErrUnusable) || len(list) != 0 {
					t.Errorf("Migrate, %s: %v, %v", c.name, list, err)
				}
			}
			restore(t, db, before)
		}
		// Expansions and backfills of a newer program do not affect this one.
		for _, phase := range []string{"expand", "backfill"} {
			run(t, raw(t), fmt.Sprintf(insertFuture, phase))
			if empty, err := s.Ready(ctx); empty || err != nil {
				t.Errorf("Ready of a database with a newer %s: %v, %v", phase, empty, err)
			}
		}
		if list, err := s.Migrate(ctx, time.Now(), ""); len(list) != 0 || err != nil {
			t.Errorf("Migrate of a newer database: %v, %v", list, err)
		}
	})
}

// migrationRows returns the rows of schema_migrations.
func migrationRows(t *testing.T, db *sql.DB) (rows [][]any) {
	t.Helper()
	found, err := db.Query(`SELECT number, phase, name, checksum, applied_at FROM schema_migrations`)
	if err != nil {
		t.Fatal(err)
	}
	defer found.Close()
	for found.Next() {
		row := make([]any, 5)
		if err := found.Scan(&row[0], &row[1], &row[2], &row[3], &row[4]); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row)
	}
	return rows
}

// restore replaces the rows of schema_migrations.
func restore(t *testing.T, db *sql.DB, rows [][]any) {
	t.Helper()
	run(t, db, `DELETE FROM schema_migrations`)
	for _, row := range rows {
		run(t, db, `INSERT INTO schema_migrations (number, phase, name, checksum, applied_at)
			VALUES ($1, $2, $3, $4, $5)`, row...)
	}
}

func run(t *testing.T, db *sql.DB, statement string, args ...any) {
	t.Helper()
	if _, err := db.Exec(statement, args...); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func must[T any](got T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
}
