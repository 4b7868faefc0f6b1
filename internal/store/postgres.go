package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/stdlib"

	"cardinal"
	"cardinal/internal/rowdigest"
	"cardinal/internal/store/dberror"
	"cardinal/internal/store/schema"
)

// schemaName is the PostgreSQL schema of all Cardinal's objects.
const schemaName = "cardinal"

func openPostgres(ctx context.Context, url string) (*engine, error) {
	config, tlsByDefault, err := ParsePostgresURL(url)
	if err != nil {
		return nil, err
	}
	set := func(name, value string) {
		if _, given := config.RuntimeParams[name]; !given {
			config.RuntimeParams[name] = value
		}
	}
	config.RuntimeParams["search_path"] = schemaName
	config.RuntimeParams["timezone"] = "UTC"
	// Generic plans are the plans that the tests check. They are also created once per connection instead of once per
	// call.
	config.RuntimeParams["plan_cache_mode"] = "force_generic_plan"
	set("application_name", "cardinal")
	set("statement_timeout", "30s")
	set("lock_timeout", "5s")
	set("idle_in_transaction_session_timeout", "60s")
	db := stdlib.OpenDB(*config)
	connections := max(8, 4*runtime.NumCPU())
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	db.SetConnMaxIdleTime(5 * time.Minute)
	if err := db.PingContext(ctx); err != nil {
		db.Close()
		err = fmt.Errorf("connect to PostgreSQL: %w", dberror.Postgres(err))
		if tlsByDefault {
			err = fmt.Errorf("%w (the URL has no sslmode, so the server needs a verified certificate)", err)
		}
		return nil, err
	}
	e := &engine{
		name: "postgres", reader: db,
		encodeArgs:    encodePostgresArgs,
		classify:      dberror.Postgres,
		bulkInsert:    copyPostgres,
		blobType:      `bytea`,
		erasedValue:   `'\x00'::bytea`,
		lockRow:       ` FOR NO KEY UPDATE`,
		skipLocked:    ` FOR NO KEY UPDATE SKIP LOCKED`,
		byteCollation: ` COLLATE "C"`,
		close:         db.Close,
		pool:          func() PoolStats { return PoolStats{Readers: connStats(db)} },
	}
	e.transact = func(ctx context.Context, fn func(Tx) error) error { return transactPipelined(ctx, e, db, fn) }
	e.migrate = func(ctx context.Context, fn func(migrator) error) error { return migratePostgres(ctx, db, fn) }
	e.lockNodes = `LOCK TABLE nodes IN SHARE MODE`
	e.replicaLag = func(ctx context.Context) (int64, error) { return queryReplicaLag(ctx, db) }
	e.refreshStatistics = func(ctx context.Context, tx Tx) error {
		_, err := tx.exec(ctx, `SELECT refresh_statistics()`)
		return err
	}
	e.ensureAuditMonth = func(ctx context.Context, tx Tx, month time.Time) (bool, error) {
		return queryOne(ctx, tx.Reader, scanBool, `SELECT audit_month_ensure(CAST($1 AS text)::date)`,
			month.UTC().Format(time.DateOnly))
	}
	e.deleteUserKeys = func(ctx context.Context, tx Tx, ids []uuid.UUID) error {
		list := make([]string, len(ids))
		for i, id := range ids {
			list[i] = id.String()
		}
		_, err := tx.exec(ctx, `SELECT user_keys_delete_erased(CAST($1 AS uuid[]))`, "{"+strings.Join(list, ",")+"}")
		return err
	}
	e.auditMonths = func(ctx context.Context, r Reader) ([]time.Time, error) {
		return queryAll(ctx, r, func(row scanner) (t time.Time, err error) {
			err = row.Scan(timeInto{&t})
			return t, err
		}, `SELECT month FROM audit_months() ORDER BY month`)
	}
	return e, nil
}

func scanBool(row scanner) (b bool, err error) {
	err = row.Scan(&b)
	return b, err
}

// encodePostgresArgs converts JSON to text, and ids to a type that pgx encodes directly: the Valuer of uuid.UUID would
// convert each id to text first.
func encodePostgresArgs(args []any) []any {
	for i, a := range args {
		switch v := a.(type) {
		case rowdigest.JSON:
			args[i] = string(v)
		case uuid.UUID:
			args[i] = [16]byte(v)
		case *uuid.UUID:
			if args[i] = nil; v != nil {
				args[i] = [16]byte(*v)
			}
		case uuid.NullUUID:
			if args[i] = nil; v.Valid {
				args[i] = [16]byte(v.UUID)
			}
		}
	}
	return args
}

type postgresMigrator struct{ *sql.Conn }

// migrationLockTimeout bounds how long a statement of a migration waits for a lock, because while it waits all other
// statements on that table wait too.
const migrationLockTimeout = `'500ms'`

func (m postgresMigrator) run(ctx context.Context, f schema.Migration, record func(querier) error) error {
	if f.OutsideTransaction() {
		if err := m.runAlone(ctx, f.Script); err != nil {
			return err
		}
		f.Script = ""
	}
	tx, err := m.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	// Without arguments pgx sends the whole script, with several statements, in one message.
	// #nosec G202 -- embedded scripts
	script := `SET LOCAL lock_timeout = ` + migrationLockTimeout + `; SET LOCAL statement_timeout = 0;` + f.Script
	if _, err := tx.ExecContext(ctx, script); err != nil {
		return err
	}
	if err := record(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// runAlone runs a script outside a transaction. If a node was killed while it built an index, that index still exists
// and is invalid, so it is dropped first.
func (m postgresMigrator) runAlone(ctx context.Context, script string) error {
	rows, err := m.QueryContext(ctx, `
		SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
		 WHERE c.relnamespace = 'cardinal'::regnamespace AND NOT i.indisvalid
		   AND position(c.relname IN $1) > 0`, script)
	if err != nil {
		return err
	}
	defer rows.Close()
	var statements []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return err
		}
		statements = append(statements, `DROP INDEX CONCURRENTLY IF EXISTS `+schema.QuoteName(name))
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if _, err := m.ExecContext(ctx, `SET statement_timeout = 0; SET lock_timeout = 0`); err != nil {
		return err
	}
	// The connection returns to the pool.
	defer m.ExecContext(context.WithoutCancel(ctx), `RESET statement_timeout; RESET lock_timeout`)
	for _, statement := range append(statements, script) {
		if _, err := m.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// queryReplicaLag returns how many bytes of the log the slowest replica has not replayed yet; 0 if the role is not
// allowed to see it (members of pg_monitor are).
func queryReplicaLag(ctx context.Context, db *sql.DB) (lag int64, err error) {
	err = db.QueryRowContext(ctx, `
		SELECT COALESCE(max(pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn)), 0)::bigint
		  FROM pg_stat_replication`).Scan(&lag)
	return lag, dberror.Postgres(err)
}

// migratePostgres keeps a row lock on a second connection while fn runs. The lock ends with that connection, so a
// killed node leaves no lock. It also works on a distributed PostgreSQL, where advisory locks may not work.
func migratePostgres(ctx context.Context, db *sql.DB, fn func(migrator) error) error {
	if _, err := db.ExecContext(ctx, `CREATE SCHEMA IF NOT EXISTS cardinal;`+schema.LockTable); err != nil {
		// If two nodes start at the same time, both try to create the table. The one that fails finds it afterwards.
		if _, err = db.ExecContext(ctx, `SELECT id FROM schema_lock`); err != nil {
			return err
		}
	}
	lock, err := acquireMigrationLock(ctx, db)
	if err != nil {
		return err
	}
	defer lock.Rollback()
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	return fn(postgresMigrator{conn})
}

// acquireMigrationLock locks the row, and returns the transaction that has the lock. It polls instead of waiting in a
// statement: a waiting statement has a snapshot, and the node that has the lock would wait for the end of that snapshot
// when it builds an index concurrently, so both would wait forever.
func acquireMigrationLock(ctx context.Context, db *sql.DB) (*sql.Tx, error) {
	for {
		lock, err := db.BeginTx(ctx, nil)
		if err != nil {
			return nil, err
		}
		_, err = lock.ExecContext(ctx,
			`SET LOCAL idle_in_transaction_session_timeout = 0; SELECT id FROM schema_lock FOR UPDATE NOWAIT`)
		if err == nil {
			return lock, nil
		}
		lock.Rollback()
		if !errors.Is(dberror.Postgres(err), cardinal.ErrBusy) {
			return nil, err
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return nil, err
		}
	}
}
