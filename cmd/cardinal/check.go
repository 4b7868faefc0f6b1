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

// checking is what `cardinal check` was asked.
type checking struct {
	any     bool
	schema  string
	only    []string
	format  string
	explain bool
	fixes   bool
	accept  string
}

// errFoundProblems says that a check did not hold.
var errFoundProblems = errors.New("the check found problems")

// acceptFile is where accepted findings are looked for when --accept names no file.
const acceptFile = "cardinal-check.ignore"

func (a *app) check() *cobra.Command {
	var q checking
	c := leaf("check", "Prove that the database keeps the contract of its schema",
		"  cardinal check\n  cardinal check --only G23,data --explain\n  cardinal check --fix-sql\n  cardinal check --any --db postgres://reader@db.example/shop",
		func(ctx context.Context, _ []string) error { return a.runCheck(ctx, q) })
	c.Long = "Prove that the live database keeps the contract of its schema, point by point: against a schema that the migrations build beside it, by\n" +
		"the guide's sentences, by violations that must be refused, and by what the rows say. It changes nothing, and runs while the service does."
	c.Flags().BoolVar(&q.any, "any", false, "judge a database that is not Cardinal's, by the guide's general points")
	c.Flags().StringVar(&q.schema, "schema", "", "the PostgreSQL `SCHEMA` to judge with --any (default public)")
	c.Flags().StringSliceVar(&q.only, "only", nil, "only these checks, by `ID` or kind: question, fingerprint, point, probe, data")
	c.Flags().StringVar(&q.format, "format", "text", "the `FORM` of the report: "+strings.Join(check.Formats, ", "))
	c.Flags().BoolVar(&q.explain, "explain", false, "say why each check is made and what the guide says")
	c.Flags().BoolVar(&q.fixes, "fix-sql", false, "print only the statements that repair what was found")
	c.Flags().StringVar(&q.accept, "accept", "", "the `FILE` of accepted findings (default ./"+acceptFile+", if it is there); see cardinal help accepted-findings")
	return c
}

func (a *app) runCheck(ctx context.Context, q checking) error {
	if err := q.valid(a); err != nil {
		return err
	}
	accepted, err := q.accepted()
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
	s := &check.Subject{Database: database, Name: databaseName(c), Schema: q.schema, Foreign: q.any, Now: time.Now().UTC()}
	a.samples(s, c)
	report, err := check.Run(ctx, s, q.only, accepted)
	if err != nil {
		return a.unchecked(err, q)
	}
	if err := a.printReport(report, q); err != nil {
		return err
	}
	if report.Failed() {
		return noAnswer{errFoundProblems}
	}
	return nil
}

// valid finds what cannot be meant, before the database is opened.
func (q *checking) valid(a *app) error {
	if a.json {
		if q.format != "text" && q.format != "json" {
			return wrongUsage("Give one of them.", "--json and --format %s are two forms", q.format)
		}
		q.format = "json"
	}
	if !slices.Contains(check.Formats, q.format) {
		return wrongUsage("The forms are "+strings.Join(check.Formats, ", ")+".", "there is no form %q%s", q.format, orMeant(nearest.To(q.format, check.Formats)))
	}
	if len(a.fields) > 0 {
		return wrongUsage("--only chooses checks, --format json has all of each.", "--fields does not choose from a report")
	}
	names := check.Names()
	for _, id := range q.only {
		if !slices.Contains(names, id) {
			return wrongUsage("`cardinal check --explain` names them all.", "there is no check %q%s", id, orMeant(nearest.To(id, names)))
		}
	}
	if q.schema != "" && !q.any {
		return wrongUsage("Add --any.", "--schema is for a database that is not Cardinal's")
	}
	if q.schema == "" {
		q.schema = map[bool]string{true: "public", false: "cardinal"}[q.any]
	}
	return nil
}

func orMeant(name string) string {
	if name == "" {
		return ""
	}
	return `. Did you mean "` + name + `"?`
}

// accepted reads the list of accepted findings; none is read where none was named and none lies here.
func (q *checking) accepted() ([]check.Acceptance, error) {
	path := q.accept
	if path == "" {
		path = acceptFile
	}
	text, err := os.ReadFile(path)
	if q.accept == "" && errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, wrongUsage("Give a file that can be read.", "the accepted findings in %s cannot be read: %v", path, pathless(err))
	}
	return check.ReadAcceptances(string(text))
}

// unchecked says why nothing was checked.
func (a *app) unchecked(err error, q checking) error {
	switch {
	case errors.Is(err, check.ErrForeign):
		return &advice{code: "foreign", message: "this is not a database of Cardinal's, or it was never migrated",
			fix: "To judge any database by the guide's general points: " + a.again("check", "--any") + ". To make it Cardinal's: " + a.again("db", "migrate") + "."}
	case q.any && errors.Is(err, cardinal.ErrNotFound):
		return unknown("schema", q.schema, "Name one with --schema.")
	}
	return orNotReady(err)
}

// databaseName is what a database is called, without where it is and how to get in.
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

// samples lets the check open sealed values, where the keys are at hand.
func (a *app) samples(s *check.Subject, c config.Config) {
	ring, err := seal.LoadKeyring(c.KeysDir, c.KEK.Reveal())
	switch {
	case s.Foreign:
		return
	case err != nil:
		s.Unopened = err.Error()
		return
	case ring.Len() == 0:
		s.Unopened = "no key-encryption key is at hand: --keys or CARDINAL_KEK says where it is"
		return
	}
	s.OpenSamples = func(ctx context.Context) ([]check.SealedColumn, error) {
		st, err := a.openStore(ctx)
		if err != nil {
			return nil, err
		}
		found, err := directory.OpenSealedSamples(ctx, st.Read(ctx), ring)
		if errors.Is(err, directory.ErrKeyMissing) {
			return nil, fmt.Errorf("%w: %w", check.ErrKeyMissing, err)
		}
		if err != nil {
			return nil, err
		}
		var columns []check.SealedColumn
		for _, f := range found {
			column := check.SealedColumn{Table: f.Table, Column: f.Column, Opened: f.Opened, Erased: f.Erased}
			for _, id := range f.Broken {
				column.Broken = append(column.Broken, "row "+id.String())
			}
			columns = append(columns, column)
		}
		return columns, nil
	}
}

func (a *app) printReport(r check.Report, q checking) error {
	write := map[string]func(io.Writer) error{"json": r.WriteJSON, "junit": r.WriteJUnit, "sarif": r.WriteSARIF, "md": r.WriteMarkdown}[q.format]
	switch {
	case q.fixes:
		write = r.WriteFixes
	case write == nil:
		words := []string{"check"}
		if q.any {
			words = append(words, "--any")
		}
		text := check.Text{ASCII: !speaksUTF8(), Colour: isTerminal(a.out) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb",
			Explain: q.explain, Each: q.explain || len(q.only) > 0, Again: a.again(words...)}
		return text.Write(a.out, r)
	}
	return write(a.out)
}

// speaksUTF8 reports whether the locale's characters are Unicode; where no locale is set, they are.
func speaksUTF8() bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if locale := strings.ToLower(os.Getenv(name)); locale != "" {
			return strings.Contains(locale, "utf-8") || strings.Contains(locale, "utf8")
		}
	}
	return true
}
