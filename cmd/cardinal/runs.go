package main

import (
	"cmp"
	"context"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"cardinal"
	"cardinal/internal/importing"
)

func (a *app) runsList() *cobra.Command {
	var p pageFlags
	c := command("list", "List imports, newest first",
		"  cardinal runs list",
		func(ctx context.Context, _ []string) error {
			k, err := a.open(ctx)
			if err != nil {
				return err
			}
			runs, err := paginate(p, true, func(r cardinal.ImportRun) uuid.UUID { return r.ID },
				func(page cardinal.Page) (cardinal.List[cardinal.ImportRun], error) {
					return importing.List(ctx, k.Desk, page)
				})
			if err != nil {
				return err
			}
			return printList(a, runs, "id", "state", "format", "rows_created", "rows_skipped", "rows_faulty",
				"created_at", "name")
		})
	return a.withPageFlags(c, &p)
}

func (a *app) runsShow() *cobra.Command {
	return command("show RUN", "Show an import",
		"  cardinal runs show 0198c0de-8f00-7000-8000-000000000001",
		func(ctx context.Context, args []string) error {
			k, id, err := a.openRun(ctx, args[0])
			if err != nil {
				return err
			}
			run, err := importing.Get(ctx, k.Desk, id)
			if err != nil {
				return notFoundAs(err, "import", args[0], listRunsHint)
			}
			return printItem(a, run, "id", "state", "problem", "format", "name", "actor_id", "check", "rows_read",
				"rows_created", "rows_skipped", "rows_faulty", "rows_undone", "rows_kept", "created_at", "updated_at",
				"started_at", "finished_at", "undone_at")
		})
}

const listRunsHint = "`cardinal runs list` lists the imports."

// openRun opens the database and parses the id of an import.
func (a *app) openRun(ctx context.Context, text string) (desk, uuid.UUID, error) {
	id, err := uuid.Parse(text)
	if err != nil {
		return desk{}, id, usageError(listRunsHint, "%s is not a valid id", shellQuote(text))
	}
	k, err := a.open(ctx)
	return k, id, err
}

func (a *app) runsResume() *cobra.Command {
	return command("resume RUN [FILE]", "Continue an interrupted import after the last row that was written",
		"  cardinal runs resume 0198c0de-8f00-7000-8000-000000000001\n"+
			"  zcat users.ndjson.gz | cardinal runs resume 0198c0de-8f00-7000-8000-000000000001 -",
		func(ctx context.Context, args []string) error {
			k, id, err := a.openRun(ctx, args[0])
			if err != nil {
				return err
			}
			run, err := importing.Get(ctx, k.Desk, id)
			if err != nil {
				return notFoundAs(err, "import", args[0], listRunsHint)
			}
			name := cmp.Or(run.Path, run.Name)
			if len(args) > 1 {
				name = args[1]
			}
			src, err := a.importSource(name)
			if err != nil {
				return err
			}
			report := a.newProblemReport(name, "")
			checking := a.newProgress("Checking", src.position)
			isChecked, rows := false, int64(0)
			err = a.writeImport(name, func(onProgress func(cardinal.ImportRun)) (cardinal.ImportRun, error) {
				return importing.Resume(ctx, k.Desk, id, src, report.add,
					func(n int64) {
						rows = n
						checking.update(n)
					},
					func(run cardinal.ImportRun) {
						if !isChecked {
							checking.clear()
							isChecked = true
						}
						onProgress(run)
					})
			}, func() int64 { return rows })
			if closeErr := report.close(); err == nil {
				err = closeErr
			}
			return asUsageError(err)
		})
}

func (a *app) runsUndo() *cobra.Command {
	yes := false
	c := command("undo RUN", "Erase the users that an import created, except those who changed or signed in since",
		"  cardinal runs undo 0198c0de-8f00-7000-8000-000000000001 --yes",
		func(ctx context.Context, args []string) error {
			k, id, err := a.openRun(ctx, args[0])
			if err != nil {
				return err
			}
			run, err := importing.Get(ctx, k.Desk, id)
			if err != nil {
				return notFoundAs(err, "import", args[0], listRunsHint)
			}
			if !yes {
				users := formatThousands(run.Created - run.Undone - run.Kept)
				return &commandError{kind: cardinal.ErrInvalid, code: "consent_missing",
					message: users + " users would be erased permanently; nothing was changed",
					fix:     "To erase them: " + a.rerunCommand("runs", "undo", id.String(), "--yes")}
			}
			var latest cardinal.ImportRun
			undoing := a.newProgress("Undoing", func() (int64, int64) {
				return latest.Undone + latest.Kept, run.Created
			})
			run, err = importing.Undo(ctx, k.Desk, id, func(run cardinal.ImportRun) {
				latest = run
				undoing.update(run.Undone + run.Kept)
			})
			undoing.clear()
			if err != nil {
				return err
			}
			return printChanged(a, run, "", "import %s undone: erased %s users, kept %s who changed or signed in since",
				run.ID, formatThousands(run.Undone), formatThousands(run.Kept))
		})
	c.Flags().BoolVar(&yes, "yes", false, "erase the users")
	return c
}
