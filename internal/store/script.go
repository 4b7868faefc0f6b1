package store

import (
	"slices"
	"strings"
)

// SchemaScript is a script that creates Cardinal's schema in an empty one: the applied migrations in order, or all of
// them if applied is nil. On PostgreSQL the search_path determines the schema, so that a copy can be created in another
// one. The script creates no partitions of the audit log and grants no privileges.
func SchemaScript(engine string, applied []Migration) string {
	parts := []string{migrationsTableSQL(engine)}
	if engine == "postgres" {
		parts = append(parts, createLockTable)
	}
	for _, f := range migrationFiles(engine) {
		if f.Phase == Backfill {
			continue // it changes only rows
		}
		if f.OutsideTransaction() {
			f.script = strings.ReplaceAll(f.script, " CONCURRENTLY", "")
		}
		if applied == nil || slices.ContainsFunc(applied, func(a Migration) bool {
			return a.Number == f.Number && a.Phase == f.Phase && a.AppliedAt != nil
		}) {
			parts = append(parts, f.script)
		}
	}
	return strings.Join(parts, ";\n")
}

// GrantsScript is a script that grants a PostgreSQL role the privileges that `cardinal serve` needs in a schema, and no
// more.
func GrantsScript(schema, role string) string {
	text, err := schemaFiles.ReadFile("schema/postgres/grants.sql")
	if err != nil {
		panic(err) // it is embedded
	}
	names := strings.NewReplacer("SCHEMA cardinal", "SCHEMA "+quoteName(schema), "%[1]s", quoteName(role))
	return names.Replace(string(text))
}

func quoteName(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
