package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"cardinal/internal/rowdigest"
	"cardinal/internal/store/dberror"
	"cardinal/internal/store/schema"
)

// sqliteReaders is the number of read connections, in addition to the one that writes. Readers never wait for the
// writer, so more connections would only use more memory.
const sqliteReaders = 8

func openSQLite(ctx context.Context, path string) (*engine, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("create the folder of the database: %w", err)
	}
	// An existing file keeps its mode; a new one is readable only by its owner.
	if f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600); err != nil {
		return nil, fmt.Errorf("open the database file: %w", err)
	} else if err := f.Close(); err != nil {
		return nil, err
	}
	open := func(connections int, pragmas string) (*sql.DB, error) {
		dsn := (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath()}).String() +
			"?_pragma=busy_timeout(10000)&_pragma=foreign_keys(1)&_pragma=recursive_triggers(1)" +
			"&_pragma=journal_mode(WAL)" +
			"&_pragma=synchronous(FULL)&_pragma=secure_delete(1)&_pragma=trusted_schema(0)&_pragma=cache_size(-2000)" +
			"&_dqs=0" + pragmas
		db, err := sql.Open("sqlite", dsn)
		if err != nil {
			return nil, err
		}
		db.SetMaxOpenConns(connections)
		db.SetMaxIdleConns(connections)
		return db, nil
	}
	// An import changes far more pages per transaction than anything else. Pages that do not fit into the cache are
	// written twice, so the cache is large. temp_store(2) keeps the statement journal in memory instead of a temporary
	// file.
	writeDB, err := open(1, "&_pragma=cache_size(-48000)&_pragma=temp_store(2)")
	if err != nil {
		return nil, err
	}
	conn, err := writeDB.Conn(ctx)
	// The first connection to a new file switches it to WAL. If another process does so at the same time, this fails
	// immediately instead of waiting, so it is retried.
	deadline := time.Now().Add(5 * time.Second)
	for dberror.IsSQLiteBusy(err) && ctx.Err() == nil && time.Now().Before(deadline) {
		time.Sleep(5 * time.Millisecond)
		conn, err = writeDB.Conn(ctx)
	}
	if err != nil {
		writeDB.Close()
		return nil, fmt.Errorf("open the database file: %w", dberror.SQLite(err))
	}
	readDB, err := open(sqliteReaders, "&_pragma=query_only(1)")
	if err != nil {
		writeDB.Close()
		return nil, err
	}
	w := &sqliteWriter{turn: turn{taken: make(chan struct{}, 1)}, conn: conn}
	w.prepare = conn.PrepareContext
	r := &statementCache{prepare: readDB.PrepareContext}
	e := &engine{
		name: "sqlite", reader: r,
		encodeArgs:  encodeSQLiteArgs,
		classify:    dberror.SQLite,
		bulkInsert:  bulkInsertSQLite,
		blobType:    `BLOB`,
		erasedValue: `x'00'`,
		deleteUserKeys: func(ctx context.Context, tx Tx, ids []uuid.UUID) error {
			list, args := placeholders(ids)
			_, err := tx.exec(ctx, `DELETE FROM user_keys WHERE user_id IN (`+list+`)`, args...)
			return err
		},
		pool: func() PoolStats { return PoolStats{connStats(readDB), w.turn.stats()} },
		close: func() error {
			w.turn.taken <- struct{}{} // wait for the last transaction; no transaction begins after it
			// database/sql does not track the statements of a single connection, and SQLite writes its log back to the
			// file only after all of them are closed.
			return errors.Join(w.statementCache.close(), readDB.Close(), conn.Close(), writeDB.Close())
		},
		refreshStatistics: refreshSQLite,
		ensureAuditMonth:  func(context.Context, Tx, time.Time) (bool, error) { return false, nil },
	}
	e.transact = func(ctx context.Context, fn func(Tx) error) error {
		return w.transact(ctx, func() error { return fn(Tx{Reader{engine: e, q: &w.statementCache}}) })
	}
	// BEGIN IMMEDIATE is the migration lock: two processes that start at the same time migrate one after the other.
	e.migrate = func(ctx context.Context, fn func(migrator) error) error {
		return w.transact(ctx, func() error { return fn(sqliteMigrator{w.conn}) })
	}
	return e, nil
}

// refreshSQLite analyzes all tables (flag 0x10000), not only those that this connection queried, and a sample of the
// rows of large ones.
func refreshSQLite(ctx context.Context, tx Tx) error {
	for _, pragma := range []string{`PRAGMA analysis_limit = 1000`, `PRAGMA optimize(0x10002)`} {
		if _, err := tx.exec(ctx, pragma); err != nil {
			return err
		}
	}
	return nil
}

// sqliteWriter is the connection that writes, one transaction at a time. Within this process transactions wait on a
// channel, so that a cancelled caller can stop waiting; between processes SQLite's own lock decides.
type sqliteWriter struct {
	statementCache
	turn turn
	conn *sql.Conn
}

func (w *sqliteWriter) transact(ctx context.Context, fn func() error) (err error) {
	if err := w.turn.take(ctx); err != nil {
		return err
	}
	defer w.turn.release()
	committed := false
	defer func() {
		if !committed {
			// Also if fn panics, and if BEGIN reports that ctx has ended, because the transaction may have begun all
			// the same: the next transaction uses the same connection.
			_, rollback := w.conn.ExecContext(context.WithoutCancel(ctx), `ROLLBACK`)
			if err != nil && rollback != nil && !strings.Contains(rollback.Error(), "no transaction") {
				err = errors.Join(err, rollback)
			}
		}
	}()
	if _, err := w.conn.ExecContext(ctx, `BEGIN IMMEDIATE`); err != nil {
		return dberror.SQLite(err)
	}
	if err := fn(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if _, err := w.conn.ExecContext(context.WithoutCancel(ctx), `COMMIT`); err != nil {
		return dberror.SQLite(err)
	}
	committed = true
	return nil
}

// statementCache caches prepared statements by their SQL text, because SQLite would parse the text at every call. There
// are few texts (filters build a bounded number of them); above maxCachedStatements, statements are not cached.
type statementCache struct {
	prepare func(ctx context.Context, query string) (*sql.Stmt, error)
	mu      sync.RWMutex
	cached  map[string]*sql.Stmt
}

const maxCachedStatements = 500

// prepared returns the statement of a text. The caller closes it if it is not cached.
func (s *statementCache) prepared(ctx context.Context, query string) (stmt *sql.Stmt, cached bool, err error) {
	s.mu.RLock()
	stmt = s.cached[query]
	s.mu.RUnlock()
	if stmt != nil {
		return stmt, true, nil
	}
	stmt, err = s.prepare(context.WithoutCancel(ctx), query)
	if err != nil {
		return nil, false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cached == nil {
		s.cached = map[string]*sql.Stmt{}
	}
	if other := s.cached[query]; other != nil {
		stmt.Close()
		return other, true, nil
	}
	if len(s.cached) >= maxCachedStatements {
		return stmt, false, nil
	}
	s.cached[query] = stmt
	return stmt, true, nil
}

func (s *statementCache) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, stmt := range s.cached {
		errs = append(errs, stmt.Close())
	}
	s.cached = nil
	return errors.Join(errs...)
}

func (s *statementCache) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	stmt, cached, err := s.prepared(ctx, query)
	if err != nil {
		return nil, err
	}
	if !cached {
		defer stmt.Close() // database/sql closes it when its rows are closed
	}
	return stmt.QueryContext(ctx, args...)
}

func (s *statementCache) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	stmt, cached, err := s.prepared(ctx, query)
	if err != nil {
		return nil, err
	}
	if !cached {
		defer stmt.Close()
	}
	return stmt.ExecContext(ctx, args...)
}

type sqliteMigrator struct{ *sql.Conn }

// run runs inside the transaction that is the migration lock: all pending migrations are applied together or not at
// all.
func (m sqliteMigrator) run(ctx context.Context, f schema.Migration, record func(querier) error) error {
	if _, err := m.ExecContext(ctx, f.Script); err != nil {
		return err
	}
	return record(m)
}

// encodeSQLiteArgs stores ids as 16 bytes, times as microseconds since 1970 and JSON as text.
func encodeSQLiteArgs(args []any) []any {
	for i, a := range args {
		switch v := a.(type) {
		case uuid.UUID:
			args[i] = v[:]
		case uuid.NullUUID:
			args[i] = nil
			if v.Valid {
				args[i] = v.UUID[:]
			}
		case *uuid.UUID:
			args[i] = nil
			if v != nil {
				args[i] = v[:]
			}
		case time.Time:
			args[i] = v.UnixMicro()
		case *time.Time:
			args[i] = nil
			if v != nil {
				args[i] = v.UnixMicro()
			}
		case rowdigest.JSON:
			args[i] = string(v)
		}
	}
	return args
}
