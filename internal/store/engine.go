package store

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"cardinal"
)

//go:embed schema
var schemaFiles embed.FS

// engine is everything that differs between the databases.
type engine struct {
	name   string // "sqlite" or "postgres"; the folder of its migrations
	reader querier

	// encodeArgs turns times, ids and JSON into the forms that the driver stores.
	encodeArgs func([]any) []any
	// transact runs fn once in a transaction; errRetry means that it lost to another and may be tried again.
	transact func(ctx context.Context, fn func(Tx) error) error
	// erasedValue is the byte that erasure leaves in a sealed column, as a literal.
	erasedValue string
	// bulkInsert inserts many rows into one table.
	bulkInsert func(ctx context.Context, tx Tx, b *tableRows) error
	// classify turns a driver's error into a Violation or a kind of cardinal's errors.
	classify func(error) error
	// lockRow is appended to a SELECT that locks the row it reads until the transaction ends.
	lockRow string
	// skipLocked likewise, passing over rows that another transaction holds.
	skipLocked string
	// byteCollation is the collation that sorts text by its bytes.
	byteCollation string
	// migrate runs a function while no other node migrates, on a connection that may change the schema.
	migrate func(ctx context.Context, fn func(migrator) error) error
	// lockNodes is a statement that keeps nodes from registering until the transaction ends; "" where there is one writer anyway.
	lockNodes string
	// replicaLag is how many bytes the slowest replica is behind; nil where there are none.
	replicaLag func(ctx context.Context) (int64, error)
	// refreshStatistics counts anew what the planner goes by, where much changed.
	refreshStatistics func(ctx context.Context, tx Tx) error
	// ensureAuditMonth makes the place for a month's audit rows; true when it had to.
	ensureAuditMonth func(ctx context.Context, tx Tx, month time.Time) (bool, error)
	// auditMonths lists the months that have one; nil where the engine needs none.
	auditMonths func(ctx context.Context, r Reader) ([]time.Time, error)

	// initialStatuses keeps what a new user's status is, by action.
	initialStatuses sync.Map

	close func() error
}

// migrator runs one migration in one transaction together with the note of it; one that must run alone before the note.
type migrator interface {
	querier
	run(ctx context.Context, m Migration, note func(querier) error) error
}

var errRetry = errors.New("lost to another transaction")

// ErrLocked says that another transaction has what a statement waited for in vain.
var ErrLocked = fmt.Errorf("%w: another transaction has it", cardinal.ErrBusy)

func openEngine(ctx context.Context, url string) (*engine, error) {
	switch {
	case strings.HasPrefix(url, "postgres://"), strings.HasPrefix(url, "postgresql://"):
		return openPostgres(ctx, url)
	case strings.HasPrefix(url, "sqlite:"):
		return openSQLite(ctx, strings.TrimPrefix(strings.TrimPrefix(url, "sqlite://"), "sqlite:"))
	case url != "" && !strings.Contains(url, "://"):
		return openSQLite(ctx, url)
	}
	return nil, fmt.Errorf("%w: the database must be a path, sqlite:PATH or postgres://…", cardinal.ErrInvalid)
}

// Violation is a rule of the database that a statement broke.
type Violation struct {
	Constraint string // name of the constraint, index or trigger rule
	cause      error
}

// Error names the rule; the driver's text, which may hold values, is left out.
func (v *Violation) Error() string { return "the database refused: " + v.Constraint }

// Unwrap makes every Violation a cardinal.ErrConflict.
func (v *Violation) Unwrap() error { return cardinal.ErrConflict }

// Violates reports whether an error is the violation of a rule. Names are matched by prefix: a distributed PostgreSQL adds
// a shard's suffix to them.
func Violates(err error, constraint string) bool {
	var v *Violation
	return errors.As(err, &v) && strings.HasPrefix(v.Constraint, constraint)
}
