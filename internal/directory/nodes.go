package directory

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"cardinal/internal/store"
	"cardinal/internal/store/schema"
)

// Join registers this process as a node, with the version of its program. From then on, as long as Heartbeat is called,
// no migration runs that the program is not compatible with. When such a migration has already run, the error is a
// schema.ErrUnusable that says so.
func (d *Directory) Join(ctx context.Context, node uuid.UUID, build string) error {
	now := d.Now()
	err := d.store.Write(ctx, func(tx store.Tx) error {
		record := store.Node{
			ID: node, Build: build, SchemaNumber: schema.Number(), StartedAt: now, LastSeenAt: now,
		}
		if err := tx.InsertNode(ctx, record); err != nil {
			return err
		}
		_, err := tx.Migrations(ctx)
		return err
	})
	if err == nil {
		d.lastHeartbeat.Store(now.UnixMicro())
	}
	return err
}

// Heartbeat records that a node is running. A node whose row was deleted, because it sent no heartbeat for too long,
// joins again.
func (d *Directory) Heartbeat(ctx context.Context, node uuid.UUID, build string) error {
	now, found := d.Now(), false
	err := d.store.Write(ctx, func(tx store.Tx) (err error) {
		found, err = tx.SetNodeLastSeen(ctx, node, now)
		return err
	})
	switch {
	case err != nil:
		return err
	case !found:
		return d.Join(ctx, node, build)
	}
	d.lastHeartbeat.Store(now.UnixMicro())
	return nil
}

// Leave removes the row of a node that stops.
func (d *Directory) Leave(ctx context.Context, node uuid.UUID) error {
	d.lastHeartbeat.Store(0)
	return d.store.Write(ctx, func(tx store.Tx) error { return tx.DeleteNode(ctx, node) })
}

// sinceHeartbeat returns the time since the last heartbeat of this process was written; 0 while it is not a node.
func (d *Directory) sinceHeartbeat() time.Duration {
	at := d.lastHeartbeat.Load()
	if at == 0 {
		return 0
	}
	return d.Now().Sub(time.UnixMicro(at))
}

// maxBackfillTime bounds one run of the backfill, so that a node is not kept from its other jobs.
const maxBackfillTime = 20 * time.Second

// backfill continues the backfills of the last upgrade, for maxBackfillTime at most.
func backfill(ctx context.Context, k Desk, _ uuid.UUID) error {
	limited, cancel := context.WithTimeout(ctx, maxBackfillTime)
	defer cancel()
	_, err := k.d.store.Backfill(limited, func(store.Progress) {})
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return nil
	}
	return err
}
