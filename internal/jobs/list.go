package jobs

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory"
)

// List returns the status of all jobs, the first due first.
func List(ctx context.Context, k directory.Desk) ([]cardinal.JobStatus, error) {
	r, err := k.Read(ctx, directory.Rule{Permission: "jobs.run"})
	if err != nil {
		return nil, err
	}
	return k.Directory().JobStatuses(ctx, r)
}

// Request makes a job of a kind due now; of several it takes the first due one that does not run. It returns a
// cardinal.ErrNotFound when there is none of that kind, and a conflict with the status when all of them run.
func Request(ctx context.Context, k directory.Desk, kind string) (cardinal.JobStatus, error) {
	r := directory.Rule{Action: "job.run", Permission: "jobs.run"}
	jobs, err := jobsFor(ctx, k, r)
	if err != nil {
		return cardinal.JobStatus{}, err
	}
	var job cardinal.JobStatus
	for _, j := range jobs {
		if j.Kind == kind && (job.Kind == "" || job.State == cardinal.JobRunning) {
			job = j
		}
	}
	if job.Kind == "" {
		return job, fmt.Errorf("%w: no job of the kind %q is scheduled", cardinal.ErrNotFound, kind)
	}
	due, err := makeDue(ctx, k, r, job.ID)
	if err != nil {
		return job, err
	}
	return due, nil
}

// Retry makes failed jobs due now, all of them or those of a kind, and returns their status.
func Retry(ctx context.Context, k directory.Desk, kind string) ([]cardinal.JobStatus, error) {
	r := directory.Rule{Action: "job.retry", Permission: "jobs.run"}
	jobs, err := jobsFor(ctx, k, r)
	if err != nil {
		return nil, err
	}
	retried := []cardinal.JobStatus{}
	for _, job := range jobs {
		if job.State != cardinal.JobFailed || kind != "" && job.Kind != kind {
			continue
		}
		due, err := makeDue(ctx, k, r, job.ID)
		if errors.Is(err, cardinal.ErrNotFound) {
			continue // it ran in the meantime
		}
		if err != nil {
			return retried, err
		}
		retried = append(retried, due)
	}
	return retried, nil
}

// jobsFor reads the jobs before a change. A refused attempt is recorded.
func jobsFor(ctx context.Context, k directory.Desk, r directory.Rule) ([]cardinal.JobStatus, error) {
	reader, err := k.Read(ctx, r)
	if err != nil {
		return directory.RecordDenied[[]cardinal.JobStatus](ctx, k, r, err)
	}
	return k.Directory().JobStatuses(ctx, reader)
}

// makeDue makes a job due now, unless it runs. The event is recorded even when the job was due already.
func makeDue(
	ctx context.Context, k directory.Desk, r directory.Rule, id uuid.UUID,
) (cardinal.JobStatus, error) {
	return directory.Change(ctx, k, r, func(tx *directory.Tx) (cardinal.JobStatus, error) {
		record, err := tx.LockJob(ctx, id)
		if err != nil {
			return cardinal.JobStatus{}, err
		}
		if directory.JobStatus(record, tx.Now).State == cardinal.JobRunning {
			return cardinal.JobStatus{}, cardinal.Refuse("conflict")
		}
		tx.ForceEvent = true
		tx.RecordChange("jobs.kind", nil, record.Kind)
		if record.RunAt.After(tx.Now) {
			tx.RecordChange("jobs.run_at", record.RunAt, tx.Now)
			if err := tx.SetJobDue(ctx, id, tx.Now); err != nil {
				return cardinal.JobStatus{}, err
			}
			record.RunAt = tx.Now
		}
		return directory.JobStatus(record, tx.Now), nil
	})
}
