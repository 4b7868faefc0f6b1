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
	"cardinal/internal/directory"
	"cardinal/internal/importfile"
)

// importFlags are the flags of an import.
type importFlags struct {
	from         string
	columns      []string
	hashConfig   string
	problems     string
	yes          bool
	skipProblems bool
}

func (a *app) importUsers() *cobra.Command {
	var in importFlags
	c := command("import FILE", "Import people with their password hashes, from CSV, JSON lines or another system's export",
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

func (in importFlags) options(name string) (directory.ImportOptions, error) {
	o := directory.ImportOptions{Name: name, File: importfile.Options{Format: in.from}}
	if name != "-" {
		if path, err := filepath.Abs(name); err == nil {
			o.Name = path
		}
	}
	for _, pair := range in.columns {
		column, field, ok := strings.Cut(pair, "=")
		if !ok {
			return o, usageError("Give the column, = and the field, like --map mail=email.", "--map %s has no =", shellQuote(pair))
		}
		if o.File.Map == nil {
			o.File.Map = map[string]string{}
		}
		o.File.Map[column] = field
	}
	if in.hashConfig != "" {
		text, err := os.ReadFile(in.hashConfig)
		if err != nil {
			return o, usageError("Give the file with what the Firebase console shows under password hash parameters.", "%s cannot be read", in.hashConfig)
		}
		if o.File.Firebase, err = importfile.ReadFirebaseHash(string(text)); err != nil {
			return o, asUsageError(err)
		}
	}
	return o, nil
}

func asUsageError(err error) error {
	if errors.Is(err, importfile.ErrFile) {
		return usageError("Nothing was written.", "%s", strings.TrimPrefix(err.Error(), importfile.ErrFile.Error()+": "))
	}
	return err
}

func (a *app) runImport(ctx context.Context, name string, in importFlags) error {
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
	report := a.newProblemReport(name, in.problems)
	m := a.newProgress("Checking", src.position)
	plan, err := k.CheckImport(ctx, src, o, report.add, m.update)
	m.clear()
	if err = errors.Join(err, report.close()); err != nil {
		return asUsageError(err)
	}
	a.printImportPlan(plan, name, report)
	switch {
	case plan.Earlier != nil && plan.Earlier.State == "running":
		return usageError("Go on with it: "+a.rerunCommand("runs", "resume", plan.Earlier.ID.String(), name), "run %s began with this file and was cut", plan.Earlier.ID)
	case plan.New == 0 && (plan.Faulty == 0 || in.skipProblems):
		a.printPlain("Nothing to import: everybody is there already, but for rows with problems.\n")
		return nil
	case !in.yes || plan.New == 0 || plan.Faulty > 0 && !in.skipProblems:
		return a.notWrittenError(name, in, plan)
	}
	return a.writeImport(name, func(tell func(cardinal.ImportRun)) (cardinal.ImportRun, error) {
		return k.RunImport(ctx, src, o, plan, tell)
	}, func() int64 { return plan.Rows })
}

// importGCPercent saves a tenth of an import's CPU and costs it some 50 MiB (`make bench`). Beyond, its memory would grow with the file:
// the more collections, the higher the highest peak between two.
const importGCPercent = 300

// writeImport shows how far a run is, and how it ended.
func (a *app) writeImport(name string, do func(tell func(cardinal.ImportRun)) (cardinal.ImportRun, error), rows func() int64) error {
	setGCPercent(importGCPercent)
	var now cardinal.ImportRun
	m := a.newProgress("Importing", func() (int64, int64) { return now.Read, rows() })
	run, err := do(func(run cardinal.ImportRun) {
		now = run
		m.update(run.Read)
	})
	m.clear()
	if err != nil {
		if run.Read > 0 {
			a.printNote("run %s was cut after %s rows; go on with: %s", run.ID, formatThousands(run.Read), a.rerunCommand("runs", "resume", run.ID.String(), name))
		}
		return err
	}
	undo := a.rerunCommand("runs", "undo", run.ID.String(), "--yes")
	if a.json {
		a.printEvent(map[string]any{"event": "finished", "run": run, "undo": undo})
		return nil
	}
	fmt.Fprintf(a.out, "import run %s: done, %s created, %s skipped, %s with problems\nundo: %s\n", run.ID, formatThousands(run.Created), formatThousands(run.Skipped), formatThousands(run.Faulty), undo)
	return nil
}

func (a *app) printPlain(format string, values ...any) {
	if !a.json {
		fmt.Fprintf(a.out, format, values...)
	}
}

func (a *app) printImportPlan(plan directory.ImportPlan, name string, report *problemReport) {
	if a.json {
		a.printEvent(struct {
			Event    string `json:"event"`
			Problems string `json:"problems,omitempty"`
			directory.ImportPlan
		}{"checked", report.name(), plan})
		return
	}
	a.printPlain("%s · %s · %s rows\n", sanitize(name), plan.Format, formatThousands(plan.Rows))
	for _, c := range plan.Columns {
		switch {
		case c.Field != "":
			a.printPlain("  %s → %s\n", sanitize(c.Name), c.Field)
		case c.Near != "":
			a.printPlain("  %s → (left out: no such field; nearest: %s)\n", sanitize(c.Name), c.Near)
		default:
			a.printPlain("  %s → (left out: no such field)\n", sanitize(c.Name))
		}
	}
	if extras := importfile.Extras(plan.Format); extras != "" {
		a.printPlain("  of %s, what --map takes is kept, like --map user_metadata.team=attributes.team\n", extras)
	}
	for _, scheme := range slices.Sorted(maps.Keys(plan.Hashes)) {
		a.printPlain("  %s passwords: %s\n", formatThousands(plan.Hashes[scheme]), scheme)
	}
	a.printPlain("  %s would be created · %s exist already (skipped) · %s have problems", formatThousands(plan.New), formatThousands(plan.Existing), formatThousands(plan.Faulty))
	if plan.Faulty > 0 {
		a.printPlain(" → %s", report.name())
	}
	a.printPlain("\n%s", report.preview.String())
	if more := plan.Faulty - int64(report.shown); more > 0 {
		a.printPlain("  and %s more\n", formatThousands(more))
	}
}

// notWrittenError says what to run, word for word.
func (a *app) notWrittenError(name string, in importFlags, plan directory.ImportPlan) error {
	if plan.New == 0 {
		return &commandError{kind: cardinal.ErrInvalid, code: "import_problems", message: "nothing was written: every new row has problems", fix: "Correct the rows in the problems file and import that."}
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
	return &commandError{kind: cardinal.ErrInvalid, code: "consent_missing", message: "nothing was written", fix: "To import: " + a.rerunCommand(words...)}
}
