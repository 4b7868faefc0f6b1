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
	every := must(s.Read(ctx).Jobs(ctx))(t)
	if len(every) < 3 || every[0].Kind != "audit.months" || *every[0].RepeatSeconds != 86400 {
		t.Fatalf("Jobs: %v", every)
	}
	kinds := make([]string, len(every))
	for i := range every {
		kinds[i] = every[i].Kind
	}
	claim := func(tx store.Tx, at time.Time) (cardinal.Job, error) {
		return tx.ClaimJob(ctx, node, at, time.Minute, kinds...)
	}
	// A kind that the node does not know is left to one that does.
	refused(t, "ClaimJob of no known kind", cardinal.ErrNotFound, try(t, s, func(tx store.Tx) (cardinal.Job, error) {
		return tx.ClaimJob(ctx, node, moment, time.Minute, "no.such")
	}))
	same(t, "ClaimJob of the second's kind", written(t, s, func(tx store.Tx) (cardinal.Job, error) {
		job, err := tx.ClaimJob(ctx, node, moment.Add(-2*time.Minute), time.Minute, kinds[1])
		return job, err
	}), every[1])
	for i := range every {
		write(t, s, func(tx store.Tx) error {
			same(t, "ClaimJob", must(claim(tx, moment))(t), every[i])
			if i == 0 && s.Engine() == "postgres" {
				// Another transaction passes over the row that this one holds.
				refused(t, "a claim beside", errUndo, s.Write(ctx, func(other store.Tx) error {
					if beside := must(claim(other, moment))(t); beside.ID != every[1].ID {
						t.Errorf("ClaimJob beside: %v, want %v", beside, every[1])
					}
					return errUndo
				}))
			}
			return nil
		})
	}
	refused(t, "ClaimJob while all are leased", cardinal.ErrNotFound, try(t, s, func(tx store.Tx) (cardinal.Job, error) {
		return claim(tx, moment.Add(time.Minute-time.Microsecond))
	}))
	stranger := cardinal.NewID()
	refused(t, "FinishJob of another's", cardinal.ErrNotFound, s.Write(ctx, func(tx store.Tx) error {
		return tx.FinishJob(ctx, every[0].ID, stranger, moment)
	}))
	refused(t, "FailJob of another's", cardinal.ErrNotFound, s.Write(ctx, func(tx store.Tx) error {
		return tx.FailJob(ctx, every[0].ID, stranger, moment, moment, "busy")
	}))
	write(t, s, func(tx store.Tx) error { return tx.FinishJob(ctx, every[0].ID, node, moment) })
	write(t, s, func(tx store.Tx) error {
		return tx.FailJob(ctx, every[1].ID, node, moment, moment.Add(time.Second), "busy")
	})
	// A time of retry that has passed already is now: nothing may stay the most overdue for ever.
	write(t, s, func(tx store.Tx) error {
		return tx.FailJob(ctx, every[2].ID, node, moment, moment.Add(-time.Hour), "gone")
	})
	jobOf := func(id uuid.UUID) cardinal.Job {
		all := must(s.Read(ctx).Jobs(ctx))(t)
		return all[slices.IndexFunc(all, func(j cardinal.Job) bool { return j.ID == id })]
	}
	done, failed, late := every[0], every[1], every[2]
	done.LastRunAt, done.RunAt = &moment, moment.Add(24*time.Hour)
	failed.Attempts, failed.LastError, failed.RunAt = 1, ptr("busy"), moment.Add(time.Second)
	late.Attempts, late.LastError, late.RunAt = 1, ptr("gone"), moment
	for _, want := range []cardinal.Job{done, failed, late} {
		same(t, "a job after", jobOf(want.ID), want)
	}
	// A lease that ran out is due again, the longest waiting first.
	again := written(t, s, func(tx store.Tx) (cardinal.Job, error) { return claim(tx, moment.Add(time.Minute)) })
	if again.ID != every[3].ID {
		t.Errorf("ClaimJob after a lease: %v", again)
	}
	at := moment.Add(time.Minute)
	refused(t, "RenewJob of another's", cardinal.ErrNotFound, s.Write(ctx, func(tx store.Tx) error { return tx.RenewJob(ctx, again.ID, stranger, at) }))
	write(t, s, func(tx store.Tx) error { return tx.RenewJob(ctx, again.ID, node, at.Add(time.Hour)) })
	refused(t, "ClaimJob of a lease that was prolonged", cardinal.ErrNotFound, try(t, s, func(tx store.Tx) (cardinal.Job, error) {
		return tx.ClaimJob(ctx, stranger, at.Add(time.Hour-time.Microsecond), time.Minute, again.Kind)
	}))
	// Work that is due once goes when it is done; made due anew meanwhile, it stays.
	once := cardinal.Job{ID: cardinal.NewID(), Kind: "probes.try", RunAt: moment}
	put := func() { write(t, s, func(tx store.Tx) error { return tx.PutJob(ctx, once.ID, once.Kind, moment) }) }
	end := func() error {
		return s.Write(ctx, func(tx store.Tx) error { return tx.FinishJob(ctx, once.ID, node, moment) })
	}
	for _, anew := range []bool{true, false} {
		put()
		same(t, "ClaimJob of what is due once", written(t, s, func(tx store.Tx) (cardinal.Job, error) {
			return tx.ClaimJob(ctx, node, moment, time.Minute, once.Kind)
		}), once)
		if anew {
			put()
			refused(t, "FinishJob of what is due anew", cardinal.ErrNotFound, end())
			same(t, "what is due anew", jobOf(once.ID), once)
		}
	}
	if err := end(); err != nil {
		t.Fatal(err)
	}
	if list := must(s.Read(ctx).Jobs(ctx))(t); slices.ContainsFunc(list, func(j cardinal.Job) bool { return j.ID == once.ID }) {
		t.Error("what was due once is there still")
	}
	if list := must(s.Read(ctx).Jobs(ctx))(t); !slices.IsSortedFunc(list, func(a, b cardinal.Job) int { return a.RunAt.Compare(b.RunAt) }) {
		t.Errorf("Jobs are not in the order of their turn: %v", list)
	}
}
