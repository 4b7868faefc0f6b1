package storetest

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/store"
)

func jobs(t *testing.T, s *store.Store) {
	ctx, node := t.Context(), cardinal.NewID()
	kinds := []string{"probes.first", "probes.second", "probes.third", "probes.fourth"}
	schedule := func(kind string, every time.Duration, now time.Time) {
		write(t, s, func(tx store.Tx) error { return tx.ScheduleJob(ctx, cardinal.NewID(), kind, every, now) })
	}
	for i, kind := range kinds {
		schedule(kind, 24*time.Hour, baseTime.Add(time.Duration(i-10)*time.Minute))
	}
	all := slices.DeleteFunc(must(s.Read(ctx).Jobs(ctx))(t), func(j store.Job) bool {
		return !slices.Contains(kinds, j.Kind)
	})
	if len(all) != len(kinds) || all[0].Kind != kinds[0] || *all[0].RepeatSeconds != 86400 {
		t.Fatalf("Jobs: %v", all)
	}
	// A job that is scheduled again keeps its turn and gets the interval.
	schedule(kinds[0], 12*time.Hour, baseTime)
	all[0].RepeatSeconds = ptr(int64(43200))
	leased := func(j store.Job, until time.Time) store.Job {
		j.LeasedBy, j.LeasedUntil = uuid.NullUUID{UUID: node, Valid: true}, &until
		return j
	}
	claim := func(tx store.Tx, at time.Time) (store.Job, error) {
		return tx.ClaimJob(ctx, node, at, time.Minute, kinds...)
	}
	// A node does not claim jobs of a kind that it does not know.
	wantError(t, "ClaimJob, unknown kind", cardinal.ErrNotFound, txError(t, s, func(tx store.Tx) (store.Job, error) {
		return tx.ClaimJob(ctx, node, baseTime, time.Minute, "no.such")
	}))
	wantEqual(t, "ClaimJob, one kind", inTx(t, s, func(tx store.Tx) (store.Job, error) {
		job, err := tx.ClaimJob(ctx, node, baseTime.Add(-2*time.Minute), time.Minute, kinds[1])
		return job, err
	}), leased(all[1], baseTime.Add(-time.Minute)))
	for i := range all {
		write(t, s, func(tx store.Tx) error {
			wantEqual(t, "ClaimJob", must(claim(tx, baseTime))(t), leased(all[i], baseTime.Add(time.Minute)))
			if i == 0 && s.Engine() == "postgres" {
				// Another transaction skips the row that this one has locked.
				wantError(t, "a concurrent claim", errRollback, s.Write(ctx, func(other store.Tx) error {
					if claimed := must(claim(other, baseTime))(t); claimed.ID != all[1].ID {
						t.Errorf("ClaimJob, concurrent: %v, want %v", claimed, all[1])
					}
					return errRollback
				}))
			}
			return nil
		})
	}
	wantError(t, "ClaimJob, all leased", cardinal.ErrNotFound, txError(t, s, func(tx store.Tx) (store.Job, error) {
		return claim(tx, baseTime.Add(time.Minute-time.Microsecond))
	}))
	otherNode := cardinal.NewID()
	wantError(t, "FinishJob, other node", cardinal.ErrNotFound, s.Write(ctx, func(tx store.Tx) error {
		return tx.FinishJob(ctx, all[0].ID, otherNode, baseTime)
	}))
	wantError(t, "FailJob, other node", cardinal.ErrNotFound, s.Write(ctx, func(tx store.Tx) error {
		return tx.FailJob(ctx, all[0].ID, otherNode, baseTime, baseTime, "busy")
	}))
	write(t, s, func(tx store.Tx) error { return tx.FinishJob(ctx, all[0].ID, node, baseTime) })
	write(t, s, func(tx store.Tx) error {
		return tx.FailJob(ctx, all[1].ID, node, baseTime, baseTime.Add(time.Second), "busy")
	})
	// A retry time in the past counts as now, so that no job stays the most overdue one.
	write(t, s, func(tx store.Tx) error {
		return tx.FailJob(ctx, all[2].ID, node, baseTime, baseTime.Add(-time.Hour), "gone")
	})
	jobOf := func(id uuid.UUID) store.Job {
		all := must(s.Read(ctx).Jobs(ctx))(t)
		return all[slices.IndexFunc(all, func(j store.Job) bool { return j.ID == id })]
	}
	done, failed, late := all[0], all[1], all[2]
	done.LastRunAt, done.RunAt = &baseTime, baseTime.Add(12*time.Hour)
	failed.Attempts, failed.LastError, failed.RunAt = 1, ptr("busy"), baseTime.Add(time.Second)
	late.Attempts, late.LastError, late.RunAt = 1, ptr("gone"), baseTime
	for _, want := range []store.Job{done, failed, late} {
		wantEqual(t, "job after its run", jobOf(want.ID), want)
	}
	// A job with an expired lease is due again, the most overdue one first.
	expired := inTx(t, s, func(tx store.Tx) (store.Job, error) { return claim(tx, baseTime.Add(time.Minute)) })
	if expired.ID != all[3].ID {
		t.Errorf("ClaimJob, expired lease: %v", expired)
	}
	at := baseTime.Add(time.Minute)
	wantError(t, "ExtendJobLease, other node", cardinal.ErrNotFound, s.Write(ctx, func(tx store.Tx) error {
		return tx.ExtendJobLease(ctx, expired.ID, otherNode, at)
	}))
	write(t, s, func(tx store.Tx) error { return tx.ExtendJobLease(ctx, expired.ID, node, at.Add(time.Hour)) })
	wantError(t, "ClaimJob, extended lease", cardinal.ErrNotFound,
		txError(t, s, func(tx store.Tx) (store.Job, error) {
			return tx.ClaimJob(ctx, otherNode, at.Add(time.Hour-time.Microsecond), time.Minute, expired.Kind)
		}))
	// A job is made due only without a lease; nothing else of it changes.
	setDue := func(id uuid.UUID, at time.Time) error {
		return s.Write(ctx, func(tx store.Tx) error { return tx.SetJobDue(ctx, id, at) })
	}
	leasedJob := jobOf(expired.ID)
	wantEqual(t, "a leased job", leasedJob, leased(expired, at.Add(time.Hour)))
	wantEqual(t, "JobForChange", inTx(t, s, func(tx store.Tx) (store.Job, error) {
		return tx.LockJob(ctx, expired.ID)
	}), leasedJob)
	wantError(t, "JobForChange, unknown id", cardinal.ErrNotFound, txError(t, s, func(tx store.Tx) (store.Job, error) {
		return tx.LockJob(ctx, cardinal.NewID())
	}))
	wantError(t, "SetJobDue, unknown id", cardinal.ErrNotFound, setDue(cardinal.NewID(), at))
	wantError(t, "SetJobDue, leased job", cardinal.ErrNotFound, setDue(expired.ID, at))
	wantEqual(t, "a leased job after SetJobDue", jobOf(expired.ID), leasedJob)
	if err := setDue(failed.ID, at.Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	failed.RunAt = at.Add(time.Second)
	wantEqual(t, "a failed job after SetJobDue", jobOf(failed.ID), failed)
	// A job that runs once is deleted after it ran, unless it was scheduled again meanwhile.
	oneOff := store.Job{ID: cardinal.NewID(), Kind: "probes.try", RunAt: baseTime}
	put := func() {
		write(t, s, func(tx store.Tx) error { return tx.EnqueueJob(ctx, oneOff.ID, oneOff.Kind, baseTime) })
	}
	end := func() error {
		return s.Write(ctx, func(tx store.Tx) error { return tx.FinishJob(ctx, oneOff.ID, node, baseTime) })
	}
	for _, rescheduled := range []bool{true, false} {
		put()
		wantEqual(t, "ClaimJob, one-off job", inTx(t, s, func(tx store.Tx) (store.Job, error) {
			return tx.ClaimJob(ctx, node, baseTime, time.Minute, oneOff.Kind)
		}), leased(oneOff, baseTime.Add(time.Minute)))
		if rescheduled {
			put()
			wantError(t, "FinishJob, rescheduled", cardinal.ErrNotFound, end())
			wantEqual(t, "a rescheduled job", jobOf(oneOff.ID), oneOff)
		}
	}
	if err := end(); err != nil {
		t.Fatal(err)
	}
	if list := must(s.Read(ctx).Jobs(ctx))(t); slices.ContainsFunc(list, func(j store.Job) bool {
		return j.ID == oneOff.ID
	}) {
		t.Error("a one-off job still exists after it ran")
	}
	if list := must(s.Read(ctx).Jobs(ctx))(t); !slices.IsSortedFunc(list, func(a, b store.Job) int {
		return a.RunAt.Compare(b.RunAt)
	}) {
		t.Errorf("Jobs are not sorted by due time: %v", list)
	}
}
