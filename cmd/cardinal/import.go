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
	c := command("import FILE",
		"Import users with their password hashes, from CSV, JSON lines or another system's export",
		"  cardinal import users.csv\n  cardinal import users.csv --map 'Login name=username' --map team= --yes\n"+
			"  cardinal import users.json --from firebase --hash-config hash.txt --yes\n"+
			"  zcat users.ndjson.gz | cardinal import - --yes",
		func(ctx context.Context, args []string) error { return a.runImport(ctx, args[0], in) })
	c.Long = `Reads FILE (- is standard input) to its end and checks every row. Without --yes nothing is written
to the database. Rows with problems are written unchanged to FILE.problems.csv or .ndjson, with
their problems: correct that file and import it. Users who exist already are skipped, so the same
file can be imported twice.`
	c.Flags().StringVar(&in.from, "from", "", "`FORMAT` of the file: "+strings.Join(importfile.Formats, ", ")+
		" (default: detected from the content)")
	c.Flags().StringArrayVar(&in.columns, "map", nil, "map a CSV column with `COLUMN=FIELD`, or skip it with COLUMN=; "+
		"also for members of another system's export, like user_metadata.team=attributes.team")
	c.Flags().StringVar(&in.hashConfig, "hash-config", "",
		"`FILE` with the hash configuration of a Firebase project, as its console shows it")
	c.Flags().StringVar(&in.problems, "problems", "",
		"new `FILE` for rows with problems, exactly as they are: not safe for spreadsheets")
	c.Flags().BoolVar(&in.yes, "yes", false, "write to the database")
	c.Flags().BoolVar(&in.skipProblems, "skip-problems", false,
		"import the rows without problems, even when other rows have problems")
	return c
}

// options returns the options of the import that the flags choose.
func (in importFlags) options(name string) (importing.Options, error) {
	o := importing.Options{Name: name, File: importfile.Options{Format: in.from}}
	if name != "-" {
		if path, err := filepath.Abs(name); err == nil {
			o.Name = path
		}
	}
	for _, pair := range in.columns {
		column, field, ok := strings.Cut(pair, "=")
		if !ok {
			return o, usageError("Give the column, = and the field, like --map mail=email.",
				"--map %s has no =", shellQuote(pair))
		}
		if o.File.Map == nil {
			o.File.Map = map[string]string{}
		}
		o.File.Map[column] = field
	}
	if in.hashConfig != "" {
		text, err := os.ReadFile(in.hashConfig)
		if err != nil {
			return o, usageError("Give a file with the password hash parameters that the Firebase console shows.",
				"%s cannot be read", in.hashConfig)
		}
		if o.File.Firebase, err = importfile.ReadFirebaseHash(string(text)); err != nil {
			return o, asUsageError(err)
		}
	}
	return o, nil
}

// asUsageError turns an error of the file into a usageError; other errors stay as they are.
func asUsageError(err error) error {
	if errors.Is(err, importfile.ErrFile) {
		return usageError("Nothing was written.", "%s",
			strings.TrimPrefix(err.Error(), importfile.ErrFile.Error()+": "))
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
	checking := a.newProgress("Checking", src.position)
	plan, err := importing.Check(ctx, k.Desk, src, o, report.add, checking.update)
	checking.clear()
	if err = errors.Join(err, report.close()); err != nil {
		return asUsageError(err)
	}
	a.printImportPlan(plan, name, report)
	switch {
	case plan.Earlier != nil && plan.Earlier.State == "running":
		return usageError("Continue it: "+a.rerunCommand("runs", "resume", plan.Earlier.ID.String(), name),
			"import %s of this file was interrupted", plan.Earlier.ID)
	case plan.New == 0 && (plan.Invalid == 0 || in.skipProblems):
		a.printPlain("Nothing to import: all users of rows without problems exist already.\n")
		return nil
	case !in.yes || plan.New == 0 || plan.Invalid > 0 && !in.skipProblems:
		return a.notWrittenError(name, in, plan)
	}
	return a.writeImport(name, func(onProgress func(cardinal.ImportRun)) (cardinal.ImportRun, error) {
		return importing.Run(ctx, k.Desk, src, o, plan, onProgress)
	}, func() int64 { return plan.Rows })
}

// importGCPercent saves a tenth of the CPU time of an import and costs about 50 MiB of memory (`make bench`). With a
// larger value, the memory would grow with the file: the more collections, the higher the maximum between two of them.
const importGCPercent = 300

// writeImport runs an import or continues one, and prints its progress and its result.
func (a *app) writeImport(
	name string, do func(onProgress func(cardinal.ImportRun)) (cardinal.ImportRun, error), rows func() int64,
) error {
	setGCPercent(importGCPercent)
	var latest cardinal.ImportRun
	importing := a.newProgress("Importing", func() (int64, int64) { return latest.Read, rows() })
	run, err := do(func(run cardinal.ImportRun) {
		latest = run
		importing.update(run.Read)
	})
	importing.clear()
	if err != nil {
		if run.Read > 0 {
			a.printNote("import %s stopped after %s rows; continue with: %s",
				run.ID, formatThousands(run.Read), a.rerunCommand("runs", "resume", run.ID.String(), name))
		}
		return err
	}
	undo := a.rerunCommand("runs", "undo", run.ID.String(), "--yes")
	if a.json {
		a.printEvent(map[string]any{"event": "finished", "run": run, "undo": undo})
		return nil
	}
	fmt.Fprintf(a.out, "import %s finished: created %s users, skipped %s, %s rows with problems\nundo: %s\n", run.ID,
		formatThousands(run.Created), formatThousands(run.Skipped), formatThousands(run.Invalid), undo)
	return nil
}

// printPlain prints text; with --json it prints nothing.
func (a *app) printPlain(format string, values ...any) {
	if !a.json {
		fmt.Fprintf(a.out, format, values...)
	}
}

// printImportPlan prints what the check of a file found.
func (a *app) printImportPlan(plan importing.Plan, name string, report *problemReport) {
	if a.json {
		a.printEvent(struct {
			Event    string `json:"event"`
			Problems string `json:"problems,omitempty"`
			importing.Plan
		}{"checked", report.name(), plan})
		return
	}
	a.printPlain("%s · %s · %s rows\n", sanitize(name), plan.Format, formatThousands(plan.Rows))
	for _, c := range plan.Columns {
		switch {
		case c.Field != "":
			a.printPlain("  %s → %s\n", sanitize(c.Name), c.Field)
		case c.Near != "":
			a.printPlain("  %s → (left out: not a field; nearest: %s)\n", sanitize(c.Name), c.Near)
		default:
			a.printPlain("  %s → (left out: not a field)\n", sanitize(c.Name))
		}
	}
	if extras := importfile.CustomFields(plan.Format); extras != "" {
		a.printPlain("  of %s, only what --map names is imported, like --map user_metadata.team=attributes.team\n",
			extras)
	}
	for _, scheme := range slices.Sorted(maps.Keys(plan.Hashes)) {
		a.printPlain("  passwords: %s %s\n", formatThousands(plan.Hashes[scheme]), scheme)
	}
	a.printPlain("  %s would be created · %s exist already (skipped) · %s have problems",
		formatThousands(plan.New), formatThousands(plan.Existing), formatThousands(plan.Invalid))
	if plan.Invalid > 0 {
		a.printPlain(" → %s", report.name())
	}
	a.printPlain("\n%s", report.preview.String())
	if more := plan.Invalid - int64(report.shown); more > 0 {
		a.printPlain("  and %s more\n", formatThousands(more))
	}
}

// notWrittenError returns the error of an import without --yes, with the command that writes it.
func (a *app) notWrittenError(name string, in importFlags, plan importing.Plan) error {
	if plan.New == 0 {
		return &commandError{kind: cardinal.ErrInvalid, code: "import_problems",
			message: "nothing was written: every new row has problems",
			fix:     "Correct the rows in the problems file and import that file."}
	}
	words := []string{"import", name}
	for _, flag := range []struct{ name, value string }{
		{"--from", in.from}, {"--hash-config", in.hashConfig}, {"--problems", in.problems},
	} {
		if flag.value != "" {
			words = append(words, flag.name, flag.value)
		}
	}
	for _, pair := range in.columns {
		words = append(words, "--map", pair)
	}
	words = append(words, "--yes")
	if plan.Invalid > 0 {
		words = append(words, "--skip-problems")
	}
	return &commandError{kind: cardinal.ErrInvalid, code: "consent_missing", message: "nothing was written",
		fix: "To import: " + a.rerunCommand(words...)}
}
