package storetest

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/store"
	"cardinal/internal/store/schema"
)

func nodes(t *testing.T, s *store.Store) {
	ctx, r := t.Context(), s.Read(t.Context())
	old := store.Node{ID: cardinal.IDAt(baseTime), Build: "v1", SchemaNumber: 6, StartedAt: baseTime,
		LastSeenAt: baseTime}
	new := store.Node{ID: cardinal.IDAt(baseTime.Add(time.Second)), Build: "v2", SchemaNumber: 7, StartedAt: baseTime,
		LastSeenAt: baseTime}
	write(t, s, func(tx store.Tx) error { return tx.InsertNode(ctx, new) })
	write(t, s, func(tx store.Tx) error { return tx.InsertNode(ctx, old) })
	wantEqual(t, "Nodes", must(r.Nodes(ctx, baseTime))(t), []store.Node{old, new})
	wantEqual(t, "OlderNodes", must(r.OlderNodes(ctx, 7, baseTime))(t), []store.Node{old})
	wantEqual(t, "OlderNodes, known to all", must(r.OlderNodes(ctx, 6, baseTime))(t), []store.Node{})

	silent := baseTime.Add(store.NodeTimeout)
	see := func(id uuid.UUID, at time.Time) bool {
		return inTx(t, s, func(tx store.Tx) (bool, error) { return tx.SetNodeLastSeen(ctx, id, at) })
	}
	wantEqual(t, "SeeNode", see(new.ID, silent), true)
	new.LastSeenAt = silent
	wantEqual(t, "Nodes, one without heartbeat", must(r.Nodes(ctx, silent))(t), []store.Node{new})
	wantEqual(t, "OlderNodes, old one without heartbeat", must(r.OlderNodes(ctx, 7, silent))(t), []store.Node{})
	wantEqual(t, "SeeNode, empty", see(cardinal.NewID(), silent), false)

	// A node without heartbeat for a day is deleted when another one registers.
	third := store.Node{ID: cardinal.NewID(), Build: "v2", SchemaNumber: 7, StartedAt: baseTime.Add(25 * time.Hour),
		LastSeenAt: baseTime.Add(25 * time.Hour)}
	write(t, s, func(tx store.Tx) error { return tx.InsertNode(ctx, third) })
	wantEqual(t, "SeeNode, deleted", see(old.ID, third.LastSeenAt), false)
	for _, n := range []store.Node{new, third} {
		write(t, s, func(tx store.Tx) error { return tx.DeleteNode(ctx, n.ID) })
	}
	wantEqual(t, "Nodes, all deleted", must(r.Nodes(ctx, baseTime))(t), []store.Node{})
}

// backfills only reads: the upgrade tests run backfills, because here none is left to run.
func backfills(t *testing.T, s *store.Store) {
	for _, m := range schema.Embedded(s.Engine()) {
		if m.Phase == schema.Backfill {
			rows, batches, err := s.Read(t.Context()).BackfillSize(t.Context(), m)
			if err != nil || rows < 0 || batches < 1 {
				t.Errorf("BackfillSize of %s: %d rows, %d batches, %v", m, rows, batches, err)
			}
		}
	}
	wantEqual(t, "Backfills, complete schema", must(s.Read(t.Context()).Backfills(t.Context()))(t),
		[]store.BackfillState{})
}
