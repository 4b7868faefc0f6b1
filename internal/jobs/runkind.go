package jobs

import (
	"context"
	"errors"
	"fmt"

	"cardinal"
)

// ErrNotClaimed is the error of RunKind when no job of the kind is due, or another node has claimed it.
var ErrNotClaimed = errors.New("no job was claimed")

// RunKind claims the most overdue job of a kind, runs it in this process and records how it ended. It returns the error
// of the job, or ErrNotClaimed.
func (r *Runner) RunKind(ctx context.Context, kind string) error {
	if _, ok := r.jobs[kind]; !ok {
		return fmt.Errorf("%w: this version has no job of the kind %q", cardinal.ErrNotFound, kind)
	}
	job, err := r.directory.ClaimJob(ctx, r.node, lease, kind)
	if errors.Is(err, cardinal.ErrNotFound) {
		return ErrNotClaimed
	}
	if err != nil {
		return err
	}
	failed := r.runWithLease(ctx, job)
	err = r.directory.EndJob(context.WithoutCancel(ctx), job, r.node, failed)
	if errors.Is(err, cardinal.ErrNotFound) {
		err = nil // the lease was lost: another node runs the job now
	}
	return errors.Join(failed, err)
}
