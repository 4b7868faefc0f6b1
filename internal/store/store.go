// Package store reads and writes the database: one SQL text for SQLite and PostgreSQL, one file per table. It checks no
// permissions, and it sees encrypted columns only as ciphertext.
//
// Reading and writing are different types. Every SELECT is a method of Reader, every change is a method of Tx, which
// embeds Reader: writing to a replica does not compile, nor does writing outside a transaction. What differs between
// the two databases is in engine.go, sqlite.go and postgres.go.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"time"

	"cardinal"
	"cardinal/internal/store/dberror"
)

// Store is an open database. It is safe for concurrent use.
type Store struct {
	engine *engine
}

// Reader has the queries. Each call reads one consistent snapshot. Two calls may read different snapshots, unless the
// Reader is part of a Tx.
type Reader struct {
	engine *engine
	q      querier
}

// Tx has the changes, within one transaction over all tables.
type Tx struct {
	Reader
}

// querier is implemented by a connection pool and by a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// Open opens the database at a URL: "sqlite:PATH" (or a plain path), or "postgres://…". It does not change the
// database.
func Open(ctx context.Context, url string) (*Store, error) {
	e, err := openEngine(ctx, url)
	if err != nil {
		return nil, err
	}
	return &Store{engine: e}, nil
}

// Close closes all connections. SQLite writes its write-ahead log back to the database file (a checkpoint).
func (s *Store) Close() error { return s.engine.close() }

// Engine returns the kind of database: "sqlite" or "postgres".
func (s *Store) Engine() string { return s.engine.name }

// Read returns a Reader of the latest committed state.
func (s *Store) Read(context.Context) Reader { return Reader{engine: s.engine, q: s.engine.reader} }

// Write runs fn in one transaction and commits it if fn returns nil. After an error from a method of Tx, fn must return
// it. On PostgreSQL a transaction that fails by a deadlock or a serialization failure is retried, so fn must have no
// effects outside tx.
func (s *Store) Write(ctx context.Context, fn func(tx Tx) error) error {
	const maxAttempts = 4
	var err error
	for range maxAttempts {
		if err = s.engine.transact(ctx, fn); !errors.Is(err, dberror.ErrRetry) {
			return err
		}
	}
	return fmt.Errorf("%w: %w", cardinal.ErrBusy, err)
}

// scanner is a row of a result.
type scanner interface{ Scan(dest ...any) error }

// queryOne returns the only row of a query, or cardinal.ErrNotFound.
func queryOne[T any](
	ctx context.Context, r Reader, scan func(scanner) (T, error), query string, args ...any,
) (T, error) {
	var none T
	if r.engine.trace != nil {
		defer r.engine.traceStatement(dberror.Callers(), query, time.Now())
	}
	rows, err := r.q.QueryContext(ctx, query, r.engine.encodeArgs(args)...)
	if err != nil {
		return none, r.engine.classify(err)
	}
	defer rows.Close()
	if !rows.Next() {
		if err := rows.Err(); err != nil {
			return none, r.engine.classify(err)
		}
		return none, cardinal.ErrNotFound
	}
	item, err := scan(rows)
	if err != nil {
		return none, dberror.Scan(err)
	}
	// A statement with RETURNING may report a violated constraint only after its last row.
	for rows.Next() {
	}
	return item, r.engine.classify(rows.Err())
}

// queryAll returns all rows of a query, never nil.
func queryAll[T any](
	ctx context.Context, r Reader, scan func(scanner) (T, error), query string, args ...any,
) ([]T, error) {
	if r.engine.trace != nil {
		defer r.engine.traceStatement(dberror.Callers(), query, time.Now())
	}
	rows, err := r.q.QueryContext(ctx, query, r.engine.encodeArgs(args)...)
	if err != nil {
		return nil, r.engine.classify(err)
	}
	defer rows.Close()
	items := []T{}
	for rows.Next() {
		item, err := scan(rows)
		if err != nil {
			return nil, dberror.Scan(err)
		}
		items = append(items, item)
	}
	return items, r.engine.classify(rows.Err())
}

// exec runs a statement and returns the number of changed rows.
func (tx Tx) exec(ctx context.Context, query string, args ...any) (int64, error) {
	if tx.engine.trace != nil {
		defer tx.engine.traceStatement(dberror.Callers(), query, time.Now())
	}
	result, err := tx.q.ExecContext(ctx, query, tx.engine.encodeArgs(args)...)
	if err != nil {
		return 0, tx.engine.classify(err)
	}
	return result.RowsAffected()
}

// execDeferred runs a statement whose result is not needed. SQLite runs it immediately. PostgreSQL runs it later in a
// batch (pipeline.go), so its error may be returned by the next statement or by Write.
func (tx Tx) execDeferred(ctx context.Context, query string, args ...any) error {
	args = tx.engine.encodeArgs(args)
	if p, ok := tx.q.(*pipeline); ok {
		p.queue(query, args)
		return nil
	}
	if tx.engine.trace != nil {
		defer tx.engine.traceStatement(dberror.Callers(), query, time.Now())
	}
	_, err := tx.q.ExecContext(ctx, query, args...)
	return tx.engine.classify(err)
}

// limitText is the limit of a batch as text for the statement. If the limit is an argument, the planner of PostgreSQL
// assumes that the batch is a tenth of the table, and reads the whole table.
func limitText(n int) string { return strconv.Itoa(n) }

// timeInto scans a time, which PostgreSQL returns as a time and SQLite as microseconds since 1970.
type timeInto struct{ dest *time.Time }

func (t timeInto) Scan(v any) error {
	switch v := v.(type) {
	case time.Time:
		*t.dest = v.UTC()
	case int64:
		*t.dest = time.UnixMicro(v).UTC()
	default:
		return fmt.Errorf("not a time: %T", v)
	}
	return nil
}

// nullTimeInto scans a time that may be NULL.
type nullTimeInto struct{ dest **time.Time }

func (t nullTimeInto) Scan(v any) error {
	if v == nil {
		*t.dest = nil
		return nil
	}
	*t.dest = new(time.Time)
	return timeInto{*t.dest}.Scan(v)
}
