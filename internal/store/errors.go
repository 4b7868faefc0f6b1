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

// deferredError is the error of a deferred statement, whose method has already returned.
type deferredError struct {
	query string
	error
}

func (e *deferredError) Unwrap() error { return e.error }

var (
	exportedMethod = regexp.MustCompile(`/store\.(?:Reader|Tx|\(\*Store\))\.([A-Z]\w*)(?:\.|$)`)
	statementHead  = regexp.MustCompile(`^\s*((?:INSERT INTO|UPDATE|DELETE FROM) \w+)`)
)

// methodOf returns the beginning of the text of an error: "store.User: ". It names the exported method of this package
// that is running, and for a deferred statement also the statement, because the running method is only the one that
// sent it: "store.Write: deferred INSERT INTO users: ". It is "" outside of such a method.
func methodOf(err error) string {
	var pcs [32]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	for more := true; more; {
		var frame runtime.Frame
		frame, more = frames.Next()
		m := exportedMethod.FindStringSubmatch(frame.Function)
		if m == nil {
			continue
		}
		method := "store." + m[1] + ": "
		var deferred *deferredError
		if errors.As(err, &deferred) {
			if head := statementHead.FindStringSubmatch(deferred.query); head != nil {
				method += "deferred " + head[1] + ": "
			}
		}
		return method
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
