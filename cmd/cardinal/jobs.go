package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"cardinal"
	"cardinal/internal/access"
	"cardinal/internal/directory"
	"cardinal/internal/hashes"
	"cardinal/internal/importing"
	"cardinal/internal/jobs"
	"cardinal/internal/reencrypt"
)

const listJobsHint = "`cardinal jobs list` lists the jobs."

// backgroundJobs lists the jobs of every package that has some.
func backgroundJobs() [][]directory.Job {
	return [][]directory.Job{directory.Jobs(), access.Jobs(), importing.Jobs(), hashes.Jobs(), reencrypt.Jobs()}
}

func (a *app) jobsList() *cobra.Command {
	return a.withListFlags(command("list", "List the background jobs, the first due first", "",
		func(ctx context.Context, _ []string) error {
			k, err := a.open(ctx)
			if err != nil {
				return err
			}
			all, err := jobs.List(ctx, k.Desk)
			if err != nil {
				return err
			}
			list := listPage[cardinal.JobStatus]{Data: all}
			return printList(a, list, "kind", "state", "run_at", "attempts", "last_error", "leased_by")
		}))
}

// jobRun is the result of `cardinal jobs run`.
type jobRun struct {
	Kind       string     `json:"kind"`
	DurationMS int64      `json:"duration_ms"`
	NextRunAt  *time.Time `json:"next_run_at,omitempty"` // absent when the job runs once
}

func (a *app) jobsRun() *cobra.Command {
	c := command("run KIND", "Run a job now, in this process", "  cardinal jobs run sessions.purge",
		func(ctx context.Context, args []string) error { return a.runJob(ctx, args[0]) })
	c.ValidArgsFunction = a.completeJobKinds
	return c
}

func (a *app) runJob(ctx context.Context, kind string) error {
	k, err := a.open(ctx)
	if err != nil {
		return err
	}
	c, err := a.config()
	if err != nil {
		return err
	}
	job, err := jobs.Request(ctx, k.Desk, kind)
	if errors.Is(err, cardinal.ErrConflict) && job.LeasedBy != nil {
		return &commandError{kind: err, code: "job_running",
			message: kind + " is running on node " + job.LeasedBy.String(),
			fix:     "Wait until it has finished. " + listJobsHint}
	}
	if err != nil {
		return notFoundAs(err, "job", kind, listJobsHint)
	}
	startedAt := time.Now()
	err = jobs.New(k.Directory(), a.logger(c), version, backgroundJobs()...).RunKind(ctx, kind)
	if errors.Is(err, jobs.ErrNotClaimed) {
		return &commandError{kind: cardinal.ErrConflict, code: "job_running",
			message: "another node runs " + kind + " now", fix: listJobsHint}
	}
	if err != nil {
		return fmt.Errorf("%s failed: %w", kind, err)
	}
	run := jobRun{Kind: kind, DurationMS: time.Since(startedAt).Milliseconds()}
	suffix := ""
	after, err := jobs.List(ctx, k.Desk)
	if err != nil {
		return err
	}
	for _, j := range after {
		if j.ID == job.ID {
			run.NextRunAt = &j.RunAt
			suffix = "; due again at " + j.RunAt.Format(time.DateTime) + "Z"
		}
	}
	if a.json || len(a.fields) > 0 {
		return printItem(a, run, "kind", "duration_ms", "next_run_at")
	}
	_, err = fmt.Fprintf(a.out, "ran %s in %d ms%s\n", kind, run.DurationMS, suffix)
	return err
}

func (a *app) jobsRetry() *cobra.Command {
	c := command("retry [KIND]", "Make failed jobs due now: all of them, or those of a kind",
		"  cardinal jobs retry\n  cardinal jobs retry search.build",
		func(ctx context.Context, args []string) error {
			kind := ""
			if len(args) > 0 {
				kind = args[0]
			}
			k, err := a.open(ctx)
			if err != nil {
				return err
			}
			retried, err := jobs.Retry(ctx, k.Desk, kind)
			if err != nil {
				return err
			}
			if kind != "" && len(retried) == 0 {
				return notFoundError("failed job", kind, listJobsHint)
			}
			if !a.json && !a.csv && len(a.fields) == 0 {
				for _, job := range retried {
					fmt.Fprintf(a.out, "%s is due now\n", job.Kind)
				}
				if len(retried) == 0 {
					fmt.Fprintln(a.out, "no job has failed")
					return nil
				}
				fmt.Fprintln(a.out, "The next running node takes them. To run one in this process: "+
					a.rerunCommand("jobs", "run", retried[0].Kind))
				return nil
			}
			return printList(a, listPage[cardinal.JobStatus]{Data: retried}, "kind", "state", "run_at", "attempts")
		})
	c.ValidArgsFunction = a.completeJobKinds
	return a.withListFlags(c)
}

// completeJobKinds completes the kind of a job.
func (a *app) completeJobKinds(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	k, err := a.open(c.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	defer a.close()
	all, err := jobs.List(c.Context(), k.Desk)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var kinds []string
	for _, job := range all {
		kinds = append(kinds, job.Kind)
	}
	return kinds, cobra.ShellCompDirectiveNoFileComp
}
