package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"time"

	"cardinal"
)

// Migration is one script of the schema and whether the database has it.
type Migration struct {
	Number    int        `json:"number"`
	Name      string     `json:"name"`
	Phase     string     `json:"phase"` // expand, backfill or contract
	AppliedAt *time.Time `json:"applied_at,omitempty"`

	script   string
	checksum [sha256.Size]byte
}

// ErrSchema says that the database's schema is not the one this program speaks, and what to do.
var ErrSchema = errors.New("schema")

// monthsAhead is how many months of audit log have their place before they begin.
const monthsAhead = 12

// migrationFiles reads the embedded scripts of an engine in order: NNNN_name.sql, or NNNN_name.PHASE.sql.
func migrationFiles(engine string) []Migration {
	names, err := fs.Glob(schemaFiles, "schema/"+engine+"/[0-9]*.sql")
	if err != nil || len(names) == 0 {
		panic("store: no embedded schema for " + engine)
	}
	files := make([]Migration, len(names))
	for i, name := range names {
		text, err := schemaFiles.ReadFile(name)
		if err != nil {
			panic(err)
		}
		base := strings.TrimSuffix(path.Base(name), ".sql")
		number, err := strconv.Atoi(base[:4])
		if err != nil {
			panic(err)
		}
		title, phase, given := strings.Cut(base[5:], ".")
		if !given {
			phase = "expand"
		}
		files[i] = Migration{Number: number, Name: title, Phase: phase, script: string(text), checksum: sha256.Sum256(text)}
	}
	return files
}

const noteTable = `CREATE TABLE IF NOT EXISTS schema_migrations (
  number      %[1]s NOT NULL, -- [internal] Order of the migration.
  phase       %[2]s NOT NULL, -- [internal] expand, backfill or contract.
  name        %[2]s NOT NULL, -- [internal] What it is about.
  checksum    %[3]s NOT NULL, -- [internal] SHA-256 of the script.
  applied_at  %[4]s NOT NULL, -- [internal] When it was applied (UTC).
  CONSTRAINT schema_migrations_pk PRIMARY KEY (number, phase),
  CONSTRAINT schema_migrations_phase_ck CHECK (phase IN ('expand', 'backfill', 'contract'))
)`

func noteTableOf(engine string) string {
	if engine == "sqlite" {
		return fmt.Sprintf(strings.Replace(noteTable, " (\n", " ( -- Migrations applied.\n", 1), "INTEGER", "TEXT", "BLOB", "INTEGER") + " STRICT, WITHOUT ROWID"
	}
	return fmt.Sprintf(noteTable, "bigint", "text", "bytea", "timestamptz") + `;
COMMENT ON TABLE schema_migrations IS 'Migrations applied.';
COMMENT ON COLUMN schema_migrations.number IS '[internal] Order of the migration.';
COMMENT ON COLUMN schema_migrations.phase IS '[internal] expand, backfill or contract.';
COMMENT ON COLUMN schema_migrations.name IS '[internal] What it is about.';
COMMENT ON COLUMN schema_migrations.checksum IS '[internal] SHA-256 of the script.';
COMMENT ON COLUMN schema_migrations.applied_at IS '[internal] When it was applied (UTC).'`
}

// Migrations lists every migration that this program or the database knows, in order.
func (r Reader) Migrations(ctx context.Context) ([]Migration, error) {
	files := migrationFiles(r.engine.name)
	there, err := r.hasTable(ctx, "schema_migrations")
	if err != nil || !there {
		return files, err
	}
	applied, err := all(ctx, r, func(row scanner) (m Migration, err error) {
		var sum []byte
		err = row.Scan(&m.Number, &m.Phase, &m.Name, &sum, nullTimeInto{&m.AppliedAt})
		copy(m.checksum[:], sum)
		return m, err
	}, `SELECT number, phase, name, checksum, applied_at FROM schema_migrations ORDER BY number, applied_at`)
	if err != nil {
		return nil, err
	}
	for _, a := range applied {
		found := false
		for i, f := range files {
			if f.Number != a.Number || f.Phase != a.Phase {
				continue
			}
			found = true
			if f.checksum != a.checksum {
				return nil, fmt.Errorf("%w: migration %04d (%s) was changed after it was applied here; use the program that applied it", ErrSchema, a.Number, a.Name)
			}
			files[i].AppliedAt = a.AppliedAt
		}
		if !found {
			return nil, fmt.Errorf("%w: the database is newer than this program (it has migration %04d %s); use a newer cardinal", ErrSchema, a.Number, a.Name)
		}
	}
	return files, nil
}

// hasTable reports whether a table of Cardinal's is there; false on an empty database.
func (r Reader) hasTable(ctx context.Context, name string) (bool, error) {
	query := `SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = $1)`
	if r.engine.name == "postgres" {
		query = `SELECT to_regclass('cardinal.' || $1) IS NOT NULL`
	}
	return one(ctx, r, scanBool, query, name)
}

// Ready returns nil when the schema is the one this program speaks, and says what to do otherwise. empty is true when
// nothing was ever migrated.
func (s *Store) Ready(ctx context.Context) (empty bool, err error) {
	list, err := s.Read(ctx).Migrations(ctx)
	if err != nil {
		return false, err
	}
	pending, applied := 0, 0
	for _, m := range list {
		if m.AppliedAt == nil {
			pending++
		} else {
			applied++
		}
	}
	switch {
	case applied == 0:
		return true, fmt.Errorf("%w: the database is empty; run cardinal db migrate", ErrSchema)
	case pending > 0:
		return false, fmt.Errorf("%w: %d migration(s) are pending; run cardinal db migrate", ErrSchema, pending)
	}
	return false, nil
}

// Migrate applies what is pending, one node at a time, and makes the audit log's months ahead of now. It returns what it
// applied. serviceRole, when not empty, is a PostgreSQL role that gets the rights `cardinal serve` needs and no more.
func (s *Store) Migrate(ctx context.Context, now time.Time, serviceRole string) ([]Migration, error) {
	var applied []Migration
	err := s.engine.migrate(ctx, func(m migrator) error {
		if _, err := m.ExecContext(ctx, noteTableOf(s.engine.name)); err != nil {
			return err
		}
		list, err := Reader{engine: s.engine, q: m}.Migrations(ctx)
		if err != nil {
			return err
		}
		for _, f := range list {
			if f.AppliedAt != nil {
				continue
			}
			err := m.run(ctx, f.script, func(q querier) error {
				_, err := q.ExecContext(ctx, `INSERT INTO schema_migrations (number, phase, name, checksum, applied_at) VALUES ($1, $2, $3, $4, $5)`,
					s.engine.args([]any{f.Number, f.Phase, f.Name, f.checksum[:], now})...)
				return err
			})
			if err != nil {
				return fmt.Errorf("migration %04d %s: %w", f.Number, f.Name, err)
			}
			f.AppliedAt = &now
			applied = append(applied, f)
		}
		if serviceRole != "" {
			return s.grant(ctx, m, serviceRole)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return applied, s.Write(ctx, func(tx Tx) error {
		_, err := tx.EnsureAuditMonths(ctx, now)
		return err
	})
}

// grant gives the service's role its rights, by the text of grants.sql.
func (s *Store) grant(ctx context.Context, m migrator, role string) error {
	if s.engine.name != "postgres" {
		return fmt.Errorf("%w: only PostgreSQL has roles", cardinal.ErrInvalid)
	}
	return m.run(ctx, GrantsScript(schemaName, role), func(querier) error { return nil })
}
