package erd

import (
	"database/sql"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cardinal/internal/catalog"
)

// TestDiagramEqualsDatabase compares the diagram with the database. It does not read it as package catalog does, but
// from the standard information_schema and from SQLite's pragmas.
func TestDiagramEqualsDatabase(t *testing.T) {
	queries := map[string]struct{ driver, tables, keys string }{
		"postgres": {"pgx", `
			SELECT t.table_name FROM information_schema.tables t
			 WHERE t.table_schema = 'cardinal' AND t.table_type = 'BASE TABLE'
			   AND t.table_name !~ '^audit_logs_[0-9]'`, `
			SELECT from_table || '(' || string_agg(from_column, ',' ORDER BY n) || ')' ||
			       to_table || '(' || string_agg(to_column, ',' ORDER BY n) || ')'
			  FROM (SELECT DISTINCT -- the view has a row per partition
			               r.constraint_name, k.ordinal_position AS n, k.table_name AS from_table,
			               k.column_name AS from_column, u.table_name AS to_table, u.column_name AS to_column
			          FROM information_schema.referential_constraints r
			          JOIN information_schema.key_column_usage k USING (constraint_schema, constraint_name)
			          JOIN information_schema.key_column_usage u ON u.constraint_schema = r.unique_constraint_schema
			               AND u.constraint_name = r.unique_constraint_name
			               AND u.ordinal_position = k.position_in_unique_constraint
			         WHERE k.table_schema = 'cardinal' AND k.table_name !~ '^audit_logs_[0-9]') f
			 GROUP BY constraint_name, from_table, to_table`},
		"sqlite": {"sqlite", `SELECT name FROM pragma_table_list WHERE type = 'table' AND name NOT LIKE 'sqlite%'`, `
			SELECT l.name || '(' || group_concat(f."from", ',' ORDER BY f.seq) || ')' ||
			       f."table" || '(' || group_concat(f."to", ',' ORDER BY f.seq) || ')'
			  FROM pragma_table_list l JOIN pragma_foreign_key_list(l.name) f
			 WHERE l.type = 'table' GROUP BY l.name, f.id`},
	}
	for engine, url := range databases(t) {
		t.Run(engine, func(t *testing.T) {
			d := NewDiagram(read(t, url, "cardinal"), false)
			var tables, keys []string
			for _, table := range d.Tables {
				tables = append(tables, table.Name)
			}
			for _, r := range d.Relations {
				from, to := r.From+"("+strings.Join(r.Columns, ",")+")", r.To+"("+strings.Join(r.Referenced, ",")+")"
				keys = append(keys, from+to)
				if r.Inverse != "" {
					keys = append(keys, to+from)
				}
			}
			db, err := sql.Open(queries[engine].driver, url)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			if diff := cmp.Diff(queryColumn(t, db, queries[engine].tables), sorted(tables)); diff != "" {
				t.Errorf("tables of the database (-) and the diagram (+):\n%s", diff)
			}
			if diff := cmp.Diff(queryColumn(t, db, queries[engine].keys), sorted(keys)); diff != "" {
				t.Errorf("foreign keys of the database (-) and the diagram (+):\n%s", diff)
			}
		})
	}
}

func queryColumn(t *testing.T, db *sql.DB, query string) []string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	if err := rows.Err(); err != nil || len(all) == 0 {
		t.Fatalf("%d rows, %v", len(all), err)
	}
	return sorted(all)
}

func sorted(all []string) []string {
	slices.Sort(all)
	return all
}

// TestEnginesHaveSameDiagram checks that the committed drawing, which is of PostgreSQL, is correct for SQLite too.
func TestEnginesHaveSameDiagram(t *testing.T) {
	facts := map[string][]string{}
	for engine, d := range diagrams(t) {
		for _, table := range d.Tables {
			if table.Name == "schema_lock" { // PostgreSQL's lock for migrations; SQLite uses the lock of the file
				continue
			}
			fact := table.Area + " " + table.Name + ":"
			for _, c := range table.Columns {
				fact += " " + c.Name + "/" + className(c)
			}
			facts[engine] = append(facts[engine], fact)
		}
		for _, r := range d.Relations {
			sentences := append(d.relationSentences(d.table(r.From)), r.Short())
			facts[engine] = append(facts[engine], strings.Join(sentences, " "))
		}
		slices.Sort(facts[engine])
	}
	if diff := cmp.Diff(facts["postgres"], facts["sqlite"]); diff != "" {
		t.Errorf("PostgreSQL (-) and SQLite (+):\n%s", diff)
	}
}

func TestInverseKeysAreOneRelation(t *testing.T) {
	for engine, d := range diagrams(t) {
		var between []Relation
		for _, r := range d.Relations {
			if ends := []string{r.From, r.To}; slices.Contains(ends, "users") && slices.Contains(ends, "profiles") {
				between = append(between, r)
			}
		}
		if len(between) != 1 || between[0].Inverse == "" || between[0].Owner() != "One user has exactly one profile." ||
			between[0].Member() != "Each profile belongs to exactly one user." {
			t.Errorf("%s: %+v", engine, between)
		}
	}
}

func TestEachTableHasArea(t *testing.T) {
	for engine, d := range diagrams(t) {
		for _, table := range d.Tables {
			if areaByName(table.Name) == "" {
				t.Errorf("%s: the table %s has no area: add it to areaPatterns in areas.go", engine, table.Name)
			}
		}
	}
}

func TestFocus(t *testing.T) {
	tests := []struct {
		table   string
		depth   int
		want    string
		outside string // tables outside of the diagram that relations refer to
	}{
		{"line", 0, "line", "order product"},
		{"line", 1, "line order product", "customer"},
		{"customer", 1, "customer order", ""},
		{"line", 2, "customer line order product", ""},
		{"alone", 3, "alone", ""},
	}
	for _, test := range tests {
		d := NewDiagram(externalSchema(map[string][]string{
			"customer": nil, "order": {"customer"}, "line": {"order", "product?"}, "product": nil, "alone": nil,
		}), true)
		if !d.Focus(test.table, test.depth) {
			t.Errorf("%s is not found", test.table)
		}
		var tables, outside []string
		for _, table := range d.Tables {
			tables = append(tables, table.Name)
		}
		for _, r := range d.Relations {
			if r.IsOutside {
				outside = append(outside, r.To)
			}
		}
		if got := strings.Join(tables, " "); got != test.want || strings.Join(sorted(outside), " ") != test.outside {
			t.Errorf("%s %d: %s, outside %s", test.table, test.depth, got, outside)
		}
	}
	if d := NewDiagram(externalSchema(map[string][]string{"customer": nil}), true); d.Focus("user", 1) {
		t.Error("Focus found an unknown table")
	}
}

func TestSentences(t *testing.T) {
	unique := func(s *catalog.Schema, table string, columns ...string) *catalog.Schema {
		index := catalog.Index{Columns: columns, Unique: true, Valid: true}
		s.Table(table).Indexes = append(s.Table(table).Indexes, index)
		return s
	}
	tests := []struct {
		name   string
		schema *catalog.Schema
		want   string
	}{
		{"Mandatory", externalSchema(map[string][]string{"sessions": {"users"}, "users": nil}),
			"One user may have many sessions. Each session belongs to exactly one user. many to one"},
		{"Optional", externalSchema(map[string][]string{"user_statuses": {"countries?"}, "countries": nil}),
			"One country may have many user statuses. Each user status may belong to one country. many to one or none"},
		{"Unique",
			unique(externalSchema(map[string][]string{"credentials": {"users"}, "users": nil}),
				"credentials", "users_id"),
			"One user may have one credential. Each credential belongs to exactly one user. one to one"},
		{"PartialUnique", externalSchema(map[string][]string{"boxes": {"addresses"}, "addresses": nil}),
			"One address may have many boxes. Each box belongs to exactly one address. many to one"},
		{"SelfReference", externalSchema(map[string][]string{"category": {"category?"}}),
			"One category may have many category rows, by category_id. " +
				"Each category may belong to one category, by category_id. many to one or none"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := NewDiagram(test.schema, true)
			if len(d.Relations) != 1 {
				t.Fatalf("%d relations", len(d.Relations))
			}
			r := d.Relations[0]
			if got := r.Owner() + " " + r.Member() + " " + r.Short(); got != test.want {
				t.Errorf("%s\nwant %s", got, test.want)
			}
		})
	}
}

func TestJunction(t *testing.T) {
	for engine, d := range diagrams(t) {
		const want = "One role may have many users, and one user may have many roles: this is the junction table."
		if words := d.relationSentences(d.table("user_roles")); !slices.Contains(words, want) {
			t.Errorf("%s: %q", engine, words)
		}
		if _, _, ok := d.junction(d.table("sessions")); ok {
			t.Errorf("%s: sessions counts as a junction", engine)
		}
	}
}

func TestAreasOfExternalSchema(t *testing.T) {
	d := NewDiagram(externalSchema(map[string][]string{
		"bill_items": nil, "bills": nil, "bill_payments": nil, "shop_users": nil,
	}), true)
	got := map[string]string{}
	for _, table := range d.Tables {
		got[table.Name] = table.Area
	}
	want := map[string]string{"bill_items": "bill", "bills": "bill", "bill_payments": "bill", "shop_users": "tables"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
