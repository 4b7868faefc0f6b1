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
	"cardinal/internal/store"
)

// ErrForeign says that a database is not one that Cardinal made.
var ErrForeign = errors.New("not a database of Cardinal's")

// Run runs the checks that only names, by id or by kind, or all of them, and takes what is accepted out of the report.
func Run(ctx context.Context, s *Subject, only []string, accepted []Acceptance) (Report, error) {
	began := time.Now()
	chosen := choose(only, s.Foreign)
	if err := read(ctx, s); err != nil {
		return Report{}, err
	}
	p := proof{Subject: s, accepted: accepted, used: make([]bool, len(accepted)), outcomes: map[string]Outcome{}}
	scanning, stop := context.WithCancel(ctx)
	defer p.scans.Wait()
	defer stop()
	p.scanAhead(scanning, chosen)
	if slices.ContainsFunc(chosen, func(c Check) bool { return c.Kind == Fingerprint || c.Kind == Probe }) {
		done, err := buildShadow(ctx, s)
		if err != nil {
			return Report{}, fmt.Errorf("build the schema to compare with: %w", err)
		}
		defer done()
	}
	report := Report{Engine: s.Live.Engine, Version: s.Live.Version, Database: plain(s.Name), Schema: s.number(), Tables: len(s.Live.Base()), Fingerprint: s.Live.Fingerprint()}
	for _, c := range chosen {
		o, err := p.outcome(ctx, c)
		if err != nil {
			return Report{}, fmt.Errorf("%s: %w", c.ID, err)
		}
		if slices.ContainsFunc(chosen, func(part Check) bool { return slices.Contains(c.from, part.ID) }) {
			o.Findings = nil // they stand where they come from
		}
		report.Outcomes = append(report.Outcomes, o)
	}
	report.Unused = p.unused()
	report.Took = time.Since(began)
	return report, nil
}

// choose returns the checks that were asked for, of those that say something about the database.
func choose(only []string, foreign bool) []Check {
	return slices.DeleteFunc(all(), func(c Check) bool {
		if foreign && c.general == nil && c.from == nil {
			return true
		}
		return len(only) > 0 && !slices.Contains(only, c.ID) && !slices.Contains(only, string(c.Kind))
	})
}

// read reads the live schema, and which migrations it has had.
func read(ctx context.Context, s *Subject) (err error) {
	s.Live, err = s.Database.Read(ctx, s.Schema)
	switch {
	case s.Foreign:
		return err
	case errors.Is(err, cardinal.ErrNotFound), err == nil && s.Live.Table("schema_migrations") == nil:
		return ErrForeign
	case err != nil:
		return err
	}
	rows, err := s.rows(ctx, `SELECT number, phase, name FROM `+s.table("schema_migrations")+` ORDER BY number, phase`)
	if err != nil {
		return fmt.Errorf("read the migrations: %w", err)
	}
	for _, row := range rows {
		number, err := strconv.Atoi(row[0])
		if err != nil {
			return fmt.Errorf("the number of a migration: %w", err)
		}
		applied := s.Now
		m := store.Migration{Number: number, Phase: store.Phase(row[1]), Name: row[2], AppliedAt: &applied}
		if store.IsBeforeRelease(m) {
			return store.ErrBeforeRelease
		}
		s.Migrations = append(s.Migrations, m)
	}
	if len(s.Migrations) == 0 {
		return ErrForeign
	}
	return nil
}

// number is that of the newest migration, 0 for a foreign database.
func (s *Subject) number() (newest int) {
	for _, m := range s.Migrations {
		newest = max(newest, m.Number)
	}
	return newest
}

// proof is one run of the checks.
type proof struct {
	*Subject
	accepted []Acceptance
	used     []bool // of accepted
	outcomes map[string]Outcome
	scans    sync.WaitGroup
	ahead    map[string]func() (Outcome, error) // of the scans that were begun: waits for the end of one
}

// scanAhead begins the scans of the rows, one after the other beside everything else: they take longest, and need nothing of it.
func (p *proof) scanAhead(ctx context.Context, chosen []Check) {
	p.ahead = map[string]func() (Outcome, error){}
	var begin []func()
	for _, c := range chosen {
		if c.Kind != Data || c.run == nil || p.Foreign {
			continue
		}
		var o Outcome
		err, ended := error(nil), make(chan struct{})
		p.ahead[c.ID] = func() (Outcome, error) { <-ended; return o, err }
		begin = append(begin, func() { defer close(ended); o, err = c.run(ctx, p.Subject) })
	}
	p.scans.Go(func() {
		for _, scan := range begin {
			scan()
		}
	})
}

// outcome runs a check, once however many others are answered by it.
func (p *proof) outcome(ctx context.Context, c Check) (Outcome, error) {
	if o, ok := p.outcomes[c.ID]; ok {
		return o, nil
	}
	o, err := p.run(ctx, c)
	var refused *pgconn.PgError
	if errors.As(err, &refused) && refused.Code == "42501" {
		o, err = Outcome{Status: Skipped, Missing: "the database's role may not read what this needs"}, nil
	}
	if err != nil {
		return Outcome{}, err
	}
	o.ID, o.Kind, o.Title, o.Guide, o.From = c.ID, c.Kind, c.Title, c.Guide, c.from
	if o.Of == "" {
		o.Of = c.of
	}
	o.sanitise()
	if c.from == nil {
		p.accept(&o)
	}
	p.outcomes[c.ID] = o
	return o, nil
}

func (p *proof) run(ctx context.Context, c Check) (Outcome, error) {
	switch {
	case c.from != nil:
		return p.sum(ctx, c)
	case p.Foreign:
		return c.general(ctx, p.Subject)
	case p.ahead[c.ID] != nil:
		return p.ahead[c.ID]()
	}
	return c.run(ctx, p.Subject)
}

// sum answers a check by those that it is made of.
func (p *proof) sum(ctx context.Context, c Check) (Outcome, error) {
	sum := Outcome{Of: "points", Status: Skipped}
	for _, id := range c.from {
		part, ok := Find(id)
		if !ok {
			panic("check: " + c.ID + " is answered by " + id + ", which is no check")
		}
		if p.Foreign && part.general == nil && part.from == nil {
			continue
		}
		o, err := p.outcome(ctx, part)
		if err != nil {
			return Outcome{}, err
		}
		if o.Status != Skipped {
			sum.Total++
		}
		if o.Status == Passed {
			sum.Held++
		}
		sum.Status = worst(sum.Status, o.Status)
		sum.Findings = append(sum.Findings, o.Findings...)
	}
	if sum.Total == 0 {
		sum.Missing = "nothing in this database tells"
	}
	return sum, nil
}

// worst is the one of two ends that a sum of both has.
func worst(a, b Status) Status {
	order := []Status{Skipped, Passed, Warned, Failed}
	return order[max(slices.Index(order, a), slices.Index(order, b))]
}

// settle gives an outcome the status that its findings make.
func (o *Outcome) settle() {
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

// rows reads a query whose values are read as text; NULL is "".
func (s *Subject) rows(ctx context.Context, query string, args ...any) ([][]string, error) {
	return catalog.Texts(ctx, s.Database, query, args...)
}

// sanitise keeps the names of a foreign database from moving a terminal's cursor or turning its text around. A statement may
// have lines.
func (o *Outcome) sanitise() {
	for i := range o.Findings {
		f := &o.Findings[i]
		f.Object, f.Problem = plain(f.Object), plain(f.Problem)
		for j := range f.Evidence {
			f.Evidence[j] = plain(f.Evidence[j])
		}
		if plain(strings.NewReplacer("\n", "", "\t", "").Replace(f.Fix)) != strings.NewReplacer("\n", "", "\t", "").Replace(f.Fix) {
			f.Fix = "" // what would be shown is not what would be run
		}
	}
	for i := range o.Notes {
		o.Notes[i] = plain(o.Notes[i])
	}
}
