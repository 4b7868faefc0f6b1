// Package dberror classifies errors of the database. An error of the driver is replaced by one that names the store
// method, the code of the database (SQLSTATE or SQLite result code) and the constraint, but never repeats the text of
// the driver, which may contain values.
package dberror

import (
	"errors"
	"fmt"
	"regexp"
	"runtime"
	"strings"

	"cardinal"
)

// ErrRetry means that the database cancelled a transaction because of a concurrent one.
var ErrRetry = errors.New("deadlock or serialization failure")

// ErrLocked means that a statement waited for a lock of another transaction until the lock timeout.
var ErrLocked = fmt.Errorf("%w: locked by another transaction", cardinal.ErrBusy)

// Violation is the error of a statement that violates a constraint of the database.
type Violation struct {
	Constraint string // name of the constraint, index or trigger rule
	method     string // as methodOf returns it
	code       string // code of the database
}

// Error names the method, the code and the constraint.
func (v *Violation) Error() string { return v.method + v.code + ", constraint " + v.Constraint }

// Unwrap returns cardinal.ErrConflict.
func (v *Violation) Unwrap() error { return cardinal.ErrConflict }

// Violates reports whether an error is the violation of a constraint. Names are matched by prefix, because a
// distributed PostgreSQL adds the suffix of a shard to them.
func Violates(err error, constraint string) bool {
	var v *Violation
	return errors.As(err, &v) && strings.HasPrefix(v.Constraint, constraint)
}

// codeError is an error of the database that has no other kind.
type codeError struct{ method, code string } // as those of Violation

// Error names the method and the code.
func (e *codeError) Error() string { return e.method + e.code }

// Text returns the text of the database error in err: its method, code and constraint, without values. It is "" if
// there is none.
func Text(err error) string {
	var violation *Violation
	var failed *codeError
	switch {
	case errors.As(err, &violation):
		return violation.Error()
	case errors.As(err, &failed):
		return failed.Error()
	}
	return ""
}

// Deferred is the error of a deferred statement, whose method has already returned.
type Deferred struct {
	Callers []uintptr // as Callers returned them when the statement was deferred
	Err     error
}

// Error is the text of the driver. Postgres replaces it.
func (e *Deferred) Error() string { return e.Err.Error() }

// Unwrap returns the error of the driver.
func (e *Deferred) Unwrap() error { return e.Err }

var exportedMethod = regexp.MustCompile(`/store\.(?:Reader|Tx|\(\*Store\))\.([A-Z]\w*)(?:\.|$)`)

// Callers returns the program counters of the functions that are running.
func Callers() []uintptr {
	var pcs [16]uintptr
	return pcs[:runtime.Callers(3, pcs[:])]
}

// Method returns the name of the exported method of the store among some callers; "" if there is none.
func Method(callers []uintptr) string {
	frames := runtime.CallersFrames(callers)
	for more := true; more; {
		var frame runtime.Frame
		frame, more = frames.Next()
		if m := exportedMethod.FindStringSubmatch(frame.Function); m != nil {
			return m[1]
		}
	}
	return ""
}

// methodOf returns the beginning of the text of an error: "store.User: ". It names the exported method of the store
// that is running, or that deferred the statement. It is "" outside of such a method.
func methodOf(err error) string {
	at := Callers()
	var deferred *Deferred
	if errors.As(err, &deferred) {
		at = deferred.Callers
	}
	if name := Method(at); name != "" {
		return "store." + name + ": "
	}
	return ""
}

// Scan is the error of a row that cannot be scanned. database/sql names the column, and then repeats the value.
func Scan(err error) error {
	if column := scannedColumn.FindString(err.Error()); column != "" {
		return errors.New(methodOf(err) + column)
	}
	return fmt.Errorf("%sscan: %w", methodOf(err), err)
}

var scannedColumn = regexp.MustCompile(`^sql: Scan error on column index \d+, name "[^"]*"`)
