package store

import (
	"context"
	"errors"

	"cardinal"
)

// RefreshStatistics counts anew what the database's planner goes by, of the tables that changed much since. It takes a second or two
// when all are large, and keeps nobody from reading.
func (tx Tx) RefreshStatistics(ctx context.Context) error {
	return tx.engine.refreshStatistics(ctx, tx)
}

// statistic is how many rows a table had when they were last counted, about; 0 when they never were.
func (r Reader) statistic(ctx context.Context, table string) (int64, error) {
	if r.engine.name == "postgres" {
		n, err := queryOne(ctx, r, scanInt, `SELECT reltuples::bigint FROM pg_class WHERE oid = $1::regclass`, table)
		return int64(max(n, 0)), err
	}
	if _, err := queryOne(ctx, r, scanText, `SELECT name FROM sqlite_schema WHERE name = 'sqlite_stat1'`); err != nil {
		if errors.Is(err, cardinal.ErrNotFound) {
			err = nil
		}
		return 0, err
	}
	// A partial index has fewer.
	n, err := queryOne(ctx, r, scanInt, `SELECT COALESCE(max(CAST(stat AS INTEGER)), 0) FROM sqlite_stat1 WHERE tbl = $1`, table)
	return int64(n), err
}
