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

// unusualSchemas use what SQLite allows and Cardinal does not use.
var unusualSchemas = map[string][]string{
	"quoted names": {
		`CREATE TABLE "order" ("id" INTEGER PRIMARY KEY, "from" TEXT NOT NULL, [to place] TEXT, ` + "`a.b`" +
			` TEXT, "say ""hi""" TEXT, CONSTRAINT "a check" CHECK ("from" <> [to place]))`,
		`CREATE TABLE "with.dot" (id INTEGER PRIMARY KEY, "order id" INTEGER REFERENCES "order" ("id") ON DELETE ` +
			`SET NULL)`,
		`CREATE UNIQUE INDEX "an index" ON "order" ("from", [to place] COLLATE NOCASE DESC)`,
	},
	"comments in odd places": {
		"CREATE TABLE /* what */ t -- why\n( -- The table.\n  a INTEGER, -- The first, with a ) and a , in it.\n  /* " +
			"before b */ b TEXT /* of b */ NOT NULL, -- The second.\n  -- alone\n" +
			"  c TEXT DEFAULT ') , --' CHECK (c <> '(') -- The third.\n)",
	},
	"keys": {
		`CREATE TABLE parent (a INTEGER, b TEXT, c BLOB, PRIMARY KEY (b, a), UNIQUE (c))`,
		`CREATE TABLE child (id INTEGER PRIMARY KEY AUTOINCREMENT, x TEXT, y INTEGER, z BLOB UNIQUE
		  REFERENCES parent (c) ON UPDATE CASCADE ON DELETE RESTRICT,
		   up INTEGER REFERENCES child DEFERRABLE INITIALLY DEFERRED, FOREIGN KEY (x, y) REFERENCES parent,
		     CONSTRAINT named FOREIGN KEY (X, Y) REFERENCES PARENT (B, A) MATCH SIMPLE ON DELETE CASCADE)`,
		`CREATE TABLE orphan (a INTEGER REFERENCES nowhere (id))`,
	},
	"generated columns": {
		`CREATE TABLE t (a INTEGER, b INTEGER GENERATED ALWAYS AS (a * (2 + 1)) STORED, ` +
			`c TEXT AS (upper('x' || a)) VIRTUAL NOT NULL, d INTEGER CHECK (d > 0) DEFAULT -5, ` +
			`e TEXT DEFAULT (hex(x'00')))`,
		`CREATE INDEX over_expression ON t (a, abs(b), lower(c)) WHERE a IS NOT NULL AND (b > 1)`,
	},
	"views and others": {
		`CREATE TABLE t (a INTEGER PRIMARY KEY, b)`,
		`CREATE VIEW v AS SELECT a, b FROM t`,
		`CREATE TRIGGER v_insert INSTEAD OF INSERT ON v BEGIN INSERT INTO t (a) VALUES (NEW.a); END`,
		`CREATE TABLE copied AS SELECT a, b, a + 1 AS sum FROM t`,
		`CREATE VIRTUAL TABLE words USING fts5(body)`,
	},
	"without rowid": {`CREATE TABLE t (a TEXT, b TEXT, PRIMARY KEY (a)) WITHOUT ROWID`,
		`CREATE TABLE s (a INT PRIMARY KEY, b ANY NOT NULL) STRICT, WITHOUT ROWID`},
	"changed afterwards": {
		"CREATE TABLE t (\n  a INTEGER PRIMARY KEY, -- The first.\n  b TEXT -- The second.\n)",
		`ALTER TABLE t ADD COLUMN c INTEGER NOT NULL DEFAULT 7 CHECK (c > 0)`,
		`ALTER TABLE t ADD COLUMN d TEXT REFERENCES t (a)`,
		`ALTER TABLE t RENAME COLUMN b TO "b too"`,
		`ALTER TABLE t RENAME TO "t too"`,
	},
	"types of several words": {`CREATE TABLE t (a UNSIGNED BIG INT NOT NULL, b VARCHAR (20), c DECIMAL(10, ` +
		`5) NOT NULL, d, e NOT NULL, f DOUBLE PRECISION PRIMARY KEY)`},
}

// The parsed CREATE statements of Cardinal's own schema, and of every unusual one, agree with SQLite's pragmas.
func TestSQLiteTextMatchesPragmas(t *testing.T) {
	paths := map[string]string{"Cardinal's own": migratedURLs(t)["sqlite"]}
	for name, statements := range unusualSchemas {
		paths[name] = createDatabase(t, "sqlite", statements...)
	}
	for name, path := range paths {
		t.Run(name, func(t *testing.T) {
			db, err := sql.Open("sqlite", path)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			s := readSchema(t, path, "")
			tables := 0
			for i := range s.Tables {
				if table := &s.Tables[i]; table.Kind == catalog.Ordinary {
					tables++
					compareWithPragmas(t, db, s, table)
				}
			}
			if tables == 0 {
				t.Error("no table was compared")
			}
		})
	}
}

// compareWithPragmas compares a table with the pragmas about it.
func compareWithPragmas(t *testing.T, db *sql.DB, s *catalog.Schema, table *catalog.Table) {
	t.Helper()
	query := func(text string) (lines []string) {
		rows, err := catalog.QueryTexts(t.Context(), db, text, table.Name)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			lines = append(lines, strings.Join(row, "|"))
		}
		return lines
	}
	var columns, keys []string
	for _, c := range table.Columns {
		columns = append(columns, fmt.Sprintf("%s|%t|%t", c.Name, c.NotNull, c.Generated != ""))
	}
	want := query(`SELECT name, CASE "notnull" WHEN 1 THEN 'true' ELSE 'false' END, CASE WHEN hidden IN (2, 3) ` +
		`THEN 'true' ELSE 'false' END FROM pragma_table_xinfo($1) ORDER BY cid`)
	if diff := cmp.Diff(want, columns); diff != "" {
		t.Errorf("columns of %s: %s", table.Name, diff)
	}
	if diff := cmp.Diff(query(`SELECT name FROM pragma_table_xinfo($1) WHERE pk > 0 ORDER BY pk`),
		table.PrimaryKey()); diff != "" {
		t.Errorf("primary key of %s: %s", table.Name, diff)
	}
	for _, k := range table.ForeignKeys() {
		to := strings.Join(k.ReferencedColumns, ",")
		if s.Table(k.References) == nil {
			to = strings.Join(k.ReferencedColumns, ",")
		}
		keys = append(keys, strings.ToLower(strings.Join([]string{k.References, strings.Join(k.Columns, ","), to,
			k.OnUpdate, k.OnDelete}, "|")))
	}
	foreign := []string{}
	for _, row := range query(`SELECT "table", group_concat("from"), COALESCE(group_concat("to"), ''), on_update, ` +
		`on_delete FROM (SELECT * FROM pragma_foreign_key_list($1) ORDER BY id, seq) GROUP BY id`) {
		parts := strings.Split(strings.ToLower(row), "|")
		if parts[2] == "" { // refers to the primary key of the other table
			if other := s.Table(parts[0]); other != nil {
				parts[2] = strings.Join(other.PrimaryKey(), ",")
			}
		}
		foreign = append(foreign, strings.Join(parts, "|"))
	}
	slices.Sort(keys)
	slices.Sort(foreign)
	if !slices.Equal(keys, foreign) {
		t.Errorf("foreign keys of %s: %q, the pragma says %q", table.Name, keys, foreign)
	}
}

func TestSQLiteCommentsAndExpressions(t *testing.T) {
	s := readSchema(t, createDatabase(t, "sqlite", unusualSchemas["comments in odd places"]...), "")
	table := s.Table("t")
	got := []string{table.Comment}
	for _, c := range table.Columns {
		got = append(got, c.Name+": "+c.Comment+" ["+c.Default+"]")
	}
	want := []string{"The table.", "a: The first, with a ) and a , in it. []", "b: of b The second. []",
		"c: The third. [') , --']"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	s = readSchema(t, createDatabase(t, "sqlite", unusualSchemas["generated columns"]...), "")
	table = s.Table("t")
	if got := table.Column("b").Generated + " " + table.Column("c").Generated + " " + table.Column("d").Default + " " +
		table.Column("e").Default; got != "a * (2 + 1) upper('x' || a) -5 hex(x'00')" {
		t.Errorf("expressions: %s", got)
	}
	if i := table.Indexes[0]; fmt.Sprintf("%q %s", i.Columns, i.Predicate) != `["a" "" ""] a IS NOT NULL AND (b > 1)` {
		t.Errorf("index: %q %s", i.Columns, i.Predicate)
	}
	s = readSchema(t, createDatabase(t, "sqlite", unusualSchemas["quoted names"]...), "")
	var names []string
	for _, c := range s.Table("order").Columns {
		names = append(names, c.Name)
	}
	if diff := cmp.Diff([]string{"id", "from", "to place", "a.b", `say "hi"`}, names); diff != "" {
		t.Error(diff)
	}
	if k := s.Table("order").Constraints[0]; k.Name != "" && k.Name != "a check" {
		t.Errorf("constraint: %+v", k)
	}
	s = readSchema(t, createDatabase(t, "sqlite", unusualSchemas["views and others"]...), "")
	kinds := map[string]catalog.TableKind{}
	for _, table := range s.Tables {
		kinds[table.Name] = table.Kind
	}
	if diff := cmp.Diff(map[string]catalog.TableKind{"t": catalog.Ordinary, "v": catalog.View,
		"copied": catalog.Ordinary, "words": catalog.Virtual}, kinds); diff != "" {
		t.Error(diff)
	}
	if !s.Table("t").Column("a").NotNull && len(s.Table("v").Triggers) != 1 {
		t.Errorf("view: %+v", s.Table("v"))
	}
}
