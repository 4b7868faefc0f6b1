package rehearsal

import (
	"context"
	"crypto/rand"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"

	"cardinal/internal/catalog"
	"cardinal/internal/store/schema"
)

// schemaPrefix is the prefix of the names of rehearsal schemas.
const schemaPrefix = "cardinal_rehearsal_"

// postgresStage is a temporary schema in the same database as the live one. It is committed, because a lock is only
// visible if it was not held before. It is dropped at the end. The next rehearsal drops the schema of a killed one.
type postgresStage struct {
	conn *sql.Conn
	name string
}

func openPostgres(ctx context.Context, d *catalog.Database, applied []schema.Migration) (stage, error) {
	conn, err := d.Conn(ctx)
	if err != nil {
		return nil, err
	}
	s := postgresStage{conn, schemaPrefix + strings.ToLower(rand.Text())}
	for _, statement := range []string{
		`SET default_transaction_read_only = off; SET lock_timeout = '2s'; SET statement_timeout = '5min'`,
		// A running rehearsal holds an advisory lock of its schema's name; an ended one does not.
		`DO $$ DECLARE left_over name; BEGIN
		   FOR left_over IN SELECT nspname FROM pg_namespace WHERE starts_with(nspname, '` + schemaPrefix + `') LOOP
		     IF pg_try_advisory_xact_lock(hashtextextended(left_over, 0)) THEN
		       EXECUTE format('DROP SCHEMA %I CASCADE', left_over);
		     END IF;
		   END LOOP;
		 END $$`,
		`SELECT pg_advisory_lock(hashtextextended('` + s.name + `', 0))`,
		`CREATE SCHEMA ` + s.name + `; SET search_path = ` + s.name,
		schema.Script("postgres", applied),
	} {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			return nil, errors.Join(fmt.Errorf("create a schema for the rehearsal: %w", err), s.close())
		}
	}
	return s, nil
}

func (s postgresStage) close() error {
	_, err := s.conn.ExecContext(context.Background(),
		`SET lock_timeout = '1min'; DROP SCHEMA IF EXISTS `+s.name+` CASCADE; SELECT pg_advisory_unlock_all()`)
	s.conn.Raw(func(any) error { return driver.ErrBadConn }) // the pool must not reuse a connection with these settings
	s.conn.Close()
	return err
}

func (s postgresStage) read(ctx context.Context) (*catalog.Schema, error) {
	tx, err := s.conn.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer tx.Rollback()
	return catalog.ReadPostgres(ctx, tx, s.name)
}

// run runs the statements of a migration in one transaction, and reads the server's statistics and locks after each.
func (s postgresStage) run(ctx context.Context, m schema.Migration, before *catalog.Schema) ([]Effect, error) {
	if m.OutsideTransaction() {
		return s.runAlone(ctx, m, before)
	}
	tx, err := s.conn.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer tx.Rollback()
	previous, err := readStates(ctx, tx, s.name)
	if err != nil {
		return nil, err
	}
	effects := []Effect{}
	for _, statement := range statements(m.Script) {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return nil, fmt.Errorf("%s: %w", heading(statement), err)
		}
		current, err := readStates(ctx, tx, s.name)
		if err != nil {
			return nil, err
		}
		for _, t := range before.BaseTables() {
			a, b := previous[t.Name], current[t.Name]
			if b.name == "" {
				b.lock = AccessExclusive // it was dropped
			}
			e := Effect{Statement: heading(statement), Table: t.Name, Scans: b.scans > a.scans,
				Rewrites: b.file != a.file && b.name != "", heldLock: b.lock}
			if b.lock != a.lock {
				e.Lock = b.lock
			}
			if e.Lock != "" || e.Scans || e.Rewrites {
				effects = append(effects, e)
			}
		}
		previous = current
	}
	return effects, tx.Commit()
}

// runAlone runs a statement outside of a transaction: CREATE INDEX CONCURRENTLY. Its locks are released before they can
// be read, so the effect is derived from the new index.
func (s postgresStage) runAlone(ctx context.Context, m schema.Migration, before *catalog.Schema) ([]Effect, error) {
	if _, err := s.conn.ExecContext(ctx, m.Script); err != nil {
		return nil, err
	}
	after, err := s.read(ctx)
	if err != nil {
		return nil, err
	}
	effects := []Effect{}
	for _, t := range before.BaseTables() {
		if len(after.Table(t.Name).Indexes) != len(t.Indexes) {
			effects = append(effects, Effect{Statement: heading(statements(m.Script)[0]), Table: t.Name,
				Lock: ShareUpdateExclusive, Scans: true, heldLock: ShareUpdateExclusive})
		}
	}
	return effects, nil
}

// tableState is what the server records of a table in the current transaction.
type tableState struct {
	name  string
	lock  Lock  // the strongest that the transaction holds
	scans int64 // number of sequential and index scans
	file  int64 // file node; a rewrite changes it
}

// readStates reads the state of each table of a schema.
func readStates(ctx context.Context, tx *sql.Tx, schema string) (map[string]tableState, error) {
	rows, err := tx.QueryContext(ctx, `
		SELECT c.relname, COALESCE(pg_stat_get_xact_numscans(c.oid), 0),
		       COALESCE(pg_relation_filenode(c.oid), 0)::bigint,
		       COALESCE((SELECT string_agg(l.mode, ',') FROM pg_locks l
		                  WHERE l.relation = c.oid AND l.pid = pg_backend_pid() AND l.locktype = 'relation'), '')
		  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		 WHERE n.nspname = $1 AND c.relkind IN ('r', 'p')`, schema)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	found := map[string]tableState{}
	for rows.Next() {
		var t tableState
		var modes string
		if err := rows.Scan(&t.name, &t.scans, &t.file, &modes); err != nil {
			return nil, err
		}
		for _, mode := range strings.Split(modes, ",") {
			t.lock = stronger(t.lock, lockModes[mode])
		}
		found[t.name] = t
	}
	return found, rows.Err()
}

// lockModes maps the names in pg_locks to modes.
var lockModes = map[string]Lock{
	"ShareUpdateExclusiveLock": ShareUpdateExclusive,
	"ShareLock":                Share,
	"ShareRowExclusiveLock":    ShareRowExclusive,
	"ExclusiveLock":            Exclusive,
	"AccessExclusiveLock":      AccessExclusive,
}
