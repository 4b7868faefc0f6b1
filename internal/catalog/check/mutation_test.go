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
	mu                         sync.Mutex
	tried, noticed, impossible map[string]int
	fixed, fixes               int
}

func newTally() *tally {
	return &tally{tried: map[string]int{}, noticed: map[string]int{}, impossible: map[string]int{}}
}

func (y *tally) report(t *testing.T, engine string) {
	t.Helper()
	tried, noticed := 0, 0
	for _, kind := range slices.Sorted(maps.Keys(y.tried)) {
		tried, noticed = tried+y.tried[kind], noticed+y.noticed[kind]
		t.Logf("%-24s %4d tried, %4d noticed, %3d more that the database refuses", kind, y.tried[kind], y.noticed[kind], y.impossible[kind])
	}
	t.Logf("%s: %d mutants tried, %d noticed", engine, tried, noticed)
	if y.fixes > 0 {
		t.Logf("%s: of %d that were repaired by the statements that check prints, it was silent about %d", engine, y.fixes, y.fixed)
	}
	if tried < 600 {
		t.Errorf("only %d mutants were tried", tried)
	}
}

// notice compares a changed schema with the shadow as the fingerprint's checks do, and returns the findings.
func notice(s *Subject, live *catalog.Schema) []Finding {
	h := &shadow{engine: s.shadow.engine, name: s.shadow.name, live: live.Name}
	h.compare(live, s.Shadow)
	changed := &Subject{Live: live, Shadow: s.Shadow, shadow: h}
	var findings []Finding
	for _, c := range fingerprints {
		o, err := c.run(context.Background(), changed)
		if err != nil {
			panic(err) // none of them asks the database
		}
		findings = append(findings, o.Findings...)
	}
	return findings
}

// named reports whether a finding says a name.
func named(findings []Finding, name string) bool {
	return slices.ContainsFunc(findings, func(f Finding) bool { return strings.Contains(f.Object, name) })
}

var alone = flag.Bool("alone", false, "every mutant in a transaction of its own: slower by far")

// Every change of the schema is noticed by the fingerprint, and named. Changes of one kind that lie in different tables share a
// transaction, each made by a statement of its own and each to be named by a finding of its own.
func TestPostgresMutantsAreNoticed(t *testing.T) {
	y, role := newTally(), serviceRole(t)
	var group sync.WaitGroup
	const workers = 2
	for worker := range workers {
		at := fewMonths(t, granted(t, role))
		s, db := subject(t, at), openWriting(t, at)
		sets := together(postgresMutants(s.Live, role))
		group.Go(func() {
			for i := worker; i < len(sets); i += workers {
				if err := y.mutate(t, db, s, sets[i], i/workers%3 == 0); err != nil {
					t.Errorf("%s: %v", sets[i][0].statement, err)
				}
			}
		})
	}
	group.Wait()
	y.report(t, "postgres")
}

// together sorts mutants into sets of one kind, of each table one.
func together(mutants []mutant) (sets [][]mutant) {
	if *alone {
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
		if m.kind == "owner" { // whose most tables are is told by all of them
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

// mutate makes mutants in a transaction, looks at them, and undoes them.
func (y *tally) mutate(t *testing.T, db *sql.DB, s *Subject, set []mutant, fix bool) error {
	ctx := context.Background()
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if _, err := tx.Exec(`SET LOCAL search_path = cardinal`); err != nil {
		return err
	}
	var made []mutant
	for _, m := range set {
		if _, err := tx.Exec(`SAVEPOINT mutant`); err != nil {
			return err
		}
		if _, err := tx.Exec(m.statement); err == nil {
			made = append(made, m)
			continue
		}
		if _, err := tx.Exec(`ROLLBACK TO SAVEPOINT mutant`); err != nil {
			return err
		}
		y.count(y.impossible, m)
	}
	live, err := catalog.ReadPostgres(ctx, tx, "cardinal")
	if err != nil {
		return err
	}
	findings := notice(s, live)
	y.judge(t, made, findings)
	if !fix {
		return nil
	}
	left, err := repair(ctx, tx, findings)
	if err == nil {
		findings = notice(s, left)
	}
	y.mu.Lock()
	defer y.mu.Unlock()
	for _, m := range made {
		if y.fixes++; err == nil && !named(findings, m.names) {
			y.fixed++
		} else if testing.Verbose() {
			t.Logf("not repaired: %s: %v", m.statement, err)
		}
	}
	return nil
}

// judge counts mutants, and those that a finding names.
func (y *tally) judge(t *testing.T, made []mutant, findings []Finding) {
	t.Helper()
	for _, m := range made {
		y.count(y.tried, m)
		if named(findings, m.names) {
			y.count(y.noticed, m)
			continue
		}
		var objects []string
		for _, f := range findings {
			objects = append(objects, f.Object)
		}
		t.Errorf("not noticed: %s (what is: %q)", m.statement, objects)
	}
}

func (y *tally) count(in map[string]int, m mutant) {
	y.mu.Lock()
	defer y.mu.Unlock()
	in[m.kind]++
}

// repair runs the statements that the findings give, and returns what the schema is afterwards.
func repair(ctx context.Context, tx *sql.Tx, findings []Finding) (*catalog.Schema, error) {
	for _, f := range findings {
		if _, err := tx.Exec(strings.ReplaceAll(f.Fix, " CONCURRENTLY", "")); err != nil { // which no transaction allows
			return nil, fmt.Errorf("%s: %w", f.Fix, err)
		}
	}
	return catalog.ReadPostgres(ctx, tx, "cardinal")
}

// serviceRole makes a role with a password like its name. It must be made before the databases that give it rights: then it is dropped
// after them.
func serviceRole(t *testing.T) string {
	t.Helper()
	role := "cardinal_check_" + strings.ToLower(rand.Text())
	execute(t, "postgres", pgtest.Server(t), `CREATE ROLE `+role+` LOGIN PASSWORD '`+role+`'`)
	t.Cleanup(func() { execute(t, "postgres", pgtest.Server(t), `DROP ROLE `+role) })
	return role
}
