package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"modernc.org/sqlite"

	"cardinal"
)

// Connections that read beside the one that writes; more only cost memory, a reader never waits for the writer.
const sqliteReaders = 8

func openSQLite(ctx context.Context, path string) (*engine, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of the database: %w", err)
	}
	// A file that is there keeps its mode; a new one is for its owner only.
	if f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600); err != nil {
		return nil, fmt.Errorf("open the database file: %w", err)
	} else if err := f.Close(); err != nil {
		return nil, err
	}
	open := func(connections int, more string) (*sql.DB, error) {
		dsn := (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath()}).String() +
			"?_pragma=busy_timeout(10000)&_pragma=foreign_keys(1)&_pragma=recursive_triggers(1)&_pragma=journal_mode(WAL)" +
			"&_pragma=synchronous(FULL)&_pragma=secure_delete(1)&_pragma=trusted_schema(0)&_pragma=cache_size(-2000)&_dqs=0" + more
		db, err := sql.Open("sqlite", dsn)
		if err != nil {
			return nil, err
		}
		db.SetMaxOpenConns(connections)
		db.SetMaxIdleConns(connections)
		return db, nil
	}
	// An import touches far more pages in a transaction than anything else: what does not fit is written twice, and what a statement may
	// have to take back would go through a temporary file.
	writeDB, err := open(1, "&_pragma=cache_size(-48000)&_pragma=temp_store(2)")
	if err != nil {
		return nil, err
	}
	conn, err := writeDB.Conn(ctx)
	// Who opens a new file turns it to WAL, which does not wait for another who does: it fails at once.
	for deadline := time.Now().Add(5 * time.Second); isSQLiteBusy(err) && ctx.Err() == nil && time.Now().Before(deadline); {
		time.Sleep(5 * time.Millisecond)
		conn, err = writeDB.Conn(ctx)
	}
	if err != nil {
		writeDB.Close()
		return nil, fmt.Errorf("open the database file: %w", classifySQLite(err))
	}
	readDB, err := open(sqliteReaders, "&_pragma=query_only(1)")
	if err != nil {
		writeDB.Close()
		return nil, err
	}
	w := &sqliteWriter{turn: make(chan struct{}, 1), statementCache: statementCache{prepare: conn.PrepareContext}, conn: conn}
	r := &statementCache{prepare: readDB.PrepareContext}
	e := &engine{
		name: "sqlite", reader: r,
		encodeArgs:  encodeSQLiteArgs,
		classify:    classifySQLite,
		bulkInsert:  bulkInsertSQLite,
		erasedValue: `x'00'`,
		close: func() error {
			w.turn <- struct{}{} // let the last transaction end; none begins after it
			// database/sql does not track the statements of a single connection, and SQLite folds its log only when all are closed.
			return errors.Join(w.statementCache.close(), readDB.Close(), conn.Close(), writeDB.Close())
		},
		refreshStatistics: refreshSQLite,
		ensureAuditMonth:  func(context.Context, Tx, time.Time) (bool, error) { return false, nil },
	}
	e.transact = func(ctx context.Context, fn func(Tx) error) error {
		return w.transact(ctx, func() error { return fn(Tx{Reader{engine: e, q: &w.statementCache}}) })
	}
	// BEGIN IMMEDIATE is the lock: two processes that start at once migrate one after the other.
	e.migrate = func(ctx context.Context, fn func(migrator) error) error {
		return w.transact(ctx, func() error { return fn(sqliteMigrator{w.conn}) })
	}
	return e, nil
}

// refreshSQLite looks at every table, not only at those that this connection asked about, and at a sample of large ones.
func refreshSQLite(ctx context.Context, tx Tx) error {
	for _, pragma := range []string{`PRAGMA analysis_limit = 1000`, `PRAGMA optimize(0x10002)`} {
		if _, err := tx.exec(ctx, pragma); err != nil {
			return err
		}
	}
	return nil
}

// sqliteWriter is the one connection that writes: transactions take turns, in this process by a channel that a caller who
// gives up can leave, between processes by SQLite's own lock.
type sqliteWriter struct {
	statementCache
	turn chan struct{}
	conn *sql.Conn
}

func (w *sqliteWriter) transact(ctx context.Context, fn func() error) (err error) {
	select {
	case w.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-w.turn }()
	committed := false
	defer func() {
		if !committed {
			// Also when fn panics, and when BEGIN says that ctx has ended, which does not say that it has not begun: the
			// connection outlives the transaction.
			_, rollback := w.conn.ExecContext(context.WithoutCancel(ctx), `ROLLBACK`)
			if err != nil && rollback != nil && !strings.Contains(rollback.Error(), "no transaction") {
				err = errors.Join(err, rollback)
			}
		}
	}()
	if _, err := w.conn.ExecContext(ctx, `BEGIN IMMEDIATE`); err != nil {
		return classifySQLite(err)
	}
	if err := fn(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if _, err := w.conn.ExecContext(context.WithoutCancel(ctx), `COMMIT`); err != nil {
		return classifySQLite(err)
	}
	committed = true
	return nil
}

// statementCache keeps each SQL text prepared: SQLite would parse it anew every time. Texts are few (filters build some, a
// bounded number), and past the bound they simply are not kept.
type statementCache struct {
	prepare func(ctx context.Context, query string) (*sql.Stmt, error)
	mu      sync.RWMutex
	cached  map[string]*sql.Stmt
}

const maxCachedStatements = 500

func (s *statementCache) prepared(ctx context.Context, query string) (stmt *sql.Stmt, kept bool, err error) {
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
	stmt, kept, err := s.prepared(ctx, query)
	if err != nil {
		return nil, err
	}
	if !kept {
		defer stmt.Close() // database/sql ends it when its rows are closed
	}
	return stmt.QueryContext(ctx, args...)
}

func (s *statementCache) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	stmt, kept, err := s.prepared(ctx, query)
	if err != nil {
		return nil, err
	}
	if !kept {
		defer stmt.Close()
	}
	return stmt.ExecContext(ctx, args...)
}

type sqliteMigrator struct{ *sql.Conn }

// run is already inside the transaction that is the lock: all pending migrations come together or not at all.
func (m sqliteMigrator) run(ctx context.Context, f Migration, note func(querier) error) error {
	if _, err := m.ExecContext(ctx, f.script); err != nil {
		return err
	}
	return note(m)
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
		case jsonText:
			args[i] = string(v)
		}
	}
	return args
}

// Result codes, https://www.sqlite.org/rescode.html.
const (
	sqliteBusy       = 5
	sqliteReadonly   = 8
	sqliteFull       = 13
	sqliteConstraint = 19
)

func isSQLiteBusy(err error) bool {
	var lite *sqlite.Error
	return errors.As(err, &lite) && lite.Code()&0xff == sqliteBusy
}

// The columns of an index, or the name of one over an expression.
var uniqueViolationText = regexp.MustCompile(`UNIQUE constraint failed: (?:index '([a-z_]+)'|([a-z_., ]+))`)

// classifySQLite finds the name of a broken rule. SQLite says it for a CHECK, the triggers say it before a colon; of a
// unique index it names only the columns, and of a foreign key nothing.
func classifySQLite(err error) error {
	var lite *sqlite.Error
	if err == nil || !errors.As(err, &lite) {
		return err
	}
	text := lite.Error()
	switch lite.Code() & 0xff {
	case sqliteConstraint:
		name := "unknown"
		if m := uniqueViolationText.FindStringSubmatch(text); m != nil {
			if name = m[1]; name == "" {
				name = uniqueConstraintName(strings.TrimSpace(m[2]))
			}
		} else if strings.Contains(text, "FOREIGN KEY") {
			name = "foreign_key"
		} else if _, rest, ok := strings.Cut(text, "CHECK constraint failed: "); ok {
			name, _, _ = strings.Cut(rest, " ")
		} else if _, rest, ok := strings.Cut(text, "NOT NULL constraint failed: "); ok {
			column, _, _ := strings.Cut(rest, " ")
			name = strings.ReplaceAll(column, ".", "_") + "_not_null"
		} else if m := regexp.MustCompile(`([a-z_]+): `).FindAllStringSubmatch(text, -1); m != nil {
			name = m[len(m)-1][1]
		}
		return &Violation{Constraint: name, cause: err}
	case sqliteBusy:
		return fmt.Errorf("%w: another process is writing to the database", cardinal.ErrBusy)
	case sqliteFull:
		return fmt.Errorf("%w: the disk is full", cardinal.ErrBusy)
	case sqliteReadonly:
		return fmt.Errorf("%w: the database file cannot be written", cardinal.ErrBusy)
	}
	return fmt.Errorf("SQLite refused a statement: code %d", lite.Code())
}

var (
	uniqueConstraintNames     map[string]string
	uniqueConstraintNamesOnce sync.Once
)

// uniqueConstraintName looks up which rule the schema's own text puts on columns given as "table.a, table.b".
func uniqueConstraintName(columns string) string {
	uniqueConstraintNamesOnce.Do(func() {
		uniqueConstraintNames = map[string]string{}
		inTable := regexp.MustCompile(`(?m)^CREATE TABLE (\w+)|CONSTRAINT (\w+) (?:PRIMARY KEY|UNIQUE) \(([\w, ]+)\)|^CREATE UNIQUE INDEX (\w+) ON (\w+) \(([\w, ]+)\)`)
		for _, f := range migrationFiles("sqlite") {
			table := ""
			for _, m := range inTable.FindAllStringSubmatch(f.script, -1) {
				name, of, list := m[2], table, m[3]
				switch {
				case m[1] != "":
					table = m[1]
					continue
				case m[4] != "":
					name, of, list = m[4], m[5], m[6]
				}
				parts := strings.Split(list, ", ")
				for i := range parts {
					parts[i] = of + "." + parts[i]
				}
				uniqueConstraintNames[strings.Join(parts, ", ")] = name
			}
		}
	})
	if name, ok := uniqueConstraintNames[columns]; ok {
		return name
	}
	return "unique " + columns
}
