package check

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"cardinal"
	"cardinal/internal/catalog"
	"cardinal/internal/store/schema"
)

// ErrNotCardinal says that a database was not created by Cardinal.
var ErrNotCardinal = errors.New("not a Cardinal database")

// Run runs the checks that only names, by id or kind, or all checks if it is empty. It removes accepted findings from
// the report.
func Run(ctx context.Context, s *Subject, only []string, accepted []Acceptance) (Report, error) {
	start := time.Now()
	selected := selectChecks(only, s.External)
	if err := readLive(ctx, s); err != nil {
		return Report{}, err
	}
	r := runner{Subject: s, accepted: accepted, used: make([]bool, len(accepted)), outcomes: map[string]Outcome{}}
	scanning, stop := context.WithCancel(ctx)
	defer r.scans.Wait()
	defer stop()
	r.startDataScans(scanning, selected)
	if slices.ContainsFunc(selected, func(c Check) bool { return c.Kind == Fingerprint || c.Kind == Probe }) {
		done, err := buildShadow(ctx, s)
		if err != nil {
			return Report{}, fmt.Errorf("compare with the migrations: %w", err)
		}
		defer done()
	}
	report := Report{Engine: s.Live.Engine, Version: s.Live.Version, Database: sanitizeText(s.Name),
		Schema: s.schemaNumber(), Tables: len(s.Live.BaseTables()), Fingerprint: s.Live.Fingerprint()}
	for _, c := range selected {
		o, err := r.runOnce(ctx, c)
		if err != nil {
			return Report{}, fmt.Errorf("%s: %w", c.ID, err)
		}
		if slices.ContainsFunc(selected, func(part Check) bool { return slices.Contains(c.answeredBy, part.ID) }) {
			o.Findings = nil // they are reported by the check itself
		}
		report.Outcomes = append(report.Outcomes, o)
	}
	report.UnusedAcceptances = r.unusedAcceptances()
	report.Duration = time.Since(start)
	return report, nil
}

// selectChecks returns the requested checks that apply to the database.
func selectChecks(only []string, foreign bool) []Check {
	return slices.DeleteFunc(allChecks(), func(c Check) bool {
		if foreign && c.runGeneral == nil && c.answeredBy == nil {
			return true
		}
		return len(only) > 0 && !slices.Contains(only, c.ID) && !slices.Contains(only, string(c.Kind))
	})
}

// readLive reads the live schema and the migrations that were applied to it.
func readLive(ctx context.Context, s *Subject) (err error) {
	s.Live, err = s.Database.Read(ctx, s.Schema)
	switch {
	case s.External:
		return err
	case errors.Is(err, cardinal.ErrNotFound), err == nil && s.Live.Table("schema_migrations") == nil:
		return ErrNotCardinal
	case err != nil:
		return err
	}
	migrations := s.tableName("schema_migrations")
	rows, err := s.query(ctx, `SELECT number, phase, name, applied_at FROM `+migrations+`
		ORDER BY applied_at, number, phase`)
	if err != nil {
		return fmt.Errorf("read the migrations: %w", err)
	}
	applied := s.Now // only the order counts
	for i, row := range rows {
		number, err := strconv.Atoi(row[0])
		if err != nil {
			return fmt.Errorf("the number of a migration: %w", err)
		}
		if i > 0 && row[3] != rows[i-1][3] {
			applied = applied.Add(time.Microsecond)
		}
		at := applied
		m := schema.Migration{Number: number, Phase: schema.Phase(row[1]), Name: row[2], AppliedAt: &at}
		if schema.IsBeforeRelease(m) {
			return schema.ErrBeforeRelease
		}
		s.Migrations = append(s.Migrations, m)
	}
	if len(s.Migrations) == 0 {
		return ErrNotCardinal
	}
	return nil
}

// schemaNumber returns the number of the newest migration, 0 for an external database.
func (s *Subject) schemaNumber() (newest int) {
	for _, m := range s.Migrations {
		newest = max(newest, m.Number)
	}
	return newest
}

// runner runs checks once each and collects their outcomes.
type runner struct {
	*Subject
	accepted    []Acceptance
	used        []bool // for each of accepted: whether it matched a finding
	outcomes    map[string]Outcome
	scans       sync.WaitGroup
	dataResults map[string]func() (Outcome, error) // by id of the started data scans: waits for the result
}

// startDataScans runs the data scans one after another in the background. They take the longest and do not depend on
// other checks.
func (r *runner) startDataScans(ctx context.Context, selected []Check) {
	r.dataResults = map[string]func() (Outcome, error){}
	var scans []func()
	for _, c := range selected {
		if c.Kind != Data || c.run == nil || r.External {
			continue
		}
		var o Outcome
		err, done := error(nil), make(chan struct{})
		r.dataResults[c.ID] = func() (Outcome, error) { <-done; return o, err }
		scans = append(scans, func() { defer close(done); o, err = c.run(ctx, r.Subject) })
	}
	r.scans.Go(func() {
		for _, scan := range scans {
			scan()
		}
	})
}

// runOnce runs a check, once even if several others are answered by it.
func (r *runner) runOnce(ctx context.Context, c Check) (Outcome, error) {
	if o, ok := r.outcomes[c.ID]; ok {
		return o, nil
	}
	o, err := r.run(ctx, c)
	var refused *pgconn.PgError
	if errors.As(err, &refused) && refused.Code == "42501" {
		o, err = Outcome{Status: Skipped, NotChecked: "the database role is not allowed to read what this check needs"},
			nil
	}
	if err != nil {
		return Outcome{}, err
	}
	o.ID, o.Kind, o.Title, o.Guide, o.AnsweredBy = c.ID, c.Kind, c.Title, c.Guide, c.answeredBy
	if o.Unit == "" {
		o.Unit = c.unit
	}
	o.sanitize()
	if c.answeredBy == nil {
		r.accept(&o)
	}
	r.outcomes[c.ID] = o
	return o, nil
}

func (r *runner) run(ctx context.Context, c Check) (Outcome, error) {
	switch {
	case c.answeredBy != nil:
		return r.aggregate(ctx, c)
	case r.External:
		return c.runGeneral(ctx, r.Subject)
	case r.dataResults[c.ID] != nil:
		return r.dataResults[c.ID]()
	}
	return c.run(ctx, r.Subject)
}

// aggregate combines the outcomes of the checks that answer this one.
func (r *runner) aggregate(ctx context.Context, c Check) (Outcome, error) {
	result := Outcome{Unit: "points", Status: Skipped}
	for _, id := range c.answeredBy {
		part, ok := Find(id)
		if !ok {
			panic("check: " + c.ID + " is answered by " + id + ", which does not exist")
		}
		if r.External && part.runGeneral == nil && part.answeredBy == nil {
			continue
		}
		o, err := r.runOnce(ctx, part)
		if err != nil {
			return Outcome{}, err
		}
		if o.Status != Skipped {
			result.Total++
		}
		if o.Status == Passed {
			result.Passed++
		}
		result.Status = worseStatus(result.Status, o.Status)
		result.Findings = append(result.Findings, o.Findings...)
	}
	if result.Total == 0 {
		result.NotChecked = "nothing in this database answers it"
	}
	return result, nil
}

// worseStatus returns the status of the combination of two checks.
func worseStatus(a, b Status) Status {
	order := []Status{Skipped, Passed, Warned, Failed}
	return order[max(slices.Index(order, a), slices.Index(order, b))]
}

// setStatus sets the status that follows from the findings.
func (o *Outcome) setStatus() {
	switch {
	case slices.ContainsFunc(o.Findings, func(f Finding) bool { return !f.Warning }):
		o.Status = Failed
	case len(o.Findings) > 0:
		o.Status = Warned
	case o.Total == 0 && o.Accepted == 0:
		o.Status = Skipped
	default:
		o.Status = Passed
	}
}

// query returns the rows of a query as text; NULL becomes "".
func (s *Subject) query(ctx context.Context, query string, args ...any) ([][]string, error) {
	return catalog.QueryTexts(ctx, s.Database, query, args...)
}

// sanitize removes control characters from the names of an external database, so that they cannot move the terminal's
// cursor or change the direction of text. A statement can have several lines.
func (o *Outcome) sanitize() {
	for i := range o.Findings {
		f := &o.Findings[i]
		f.Object, f.Problem = sanitizeText(f.Object), sanitizeText(f.Problem)
		for k := range f.Evidence {
			f.Evidence[k] = sanitizeText(f.Evidence[k])
		}
		if sanitizeText(strings.NewReplacer("\n", "", "\t", "").Replace(f.Fix)) != strings.NewReplacer("\n", "", "\t",
			"").Replace(f.Fix) {
			f.Fix = "" // the statement shown would differ from the one to run
		}
	}
	for i := range o.Notes {
		o.Notes[i] = sanitizeText(o.Notes[i])
	}
}
