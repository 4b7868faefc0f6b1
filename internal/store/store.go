// Package store keeps the records: one SQL text for SQLite and PostgreSQL, one file a table. It knows no permission and no
// plain text of what is sealed.
//
// Reading and writing are different types. Every SELECT is a method of Reader, every change a method of Tx, which embeds
// Reader: writing to a replica does not compile, nor does writing outside a transaction. What differs between the two
// databases stands in engine.go, sqlite.go and postgres.go.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"time"

	"cardinal"
)

// Store is an open database: safe for use by many goroutines.
type Store struct {
	engine *engine
}

// Reader reads. What it reads in one call is consistent; two calls may see different moments, unless it is part of a Tx.
type Reader struct {
	engine *engine
	q      querier
}

// Tx changes, within one transaction over every table.
type Tx struct {
	Reader
}

// querier is what both a pool of connections and a transaction can do.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// Open opens the database that a URL names: "sqlite:PATH" (or a plain path), or "postgres://…". It changes nothing in it.
func Open(ctx context.Context, url string) (*Store, error) {
	e, err := openEngine(ctx, url)
	if err != nil {
		return nil, err
	}
	return &Store{engine: e}, nil
}

// Close ends all connections; SQLite folds its write-ahead log into the database file.
func (s *Store) Close() error { return s.engine.close() }

// Engine names the kind of database: "sqlite" or "postgres".
func (s *Store) Engine() string { return s.engine.name }

// Read returns a Reader of the latest committed state.
func (s *Store) Read(context.Context) Reader { return Reader{engine: s.engine, q: s.engine.reader} }

// Write runs fn in one transaction and commits it if fn returns nil. After an error from a method of Tx, fn must return it.
// On PostgreSQL a transaction that lost to another (deadlock, serialization) is tried again, so fn must not act outside tx.
func (s *Store) Write(ctx context.Context, fn func(tx Tx) error) error {
	const tries = 4
	var err error
	for range tries {
		if err = s.engine.transact(ctx, fn); !errors.Is(err, errRetry) {
			return err
		}
	}
	return fmt.Errorf("%w: %w", cardinal.ErrBusy, err)
}

// Ping reports whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	_, err := queryOne(ctx, s.Read(ctx), func(row scanner) (n int, err error) { err = row.Scan(&n); return n, err }, `SELECT 1`)
	return err
}

// scanner is a row to be scanned.
type scanner interface{ Scan(dest ...any) error }

// queryOne returns the single row of a query, or cardinal.ErrNotFound.
func queryOne[T any](ctx context.Context, r Reader, scan func(scanner) (T, error), query string, args ...any) (T, error) {
	var none T
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
	found, err := scan(rows)
	if err != nil {
		return none, fmt.Errorf("scan: %w", err)
	}
	// A constraint that a RETURNING statement breaks may show only when the statement ends.
	for rows.Next() {
	}
	return found, r.engine.classify(rows.Err())
}

// queryAll returns every row of a query, never nil.
func queryAll[T any](ctx context.Context, r Reader, scan func(scanner) (T, error), query string, args ...any) ([]T, error) {
	rows, err := r.q.QueryContext(ctx, query, r.engine.encodeArgs(args)...)
	if err != nil {
		return nil, r.engine.classify(err)
	}
	defer rows.Close()
	items := []T{}
	for rows.Next() {
		item, err := scan(rows)
		if err != nil {
			return nil, fmt.Errorf("scan: %w", err)
		}
		items = append(items, item)
	}
	return items, r.engine.classify(rows.Err())
}

// exec runs a statement and returns how many rows it changed.
func (tx Tx) exec(ctx context.Context, query string, args ...any) (int64, error) {
	result, err := tx.q.ExecContext(ctx, query, tx.engine.encodeArgs(args)...)
	if err != nil {
		return 0, tx.engine.classify(err)
	}
	return result.RowsAffected()
}

// execDeferred runs a statement whose result nobody waits for: at once on SQLite; on PostgreSQL together with others, so that what it
// breaks may show only at the next statement or as the error of Write.
func (tx Tx) execDeferred(ctx context.Context, query string, args ...any) error {
	args = tx.engine.encodeArgs(args)
	if p, ok := tx.q.(*pipeline); ok {
		p.queue(query, args)
		return nil
	}
	_, err := tx.q.ExecContext(ctx, query, args...)
	return tx.engine.classify(err)
}

// limitText is the bound of a batch as part of a statement's text: a planner that does not see it takes the batch for a tenth of the table
// and reads all of it.
func limitText(n int) string { return strconv.Itoa(n) }

// The forms in which columns are scanned, alike on both engines.

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

type nullTimeInto struct{ dest **time.Time }

func (t nullTimeInto) Scan(v any) error {
	if v == nil {
		*t.dest = nil
		return nil
	}
	*t.dest = new(time.Time)
	return timeInto{*t.dest}.Scan(v)
}
