package check

import (
	"database/sql"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"cardinal/internal/catalog"
)

// storedObject is a row of sqlite_schema.
type storedObject struct{ name, text string }

// sqliteMutant is a mutant with a statement that replaces the stored text of target; without a target it is executed
// after all texts.
type sqliteMutant struct {
	mutant
	target string
}

// sqliteMutants edits the stored text of each object in every way that the catalog allows.
func sqliteMutants(s *catalog.Schema) (mutants []sqliteMutant) {
	for i := range s.Tables {
		t := &s.Tables[i]
		add := func(kind, names, format string, args ...any) {
			mutants = append(mutants, sqliteMutant{mutant{kind, fmt.Sprintf(format, args...), names, t.Name}, ""})
		}
		replace := func(kind, names, target, text string) {
			mutants = append(mutants, sqliteMutant{mutant{kind, text, names, t.Name}, target})
		}
		add("drop table", t.Name, `PRAGMA foreign_keys = OFF; DROP TABLE %s`, t.Name)
		add("rename table", t.Name, `ALTER TABLE %s RENAME TO stray_%s`, t.Name, t.Name)
		add("add column", t.Name, `ALTER TABLE %s ADD COLUMN stray TEXT`, t.Name)
		add("add index", t.Name, `CREATE INDEX stray_%s ON %s (%s)`, t.Name, t.Name, t.Columns[len(t.Columns)-1].Name)
		add("add trigger", t.Name, `CREATE TRIGGER stray_%s BEFORE DELETE ON %s BEGIN SELECT 1; END`, t.Name, t.Name)
		add("stray object", "stray_"+t.Name, `CREATE VIEW stray_%s AS SELECT 1 FROM %s`, t.Name, t.Name)
		add("stray object", "stray_"+t.Name, `CREATE TABLE stray_%s (a TEXT)`, t.Name)
		edit := func(kind, names, old, new string) {
			if text := strings.Replace(t.Text, old, new, 1); text != t.Text {
				replace(kind, names, t.Name, text)
			} else {
				panic(kind + " " + names + ": not found: " + old)
			}
		}
		edit("drop option", t.Name, "STRICT, WITHOUT ROWID", "STRICT")
		edit("drop option", t.Name, "STRICT, WITHOUT ROWID", "WITHOUT ROWID")
		edit("add constraint", t.Name, ") STRICT", ",\n  CONSTRAINT stray CHECK (1)\n) STRICT")
		edit("text only", t.Name, ") STRICT", "\n/* stray */ ) STRICT")
		edit("drop comment", t.Name, " -- "+t.Comment, "")
		edit("change comment", t.Name, " -- "+t.Comment, " -- Something else.")
		for _, c := range t.Columns {
			sqliteColumnMutants(t, c, edit)
		}
		for _, c := range t.Constraints {
			sqliteConstraintMutants(t, c, edit)
		}
		for _, x := range t.Indexes {
			if x.Definition == "" {
				continue
			}
			replace("drop index", x.Name, x.Name, "")
			if x.Unique {
				replace("weaken index", x.Name, x.Name, strings.Replace(x.Definition, "UNIQUE ", "", 1))
			} else {
				replace("change index", x.Name, x.Name, strings.Replace(x.Definition, "INDEX", "UNIQUE INDEX", 1))
			}
			if before, _, ok := strings.Cut(x.Definition, " WHERE "); ok {
				replace("change index", x.Name, x.Name, before)
			} else {
				replace("change index", x.Name, x.Name, x.Definition+" WHERE 1")
			}
			if x.Columns[0] != "" {
				replace("change index", x.Name, x.Name,
					strings.Replace(x.Definition, "("+x.Columns[0], "("+x.Columns[0]+" DESC", 1))
			}
		}
		for _, g := range t.Triggers {
			replace("drop trigger", g.Name, g.Name, "")
			replace("weaken trigger", g.Name, g.Name,
				regexp.MustCompile(`RAISE\(ABORT, '[^']*'\)`).ReplaceAllString(g.Definition, "1"))
			replace("weaken trigger", g.Name, g.Name,
				regexp.MustCompile(`RAISE\(ABORT, '(\w+):`).ReplaceAllString(g.Definition, "RAISE(ABORT, 'stray:"))
			replace("disable trigger", g.Name, g.Name,
				regexp.MustCompile(`(?s)^(.*? ON \w+)\s*(WHEN (.*?) )?BEGIN`).ReplaceAllString(g.Definition,
					"$1 WHEN 0 BEGIN"))
		}
	}
	return mutants
}

// columnText returns the text of a column's definition, which can span several lines, up to the end of its comment.
// SQLite appends a column that was added later to the line of the last one.
func columnText(t *catalog.Table, c catalog.Column) string {
	for _, before := range []string{`^  `, `, `} {
		column := regexp.MustCompile(`(?ms)` + before + c.Name + ` .*? -- ` + regexp.QuoteMeta(c.Comment))
		text := column.FindString(t.Text)
		if text != "" {
			return text
		}
	}
	return ""
}

func sqliteColumnMutants(t *catalog.Table, c catalog.Column, edit func(kind, names, old, new string)) {
	text, names := columnText(t, c), t.Name+"."+c.Name
	within := func(kind, old, new string) { edit(kind, names, text, strings.Replace(text, old, new, 1)) }
	within("widen type", " "+c.Type, " ANY")
	within("rename column", c.Name, "stray")
	within("drop comment", " -- "+c.Comment, "")
	within("change comment", " -- "+c.Comment, " -- [public] Something else.")
	if slices.Contains(t.PrimaryKey(), c.Name) { // still NOT NULL, so only the text differs
		edit("drop NOT NULL", t.Name, text, strings.Replace(text, " NOT NULL", "", 1))
	} else if c.NotNull {
		within("drop NOT NULL", " NOT NULL", "")
	} else {
		within("set NOT NULL", " "+c.Type, " "+c.Type+" NOT NULL")
	}
	switch {
	case c.Default != "":
		within("drop default", " DEFAULT "+c.Default, "")
		within("change default", " DEFAULT "+c.Default, " DEFAULT 77")
	case c.Generated == "":
		within("add default", " "+c.Type, " "+c.Type+" DEFAULT 77")
	default:
		within("change expression", " AS (", " AS (NULL OR ")
		if strings.Contains(text, " STORED") {
			edit("change expression", t.Name, text, strings.Replace(text, " STORED", " VIRTUAL", 1))
		}
	}
	within("collation", " "+c.Type, " "+c.Type+" COLLATE NOCASE")
}

func sqliteConstraintMutants(t *catalog.Table, c catalog.Constraint, edit func(kind, names, old, new string)) {
	begin := "CONSTRAINT " + c.Name + " "
	at := strings.Index(t.Text, begin)
	length := len(begin) + strings.Index(t.Text[at+len(begin):], "(")
	for depth := 0; ; length++ { // the first parentheses are the expression of a check, or the columns of a key
		switch t.Text[at+length] {
		case '(':
			depth++
		case ')':
			depth--
		}
		if depth == 0 {
			break
		}
	}
	whole := t.Text[at : at+length+1]
	if c.Kind == catalog.ForeignKey {
		rest := regexp.MustCompile(`^ REFERENCES \w+ \([\w, ]+\)( ON DELETE CASCADE)?` +
			`( DEFERRABLE INITIALLY DEFERRED)?`).FindString(t.Text[at+length+1:])
		edit("change foreign key", c.Name, whole+rest, whole+rest+" ON UPDATE CASCADE")
		if c.OnDelete == "NO ACTION" {
			edit("change foreign key", c.Name, whole+rest, whole+rest+" ON DELETE CASCADE")
		} else {
			edit("change foreign key", c.Name, whole+rest, whole+strings.Replace(rest, " ON DELETE "+c.OnDelete, "", 1))
		}
		whole += rest
	}
	if c.Kind == catalog.Check {
		edit("weaken CHECK", c.Name, whole, begin+"CHECK (("+c.Expression+") OR "+c.Columns[0]+" IS NOT NULL)")
		edit("weaken CHECK", c.Name, whole, begin+"CHECK (1)")
	}
	edit("rename constraint", c.Name, begin, "CONSTRAINT stray ")
	if c.Kind == catalog.PrimaryKey { // a table must keep a key
		edit("drop key", c.Name, whole, begin+"UNIQUE ("+strings.Join(c.Columns, ", ")+")")
		return
	}
	if strings.Contains(t.Text, "  "+whole+",\n") {
		edit("drop constraint", c.Name, "  "+whole+",\n", "")
	} else if strings.Contains(t.Text, ",\n  "+whole) {
		edit("drop constraint", c.Name, ",\n  "+whole, "")
	} else {
		edit("drop constraint", c.Name, " "+whole, "")
	}
}

// buildSchema reads a schema created from stored texts with mutants in their places; nil if SQLite refuses it.
func buildSchema(t *testing.T, texts []storedObject, set []sqliteMutant) *catalog.Schema {
	t.Helper()
	db, err := sql.Open("sqlite", "file:mutant?mode=memory")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	script := []string{"BEGIN"}
	for _, s := range texts {
		text := s.text
		for _, m := range set {
			if m.target == s.name {
				text = m.statement
			}
		}
		script = append(script, text)
	}
	for _, m := range set {
		if m.target == "" {
			script = append(script, m.statement)
		}
	}
	if _, err := db.Exec(strings.Join(append(script, "COMMIT"), ";\n")); err != nil {
		return nil
	}
	s, err := catalog.ReadSQLite(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Every change of the text that SQLite stores is detected and named, as in TestPostgresMutantsDetected.
func TestSQLiteMutantsDetected(t *testing.T) {
	if testing.Short() {
		t.Skip("slow")
	}
	url := migratedDatabase(t, "sqlite")
	s, y := subjectWithShadow(t, url), newTally()
	rows, err := catalog.QueryTexts(t.Context(), s.Database,
		`SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid`)
	if err != nil {
		t.Fatal(err)
	}
	var texts []storedObject
	for _, row := range rows {
		texts = append(texts, storedObject{row[0], row[1]})
	}
	if findings := compareWithShadow(s, buildSchema(t, texts, nil)); len(findings) > 0 {
		t.Fatalf("the unchanged texts: %+v", findings)
	}
	byStatement := map[mutant]sqliteMutant{}
	var all []mutant
	for _, m := range sqliteMutants(s.Live) {
		byStatement[m.mutant] = m
		all = append(all, m.mutant)
	}
	var try func(set []mutant)
	try = func(set []mutant) {
		var with []sqliteMutant
		for _, m := range set {
			with = append(with, byStatement[m])
		}
		live := buildSchema(t, texts, with)
		switch {
		case live == nil && len(set) == 1:
			y.count(y.refused, set[0])
		case live == nil: // SQLite refused one of them: find it by halving the set
			try(set[:len(set)/2])
			try(set[len(set)/2:])
		default:
			y.countDetected(t, set, compareWithShadow(s, live))
		}
	}
	for _, set := range groupMutants(all) {
		try(set)
	}
	y.report(t, "sqlite")
}
