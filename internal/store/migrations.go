package store

import (
	"context"
	"fmt"
	"slices"

	"cardinal/internal/store/schema"
)

// migrationFiles returns the migrations of an engine. Tests add scripts to them.
var migrationFiles = schema.Embedded

// Migrations lists the migrations that this program or the database has, in order. A database can be ahead by
// expansions and backfills of a newer program, because they do not affect this one. The error is a schema.ErrUnusable
// if the database has a contraction that this program does not know, if a script was changed after it was applied, or
// if the database is older than the first release.
func (r Reader) Migrations(ctx context.Context) ([]schema.Migration, error) {
	files := migrationFiles(r.engine.name)
	exists, err := r.hasTable(ctx, "schema_migrations")
	if err != nil || !exists {
		return files, err
	}
	applied, err := queryAll(ctx, r, func(row scanner) (m schema.Migration, err error) {
		var sum []byte
		err = row.Scan(&m.Number, &m.Phase, &m.Name, &sum, nullTimeInto{&m.AppliedAt})
		copy(m.Checksum[:], sum)
		return m, err
	}, `SELECT number, phase, name, checksum, applied_at FROM schema_migrations ORDER BY number, applied_at, phase`)
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(applied, schema.IsBeforeRelease) {
		return nil, schema.ErrBeforeRelease
	}
	newest := files[len(files)-1].Number
	for _, a := range applied {
		i := slices.IndexFunc(files, func(f schema.Migration) bool {
			return f.Number == a.Number && f.Phase == a.Phase
		})
		switch {
		case i >= 0 && files[i].Checksum != a.Checksum:
			return nil, fmt.Errorf("%w: migration %s was changed after it was applied here; "+
				"use the program that applied it", schema.ErrUnusable, a)
		case i >= 0:
			files[i].AppliedAt = a.AppliedAt
		case a.Phase == schema.Contract || a.Number <= newest:
			return nil, fmt.Errorf("%w: the database is newer than this program (it has migration %s); "+
				"use a newer cardinal", schema.ErrUnusable, a)
		default:
			files = append(files, a)
		}
	}
	return files, nil
}

// hasTable reports whether a table of Cardinal exists; false on an empty database.
func (r Reader) hasTable(ctx context.Context, name string) (bool, error) {
	query := `SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = $1)`
	if r.engine.name == "postgres" {
		query = `SELECT to_regclass('cardinal.' || $1) IS NOT NULL`
	}
	return queryOne(ctx, r, scanBool, query, name)
}

// Ready returns nil if this program can use the schema, and otherwise an error that says what to do. empty is true if
// no migration was ever applied. A program can serve while backfills and contractions are pending.
func (s *Store) Ready(ctx context.Context) (empty bool, err error) {
	list, err := s.Read(ctx).Migrations(ctx)
	if err != nil {
		return false, err
	}
	pending, applied := 0, 0
	for _, m := range list {
		switch {
		case m.AppliedAt != nil:
			applied++
		case m.Phase == schema.Expand:
			pending++
		}
	}
	switch {
	case applied == 0:
		return true, fmt.Errorf("%w: the database is empty; run cardinal db migrate", schema.ErrUnusable)
	case pending > 0:
		return false, fmt.Errorf("%w: %d migration(s) are pending; run cardinal db migrate",
			schema.ErrUnusable, pending)
	}
	return false, nil
}

// BoundRowMigration is the number of the migration whose contraction allows values that are bound to their row (package
// seal, format 0x02): every program that knows it can decrypt them.
const BoundRowMigration = 28

// BucketsMigration is the number of the migration whose contraction allows bucketed search tokens: every program that
// knows it searches by the tokens that the latest scan left.
const BucketsMigration = 29

// HasContraction reports whether the contraction of a migration was applied.
func (r Reader) HasContraction(ctx context.Context, number int) (bool, error) {
	return queryOne(ctx, r, scanBool,
		`SELECT EXISTS (SELECT 1 FROM schema_migrations WHERE number = $1 AND phase = 'contract')`, number)
}
