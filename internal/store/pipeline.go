// Deferred statements of PostgreSQL: a transaction queues the statements whose results are not needed, and sends them
// as one batch. This saves a network round trip per statement.

package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"cardinal/internal/store/dberror"
)

// pipeline is a PostgreSQL transaction that queues deferred statements. It sends them as one batch before the next
// statement whose result is needed, or before the commit.
type pipeline struct {
	engine   *engine
	conn     *sql.Conn
	tx       *sql.Tx
	deferred pgx.Batch
	callers  [][]uintptr // of each deferred statement, as callers returns them
}

// queue adds a statement to the batch. Its error is returned when the batch is sent: at the next statement, or at the
// commit.
func (p *pipeline) queue(query string, args []any) {
	p.deferred.Queue(query, args...)
	p.callers = append(p.callers, dberror.Callers())
}

// flush sends the batch.
func (p *pipeline) flush(ctx context.Context) (err error) {
	// When its context ends, database/sql closes a transaction's connection. If Raw is called at the same moment, it
	// gets no connection and panics.
	defer func() {
		if ctx.Err() == nil {
			return
		}
		if recover() != nil {
			err = ctx.Err()
		}
	}()
	if p.deferred.Len() == 0 {
		return nil
	}
	batch, callers := p.deferred, p.callers
	p.deferred, p.callers = pgx.Batch{}, nil
	return p.conn.Raw(func(driver any) error {
		began := time.Now()
		results := driver.(*stdlib.Conn).Conn().SendBatch(ctx, &batch)
		for i, statement := range batch.QueuedQueries {
			if _, err := results.Exec(); err != nil {
				results.Close() // returns the same error
				return &dberror.Deferred{Callers: callers[failedInBatch(&batch, i, err)], Err: err}
			}
			if p.engine.trace != nil {
				p.engine.traceStatement(callers[i], statement.SQL, began)
				began = time.Now()
			}
		}
		return results.Close()
	})
}

// failedInBatch returns the position of the statement that failed: the one whose result was read, unless pgx failed to
// prepare another one before it sent the batch.
func failedInBatch(batch *pgx.Batch, read int, err error) int {
	var prepare pgx.ErrPreprocessingBatch
	if errors.As(err, &prepare) {
		for i, statement := range batch.QueuedQueries {
			if statement.SQL == prepare.SQL() {
				return i
			}
		}
	}
	return read
}

func (p *pipeline) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if err := p.flush(ctx); err != nil {
		return nil, err
	}
	return p.tx.QueryContext(ctx, query, args...)
}

func (p *pipeline) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if err := p.flush(ctx); err != nil {
		return nil, err
	}
	return p.tx.ExecContext(ctx, query, args...)
}

// transactPipelined runs fn in a transaction with deferred statements.
func transactPipelined(ctx context.Context, e *engine, db *sql.DB, fn func(Tx) error) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return e.classify(err)
	}
	defer conn.Close()
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return e.classify(err)
	}
	defer tx.Rollback()
	p := &pipeline{engine: e, conn: conn, tx: tx}
	if err := fn(Tx{Reader{engine: e, q: p}}); err != nil {
		return err
	}
	if err := p.flush(ctx); err != nil {
		return e.classify(err)
	}
	return e.classify(tx.Commit())
}
