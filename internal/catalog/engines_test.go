package catalog_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cardinal/internal/catalog"
)

// onlyOn names the checks and triggers that one engine has and the other has not, each with the reason. In a name, *
// stands for anything.
var onlyOn = map[string]map[string]string{
	"sqlite": {
		"check *_form":                           "checks the type of a column; PostgreSQL's types do it themselves",
		"trigger audit_logs_no_delete":           "one event per trigger; audit_logs_append_only of PostgreSQL has two",
		"trigger audit_logs_no_replace":          "only SQLite has INSERT OR REPLACE, which fires no DELETE trigger",
		"trigger audit_logs_no_update":           "one event per trigger; audit_logs_append_only of PostgreSQL has two",
		"trigger user_roles_keep_holders_delete": "one event per trigger; PostgreSQL has one for both events",
		"trigger users_guard_insert":             "one event per trigger; users_guard of PostgreSQL has two",
	},
	"postgres": {
		"trigger *_no_truncate":          "SQLite has no TRUNCATE",
		"trigger audit_logs_append_only": "for two events; SQLite has audit_logs_no_update and audit_logs_no_delete",
	},
}

// Both engines have one schema: the same tables and columns with the same meaning, keys and indexes over the same
// columns, and checks and triggers of the same names, except for those in onlyOn. The names of what implements a key
// are the engine's own; its columns are not.
func TestEnginesHaveSameSchema(t *testing.T) {
	schemas, used := map[string]map[string][]string{}, map[string]bool{}
	for engine, url := range migratedURLs(t) {
		schemas[engine] = map[string][]string{}
		for _, table := range readSchema(t, url, "cardinal").BaseTables() {
			if table.Name == "schema_lock" { // SQLite's own lock serves instead
				continue
			}
			lines := slices.DeleteFunc(describeTable(t, &table), func(line string) bool {
				for pattern := range onlyOn[engine] {
					prefix, suffix, some := strings.Cut(pattern, "*")
					if line == pattern || some && strings.HasPrefix(line, prefix) && strings.HasSuffix(line, suffix) {
						used[engine+pattern] = true
						return true
					}
				}
				return false
			})
			schemas[engine][table.Name] = lines
		}
	}
	if diff := cmp.Diff(schemas["sqlite"], schemas["postgres"]); diff != "" || len(schemas["sqlite"]) < 25 {
		t.Errorf("%d tables; SQLite (-) and PostgreSQL (+) differ:\n%s", len(schemas["sqlite"]), diff)
	}
	for engine, patterns := range onlyOn {
		for pattern := range patterns {
			if !used[engine+pattern] {
				t.Errorf("%s has no %s: remove the exception", engine, pattern)
			}
		}
	}
}

// describeTable lists what must be the same on both engines, as lines.
func describeTable(t *testing.T, table *catalog.Table) (lines []string) {
	kinds := map[string]string{"uuid": "BLOB", "bytea": "BLOB", "text": "TEXT", "jsonb": "TEXT",
		"bigint": "INTEGER", "boolean": "INTEGER", "timestamp with time zone": "INTEGER",
		"BLOB": "BLOB", "TEXT": "TEXT", "INTEGER": "INTEGER"}
	for _, c := range table.Columns {
		if kinds[c.Type] == "" {
			t.Errorf("%s.%s has the type %s", table.Name, c.Name, c.Type)
		}
		lines = append(lines, fmt.Sprintf("column %s %s, not null: %t, computed: %t: %s",
			c.Name, kinds[c.Type], c.NotNull, c.Generated != "", c.Comment))
	}
	var rules []string
	for _, k := range table.Constraints {
		switch k.Kind {
		case catalog.PrimaryKey:
			rules = append(rules, "primary key "+strings.Join(k.Columns, ", "))
		case catalog.ForeignKey:
			rules = append(rules, fmt.Sprintf("foreign key %s to %s (%s), on delete %s, deferred: %t",
				strings.Join(k.Columns, ", "), k.References, strings.Join(k.ReferencedColumns, ", "),
				k.OnDelete, k.Deferred))
		case catalog.Check:
			rules = append(rules, "check "+k.Name)
		}
	}
	for _, i := range table.Indexes {
		rules = append(rules, fmt.Sprintf("index of %q, unique: %t, partial: %t",
			i.Columns, i.Unique, i.Predicate != ""))
	}
	for _, g := range table.Triggers {
		rules = append(rules, "trigger "+g.Name)
	}
	slices.Sort(rules)
	return append([]string{table.Comment}, append(lines, rules...)...)
}

func TestIndexLeadsWith(t *testing.T) {
	for _, c := range []struct {
		columns, predicate string
		want               bool
	}{
		{"a b", "", true},
		{"b a c", "", true},
		{"a", "", false},
		{"c a b", "", false},
		{"a b", "a IS NOT NULL", true},
		{"a b", "(a IS NOT NULL) AND (b IS NOT NULL)", true},
		{"a b", "is_primary", false},
		{"a b", "c IS NOT NULL", false},
		{"a b", "a IS NULL", false},
		{"a b", "a IS NOT NULL AND is_primary", false},
		{"a b", "a IS NOT NULL OR is_primary", false},
	} {
		index := catalog.Index{Columns: strings.Fields(c.columns), Predicate: c.predicate, Valid: true}
		if got := index.LeadsWith([]string{"a", "b"}); got != c.want {
			t.Errorf("(%s) WHERE %s: %t", c.columns, c.predicate, got)
		}
		if index.Valid = false; index.LeadsWith([]string{"a", "b"}) {
			t.Errorf("(%s): an invalid index is accepted", c.columns)
		}
	}
}
