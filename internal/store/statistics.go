package store

import (
	"context"
	"errors"

	"cardinal"
)

// RefreshStatistics updates the planner's statistics of tables that changed much since the last update. It takes a
// second or two if all tables are large, and does not block readers.
func (tx Tx) RefreshStatistics(ctx context.Context) error {
	return tx.engine.refreshStatistics(ctx, tx)
}

// statistic is the estimate of a table's rows in the statistics; 0 if there is none.
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
	// The maximum over the indexes, because a partial index has fewer rows.
	n, err := queryOne(ctx, r, scanInt,
		`SELECT COALESCE(max(CAST(stat AS INTEGER)), 0) FROM sqlite_stat1 WHERE tbl = $1`, table)
	return int64(n), err
}
