package store

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/store/schema"
)

// engine is everything that differs between the databases.
type engine struct {
	name   string // "sqlite" or "postgres"; the folder of its migrations
	reader querier

	// encodeArgs converts times, ids and JSON to the types that the driver stores.
	encodeArgs func([]any) []any
	// transact runs fn once in a transaction; dberror.ErrRetry means that the transaction may be retried.
	transact func(ctx context.Context, fn func(Tx) error) error
	// blobType is the type of bytes in a CAST.
	blobType string
	// erasedValue is the literal of the byte that replaces the value of an encrypted column when a user is erased.
	erasedValue string
	// bulkInsert inserts many rows into one table.
	bulkInsert func(ctx context.Context, tx Tx, b *tableRows) error
	// deleteUserKeys deletes the data keys of users that are erased.
	deleteUserKeys func(ctx context.Context, tx Tx, ids []uuid.UUID) error
	// classify converts an error of the driver to a dberror.Violation or to one of cardinal's errors, without its
	// message text.
	classify func(error) error
	// lockRow is appended to a SELECT to lock its rows until the transaction ends.
	lockRow string
	// skipLocked does the same, but skips rows that another transaction has locked.
	skipLocked string
	// byteCollation is the COLLATE clause that sorts text by its bytes.
	byteCollation string
	// migrate runs a function under the migration lock, on a connection that is allowed to change the schema.
	migrate func(ctx context.Context, fn func(migrator) error) error
	// lockNodes is a statement that prevents nodes from registering until the transaction ends; "" where only one
	// transaction writes at a time anyway.
	lockNodes string
	// replicaLag returns how many bytes the slowest replica is behind; nil on an engine without replicas.
	replicaLag func(ctx context.Context) (int64, error)
	// refreshStatistics updates the planner's statistics of the tables that changed much.
	refreshStatistics func(ctx context.Context, tx Tx) error
	// ensureAuditMonth creates the partition for a month's audit rows; false if it existed.
	ensureAuditMonth func(ctx context.Context, tx Tx, month time.Time) (bool, error)
	// auditMonths lists the months that have a partition; nil on an engine without partitions.
	auditMonths func(ctx context.Context, r Reader) ([]time.Time, error)

	// pool returns the use of the connections.
	pool func() PoolStats

	// initialStatuses caches the status of a new user by action.
	initialStatuses sync.Map

	// trace is called after each statement; nil without tracing.
	trace func(Statement)

	close func() error
}

// migrator runs a migration and records it, in one transaction. A migration that must run outside a transaction runs
// first and is recorded afterwards.
type migrator interface {
	querier
	run(ctx context.Context, m schema.Migration, record func(querier) error) error
}

func openEngine(ctx context.Context, url string) (*engine, error) {
	switch {
	case strings.HasPrefix(url, "postgres://"), strings.HasPrefix(url, "postgresql://"):
		return openPostgres(ctx, url)
	case strings.HasPrefix(url, "sqlite:"):
		return openSQLite(ctx, strings.TrimPrefix(strings.TrimPrefix(url, "sqlite://"), "sqlite:"))
	case url != "" && !strings.Contains(url, "://"):
		return openSQLite(ctx, url)
	}
	return nil, fmt.Errorf("%w: the database URL must be a path, sqlite:PATH or postgres://…", cardinal.ErrInvalid)
}
