// Errors of the database. An error of the driver is replaced by one that names the store method, the code of the
// database (SQLSTATE or SQLite result code) and the constraint, but never repeats the text of the driver, which may
// contain values.

package store

import (
	"errors"
	"fmt"
	"regexp"
	"runtime"
	"strings"

	"cardinal"
)

// errRetry means that the database cancelled a transaction because of a concurrent one.
var errRetry = errors.New("deadlock or serialization failure")

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

// ErrorText returns the text of the database error in err: its method, code and constraint, without values. It is "" if
// there is none.
func ErrorText(err error) string {
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

// deferredError is the error of a deferred statement, whose method has already returned.
type deferredError struct {
	callers []uintptr // when it was deferred
	error
}

func (e *deferredError) Unwrap() error { return e.error }

var exportedMethod = regexp.MustCompile(`/store\.(?:Reader|Tx|\(\*Store\))\.([A-Z]\w*)(?:\.|$)`)

// callers returns the program counters of the functions that are running.
func callers() []uintptr {
	var pcs [16]uintptr
	return pcs[:runtime.Callers(3, pcs[:])]
}

// exportedCaller returns the name of the exported method of this package among some callers; "" if there is none.
func exportedCaller(callers []uintptr) string {
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

// methodOf returns the beginning of the text of an error: "store.User: ". It names the exported method of this package
// that is running, or that deferred the statement. It is "" outside of such a method.
func methodOf(err error) string {
	at := callers()
	var deferred *deferredError
	if errors.As(err, &deferred) {
		at = deferred.callers
	}
	if name := exportedCaller(at); name != "" {
		return "store." + name + ": "
	}
	return ""
}

// scanError is the error of a row that cannot be scanned. database/sql names the column, and then repeats the value.
func scanError(err error) error {
	if column := scannedColumn.FindString(err.Error()); column != "" {
		return errors.New(methodOf(err) + column)
	}
	return fmt.Errorf("%sscan: %w", methodOf(err), err)
}

var scannedColumn = regexp.MustCompile(`^sql: Scan error on column index \d+, name "[^"]*"`)
