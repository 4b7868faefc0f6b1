package rehearsal_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"cardinal/internal/catalog"
	"cardinal/internal/catalog/rehearsal"
	"cardinal/internal/pgtest"
	"cardinal/internal/store"
	"cardinal/internal/store/schema"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

var engines = []string{"sqlite", "postgres"}

// database opens an empty database of an engine and lists Cardinal's migrations for it.
func database(t *testing.T, engine string) (*catalog.Database, []schema.Migration) {
	t.Helper()
	url := filepath.Join(t.TempDir(), "cardinal.db")
	if engine == "postgres" {
		url = pgtest.Database(t)
	}
	s, err := store.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	all, err := s.Read(t.Context()).Migrations(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	d, err := catalog.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d, all
}

func rehearse(t *testing.T, d *catalog.Database, applied []schema.Migration, migrations ...schema.Migration,
) []rehearsal.Step {
	t.Helper()
	steps, err := rehearsal.Rehearse(t.Context(), d, applied, migrations)
	if err != nil {
		t.Fatal(err)
	}
	return steps
}

// TestReleasedMigrationsPassLint checks Cardinal's own migrations from the first.
func TestReleasedMigrationsPassLint(t *testing.T) {
	for _, engine := range engines {
		t.Run(engine, func(t *testing.T) {
			d, all := database(t, engine)
			steps := rehearse(t, d, []schema.Migration{}, all...)
			if len(steps) != len(all) || len(all) < 10 {
				t.Fatalf("%d steps of %d migrations", len(steps), len(all))
			}
			for _, f := range rehearsal.Lint(steps) {
				t.Errorf("%s: %s: %s", f.Migration, f.Rule, f.Problem)
			}
		})
	}
}

// A change in all phases: a column with a rule and a trigger, an index on the table, and the contraction.
var sessionMarks = map[string]string{
	"9001_session_marks.sql": `ALTER TABLE sessions ADD COLUMN mark text;
		ALTER TABLE sessions ADD CONSTRAINT sessions_mark_ck CHECK (mark <> '') NOT VALID;
		CREATE TRIGGER sessions_mark_fixed BEFORE UPDATE OF mark ON sessions FOR EACH ROW
		  EXECUTE FUNCTION refuse_change('sessions_mark_fixed', 'a test');`,
	"9002_session_marks_index.sql": "-- alone: a test\n" +
		"CREATE INDEX CONCURRENTLY IF NOT EXISTS sessions_mark_ix ON sessions (mark);",
	"9001_session_marks.contract.sql": `ALTER TABLE sessions VALIDATE CONSTRAINT sessions_mark_ck;
		DROP TRIGGER sessions_mark_fixed ON sessions;`,
}

func TestEffectsOfSessionMarks(t *testing.T) {
	d, applied := database(t, "postgres")
	now := time.Now()
	for i := range applied {
		applied[i].AppliedAt = &now
	}
	var pending []schema.Migration
	for name, script := range sessionMarks {
		m, err := schema.New(name, script)
		if err != nil {
			t.Fatal(err)
		}
		pending = append(pending, m)
	}
	schema.Sort(pending)
	steps := map[string]rehearsal.Step{}
	all := rehearse(t, d, applied, pending...)
	for _, s := range all {
		steps[s.Migration.String()] = s
	}
	for _, f := range rehearsal.Lint(all) {
		t.Errorf("%s: %s: %s", f.Migration, f.Rule, f.Problem)
	}
	on := func(step, statement string) (found rehearsal.Effect) {
		for _, e := range steps[step].Effects {
			if strings.HasPrefix(e.Statement, statement) && e.Table == "sessions" {
				return e
			}
		}
		t.Errorf("%s: no effect of %q", step, statement)
		return found
	}
	e := on("9001 session_marks", "ALTER TABLE sessions ADD COLUMN")
	if e.Lock != rehearsal.AccessExclusive || e.Scans || e.Rewrites {
		t.Errorf("the column: %+v", e)
	}
	e = on("9002 session_marks_index", "CREATE INDEX CONCURRENTLY")
	if e.Lock != rehearsal.ShareUpdateExclusive || !e.Scans {
		t.Errorf("the index: %+v", e)
	}
	if e := on("9001 session_marks (contract)", "ALTER TABLE sessions VALIDATE"); !e.Scans || e.Lock.StopsWrites() {
		t.Errorf("the validation: %+v", e)
	}
	if e := on("9001 session_marks (contract)", "DROP TRIGGER"); e.Lock != rehearsal.AccessExclusive || e.Scans {
		t.Errorf("the trigger: %+v", e)
	}
	var left int
	err := d.QueryRow(`SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'cardinal%'`).Scan(&left)
	if err != nil || left != 0 {
		t.Errorf("%d schemas were not dropped: %v", left, err)
	}
}

// TestDropsAbandonedSchemas checks that a rehearsal drops the schema of a killed rehearsal and keeps that of a running
// one.
func TestDropsAbandonedSchemas(t *testing.T) {
	d, _ := database(t, "postgres")
	conn, err := d.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, statement := range []string{`SET default_transaction_read_only = off`,
		`CREATE SCHEMA cardinal_rehearsal_left; CREATE SCHEMA cardinal_rehearsal_busy;
		 SELECT pg_advisory_lock(hashtextextended('cardinal_rehearsal_busy', 0))`} {
		if _, err := conn.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	rehearse(t, d, []schema.Migration{})
	var left string
	err = d.QueryRow(`SELECT string_agg(nspname, ',') FROM pg_namespace WHERE nspname LIKE 'cardinal%'`).Scan(&left)
	if err != nil || left != "cardinal_rehearsal_busy" {
		t.Errorf("remaining schemas: %q, %v", left, err)
	}
}

// invalidDrafts are drafts of migrations that must not be released, at least one for each rule.
var invalidDrafts = []struct {
	name, file, script string
	rule               rehearsal.Rule
	problem            string
	only               string // engine
}{
	{"CheckScans", "9000_x.sql",
		`ALTER TABLE users ADD CONSTRAINT x_ck CHECK (version < 1000000);`,
		rehearsal.Blocks, "scans all rows of users", "postgres"},
	{"ForeignKeyScans", "9000_x.sql",
		`ALTER TABLE profiles ADD CONSTRAINT x_fk FOREIGN KEY (user_id) REFERENCES users (id);`,
		rehearsal.Blocks, "scans all rows of profiles", "postgres"},
	{"NotNullScans", "9000_x.contract.sql",
		`ALTER TABLE contacts ALTER COLUMN verified_at SET NOT NULL;`,
		rehearsal.Blocks, "scans all rows of contacts", "postgres"},
	{"IndexInTransaction", "9000_x.sql",
		`CREATE INDEX x_ix ON users (updated_at);`,
		rehearsal.Blocks, "scans all rows of users", "postgres"},
	{"UniqueConstraintScans", "9000_x.sql",
		`ALTER TABLE roles ADD CONSTRAINT x_uq UNIQUE (description);`,
		rehearsal.Blocks, "scans all rows of roles", "postgres"},
	{"TypeChangeRewrites", "9000_x.contract.sql",
		`ALTER TABLE jobs ALTER COLUMN attempts TYPE numeric;`,
		rehearsal.Blocks, "jobs is rewritten", "postgres"},
	{"GeneratedColumnRewrites", "9000_x.sql",
		`ALTER TABLE users ADD COLUMN x text GENERATED ALWAYS AS (status || kind) STORED;`,
		rehearsal.Blocks, "users is rewritten", "postgres"},
	{"ValidationAfterLock", "9000_x.contract.sql",
		`ALTER TABLE users ADD CONSTRAINT x_ck CHECK (version > 0) NOT VALID;
  ALTER TABLE users VALIDATE CONSTRAINT x_ck;`,
		rehearsal.Blocks, "scans all rows of users", "postgres"},
	{"ColumnDroppedEarly", "9000_x.sql",
		`ALTER TABLE profiles DROP COLUMN locale;`,
		rehearsal.Loses, "column profiles.locale is dropped", "postgres"},
	{"TableDroppedEarly", "9000_x.sql",
		`DROP TABLE setup_links;`,
		rehearsal.Loses, "table setup_links is dropped", ""},
	{"ColumnDropNotAnnounced", "9000_x.contract.sql",
		`ALTER TABLE jobs DROP COLUMN last_error;`,
		rehearsal.Loses, "column jobs.last_error is dropped with its data", "postgres"},
	{"TableDropNotAnnounced", "9000_x.contract.sql",
		`DROP TABLE setup_links;`,
		rehearsal.Loses, "table setup_links is dropped with its data", ""},
	{"ColumnRenamed", "9000_x.sql",
		`ALTER TABLE settings RENAME COLUMN description TO meaning;`,
		rehearsal.Loses, "column settings.description is dropped", ""},
	{"MandatoryColumnWithoutDefault", "9000_x.sql",
		`ALTER TABLE contacts ADD COLUMN x text NOT NULL;`,
		rehearsal.Breaks, "column contacts.x must have a value", "postgres"},
	{"ColumnBecomesMandatory", "9000_x.sql",
		`ALTER TABLE contacts ALTER COLUMN verified_at SET NOT NULL;`,
		rehearsal.Breaks, "column contacts.verified_at must have a value", "postgres"},
	{"TypeChange", "9000_x.sql",
		`ALTER TABLE jobs ALTER COLUMN kind TYPE varchar(64);`,
		rehearsal.Breaks, "the type of column jobs.kind", "postgres"},
	{"IndexDroppedEarly", "9000_x.sql",
		`DROP INDEX contacts_kind_ix;`,
		rehearsal.Breaks, "index contacts.contacts_kind_ix is removed", ""},
	{"TriggerDroppedEarly", "9000_x.sql",
		`DROP TRIGGER users_no_delete;`,
		rehearsal.Breaks, "trigger users.users_no_delete is removed", "sqlite"},
	{"TwoStatementsAlone", "9000_x.sql",
		"-- alone: both\nCREATE INDEX IF NOT EXISTS x_ix ON jobs (attempts); " +
			"CREATE INDEX IF NOT EXISTS y_ix ON jobs (created_at);",
		rehearsal.Form, "one statement", ""},
	{"IndexNotRepeatable", "9000_x.sql",
		"-- alone: an index\nCREATE INDEX x_ix ON jobs (attempts);",
		rehearsal.Form, "one statement", ""},
	{"BackfillWithoutBatch", "9000_x.backfill.sql",
		"-- backfill: users (id)\nUPDATE users SET schema_version = 2 -- {batch}\n",
		rehearsal.Form, "more than its batch", ""},
}

func TestLintReports(t *testing.T) {
	for _, engine := range engines {
		t.Run(engine, func(t *testing.T) {
			d, all := database(t, engine)
			for _, b := range invalidDrafts {
				if b.only != "" && b.only != engine {
					continue
				}
				t.Run(b.name, func(t *testing.T) {
					draft, err := schema.New(b.file, b.script)
					if err != nil {
						t.Fatal(err)
					}
					now := time.Now()
					for i := range all {
						all[i].AppliedAt = &now
					}
					violations := rehearsal.Lint(rehearse(t, d, all, draft))
					if !slices.ContainsFunc(violations, func(f rehearsal.Violation) bool {
						return f.Rule == b.rule && strings.Contains(f.Problem, b.problem) && f.Fix != ""
					}) {
						t.Errorf("%+v, want %s: …%s…", violations, b.rule, b.problem)
					}
				})
			}
		})
	}
}

// TestLintAcceptsSafeMigrations checks drafts that violate no rule.
func TestLintAcceptsSafeMigrations(t *testing.T) {
	for _, engine := range engines {
		d, all := database(t, engine)
		now := time.Now()
		for i := range all {
			all[i].AppliedAt = &now
		}
		for name, scripts := range map[string][2]string{
			"a nullable column":        {"9000_x.sql", `ALTER TABLE users ADD COLUMN x TEXT;`},
			"a column with a default":  {"9000_x.sql", `ALTER TABLE jobs ADD COLUMN x INTEGER NOT NULL DEFAULT 0;`},
			"a drop that is announced": {"9000_x.contract.sql", "-- drops: setup_links\nDROP TABLE setup_links;"},
		} {
			draft, err := schema.New(scripts[0], scripts[1])
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range rehearsal.Lint(rehearse(t, d, all, draft)) {
				t.Errorf("%s, %s: %s: %s", engine, name, f.Rule, f.Problem)
			}
		}
	}
}

func TestInvalidScripts(t *testing.T) {
	for _, engine := range engines {
		d, all := database(t, engine)
		draft, err := schema.New("9000_x.sql", `CREATE TABLE oops (`)
		if err != nil {
			t.Fatal(err)
		}
		_, err = rehearsal.Rehearse(t.Context(), d, all, []schema.Migration{draft})
		if err == nil || !strings.Contains(err.Error(), "9000 x") {
			t.Errorf("%s: %v", engine, err)
		}
	}
	if _, err := schema.New("x.sql", ""); err == nil {
		t.Error("no error for a file name without a number")
	}
}
