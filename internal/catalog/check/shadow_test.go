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
	"cardinal/internal/store/schema"
)

// migratedDatabase returns the URL of a database with Cardinal's schema.
func migratedDatabase(t *testing.T, engine string) string {
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

// subjectWithShadow opens a database for a check and builds its shadow.
func subjectWithShadow(t *testing.T, url string) *Subject {
	t.Helper()
	d, err := catalog.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	s := &Subject{Database: d, Schema: "cardinal", Now: time.Now().UTC()}
	if err := readLive(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	done, err := buildShadow(context.Background(), s) // t.Context() is cancelled before Cleanup runs
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

func TestFreshDatabaseEqualsShadow(t *testing.T) {
	for _, engine := range engines {
		t.Run(engine, func(t *testing.T) {
			url := migratedDatabase(t, engine)
			began := time.Now()
			s := subjectWithShadow(t, url)
			facts := 0
			for _, c := range fingerprints {
				o, err := c.run(t.Context(), s)
				if err != nil {
					t.Fatal(err)
				}
				if facts += o.Total; o.Status != Passed || o.Passed != o.Total {
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

// openForWriting opens a database to change it.
func openForWriting(t *testing.T, url string) *sql.DB {
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

// databaseWithGrants returns the URL of a PostgreSQL database in which a role has the service's privileges.
func databaseWithGrants(t *testing.T, role string) string {
	t.Helper()
	at := migratedDatabase(t, "postgres")
	execute(t, "postgres", at, schema.Grants("cardinal", role, nil))
	return at
}

// dropLaterMonths drops all months of the audit log except the first two; all months are alike.
func dropLaterMonths(t *testing.T, at string) string {
	t.Helper()
	rows, err := catalog.QueryTexts(t.Context(), openForWriting(t, at), `SELECT inhrelid::regclass FROM pg_inherits `+
		`WHERE inhparent = 'cardinal.audit_logs'::regclass ORDER BY 1 OFFSET 2`)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		execute(t, "postgres", at, `DROP TABLE `+row[0])
	}
	return at
}

// A check does not block the users of the database: even with all probes it takes only read locks (ACCESS SHARE) on the
// live tables.
func TestShadowHoldsNoWriteLocks(t *testing.T) {
	url := migratedDatabase(t, "postgres")
	s := subjectWithShadow(t, url)
	for _, c := range probes {
		if _, err := c.run(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	live := openForWriting(t, url)
	locks, err := catalog.QueryTexts(t.Context(), live, `SELECT c.relname, l.mode FROM pg_locks l JOIN pg_class c
	  ON c.oid = l.relation JOIN pg_namespace n ON n.oid = c.relnamespace
	  WHERE n.nspname = 'cardinal' AND l.pid <> pg_backend_pid() AND l.mode <> 'AccessShareLock'`)
	if err != nil || len(locks) > 0 {
		t.Errorf("locks while the shadow exists: %v, %v", locks, err)
	}
	others, err := catalog.QueryTexts(t.Context(), live,
		`SELECT l.mode FROM pg_locks l WHERE l.pid <> pg_backend_pid() AND l.relation > 16384`)
	if err != nil || len(others) < 100 {
		t.Errorf("the shadow's own locks are not visible, so the test proves nothing: %d, %v", len(others), err)
	}
	if seen := countShadows(t, url); seen != 0 {
		t.Errorf("other connections see %d shadow schemas", seen)
	}
}

// countShadows counts the shadow schemas that are visible.
func countShadows(t *testing.T, url string) int {
	t.Helper()
	found, err := catalog.QueryTexts(t.Context(), openForWriting(t, url),
		`SELECT nspname FROM pg_namespace WHERE nspname LIKE 'cardinal\_shadow%'`)
	if err != nil {
		t.Fatal(err)
	}
	return len(found)
}

func TestShadowRemoved(t *testing.T) {
	url := migratedDatabase(t, "postgres")
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
			execute(t, "postgres", url, `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity `+
				`WHERE datname = current_database() AND application_name = 'cardinal check'`)
			if done() == nil {
				t.Error("the connection was not ended")
			}
		},
	} {
		s := &Subject{Database: d, Schema: "cardinal", Now: time.Now().UTC()}
		if err := readLive(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		done, err := buildShadow(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		end(done)
		if seen := countShadows(t, url); seen != 0 {
			t.Errorf("%s: %d shadow schemas are left", name, seen)
		}
	}
}

// A role with only the service's privileges can run all checks except those that need a schema.
func TestRoleWithoutCreate(t *testing.T) {
	role := createServiceRole(t)
	at := databaseWithGrants(t, role)
	as, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	as.User = url.UserPassword(role, role)
	r, err := Run(t.Context(), openSubject(t, as.String()), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	points := 0
	for _, o := range r.Outcomes {
		switch {
		case o.Kind == Fingerprint || o.Kind == Probe:
			if o.Status != Skipped || !strings.Contains(o.NotChecked, "CREATE") ||
				!strings.Contains(o.NotChecked, "probes") {
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

// Roles with most of the service's privileges are taken as the service; a privilege of any other role is a finding.
func TestExtraGrants(t *testing.T) {
	first, second, other := createServiceRole(t), createServiceRole(t), createServiceRole(t)
	at := databaseWithGrants(t, first)
	execute(t, "postgres", at, schema.Grants("cardinal", second, nil))
	if found := fingerprintFindings(t, subjectWithShadow(t, at)); len(found) > 0 {
		t.Errorf("two services: %+v", found)
	}
	execute(t, "postgres", at, `GRANT SELECT ON users TO `+other, `REVOKE INSERT ON audit_logs FROM `+second)
	found := fingerprintFindings(t, subjectWithShadow(t, at))
	if len(found) != 2 || !strings.Contains(found[0].Fix, "GRANT INSERT ON TABLE audit_logs TO "+second) ||
		!strings.Contains(found[1].Fix, "REVOKE SELECT ON TABLE users FROM "+other) {
		t.Errorf("found: %+v", found)
	}
}

// Default privileges also apply to the shadow. That must not hide them in the live schema.
func TestDefaultPrivilegesDetected(t *testing.T) {
	role := createServiceRole(t)
	at := pgtest.Database(t)
	execute(t, "postgres", at, `ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO `+role,
		`ALTER DEFAULT PRIVILEGES GRANT INSERT ON TABLES TO PUBLIC`)
	s, err := store.Open(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Migrate(t.Context(), time.Now().UTC(), ""); err != nil {
		t.Fatal(err)
	}
	found := fingerprintFindings(t, subjectWithShadow(t, at))
	for _, table := range []string{"table users", "table audit_logs"} {
		f := findFirst(found, func(f Finding) bool { return f.Object == table })
		if !strings.Contains(f.Fix, "REVOKE SELECT ON TABLE "+table[6:]+" FROM "+role) ||
			!strings.Contains(f.Fix, "REVOKE INSERT ON TABLE "+table[6:]+" FROM PUBLIC") {
			t.Errorf("%s: %+v", table, f)
		}
	}
}

// A role with privileges in the live schema builds no shadow, because it would own the objects there.
func TestServiceRoleWithCreate(t *testing.T) {
	role := createServiceRole(t)
	at := databaseWithGrants(t, role)
	as, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	execute(t, "postgres", at, `GRANT CREATE ON DATABASE `+as.Path[1:]+` TO `+role)
	as.User = url.UserPassword(role, role)
	if s := subjectWithShadow(t, as.String()); s.Shadow != nil || !strings.Contains(s.NoShadowReason, "owner") {
		t.Errorf("%q", s.NoShadowReason)
	}
}

// An owner that is not a superuser can run all checks.
func TestOwnerNotSuperuser(t *testing.T) {
	owner, service := createServiceRole(t), createServiceRole(t)
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
	for _, by := range []string{as.String(), at} { // as the owner, and as a superuser
		r, err := Run(t.Context(), openSubject(t, by), []string{string(Fingerprint), string(Probe)}, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range r.Outcomes {
			if o.Status != Passed {
				t.Errorf("%s: %s %s %+v", o.ID, o.Status, o.NotChecked, o.Findings)
			}
		}
	}
}

// A database in the middle of an upgrade is compared with the schema of that phase, and probed.
func TestEveryPhaseEqualsShadow(t *testing.T) {
	for _, engine := range engines {
		t.Run(engine, func(t *testing.T) {
			list := appliedMigrations(t, engine)
			phases := 0
			for n := range list {
				if list[n].Number < 14 { // the first release has these migrations
					continue
				}
				phases++
				s := subjectWithShadow(t, databaseAtPhase(t, engine, list[:n+1]))
				for _, f := range fingerprintFindings(t, s) {
					t.Errorf("after %04d %s: %+v", list[n].Number, list[n].Phase, f)
				}
				for _, c := range probes {
					o, err := c.run(t.Context(), s)
					if err != nil {
						t.Fatal(err)
					}
					for _, f := range o.Findings {
						// Until the contraction there are two unique keys, and one of them refuses everything that the
						// other one does.
						if list[n].Name == "reply_scope_index" && list[n].Phase == schema.Expand &&
							strings.Contains(f.Object, " idempotency_keys.") {
							continue
						}
						t.Errorf("after %04d %s: %s: %+v", list[n].Number, list[n].Phase, o.ID, f)
					}
				}
			}
			t.Logf("%s: %d phases", engine, phases)
		})
	}
}

// appliedMigrations returns all migrations of this program, as applied.
func appliedMigrations(t *testing.T, engine string) []schema.Migration {
	t.Helper()
	s, err := store.Open(t.Context(), migratedDatabase(t, engine))
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

// databaseAtPhase returns the URL of a database with some migrations applied.
func databaseAtPhase(t *testing.T, engine string, list []schema.Migration) string {
	t.Helper()
	notes := []string{}
	for _, m := range list {
		notes = append(notes, fmt.Sprintf(`INSERT INTO schema_migrations (number, phase, name, checksum, applied_at) `+
			`VALUES (%d, '%s', '%s', %s)`, m.Number, m.Phase, m.Name,
			map[string]string{"sqlite": "x'', 0", "postgres": "'', now()"}[engine]))
	}
	script := schema.Script(engine, list) + ";\n" + strings.Join(notes, ";\n")
	if engine == "sqlite" {
		path := filepath.Join(t.TempDir(), "test.db")
		execute(t, engine, path, "BEGIN;\n"+script+";\nCOMMIT")
		return path
	}
	at := pgtest.Database(t)
	execute(t, engine, at, `CREATE SCHEMA cardinal`, `SET search_path = cardinal`, script)
	return at
}

func TestNewerDatabaseNotCompared(t *testing.T) {
	for _, engine := range engines {
		at := migratedDatabase(t, engine)
		execute(t, engine, at, `INSERT INTO schema_migrations (number, phase, name, checksum, applied_at) `+
			`SELECT 9999, phase, name, checksum, applied_at FROM schema_migrations WHERE number = 1`)
		if s := subjectWithShadow(t, at); s.Shadow != nil || !strings.Contains(s.NoShadowReason, "9999") ||
			!strings.Contains(s.NoShadowReason, "newer cardinal") {
			t.Errorf("%s: %q", engine, s.NoShadowReason)
		}
	}
}
