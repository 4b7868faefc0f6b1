package check

import (
	"context"
	"database/sql"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cardinal/internal/catalog"
	"cardinal/internal/pgtest"
	"cardinal/internal/store"
)

// migrated returns the URLs of a database of each engine that Cardinal made.
func migrated(t *testing.T, engine string) string {
	t.Helper()
	migrate := func(url string) error {
		s, err := store.Open(context.Background(), url)
		if err != nil {
			return err
		}
		defer s.Close()
		_, err = s.Migrate(context.Background(), time.Now().UTC(), "")
		return err
	}
	if engine == "postgres" {
		return pgtest.Template(t, "check", migrate)
	}
	path := filepath.Join(t.TempDir(), "cardinal.db")
	if err := migrate(path); err != nil {
		t.Fatal(err)
	}
	return path
}

// subject opens a database for a check and builds its shadow.
func subject(t *testing.T, url string) *Subject {
	t.Helper()
	d, err := catalog.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	s := &Subject{Database: d, Schema: "cardinal", Now: time.Now().UTC()}
	if err := read(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	done, err := buildShadow(context.Background(), s) // the test's own ends before its Cleanup
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := done(); err != nil {
			t.Error(err)
		}
	})
	return s
}

var engines = []string{"sqlite", "postgres"}

func TestFreshDatabaseEqualsItsShadow(t *testing.T) {
	for _, engine := range engines {
		t.Run(engine, func(t *testing.T) {
			url := migrated(t, engine)
			began := time.Now()
			s := subject(t, url)
			facts := 0
			for _, c := range fingerprints {
				o, err := c.run(t.Context(), s)
				if err != nil {
					t.Fatal(err)
				}
				if facts += o.Total; o.Status != Passed || o.Held != o.Total {
					t.Errorf("%s: %+v", c.ID, o)
				}
			}
			if facts < 3000 {
				t.Errorf("only %d facts were compared", facts)
			}
			t.Logf("%s: %d facts, %v", engine, facts, time.Since(began))
		})
	}
}

// serverURL is the maintenance database of the tests' server.
func serverURL(t *testing.T) string { return pgtest.Server(t) }

// openWriting opens a database to change it.
func openWriting(t *testing.T, url string) *sql.DB {
	t.Helper()
	driver := "sqlite"
	if strings.HasPrefix(url, "postgres") {
		driver = "pgx"
	}
	db, err := sql.Open(driver, url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// granted returns the URL of a PostgreSQL database with two months of the log in which a role has the service's rights.
func granted(t *testing.T, role string) string {
	t.Helper()
	url := migrated(t, "postgres")
	s, err := store.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Migrate(t.Context(), time.Now().UTC(), role); err != nil {
		t.Fatal(err)
	}
	db := openWriting(t, url)
	rows, err := catalog.Texts(t.Context(), db, `SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'cardinal.audit_logs'::regclass ORDER BY 1 OFFSET 2`)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		if _, err := db.Exec(`DROP TABLE ` + row[0]); err != nil {
			t.Fatal(err)
		}
	}
	return url
}
