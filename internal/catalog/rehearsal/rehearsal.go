// Package rehearsal runs migrations where nobody is: in a schema made for it, which is what the live one is now. What they do to the
// tables that were there shows in the server's own books: which locks they take, what they rewrite, what they scan, and what they
// add, change and take away. `cardinal db plan` tells it before anything runs, and `cardinal db lint` judges it.
package rehearsal

import (
	"context"
	"fmt"
	"slices"

	"cardinal/internal/catalog"
	"cardinal/internal/store"
)

// Step is what one migration did.
type Step struct {
	Migration store.Migration `json:"migration"`
	Effects   []Effect        `json:"effects"` // on tables that were there before
	Changes   []Change        `json:"changes"` // of the schema

	table string   // that a backfill walks
	key   []string // that it walks it by
}

// Effect is what one statement did to one table that was there before the migration.
type Effect struct {
	Statement string `json:"statement"` // its first line
	Table     string `json:"table"`
	Lock      Lock   `json:"lock,omitempty"` // the strongest that it took, "" when it took none that anybody feels
	Scans     bool   `json:"scans"`          // reads every row
	Rewrites  bool   `json:"rewrites"`       // writes every row anew
	held      Lock   // the strongest that the migration holds on the table by then
}

// Lock is a mode of PostgreSQL's table locks, as https://www.postgresql.org/docs/current/explicit-locking.html names them.
type Lock string

// The modes that matter here, the weakest first; reading and writing rows takes weaker ones.
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

// StopsWrites reports whether rows cannot be written while somebody has the lock.
func (l Lock) StopsWrites() bool { return slices.Index(locks, l) >= slices.Index(locks, Share) }

// StopsReads reports whether rows cannot be read while somebody has the lock.
func (l Lock) StopsReads() bool { return l == AccessExclusive }

// Change is a fact of the schema that is another one afterwards.
type Change struct {
	Object   catalog.Object `json:"object"`
	Property string         `json:"property"`
	Before   string         `json:"before,omitempty"` // "" with Added
	After    string         `json:"after,omitempty"`  // "" with Removed
	Added    bool           `json:"added,omitempty"`
	Removed  bool           `json:"removed,omitempty"`
}

// changes compares the facts of two schemas.
func changes(before, after *catalog.Schema) []Change {
	type place struct {
		object   catalog.Object
		property string
	}
	was := map[place]string{}
	for _, f := range before.Facts() {
		was[place{f.Object, f.Property}] = f.Value
	}
	found := []Change{}
	for _, f := range after.Facts() {
		p := place{f.Object, f.Property}
		old, there := was[p]
		delete(was, p)
		if !there || old != f.Value {
			found = append(found, Change{Object: f.Object, Property: f.Property, Before: old, After: f.Value, Added: !there})
		}
	}
	for p, old := range was {
		found = append(found, Change{Object: p.object, Property: p.property, Before: old, Removed: true})
	}
	slices.SortFunc(found, func(a, b Change) int {
		return catalog.Fact{Object: a.Object, Property: a.Property}.Compare(catalog.Fact{Object: b.Object, Property: b.Property})
	})
	return found
}

// Rehearse runs migrations, in order, in a schema that has those of applied; nothing of it stays. On SQLite, where a migration locks
// the one writer and nobody else, it tells changes of the schema only.
func Rehearse(ctx context.Context, d *catalog.Database, applied, migrations []store.Migration) (steps []Step, err error) {
	open := openPostgres
	if d.Engine == "sqlite" {
		open = openSQLite
	}
	stage, err := open(ctx, d, applied)
	if err != nil {
		return nil, err
	}
	defer func() {
		if failure := stage.close(); err == nil {
			err = failure
		}
	}()
	before, err := stage.read(ctx)
	if err != nil {
		return nil, err
	}
	for _, m := range migrations {
		step := Step{Migration: m, Effects: []Effect{}, Changes: []Change{}}
		if m.Phase == store.Backfill {
			if step.table, step.key, err = m.Walks(); err != nil {
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

// stage is where a rehearsal takes place.
type stage interface {
	read(ctx context.Context) (*catalog.Schema, error)
	// run runs a migration and tells what it did to the tables of before.
	run(ctx context.Context, m store.Migration, before *catalog.Schema) ([]Effect, error)
	close() error
}
