// Package jobs runs background work: it claims jobs that are due, runs them as the system, and records how they ended.
// Any number of nodes can run it: a lease in the database makes sure that one node at a time runs a job.
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
	lease             = time.Minute // another node takes over a job of a node that died after this
	renewInterval     = lease / 4   // between two extensions of the lease of a job that is running
	pollInterval      = time.Second // between two polls when nothing is due
	flushInterval     = 30 * time.Second
	heartbeatInterval = 10 * time.Second
	gracePeriod       = 20 * time.Second // for the running job when the service stops
)

// Runner runs the background work of one node.
type Runner struct {
	directory *directory.Directory
	log       *slog.Logger
	node      uuid.UUID
	build     string // version of the program
	jobs      map[string]directory.Job

	renew     time.Duration
	poll      time.Duration
	flush     time.Duration
	heartbeat time.Duration
	grace     time.Duration
}

// New returns a runner, which is a node of its own. build is the version of its program; jobs are the lists of all
// packages that have jobs. It panics when two jobs are of one kind.
func New(d *directory.Directory, log *slog.Logger, build string, jobs ...[]directory.Job) *Runner {
	r := &Runner{
		directory: d, log: log, node: cardinal.NewID(), build: build, jobs: map[string]directory.Job{},
		renew: renewInterval, poll: pollInterval, flush: flushInterval, heartbeat: heartbeatInterval,
		grace: gracePeriod,
	}
	for _, list := range jobs {
		for _, job := range list {
			if _, ok := r.jobs[job.Kind]; ok {
				panic("jobs: two jobs are called " + job.Kind)
			}
			r.jobs[job.Kind] = job
		}
	}
	return r
}

// Join registers the node before it serves requests: an upgrade then waits for it where it must. It also schedules the
// repeating jobs.
func (r *Runner) Join(ctx context.Context) error {
	if err := r.directory.Join(ctx, r.node, r.build); err != nil {
		return err
	}
	var jobs []directory.Job
	for _, job := range r.jobs {
		jobs = append(jobs, job)
	}
	return r.directory.ScheduleJobs(ctx, jobs)
}

// kinds lists the kinds of the long jobs, or of the others.
func (r *Runner) kinds(long bool) []string {
	var kinds []string
	for _, job := range r.jobs {
		if job.Long == long {
			kinds = append(kinds, job.Kind)
		}
	}
	return kinds
}

// Run works until ctx ends: then it claims no more jobs and lets the running one end. It also writes heartbeats and the
// last use of sessions, regularly and at the end. Its error is that of this last write.
func (r *Runner) Run(ctx context.Context) error {
	// Work and bookkeeping outlive ctx, but not by more than the grace period.
	graceful, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(r.grace, stop) })()

	var background sync.WaitGroup
	background.Go(func() { r.flushLoop(ctx, graceful) })
	background.Go(func() { r.heartbeatLoop(ctx, graceful) })
	// A long job delays no other job. Another node can continue it at any time, so it stops with ctx.
	if kinds := r.kinds(true); len(kinds) > 0 {
		background.Go(func() { r.jobLoop(ctx, ctx, graceful, kinds) })
	}
	r.jobLoop(ctx, graceful, graceful, r.kinds(false))
	background.Wait()
	return errors.Join(r.directory.FlushLastSeen(graceful), r.directory.FlushRefusals(graceful, true),
		r.directory.Leave(graceful, r.node))
}

// jobLoop runs one job after the other until ctx ends. A job can run as long as jobCtx; its end is recorded as long as
// bookkeepingCtx.
func (r *Runner) jobLoop(ctx, jobCtx, bookkeepingCtx context.Context, kinds []string) {
	for ctx.Err() == nil {
		if ran := r.runNext(ctx, jobCtx, bookkeepingCtx, kinds); !ran {
			wait(ctx, jittered(r.poll))
		}
	}
}

// runNext claims the most overdue job and runs it; false when there was none.
func (r *Runner) runNext(ctx, jobCtx, bookkeepingCtx context.Context, kinds []string) bool {
	job, err := r.directory.ClaimJob(ctx, r.node, lease, kinds...)
	if err != nil {
		if !errors.Is(err, cardinal.ErrNotFound) && ctx.Err() == nil {
			r.log.Warn("a job could not be claimed", "error", directory.ErrorKind(err))
		}
		return false
	}
	start := time.Now()
	failure := r.runWithLease(jobCtx, job)
	switch {
	case failure != nil && jobCtx.Err() != nil:
		r.log.Info("a job was left to another node", "job", job.Kind)
	case failure != nil:
		r.log.Error("a job failed", "job", job.Kind, "attempt", job.Attempts+1, "error", directory.ErrorKind(failure))
	default:
		r.log.Debug("a job is done", "job", job.Kind, "duration", time.Since(start))
	}
	// A node that lost the lease has nothing to record: another node has the job now.
	err = r.directory.EndJob(bookkeepingCtx, job, r.node, failure)
	if err != nil && !errors.Is(err, cardinal.ErrNotFound) {
		r.log.Error("the end of a job could not be recorded", "job", job.Kind, "error", directory.ErrorKind(err))
	}
	return true
}

// runWithLease runs a job and extends its lease while it runs. A job that loses its lease is stopped.
func (r *Runner) runWithLease(ctx context.Context, job directory.ClaimedJob) error {
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
				r.log.Warn("a lease could not be extended", "job", job.Kind, "error", directory.ErrorKind(err))
			}
		}
	})
	return r.directory.As(cardinal.System()).RunJob(ctx, r.jobs[job.Kind], job.ID)
}

func (r *Runner) flushLoop(ctx, graceful context.Context) {
	for wait(ctx, jittered(r.flush)) {
		if err := r.directory.FlushLastSeen(graceful); err != nil {
			r.log.Warn("the last use of sessions could not be written", "error", directory.ErrorKind(err))
		}
		if err := r.directory.FlushRefusals(graceful, false); err != nil {
			r.log.Warn("the counts of refused attempts could not be written", "error", directory.ErrorKind(err))
		}
	}
}

func (r *Runner) heartbeatLoop(ctx, graceful context.Context) {
	for wait(ctx, jittered(r.heartbeat)) {
		if err := r.directory.Heartbeat(graceful, r.node, r.build); err != nil {
			r.log.Warn("the heartbeat could not be written", "error", directory.ErrorKind(err))
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

// jittered varies an interval by up to a quarter, so that nodes that started together do not poll together.
func jittered(d time.Duration) time.Duration { return d*3/4 + rand.N(d/2+1) } // #nosec G404 -- spreads nodes, no secret
