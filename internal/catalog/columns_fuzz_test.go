package catalog

import (
	"database/sql"
	"slices"
	"strings"
	"testing"

	_ "modernc.org/sqlite"
)

// FuzzColumnsOfText: for every text that SQLite accepts as a table, parseTableText finds the same columns as SQLite.
func FuzzColumnsOfText(f *testing.F) {
	for _, text := range []string{
		`CREATE TABLE t (a)`,
		"CREATE TABLE \"t\" (\n  a INTEGER NOT NULL CONSTRAINT a_ck CHECK (a IN (1, 2)), -- [id] One.\n  b TEXT " +
			"DEFAULT 'x, y', /* two */\n  PRIMARY KEY (a)\n) STRICT, WITHOUT ROWID",
		`CREATE TABLE [t] (` + "`a b`" + ` TEXT COLLATE NOCASE, "c""d" BLOB DEFAULT x'00', ` +
			`CONSTRAINT "e" FOREIGN KEY ("c""d") REFERENCES u (x) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED)`,
		`CREATE TABLE t (a INT GENERATED ALWAYS AS (b + 1) STORED, b INT AS (1), UNIQUE (b), CHECK (a <> ')'))`,
		`CREATE TABLE IF NOT EXISTS t (a VARCHAR(10, 2) DEFAULT (abs(-1)), b DEFAULT -1, c DEFAULT +1.5e3, ` +
			`"primary", 'd')`,
		`CREATE TABLE t (a, b -- ,c` + "\n" + `)`, `CREATE TABLE t (a`, `CREATE TABLE`, ``, `(((`, `'`, `"`, "`", `[`,
		`/*`, `--`, `x'`, `,`, `)`,
	} {
		f.Add(text)
	}
	db, err := sql.Open("sqlite", ":memory:?_dqs=0")
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { db.Close() })
	db.SetMaxOpenConns(1)
	f.Fuzz(func(t *testing.T, text string) {
		parseTableText(text)
		if !isPlainTable(text) {
			return
		}
		tx, err := db.Begin()
		if err != nil {
			t.Fatal(err)
		}
		defer tx.Rollback()
		if _, err := tx.Exec(text); err != nil {
			return
		}
		// The text as SQLite stores it, which is what the catalog reads.
		var stored string
		if err := tx.QueryRow(`SELECT sql FROM sqlite_schema WHERE type = 'table'`).Scan(&stored); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, d := range parseTableText(stored).definitions {
			if !d.isTableConstraint() {
				column, _ := d.parseColumn(stored)
				got = append(got, column.Name)
			}
		}
		want, err := columnNames(tx)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q has the columns %q, got %q", stored, want, got)
		}
	})
}

// isPlainTable reports whether executing a text has no effect other than creating a table.
func isPlainTable(text string) bool {
	found := tokenize(text)
	if len(found) < 4 || !found[0].is("CREATE") || !found[1].is("TABLE") || strings.ContainsRune(text, 0) {
		return false
	}
	return !slices.ContainsFunc(found,
		func(k token) bool { return k.is(";") || k.is("SELECT") || k.is("WITH") || k.is("VALUES") || k.is(".") })
}

func columnNames(tx *sql.Tx) (found []string, err error) {
	rows, err := tx.Query(`SELECT x.name FROM sqlite_schema s, pragma_table_xinfo(s.name) x WHERE s.type = 'table' ` +
		`ORDER BY x.cid`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		found = append(found, name)
	}
	return found, rows.Err()
}
