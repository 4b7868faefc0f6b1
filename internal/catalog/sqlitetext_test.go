package catalog

import "testing"

// Parsing terminates for any text in a database file.
func FuzzTableText(f *testing.F) {
	for _, seed := range []string{"", "CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT NOT NULL DEFAULT 'x' -- c\n)",
		`CREATE TABLE "a""b" ([c d] TEXT, FOREIGN KEY (x, y) REFERENCES z (p, q) ON DELETE SET NULL)`,
		"CREATE TABLE t (", "CREATE TABLE t (a CHECK (((b)", `CREATE TABLE t (a "`, "CREATE TABLE t (a /* ",
		"CREATE TABLE t (a DEFAULT", "CREATE TABLE t (CONSTRAINT", "CREATE TABLE t (a REFERENCES",
		"CREATE TABLE t (a DEFAULT -", "CREATE TABLE t)a(", "CREATE TABLE t (,,)",
		"CREATE INDEX i ON t (a) WHERE b IS NOT NULL AND (c", "x'", "[", "'", "`", "CREATE TABLE t (a AS", "(\"",
		"()()"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, source string) {
		text := parseTableText(source)
		for _, d := range text.definitions {
			if len(d.tokens) == 0 {
				continue
			}
			if d.isTableConstraint() {
				c := clauseParser{source, d.tokens}
				c.parseConstraints(nil)
				continue
			}
			column, _ := d.parseColumn(source)
			columnsIn(column.Default, []Column{column})
		}
		indexPredicate(source)
		end := 0
		for _, k := range tokenize(source) {
			if k.start < end || k.end <= k.start || k.end > len(source) {
				t.Fatalf("the token %+v begins before %d or ends beyond %d", k, end, len(source))
			}
			end = k.end
		}
	})
}
