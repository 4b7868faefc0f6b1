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
	"cardinal/internal/store"
)

// prefix is how the names of rehearsals' schemas begin.
const prefix = "cardinal_rehearsal_"

// postgresStage is a schema beside the live one, which must be committed: a lock is only seen when it was not held before. It is
// dropped at the end, and what a killed rehearsal left at the beginning of the next.
type postgresStage struct {
	conn *sql.Conn
	name string
}

func openPostgres(ctx context.Context, d *catalog.Database, applied []store.Migration) (stage, error) {
	conn, err := d.Conn(ctx)
	if err != nil {
		return nil, err
	}
	s := postgresStage{conn, prefix + strings.ToLower(rand.Text())}
	for _, statement := range []string{
		`SET default_transaction_read_only = off; SET lock_timeout = '2s'; SET statement_timeout = '5min'`,
		// A session that is at work holds the lock of its schema's name; one that is gone does not.
		`DO $$ DECLARE left_over name; BEGIN
		   FOR left_over IN SELECT nspname FROM pg_namespace WHERE starts_with(nspname, '` + prefix + `') LOOP
		     IF pg_try_advisory_xact_lock(hashtextextended(left_over, 0)) THEN
		       EXECUTE format('DROP SCHEMA %I CASCADE', left_over);
		     END IF;
		   END LOOP;
		 END $$`,
		`SELECT pg_advisory_lock(hashtextextended('` + s.name + `', 0))`,
		`CREATE SCHEMA ` + s.name + `; SET search_path = ` + s.name,
		store.SchemaScript("postgres", applied),
	} {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			return nil, errors.Join(fmt.Errorf("make a schema to rehearse in: %w", err), s.close())
		}
	}
	return s, nil
}

func (s postgresStage) close() error {
	_, err := s.conn.ExecContext(context.Background(), `SET lock_timeout = '1min'; DROP SCHEMA IF EXISTS `+s.name+` CASCADE; SELECT pg_advisory_unlock_all()`)
	s.conn.Raw(func(any) error { return driver.ErrBadConn }) // nobody else wants its settings
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

// run runs a migration a statement at a time in one transaction, and looks into the server's books after each.
func (s postgresStage) run(ctx context.Context, m store.Migration, before *catalog.Schema) ([]Effect, error) {
	if m.Alone() {
		return s.runAlone(ctx, m, before)
	}
	tx, err := s.conn.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer tx.Rollback()
	was, err := look(ctx, tx, s.name)
	if err != nil {
		return nil, err
	}
	effects := []Effect{}
	for _, statement := range statements(m.Script()) {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return nil, fmt.Errorf("%s: %w", heading(statement), err)
		}
		now, err := look(ctx, tx, s.name)
		if err != nil {
			return nil, err
		}
		for _, t := range before.Base() {
			a, b := was[t.Name], now[t.Name]
			if b.name == "" {
				b.lock = AccessExclusive // it was dropped
			}
			e := Effect{Statement: heading(statement), Table: t.Name, Scans: b.scans > a.scans, Rewrites: b.file != a.file && b.name != "", held: b.lock}
			if b.lock != a.lock {
				e.Lock = b.lock
			}
			if e.Lock != "" || e.Scans || e.Rewrites {
				effects = append(effects, e)
			}
		}
		was = now
	}
	return effects, tx.Commit()
}

// runAlone runs what cannot be part of a transaction, whose locks are gone when it is over: an index that is built concurrently.
func (s postgresStage) runAlone(ctx context.Context, m store.Migration, before *catalog.Schema) ([]Effect, error) {
	if _, err := s.conn.ExecContext(ctx, m.Script()); err != nil {
		return nil, err
	}
	after, err := s.read(ctx)
	if err != nil {
		return nil, err
	}
	effects := []Effect{}
	for _, t := range before.Base() {
		if len(after.Table(t.Name).Indexes) != len(t.Indexes) {
			effects = append(effects, Effect{Statement: heading(statements(m.Script())[0]), Table: t.Name, Lock: ShareUpdateExclusive, Scans: true, held: ShareUpdateExclusive})
		}
	}
	return effects, nil
}

// books is what the server has noted of a table in this transaction.
type books struct {
	name  string
	lock  Lock
	scans int64
	file  int64
}

// look reads the books of every table of a schema.
func look(ctx context.Context, tx *sql.Tx, schema string) (map[string]books, error) {
	rows, err := tx.QueryContext(ctx, `
		SELECT c.relname, COALESCE(pg_stat_get_xact_numscans(c.oid), 0), COALESCE(pg_relation_filenode(c.oid), 0)::bigint,
		       COALESCE((SELECT string_agg(l.mode, ',') FROM pg_locks l WHERE l.relation = c.oid AND l.pid = pg_backend_pid() AND l.locktype = 'relation'), '')
		  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		 WHERE n.nspname = $1 AND c.relkind IN ('r', 'p')`, schema)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	found := map[string]books{}
	for rows.Next() {
		var b books
		var modes string
		if err := rows.Scan(&b.name, &b.scans, &b.file, &modes); err != nil {
			return nil, err
		}
		for _, mode := range strings.Split(modes, ",") {
			b.lock = stronger(b.lock, lockModes[mode])
		}
		found[b.name] = b
	}
	return found, rows.Err()
}

// lockModes are the names of pg_locks.
var lockModes = map[string]Lock{"ShareUpdateExclusiveLock": ShareUpdateExclusive, "ShareLock": Share, "ShareRowExclusiveLock": ShareRowExclusive,
	"ExclusiveLock": Exclusive, "AccessExclusiveLock": AccessExclusive}
