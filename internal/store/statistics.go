package store

import "context"

// RefreshStatistics counts anew what the database's planner goes by, of the tables that changed much since. It takes a second or two
// when all are large, and keeps nobody from reading.
func (tx Tx) RefreshStatistics(ctx context.Context) error {
	return tx.engine.refreshStatistics(ctx, tx)
}
