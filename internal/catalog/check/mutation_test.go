package check

import (
	"context"
	"crypto/rand"
	"database/sql"
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"cardinal/internal/catalog"
	"cardinal/internal/pgtest"
)

// tally counts mutants by kind.
type tally struct {
	mu                       sync.Mutex
	tried, detected, refused map[string]int
	repaired, fixes          int
}

func newTally() *tally {
	return &tally{tried: map[string]int{}, detected: map[string]int{}, refused: map[string]int{}}
}

func (y *tally) report(t *testing.T, engine string) {
	t.Helper()
	tried, detected := 0, 0
	for _, kind := range slices.Sorted(maps.Keys(y.tried)) {
		tried, detected = tried+y.tried[kind], detected+y.detected[kind]
		t.Logf("%-24s %4d executed, %4d detected, %3d refused by the database", kind, y.tried[kind], y.detected[kind],
			y.refused[kind])
	}
	t.Logf("%s: %d mutants executed, %d detected", engine, tried, detected)
	if y.fixes > 0 {
		t.Logf("%s: the statements that check prints were executed for %d mutants and repaired %d", engine, y.fixes,
			y.repaired)
	}
	if tried < 600 {
		t.Errorf("only %d mutants were executed", tried)
	}
}

// compareWithShadow compares a changed schema with the shadow as the fingerprint checks do, and returns the findings.
func compareWithShadow(s *Subject, live *catalog.Schema) []Finding {
	h := &shadow{engine: s.shadow.engine, name: s.shadow.name, live: live.Name}
	h.compare(live, s.Shadow)
	changed := &Subject{Live: live, Shadow: s.Shadow, shadow: h}
	var findings []Finding
	for _, c := range fingerprints {
		o, err := c.run(context.Background(), changed)
		if err != nil {
			panic(err) // the fingerprint checks do not query the database
		}
		findings = append(findings, o.Findings...)
	}
	return findings
}

// mentions reports whether the object of a finding contains a name.
func mentions(findings []Finding, name string) bool {
	return slices.ContainsFunc(findings, func(f Finding) bool { return strings.Contains(f.Object, name) })
}

var oneByOne = flag.Bool("alone", false, "run every mutant in its own transaction (much slower)")

// Every change of the schema is detected by the fingerprint, and named. Changes of one kind in different tables share a
// transaction. Each is made by its own statement and must be named by its own finding.
func TestPostgresMutantsDetected(t *testing.T) {
	y, role := newTally(), createServiceRole(t)
	var group sync.WaitGroup
	const workers = 2
	for worker := range workers {
		at := dropLaterMonths(t, databaseWithGrants(t, role))
		s, db := subjectWithShadow(t, at), openForWriting(t, at)
		sets := groupMutants(postgresMutants(s.Live, role))
		group.Go(func() {
			for i := worker; i < len(sets); i += workers {
				if err := y.applyMutants(t, db, s, sets[i], i/workers%3 == 0); err != nil {
					t.Errorf("%s: %v", sets[i][0].statement, err)
				}
			}
		})
	}
	group.Wait()
	y.report(t, "postgres")
}

// groupMutants groups mutants into sets of one kind with at most one mutant per table.
func groupMutants(mutants []mutant) (sets [][]mutant) {
	if *oneByOne {
		for _, m := range mutants {
			sets = append(sets, []mutant{m})
		}
		return sets
	}
	type nth struct {
		kind string
		n    int
	}
	seen, at := map[[2]string]int{}, map[nth]int{}
	for _, m := range mutants {
		if m.kind == "owner" { // the owner of the schema depends on all tables
			sets = append(sets, []mutant{m})
			continue
		}
		k := nth{m.kind, seen[[2]string{m.kind, m.table}]}
		seen[[2]string{m.kind, m.table}]++
		if _, ok := at[k]; !ok {
			at[k] = len(sets)
			sets = append(sets, nil)
		}
		sets[at[k]] = append(sets[at[k]], m)
	}
	return sets
}

// applyMutants executes mutants in a transaction, checks them, and rolls back.
func (y *tally) applyMutants(t *testing.T, db *sql.DB, s *Subject, set []mutant, fix bool) error {
	ctx := context.Background()
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if _, err := tx.Exec(`SET LOCAL search_path = cardinal`); err != nil {
		return err
	}
	var applied []mutant
	for _, m := range set {
		if _, err := tx.Exec(`SAVEPOINT mutant`); err != nil {
			return err
		}
		if _, err := tx.Exec(m.statement); err == nil {
			applied = append(applied, m)
			continue
		}
		if _, err := tx.Exec(`ROLLBACK TO SAVEPOINT mutant`); err != nil {
			return err
		}
		y.count(y.refused, m)
	}
	live, err := catalog.ReadPostgres(ctx, tx, "cardinal")
	if err != nil {
		return err
	}
	findings := compareWithShadow(s, live)
	y.countDetected(t, applied, findings)
	if !fix {
		return nil
	}
	left, err := applyFixes(ctx, tx, findings)
	if err == nil {
		findings = compareWithShadow(s, left)
	}
	y.mu.Lock()
	defer y.mu.Unlock()
	for _, m := range applied {
		if y.fixes++; err == nil && !mentions(findings, m.names) {
			y.repaired++
		} else if testing.Verbose() {
			t.Logf("not repaired: %s: %v", m.statement, err)
		}
	}
	return nil
}

// countDetected counts mutants, and those that a finding names.
func (y *tally) countDetected(t *testing.T, applied []mutant, findings []Finding) {
	t.Helper()
	for _, m := range applied {
		y.count(y.tried, m)
		if mentions(findings, m.names) {
			y.count(y.detected, m)
			continue
		}
		var objects []string
		for _, f := range findings {
			objects = append(objects, f.Object)
		}
		t.Errorf("not detected: %s (found: %q)", m.statement, objects)
	}
}

func (y *tally) count(in map[string]int, m mutant) {
	y.mu.Lock()
	defer y.mu.Unlock()
	in[m.kind]++
}

// applyFixes executes the statements of the findings, and returns the schema afterwards.
func applyFixes(ctx context.Context, tx *sql.Tx, findings []Finding) (*catalog.Schema, error) {
	for _, f := range findings {
		// CONCURRENTLY is not allowed in a transaction
		if _, err := tx.Exec(strings.ReplaceAll(f.Fix, " CONCURRENTLY", "")); err != nil {
			return nil, fmt.Errorf("%s: %w", f.Fix, err)
		}
	}
	return catalog.ReadPostgres(ctx, tx, "cardinal")
}

// createServiceRole creates a role whose password is its name. Create it before the databases in which it has
// privileges, so that it is dropped after them.
func createServiceRole(t *testing.T) string {
	t.Helper()
	role := "cardinal_check_" + strings.ToLower(rand.Text())
	execute(t, "postgres", pgtest.Server(t), `CREATE ROLE `+role+` LOGIN PASSWORD '`+role+`'`)
	t.Cleanup(func() { execute(t, "postgres", pgtest.Server(t), `DROP ROLE `+role) })
	return role
}
