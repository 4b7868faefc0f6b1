package catalog_test

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"cardinal/internal/catalog"
	"cardinal/internal/pgtest"
	"cardinal/internal/store"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// migratedURLs returns the URL of a database with Cardinal's schema for each engine.
func migratedURLs(t *testing.T) map[string]string {
	t.Helper()
	migrate := func(url string) error {
		s, err := store.Open(t.Context(), url)
		if err != nil {
			return err
		}
		defer s.Close()
		_, err = s.Migrate(t.Context(), time.Now().UTC(), "")
		return err
	}
	path := filepath.Join(t.TempDir(), "cardinal.db")
	if err := migrate(path); err != nil {
		t.Fatal(err)
	}
	return map[string]string{"sqlite": path, "postgres": pgtest.Template(t, "catalog", migrate)}
}

// readSchema reads the schema of a database.
func readSchema(t *testing.T, url, name string) *catalog.Schema {
	t.Helper()
	d, err := catalog.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	s, err := d.Read(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// createDatabase returns the URL of a new database in which some statements were executed.
func createDatabase(t *testing.T, engine string, statements ...string) string {
	t.Helper()
	driver, url := "sqlite", filepath.Join(t.TempDir(), "test.db")
	if engine == "postgres" {
		driver, url = "pgx", pgtest.Database(t)
	}
	db, err := sql.Open(driver, url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, statement := range statements {
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(fmt.Errorf("%s: %w", statement, err))
		}
	}
	return url
}
