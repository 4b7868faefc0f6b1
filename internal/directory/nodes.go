package directory

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"cardinal/internal/store"
)

// Join registers this process as a node, by the version of its program. From then on, and as long as Beat is called, no change of the
// schema that the program could not bear is made; when one was made already, the error is a store.ErrSchema that says so.
func (d *Directory) Join(ctx context.Context, node uuid.UUID, build string) error {
	now := d.Now()
	err := d.store.Write(ctx, func(tx store.Tx) error {
		if err := tx.InsertNode(ctx, store.Node{ID: node, Build: build, SchemaNumber: store.SchemaNumber(), StartedAt: now, LastSeenAt: now}); err != nil {
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

// Heartbeat says that a node is alive. One that was silent for so long that it was forgotten joins again.
func (d *Directory) Heartbeat(ctx context.Context, node uuid.UUID, build string) error {
	now, known := d.Now(), false
	err := d.store.Write(ctx, func(tx store.Tx) (err error) {
		known, err = tx.SeeNode(ctx, node, now)
		return err
	})
	switch {
	case err != nil:
		return err
	case !known:
		return d.Join(ctx, node, build)
	}
	d.lastHeartbeat.Store(now.UnixMicro())
	return nil
}

// Leave says that a node has stopped.
func (d *Directory) Leave(ctx context.Context, node uuid.UUID) error {
	d.lastHeartbeat.Store(0)
	return d.store.Write(ctx, func(tx store.Tx) error { return tx.DeleteNode(ctx, node) })
}

// sinceHeartbeat is how long no heartbeat of this process was written; 0 while it is no node.
func (d *Directory) sinceHeartbeat() time.Duration {
	at := d.lastHeartbeat.Load()
	if at == 0 {
		return 0
	}
	return d.Now().Sub(time.UnixMicro(at))
}

// maxBackfillTime bounds how long the backfill keeps a node from its other scheduled work.
const maxBackfillTime = 20 * time.Second

// backfill goes on with what an upgrade has left to fill, until its turn is over.
func backfill(ctx context.Context, k Desk, _ uuid.UUID) error {
	turn, over := context.WithTimeout(ctx, maxBackfillTime)
	defer over()
	_, err := k.d.store.Backfill(turn, func(store.Progress) {})
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return nil
	}
	return err
}
