package directory

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/store"
)

// Jobs returns the status of all jobs, the first due first.
func (k Desk) Jobs(ctx context.Context) ([]cardinal.JobStatus, error) {
	r, err := k.Read(ctx, Rule{Permission: "jobs.run"})
	if err != nil {
		return nil, err
	}
	return k.d.jobStatuses(ctx, r)
}

func (d *Directory) jobStatuses(ctx context.Context, r store.Reader) ([]cardinal.JobStatus, error) {
	records, err := r.Jobs(ctx)
	if err != nil {
		return nil, err
	}
	statuses := make([]cardinal.JobStatus, len(records))
	for i, record := range records {
		statuses[i] = jobStatus(record, d.Now())
	}
	return statuses, nil
}

// jobStatus computes the state of a job. A lease that has expired does not count: any node can take the job over.
func jobStatus(r store.Job, now time.Time) cardinal.JobStatus {
	s := cardinal.JobStatus{ID: r.ID, Kind: r.Kind, RunAt: r.RunAt, RepeatSeconds: r.RepeatSeconds,
		Attempts: r.Attempts, LastRunAt: r.LastRunAt, LastError: r.LastError}
	switch {
	case r.LeasedUntil != nil && r.LeasedUntil.After(now):
		s.State, s.LeasedBy, s.LeasedUntil = cardinal.JobRunning, pointer(r.LeasedBy), r.LeasedUntil
	case r.Attempts > 0:
		s.State = cardinal.JobFailed
	case r.RunAt.After(now):
		s.State = cardinal.JobWaiting
	default:
		s.State = cardinal.JobDue
	}
	return s
}

// RequestJob makes a job of a kind due now; of several it takes the first due one that does not run. It returns a
// cardinal.ErrNotFound when there is none of that kind, and a conflict with the status when all of them run.
func (k Desk) RequestJob(ctx context.Context, kind string) (cardinal.JobStatus, error) {
	r := Rule{Action: "job.run", Permission: "jobs.run"}
	jobs, err := k.jobsFor(ctx, r)
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
	due, err := k.makeJobDue(ctx, r, job.ID)
	if err != nil {
		return job, err
	}
	return due, nil
}

// RetryJobs makes failed jobs due now, all of them or those of a kind, and returns their status.
func (k Desk) RetryJobs(ctx context.Context, kind string) ([]cardinal.JobStatus, error) {
	r := Rule{Action: "job.retry", Permission: "jobs.run"}
	jobs, err := k.jobsFor(ctx, r)
	if err != nil {
		return nil, err
	}
	retried := []cardinal.JobStatus{}
	for _, job := range jobs {
		if job.State != cardinal.JobFailed || kind != "" && job.Kind != kind {
			continue
		}
		due, err := k.makeJobDue(ctx, r, job.ID)
		if isNotFound(err) {
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
func (k Desk) jobsFor(ctx context.Context, r Rule) ([]cardinal.JobStatus, error) {
	reader, err := k.Read(ctx, r)
	if err != nil {
		return RecordDenied[[]cardinal.JobStatus](ctx, k, r, err)
	}
	return k.d.jobStatuses(ctx, reader)
}

// makeJobDue makes a job due now, unless it runs. The event is recorded even when the job was due already.
func (k Desk) makeJobDue(ctx context.Context, r Rule, id uuid.UUID) (cardinal.JobStatus, error) {
	return Change(ctx, k, r, func(tx *Tx) (cardinal.JobStatus, error) {
		record, err := tx.LockJob(ctx, id)
		if err != nil {
			return cardinal.JobStatus{}, err
		}
		if jobStatus(record, tx.Now).State == cardinal.JobRunning {
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
		return jobStatus(record, tx.Now), nil
	})
}
