package check

import (
	"context"
	"slices"
	"strings"
	"unicode"

	"cardinal/internal/catalog"
)

// points are the sentences of the guide, checked against the catalog.
var points = slices.Concat(identityPoints, statusPoints, timePoints, profilePoints, secretPoints, personalPoints,
	accessPoints, callerPoints, auditPoints, formPoints, indexPoints, queryPoints, evolutionPoints, []Check{compliance})

// resultBuilder collects the findings and counts of a check.
type resultBuilder struct{ Outcome }

// pointCheck returns the run function of a check that inspects only the catalog.
func pointCheck(inspect func(*Subject, *resultBuilder)) func(context.Context, *Subject) (Outcome, error) {
	return func(_ context.Context, s *Subject) (Outcome, error) {
		var res resultBuilder
		inspect(s, &res)
		return res.result(), nil
	}
}

// result sets the status and returns the outcome.
func (res *resultBuilder) result() Outcome {
	if res.setStatus(); res.Status == Skipped && res.NotChecked == "" {
		res.NotChecked = "the database has no such object"
	}
	return res.Outcome
}

// expect counts one thing that was checked, and adds a finding unless it passed.
func (res *resultBuilder) expect(passed bool, f Finding) bool {
	res.Total++
	if passed {
		res.Passed++
	} else {
		res.Findings = append(res.Findings, f)
	}
	return passed
}

// requireTable returns one of Cardinal's tables. A missing table is a finding.
func (res *resultBuilder) requireTable(s *Subject, name string) *catalog.Table {
	t := s.Live.Table(name)
	if t == nil {
		res.expect(false, Finding{Object: name, Problem: "the table is missing"})
	}
	return t
}

// requireColumn returns one of Cardinal's columns. A missing table or column is a finding.
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

// requireNotNull expects columns to be NOT NULL.
func (res *resultBuilder) requireNotNull(s *Subject, table string, columns ...string) {
	for _, name := range columns {
		if t, c := res.requireColumn(s, table, name); c != nil {
			res.expect(c.NotNull, Finding{Object: table + "." + name, Problem: "it accepts NULL",
				Fix: s.alterTable(t, "ALTER COLUMN "+quoteName(name)+" SET NOT NULL")})
		}
	}
}

// requireUnique expects a key of a table.
func (res *resultBuilder) requireUnique(s *Subject, table string, columns ...string) {
	if t := res.requireTable(s, table); t != nil {
		res.expect(slices.ContainsFunc(t.UniqueKeys(), func(k []string) bool { return slices.Equal(k, columns) }),
			Finding{Object: table + "." + strings.Join(columns, "+"), Problem: "two rows can have the same value",
				Fix: s.alterTable(t, "ADD UNIQUE ("+quoteNames(columns)+")")})
	}
}

// requireForeignKey expects a validated foreign key.
func (res *resultBuilder) requireForeignKey(s *Subject, table, column, to, toColumn string) {
	t := res.requireTable(s, table)
	if t == nil {
		return
	}
	res.expect(slices.ContainsFunc(t.ForeignKeys(), func(k catalog.Constraint) bool {
		return slices.Equal(k.Columns, []string{column}) && k.References == to &&
			slices.Equal(k.ReferencedColumns, []string{toColumn}) && k.Validated
	}), Finding{Object: table + "." + column, Problem: "no validated foreign key refers to " + to + "." + toColumn,
		Fix: s.alterTable(t, "ADD FOREIGN KEY ("+quoteName(column)+") REFERENCES "+s.tableName(to)+" ("+
			quoteName(toColumn)+")")})
}

// hasCheck reports whether a validated CHECK of the table uses the column and matches the form.
func hasCheck(t *catalog.Table, column string, form matcher) bool {
	return slices.ContainsFunc(t.Constraints, func(k catalog.Constraint) bool {
		return k.Kind == catalog.Check && k.Validated && slices.Contains(k.Columns, column) &&
			form.MatchString(k.Expression)
	})
}

// hasTrigger reports whether an enabled trigger of the table, including the body of its function, matches every form.
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

// sanitizeText replaces characters that move the terminal's cursor or change the direction of text.
func sanitizeText(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r >= 0x202A && r <= 0x202E || r >= 0x2066 && r <= 0x2069 || r == 0x2028 ||
			r == 0x2029 {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}
