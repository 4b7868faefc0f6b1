package schema

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Script is a script that creates Cardinal's schema in an empty one: the applied migrations in order, or all of
// them if applied is nil. On PostgreSQL the search_path determines the schema, so that a copy can be created in another
// one. The script creates no partitions of the audit log and grants no privileges.
func Script(engine string, applied []Migration) string {
	parts := []string{MigrationsTable(engine)}
	if engine == "postgres" {
		parts = append(parts, LockTable)
	}
	for _, f := range inOrderOfRuns(Embedded(engine), applied) {
		if f.Phase == Backfill {
			continue // it changes only rows
		}
		if f.OutsideTransaction() {
			f.Script = strings.ReplaceAll(f.Script, " CONCURRENTLY", "")
		}
		parts = append(parts, f.Script)
	}
	return strings.Join(parts, ";\n")
}

// inOrderOfRuns returns the applied migrations in the order in which they ran, all of them if applied is nil. A run of
// `db migrate` applies all expansions before the first contraction; which migrations a run applied is known from the
// time, which is the same for all. The order can be seen in the text of a table that SQLite stores.
func inOrderOfRuns(files, applied []Migration) []Migration {
	ran := func(m Migration) time.Time {
		i := slices.IndexFunc(applied, func(a Migration) bool {
			return a.Number == m.Number && a.Phase == m.Phase && a.AppliedAt != nil
		})
		if i < 0 {
			return time.Time{}
		}
		return *applied[i].AppliedAt
	}
	if applied != nil {
		files = slices.DeleteFunc(files, func(m Migration) bool { return ran(m).IsZero() })
	}
	slices.SortStableFunc(files, func(a, b Migration) int {
		return cmp.Or(ran(a).Compare(ran(b)),
			slices.Index(phaseOrder, a.Phase)-slices.Index(phaseOrder, b.Phase), a.Number-b.Number)
	})
	return files
}

// Grants is a script that grants a PostgreSQL role the privileges that `cardinal serve` needs in a schema with some
// applied migrations (nil: all), and no more. Privileges are taken away only by contractions: until the contraction of
// a number, a role also gets those in grants.before_NUMBER.sql.
func Grants(schema, role string, applied []Migration) string {
	text, err := Files.ReadFile("postgres/grants.sql")
	if err != nil {
		panic(err) // it is embedded
	}
	for _, m := range Embedded("postgres") {
		before, err := Files.ReadFile(fmt.Sprintf("postgres/grants.before_%04d.sql", m.Number))
		if err != nil || m.Phase != Contract {
			continue // most contractions take no privileges
		}
		if applied != nil && !slices.ContainsFunc(applied, func(a Migration) bool {
			return a.Number == m.Number && a.Phase == Contract && a.AppliedAt != nil
		}) {
			text = append(text, before...)
		}
	}
	names := strings.NewReplacer("SCHEMA cardinal", "SCHEMA "+QuoteName(schema), "%[1]s", QuoteName(role))
	return names.Replace(string(text))
}

// QuoteName returns a name for use in a statement of PostgreSQL.
func QuoteName(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

const migrationsTable = `CREATE TABLE IF NOT EXISTS schema_migrations (
  number      %[1]s NOT NULL, -- [internal] Number of the migration.
  phase       %[2]s NOT NULL, -- [internal] Phase: expand, backfill or contract.
  name        %[2]s NOT NULL, -- [internal] Name of the migration.
  checksum    %[3]s NOT NULL, -- [internal] SHA-256 of the script.
  applied_at  %[4]s NOT NULL, -- [internal] When the migration was applied (UTC).
  CONSTRAINT schema_migrations_pk PRIMARY KEY (number, phase),
  CONSTRAINT schema_migrations_phase_ck CHECK (phase IN ('expand', 'backfill', 'contract'))
)`

// MigrationsTable creates the table of the applied migrations.
func MigrationsTable(engine string) string {
	if engine == "sqlite" {
		commented := strings.Replace(migrationsTable, " (\n", " ( -- Applied migrations.\n", 1)
		return fmt.Sprintf(commented, "INTEGER", "TEXT", "BLOB", "INTEGER") + " STRICT, WITHOUT ROWID"
	}
	return fmt.Sprintf(migrationsTable, "bigint", "text", "bytea", "timestamptz") + `;
COMMENT ON TABLE schema_migrations IS 'Applied migrations.';
COMMENT ON COLUMN schema_migrations.number IS '[internal] Number of the migration.';
COMMENT ON COLUMN schema_migrations.phase IS '[internal] Phase: expand, backfill or contract.';
COMMENT ON COLUMN schema_migrations.name IS '[internal] Name of the migration.';
COMMENT ON COLUMN schema_migrations.checksum IS '[internal] SHA-256 of the script.';
COMMENT ON COLUMN schema_migrations.applied_at IS '[internal] When the migration was applied (UTC).'`
}

// LockTable creates the table of the migration lock: the lock is the lock of its only row.
const LockTable = `CREATE TABLE IF NOT EXISTS schema_lock (
  id integer NOT NULL, CONSTRAINT schema_lock_pk PRIMARY KEY (id), CONSTRAINT schema_lock_one_ck CHECK (id = 1));
COMMENT ON TABLE schema_lock IS 'One row. The node that has locked it migrates.';
COMMENT ON COLUMN schema_lock.id IS '[internal] Always 1.';
INSERT INTO schema_lock (id) VALUES (1) ON CONFLICT DO NOTHING`
