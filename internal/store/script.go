package store

import (
	"slices"
	"strings"
)

// SchemaScript is the text that makes Cardinal's whole schema where there is none: the migrations that were applied, in order, or
// every one when applied is nil. On PostgreSQL it goes where the search_path says, so that a second one can stand beside the real
// one. It makes no month of the audit log and gives no rights.
func SchemaScript(engine string, applied []Migration) string {
	parts := []string{migrationsTableSQL(engine)}
	if engine == "postgres" {
		parts = append(parts, lockTable)
	}
	for _, f := range migrationFiles(engine) {
		if f.Phase == Backfill {
			continue // it changes rows
		}
		if f.Alone() {
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

// GrantsScript is the text that gives a PostgreSQL role the rights that `cardinal serve` needs in a schema, and no more.
func GrantsScript(schema, role string) string {
	text, err := schemaFiles.ReadFile("schema/postgres/grants.sql")
	if err != nil {
		panic(err) // it is embedded
	}
	return strings.NewReplacer("SCHEMA cardinal", "SCHEMA "+quoteName(schema), "%[1]s", quoteName(role)).Replace(string(text))
}

func quoteName(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
