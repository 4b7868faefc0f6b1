package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"cardinal/internal/catalog"
	"cardinal/internal/catalog/rehearsal"
	"cardinal/internal/store"
)

// migrationPlan is what `cardinal db migrate` would do.
type migrationPlan struct {
	Engine string        `json:"engine"`
	Steps  []plannedStep `json:"steps"`
	Nodes  []store.Node  `json:"nodes"` // alive
}

// plannedStep is a step, and what this database means for it.
type plannedStep struct {
	rehearsal.Step
	Rows    int64        `json:"rows,omitempty"`    // of a backfill's table, about; -1 when nobody knows
	Batches int64        `json:"batches,omitempty"` // of a backfill, about
	Waits   []store.Node `json:"waits_for"`         // older nodes
}

func (a *app) dbPlan() *cobra.Command {
	c := command("plan", "Say what migrate would do: locks, rewrites, batches", "", func(ctx context.Context, _ []string) error {
		s, err := a.openStore(ctx)
		if err != nil {
			return err
		}
		p, err := a.planOf(ctx, s)
		if err != nil {
			return err
		}
		if a.json || len(a.fields) > 0 {
			return printItem(a, p)
		}
		a.printPlan(p)
		return nil
	})
	c.Long = "Rehearses what is pending in a schema made for it, which is dropped again, and tells what it would do to the tables of this\n" +
		"database. On PostgreSQL the role needs the right to make schemas."
	return c
}

func (a *app) planOf(ctx context.Context, s *store.Store) (migrationPlan, error) {
	r, now := s.Read(ctx), time.Now().UTC()
	p := migrationPlan{Engine: s.Engine(), Steps: []plannedStep{}, Nodes: []store.Node{}}
	state, err := readDBState(ctx, s)
	if err != nil {
		return p, withSchemaFix(err)
	}
	p.Nodes = state.Nodes
	applied, pending := []store.Migration{}, []store.Migration{}
	for _, m := range state.Migrations {
		if m.AppliedAt != nil {
			applied = append(applied, m)
		}
	}
	for _, phase := range []store.Phase{store.Expand, store.Backfill, store.Contract} { // the order of migrate
		for _, m := range state.Migrations {
			if m.AppliedAt == nil && m.Phase == phase {
				pending = append(pending, m)
			}
		}
	}
	steps, err := a.rehearse(ctx, applied, pending)
	if err != nil {
		return p, err
	}
	for _, step := range steps {
		next := plannedStep{Step: step, Waits: []store.Node{}}
		switch {
		case step.Migration.Phase == store.Backfill && len(applied) > 0:
			if next.Rows, next.Batches, err = r.BackfillSize(ctx, step.Migration); err != nil {
				return p, err
			}
		case step.Migration.Phase == store.Contract && len(state.Nodes) > 0:
			if next.Waits, err = r.OlderNodes(ctx, step.Migration.Number, now); err != nil {
				return p, err
			}
		}
		p.Steps = append(p.Steps, next)
	}
	return p, nil
}

// rehearse runs migrations in a schema beside the configured database's, or in memory.
func (a *app) rehearse(ctx context.Context, applied, migrations []store.Migration) ([]rehearsal.Step, error) {
	c, err := a.config()
	if err != nil {
		return nil, err
	}
	d := &catalog.Database{Engine: "sqlite"}
	if !c.IsEmbedded() {
		if d, err = a.openCatalog(ctx); err != nil {
			return nil, err
		}
	}
	steps, err := rehearsal.Rehearse(ctx, d, applied, migrations)
	if err != nil {
		return nil, &commandError{kind: err, code: "not_rehearsed", message: "the migrations cannot be rehearsed: " + err.Error(),
			fix: "On PostgreSQL the role needs the right to make a schema (GRANT CREATE ON DATABASE)."}
	}
	return steps, nil
}

func (a *app) printPlan(p migrationPlan) {
	if len(p.Steps) == 0 {
		fmt.Fprintln(a.out, "nothing is pending")
		return
	}
	fmt.Fprintf(a.out, "Plan (%s): %d migrations, %d node(s) alive\n", p.Engine, len(p.Steps), len(p.Nodes))
	for _, step := range p.Steps {
		fmt.Fprintf(a.out, "  %s\n", step.Migration)
		switch {
		case step.Migration.Phase == store.Backfill && step.Batches > 0:
			fmt.Fprintf(a.out, "    about %d rows in about %d batches, resting as long as each took, and while a replica is behind\n", step.Rows, step.Batches)
		case step.Migration.Phase == store.Backfill:
			fmt.Fprintln(a.out, "    walks its table in batches, resting as long as each took, and while a replica is behind")
		case p.Engine == "sqlite":
			fmt.Fprintln(a.out, "    writers wait while it runs, readers go on")
		case len(step.Effects) == 0:
			fmt.Fprintln(a.out, "    touches no table that is there")
		}
		for _, e := range step.Effects {
			fmt.Fprintf(a.out, "    %s: %s\n", e.Table, describeEffect(e))
		}
		for _, n := range step.Waits {
			fmt.Fprintf(a.out, "    waits for node %s (version %s) to stop\n", n.ID, n.Build)
		}
	}
	fmt.Fprintf(a.out, "Nothing was changed. To do it: %s\n", a.rerunCommand("db", "migrate"))
}

// describeEffect tells what a statement does to a table, for who has to decide when it may run.
func describeEffect(e rehearsal.Effect) string {
	what := ""
	switch {
	case e.Rewrites:
		what = "writes every row anew"
	case e.Scans:
		what = "reads every row"
	}
	lock := ""
	switch {
	case e.Lock == "":
	case e.Lock.StopsReads():
		lock = "stops reads and writes"
	case e.Lock.StopsWrites():
		lock = "stops writes"
	default:
		lock = "stops nobody"
	}
	switch {
	case lock != "" && what == "":
		what = fmt.Sprintf("%s for a moment (%s)", lock, e.Lock)
	case lock != "":
		what = fmt.Sprintf("%s, and %s meanwhile (%s)", what, lock, e.Lock)
	}
	return what + ": " + e.Statement
}

func (a *app) dbLint() *cobra.Command {
	c := command("lint [PATH]", "Refuse migrations that would block, lose or break", "  cardinal db lint\n  cardinal db lint drafts/ --db postgres://localhost/scratch",
		func(ctx context.Context, args []string) error {
			c, err := a.config()
			if err != nil {
				return err
			}
			engine := "postgres"
			if c.IsEmbedded() {
				engine = "sqlite"
			}
			applied, judged := []store.Migration{}, store.Embedded(engine)
			if len(args) > 0 {
				if judged, err = readDrafts(args[0]); err != nil {
					return err
				}
				applied = nil // all of them
			}
			steps, err := a.rehearse(ctx, applied, judged)
			if err != nil {
				return err
			}
			faults := rehearsal.Lint(steps)
			if a.json {
				if err := a.printJSON(listPage[rehearsal.Fault]{Data: faults}); err != nil {
					return err
				}
			} else {
				for _, f := range faults {
					fmt.Fprintf(a.out, "%s %s: %s\n  fix: %s\n", f.Migration, f.Rule, f.Problem, f.Fix)
				}
				fmt.Fprintf(a.out, "%d migration(s) judged on %s, %s\n", len(judged), engine, lintSummary(len(faults)))
			}
			if len(faults) > 0 {
				return silentError{errProblemsFound}
			}
			return nil
		})
	c.Long = "Rehearses migrations in a schema made for it, which is dropped again, and judges what they do: nobody may be kept waiting while\n" +
		"rows are scanned or written anew, no data may go that the file does not announce, and programs of the version before must go on.\n" +
		"PATH is a draft, NNNN_name.sql, or a folder of them; without it Cardinal's own migrations are judged. --db chooses the engine."
	return c
}

func lintSummary(n int) string {
	if n == 0 {
		return "nothing found"
	}
	return fmt.Sprintf("%d problem(s)", n)
}

// readDrafts reads migrations from a file or a folder.
func readDrafts(path string) ([]store.Migration, error) {
	files := []string{path}
	if info, err := os.Stat(path); err != nil {
		return nil, usageError("Name a file or a folder of migrations.", "%s cannot be read: %v", path, withoutPath(err))
	} else if info.IsDir() {
		if files, err = fs.Glob(os.DirFS(path), "*.sql"); err != nil {
			return nil, err
		}
		for i := range files {
			files[i] = filepath.Join(path, files[i])
		}
	}
	if len(files) == 0 {
		return nil, usageError("Name a file or a folder of migrations.", "there is no *.sql in %s", path)
	}
	all := make([]store.Migration, len(files))
	for i, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, usageError("Name a file that can be read.", "%s cannot be read: %v", file, withoutPath(err))
		}
		if all[i], err = store.NewMigration(filepath.Base(file), string(text)); err != nil {
			return nil, err
		}
	}
	store.SortMigrations(all)
	return all, nil
}
