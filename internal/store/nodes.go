package store

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// Node is a process that serves the database.
type Node struct {
	ID           uuid.UUID `json:"id"`
	Build        string    `json:"build"`         // version of its program
	SchemaNumber int64     `json:"schema_number"` // newest migration that its program knows
	StartedAt    time.Time `json:"started_at"`
	LastSeenAt   time.Time `json:"last_seen_at"`
}

// NodeTimeout is the time after its last heartbeat for which a node counts as alive.
const NodeTimeout = 2 * time.Minute

const nodeColumns = `id, build, schema_number, started_at, last_seen_at`

func scanNode(row scanner) (n Node, err error) {
	err = row.Scan(&n.ID, &n.Build, &n.SchemaNumber, timeInto{&n.StartedAt}, timeInto{&n.LastSeenAt})
	return n, err
}

// Nodes returns the nodes that are alive at a time, oldest first.
func (r Reader) Nodes(ctx context.Context, now time.Time) ([]Node, error) {
	return queryAll(ctx, r, scanNode,
		`SELECT `+nodeColumns+` FROM nodes WHERE last_seen_at > $1 ORDER BY id`, now.Add(-NodeTimeout))
}

// OlderNodes returns the nodes that are alive with a program that does not know a migration.
func (r Reader) OlderNodes(ctx context.Context, number int, now time.Time) ([]Node, error) {
	return queryAll(ctx, r, scanNode,
		`SELECT `+nodeColumns+` FROM nodes WHERE last_seen_at > $1 AND schema_number < $2 ORDER BY id`,
		now.Add(-NodeTimeout), number)
}

// InsertNode registers a node, and deletes the rows of nodes without a heartbeat for a day. From its commit on, no
// contraction that the node's program does not know is applied, as long as the node counts as alive.
func (tx Tx) InsertNode(ctx context.Context, n Node) error {
	dayAgo := n.LastSeenAt.Add(-24 * time.Hour)
	if _, err := tx.exec(ctx, `DELETE FROM nodes WHERE last_seen_at < $1`, dayAgo); err != nil {
		return err
	}
	_, err := tx.exec(ctx, `INSERT INTO nodes (`+nodeColumns+`) VALUES ($1, $2, $3, $4, $5)`,
		n.ID, n.Build, n.SchemaNumber, n.StartedAt, n.LastSeenAt)
	return err
}

// SetNodeLastSeen stores a heartbeat; false if the node is not registered any more.
func (tx Tx) SetNodeLastSeen(ctx context.Context, id uuid.UUID, now time.Time) (bool, error) {
	n, err := tx.exec(ctx, `UPDATE nodes SET last_seen_at = $2 WHERE id = $1`, id, now)
	return n == 1, err
}

// DeleteNode deletes the row of a node that has stopped.
func (tx Tx) DeleteNode(ctx context.Context, id uuid.UUID) error {
	_, err := tx.exec(ctx, `DELETE FROM nodes WHERE id = $1`, id)
	return err
}
