package jobs_test

import (
	"errors"
	"testing"
	"time"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/directory/directorytest"
	"cardinal/internal/jobs"
)

// jobOf returns the status of the only job of a kind.
func jobOf(t *testing.T, k directory.Desk, kind string) cardinal.JobStatus {
	t.Helper()
	for _, job := range value(jobs.List(t.Context(), k))(t) {
		if job.Kind == kind {
			return job
		}
	}
	t.Fatalf("there is no job %s", kind)
	return cardinal.JobStatus{}
}

// isNow reports whether a time is the current one of the running clock.
func isNow(w *world, at time.Time) bool { return w.Clock.Now().Sub(at).Abs() < 30*time.Second }

func TestJobStates(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx, k, node := t.Context(), w.Operator(), cardinal.NewID()
		const kind = "sessions.purge"
		if job := jobOf(t, k, kind); job.State != cardinal.JobDue || *job.RepeatSeconds != 3600 || job.LeasedBy != nil {
			t.Errorf("new job: %+v", job)
		}
		claimed := value(w.ClaimJob(ctx, node, time.Minute, kind))(t)
		job := jobOf(t, k, kind)
		if job.State != cardinal.JobRunning || *job.LeasedBy != node || !isNow(w, job.LeasedUntil.Add(-time.Minute)) {
			t.Errorf("leased job: %+v", job)
		}
		_, err := jobs.Request(ctx, k, kind)
		expectRefusal(t, err, "conflict")
		noError(t, w.EndJob(ctx, claimed, node, errors.New("x")))
		job = jobOf(t, k, kind)
		if job.State != cardinal.JobFailed || job.Attempts != 1 || *job.LastError != "internal" || job.LeasedBy != nil {
			t.Errorf("failed job: %+v", job)
		}
		_, err = w.ClaimJob(ctx, node, time.Minute, kind)
		expectRefusal(t, err, "not_found")

		w.ResetEvents(t)
		retried := value(jobs.Retry(ctx, k, "grants.expire"))(t)
		if len(retried) != 0 {
			t.Errorf("retried jobs that did not fail: %+v", retried)
		}
		w.ExpectEvents(t)
		retried = value(jobs.Retry(ctx, k, ""))(t)
		if len(retried) != 1 || retried[0].Kind != kind || !isNow(w, retried[0].RunAt) {
			t.Errorf("retried %+v", retried)
		}
		event := w.Events(t)
		if len(event) != 1 || event[0].Action != "job.retry" || event[0].ActorID != cardinal.OperatorID ||
			event[0].Changes["jobs.kind"].To != kind {
			t.Errorf("events %+v", event)
		}
		directorytest.ExpectSameJSON(t, jobOf(t, k, kind), retried[0])
		claimed = value(w.ClaimJob(ctx, node, time.Minute, kind))(t)
		noError(t, w.EndJob(ctx, claimed, node, nil))
		if job = jobOf(t, k, kind); job.State != cardinal.JobWaiting || job.Attempts != 0 || job.LastRunAt == nil {
			t.Errorf("job after success: %+v", job)
		}
	})
}

func TestRequestJob(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx, k, node := t.Context(), w.Operator(), cardinal.NewID()
		const kind = "throttles.purge"
		claimed := value(w.ClaimJob(ctx, node, time.Minute, kind))(t)
		noError(t, w.EndJob(ctx, claimed, node, nil))
		w.ResetEvents(t)
		job := value(jobs.Request(ctx, k, kind))(t)
		if job.State != cardinal.JobDue || !isNow(w, job.RunAt) {
			t.Errorf("requested %+v", job)
		}
		if e := w.Events(t); len(e) != 1 || e[0].Action != "job.run" || e[0].SubjectID != cardinal.SystemID {
			t.Errorf("events %+v", e)
		}
		// The second request changes nothing, but is recorded.
		directorytest.ExpectSameJSON(t, value(jobs.Request(ctx, k, kind))(t), job)
		if e := w.Events(t); len(e) != 1 || len(e[0].Changes) != 1 {
			t.Errorf("events %+v", e)
		}
		// A lease that has expired does not count.
		value(w.ClaimJob(ctx, node, time.Minute, kind))(t)
		w.Clock.Add(time.Minute)
		if job := value(jobs.Request(ctx, k, kind))(t); job.State != cardinal.JobDue {
			t.Errorf("requested %+v", job)
		}
		for _, unknown := range []string{"no.such", "imports.run", ""} {
			_, err := jobs.Request(ctx, k, unknown)
			expectRefusal(t, errors.Unwrap(err), "not_found")
		}
	})
}
