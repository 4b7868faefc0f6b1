package check

import (
	"fmt"
	"slices"
	"strings"

	"cardinal/internal/catalog"
)

var indexPoints = []Check{
	{ID: "G23", Kind: Point, unit: "foreign keys", Title: "every foreign key has a leading index",
		Guide: "Always index foreign key columns.",
		Why: "Without an index, finding the rows that refer to a row reads the whole table, and so does every " +
			"DELETE of it. Checked by the leading columns of the index and its predicate: an index WHERE is_primary " +
			"leaves out rows, one WHERE the column IS NOT NULL does not.",
		run: pointCheck(checkForeignKeyIndexes), runGeneral: pointCheck(checkForeignKeyIndexes)},
	{ID: "G24", Kind: Point, unit: "indexes", Title: "no index is redundant",
		Guide: "Every index slows down write operations. Only index columns used frequently in WHERE clauses or JOINs.",
		Why: "An index is redundant if another index starts with the same columns. Checked by columns, predicate " +
			"and method. On PostgreSQL, an index that was never read while others of its table were is a warning, " +
			"and an index that failed to build is useless.",
		run: pointCheck(checkRedundantIndexes), runGeneral: pointCheck(checkRedundantIndexes)},
}

func checkForeignKeyIndexes(s *Subject, res *resultBuilder) {
	for _, t := range s.Live.BaseTables() {
		for _, k := range t.ForeignKeys() {
			f := Finding{Object: t.Name + "." + strings.Join(k.Columns, "+"),
				Problem: "no index finds the rows that refer to " + k.References,
				Fix:     s.createIndex(&t, k.Columns, s.notNullPredicate(&t, k.Columns))}
			for _, i := range t.Indexes {
				if slices.Contains(i.Columns, k.Columns[0]) {
					f.Evidence = append(f.Evidence, describeIndex(i))
				}
			}
			res.expect(slices.ContainsFunc(t.Indexes, func(i catalog.Index) bool { return i.LeadsWith(k.Columns) }), f)
		}
	}
}

// describeIndex formats an index as evidence.
func describeIndex(i catalog.Index) string {
	text := "index " + i.Name + " (" + strings.Join(i.Columns, ", ") + ")"
	if i.Predicate != "" {
		text += " WHERE " + i.Predicate
	}
	if !i.Valid {
		text += ", not valid"
	}
	return text
}

// isRedundant reports whether index b serves all purposes of index a: b begins with the columns of a. A unique index
// also enforces a rule, so it is redundant only if b enforces the same rule. b must also contain a's INCLUDE columns.
func isRedundant(a, b catalog.Index) bool {
	if slices.Contains(a.Columns, "") || len(a.Columns) > len(b.Columns) ||
		!slices.Equal(a.Columns, b.Columns[:len(a.Columns)]) {
		return false
	}
	for _, included := range a.Include {
		if !slices.Contains(b.Columns, included) && !slices.Contains(b.Include, included) {
			return false
		}
	}
	return a.Method == b.Method && b.Valid && (b.Predicate == "" || a.Predicate == b.Predicate) &&
		(!a.Unique || b.Unique && len(a.Columns) == len(b.Columns))
}

const (
	busyScans = 10_000 // an index without scans is suspicious after this many scans of another index
	largeRows = 100_000
)

func checkRedundantIndexes(s *Subject, res *resultBuilder) {
	for _, t := range s.Live.BaseTables() {
		busiest := int64(0)
		for _, i := range t.Indexes {
			busiest = max(busiest, i.Scans)
		}
		for n, a := range t.Indexes {
			f := Finding{Object: "index " + a.Name, Evidence: []string{describeIndex(a)}, Fix: s.dropIndex(a)}
			switch twin := slices.IndexFunc(t.Indexes, func(b catalog.Index) bool {
				// Of two equal indexes, report the later one, and never the index of a key.
				return b.Name != a.Name && isRedundant(a, b) && a.Constraint == "" &&
					!(isRedundant(b, a) && b.Constraint == "" &&
						slices.IndexFunc(t.Indexes, func(x catalog.Index) bool { return x.Name == b.Name }) > n)
			}); {
			case twin >= 0:
				f.Problem, f.Evidence = "another index of "+t.Name+" finds the same rows",
					append(f.Evidence, describeIndex(t.Indexes[twin]))
			case !a.Valid:
				f.Problem = "it is invalid: its build failed or is running. It is updated but never read"
			case s.Live.Engine == "postgres" && a.Scans == 0 && !a.Unique && t.Rows >= largeRows &&
				busiest >= busyScans && !leadsForeignKey(&t, a):
				f.Problem, f.Warning = "it was never read since the last statistics reset, while others of "+t.Name+
					" were", true
				f.Evidence = append(f.Evidence, fmt.Sprintf("scans 0, another index %d", busiest))
			}
			res.expect(f.Problem == "", f)
		}
	}
}

// leadsForeignKey reports whether a foreign key needs the index.
func leadsForeignKey(t *catalog.Table, i catalog.Index) bool {
	return slices.ContainsFunc(t.ForeignKeys(), func(k catalog.Constraint) bool { return i.LeadsWith(k.Columns) })
}
