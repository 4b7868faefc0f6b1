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
	"cardinal/internal/store/schema"
)

// migrationPlan is what `cardinal db migrate` would do.
type migrationPlan struct {
	Engine string        `json:"engine"`
	Steps  []plannedStep `json:"steps"`
	Nodes  []store.Node  `json:"nodes"` // running
}

// plannedStep is a migration, with its effects on this database.
type plannedStep struct {
	rehearsal.Step
	Rows    int64        `json:"rows,omitempty"`    // estimate for the table of a backfill; -1 when unknown
	Batches int64        `json:"batches,omitempty"` // estimate for a backfill
	Waits   []store.Node `json:"waits_for"`         // nodes of older versions
}

func (a *app) dbPlan() *cobra.Command {
	c := command("plan", "Show what migrate would do: locks, table rewrites, batches", "",
		func(ctx context.Context, _ []string) error {
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
	c.Long = `Runs the pending migrations in a temporary schema, which is dropped again, and shows their effects
on the tables of this database. On PostgreSQL the role needs the privilege to create schemas.`
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
	applied, pending := []schema.Migration{}, []schema.Migration{}
	for _, m := range state.Migrations {
		if m.AppliedAt != nil {
			applied = append(applied, m)
		}
	}
	// The order in which migrate applies the phases.
	for _, phase := range []schema.Phase{schema.Expand, schema.Backfill, schema.Contract} {
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
		case step.Migration.Phase == schema.Backfill && len(applied) > 0:
			if next.Rows, next.Batches, err = r.BackfillSize(ctx, step.Migration); err != nil {
				return p, err
			}
		case step.Migration.Phase == schema.Contract && len(state.Nodes) > 0:
			if next.Waits, err = r.OlderNodes(ctx, step.Migration.Number, now); err != nil {
				return p, err
			}
		}
		p.Steps = append(p.Steps, next)
	}
	return p, nil
}

// rehearse runs migrations in a temporary schema of the configured database, or on SQLite in memory.
func (a *app) rehearse(ctx context.Context, applied, migrations []schema.Migration) ([]rehearsal.Step, error) {
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
		return nil, &commandError{kind: err, code: "not_rehearsed",
			message: "the migrations cannot be run in a temporary schema: " + err.Error(),
			fix:     "On PostgreSQL the role needs the privilege to create a schema (GRANT CREATE ON DATABASE)."}
	}
	return steps, nil
}

func (a *app) printPlan(p migrationPlan) {
	if len(p.Steps) == 0 {
		fmt.Fprintln(a.out, "nothing is pending")
		return
	}
	fmt.Fprintf(a.out, "Plan (%s): %s, %s\n", p.Engine, plural(len(p.Steps), "migration"),
		plural(len(p.Nodes), "running node"))
	for _, step := range p.Steps {
		fmt.Fprintf(a.out, "  %s\n", step.Migration)
		switch {
		case step.Migration.Phase == schema.Backfill && step.Batches > 0:
			fmt.Fprintf(a.out, "    about %d rows in about %d batches, %s\n", step.Rows, step.Batches, backfillPauses)
		case step.Migration.Phase == schema.Backfill:
			fmt.Fprintf(a.out, "    scans its table in batches, %s\n", backfillPauses)
		case p.Engine == "sqlite":
			fmt.Fprintln(a.out, "    blocks writes while it runs, but not reads")
		case len(step.Effects) == 0:
			fmt.Fprintln(a.out, "    does not change existing tables")
		}
		for _, e := range step.Effects {
			fmt.Fprintf(a.out, "    %s: %s\n", e.Table, describeEffect(e))
		}
		for _, n := range step.Waits {
			fmt.Fprintf(a.out, "    waits for node %s (version %s) to stop\n", n.ID, n.Build)
		}
	}
	fmt.Fprintf(a.out, "Nothing was changed. To apply the plan: %s\n", a.rerunCommand("db", "migrate"))
}

// backfillPauses describes how a backfill limits its load.
const backfillPauses = "with a pause after each batch that is as long as the batch took, and while a replica lags"

// describeEffect describes what a statement does to a table, so that an operator can decide when to run it.
func describeEffect(e rehearsal.Effect) string {
	what := ""
	switch {
	case e.Rewrites:
		what = "rewrites the table"
	case e.Scans:
		what = "scans the table"
	}
	lock := ""
	switch {
	case e.Lock == "":
	case e.Lock.StopsReads():
		lock = "blocks reads and writes"
	case e.Lock.StopsWrites():
		lock = "blocks writes"
	default:
		lock = "blocks neither reads nor writes"
	}
	switch {
	case lock != "" && what == "":
		what = fmt.Sprintf("%s briefly (%s)", lock, e.Lock)
	case lock != "":
		what = fmt.Sprintf("%s, and %s during that time (%s)", what, lock, e.Lock)
	}
	return what + ": " + e.Statement
}

func (a *app) dbLint() *cobra.Command {
	c := command("lint [PATH]", "Check migrations for blocking locks, data loss and incompatibility",
		"  cardinal db lint\n  cardinal db lint drafts/ --db postgres://localhost/scratch",
		func(ctx context.Context, args []string) error {
			c, err := a.config()
			if err != nil {
				return err
			}
			engine := "postgres"
			if c.IsEmbedded() {
				engine = "sqlite"
			}
			applied, migrations := []schema.Migration{}, schema.Embedded(engine)
			if len(args) > 0 {
				if migrations, err = readDrafts(args[0]); err != nil {
					return err
				}
				applied = nil // all migrations of this program
			}
			steps, err := a.rehearse(ctx, applied, migrations)
			if err != nil {
				return err
			}
			violations := rehearsal.Lint(steps)
			if a.json {
				if err := a.printJSON(listPage[rehearsal.Violation]{Data: violations}); err != nil {
					return err
				}
			} else {
				for _, f := range violations {
					fmt.Fprintf(a.out, "%s %s: %s\n  fix: %s\n", f.Migration, f.Rule, f.Problem, f.Fix)
				}
				fmt.Fprintf(a.out, "checked %s on %s: %s\n", plural(len(migrations), "migration"), engine,
					lintSummary(len(violations)))
			}
			if len(violations) > 0 {
				return silentError{errProblemsFound}
			}
			return nil
		})
	c.Long = `Runs migrations in a temporary schema, which is dropped again, and checks their effects. A migration
must not block queries while it scans or rewrites rows, must not lose data without an announcement
in the file, and must not break the previous version of the program. PATH is a draft (NNNN_name.sql)
or a folder of drafts. Without it Cardinal's own migrations are checked. --db chooses the engine.`
	return c
}

func lintSummary(n int) string {
	if n == 0 {
		return "no problems"
	}
	return plural(n, "problem")
}

// plural returns a number with its noun, which gets an s for all numbers but 1.
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// readDrafts reads migrations from a file or a folder.
func readDrafts(path string) ([]schema.Migration, error) {
	files := []string{path}
	if info, err := os.Stat(path); err != nil {
		return nil, usageError("Name a file or a folder of migrations.",
			"%s cannot be read: %v", path, withoutPath(err))
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
	all := make([]schema.Migration, len(files))
	for i, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, usageError("Name a file that can be read.", "%s cannot be read: %v", file, withoutPath(err))
		}
		if all[i], err = schema.New(filepath.Base(file), string(text)); err != nil {
			return nil, err
		}
	}
	schema.Sort(all)
	return all, nil
}
