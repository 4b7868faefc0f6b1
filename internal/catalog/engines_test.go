package catalog_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cardinal/internal/catalog"
)

// The schema is the same on both engines: tables and columns with the same comments, keys over the same columns, and
// indexes over the same columns. Names of the indexes that belong to keys may differ between engines; their columns may
// not.
func TestEnginesHaveSameSchema(t *testing.T) {
	schemas := map[string]map[string][]string{}
	for engine, url := range migratedURLs(t) {
		schemas[engine] = map[string][]string{}
		for _, table := range readSchema(t, url, "cardinal").Base() {
			if table.Name != "schema_lock" { // SQLite uses its own lock instead
				schemas[engine][table.Name] = describeTable(t, &table)
			}
		}
	}
	if diff := cmp.Diff(schemas["sqlite"], schemas["postgres"]); diff != "" || len(schemas["sqlite"]) < 25 {
		t.Errorf("%d tables; SQLite (-) and PostgreSQL (+) differ:\n%s", len(schemas["sqlite"]), diff)
	}
}

// describeTable lists what must be equal on both engines for a table.
func describeTable(t *testing.T, table *catalog.Table) (lines []string) {
	kinds := map[string]string{"uuid": "BLOB", "bytea": "BLOB", "text": "TEXT", "jsonb": "TEXT", "bigint": "INTEGER",
		"boolean":                  "INTEGER",
		"timestamp with time zone": "INTEGER", "BLOB": "BLOB", "TEXT": "TEXT", "INTEGER": "INTEGER"}
	for _, c := range table.Columns {
		if kinds[c.Type] == "" {
			t.Errorf("%s.%s is a %s", table.Name, c.Name, c.Type)
		}
		lines = append(lines, fmt.Sprintf("column %s %s, not null: %t, computed: %t: %s", c.Name, kinds[c.Type],
			c.NotNull, c.Generated != "", c.Comment))
	}
	var keys []string
	for _, k := range table.Constraints {
		switch k.Kind {
		case catalog.PrimaryKey:
			keys = append(keys, "primary key "+strings.Join(k.Columns, ", "))
		case catalog.ForeignKey:
			keys = append(keys, fmt.Sprintf("foreign key %s to %s (%s), on delete %s, deferred: %t",
				strings.Join(k.Columns, ", "), k.References,
				strings.Join(k.ReferencedColumns, ", "), k.OnDelete, k.Deferred))
		}
	}
	for _, i := range table.Indexes {
		keys = append(keys, fmt.Sprintf("index of %q, unique: %t, partial: %t", i.Columns, i.Unique, i.Predicate != ""))
	}
	slices.Sort(keys)
	return append([]string{table.Comment}, append(lines, keys...)...)
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
