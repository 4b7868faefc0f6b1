package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"cardinal"
)

// monthsAhead is how many months of audit log have their place before they begin.
const monthsAhead = 12

const migrationsTable = `CREATE TABLE IF NOT EXISTS schema_migrations (
  number      %[1]s NOT NULL, -- [internal] Number of the migration.
  phase       %[2]s NOT NULL, -- [internal] Phase: expand, backfill or contract.
  name        %[2]s NOT NULL, -- [internal] Name of the migration.
  checksum    %[3]s NOT NULL, -- [internal] SHA-256 of the script.
  applied_at  %[4]s NOT NULL, -- [internal] When the migration was applied (UTC).
  CONSTRAINT schema_migrations_pk PRIMARY KEY (number, phase),
  CONSTRAINT schema_migrations_phase_ck CHECK (phase IN ('expand', 'backfill', 'contract'))
)`

func migrationsTableSQL(engine string) string {
	if engine == "sqlite" {
		return fmt.Sprintf(strings.Replace(migrationsTable, " (\n", " ( -- Applied migrations.\n", 1), "INTEGER", "TEXT", "BLOB", "INTEGER") + " STRICT, WITHOUT ROWID"
	}
	return fmt.Sprintf(migrationsTable, "bigint", "text", "bytea", "timestamptz") + `;
COMMENT ON TABLE schema_migrations IS 'Applied migrations.';
COMMENT ON COLUMN schema_migrations.number IS '[internal] Number of the migration.';
COMMENT ON COLUMN schema_migrations.phase IS '[internal] Phase: expand, backfill or contract.';
COMMENT ON COLUMN schema_migrations.name IS '[internal] Name of the migration.';
COMMENT ON COLUMN schema_migrations.checksum IS '[internal] SHA-256 of the script.';
COMMENT ON COLUMN schema_migrations.applied_at IS '[internal] When the migration was applied (UTC).'`
}

// Migrate takes the schema as far as it may go now: it expands, walks the backfills to their end, contracts unless a node of an
// older version is alive, and makes the audit log's months ahead of now. It returns what it applied; what it may not apply yet stays
// pending (OlderNodes tells for whom). Nodes migrate one at a time, and one that was killed is gone on with where it stopped.
//
// serviceRole, when not empty, is a PostgreSQL role that gets the rights `cardinal serve` needs and no more; roles that have them
// already get those that are new.
func (s *Store) Migrate(ctx context.Context, now time.Time, serviceRole string) ([]Migration, error) {
	return s.MigrateTelling(ctx, now, serviceRole, func(Progress) {})
}

// MigrateTelling is Migrate, and tells of each migration and of each batch of a backfill.
func (s *Store) MigrateTelling(ctx context.Context, now time.Time, serviceRole string, tell func(Progress)) ([]Migration, error) {
	if serviceRole != "" && s.engine.name != "postgres" {
		return nil, fmt.Errorf("%w: only PostgreSQL has roles", cardinal.ErrInvalid)
	}
	applied, err := s.expand(ctx, now, tell)
	if err != nil {
		return applied, err
	}
	if err := s.Write(ctx, func(tx Tx) error {
		_, err := tx.EnsureAuditMonths(ctx, now)
		return err
	}); err != nil {
		return applied, err
	}
	if s.engine.name == "postgres" { // behind the months, so that a new database gives the same rights as one that was upgraded
		if err := s.engine.migrate(ctx, func(m migrator) error { return s.grant(ctx, m, serviceRole) }); err != nil {
			return applied, err
		}
	}
	filled, err := s.Backfill(ctx, tell)
	applied = append(applied, filled...)
	if err != nil {
		return applied, err
	}
	contracted, err := s.contract(ctx, now, tell)
	return append(applied, contracted...), err
}

// Progress is a step of Migrate: a migration applied, or a batch of a backfill.
type Progress struct {
	Migration Migration
	Backfill  *BackfillState // nil when the migration was applied
	Took      time.Duration
}

func (s *Store) expand(ctx context.Context, now time.Time, tell func(Progress)) ([]Migration, error) {
	var applied []Migration
	err := s.engine.migrate(ctx, func(m migrator) error {
		if _, err := m.ExecContext(ctx, migrationsTableSQL(s.engine.name)); err != nil {
			return err
		}
		list, err := Reader{engine: s.engine, q: m}.Migrations(ctx)
		if err != nil {
			return err
		}
		for _, f := range list {
			if f.AppliedAt != nil || f.Phase != Expand {
				continue
			}
			began := time.Now()
			if err := s.applyMigration(ctx, m, &f, now, nil); err != nil {
				return err
			}
			applied = append(applied, f)
			tell(Progress{Migration: f, Took: time.Since(began)})
		}
		return nil
	})
	return applied, err
}

// contract applies the contractions whose backfill is over, in order, as long as no older node is alive. It looks twice: before, so
// as to lock nothing in vain, and at the end of the transaction, with no node able to register meanwhile.
func (s *Store) contract(ctx context.Context, now time.Time, tell func(Progress)) ([]Migration, error) {
	var applied []Migration
	err := s.engine.migrate(ctx, func(m migrator) error {
		r := Reader{engine: s.engine, q: m}
		list, err := r.Migrations(ctx)
		if err != nil {
			return err
		}
		for _, f := range list {
			if f.AppliedAt != nil || f.Phase != Contract {
				continue
			}
			if slices.ContainsFunc(list, func(b Migration) bool { return b.Number == f.Number && b.AppliedAt == nil && b.Phase != Contract }) {
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
			tell(Progress{Migration: f, Took: time.Since(began)})
		}
		return nil
	})
	return applied, err
}

var errOlderNode = errors.New("a node of an older version came")

// applyMigration runs a migration's script and notes it. On PostgreSQL a statement waits for a lock only shortly, because all others queue up
// behind it; one that did not get it tries again a little later. last, when not nil, runs in the same transaction before the note.
func (s *Store) applyMigration(ctx context.Context, m migrator, f *Migration, now time.Time, last func(querier) error) error {
	note := func(q querier) error {
		if last != nil {
			if err := last(q); err != nil {
				return err
			}
		}
		return s.recordMigration(ctx, q, *f, now)
	}
	const tries = 60
	for try := 1; ; try++ {
		err := m.run(ctx, *f, note)
		if err == nil {
			f.AppliedAt = &now
			return nil
		}
		lost := errors.Is(s.engine.classify(err), cardinal.ErrBusy) || errors.Is(s.engine.classify(err), errRetry)
		if !lost || try == tries || s.engine.name != "postgres" {
			return fmt.Errorf("migration %s: %w", f, err)
		}
		select {
		case <-time.After(time.Second/2 + rand.N(time.Second)):
		case <-ctx.Done():
			return fmt.Errorf("migration %s: %w", f, ctx.Err())
		}
	}
}

func (s *Store) recordMigration(ctx context.Context, q querier, f Migration, now time.Time) error {
	_, err := q.ExecContext(ctx, `INSERT INTO schema_migrations (number, phase, name, checksum, applied_at) VALUES ($1, $2, $3, $4, $5)`,
		s.engine.args([]any{f.Number, string(f.Phase), f.Name, f.checksum[:], now})...)
	return err
}

// grant gives the service's rights to a role and to those that have them already, by the text of grants.sql.
func (s *Store) grant(ctx context.Context, m migrator, role string) error {
	roles, err := all(ctx, Reader{engine: s.engine, q: m}, func(row scanner) (name string, err error) { err = row.Scan(&name); return name, err }, `
		SELECT DISTINCT g.rolname
		  FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) a JOIN pg_roles g ON g.oid = a.grantee
		 WHERE c.oid = 'audit_logs'::regclass AND a.privilege_type = 'INSERT' AND a.grantee <> c.relowner`)
	if err != nil {
		return err
	}
	if role != "" && !slices.Contains(roles, role) {
		roles = append(roles, role)
	}
	for _, role := range roles {
		grants := Migration{script: GrantsScript(schemaName, role)}
		if err := m.run(ctx, grants, func(querier) error { return nil }); err != nil {
			return fmt.Errorf("give %s its rights: %w", role, err)
		}
	}
	return nil
}
