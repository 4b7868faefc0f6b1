// Package rehearsal runs migrations in a temporary schema that equals the current live schema and has no users. It then
// reads from the server's statistics and locks what they did to existing tables: which locks they took, which tables
// they rewrote or scanned, and what they added, changed and removed. `cardinal db plan` prints this before a migration
// runs, and `cardinal db lint` checks it against rules.
package rehearsal

import (
	"context"
	"fmt"
	"slices"

	"cardinal/internal/catalog"
	"cardinal/internal/store/schema"
)

// Step is the result of one migration.
type Step struct {
	Migration schema.Migration `json:"migration"`
	Effects   []Effect         `json:"effects"` // on existing tables
	Changes   []Change         `json:"changes"` // of the schema
}

// Effect is what one statement did to one table that existed before the migration.
type Effect struct {
	Statement string `json:"statement"` // its first line
	Table     string `json:"table"`
	Lock      Lock   `json:"lock,omitempty"` // the strongest that it took; "" if none of the modes below
	Scans     bool   `json:"scans"`          // reads every row
	Rewrites  bool   `json:"rewrites"`       // writes every row again
	heldLock  Lock   // the strongest that the migration holds on the table after the statement
}

// Lock is a mode of PostgreSQL's table locks: https://www.postgresql.org/docs/current/explicit-locking.html
type Lock string

// The relevant modes, weakest first. Reading and writing rows takes weaker ones.
const (
	ShareUpdateExclusive Lock = "SHARE UPDATE EXCLUSIVE"
	Share                Lock = "SHARE"
	ShareRowExclusive    Lock = "SHARE ROW EXCLUSIVE"
	Exclusive            Lock = "EXCLUSIVE"
	AccessExclusive      Lock = "ACCESS EXCLUSIVE"
)

var locks = []Lock{"", ShareUpdateExclusive, Share, ShareRowExclusive, Exclusive, AccessExclusive}

func stronger(a, b Lock) Lock {
	if slices.Index(locks, a) < slices.Index(locks, b) {
		return b
	}
	return a
}

// StopsWrites reports whether the lock blocks writes of rows.
func (l Lock) StopsWrites() bool { return slices.Index(locks, l) >= slices.Index(locks, Share) }

// StopsReads reports whether the lock blocks reads of rows.
func (l Lock) StopsReads() bool { return l == AccessExclusive }

// Change is a fact of the schema that a migration added, changed or removed.
type Change struct {
	Object   catalog.Object `json:"object"`
	Property string         `json:"property"`
	Before   string         `json:"before,omitempty"` // "" if Added
	After    string         `json:"after,omitempty"`  // "" if Removed
	Added    bool           `json:"added,omitempty"`
	Removed  bool           `json:"removed,omitempty"`
}

// changes compares the facts of two schemas.
func changes(before, after *catalog.Schema) []Change {
	type key struct {
		object   catalog.Object
		property string
	}
	unmatched := map[key]string{} // facts of before that were not found in after
	for _, f := range before.Facts() {
		unmatched[key{f.Object, f.Property}] = f.Value
	}
	found := []Change{}
	for _, f := range after.Facts() {
		k := key{f.Object, f.Property}
		old, exists := unmatched[k]
		delete(unmatched, k)
		if !exists || old != f.Value {
			found = append(found,
				Change{Object: f.Object, Property: f.Property, Before: old, After: f.Value, Added: !exists})
		}
	}
	for k, old := range unmatched {
		found = append(found, Change{Object: k.object, Property: k.property, Before: old, Removed: true})
	}
	slices.SortFunc(found, func(a, b Change) int {
		fact := catalog.Fact{Object: a.Object, Property: a.Property}
		return fact.Compare(catalog.Fact{Object: b.Object, Property: b.Property})
	})
	return found
}

// Rehearse runs migrations, in order, in a temporary schema that has the applied ones. It leaves nothing in the
// database. On SQLite a migration blocks the only writer and no reader, so only changes of the schema are returned.
func Rehearse(ctx context.Context, d *catalog.Database, applied, migrations []schema.Migration) (
	steps []Step, err error,
) {
	open := openPostgres
	if d.Engine == "sqlite" {
		open = openSQLite
	}
	stage, err := open(ctx, d, applied)
	if err != nil {
		return nil, err
	}
	defer func() {
		if closeErr := stage.close(); err == nil {
			err = closeErr
		}
	}()
	before, err := stage.read(ctx)
	if err != nil {
		return nil, err
	}
	for _, m := range migrations {
		step := Step{Migration: m, Effects: []Effect{}, Changes: []Change{}}
		if m.Phase == schema.Backfill {
			if _, err := m.Scan(); err != nil { // checks the heading only: a backfill changes no schema
				return steps, err
			}
			steps = append(steps, step)
			continue
		}
		if step.Effects, err = stage.run(ctx, m, before); err != nil {
			return steps, fmt.Errorf("rehearse %s: %w", m, err)
		}
		after, err := stage.read(ctx)
		if err != nil {
			return steps, err
		}
		step.Changes = changes(before, after)
		steps, before = append(steps, step), after
	}
	return steps, nil
}

// stage is the database or schema in which a rehearsal runs.
type stage interface {
	read(ctx context.Context) (*catalog.Schema, error)
	// run runs a migration and returns its effects on the tables of before.
	run(ctx context.Context, m schema.Migration, before *catalog.Schema) ([]Effect, error)
	close() error
}
