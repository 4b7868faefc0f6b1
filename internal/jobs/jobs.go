// Package jobs does later what the directory promised: it claims scheduled work that is due, runs it as the System, and
// notes how it ended. Any number of nodes may run one; the lease in the database sees to it that each piece of work is done
// by one of them.
package jobs

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory"
)

const (
	lease = time.Minute // another node takes over from one that died after this
	renew = lease / 4   // between two prolongations of the lease of work that goes on
	poll  = time.Second // between two looks when nothing is due
	flush = 30 * time.Second
	beat  = 10 * time.Second
	grace = 20 * time.Second // for the work under way when the service stops
)

// Runner runs scheduled work for one node.
type Runner struct {
	directory *directory.Directory
	log       *slog.Logger
	node      uuid.UUID
	build     string // version of the program
	renew     time.Duration
	poll      time.Duration
	flush     time.Duration
	beat      time.Duration
	grace     time.Duration
}

// New returns a runner that is a node of its own; build is the version of its program.
func New(d *directory.Directory, log *slog.Logger, build string) *Runner {
	return &Runner{directory: d, log: log, node: cardinal.NewID(), build: build, renew: renew, poll: poll, flush: flush, beat: beat, grace: grace}
}

// Join registers the node, before it serves anybody: an upgrade then waits for it where it must.
func (r *Runner) Join(ctx context.Context) error { return r.directory.Join(ctx, r.node, r.build) }

// Run works until ctx ends: then it claims nothing more and lets the piece of work under way end. It also writes down that the node
// is alive and which sessions were used, from time to time and at the end. Its error is that of this last writing.
func (r *Runner) Run(ctx context.Context) error {
	// Work outlives ctx, but not by more than the grace.
	working, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(r.grace, stop) })()

	var beside sync.WaitGroup
	beside.Go(func() { r.flushUntil(ctx, working) })
	beside.Go(func() { r.beatUntil(ctx, working) })
	// An import takes long, and another node can go on with it at any time: it keeps nothing else waiting, and ends with ctx.
	beside.Go(func() { r.workUntil(ctx, ctx, working, r.directory.ClaimImport) })
	r.workUntil(ctx, working, working, r.directory.ClaimJob)
	beside.Wait()
	return errors.Join(r.directory.FlushLastSeen(working), r.directory.Leave(working, r.node))
}

// claim leases a piece of work that is due.
type claim func(ctx context.Context, node uuid.UUID, lease time.Duration) (cardinal.Job, error)

// workUntil does one piece of work after the other until ctx ends. The work may go on as long as doing, noting its end as long as working.
func (r *Runner) workUntil(ctx, doing, working context.Context, due claim) {
	for ctx.Err() == nil {
		if worked := r.one(ctx, doing, working, due); !worked {
			wait(ctx, jittered(r.poll))
		}
	}
}

// one claims the most overdue piece of work and does it; false when there was none to be had.
func (r *Runner) one(ctx, doing, working context.Context, due claim) bool {
	job, err := due(ctx, r.node, lease)
	if err != nil {
		if !errors.Is(err, cardinal.ErrNotFound) && ctx.Err() == nil {
			r.log.Warn("scheduled work could not be claimed", "error", kind(err))
		}
		return false
	}
	began := time.Now()
	failed := r.do(doing, job)
	switch {
	case failed != nil && doing.Err() != nil:
		r.log.Info("scheduled work was left to another node", "job", job.Kind)
	case failed != nil:
		r.log.Error("scheduled work failed", "job", job.Kind, "attempt", job.Attempts+1, "error", kind(failed))
	default:
		r.log.Debug("scheduled work done", "job", job.Kind, "took", time.Since(began))
	}
	// Whoever lost the lease meanwhile has nothing to note: the work is another node's now.
	if err := r.directory.EndJob(working, job, r.node, failed); err != nil && !errors.Is(err, cardinal.ErrNotFound) {
		r.log.Error("the end of scheduled work could not be noted", "job", job.Kind, "error", kind(err))
	}
	return true
}

// do does a piece of work and keeps its lease meanwhile; without the lease it ends.
func (r *Runner) do(ctx context.Context, job cardinal.Job) error {
	ctx, stop := context.WithCancel(ctx)
	var renewing sync.WaitGroup
	defer renewing.Wait()
	defer stop()
	renewing.Go(func() {
		for wait(ctx, r.renew) {
			err := r.directory.RenewJob(ctx, job, r.node, lease)
			if errors.Is(err, cardinal.ErrNotFound) {
				stop()
			} else if err != nil && ctx.Err() == nil {
				r.log.Warn("a lease could not be prolonged", "job", job.Kind, "error", kind(err))
			}
		}
	})
	return r.directory.As(cardinal.System()).RunJob(ctx, job)
}

func (r *Runner) flushUntil(ctx, working context.Context) {
	for wait(ctx, jittered(r.flush)) {
		if err := r.directory.FlushLastSeen(working); err != nil {
			r.log.Warn("the use of sessions could not be noted", "error", kind(err))
		}
	}
}

func (r *Runner) beatUntil(ctx, working context.Context) {
	for wait(ctx, jittered(r.beat)) {
		if err := r.directory.Heartbeat(working, r.node, r.build); err != nil {
			r.log.Warn("the heartbeat could not be written", "error", kind(err))
		}
	}
}

// wait returns true after d, false when ctx ended first.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// jittered spreads nodes that started together: d, give or take a quarter.
func jittered(d time.Duration) time.Duration { return d*3/4 + rand.N(d/2+1) }

// kind names an error for the log without its text, which may hold values.
func kind(err error) string {
	for _, kind := range []error{cardinal.ErrBusy, cardinal.ErrConflict, cardinal.ErrForbidden, cardinal.ErrNotFound,
		cardinal.ErrStale, cardinal.ErrInvalid, context.DeadlineExceeded, context.Canceled} {
		if errors.Is(err, kind) {
			return kind.Error()
		}
	}
	return "internal"
}
