package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"cardinal"
	"cardinal/internal/importfile"
	"cardinal/internal/importing"
)

// importing are the flags of an import.
type importCommand struct {
	from         string
	columns      []string
	hashConfig   string
	problems     string
	yes          bool
	skipProblems bool
}

func (a *app) importPeople() *cobra.Command {
	var in importCommand
	c := leaf("import FILE", "Import people with their password hashes, from CSV, JSON lines or another system's export",
		"  cardinal import people.csv\n  cardinal import people.csv --map 'Login name=username' --map team= --yes\n  cardinal import users.json --from firebase --hash-config hash.txt --yes\n  zcat people.ndjson.gz | cardinal import - --yes",
		func(ctx context.Context, args []string) error { return a.runImport(ctx, args[0], in) })
	c.Long = `Reads FILE (- is standard input) to its end and checks every row; nothing is written without --yes. Rows with problems go into
FILE.problems.csv or .ndjson, as they were, with the problems beside them: correct that file and import it. People who are there
already are skipped, so the same file can be imported twice.`
	c.Flags().StringVar(&in.from, "from", "", "`FORMAT` of the file: "+strings.Join(importfile.Formats, ", ")+" (default: by its content)")
	c.Flags().StringArrayVar(&in.columns, "map", nil, "take a `COLUMN=FIELD` of CSV, without FIELD to leave it out; or a member of another system's export, like user_metadata.team=attributes.team")
	c.Flags().StringVar(&in.hashConfig, "hash-config", "", "`FILE` with a Firebase project's hash configuration, as its console shows it")
	c.Flags().StringVar(&in.problems, "problems", "", "`FILE` for rows with problems")
	c.Flags().BoolVar(&in.yes, "yes", false, "write")
	c.Flags().BoolVar(&in.skipProblems, "skip-problems", false, "import the rows without problems although others have some")
	return c
}

func (in importCommand) options(name string) (importing.Options, error) {
	o := importing.Options{Name: name, File: importfile.Options{Format: in.from}}
	if name != "-" {
		if path, err := filepath.Abs(name); err == nil {
			o.Name = path
		}
	}
	for _, pair := range in.columns {
		column, field, ok := strings.Cut(pair, "=")
		if !ok {
			return o, wrongUsage("Give the column, = and the field, like --map mail=email.", "--map %s has no =", quoted(pair))
		}
		if o.File.Map == nil {
			o.File.Map = map[string]string{}
		}
		o.File.Map[column] = field
	}
	if in.hashConfig != "" {
		text, err := os.ReadFile(in.hashConfig)
		if err != nil {
			return o, wrongUsage("Give the file with what the Firebase console shows under password hash parameters.", "%s cannot be read", in.hashConfig)
		}
		if o.File.Firebase, err = importfile.ReadFirebaseHash(string(text)); err != nil {
			return o, fileProblem(err)
		}
	}
	return o, nil
}

func fileProblem(err error) error {
	if errors.Is(err, importfile.ErrFile) {
		return wrongUsage("Nothing was written.", "%s", strings.TrimPrefix(err.Error(), importfile.ErrFile.Error()+": "))
	}
	return err
}

func (a *app) runImport(ctx context.Context, name string, in importCommand) error {
	o, err := in.options(name)
	if err != nil {
		return err
	}
	src, err := a.importSource(name)
	if err != nil {
		return err
	}
	k, err := a.open(ctx)
	if err != nil {
		return err
	}
	report := a.problemsOf(name, in.problems)
	m := a.meter("Checking", src.place)
	plan, err := importing.Check(ctx, k.Desk, src, o, report.row, m.at)
	m.end()
	if err = errors.Join(err, report.close()); err != nil {
		return fileProblem(err)
	}
	a.tellPlan(plan, name, report)
	switch {
	case plan.Earlier != nil && plan.Earlier.State == "running":
		return wrongUsage("Go on with it: "+a.again("runs", "resume", plan.Earlier.ID.String(), name), "run %s began with this file and was cut", plan.Earlier.ID)
	case plan.New == 0 && (plan.Faulty == 0 || in.skipProblems):
		a.sayPlain("Nothing to import: everybody is there already, but for rows with problems.\n")
		return nil
	case !in.yes || plan.New == 0 || plan.Faulty > 0 && !in.skipProblems:
		return a.notImported(name, in, plan)
	}
	return a.writing(name, func(tell func(cardinal.ImportRun)) (cardinal.ImportRun, error) {
		return importing.Run(ctx, k.Desk, src, o, plan, tell)
	}, func() int64 { return plan.Rows })
}

// importGCPercent saves a tenth of an import's CPU and costs it some 50 MiB (`make bench`). Beyond, its memory would grow with the file:
// the more collections, the higher the highest peak between two.
const importGCPercent = 300

// writing shows how far a run is, and how it ended.
func (a *app) writing(name string, do func(tell func(cardinal.ImportRun)) (cardinal.ImportRun, error), rows func() int64) error {
	collectAt(importGCPercent)
	var now cardinal.ImportRun
	m := a.meter("Importing", func() (int64, int64) { return now.Read, rows() })
	run, err := do(func(run cardinal.ImportRun) {
		now = run
		m.at(run.Read)
	})
	m.end()
	if err != nil {
		if run.Read > 0 {
			a.note("run %s was cut after %s rows; go on with: %s", run.ID, thousands(run.Read), a.again("runs", "resume", run.ID.String(), name))
		}
		return err
	}
	undo := a.again("runs", "undo", run.ID.String(), "--yes")
	if a.json {
		a.event(map[string]any{"event": "finished", "run": run, "undo": undo})
		return nil
	}
	fmt.Fprintf(a.out, "import run %s: done, %s created, %s skipped, %s with problems\nundo: %s\n", run.ID, thousands(run.Created), thousands(run.Skipped), thousands(run.Faulty), undo)
	return nil
}

func (a *app) sayPlain(format string, values ...any) {
	if !a.json {
		fmt.Fprintf(a.out, format, values...)
	}
}

func (a *app) tellPlan(plan importing.Plan, name string, report *problemReport) {
	if a.json {
		a.event(struct {
			Event    string `json:"event"`
			Problems string `json:"problems,omitempty"`
			importing.Plan
		}{"checked", report.name(), plan})
		return
	}
	a.sayPlain("%s · %s · %s rows\n", harmless(name), plan.Format, thousands(plan.Rows))
	for _, c := range plan.Columns {
		switch {
		case c.Field != "":
			a.sayPlain("  %s → %s\n", harmless(c.Name), c.Field)
		case c.Near != "":
			a.sayPlain("  %s → (left out: no such field; nearest: %s)\n", harmless(c.Name), c.Near)
		default:
			a.sayPlain("  %s → (left out: no such field)\n", harmless(c.Name))
		}
	}
	if extras := importfile.Extras(plan.Format); extras != "" {
		a.sayPlain("  of %s, what --map takes is kept, like --map user_metadata.team=attributes.team\n", extras)
	}
	for _, scheme := range slices.Sorted(maps.Keys(plan.Hashes)) {
		a.sayPlain("  %s passwords: %s\n", thousands(plan.Hashes[scheme]), scheme)
	}
	a.sayPlain("  %s would be created · %s exist already (skipped) · %s have problems", thousands(plan.New), thousands(plan.Existing), thousands(plan.Faulty))
	if plan.Faulty > 0 {
		a.sayPlain(" → %s", report.name())
	}
	a.sayPlain("\n%s", report.first.String())
	if more := plan.Faulty - int64(report.shown); more > 0 {
		a.sayPlain("  and %s more\n", thousands(more))
	}
}

// notImported says what to run, word for word.
func (a *app) notImported(name string, in importCommand, plan importing.Plan) error {
	if plan.New == 0 {
		return &advice{kind: cardinal.ErrInvalid, code: "import_problems", message: "nothing was written: every new row has problems", fix: "Correct the rows in the problems file and import that."}
	}
	words := []string{"import", name}
	for _, flag := range []struct{ name, value string }{{"--from", in.from}, {"--hash-config", in.hashConfig}, {"--problems", in.problems}} {
		if flag.value != "" {
			words = append(words, flag.name, flag.value)
		}
	}
	for _, pair := range in.columns {
		words = append(words, "--map", pair)
	}
	words = append(words, "--yes")
	if plan.Faulty > 0 {
		words = append(words, "--skip-problems")
	}
	return &advice{kind: cardinal.ErrInvalid, code: "consent_missing", message: "nothing was written", fix: "To import: " + a.again(words...)}
}
