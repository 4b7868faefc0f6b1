package main

import (
	"context"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"cardinal"
)

func (a *app) runsList() *cobra.Command {
	var p pageFlags
	c := command("list", "List imports, the newest first", "  cardinal runs list", func(ctx context.Context, _ []string) error {
		k, err := a.open(ctx)
		if err != nil {
			return err
		}
		runs, err := paginate(p, true, func(r cardinal.ImportRun) uuid.UUID { return r.ID }, func(page cardinal.Page) (cardinal.List[cardinal.ImportRun], error) {
			return k.Imports(ctx, page)
		})
		if err != nil {
			return err
		}
		return printList(a, runs, "id", "state", "format", "rows_created", "rows_skipped", "rows_faulty", "created_at", "name")
	})
	return a.withPageFlags(c, &p)
}

func (a *app) runsShow() *cobra.Command {
	return command("show RUN", "Show an import", "  cardinal runs show 0198c0de-8f00-7000-8000-000000000001", func(ctx context.Context, args []string) error {
		k, id, err := a.openRun(ctx, args[0])
		if err != nil {
			return err
		}
		run, err := k.Import(ctx, id)
		if err != nil {
			return notFoundAs(err, "run", args[0], listRunsHint)
		}
		return printItem(a, run, "id", "state", "problem", "format", "name", "actor_id", "check", "rows_read", "rows_created", "rows_skipped", "rows_faulty", "rows_undone", "rows_kept", "created_at", "updated_at", "started_at", "finished_at", "undone_at")
	})
}

const listRunsHint = "`cardinal runs list` shows what there is."

func (a *app) openRun(ctx context.Context, text string) (desk, uuid.UUID, error) {
	id, err := uuid.Parse(text)
	if err != nil {
		return desk{}, id, usageError(listRunsHint, "%s is not the id of a run", shellQuote(text))
	}
	k, err := a.open(ctx)
	return k, id, err
}

func (a *app) runsResume() *cobra.Command {
	return command("resume RUN [FILE]", "Go on with an import that was cut, from the row after the last that was written", "  cardinal runs resume 0198c0de-8f00-7000-8000-000000000001\n  zcat people.ndjson.gz | cardinal runs resume 0198c0de-8f00-7000-8000-000000000001 -",
		func(ctx context.Context, args []string) error {
			k, id, err := a.openRun(ctx, args[0])
			if err != nil {
				return err
			}
			run, err := k.Import(ctx, id)
			if err != nil {
				return notFoundAs(err, "run", args[0], listRunsHint)
			}
			name := run.Name
			if len(args) > 1 {
				name = args[1]
			}
			src, err := a.importSource(name)
			if err != nil {
				return err
			}
			report := a.newProblemReport(name, "")
			check := a.newProgress("Checking", src.position)
			ended := false
			rows := int64(0)
			err = a.writeImport(name, func(tell func(cardinal.ImportRun)) (cardinal.ImportRun, error) {
				return k.ResumeImport(ctx, id, src, report.add, func(n int64) { rows = n; check.update(n) }, func(run cardinal.ImportRun) {
					if !ended {
						check.clear()
						ended = true
					}
					tell(run)
				})
			}, func() int64 { return rows })
			if closing := report.close(); err == nil {
				err = closing
			}
			return asUsageError(err)
		})
}

func (a *app) runsUndo() *cobra.Command {
	yes := false
	c := command("undo RUN", "Erase the people that an import made, but those who changed since or signed in", "  cardinal runs undo 0198c0de-8f00-7000-8000-000000000001 --yes", func(ctx context.Context, args []string) error {
		k, id, err := a.openRun(ctx, args[0])
		if err != nil {
			return err
		}
		run, err := k.Import(ctx, id)
		if err != nil {
			return notFoundAs(err, "run", args[0], listRunsHint)
		}
		if !yes {
			return &commandError{kind: cardinal.ErrInvalid, code: "consent_missing", message: formatThousands(run.Created-run.Undone-run.Kept) + " people would be erased for good; nothing was changed",
				fix: "To erase them: " + a.rerunCommand("runs", "undo", id.String(), "--yes")}
		}
		var now cardinal.ImportRun
		m := a.newProgress("Undoing", func() (int64, int64) { return now.Undone + now.Kept, run.Created })
		run, err = k.UndoImport(ctx, id, func(run cardinal.ImportRun) {
			now = run
			m.update(run.Undone + run.Kept)
		})
		m.clear()
		if err != nil {
			return err
		}
		return printChanged(a, run, "", "import run %s: undone, %s people erased, %s kept because they changed since", run.ID, formatThousands(run.Undone), formatThousands(run.Kept))
	})
	c.Flags().BoolVar(&yes, "yes", false, "erase")
	return c
}
