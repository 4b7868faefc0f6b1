// Package check proves that a live database keeps the contract that its schema is: cardinal check. There are four kinds of proof.
// The fingerprint compares every fact of the schema with a shadow that the embedded migrations build on the same server; the guide's
// points are judged from the catalog, and its nine questions are answered by them; probes try to break each rule, in the shadow; and
// the data is scanned for what no rule can say. The guide's general points also judge databases that are not Cardinal's.
package check

import (
	"cmp"
	"context"
	"slices"
	"time"

	"cardinal/internal/catalog"
	"cardinal/internal/store"
)

// Kind is a kind of proof.
type Kind string

// The kinds of proof.
const (
	Fingerprint Kind = "fingerprint" // every fact equals the shadow's
	Point       Kind = "point"       // a sentence of the guide, judged from the catalog
	Question    Kind = "question"    // of the guide's final checklist, answered by the points
	Probe       Kind = "probe"       // a violation that must be refused, tried in the shadow
	Data        Kind = "data"        // what the rows themselves say
)

// kinds in the order of a report.
var kinds = []Kind{Question, Fingerprint, Point, Probe, Data}

// Status is how a check ended.
type Status string

// How a check can end.
const (
	Passed  Status = "passed"
	Failed  Status = "failed"  // what is claimed does not hold
	Warned  Status = "warning" // holds by less than it could, or may be meant so
	Skipped Status = "skipped" // not proved here; Outcome.Missing says why
)

// Check is one thing that is proved.
type Check struct {
	ID    string // stable: F01, G01…G33, Q1…Q9, P01, D01
	Kind  Kind
	Title string // what holds when it passes, as "every foreign key has a leading index"
	Guide string // the guide's own sentence, "" when there is none
	Why   string // for --explain: what goes wrong without it, and how it is proved

	unit       string // what is counted: "tables", "foreign keys"
	run        func(context.Context, *Subject) (Outcome, error)
	runGeneral func(context.Context, *Subject) (Outcome, error) // for a database that is not Cardinal's; nil where it says nothing of one
	answeredBy []string                                         // the checks that answer this one, which has no run of its own
}

// Finding is one thing that falls short.
type Finding struct {
	Object   string   `json:"object"`             // as "users.email" or "index contacts_kind_ix"
	Problem  string   `json:"problem"`            // one sentence
	Evidence []string `json:"evidence,omitempty"` // the very rows of the catalog or of the table, nothing personal in clear
	Fix      string   `json:"fix,omitempty"`      // the statement that repairs it; "" when no statement can
	Warning  bool     `json:"warning,omitempty"`
}

// Outcome is how a check ended on one database.
type Outcome struct {
	ID         string    `json:"id"`
	Kind       Kind      `json:"kind"`
	Title      string    `json:"title"`
	Guide      string    `json:"guide,omitempty"`
	Status     Status    `json:"status"`
	Passed     int       `json:"held"`  // how many of
	Total      int       `json:"total"` // what was looked at
	Unit       string    `json:"of"`    // "tables", "foreign keys", "facts"
	AnsweredBy []string  `json:"from,omitempty"`
	Findings   []Finding `json:"findings,omitempty"`
	Accepted   int       `json:"accepted,omitempty"` // findings that the list of accepted ones names
	Notes      []string  `json:"notes,omitempty"`    // what was counted, where that is worth knowing in itself
	NotChecked string    `json:"missing,omitempty"`  // why nothing, or not all, was proved
}

// Report is everything that was checked.
type Report struct {
	Engine   string `json:"engine"`
	Version  string `json:"version"`          // of the server
	Database string `json:"database"`         // its name, never its address
	Schema   int    `json:"schema,omitempty"` // number of the newest migration; 0 where the database is not Cardinal's
	Tables   int    `json:"tables"`
	// Fingerprint is the SHA-256 of every fact of the schema: two databases that have the same are the same.
	Fingerprint       string        `json:"fingerprint"`
	Duration          time.Duration `json:"took_ns"`
	Outcomes          []Outcome     `json:"outcomes"`
	UnusedAcceptances []Acceptance  `json:"unused,omitempty"` // accepted, and not found
}

// Failed reports whether anything that is claimed does not hold.
func (r Report) Failed() bool { return r.count(Failed) > 0 }

// count is how many checks ended in a way; the questions, which only sum up others, do not count beside them.
func (r Report) count(s Status) (n int) {
	for _, o := range r.Outcomes {
		if o.Status == s && (o.Kind != Question || len(o.Findings) > 0) {
			n++
		}
	}
	return n
}

// Subject is the database under proof and what the proofs need beside it.
type Subject struct {
	Database *catalog.Database
	Name     string // of the database, for the report; without its address
	Schema   string // PostgreSQL's, "cardinal" unless it is foreign
	Foreign  bool   // not Cardinal's: only the guide's general points are judged
	Now      time.Time

	Live       *catalog.Schema
	Migrations []store.Migration // Cardinal's, those that were applied

	Shadow         *catalog.Schema // nil where none could be built; Unshadowed says why
	NoShadowReason string
	shadow         *shadow // what the fingerprint found and the probes use; nil with Shadow
	// OpenSamples opens some of every sealed column's values as their owners' keys would; nil where no key is at hand, which
	// Unopened explains.
	OpenSamples func(context.Context) ([]SealedColumn, error)
	Unopened    string
}

// SealedColumn is what came of opening a sample of a sealed column.
type SealedColumn struct {
	Table, Column string
	Opened        int
	Erased        int      // placeholders of the erased
	Broken        []string // keys of the rows whose value does not open
}

// allChecks returns every check, in the order of a report.
func allChecks() []Check {
	checks := slices.Concat(questions, fingerprints, points, probes, dataScans)
	slices.SortStableFunc(checks, func(a, b Check) int {
		return cmp.Or(slices.Index(kinds, a.Kind)-slices.Index(kinds, b.Kind), cmp.Compare(a.ID, b.ID))
	})
	return checks
}

// Names returns what may be chosen: the ids of checks and the kinds of proof.
func Names() []string {
	var names []string
	for _, k := range kinds {
		names = append(names, string(k))
	}
	for _, c := range allChecks() {
		names = append(names, c.ID)
	}
	return names
}

// Find returns a check by its id; false when there is none.
func Find(id string) (Check, bool) {
	for _, c := range allChecks() {
		if c.ID == id {
			return c, true
		}
	}
	return Check{}, false
}
