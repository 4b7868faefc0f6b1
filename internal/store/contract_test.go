package store_test

import (
	"database/sql"
	"testing"
	"time"

	"cardinal"
	"cardinal/internal/store"
	"cardinal/internal/store/schema"
)

// A contraction is not applied as long as a node with a program that does not know it is alive.
func TestContractionWaitsForOlderNodes(t *testing.T) {
	onEmptyDatabases(t, func(t *testing.T, url string, raw func(t *testing.T) *sql.DB) {
		ctx, s, now := t.Context(), open(t, url), time.Now().UTC()
		migrate(t, s, "")
		write(t, s, func(tx store.Tx) error {
			return tx.InsertNode(ctx, store.Node{ID: cardinal.NewID(), Build: "v1", SchemaNumber: schema.Number(),
				StartedAt: now, LastSeenAt: now})
		})
		store.WithScripts(t, map[string]string{"9001_session_marks.contract.sql": `DROP INDEX sessions_method_ix;`})
		if list, err := s.Migrate(ctx, now, ""); len(list) != 0 || err != nil {
			t.Errorf("with an older node alive: applied %v, %v", list, err)
		}
		list, err := s.Migrate(ctx, now.Add(store.NodeTimeout+time.Second), "")
		if err != nil || len(list) != 1 || list[0].String() != "9001 session_marks (contract)" {
			t.Errorf("with the older node silent: applied %v, %v", list, err)
		}
	})
}
