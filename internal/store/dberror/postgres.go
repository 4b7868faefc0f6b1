package dberror

import (
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"cardinal"
)

// sqlStates are the names of the codes that are to be expected, from PostgreSQL's manual, appendix A.
var sqlStates = map[string]string{
	"08006": "connection failure",
	"22001": "string data right truncation",
	"22003": "numeric value out of range",
	"22P02": "invalid text representation",
	"22021": "character not in repertoire",
	"23502": "not null violation",
	"23503": "foreign key violation",
	"23505": "unique violation",
	"23514": "check violation",
	"25006": "read only sql transaction",
	"25P02": "in failed sql transaction",
	"25P03": "idle in transaction session timeout",
	"40001": "serialization failure",
	"40P01": "deadlock detected",
	"42501": "insufficient privilege",
	"42601": "syntax error",
	"42703": "undefined column",
	"42804": "datatype mismatch",
	"42883": "undefined function",
	"42P01": "undefined table",
	"42P08": "ambiguous parameter",
	"42P18": "indeterminate datatype",
	"53100": "disk full",
	"53200": "out of memory",
	"53300": "too many connections",
	"55P03": "lock not available",
	"57014": "query canceled",
	"57P01": "admin shutdown",
	"57P02": "crash shutdown",
	"57P03": "cannot connect now",
}

// Postgres classifies an error of PostgreSQL. It uses the SQLSTATE and the name of the constraint, never the message
// text, which may contain values.
func Postgres(err error) error {
	if err == nil {
		return nil
	}
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		var connect *pgconn.ConnectError
		switch {
		case errors.As(err, &connect):
			return fmt.Errorf("%w: the database does not answer", cardinal.ErrBusy)
		case strings.Contains(err.Error(), "encode"): // pgx repeats the value
			return &codeError{methodOf(err), "PostgreSQL: an argument does not fit its type"}
		}
		return fmt.Errorf("%s%w", methodOf(err), err)
	}
	method, state := methodOf(err), sqlState(pg)
	switch pg.Code {
	case "23505", "23503", "23514", "23502":
		name := pg.ConstraintName
		if pg.Code == "23502" {
			name = pg.TableName + "_" + pg.ColumnName + "_not_null"
		}
		return &Violation{Constraint: name, method: method, code: state}
	case "40001", "40P01":
		return fmt.Errorf("%s%w: %s", method, ErrRetry, state)
	case "53100":
		return fmt.Errorf("%w: the disk of the database is full", cardinal.ErrBusy)
	case "25006":
		return fmt.Errorf("%w: the database takes no writes", cardinal.ErrBusy)
	case "55P03":
		return fmt.Errorf("%s%w", method, ErrLocked)
	case "57014", "53300", "57P01", "57P02", "57P03":
		return fmt.Errorf("%s%w: %s", method, cardinal.ErrBusy, state)
	}
	return &codeError{method, state}
}

// sqlState is the code with its name, and where in the statement the error is.
func sqlState(pg *pgconn.PgError) string {
	name, ok := sqlStates[pg.Code]
	if !ok {
		name = pg.Routine // the function in the server that reported it
	}
	text := fmt.Sprintf("PostgreSQL: SQLSTATE %s (%s)", pg.Code, name)
	if pg.Position > 0 {
		text += fmt.Sprintf(" at character %d", pg.Position)
	}
	return text
}
