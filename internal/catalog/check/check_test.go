package check

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"cardinal/internal/catalog"
	"cardinal/internal/pgtest"
)

// createDatabase returns the URL of a database that is not Cardinal's.
func createDatabase(t *testing.T, engine string, statements ...string) string {
	t.Helper()
	url := filepath.Join(t.TempDir(), "test.db")
	if engine == "postgres" {
		url = pgtest.Database(t)
	}
	execute(t, engine, url, statements...)
	return url
}

// execute runs statements in a database as its owner, on one connection.
func execute(t *testing.T, engine, url string, statements ...string) {
	t.Helper()
	driver := "sqlite"
	if engine == "postgres" {
		driver = "pgx"
	}
	db, err := sql.Open(driver, url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	if engine == "postgres" {
		statements = append([]string{"SET search_path = cardinal, public"}, statements...)
	}
	for _, statement := range statements {
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(fmt.Errorf("%s: %w", statement, err))
		}
	}
}

// openSubject opens a database as Run requires it.
func openSubject(t *testing.T, url string) *Subject {
	t.Helper()
	d, err := catalog.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return &Subject{Database: d, Name: "test", Schema: "cardinal", Now: time.Now(), NoKeyReason: "no key"}
}

// runOneCheck runs one check and returns its outcome.
func runOneCheck(t *testing.T, s *Subject, id string) Outcome {
	t.Helper()
	r, err := Run(t.Context(), s, []string{id}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Outcomes) != 1 {
		t.Fatalf("%d outcomes of %s", len(r.Outcomes), id)
	}
	return r.Outcomes[0]
}

// A fresh database passes every point and question, except what the engine, or one role for owner and service, cannot
// provide.
func TestFreshDatabasePasses(t *testing.T) {
	for _, engine := range engines {
		t.Run(engine, func(t *testing.T) {
			r, err := Run(t.Context(), openSubject(t, migratedDatabase(t, engine)),
				[]string{"point", "question", "data"}, nil)
			if err != nil {
				t.Fatal(err)
			}
			warned := map[string]bool{"postgres G20": true, "postgres G32": true, "postgres Q9": true}
			for _, o := range r.Outcomes {
				want := Passed
				switch {
				case warned[engine+" "+o.ID]:
					want = Warned
				case o.ID == "D03" || o.ID == "D05" || o.ID == "S02" || engine == "sqlite" && o.ID == "S01":
					want = Skipped // there is no key, no user, no service's role, and on SQLite no function
				}
				if o.Status != want {
					t.Errorf("%s %s: %s, want %s: %+v", o.ID, o.Title, o.Status, want, o.Findings)
				}
				if o.Status == Passed && (o.Passed != o.Total || o.Total == 0 && o.ID != "D04") {
					t.Errorf("%s: %d of %d", o.ID, o.Passed, o.Total)
				}
			}
			if len(r.Outcomes) != 33+2+9+7 {
				t.Errorf("%d outcomes", len(r.Outcomes))
			}
		})
	}
}
