package directory_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"cardinal"
	"cardinal/internal/directory/directorytest"
	"cardinal/internal/store"
	"cardinal/internal/store/schema"
)

func TestNodes(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx, node := t.Context(), cardinal.NewID()
		nodes := func() []store.Node {
			t.Helper()
			return value(w.Store.Read(ctx).Nodes(ctx, w.Clock.Now()))(t)
		}
		noError(t, w.Join(ctx, node, "v1.2.3"))
		seen := nodes()
		if len(seen) != 1 || seen[0].ID != node || seen[0].Build != "v1.2.3" ||
			seen[0].SchemaNumber != schema.Number() {
			t.Errorf("after Join: %+v", seen)
		}
		t.Run("NotReadyWithoutHeartbeat", func(t *testing.T) {
			w.Clock.Add(store.NodeTimeout/2 + time.Second)
			if why := w.Ready(ctx); len(why) != 1 || !strings.Contains(why[0], "heartbeat") {
				t.Errorf("Ready without a heartbeat: %v", why)
			}
			noError(t, w.Heartbeat(ctx, node, "v1.2.3"))
			if why := w.Ready(ctx); len(why) != 0 {
				t.Errorf("Ready after a heartbeat: %v", why)
			}
		})
		t.Run("HeartbeatRejoins", func(t *testing.T) {
			noError(t, w.Store.Write(ctx, func(tx store.Tx) error { return tx.DeleteNode(ctx, node) }))
			noError(t, w.Heartbeat(ctx, node, "v1.2.3"))
			if seen := nodes(); len(seen) != 1 {
				t.Errorf("after Heartbeat: %+v", seen)
			}
		})
		t.Run("LeaveDeletesNode", func(t *testing.T) {
			noError(t, w.Leave(ctx, node))
			if seen := nodes(); len(seen) != 0 {
				t.Errorf("after Leave: %+v", seen)
			}
			w.Clock.Add(time.Hour)
			if why := w.Ready(ctx); len(why) != 0 {
				t.Errorf("Ready after Leave: %v", why)
			}
		})
	})
}

// TestNewerSchemaRefused: a new node refuses a newer schema, and a running node is not ready any more.
func TestNewerSchemaRefused(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx, node := t.Context(), cardinal.NewID()
		noError(t, w.Join(ctx, node, "v1"))
		value(w.SQL(t).Exec(`INSERT INTO schema_migrations
			SELECT 9999, 'contract', 'future', checksum, applied_at FROM schema_migrations WHERE number = 1`))(t)
		if why := w.Ready(ctx); len(why) != 1 || !strings.Contains(why[0], "newer than this program") {
			t.Errorf("Ready: %v", why)
		}
		if err := w.Join(ctx, cardinal.NewID(), "v1"); !errors.Is(err, schema.ErrUnusable) {
			t.Errorf("Join: %v", err)
		}
		if seen := value(w.Store.Read(ctx).Nodes(ctx, w.Clock.Now()))(t); len(seen) != 1 {
			t.Errorf("a refused node was registered: %+v", seen)
		}
	})
}
