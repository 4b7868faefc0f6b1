package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"cardinal"
	"cardinal/internal/store/dberror"
	"cardinal/internal/store/schema"
)

// monthsAhead is how many months ahead the partitions of the audit log are created.
const monthsAhead = 12

// Migrate applies every migration that can be applied now: it expands, runs the backfills to their end, contracts
// unless a node of an older version is alive, and creates the audit log's partitions of the next months. It returns
// what it applied. What cannot be applied yet stays pending; OlderNodes returns the nodes that it waits for. Nodes
// migrate one at a time. After a crash the next run continues where the last one stopped.
//
// serviceRole, if not empty, is a PostgreSQL role that gets the privileges that `cardinal serve` needs, and no more.
// Roles that have these privileges already get new ones too.
func (s *Store) Migrate(ctx context.Context, now time.Time, serviceRole string) ([]schema.Migration, error) {
	return s.MigrateWithProgress(ctx, now, serviceRole, func(Progress) {})
}

// MigrateWithProgress is Migrate that reports each migration and each batch of a backfill.
func (s *Store) MigrateWithProgress(
	ctx context.Context, now time.Time, serviceRole string, onProgress func(Progress),
) ([]schema.Migration, error) {
	if serviceRole != "" && s.engine.name != "postgres" {
		return nil, fmt.Errorf("%w: only PostgreSQL has roles", cardinal.ErrInvalid)
	}
	applied, err := s.expand(ctx, now, onProgress)
	if err != nil {
		return applied, err
	}
	if err := s.Write(ctx, func(tx Tx) error {
		_, err := tx.EnsureAuditMonths(ctx, now)
		return err
	}); err != nil {
		return applied, err
	}
	if s.engine.name == "postgres" { // after the partitions: new and upgraded databases have the same privileges
		if err := s.engine.migrate(ctx, func(m migrator) error { return s.grant(ctx, m, serviceRole) }); err != nil {
			return applied, err
		}
	}
	filled, err := s.Backfill(ctx, onProgress)
	applied = append(applied, filled...)
	if err != nil {
		return applied, err
	}
	contracted, err := s.contract(ctx, now, onProgress)
	return append(applied, contracted...), err
}

// Progress is a step of Migrate: a migration applied, or a batch of a backfill.
type Progress struct {
	Migration schema.Migration
	Backfill  *BackfillState // nil if the migration was applied
	Took      time.Duration
}

func (s *Store) expand(ctx context.Context, now time.Time, onProgress func(Progress)) ([]schema.Migration, error) {
	var applied []schema.Migration
	err := s.engine.migrate(ctx, func(m migrator) error {
		if _, err := m.ExecContext(ctx, schema.MigrationsTable(s.engine.name)); err != nil {
			return err
		}
		list, err := Reader{engine: s.engine, q: m}.Migrations(ctx)
		if err != nil {
			return err
		}
		for _, f := range list {
			if f.AppliedAt != nil || f.Phase != schema.Expand {
				continue
			}
			began := time.Now()
			if err := s.applyMigration(ctx, m, &f, now, nil); err != nil {
				return err
			}
			applied = append(applied, f)
			onProgress(Progress{Migration: f, Took: time.Since(began)})
		}
		return nil
	})
	return applied, err
}

// contract applies the contractions after their backfills, in order, as long as no older node is alive. It checks that
// twice: before the script, to avoid useless locks, and at the end of the transaction, while no node can register.
func (s *Store) contract(ctx context.Context, now time.Time, onProgress func(Progress)) ([]schema.Migration, error) {
	var applied []schema.Migration
	err := s.engine.migrate(ctx, func(m migrator) error {
		r := Reader{engine: s.engine, q: m}
		list, err := r.Migrations(ctx)
		if err != nil {
			return err
		}
		for _, f := range list {
			if f.AppliedAt != nil || f.Phase != schema.Contract {
				continue
			}
			if slices.ContainsFunc(list, func(b schema.Migration) bool {
				return b.Number == f.Number && b.AppliedAt == nil && b.Phase != schema.Contract
			}) {
				return nil
			}
			if older, err := r.OlderNodes(ctx, f.Number, now); err != nil || len(older) > 0 {
				return err
			}
			began := time.Now()
			err := s.applyMigration(ctx, m, &f, now, func(q querier) error {
				if s.engine.lockNodes != "" {
					if _, err := q.ExecContext(ctx, s.engine.lockNodes); err != nil {
						return err
					}
				}
				older, err := Reader{engine: s.engine, q: q}.OlderNodes(ctx, f.Number, now)
				if err == nil && len(older) > 0 {
					err = errOlderNode
				}
				return err
			})
			if errors.Is(err, errOlderNode) {
				return nil
			}
			if err != nil {
				return err
			}
			applied = append(applied, f)
			onProgress(Progress{Migration: f, Took: time.Since(began)})
		}
		return nil
	})
	return applied, err
}

var errOlderNode = errors.New("a node of an older version registered")

// applyMigration runs a migration's script and records it. On PostgreSQL a statement waits only a short time for a
// lock, because all others wait behind it in the queue. After a lock timeout it tries again a little later. last, if
// not nil, runs in the same transaction, before the migration is recorded.
func (s *Store) applyMigration(
	ctx context.Context, m migrator, f *schema.Migration, now time.Time, last func(querier) error,
) error {
	record := func(q querier) error {
		if last != nil {
			if err := last(q); err != nil {
				return err
			}
		}
		return s.recordMigration(ctx, q, *f, now)
	}
	const tries = 60
	for try := 1; ; try++ {
		err := m.run(ctx, *f, record)
		if err == nil {
			f.AppliedAt = &now
			return nil
		}
		kind := s.engine.classify(err)
		retry := errors.Is(kind, cardinal.ErrBusy) || errors.Is(kind, dberror.ErrRetry)
		if !retry || try == tries || s.engine.name != "postgres" {
			return fmt.Errorf("migration %s: %w", f, err)
		}
		select {
		case <-time.After(time.Second/2 + rand.N(time.Second)): // #nosec G404 -- spreads nodes, no secret
		case <-ctx.Done():
			return fmt.Errorf("migration %s: %w", f, ctx.Err())
		}
	}
}

func (s *Store) recordMigration(ctx context.Context, q querier, f schema.Migration, now time.Time) error {
	_, err := q.ExecContext(ctx, `
		INSERT INTO schema_migrations (number, phase, name, checksum, applied_at) VALUES ($1, $2, $3, $4, $5)`,
		s.engine.encodeArgs([]any{f.Number, string(f.Phase), f.Name, f.Checksum[:], now})...)
	return err
}
