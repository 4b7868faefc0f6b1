package store

import (
	"strings"
	"time"
)

// Statement is one statement that the store has run, without its values.
type Statement struct {
	Method   string // the exported method of the store: "User"
	SQL      string // on one line
	Duration time.Duration
}

// Trace calls trace after each statement of the store, for debugging. Set it before the store is used. Migrations, and
// the writes of a batch that PostgreSQL gets together, are not traced.
func (s *Store) Trace(trace func(Statement)) { s.engine.trace = trace }

// traceStatement reports a statement that began at a time. Callers check engine.trace first: without it, nothing is
// paid.
func (e *engine) traceStatement(query string, began time.Time) {
	method := strings.TrimSuffix(strings.TrimPrefix(methodOf(nil), "store."), ": ")
	e.trace(Statement{Method: method, SQL: strings.Join(strings.Fields(query), " "), Duration: time.Since(began)})
}
