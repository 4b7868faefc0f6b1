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
	all := must(s.Read(ctx).Jobs(ctx))(t)
	if len(all) < 3 || all[0].Kind != "audit.months" || *all[0].RepeatSeconds != 86400 {
		t.Fatalf("Jobs: %v", all)
	}
	kinds := make([]string, len(all))
	for i := range all {
		kinds[i] = all[i].Kind
	}
	claim := func(tx store.Tx, at time.Time) (cardinal.Job, error) {
		return tx.ClaimJob(ctx, node, at, time.Minute, kinds...)
	}
	// A node does not claim jobs of a kind that it does not know.
	wantError(t, "ClaimJob, unknown kind", cardinal.ErrNotFound, txError(t, s, func(tx store.Tx) (cardinal.Job, error) {
		return tx.ClaimJob(ctx, node, baseTime, time.Minute, "no.such")
	}))
	wantEqual(t, "ClaimJob, one kind", inTx(t, s, func(tx store.Tx) (cardinal.Job, error) {
		job, err := tx.ClaimJob(ctx, node, baseTime.Add(-2*time.Minute), time.Minute, kinds[1])
		return job, err
	}), all[1])
	for i := range all {
		write(t, s, func(tx store.Tx) error {
			wantEqual(t, "ClaimJob", must(claim(tx, baseTime))(t), all[i])
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
	wantError(t, "ClaimJob, all leased", cardinal.ErrNotFound, txError(t, s, func(tx store.Tx) (cardinal.Job, error) {
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
	jobOf := func(id uuid.UUID) cardinal.Job {
		all := must(s.Read(ctx).Jobs(ctx))(t)
		return all[slices.IndexFunc(all, func(j cardinal.Job) bool { return j.ID == id })]
	}
	done, failed, late := all[0], all[1], all[2]
	done.LastRunAt, done.RunAt = &baseTime, baseTime.Add(24*time.Hour)
	failed.Attempts, failed.LastError, failed.RunAt = 1, ptr("busy"), baseTime.Add(time.Second)
	late.Attempts, late.LastError, late.RunAt = 1, ptr("gone"), baseTime
	for _, want := range []cardinal.Job{done, failed, late} {
		wantEqual(t, "job after its run", jobOf(want.ID), want)
	}
	// A job with an expired lease is due again, the most overdue one first.
	expired := inTx(t, s, func(tx store.Tx) (cardinal.Job, error) { return claim(tx, baseTime.Add(time.Minute)) })
	if expired.ID != all[3].ID {
		t.Errorf("ClaimJob, expired lease: %v", expired)
	}
	at := baseTime.Add(time.Minute)
	wantError(t, "RenewJob, other node", cardinal.ErrNotFound, s.Write(ctx, func(tx store.Tx) error {
		return tx.RenewJob(ctx, expired.ID, otherNode, at)
	}))
	write(t, s, func(tx store.Tx) error { return tx.RenewJob(ctx, expired.ID, node, at.Add(time.Hour)) })
	wantError(t, "ClaimJob, extended lease", cardinal.ErrNotFound,
		txError(t, s, func(tx store.Tx) (cardinal.Job, error) {
			return tx.ClaimJob(ctx, otherNode, at.Add(time.Hour-time.Microsecond), time.Minute, expired.Kind)
		}))
	// A job that runs once is deleted after it ran, unless it was scheduled again meanwhile.
	oneOff := cardinal.Job{ID: cardinal.NewID(), Kind: "probes.try", RunAt: baseTime}
	put := func() {
		write(t, s, func(tx store.Tx) error { return tx.PutJob(ctx, oneOff.ID, oneOff.Kind, baseTime) })
	}
	end := func() error {
		return s.Write(ctx, func(tx store.Tx) error { return tx.FinishJob(ctx, oneOff.ID, node, baseTime) })
	}
	for _, rescheduled := range []bool{true, false} {
		put()
		wantEqual(t, "ClaimJob, one-off job", inTx(t, s, func(tx store.Tx) (cardinal.Job, error) {
			return tx.ClaimJob(ctx, node, baseTime, time.Minute, oneOff.Kind)
		}), oneOff)
		if rescheduled {
			put()
			wantError(t, "FinishJob, rescheduled", cardinal.ErrNotFound, end())
			wantEqual(t, "a rescheduled job", jobOf(oneOff.ID), oneOff)
		}
	}
	if err := end(); err != nil {
		t.Fatal(err)
	}
	if list := must(s.Read(ctx).Jobs(ctx))(t); slices.ContainsFunc(list, func(j cardinal.Job) bool {
		return j.ID == oneOff.ID
	}) {
		t.Error("a one-off job still exists after it ran")
	}
	if list := must(s.Read(ctx).Jobs(ctx))(t); !slices.IsSortedFunc(list, func(a, b cardinal.Job) int {
		return a.RunAt.Compare(b.RunAt)
	}) {
		t.Errorf("Jobs are not sorted by due time: %v", list)
	}
}
