package store_test

import (
	"database/sql"
	"testing"
	"time"

	"cardinal"
	"cardinal/internal/store"
)

// TestContractionWaitsForOlderNodes: as long as a node is alive whose program would not bear it, a contraction is not even tried.
func TestContractionWaitsForOlderNodes(t *testing.T) {
	onEmptyDatabases(t, func(t *testing.T, url string, raw func(t *testing.T) *sql.DB) {
		ctx, s, now := t.Context(), open(t, url), time.Now().UTC()
		migrate(t, s, "")
		run(t, raw(t), `DELETE FROM schema_migrations WHERE number = 7 AND phase = 'contract'`)
		write(t, s, func(tx store.Tx) error {
			return tx.InsertNode(ctx, store.Node{ID: cardinal.NewID(), Build: "v1", SchemaNumber: 6, StartedAt: now, LastSeenAt: now})
		})
		if list, err := s.Migrate(ctx, now, ""); len(list) != 0 || err != nil {
			t.Errorf("%d migrations were applied under a node that does not know them; failed: %t", len(list), err != nil)
		}
		// Its script was applied before, so that it may fail now: that it is tried is what counts.
		if list, err := s.Migrate(ctx, now.Add(store.NodeSilence+time.Second), ""); len(list) == 0 && err == nil {
			t.Error("the contraction waits for a node that is silent")
		}
	})
}
