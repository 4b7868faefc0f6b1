package catalog

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// ReadSQLite reads the main schema of an SQLite database: the structure from pragmas, and what they do not report
// (names of constraints, check expressions, comments) from the stored CREATE statements.
func ReadSQLite(ctx context.Context, q Querier) (*Schema, error) {
	r := sqliteReader{q: q}
	s := &Schema{Engine: "sqlite", Name: "main", Settings: map[string]string{}}
	s.Version = r.queryValue(ctx, `SELECT sqlite_version()`)
	for _, pragma := range []string{"encoding", "journal_mode"} {
		s.Settings[pragma] = r.queryValue(ctx, `PRAGMA `+pragma)
	}
	for _, row := range r.query(ctx, `SELECT l.name, l.type, COALESCE(s.sql, '') FROM pragma_table_list l LEFT
	  JOIN sqlite_schema s ON s.name = l.name AND s.type IN ('table', 'view')
	    WHERE l.schema = 'main' AND l.name NOT LIKE 'sqlite\_%' ESCAPE '\' AND l.type <> 'shadow' ORDER BY l.name`) {
		kind := map[string]TableKind{"table": Ordinary, "view": View, "virtual": Virtual}[row[1]]
		s.Tables = append(s.Tables, r.readTable(ctx, row[0], kind, row[2]))
	}
	if r.err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreadable, r.err)
	}
	for i := range s.Tables {
		resolveNames(s, &s.Tables[i])
	}
	r.readStatistics(ctx, s)
	if r.err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreadable, r.err)
	}
	return s, nil
}

// sqliteReader keeps the first error, so that queries can follow each other without error checks.
type sqliteReader struct {
	q   Querier
	err error
}

func (r *sqliteReader) query(ctx context.Context, query string, args ...any) [][]string {
	if r.err != nil {
		return nil
	}
	found, err := QueryTexts(ctx, r.q, query, args...)
	r.err = err
	return found
}

func (r *sqliteReader) queryValue(ctx context.Context, query string, args ...any) string {
	if found := r.query(ctx, query, args...); len(found) > 0 {
		return found[0][0]
	}
	return ""
}

func (r *sqliteReader) readTable(ctx context.Context, name string, kind TableKind, source string) Table {
	t := Table{Name: name, Kind: kind, Text: source, Rows: -1}
	text := parseTableText(source)
	if kind == Ordinary {
		t.Comment, t.Options = text.comment, text.options
	}
	declared := map[string]Column{}
	for _, d := range text.definitions {
		if kind != Ordinary || len(d.tokens) == 0 {
			continue
		}
		if d.isTableConstraint() {
			c := clauseParser{source, d.tokens}
			t.Constraints = append(t.Constraints, c.parseConstraints(nil)...)
			continue
		}
		column, constraints := d.parseColumn(source)
		declared[column.Name] = column
		t.Constraints = append(t.Constraints, constraints...)
	}
	for _, row := range r.query(ctx, `SELECT name, type, "notnull", COALESCE(dflt_value, ''), pk `+
		`FROM pragma_table_xinfo($1) ORDER BY cid`, name) {
		c := declared[row[0]]
		c.Name, c.Type, c.NotNull, c.Default = row[0], row[1], row[2] == "1", row[3]
		c.Type = strings.TrimSuffix(c.Type, " GENERATED ALWAYS") // the pragma counts it as part of the type
		t.Columns = append(t.Columns, c)
	}
	for i, c := range t.Constraints {
		if c.Kind == Check {
			t.Constraints[i].Columns = columnsIn(c.Expression, t.Columns)
		}
	}
	slices.SortStableFunc(t.Constraints, func(a, b Constraint) int { return strings.Compare(a.Name, b.Name) })
	r.readIndexes(ctx, &t)
	for _, row := range r.query(ctx, `SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = $1 `+
		`ORDER BY name`, name) {
		t.Triggers = append(t.Triggers, Trigger{Name: row[0], Enabled: true, Definition: row[1]})
	}
	return t
}

func (r *sqliteReader) readIndexes(ctx context.Context, t *Table) {
	for _, row := range r.query(ctx, `SELECT l.name, l."unique", l.origin, COALESCE(s.sql, '')
	  FROM pragma_index_list($1) l
	    LEFT JOIN sqlite_schema s ON s.type = 'index' AND s.name = l.name ORDER BY l.name`, t.Name) {
		i := Index{Name: row[0], Unique: row[1] == "1", Method: "btree", Valid: true, Definition: row[3],
			Predicate: indexPredicate(row[3]), Scans: -1}
		for _, c := range r.query(ctx, `SELECT COALESCE(name, '') FROM pragma_index_xinfo($1) WHERE key = 1 `+
			`ORDER BY seqno`, row[0]) {
			i.Columns = append(i.Columns, c[0])
		}
		if kind := map[string]ConstraintKind{"pk": PrimaryKey, "u": Unique}[row[2]]; kind != "" {
			i.Constraint = string(kind)
			for _, c := range t.Constraints {
				if c.Kind == kind && c.Name != "" && slices.Equal(c.Columns, i.Columns) {
					i.Constraint = c.Name
				}
			}
		}
		t.Indexes = append(t.Indexes, i)
	}
	// An INTEGER PRIMARY KEY is the rowid, by which the table itself is sorted.
	if key := t.PrimaryKey(); len(key) == 1 && !strings.Contains(t.Options, "WITHOUT ROWID") &&
		t.Column(key[0]) != nil && strings.EqualFold(t.Column(key[0]).Type, "INTEGER") {
		t.Indexes = append(t.Indexes, Index{Name: "rowid", Columns: key, Unique: true, Method: "btree", Valid: true,
			Constraint: string(PrimaryKey), Scans: -1})
	}
}

// resolveNames spells column names as their table declares them. A foreign key without referenced columns gets those of
// the referenced table's primary key.
func resolveNames(s *Schema, t *Table) {
	spell := func(table *Table, names []string) {
		for i, name := range names {
			for _, c := range table.Columns {
				if strings.EqualFold(c.Name, name) {
					names[i] = c.Name
				}
			}
		}
	}
	for i := range t.Constraints {
		c := &t.Constraints[i]
		spell(t, c.Columns)
		if c.Kind != ForeignKey {
			continue
		}
		for j := range s.Tables {
			if other := &s.Tables[j]; strings.EqualFold(other.Name, c.References) {
				c.References = other.Name
				if c.ReferencedColumns == nil {
					c.ReferencedColumns = slices.Clone(other.PrimaryKey())
				}
				spell(other, c.ReferencedColumns)
			}
		}
	}
}

// readStatistics reads the row estimates of ANALYZE, if it has run.
func (r *sqliteReader) readStatistics(ctx context.Context, s *Schema) {
	if r.queryValue(ctx, `SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_stat1'`) == "" {
		return
	}
	for _, row := range r.query(ctx, `SELECT tbl, max(CAST(stat AS INTEGER)) FROM sqlite_stat1 GROUP BY tbl`) {
		if t := s.Table(row[0]); t != nil {
			t.Rows, _ = strconv.ParseInt(row[1], 10, 64) // CAST returns a number
		}
	}
}
