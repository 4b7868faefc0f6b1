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
	lease = 5 * time.Minute // another node takes over from one that died after this
	poll  = time.Second     // between two looks when nothing is due
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
	poll      time.Duration
	flush     time.Duration
	beat      time.Duration
	grace     time.Duration
}

// New returns a runner that is a node of its own; build is the version of its program.
func New(d *directory.Directory, log *slog.Logger, build string) *Runner {
	return &Runner{directory: d, log: log, node: cardinal.NewID(), build: build, poll: poll, flush: flush, beat: beat, grace: grace}
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

	var flushing sync.WaitGroup
	flushing.Go(func() { r.flushUntil(ctx, working) })
	flushing.Go(func() { r.beatUntil(ctx, working) })
	for ctx.Err() == nil {
		if worked := r.one(ctx, working); !worked {
			wait(ctx, jittered(r.poll))
		}
	}
	flushing.Wait()
	return errors.Join(r.directory.FlushSeen(working), r.directory.Part(working, r.node))
}

// one claims the most overdue piece of work and does it; false when there was none to be had.
func (r *Runner) one(ctx, working context.Context) bool {
	job, err := r.directory.ClaimJob(ctx, r.node, lease)
	if err != nil {
		if !errors.Is(err, cardinal.ErrNotFound) && ctx.Err() == nil {
			r.log.Warn("scheduled work could not be claimed", "error", kind(err))
		}
		return false
	}
	began := time.Now()
	failed := r.directory.As(cardinal.System()).RunJob(working, job.Kind)
	if failed != nil {
		r.log.Error("scheduled work failed", "job", job.Kind, "attempt", job.Attempts+1, "error", kind(failed))
	} else {
		r.log.Debug("scheduled work done", "job", job.Kind, "took", time.Since(began))
	}
	// Whoever lost the lease meanwhile has nothing to note: the work is another node's now.
	if err := r.directory.EndJob(working, job, r.node, failed); err != nil && !errors.Is(err, cardinal.ErrNotFound) {
		r.log.Error("the end of scheduled work could not be noted", "job", job.Kind, "error", kind(err))
	}
	return true
}

func (r *Runner) flushUntil(ctx, working context.Context) {
	for wait(ctx, jittered(r.flush)) {
		if err := r.directory.FlushSeen(working); err != nil {
			r.log.Warn("the use of sessions could not be noted", "error", kind(err))
		}
	}
}

func (r *Runner) beatUntil(ctx, working context.Context) {
	for wait(ctx, jittered(r.beat)) {
		if err := r.directory.Beat(working, r.node, r.build); err != nil {
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
