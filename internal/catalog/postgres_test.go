package catalog_test

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cardinal/internal/catalog"
)

// unusualPostgres is a schema with features that Cardinal's own schema does not use.
var unusualPostgres = []string{
	`CREATE SCHEMA "Odd.Schema"`, `SET search_path = "Odd.Schema"`,
	`CREATE TABLE "order" (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	  "from" varchar(20) NOT NULL DEFAULT 'a''b', "to place" text COLLATE "C", total numeric(10,
	    2) GENERATED ALWAYS AS (id * 2) STORED,
	   tags text[], CONSTRAINT "a check" CHECK ("from" <> "to place"), EXCLUDE USING btree ("to place" WITH =))`,
	`COMMENT ON COLUMN "order"."to place" IS '[pii] Where to.'`,
	`CREATE TABLE line (order_id bigint, number int, up_order bigint, up_number int, PRIMARY KEY (order_id, number),
	   CONSTRAINT line_up FOREIGN KEY (up_order, up_number) REFERENCES line (order_id, number) ON DELETE SET NULL
	     ON UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED)`,
	`ALTER TABLE line ADD CONSTRAINT line_order FOREIGN KEY (order_id) REFERENCES "order" NOT VALID`,
	`CREATE UNIQUE INDEX "an index" ON "order" (lower("from"), id DESC) INCLUDE ("to place") WHERE "from" IS NOT NULL`,
	`CREATE VIEW seen AS SELECT id FROM "order"`, `CREATE SEQUENCE counter`, `CREATE TYPE mood AS ENUM ('good', 'bad')`,
	`CREATE TABLE child (extra text) INHERITS (line)`,
	`ALTER TABLE line DROP COLUMN up_number CASCADE`,
	`CREATE TABLE months (day date NOT NULL, n int) PARTITION BY RANGE (day)`,
	`CREATE TABLE months_a PARTITION OF months FOR VALUES FROM ('2026-01-01') TO ('2026-02-01')`,
	`CREATE INDEX months_n ON months (n)`,
	`CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$ BEGIN RETURN NEW; ` +
		`END $$`,
	`CREATE TRIGGER line_touch BEFORE UPDATE OF number ON line FOR EACH ROW EXECUTE FUNCTION touch('a', 'b c')`,
	`ALTER TABLE line DISABLE TRIGGER line_touch`,
	`GRANT SELECT ("to place"), UPDATE ON "order" TO PUBLIC`,
}

func TestUnusualPostgresSchema(t *testing.T) {
	s := readSchema(t, createDatabase(t, "postgres", strings.Join(unusualPostgres, ";\n")), "Odd.Schema")
	order, line := s.Table("order"), s.Table("line")
	for what, pair := range map[string][2]string{
		"type":      {"character varying(20)", order.Column("from").Type},
		"default":   {"'a''b'::character varying", order.Column("from").Default},
		"collation": {"C", order.Column("to place").Collation},
		"generated": {"(id * 2)", order.Column("total").Generated},
		"class":     {"pii Where to.", order.Column("to place").Class() + " " + order.Column("to place").Description()},
		"identity":  {"true", fmt.Sprint(order.Column("id").Identity)},
		"check":     {`"from"::text <> "to place"`, findConstraint(order, "a check").Expression},
		"key":       {"[order_id number]", fmt.Sprint(line.PrimaryKey())},
		"not valid": {"false order [id]", fmt.Sprint(findConstraint(line, "line_order").Validated, " ",
			findConstraint(line, "line_order").References, " ", findConstraint(line, "line_order").ReferencedColumns)},
		"index": {`["" "id"] ["to place"] "from" IS NOT NULL true`,
			fmt.Sprintf("%q %q %s %t", findIndex(order, "an index").Columns, findIndex(order, "an index").Include,
				findIndex(order, "an index").Predicate, findIndex(order, "an index").Unique)},
		"columns":  {"order_id number up_order", columnNames(line)},
		"view":     {"view", string(s.Table("seen").Kind)},
		"inherits": {"INHERITS line", s.Table("child").Options},
		"partition": {"months FOR VALUES FROM ('2026-01-01') TO ('2026-02-01')",
			s.Table("months_a").PartitionOf + " " + s.Table("months_a").Bounds},
		"part index": {"months_n", findIndex(s.Table("months_a"), "months_a_n_idx").PartOf},
		"trigger": {"touch [a b c] false",
			fmt.Sprint(line.Triggers[0].Function, " ", line.Triggers[0].Arguments, " ", line.Triggers[0].Enabled)},
		"function": {"[search_path=$schema]", fmt.Sprint(s.Functions[0].Configuration)},
		"grants": {"[{PUBLIC UPDATE false}] [{PUBLIC SELECT false}]",
			fmt.Sprint(order.Grants, " ", order.Column("to place").Grants)},
		"others": {"sequence counter, type mood", otherObjects(s)},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s: %s, want %s", what, pair[1], pair[0])
		}
	}
}

func columnNames(t *catalog.Table) string {
	var list []string
	for _, c := range t.Columns {
		list = append(list, c.Name)
	}
	return strings.Join(list, " ")
}

func otherObjects(s *catalog.Schema) string {
	var list []string
	for _, o := range s.OtherObjects {
		list = append(list, o.Kind+" "+o.Name)
	}
	return strings.Join(list, ", ")
}

func findConstraint(t *catalog.Table, name string) catalog.Constraint {
	i := slices.IndexFunc(t.Constraints, func(c catalog.Constraint) bool { return c.Name == name })
	if i < 0 {
		return catalog.Constraint{}
	}
	return t.Constraints[i]
}

func findIndex(t *catalog.Table, name string) catalog.Index {
	i := slices.IndexFunc(t.Indexes, func(x catalog.Index) bool { return x.Name == name })
	if i < 0 {
		return catalog.Index{}
	}
	return t.Indexes[i]
}

// Tables, columns and constraints match those of the standard's information_schema.
func TestPostgresMatchesInformationSchema(t *testing.T) {
	url := migratedURLs(t)["postgres"]
	s := readSchema(t, url, "cardinal")
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	query := func(text string) (lines []string) {
		rows, err := catalog.QueryTexts(t.Context(), db, text)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			lines = append(lines, strings.Join(row, " "))
		}
		slices.Sort(lines)
		return lines
	}
	var columns, keys, triggers []string
	for i := range s.Tables {
		table := &s.Tables[i]
		for _, c := range table.Columns {
			columns = append(columns, fmt.Sprintf("%s %s %s", table.Name, c.Name,
				map[bool]string{true: "NO", false: "YES"}[c.NotNull]))
		}
		for _, c := range table.Constraints {
			keys = append(keys, fmt.Sprintf("%s %s %s", table.Name, c.Name, strings.ToUpper(string(c.Kind))))
		}
		for _, g := range table.Triggers {
			triggers = append(triggers, table.Name+" "+g.Name)
		}
	}
	slices.Sort(columns)
	slices.Sort(keys)
	slices.Sort(triggers)
	if diff := cmp.Diff(query(`SELECT table_name, column_name, is_nullable FROM information_schema.columns `+
		`WHERE table_schema = 'cardinal'`), columns); diff != "" || len(columns) < 200 {
		t.Error(diff)
	}
	if diff := cmp.Diff(query(`SELECT table_name, constraint_name, constraint_type `+
		`FROM information_schema.table_constraints WHERE table_schema = 'cardinal' AND constraint_name `+
		`!~ '_not_null$'`), keys); diff != "" || len(keys) < 200 {
		t.Error(diff)
	}
	if diff := cmp.Diff(query(`SELECT c.relname, t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid `+
		`WHERE NOT t.tgisinternal`), triggers); diff != "" || len(triggers) < 30 {
		t.Error(diff)
	}
}

// Two databases created by the same statements have the same facts, and each object has each property once.
func TestFactsStable(t *testing.T) {
	first, second := migratedURLs(t), migratedURLs(t)
	for engine := range first {
		a, b := readSchema(t, first[engine], "cardinal").Facts(), readSchema(t, second[engine], "cardinal").Facts()
		if diff := cmp.Diff(a, b); diff != "" {
			t.Errorf("%s: %s", engine, diff)
		}
		if !slices.IsSortedFunc(a, catalog.Fact.Compare) {
			t.Errorf("%s: not sorted", engine)
		}
		for i := 1; i < len(a); i++ {
			if a[i].Compare(a[i-1]) == 0 {
				t.Errorf("%s: two facts about %v: %q and %q", engine, a[i].Object, a[i-1].Value, a[i].Value)
			}
		}
		t.Logf("%s: %d facts", engine, len(a))
	}
}
