package directory

import (
	"context"
	"time"

	"cardinal"
	"cardinal/internal/store"
)

// JobStatuses returns the status of all jobs, the first due first.
func (d *Directory) JobStatuses(ctx context.Context, r store.Reader) ([]cardinal.JobStatus, error) {
	records, err := r.Jobs(ctx)
	if err != nil {
		return nil, err
	}
	statuses := make([]cardinal.JobStatus, len(records))
	for i, record := range records {
		statuses[i] = JobStatus(record, d.Now())
	}
	return statuses, nil
}

// JobStatus computes the state of a job. A lease that has expired does not count: any node can take the job over.
func JobStatus(r store.Job, now time.Time) cardinal.JobStatus {
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
