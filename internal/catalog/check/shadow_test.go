package check

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
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

// granted returns the URL of a PostgreSQL database in which a role has the service's rights.
func granted(t *testing.T, role string) string {
	t.Helper()
	at := migrated(t, "postgres")
	execute(t, "postgres", at, store.GrantsScript("cardinal", role))
	return at
}

// fewMonths leaves the first two months of the log: the others are alike.
func fewMonths(t *testing.T, at string) string {
	t.Helper()
	rows, err := catalog.Texts(t.Context(), openWriting(t, at), `SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'cardinal.audit_logs'::regclass ORDER BY 1 OFFSET 2`)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		execute(t, "postgres", at, `DROP TABLE `+row[0])
	}
	return at
}

// Nobody who uses the database waits for a check: of the live tables it holds no lock but a reader's, with all probes run.
func TestShadowLocksNothing(t *testing.T) {
	url := migrated(t, "postgres")
	s := subject(t, url)
	for _, c := range probes {
		if _, err := c.run(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	live := openWriting(t, url)
	held, err := catalog.Texts(t.Context(), live, `SELECT c.relname, l.mode FROM pg_locks l JOIN pg_class c ON c.oid = l.relation JOIN pg_namespace n ON n.oid = c.relnamespace
	  WHERE n.nspname = 'cardinal' AND l.pid <> pg_backend_pid() AND l.mode <> 'AccessShareLock'`)
	if err != nil || len(held) > 0 {
		t.Errorf("locks held while the shadow stands: %v, %v", held, err)
	}
	others, err := catalog.Texts(t.Context(), live, `SELECT l.mode FROM pg_locks l WHERE l.pid <> pg_backend_pid() AND l.relation > 16384`)
	if err != nil || len(others) < 100 {
		t.Errorf("the shadow's own locks are not seen, so that nothing is proved: %d, %v", len(others), err)
	}
	if seen := shadows(t, url); seen != 0 {
		t.Errorf("others see %d shadow schemas", seen)
	}
}

// shadows counts the shadow schemas that can be seen.
func shadows(t *testing.T, url string) int {
	t.Helper()
	found, err := catalog.Texts(t.Context(), openWriting(t, url), `SELECT nspname FROM pg_namespace WHERE nspname LIKE 'cardinal\_shadow%'`)
	if err != nil {
		t.Fatal(err)
	}
	return len(found)
}

func TestNothingIsLeftOfAShadow(t *testing.T) {
	url := migrated(t, "postgres")
	d, err := catalog.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for name, end := range map[string]func(done func() error){
		"done": func(done func() error) {
			if err := done(); err != nil {
				t.Error(err)
			}
		},
		"killed": func(done func() error) {
			execute(t, "postgres", url, `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'cardinal check'`)
			if done() == nil {
				t.Error("the connection was not ended")
			}
		},
	} {
		s := &Subject{Database: d, Schema: "cardinal", Now: time.Now().UTC()}
		if err := read(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		done, err := buildShadow(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		end(done)
		if seen := shadows(t, url); seen != 0 {
			t.Errorf("%s: %d shadow schemas are left", name, seen)
		}
	}
}

// A role that may only serve may check too, all but what needs a schema of its own.
func TestWithoutTheRightToMakeASchema(t *testing.T) {
	role := serviceRole(t)
	at := granted(t, role)
	as, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	as.User = url.UserPassword(role, role)
	r, err := Run(t.Context(), opened(t, as.String()), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	points := 0
	for _, o := range r.Outcomes {
		switch {
		case o.Kind == Fingerprint || o.Kind == Probe:
			if o.Status != Skipped || !strings.Contains(o.Missing, "CREATE") || !strings.Contains(o.Missing, "probes") {
				t.Errorf("%s: %+v", o.ID, o)
			}
		case o.Status == Passed:
			points++
		case o.Status == Failed:
			t.Errorf("%s: %+v", o.ID, o.Findings)
		}
	}
	if points < 20 {
		t.Errorf("only %d other checks passed", points)
	}
}

// Whoever has most of the service's rights is the service; a right of anybody else is too much.
func TestRightsOfOthers(t *testing.T) {
	first, second, other := serviceRole(t), serviceRole(t), serviceRole(t)
	at := granted(t, first)
	execute(t, "postgres", at, store.GrantsScript("cardinal", second))
	if found := differences(t, subject(t, at)); len(found) > 0 {
		t.Errorf("two services: %+v", found)
	}
	execute(t, "postgres", at, `GRANT SELECT ON users TO `+other, `REVOKE INSERT ON audit_logs FROM `+second)
	found := differences(t, subject(t, at))
	if len(found) != 2 || !strings.Contains(found[0].Fix, "GRANT INSERT ON TABLE audit_logs TO "+second) || !strings.Contains(found[1].Fix, "REVOKE SELECT ON TABLE users FROM "+other) {
		t.Errorf("found: %+v", found)
	}
}

// Default privileges give rights in whatever is made, the shadow too: that must not hide them.
func TestDefaultPrivilegesAreFound(t *testing.T) {
	role := serviceRole(t)
	at := pgtest.Database(t)
	execute(t, "postgres", at, `ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO `+role, `ALTER DEFAULT PRIVILEGES GRANT INSERT ON TABLES TO PUBLIC`)
	s, err := store.Open(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Migrate(t.Context(), time.Now().UTC(), ""); err != nil {
		t.Fatal(err)
	}
	found := differences(t, subject(t, at))
	for _, table := range []string{"table users", "table audit_logs"} {
		f := part(found, func(f Finding) bool { return f.Object == table })
		if !strings.Contains(f.Fix, "REVOKE SELECT ON TABLE "+table[6:]+" FROM "+role) || !strings.Contains(f.Fix, "REVOKE INSERT ON TABLE "+table[6:]+" FROM PUBLIC") {
			t.Errorf("%s: %+v", table, f)
		}
	}
}

// A role whose own rights are to be judged makes no shadow, in which they would be its owner's.
func TestServiceWithTheRightToMakeASchema(t *testing.T) {
	role := serviceRole(t)
	at := granted(t, role)
	as, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	execute(t, "postgres", at, `GRANT CREATE ON DATABASE `+as.Path[1:]+` TO `+role)
	as.User = url.UserPassword(role, role)
	if s := subject(t, as.String()); s.Shadow != nil || !strings.Contains(s.Unshadowed, "owner") {
		t.Errorf("%q", s.Unshadowed)
	}
}

// An owner that is no superuser can do all of it.
func TestOwnerWithoutOtherPowers(t *testing.T) {
	owner, service := serviceRole(t), serviceRole(t)
	at := pgtest.Database(t)
	as, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	execute(t, "postgres", at, `GRANT CREATE ON DATABASE `+as.Path[1:]+` TO `+owner)
	as.User = url.UserPassword(owner, owner)
	s, err := store.Open(t.Context(), as.String())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Migrate(t.Context(), time.Now().UTC(), service); err != nil {
		t.Fatal(err)
	}
	for _, by := range []string{as.String(), at} { // its own, and a superuser's
		r, err := Run(t.Context(), opened(t, by), []string{string(Fingerprint), string(Probe)}, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range r.Outcomes {
			if o.Status != Passed {
				t.Errorf("%s: %s %s %+v", o.ID, o.Status, o.Missing, o.Findings)
			}
		}
	}
}

// A database in the middle of an upgrade is compared with what it should be there, and probed.
func TestEveryPhaseEqualsItsShadow(t *testing.T) {
	for _, engine := range engines {
		t.Run(engine, func(t *testing.T) {
			list := migrations(t, engine)
			phases := 0
			for n := range list {
				if list[n].Number < 14 { // the first release had these migrations
					continue
				}
				phases++
				s := subject(t, madeOf(t, engine, list[:n+1]))
				for _, f := range differences(t, s) {
					t.Errorf("after %04d %s: %+v", list[n].Number, list[n].Phase, f)
				}
				for _, c := range probes {
					o, err := c.run(t.Context(), s)
					if err != nil {
						t.Fatal(err)
					}
					for _, f := range o.Findings {
						t.Errorf("after %04d %s: %s: %+v", list[n].Number, list[n].Phase, o.ID, f)
					}
				}
			}
			t.Logf("%s: %d phases", engine, phases)
		})
	}
}

// migrations are all that this program knows, as applied.
func migrations(t *testing.T, engine string) []store.Migration {
	t.Helper()
	s, err := store.Open(t.Context(), migrated(t, engine))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	list, err := s.Read(t.Context()).Migrations(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// madeOf returns the URL of a database that has had some migrations.
func madeOf(t *testing.T, engine string, list []store.Migration) string {
	t.Helper()
	notes := []string{}
	for _, m := range list {
		notes = append(notes, fmt.Sprintf(`INSERT INTO schema_migrations (number, phase, name, checksum, applied_at) VALUES (%d, '%s', '%s', %s)`, m.Number, m.Phase, m.Name,
			map[string]string{"sqlite": "x'', 0", "postgres": "'', now()"}[engine]))
	}
	script := store.SchemaScript(engine, list) + ";\n" + strings.Join(notes, ";\n")
	if engine == "sqlite" {
		path := filepath.Join(t.TempDir(), "made.db")
		execute(t, engine, path, "BEGIN;\n"+script+";\nCOMMIT")
		return path
	}
	at := pgtest.Database(t)
	execute(t, engine, at, `CREATE SCHEMA cardinal`, `SET search_path = cardinal`, script)
	return at
}

func TestNewerDatabaseIsNotCompared(t *testing.T) {
	for _, engine := range engines {
		at := migrated(t, engine)
		execute(t, engine, at, `INSERT INTO schema_migrations (number, phase, name, checksum, applied_at) SELECT 9999, phase, name, checksum, applied_at FROM schema_migrations WHERE number = 1`)
		if s := subject(t, at); s.Shadow != nil || !strings.Contains(s.Unshadowed, "9999") || !strings.Contains(s.Unshadowed, "newer cardinal") {
			t.Errorf("%s: %q", engine, s.Unshadowed)
		}
	}
}
