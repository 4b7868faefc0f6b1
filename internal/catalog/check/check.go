// Package check proves that a live database keeps the contract that its schema is: cardinal check. There are four kinds of proof.
// The fingerprint compares every fact of the schema with a shadow that the embedded migrations build on the same server; the guide's
// points are judged from the catalog; probes try to break each rule, in the shadow; and the data is scanned for what no rule can say.
// The guide's general points also judge databases that are not Cardinal's.
package check

import (
	"context"
	"time"

	"cardinal/internal/catalog"
)

// Kind is a kind of proof.
type Kind string

// The kinds of proof.
const (
	Fingerprint Kind = "fingerprint" // every fact equals the shadow's
	Point       Kind = "point"       // a sentence of the guide, judged from the catalog
	Probe       Kind = "probe"       // a violation that must be refused, tried in the shadow
	Data        Kind = "data"        // what the rows themselves say
)

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
	// General tells that it judges any database, not only Cardinal's.
	General bool

	run func(context.Context, *Subject) (Outcome, error)
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
	ID       string    `json:"id"`
	Kind     Kind      `json:"kind"`
	Title    string    `json:"title"`
	Guide    string    `json:"guide,omitempty"`
	Status   Status    `json:"status"`
	Held     int       `json:"held"`  // how many of
	Total    int       `json:"total"` // what was looked at
	Of       string    `json:"of"`    // "tables", "foreign keys", "facts"
	Findings []Finding `json:"findings,omitempty"`
	Missing  string    `json:"missing,omitempty"` // why nothing, or not all, was proved
}

// Report is everything that was checked.
type Report struct {
	Engine   string        `json:"engine"`
	Version  string        `json:"version"`          // of the server
	Schema   int           `json:"schema,omitempty"` // number of the newest migration; 0 where the database is not Cardinal's
	Tables   int           `json:"tables"`
	Took     time.Duration `json:"took_ns"`
	Outcomes []Outcome     `json:"outcomes"`
}

// Subject is the database under proof and what the proofs need beside it.
type Subject struct {
	Database *catalog.Database
	Live     *catalog.Schema
	Shadow   *catalog.Schema // nil where none could be built; Unshadowed says why
	Now      time.Time

	Unshadowed string
	// Open opens a sealed value as its owner's key would; nil where no key is at hand, which Unopened explains.
	Open     func(ctx context.Context, table, column string, row map[string]any) error
	Unopened string
}
