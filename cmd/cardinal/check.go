package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	neturl "net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"cardinal"
	"cardinal/internal/catalog/check"
	"cardinal/internal/config"
	"cardinal/internal/directory"
	"cardinal/internal/nearest"
	"cardinal/internal/seal"
)

// checkFlags are the flags of `cardinal check`.
type checkFlags struct {
	any     bool
	schema  string
	only    []string
	format  string
	explain bool
	fixes   bool
	accept  string
}

// errProblemsFound is the kind of error of a check that failed.
var errProblemsFound = errors.New("the check found problems")

// defaultAcceptFile is the file of accepted findings without --accept.
const defaultAcceptFile = "cardinal-check.ignore"

func (a *app) check() *cobra.Command {
	var q checkFlags
	c := command("check", "Check that the database matches the contract of its schema",
		"  cardinal check\n  cardinal check --only G23,data --explain\n  cardinal check --fix-sql\n"+
			"  cardinal check --any --db postgres://reader@db.example/shop",
		func(ctx context.Context, _ []string) error { return a.runCheck(ctx, q) })
	c.Long = `Checks the live database against the contract of its schema: it compares the schema with a shadow
schema that the migrations build, evaluates the points of the guide, tries violations that the
database must reject, and scans the rows. It changes nothing and can run while the service runs.`
	c.Flags().BoolVar(&q.any, "any", false,
		"check a database of another application, by the general points of the guide")
	c.Flags().StringVar(&q.schema, "schema", "", "PostgreSQL `SCHEMA` to check with --any (default public)")
	c.Flags().StringSliceVar(&q.only, "only", nil,
		"only these checks, by `ID` or kind: question, fingerprint, point, probe, data")
	c.Flags().StringVar(&q.format, "format", "text", "`FORMAT` of the report: "+strings.Join(check.Formats, ", "))
	c.Flags().BoolVar(&q.explain, "explain", false, "explain the reason of each check and what the guide says")
	c.Flags().BoolVar(&q.fixes, "fix-sql", false, "print only the SQL statements that fix the findings")
	c.Flags().StringVar(&q.accept, "accept", "", "`FILE` of accepted findings (default ./"+defaultAcceptFile+
		", if it exists); see cardinal help accepted-findings")
	return c
}

func (a *app) runCheck(ctx context.Context, q checkFlags) error {
	if err := q.validate(a); err != nil {
		return err
	}
	accepted, err := q.readAccepted()
	if err != nil {
		return err
	}
	c, err := a.config()
	if err != nil {
		return err
	}
	database, err := a.openCatalog(ctx)
	if err != nil {
		return err
	}
	s := &check.Subject{Database: database, Name: databaseName(c), Schema: q.schema, External: q.any,
		Now: time.Now().UTC()}
	a.addSealedSamples(s, c)
	report, err := check.Run(ctx, s, q.only, accepted)
	if err != nil {
		return a.checkError(err, q)
	}
	if err := a.printReport(report, q); err != nil {
		return err
	}
	if report.Failed() {
		return silentError{errProblemsFound}
	}
	return nil
}

// validate checks the flags before the database is opened, and completes them.
func (q *checkFlags) validate(a *app) error {
	if a.json {
		if q.format != "text" && q.format != "json" {
			return usageError("Give one of them.", "--json and --format %s exclude each other", q.format)
		}
		q.format = "json"
	}
	if !slices.Contains(check.Formats, q.format) {
		return usageError("The formats are "+strings.Join(check.Formats, ", ")+".",
			"there is no format %q%s", q.format, didYouMean(nearest.To(q.format, check.Formats)))
	}
	if len(a.fields) > 0 {
		return usageError("Use --only to choose checks, and --format json for all of their fields.",
			"--fields cannot be used with a report")
	}
	names := check.Names()
	for _, id := range q.only {
		if !slices.Contains(names, id) {
			return usageError("`cardinal check --explain` lists the checks.",
				"there is no check %q%s", id, didYouMean(nearest.To(id, names)))
		}
	}
	if q.schema != "" && !q.any {
		return usageError("Add --any.", "--schema is only for --any")
	}
	if q.schema == "" {
		q.schema = map[bool]string{true: "public", false: "cardinal"}[q.any]
	}
	return nil
}

// didYouMean returns a question to append to a message; "" without a name.
func didYouMean(name string) string {
	if name == "" {
		return ""
	}
	return `. Did you mean "` + name + `"?`
}

// readAccepted reads the list of accepted findings. Without --accept the file need not exist.
func (q *checkFlags) readAccepted() ([]check.Acceptance, error) {
	path := q.accept
	if path == "" {
		path = defaultAcceptFile
	}
	text, err := os.ReadFile(path)
	if q.accept == "" && errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, usageError("Give a file that can be read.",
			"the accepted findings in %s cannot be read: %v", path, withoutPath(err))
	}
	return check.ReadAcceptances(string(text))
}

// checkError adds a fix to an error that prevented the check.
func (a *app) checkError(err error, q checkFlags) error {
	switch {
	case errors.Is(err, check.ErrNotCardinal):
		return &commandError{code: "foreign", message: "this is not a Cardinal database, or it was never migrated",
			fix: "To check any database by the general points of the guide: " + a.rerunCommand("check", "--any") +
				". To create the schema of Cardinal: " + a.rerunCommand("db", "migrate") + "."}
	case q.any && errors.Is(err, cardinal.ErrNotFound):
		return notFoundError("schema", q.schema, "Name one with --schema.")
	}
	return withSchemaFix(err)
}

// databaseName returns the name of the database, without its host and credentials.
func databaseName(c config.Config) string {
	if path, ok := sqlitePath(c); ok {
		return filepath.Base(path)
	}
	u, err := neturl.Parse(c.Database)
	if err != nil {
		return "postgres"
	}
	return strings.TrimPrefix(u.Path, "/")
}

// addSealedSamples lets the check decrypt samples of encrypted values, when the keys are available.
func (a *app) addSealedSamples(s *check.Subject, c config.Config) {
	ring, err := seal.LoadKeyring(c.KeysDir, c.KEK.Reveal())
	switch {
	case s.External:
		return
	case err != nil:
		s.NoKeyReason = err.Error()
		return
	case ring.Len() == 0:
		s.NoKeyReason = "there is no key-encryption key; give it with --keys or CARDINAL_KEK"
		return
	}
	s.DecryptSamples = func(ctx context.Context) ([]check.EncryptedSample, error) {
		st, err := a.openStore(ctx)
		if err != nil {
			return nil, err
		}
		found, err := directory.DecryptSamples(ctx, st.Read(ctx), ring)
		if errors.Is(err, directory.ErrKeyMissing) {
			return nil, fmt.Errorf("%w: %w", check.ErrKeyMissing, err)
		}
		if err != nil {
			return nil, err
		}
		var columns []check.EncryptedSample
		for _, f := range found {
			column := check.EncryptedSample{Table: f.Table, Column: f.Column, Decrypted: f.Decrypted, Erased: f.Erased}
			for _, id := range f.Broken {
				column.Undecryptable = append(column.Undecryptable, "row "+id.String())
			}
			columns = append(columns, column)
		}
		return columns, nil
	}
}

func (a *app) printReport(r check.Report, q checkFlags) error {
	write := map[string]func(io.Writer) error{
		"json": r.WriteJSON, "junit": r.WriteJUnit, "sarif": r.WriteSARIF, "md": r.WriteMarkdown,
	}[q.format]
	switch {
	case q.fixes:
		write = r.WriteFixes
	case write == nil:
		words := []string{"check"}
		if q.any {
			words = append(words, "--any")
		}
		text := check.Text{ASCII: !localeIsUTF8(),
			Colour:  isTerminal(a.out) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb",
			Explain: q.explain, EveryCheck: q.explain || len(q.only) > 0, Command: a.rerunCommand(words...)}
		return text.Write(a.out, r)
	}
	return write(a.out)
}

// localeIsUTF8 reports whether the character set of the locale is UTF-8; without a locale it is.
func localeIsUTF8() bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if locale := strings.ToLower(os.Getenv(name)); locale != "" {
			return strings.Contains(locale, "utf-8") || strings.Contains(locale, "utf8")
		}
	}
	return true
}
