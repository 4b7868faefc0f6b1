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
	var ran statementSet
	storetest.Run(t, s, func() { ran.addFrom(t, s) })
	t.Run("Plans", func(t *testing.T) { checkSQLitePlans(t, ran) })
}

func TestPostgres(t *testing.T) {
	role := serviceRole(t)
	s := asService(t, pgtest.Database(t), role)
	var ran statementSet
	storetest.Run(t, s, func() { ran.addFrom(t, s) })
	t.Run("Plans", func(t *testing.T) { checkPostgresPlans(t, ran) })
}

// A database that sorts text as people do: what forgot COLLATE "C" shows here.
func TestPostgresICUCollation(t *testing.T) {
	storetest.RunSorting(t, func(t *testing.T) *store.Store {
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
			t.Fatalf("the database sorts by bytes, so this test proves nothing (%v)", err)
		}
		return asService(t, u.String(), role)
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

// asService migrates a database as its owner and opens it as a role that has only the rights of grants.sql.
func asService(t *testing.T, owner, role string) *store.Store {
	t.Helper()
	migrate(t, open(t, owner), role)
	u, err := url.Parse(owner)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(role, role)
	return open(t, u.String())
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

// openSQL opens a database beside the store, to say what the store does not.
func openSQL(t *testing.T, driver, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// serviceRole makes a role with a password like its name. It must be made before the databases that give it rights: then
// it is dropped after them.
func serviceRole(t *testing.T) string {
	t.Helper()
	role := "cardinal_service_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	onServer(t, `CREATE ROLE `+role+` LOGIN PASSWORD '`+role+`'`)
	t.Cleanup(func() { onServer(t, `DROP ROLE `+role) })
	return role
}

func onServer(t *testing.T, statement string) {
	t.Helper()
	ctx := context.Background() // the test's own has ended when it cleans up
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

// idAt is the lowest id of a moment, as text.
func idAt(at time.Time) string { return cardinal.IDAt(at).String() }
