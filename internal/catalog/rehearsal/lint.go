package rehearsal

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"cardinal/internal/catalog"
	"cardinal/internal/store/schema"
)

// Violation is a violation of a rule. A migration with one must not be released.
type Violation struct {
	Migration schema.Migration `json:"migration"`
	Rule      Rule             `json:"rule"`
	Problem   string           `json:"problem"`
	Fix       string           `json:"fix"`
}

// Rule names a requirement of migrations.
type Rule string

// The rules.
const (
	Blocks Rule = "blocks" // no lock blocks other sessions while rows are scanned or rewritten
	Loses  Rule = "loses"  // data is dropped only in the contract phase, and only if the file announces it
	Breaks Rule = "breaks" // programs of the previous version keep working until the contract phase
	Form   Rule = "form"   // the migration has the form that the migration runner needs
)

// Lint checks the effects of migrations in a rehearsal against the rules.
func Lint(steps []Step) []Violation {
	violations := []Violation{}
	for _, s := range steps {
		report := func(rule Rule, fix, format string, values ...any) {
			violations = append(violations, Violation{s.Migration, rule, fmt.Sprintf(format, values...), fix})
		}
		s.checkLocks(report)
		s.checkLoss(report)
		s.checkCompatibility(report)
		s.checkForm(report)
	}
	return violations
}

type reporter func(rule Rule, fix, format string, values ...any)

func (s Step) checkLocks(report reporter) {
	for _, e := range s.Effects {
		switch {
		case e.Rewrites:
			report(Blocks,
				"Add a nullable column without a stored or volatile default, fill it in a backfill, contract later.",
				"%s is rewritten by %q, and cannot be read meanwhile", e.Table, e.Statement)
		case e.Scans && e.heldLock.StopsWrites():
			report(Blocks,
				"Add constraints NOT VALID and validate them in the contract phase, before any statement there that "+
					"locks the table. Build an index CONCURRENTLY, in a file that begins with -- alone:",
				"%q scans all rows of %s while the migration holds a %s lock on it", e.Statement, e.Table, e.heldLock)
		}
	}
}

// announcedDrops matches the line of a contract file that announces what it drops: "-- drops: profiles.nickname,
// badges".
var announcedDrops = regexp.MustCompile(`(?m)^-- drops: (.+)$`)

func (s Step) checkLoss(report reporter) {
	var announced []string
	for _, m := range announcedDrops.FindAllStringSubmatch(s.Migration.Script, -1) {
		announced = append(announced, strings.Split(strings.TrimSuffix(m[1], "."), ", ")...)
	}
	for _, c := range s.Changes {
		name := c.Object.Name
		if c.Object.Table != "" {
			name = c.Object.Table + "." + name
		}
		if !c.Removed || !isObject(c) || c.Object.Kind != "table" && c.Object.Kind != "column" {
			continue
		}
		switch {
		case s.Migration.Phase != schema.Contract:
			report(Loses, "Move it to the contract phase of this number.",
				"%s is dropped, but the previous version still uses it", c.Object)
		case !slices.Contains(announced, name) && !slices.Contains(announced, c.Object.Table):
			report(Loses, "Add this line to the file: -- drops: "+name,
				"%s is dropped with its data, and no line of the file announces it", c.Object)
		}
	}
}

// isObject reports whether a change adds or removes an object itself, and not only a property of it.
func isObject(c Change) bool {
	return c.Property == "kind" || c.Property == "type" || c.Property == "definition"
}

func (s Step) checkCompatibility(report reporter) {
	if s.Migration.Phase == schema.Contract {
		return
	}
	created := map[string]bool{} // tables of this migration; older programs do not use them
	for _, c := range s.Changes {
		if c.Added && c.Object.Kind == "table" {
			created[c.Object.Name] = true
		}
	}
	for _, c := range s.Changes {
		isColumn := c.Object.Kind == "column"
		switch {
		case created[c.Object.Table]:
		case c.Removed && isObject(c) && !isColumn && c.Object.Kind != "table": // checkLoss reports tables and columns
			report(Breaks, "Move it to the contract phase of this number.",
				"%s is removed while the previous version still runs", c.Object)
		case isColumn && c.Property == "type" && !c.Added && !c.Removed:
			report(Breaks,
				"Add a column of the new type, copy in a backfill, and drop the old one in a later contract phase.",
				"the type of %s changes to %s", c.Object, c.After)
		case isColumn && c.Property == "not null" && c.After == "true" && (!c.Added || !s.hasDefault(c.Object)):
			report(Breaks, "Allow NULL, and add NOT NULL in the contract phase.",
				"%s must have a value, which the previous version does not set", c.Object)
		}
	}
}

// hasDefault reports whether the database fills a new column.
func (s Step) hasDefault(column catalog.Object) bool {
	return slices.ContainsFunc(s.Changes, func(c Change) bool {
		return c.Object == column && (c.Property == "default" || c.Property == "generated as") && c.After != ""
	})
}

func (s Step) checkForm(report reporter) {
	m := s.Migration
	if m.OutsideTransaction() {
		if parts := statements(m.Script); len(parts) != 1 || !isRepeatable(parts[0]) {
			report(Form, "Write one statement, CREATE INDEX CONCURRENTLY IF NOT EXISTS.",
				"a migration outside of a transaction must be one statement that can be repeated")
		}
	}
	if m.Phase == schema.Backfill && !regexp.MustCompile(`(?is)\bWHERE\b.*\{batch\}`).MatchString(m.Script) {
		report(Form, "End its condition with AND {batch}.", "the backfill changes more than its batch")
	}
}

// isRepeatable reports whether a statement can run again after it succeeded.
func isRepeatable(statement string) bool {
	statement = strings.ToUpper(statement)
	return !strings.Contains(statement, "INDEX") || strings.Contains(statement, "IF NOT EXISTS")
}
