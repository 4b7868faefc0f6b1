package check

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cardinal/internal/catalog"
)

func TestEveryRuleRefuses(t *testing.T) {
	for _, engine := range engines {
		t.Run(engine, func(t *testing.T) {
			s := subjectWithShadow(t, migratedDatabase(t, engine))
			began, total := time.Now(), 0
			for _, c := range probes {
				at := time.Now()
				o, err := c.run(t.Context(), s)
				if err != nil {
					t.Fatal(err)
				}
				total += o.Total
				t.Logf("%s: %d of %d %s, %v", c.ID, o.Passed, o.Total, c.unit, time.Since(at))
				for _, f := range o.Findings {
					t.Errorf("%s: %s: %s: %q", c.ID, f.Object, f.Problem, f.Evidence)
				}
			}
			t.Logf("%s: %d probes, %d statements, %v", engine, total, s.shadow.prober.triedCount, time.Since(began))
		})
	}
}

// Every table has a row, because probes start from existing rows.
func TestFixtureFillsEveryTable(t *testing.T) {
	for _, engine := range engines {
		s := subjectWithShadow(t, migratedDatabase(t, engine))
		p, err := s.shadow.openProber(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		for _, table := range p.schema.Tables {
			if len(p.rows[table.Name]) == 0 {
				t.Errorf("%s: the fixture has no row of %s", engine, table.Name)
			}
		}
	}
}

// Every exempt rule exists and cannot be violated: otherwise it must not be exempt.
func TestExemptRulesUnreachable(t *testing.T) {
	for _, engine := range engines {
		s := subjectWithShadow(t, migratedDatabase(t, engine))
		p, err := s.shadow.openProber(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		found := map[string]bool{}
		for i := range p.schema.Tables {
			table := &p.schema.Tables[i]
			if table.Kind == catalog.Partition {
				continue
			}
			for _, r := range slices.Concat(p.tableNotNullRules(table), p.tableCheckRules(table),
				p.tableUniqueRules(table), p.tableForeignKeyRules(table), p.tableTriggerRules(table)) {
				if !p.isExempt(r) {
					continue
				}
				found[r.object] = true
				for results, err := range p.runRule(t.Context(), r) {
					if err != nil {
						t.Fatal(err)
					}
					if slices.ContainsFunc(results, r.matches) {
						t.Errorf("%s: %s can be violated", engine, r.object)
					}
				}
			}
		}
		for object := range unreachableRules[engine] {
			if !found[object] {
				t.Errorf("%s: there is no %s", engine, object)
			}
		}
	}
}

// Probes detect a rule that is declared but refuses nothing. The test disables rules in the shadow after its schema was
// read.
func TestProbesDetectIneffectiveRules(t *testing.T) {
	disabled := map[string]map[string]string{
		"postgres": {
			"constraint users.users_version_ck": `ALTER TABLE users DROP CONSTRAINT ` +
				`users_version_ck, ADD CONSTRAINT users_version_ck CHECK (version > -5 OR schema_version > 0)`,
			"constraint sessions.sessions_idle_ck": `ALTER TABLE sessions DROP CONSTRAINT ` +
				`sessions_idle_ck`,
			"column contacts.kind": `ALTER TABLE contacts ALTER COLUMN kind ` +
				`DROP NOT NULL`,
			"index contacts.contacts_one_primary_uq": `DROP INDEX contacts_one_primary_uq`,
			"constraint roles.roles_name_uq": `ALTER TABLE roles DROP CONSTRAINT ` +
				`roles_name_uq`,
			"constraint sessions.sessions_method_fk": `ALTER TABLE sessions DROP CONSTRAINT ` +
				`sessions_method_fk`,
			"trigger profiles.profiles_no_delete by profiles_no_delete": `ALTER TABLE profiles DISABLE TRIGGER ` +
				`profiles_no_delete`,
			"trigger users.users_guard by users_erased_final": `DO $$ BEGIN EXECUTE ` +
				`replace(pg_get_functiondef('guard_user'::regproc), 'OLD.erased_at IS NOT NULL', 'false'); END $$`,
		},
		"sqlite": {
			"index contacts.contacts_one_primary_uq":                    `DROP INDEX contacts_one_primary_uq`,
			"trigger profiles.profiles_no_delete by profiles_no_delete": `DROP TRIGGER profiles_no_delete`,
			"constraint users.users_version_ck": `PRAGMA writable_schema = ON;
			  UPDATE sqlite_schema SET sql = replace(sql, 'CHECK (version > 0 AND', 'CHECK (version > -5 OR')
			    WHERE name = 'users'; PRAGMA writable_schema = RESET`,
			"column contacts.kind": `PRAGMA writable_schema = ON;
			  UPDATE sqlite_schema SET sql = replace(sql, 'kind            TEXT NOT NULL', 'kind TEXT')
			    WHERE name = 'contacts'; PRAGMA writable_schema = RESET`,
			"trigger settings.settings_guard_version by settings_created_fixed": `DROP TRIGGER settings_guard_version;
			  CREATE TRIGGER settings_guard_version BEFORE UPDATE ON settings BEGIN SELECT RAISE(ABORT,
			    'settings_version_step: no') WHERE NEW.version <> OLD.version + 1; END`,
		},
	}
	for _, engine := range engines {
		t.Run(engine, func(t *testing.T) {
			s := subjectWithShadow(t, migratedDatabase(t, engine))
			if _, err := s.shadow.openProber(t.Context(), s); err != nil { // inserts the fixture
				t.Fatal(err)
			}
			var want, got []string
			for object, statement := range disabled[engine] {
				want = append(want, object)
				if _, err := s.shadow.conn.ExecContext(t.Context(), statement); err != nil {
					t.Fatal(err)
				}
			}
			for _, c := range probes {
				o, err := c.run(t.Context(), s)
				if err != nil {
					t.Fatal(err)
				}
				for _, f := range o.Findings {
					got = append(got, f.Object)
				}
				if len(o.Findings) != o.Total-o.Passed {
					t.Errorf("%s: %d of %d passed, %d findings", o.ID, o.Passed, o.Total, len(o.Findings))
				}
			}
			slices.Sort(want)
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
