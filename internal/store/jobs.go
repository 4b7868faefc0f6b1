package store

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"

	"cardinal"
)

// Job is a row of jobs: background work, leased by one node at a time.
type Job struct {
	ID            uuid.UUID
	Kind          string
	RepeatSeconds *int64 // nil runs once
	Attempts      int64  // failed tries since the last success
	RunAt         time.Time
	LeasedBy      uuid.NullUUID // the node that runs it
	LeasedUntil   *time.Time
	LastRunAt     *time.Time
	LastError     *string
}

const jobColumns = `id, kind, repeat_seconds, attempts, run_at, leased_by, leased_until, last_run_at, last_error`

func scanJob(row scanner) (j Job, err error) {
	err = row.Scan(&j.ID, &j.Kind, &j.RepeatSeconds, &j.Attempts, timeInto{&j.RunAt}, &j.LeasedBy,
		nullTimeInto{&j.LeasedUntil}, nullTimeInto{&j.LastRunAt}, &j.LastError)
	return j, err
}

// Jobs returns the background jobs in the order in which they are due, at most 1,000.
func (r Reader) Jobs(ctx context.Context) ([]Job, error) {
	return queryAll(ctx, r, scanJob, `SELECT `+jobColumns+` FROM jobs ORDER BY run_at, id LIMIT 1000`)
}

// ClaimJob leases the most overdue job of some kinds to a node; cardinal.ErrNotFound if no unleased job is due. A node
// names the kinds that it knows, because a node of a newer version may have added jobs of other kinds.
func (tx Tx) ClaimJob(
	ctx context.Context, node uuid.UUID, now time.Time, lease time.Duration, kinds ...string,
) (Job, error) {
	args, kindList := []any{node, now, now.Add(lease)}, make([]string, len(kinds))
	for i, kind := range kinds {
		args = append(args, kind)
		kindList[i] = param(len(args))
	}
	return queryOne(ctx, tx.Reader, scanJob, `
		UPDATE jobs SET leased_by = $1, leased_until = $3
		 WHERE id = (
		   SELECT id FROM jobs
		    WHERE run_at <= $2 AND (leased_until IS NULL OR leased_until <= $2) AND
		          kind IN (`+strings.Join(kindList, ", ")+`)
		    ORDER BY run_at, id LIMIT 1`+tx.engine.skipLocked+`)
		RETURNING `+jobColumns, args...)
}

// EnqueueJob schedules a job that runs once. If a node is already running a job with the same id, its lease ends and
// the job runs again, because that run may have missed the change that this call is for.
func (tx Tx) EnqueueJob(ctx context.Context, id uuid.UUID, kind string, now time.Time) error {
	_, err := tx.exec(ctx, `
		INSERT INTO jobs (id, kind, created_at, run_at) VALUES ($1, $2, $3, $3)
		ON CONFLICT (id) DO UPDATE
		   SET run_at = excluded.run_at, attempts = 0, leased_by = NULL, leased_until = NULL`, id, kind, now)
	return err
}

// ExtendJobLease extends a node's lease; cardinal.ErrNotFound if the node does not have it any more.
func (tx Tx) ExtendJobLease(ctx context.Context, id, node uuid.UUID, until time.Time) error {
	n, err := tx.exec(ctx, `UPDATE jobs SET leased_until = $3 WHERE id = $1 AND leased_by = $2`, id, node, until)
	if err == nil && n == 0 {
		return cardinal.ErrNotFound
	}
	return err
}

// FinishJob ends a node's lease after success: a repeating job is scheduled again, any other job is deleted.
// cardinal.ErrNotFound if the node does not have the lease any more.
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

// FailJob ends a node's lease after a failure. lastError is the kind of the failure, without values. The job is due
// again at retryAt, or now if that is later. cardinal.ErrNotFound if the node does not have the lease any more.
func (tx Tx) FailJob(ctx context.Context, id, node uuid.UUID, now, retryAt time.Time, lastError string) error {
	if retryAt.Before(now) {
		retryAt = now // otherwise it could stay the most overdue job, and no other job would run
	}
	n, err := tx.exec(ctx, `
		UPDATE jobs
		   SET attempts = attempts + 1, run_at = $3, leased_by = NULL, leased_until = NULL, last_error = $4
		 WHERE id = $1 AND leased_by = $2`, id, node, retryAt, lastError)
	if err == nil && n == 0 {
		return cardinal.ErrNotFound
	}
	return err
}

// ScheduleJob adds the row of a repeating job, due now; id is used when there is no row of the kind. A row that is
// there keeps its turn and gets the interval.
func (tx Tx) ScheduleJob(ctx context.Context, id uuid.UUID, kind string, every time.Duration, now time.Time) error {
	return tx.execDeferred(ctx, `
		INSERT INTO jobs (id, kind, repeat_seconds, created_at, run_at) VALUES ($1, $2, $3, $4, $4)
		ON CONFLICT (kind) WHERE repeat_seconds IS NOT NULL DO UPDATE SET repeat_seconds = excluded.repeat_seconds
		 WHERE jobs.repeat_seconds <> excluded.repeat_seconds`, id, kind, int64(every/time.Second), now)
}

// LockJob returns a job with its lease, and locks it until the transaction ends.
func (tx Tx) LockJob(ctx context.Context, id uuid.UUID) (Job, error) {
	return queryOne(ctx, tx.Reader, scanJob,
		`SELECT `+jobColumns+` FROM jobs WHERE id = $1`+tx.engine.lockRow, id)
}

// SetJobDue makes a job due now. Its attempts and its last error stay. cardinal.ErrNotFound when the job does not exist
// or a node has its lease.
func (tx Tx) SetJobDue(ctx context.Context, id uuid.UUID, now time.Time) error {
	n, err := tx.exec(ctx, `
		UPDATE jobs SET run_at = $2 WHERE id = $1 AND (leased_until IS NULL OR leased_until <= $2)`, id, now)
	if err == nil && n == 0 {
		return cardinal.ErrNotFound
	}
	return err
}
