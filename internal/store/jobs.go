package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"cardinal"
)

const jobColumns = `id, kind, repeat_seconds, attempts, run_at, last_run_at, last_error`

func scanJob(row scanner) (j cardinal.Job, err error) {
	err = row.Scan(&j.ID, &j.Kind, &j.RepeatSeconds, &j.Attempts, timeInto{&j.RunAt}, nullTimeInto{&j.LastRunAt}, &j.LastError)
	return j, err
}

// Jobs returns the background work, what is due first before the rest, at most 1,000.
func (r Reader) Jobs(ctx context.Context) ([]cardinal.Job, error) {
	return queryAll(ctx, r, scanJob, `SELECT `+jobColumns+` FROM jobs ORDER BY run_at, id LIMIT 1000`)
}

// ClaimJob leases the most overdue job of some kinds to a node; cardinal.ErrNotFound when none is due that no other node has. A node
// names the kinds that it knows, because one of a newer version may have brought more.
func (tx Tx) ClaimJob(ctx context.Context, node uuid.UUID, now time.Time, lease time.Duration, kinds ...string) (cardinal.Job, error) {
	args, known := []any{node, now, now.Add(lease)}, make([]string, len(kinds))
	for i, kind := range kinds {
		args = append(args, kind)
		known[i] = fmt.Sprintf("$%d", len(args))
	}
	return queryOne(ctx, tx.Reader, scanJob, `
		UPDATE jobs SET leased_by = $1, leased_until = $3
		 WHERE id = (
		   SELECT id FROM jobs
		    WHERE run_at <= $2 AND (leased_until IS NULL OR leased_until <= $2) AND kind IN (`+strings.Join(known, ", ")+`)
		    ORDER BY run_at, id LIMIT 1`+tx.engine.skipLocked+`)
		RETURNING `+jobColumns, args...)
}

// PutJob makes a piece of work due once. One with the same id that a node has already is taken from it: whatever it did may lack
// what made the work due anew.
func (tx Tx) PutJob(ctx context.Context, id uuid.UUID, kind string, now time.Time) error {
	_, err := tx.exec(ctx, `
		INSERT INTO jobs (id, kind, created_at, run_at) VALUES ($1, $2, $3, $3)
		ON CONFLICT (id) DO UPDATE SET run_at = excluded.run_at, attempts = 0, leased_by = NULL, leased_until = NULL`, id, kind, now)
	return err
}

// RenewJob prolongs a node's lease. cardinal.ErrNotFound when the node no longer has it.
func (tx Tx) RenewJob(ctx context.Context, id, node uuid.UUID, until time.Time) error {
	n, err := tx.exec(ctx, `UPDATE jobs SET leased_until = $3 WHERE id = $1 AND leased_by = $2`, id, node, until)
	if err == nil && n == 0 {
		return cardinal.ErrNotFound
	}
	return err
}

// FinishJob ends a node's lease after success: a repeating job waits for its next turn, another is removed.
// cardinal.ErrNotFound when the node no longer has it.
func (tx Tx) FinishJob(ctx context.Context, id, node uuid.UUID, now time.Time) error {
	job, err := queryOne(ctx, tx.Reader, scanJob, `
		SELECT `+jobColumns+` FROM jobs WHERE id = $1 AND leased_by = $2`+tx.engine.lockRow, id, node)
	if err != nil {
		return err
	}
	if job.RepeatSeconds == nil {
		_, err = tx.exec(ctx, `DELETE FROM jobs WHERE id = $1`, id)
		return err
	}
	_, err = tx.exec(ctx, `
		UPDATE jobs
		   SET attempts = 0, run_at = $2, leased_by = NULL, leased_until = NULL, last_run_at = $3, last_error = NULL
		 WHERE id = $1`, id, now.Add(time.Duration(*job.RepeatSeconds)*time.Second), now)
	return err
}

// FailJob ends a node's lease after a failure of a kind, without values; the job is due again at retryAt, or now if that is
// later. cardinal.ErrNotFound when the node no longer has it.
func (tx Tx) FailJob(ctx context.Context, id, node uuid.UUID, now, retryAt time.Time, kind string) error {
	if retryAt.Before(now) {
		retryAt = now // still the most overdue, it would keep all others waiting
	}
	n, err := tx.exec(ctx, `
		UPDATE jobs
		   SET attempts = attempts + 1, run_at = $3, leased_by = NULL, leased_until = NULL, last_error = $4
		 WHERE id = $1 AND leased_by = $2`, id, node, retryAt, kind)
	if err == nil && n == 0 {
		return cardinal.ErrNotFound
	}
	return err
}
