// Package check verifies that a live database keeps the contract that its schema defines. It implements the command
// cardinal check. There are four kinds of check, and the questions of the guide that summarize them.
//
// Fingerprint: a fact is one property of one object of the schema. Every fact is compared with a shadow schema, which
// the embedded migrations build on the same server in a transaction that is rolled back.
//
// Point: a sentence of the guide to schema design (G), or a rule about the security of the database (S), checked
// against the catalog.
//
// Probe: a statement that violates one rule, executed in the shadow schema. The database must refuse it.
//
// Data: scans of the rows for what no schema rule can express.
//
// A finding is one deviation that a check reports. Some points of the guide have a general form, which also applies to
// external databases: databases that are not Cardinal's.
package check

import (
	"cmp"
	"context"
	"slices"
	"time"

	"cardinal/internal/catalog"
	"cardinal/internal/store/schema"
)

// Kind is a kind of check.
type Kind string

// The kinds of check.
const (
	Fingerprint Kind = "fingerprint" // every fact equals the shadow's
	Point       Kind = "point"       // a sentence of the guide or a rule of security, checked against the catalog
	Question    Kind = "question"    // a question of the guide's final checklist, answered by points
	Probe       Kind = "probe"       // a statement in the shadow schema that must be refused
	Data        Kind = "data"        // the rows themselves
)

// kinds in the order of a report.
var kinds = []Kind{Question, Fingerprint, Point, Probe, Data}

// Status is the result of a check.
type Status string

// The results of a check.
const (
	Passed  Status = "passed"
	Failed  Status = "failed"  // the database does not keep the contract
	Warned  Status = "warning" // weaker than it could be, or possibly intended
	Skipped Status = "skipped" // not checked; Outcome.NotChecked says why
)

// Check is one property that is checked.
type Check struct {
	ID    string // stable: F01, G01 to G33, S01, Q1 to Q9, P01, D01
	Kind  Kind
	Title string // what is true if it passes: "every foreign key has a leading index"
	Guide string // the sentence of the guide, "" without one
	Why   string // for --explain: the risk without it, and how it is checked

	unit       string // what is counted: "tables", "foreign keys"
	run        func(context.Context, *Subject) (Outcome, error)
	runGeneral func(context.Context, *Subject) (Outcome, error) // for external databases; nil if it does not apply
	// ids of the checks that answer this one, which has no run
	answeredBy []string
}

// Finding is one deviation from what a check requires.
type Finding struct {
	Object   string   `json:"object"`             // for example "users.email" or "index contacts_kind_ix"
	Problem  string   `json:"problem"`            // one sentence
	Evidence []string `json:"evidence,omitempty"` // rows of the catalog or table, without personal data in clear text
	Fix      string   `json:"fix,omitempty"`      // the statement that repairs it; "" if none can
	Warning  bool     `json:"warning,omitempty"`
}

// Outcome is the result of a check on one database.
type Outcome struct {
	ID         string    `json:"id"`
	Kind       Kind      `json:"kind"`
	Title      string    `json:"title"`
	Guide      string    `json:"guide,omitempty"`
	Status     Status    `json:"status"`
	Passed     int       `json:"held"`  // how many of Total passed
	Total      int       `json:"total"` // how many were checked
	Unit       string    `json:"of"`    // "tables", "foreign keys", "facts"
	AnsweredBy []string  `json:"from,omitempty"`
	Findings   []Finding `json:"findings,omitempty"`
	Accepted   int       `json:"accepted,omitempty"` // findings that the list of accepted findings names
	Notes      []string  `json:"notes,omitempty"`    // counts that are useful even if the check passes
	NotChecked string    `json:"missing,omitempty"`  // why nothing, or not everything, was checked
}

// Report is the result of all checks.
type Report struct {
	Engine   string `json:"engine"`
	Version  string `json:"version"`          // of the server
	Database string `json:"database"`         // its name, never its address
	Schema   int    `json:"schema,omitempty"` // number of the newest migration; 0 for an external database
	Tables   int    `json:"tables"`
	// Fingerprint is the SHA-256 of all facts: two databases with the same fingerprint have the same schema.
	Fingerprint       string        `json:"fingerprint"`
	Duration          time.Duration `json:"took_ns"`
	Outcomes          []Outcome     `json:"outcomes"`
	UnusedAcceptances []Acceptance  `json:"unused,omitempty"` // accepted, but not found
}

// Failed reports whether any check failed.
func (r Report) Failed() bool { return r.count(Failed) > 0 }

// count returns how many checks have a status. Questions summarize other checks, so they count only if they have
// findings of their own.
func (r Report) count(s Status) (n int) {
	for _, o := range r.Outcomes {
		if o.Status == s && (o.Kind != Question || len(o.Findings) > 0) {
			n++
		}
	}
	return n
}

// Subject is the database to check and what the checks need to know about it.
type Subject struct {
	Database *catalog.Database
	Name     string // of the database, for the report; without its address
	Schema   string // PostgreSQL schema, "cardinal" unless the database is external
	External bool   // an external database: only the general points are checked
	Now      time.Time

	Live       *catalog.Schema
	Migrations []schema.Migration // the migrations of Cardinal that were applied

	Shadow         *catalog.Schema // nil if none could be built; NoShadowReason says why
	NoShadowReason string
	shadow         *shadow // for the fingerprint and the probes; nil if Shadow is nil
	// DecryptSamples decrypts a sample of every encrypted column with the keys of its owners. It is nil without a key;
	// the next field says why.
	DecryptSamples func(context.Context) ([]EncryptedSample, error)
	NoKeyReason    string
}

// EncryptedSample is the result of decrypting a sample of an encrypted column.
type EncryptedSample struct {
	Table, Column string
	Decrypted     int
	Erased        int      // placeholders of erased users
	Undecryptable []string // keys of the rows with a value that cannot be decrypted
}

// allChecks returns every check in the order of a report.
func allChecks() []Check {
	checks := slices.Concat(questions, fingerprints, points, probes, dataScans)
	slices.SortStableFunc(checks, func(a, b Check) int {
		return cmp.Or(slices.Index(kinds, a.Kind)-slices.Index(kinds, b.Kind), cmp.Compare(a.ID, b.ID))
	})
	return checks
}

// Names returns what --only accepts: the kinds and the ids of checks.
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

// Find returns a check by its id; false if there is none.
func Find(id string) (Check, bool) {
	for _, c := range allChecks() {
		if c.ID == id {
			return c, true
		}
	}
	return Check{}, false
}
