package store

import (
	"strings"
	"time"

	"cardinal/internal/store/dberror"
)

// Statement is one statement that the store has run, without its values.
type Statement struct {
	Method   string // the exported method of the store: "User"
	SQL      string // on one line
	Duration time.Duration
}

// Trace calls trace after each statement of the store, for debugging. Set it before the store is used. Migrations and
// the batches of an import are not traced.
func (s *Store) Trace(trace func(Statement)) { s.engine.trace = trace }

// traceStatement reports a statement that began at a time. engine.trace is checked before, so that a store without a
// trace does no extra work.
func (e *engine) traceStatement(callers []uintptr, query string, began time.Time) {
	e.trace(Statement{
		Method: dberror.Method(callers), SQL: strings.Join(strings.Fields(query), " "), Duration: time.Since(began),
	})
}
