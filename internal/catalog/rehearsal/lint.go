package rehearsal

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"cardinal/internal/catalog"
	"cardinal/internal/store"
)

// Fault is why a migration must not be released.
type Fault struct {
	Migration store.Migration `json:"migration"`
	Rule      Rule            `json:"rule"`
	Problem   string          `json:"problem"`
	Fix       string          `json:"fix"`
}

// Rule is what a migration must keep.
type Rule string

// The rules.
const (
	Blocks Rule = "blocks" // nobody may be kept waiting while rows are scanned or written anew
	Loses  Rule = "loses"  // data goes only when the migration says so, and after no program reads it
	Breaks Rule = "breaks" // a program of the version before goes on until the contraction
	Form   Rule = "form"   // what the runner of migrations needs
)

// Lint judges what migrations did in a rehearsal.
func Lint(steps []Step) []Fault {
	faults := []Fault{}
	for _, s := range steps {
		add := func(rule Rule, fix, format string, values ...any) {
			faults = append(faults, Fault{s.Migration, rule, fmt.Sprintf(format, values...), fix})
		}
		s.blocks(add)
		s.loses(add)
		s.breaks(add)
		s.form(add)
	}
	return faults
}

type adder func(rule Rule, fix, format string, values ...any)

func (s Step) blocks(add adder) {
	for _, e := range s.Effects {
		switch {
		case e.Rewrites:
			add(Blocks, "Add a nullable column without a stored or volatile default, fill it in a backfill, and contract later.",
				"%s is written anew by %q while nobody can read it", e.Table, e.Statement)
		case e.Scans && e.held.StopsWrites():
			add(Blocks, "Add constraints NOT VALID and validate them in a contraction, before anything there that locks the table; build an index CONCURRENTLY, in a file that begins with -- alone:",
				"%q reads all of %s while the migration holds it by %s", e.Statement, e.Table, e.held)
		}
	}
}

// announced are what the heading of a contraction says that it drops: "-- drops: profiles.nickname, badges".
var announced = regexp.MustCompile(`(?m)^-- drops: (.+)$`)

func (s Step) loses(add adder) {
	var said []string
	for _, m := range announced.FindAllStringSubmatch(s.Migration.Script(), -1) {
		said = append(said, strings.Split(strings.TrimSuffix(m[1], "."), ", ")...)
	}
	for _, c := range s.Changes {
		name := c.Object.Name
		if c.Object.Table != "" {
			name = c.Object.Table + "." + name
		}
		if !c.Removed || !isWhole(c) || c.Object.Kind != "table" && c.Object.Kind != "column" {
			continue
		}
		switch {
		case s.Migration.Phase != store.Contract:
			add(Loses, "Leave it to the contraction of this number.", "%s is dropped, and the version before still uses it", c.Object)
		case !slices.Contains(said, name) && !slices.Contains(said, c.Object.Table):
			add(Loses, "Say so in a line of the file: -- drops: "+name, "%s is dropped with all it holds, and no line says that this is meant", c.Object)
		}
	}
}

// isWhole tells the change that makes or ends a thing itself from those of its properties.
func isWhole(c Change) bool {
	return c.Property == "kind" || c.Property == "type" || c.Property == "definition"
}

func (s Step) breaks(add adder) {
	if s.Migration.Phase == store.Contract {
		return
	}
	made := map[string]bool{} // tables that this migration makes, which no older program uses
	for _, c := range s.Changes {
		if c.Added && c.Object.Kind == "table" {
			made[c.Object.Name] = true
		}
	}
	for _, c := range s.Changes {
		isColumn := c.Object.Kind == "column"
		switch {
		case made[c.Object.Table]:
		case c.Removed && isWhole(c) && !isColumn && c.Object.Kind != "table": // loses tells of those
			add(Breaks, "Leave it to the contraction of this number.", "%s is taken away while the version before still runs", c.Object)
		case isColumn && c.Property == "type" && !c.Added && !c.Removed:
			add(Breaks, "Add a column of the new type, copy in a backfill, drop the old one in a later contraction.", "the type of %s becomes %s", c.Object, c.After)
		case isColumn && c.Property == "not null" && c.After == "true" && (!c.Added || !s.hasDefault(c.Object)):
			add(Breaks, "Let it be NULL, and demand it in the contraction.", "%s must have a value, which the version before does not give", c.Object)
		}
	}
}

// hasDefault reports whether a new column is filled by the database.
func (s Step) hasDefault(column catalog.Object) bool {
	return slices.ContainsFunc(s.Changes, func(c Change) bool {
		return c.Object == column && (c.Property == "default" || c.Property == "generated as") && c.After != ""
	})
}

func (s Step) form(add adder) {
	m := s.Migration
	if m.Alone() {
		if parts := statements(m.Script()); len(parts) != 1 || strings.Contains(strings.ToUpper(parts[0]), "INDEX") && !strings.Contains(strings.ToUpper(parts[0]), "IF NOT EXISTS") {
			add(Form, "Write one statement, CREATE INDEX CONCURRENTLY IF NOT EXISTS.", "what runs alone must be one statement that can be run again")
		}
	}
	if m.Phase == store.Backfill && !regexp.MustCompile(`(?is)\bWHERE\b.*\{batch\}`).MatchString(m.Script()) {
		add(Form, "End its condition with AND {batch}.", "the backfill changes more than its batch")
	}
}
