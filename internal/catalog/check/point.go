package check

import (
	"context"
	"slices"
	"strings"
	"unicode"

	"cardinal/internal/catalog"
)

// points are the guide's sentences, judged from the catalog: one for each row of the plan of the schema.
var points = slices.Concat(identityPoints, statusPoints, timePoints, profilePoints, secretPoints, personalPoints, accessPoints,
	auditPoints, formPoints, indexPoints, queryPoints, evolutionPoints, []Check{compliance})

// resultBuilder is an outcome in the making.
type resultBuilder struct{ Outcome }

// pointCheck makes a check's run of a function that looks at the catalog only.
func pointCheck(inspect func(*Subject, *resultBuilder)) func(context.Context, *Subject) (Outcome, error) {
	return func(_ context.Context, s *Subject) (Outcome, error) {
		var res resultBuilder
		inspect(s, &res)
		return res.result(), nil
	}
}

// result is the outcome.
func (res *resultBuilder) result() Outcome {
	if res.setStatus(); res.Status == Skipped && res.NotChecked == "" {
		res.NotChecked = "there is nothing of the kind"
	}
	return res.Outcome
}

// expect counts one thing that was looked at, and finds it short unless it holds.
func (res *resultBuilder) expect(passed bool, f Finding) bool {
	res.Total++
	if passed {
		res.Passed++
	} else {
		res.Findings = append(res.Findings, f)
	}
	return passed
}

// requireTable returns one of Cardinal's tables; that it is missing falls short by itself.
func (res *resultBuilder) requireTable(s *Subject, name string) *catalog.Table {
	t := s.Live.Table(name)
	if t == nil {
		res.expect(false, Finding{Object: name, Problem: "the table is missing"})
	}
	return t
}

// requireColumn returns one of Cardinal's columns; that it is missing falls short by itself.
func (res *resultBuilder) requireColumn(s *Subject, table, name string) (*catalog.Table, *catalog.Column) {
	t := res.requireTable(s, table)
	if t == nil {
		return nil, nil
	}
	c := t.Column(name)
	if c == nil {
		res.expect(false, Finding{Object: table + "." + name, Problem: "the column is missing"})
	}
	return t, c
}

// requireNotNull expects columns of a table that every row has a value in.
func (res *resultBuilder) requireNotNull(s *Subject, table string, columns ...string) {
	for _, name := range columns {
		if t, c := res.requireColumn(s, table, name); c != nil {
			res.expect(c.NotNull, Finding{Object: table + "." + name, Problem: "a row may have no value in it",
				Fix: s.alterTable(t, "ALTER COLUMN "+quoteName(name)+" SET NOT NULL")})
		}
	}
}

// requireUnique expects a key of a table.
func (res *resultBuilder) requireUnique(s *Subject, table string, columns ...string) {
	if t := res.requireTable(s, table); t != nil {
		res.expect(slices.ContainsFunc(t.UniqueKeys(), func(k []string) bool { return slices.Equal(k, columns) }),
			Finding{Object: table + "." + strings.Join(columns, "+"), Problem: "two rows may have the same value",
				Fix: s.alterTable(t, "ADD UNIQUE ("+quoteNames(columns)+")")})
	}
}

// requireForeignKey expects a foreign key.
func (res *resultBuilder) requireForeignKey(s *Subject, table, column, to, toColumn string) {
	t := res.requireTable(s, table)
	if t == nil {
		return
	}
	res.expect(slices.ContainsFunc(t.ForeignKeys(), func(k catalog.Constraint) bool {
		return slices.Equal(k.Columns, []string{column}) && k.References == to && slices.Equal(k.ReferencedColumns, []string{toColumn}) && k.Validated
	}), Finding{Object: table + "." + column, Problem: "no validated foreign key leads to " + to + "." + toColumn,
		Fix: s.alterTable(t, "ADD FOREIGN KEY ("+quoteName(column)+") REFERENCES "+s.tableName(to)+" ("+quoteName(toColumn)+")")})
}

// hasCheck reports whether a validated check of the table speaks of the column in a way.
func hasCheck(t *catalog.Table, column string, form matcher) bool {
	return slices.ContainsFunc(t.Constraints, func(k catalog.Constraint) bool {
		return k.Kind == catalog.Check && k.Validated && slices.Contains(k.Columns, column) && form.MatchString(k.Expression)
	})
}

// hasTrigger reports whether a trigger of the table, its function's text included, matches every form and is not switched off.
func (s *Subject) hasTrigger(t *catalog.Table, forms ...matcher) bool {
	return slices.ContainsFunc(t.Triggers, func(trigger catalog.Trigger) bool {
		text := trigger.Definition
		for _, f := range s.Live.Functions {
			if f.Name == trigger.Function {
				text += "\n" + f.Body
			}
		}
		return trigger.Enabled && !slices.ContainsFunc(forms, func(f matcher) bool { return !f.MatchString(text) })
	})
}

// tableName is a table's name as a statement writes it.
func (s *Subject) tableName(name string) string {
	if s.Live.Engine == "postgres" {
		return quoteName(s.Live.Name) + "." + quoteName(name)
	}
	return quoteName(name)
}

// alterTable is a statement that changes a table; SQLite knows none for constraints, whose tables are made anew by a migration.
func (s *Subject) alterTable(t *catalog.Table, how string) string {
	if s.Live.Engine == "sqlite" {
		return ""
	}
	return "ALTER TABLE " + s.tableName(t.Name) + " " + how + ";"
}

// createIndex is a statement that makes an index; PostgreSQL makes none CONCURRENTLY on a partitioned table.
func (s *Subject) createIndex(t *catalog.Table, columns []string, where string) string {
	concurrently := ""
	if s.Live.Engine == "postgres" && t.Kind == catalog.Ordinary {
		concurrently = "CONCURRENTLY "
	}
	name := t.Name + "_" + strings.TrimSuffix(strings.Join(columns, "_"), "_id") + "_ix"
	for slices.ContainsFunc(t.Indexes, func(i catalog.Index) bool { return i.Name == name }) {
		name += "2"
	}
	return "CREATE INDEX " + concurrently + quoteName(name) + " ON " + s.tableName(t.Name) + " (" + quoteNames(columns) + ")" + where + ";"
}

var plainName = newPattern(`^[a-z_][a-z0-9_]*$`)

// reserved are the names that a statement has to quote although they are plain, as far as people give them to tables and columns.
var reserved = strings.Fields("all and any array as asc both case check collate column constraint create current_user default desc distinct do else " +
	"end false fetch for foreign from grant group having in initially into leading limit not null offset on only or order primary references " +
	"select session_user some table then to trailing true union unique user using values when where window with index transaction set")

// quoteName is a name as a statement writes it.
func quoteName(name string) string {
	if plainName.MatchString(name) && !slices.Contains(reserved, name) {
		return name
	}
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}

func quoteNames(columns []string) string {
	quoted := make([]string, len(columns))
	for i, c := range columns {
		quoted[i] = quoteName(c)
	}
	return strings.Join(quoted, ", ")
}

// sanitizeText is a text without what moves a terminal's cursor or turns its text around.
func sanitizeText(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r >= 0x202A && r <= 0x202E || r >= 0x2066 && r <= 0x2069 || r == 0x2028 || r == 0x2029 {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}
