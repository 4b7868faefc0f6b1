package directory

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/store"
	"cardinal/internal/store/dberror"
)

// BatchSize bounds how many rows one transaction of background work touches.
const BatchSize = 500

// Job is a kind of background work. Each package that has some lists it in a function Jobs; the command line gives all
// lists to jobs.New.
type Job struct {
	Kind  string        // in the table jobs: noun, dot, verb
	Every time.Duration // between two runs; 0 for work that is done once, when a change schedules it
	Long  bool          // it can take hours: it runs next to the other jobs, and stops at once when the service stops
	// Run does the work, as the system. id is that of the row in jobs.
	Run func(ctx context.Context, k Desk, id uuid.UUID) error
}

// ClaimedJob is the row of a job that a node has leased.
type ClaimedJob = store.Job

// Jobs lists the background work of the directory.
func Jobs() []Job {
	return []Job{
		{Kind: "audit.months", Every: 24 * time.Hour, Run: createAuditMonths},
		{Kind: "audit.attempts", Every: time.Minute, Run: recordRefusedAttempts},
		{Kind: "unverified_contacts.expire", Every: time.Hour, Run: expireUnverifiedContacts},
		{Kind: "unverified_accounts.expire", Every: time.Hour, Run: expireUnverifiedAccounts},
		{Kind: "sessions.purge", Every: time.Hour, Run: purge(store.Tx.DeleteExpiredSessions, endedSessionRetention)},
		{Kind: "idempotency_keys.purge", Every: time.Hour, Run: purge(store.Tx.DeleteExpiredIdempotencyKeys, 0)},
		{Kind: "throttles.purge", Every: time.Hour, Run: purge(store.Tx.DeleteExpiredThrottles, 0)},
		{Kind: "schema.backfill", Every: 10 * time.Second, Run: backfill},
		{Kind: "search.build", Every: 10 * time.Second, Run: buildSearchIndex},
		{Kind: "statistics.refresh", Every: time.Hour, Run: func(ctx context.Context, k Desk, _ uuid.UUID) error {
			return k.d.RefreshStatistics(ctx)
		}},
	}
}

// endedSessionRetention is how long an ended session can still be listed.
const endedSessionRetention = 30 * 24 * time.Hour

// ScheduleJobs adds the rows of repeating jobs that are missing, and sets the intervals of the others: those in the
// code win.
func (d *Directory) ScheduleJobs(ctx context.Context, jobs []Job) error {
	return d.store.Write(ctx, func(tx store.Tx) error {
		for _, job := range jobs {
			if job.Every == 0 {
				continue
			}
			if err := tx.ScheduleJob(ctx, cardinal.NewID(), job.Kind, job.Every, d.Now()); err != nil {
				return fmt.Errorf("schedule the job %s: %w", job.Kind, err)
			}
		}
		return nil
	})
}

// ClaimJob leases the most overdue job of some kinds to a node; cardinal.ErrNotFound when none is due.
func (d *Directory) ClaimJob(
	ctx context.Context, node uuid.UUID, lease time.Duration, kinds ...string,
) (ClaimedJob, error) {
	var job ClaimedJob
	err := d.store.Write(ctx, func(tx store.Tx) (err error) {
		job, err = tx.ClaimJob(ctx, node, d.Now(), lease, kinds...)
		return err
	})
	return job, err
}

// RenewJob extends the lease of a job that is running; cardinal.ErrNotFound when the node has lost it.
func (d *Directory) RenewJob(ctx context.Context, job ClaimedJob, node uuid.UUID, lease time.Duration) error {
	return d.store.Write(ctx, func(tx store.Tx) error {
		return tx.ExtendJobLease(ctx, job.ID, node, d.Now().Add(lease))
	})
}

// EndJob records how a job ended: done, or failed and to be retried.
func (d *Directory) EndJob(ctx context.Context, job ClaimedJob, node uuid.UUID, failure error) error {
	return d.store.Write(ctx, func(tx store.Tx) error {
		now := d.Now()
		if failure == nil {
			return tx.FinishJob(ctx, job.ID, node, now)
		}
		wait := min(time.Minute<<min(job.Attempts, 6), time.Hour)
		if errors.Is(failure, context.Canceled) {
			wait = 0 // the node stops: another one can continue at once
		}
		return tx.FailJob(ctx, job.ID, node, now, now.Add(wait), ErrorKind(failure))
	})
}

// ErrorKind names an error without its text, which can contain values. An error of the database has a text without
// values: that text.
func ErrorKind(err error) string {
	if text := dberror.Text(err); text != "" {
		return text
	}
	for _, kind := range []error{
		cardinal.ErrBusy, cardinal.ErrConflict, cardinal.ErrForbidden, cardinal.ErrNotFound, cardinal.ErrStale,
		cardinal.ErrInvalid, context.DeadlineExceeded, context.Canceled,
	} {
		if errors.Is(err, kind) {
			return kind.Error()
		}
	}
	return "internal"
}

// RunJob does the work of a job.
func (k Desk) RunJob(ctx context.Context, job Job, id uuid.UUID) error {
	if _, err := k.Read(ctx, Rule{Permission: "jobs.run"}); err != nil {
		return err
	}
	return job.Run(ctx, k, id)
}

// createAuditMonths creates the partitions of the audit log for the coming months.
func createAuditMonths(ctx context.Context, k Desk, _ uuid.UUID) error {
	return k.d.store.Write(ctx, func(tx store.Tx) error {
		_, err := tx.EnsureAuditMonths(ctx, k.d.Now())
		return err
	})
}

// RefreshStatistics updates the statistics of the query planner.
func (d *Directory) RefreshStatistics(ctx context.Context) error {
	return d.store.Write(ctx, func(tx store.Tx) error { return tx.RefreshStatistics(ctx) })
}

// recordRefusedAttempts writes to the audit log what nodes of the previous version counted in the database: one event
// per minute and account. FlushRefusals has taken its place.
func recordRefusedAttempts(ctx context.Context, k Desk, _ uuid.UUID) error {
	for {
		n := 0
		err := k.d.store.Write(ctx, func(tx store.Tx) error {
			taken, err := tx.TakeRefusedAttempts(ctx, k.d.Now().Truncate(time.Minute), BatchSize)
			if err != nil {
				return err
			}
			n = len(taken)
			for _, t := range taken {
				e := k.NewEvent(Rule{Action: t.Action, Subject: t.SubjectID})
				e.ActorID, e.IsRefused, e.Attempts = cardinal.AnonymousID, true, t.Attempts
				e.Changes = k.d.ColumnChanges(map[string]any{"refused_attempts.minute": t.Minute})
				if err := tx.AppendEvent(ctx, e); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil || n < BatchSize {
			return err
		}
	}
}

// purge returns the work of a job that deletes rows which ended or expired at least keep ago, a batch per transaction.
func purge(
	del func(store.Tx, context.Context, time.Time, int) (int64, error), keep time.Duration,
) func(context.Context, Desk, uuid.UUID) error {
	return func(ctx context.Context, k Desk, _ uuid.UUID) error {
		for {
			var n int64
			err := k.d.store.Write(ctx, func(tx store.Tx) (err error) {
				n, err = del(tx, ctx, k.d.Now().Add(-keep), BatchSize)
				return err
			})
			if err != nil || n < BatchSize {
				return err
			}
		}
	}
}
