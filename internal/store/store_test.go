package store_test

import (
	"context"
	"database/sql"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"cardinal"
	"cardinal/internal/pgtest"
	"cardinal/internal/store"
	"cardinal/internal/store/storetest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

func TestSQLite(t *testing.T) {
	s, _ := migratedSQLite(t)
	var texts statementSet
	storetest.Run(t, s, s, func() { texts.addFrom(t, s) })
	t.Run("Plans", func(t *testing.T) { checkSQLitePlans(t, texts) })
}

func TestPostgres(t *testing.T) {
	role := serviceRole(t)
	database := pgtest.Database(t)
	s := asService(t, database, role)
	var texts statementSet
	storetest.Run(t, s, open(t, database), func() { texts.addFrom(t, s) })
	t.Run("Plans", func(t *testing.T) { checkPostgresPlans(t, texts) })
}

// TestPostgresICUCollation uses a database with a linguistic sort order: a missing COLLATE "C" fails here.
func TestPostgresICUCollation(t *testing.T) {
	storetest.RunSorting(t, func(t *testing.T) (s, asOwner *store.Store) {
		server, name := pgtest.Server(t), "cardinal_icu_"+strings.ReplaceAll(uuid.NewString(), "-", "")
		role := serviceRole(t)
		onServer(t, `CREATE DATABASE `+name+` TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US'`)
		t.Cleanup(func() { onServer(t, `DROP DATABASE `+name+` WITH (FORCE)`) })
		u, err := url.Parse(server)
		if err != nil {
			t.Fatal(err)
		}
		u.Path = "/" + name
		db := openSQL(t, "pgx", u.String())
		var other bool
		if err := db.QueryRow(`SELECT 'a_c' < 'a1'`).Scan(&other); err != nil || !other {
			t.Fatalf("the database sorts by bytes, so this test would prove nothing (%v)", err)
		}
		return asService(t, u.String(), role), open(t, u.String())
	})
}

// migratedSQLite returns a store on a new file, and the file's path.
func migratedSQLite(t *testing.T) (*store.Store, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "cardinal.db")
	s := open(t, path)
	migrate(t, s, "")
	return s, path
}

// migratedPostgres returns the URL of the owner of a new database.
func migratedPostgres(t *testing.T) string {
	t.Helper()
	return pgtest.Template(t, "store", func(url string) error {
		s, err := store.Open(t.Context(), url)
		if err != nil {
			return err
		}
		defer s.Close()
		_, err = s.Migrate(t.Context(), time.Now(), "")
		return err
	})
}

// asService migrates a database as its owner and opens it as a role with only the privileges of grants.sql.
func asService(t *testing.T, owner, role string) *store.Store {
	t.Helper()
	migrate(t, open(t, owner), role)
	return open(t, asRole(t, owner, role))
}

// asRole returns the URL of a database for a role of serviceRole.
func asRole(t *testing.T, database, role string) string {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(role, role)
	return u.String()
}

func migrate(t *testing.T, s *store.Store, serviceRole string) {
	t.Helper()
	if _, err := s.Migrate(t.Context(), time.Now(), serviceRole); err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, database string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// openSQL opens a database without the store, for statements that the store does not run.
func openSQL(t *testing.T, driver, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// serviceRole creates a role whose password is its name. It must be created before the databases that grant it
// privileges, so that it is dropped after them.
func serviceRole(t *testing.T) string {
	t.Helper()
	role := "cardinal_service_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	onServer(t, `CREATE ROLE `+role+` LOGIN PASSWORD '`+role+`'`)
	t.Cleanup(func() { onServer(t, `DROP ROLE `+role) })
	return role
}

func onServer(t *testing.T, statement string) {
	t.Helper()
	ctx := context.Background() // in a cleanup, the context of the test has ended
	conn, err := pgx.Connect(ctx, pgtest.Server(t))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, statement); err != nil {
		t.Error(err)
	}
}

func write(t *testing.T, s *store.Store, fn func(store.Tx) error) {
	t.Helper()
	if err := s.Write(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

// idAt is the lowest id of a time, as text.
func idAt(at time.Time) string { return cardinal.IDAt(at).String() }
