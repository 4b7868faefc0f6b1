package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"cardinal"
)

// Migration is one script of the schema and whether the database has it.
type Migration struct {
	Number    int        `json:"number"`
	Name      string     `json:"name"`
	Phase     Phase      `json:"phase"`
	AppliedAt *time.Time `json:"applied_at,omitempty"`

	script   string
	checksum [sha256.Size]byte
}

// Phase is the part of a change of the schema. Programs of the previous and of the next version run at the same time
// from the expansion to the contraction.
type Phase string

// The phases of a change, in their order.
const (
	// Expand adds, and breaks no program of the previous version. A program needs every expansion that it knows.
	Expand Phase = "expand"
	// Backfill fills what was added, in small batches of rows, while the service runs.
	Backfill Phase = "backfill"
	// Contract adds the final constraints, and removes what only the previous version needs. It waits until no node of
	// that version is left.
	Contract Phase = "contract"
)

var phaseOrder = []Phase{Expand, Backfill, Contract}

// ErrSchema means that this program cannot use the database's schema. The message says what to do.
var ErrSchema = errors.New("schema")

// ErrBeforeRelease is the ErrSchema of a database that was created before the first release, by migrations that do not
// exist any more.
var ErrBeforeRelease = fmt.Errorf("%w: this database was created by a version before the first release; "+
	"its schema cannot be upgraded. Export its users with that version (cardinal export), "+
	"then import them into a new database (cardinal import)", ErrSchema)

// IsBeforeRelease reports whether an applied migration is of a version before the first release: the first migration of
// those versions was named identity.
func IsBeforeRelease(m Migration) bool { return m.Number == 1 && m.Name == "identity" }

// migrationFiles returns the embedded scripts of an engine in order of number and phase. Tests add scripts to them.
var migrationFiles = readOnce(schemaFiles)

// readOnce returns a function that reads the scripts of an engine once: the service asks for them every few seconds.
func readOnce(files fs.FS) func(engine string) []Migration {
	sqlite := sync.OnceValue(func() []Migration { return readMigrations(files, "sqlite") })
	postgres := sync.OnceValue(func() []Migration { return readMigrations(files, "postgres") })
	return func(engine string) []Migration {
		if engine == "sqlite" {
			return slices.Clone(sqlite())
		}
		return slices.Clone(postgres())
	}
}

// readMigrations reads the scripts of an engine. Their files are named NNNN_name.sql or NNNN_name.PHASE.sql. They are
// in the folder of the engine, or in the folder data if both engines use the same script.
func readMigrations(scripts fs.FS, engine string) []Migration {
	var migrations []Migration
	for _, folder := range []string{engine, "data"} {
		names, err := fs.Glob(scripts, "schema/"+folder+"/[0-9]*.sql")
		if err != nil || len(names) == 0 {
			panic("store: no embedded scripts in " + folder)
		}
		for _, name := range names {
			text, err := fs.ReadFile(scripts, name)
			if err != nil {
				panic(err)
			}
			script := string(text)
			if folder == "data" {
				script = withLiterals(engine, script)
			}
			m, err := NewMigration(path.Base(name), script)
			if err != nil {
				panic(err)
			}
			migrations = append(migrations, m)
		}
	}
	SortMigrations(migrations)
	return migrations
}

// placeholder is a value in a script for both engines: {id:GROUP-NUMBER} or {time:DATE}.
var placeholder = regexp.MustCompile(`\{(?:id:([0-9a-f]{4})-([0-9a-f]{2,12})|time:([0-9]{4}-[0-9]{2}-[0-9]{2}))\}`)

// withLiterals replaces the placeholders of a script for both engines by literals of one. {id:8007-03} is the id
// 00000000-0000-7000-8007-000000000003, and {time:2026-01-01} is midnight of that day, UTC. Checksums are computed over
// the result, which is what the database runs. So a change of this function counts as a change of the migrations.
func withLiterals(engine, script string) string {
	return placeholder.ReplaceAllStringFunc(script, func(text string) string {
		m := placeholder.FindStringSubmatch(text)
		if m[3] == "" {
			id := uuid.MustParse("00000000-0000-7000-" + m[1] + "-" + strings.Repeat("0", 12-len(m[2])) + m[2])
			if engine == "sqlite" {
				return fmt.Sprintf("x'%x'", id[:])
			}
			return "uuid '" + id.String() + "'"
		}
		day, err := time.Parse(time.DateOnly, m[3])
		if err != nil {
			panic(err)
		}
		if engine == "sqlite" {
			return strconv.FormatInt(day.UnixMicro(), 10)
		}
		return "timestamptz '" + day.Format(time.RFC3339) + "'"
	})
}

// EmbeddedMigrations returns the migrations that this program knows for an engine, without the time when they were
// applied.
func EmbeddedMigrations(engine string) []Migration { return migrationFiles(engine) }

// SortMigrations sorts by number and phase.
func SortMigrations(all []Migration) {
	slices.SortFunc(all, func(a, b Migration) int {
		if a.Number != b.Number {
			return a.Number - b.Number
		}
		return slices.Index(phaseOrder, a.Phase) - slices.Index(phaseOrder, b.Phase)
	})
}

// SchemaNumber is the number of the newest migration that this program knows.
func SchemaNumber() int64 {
	files := migrationFiles("sqlite")
	return int64(files[len(files)-1].Number)
}

// NewMigration returns a migration that is not embedded, such as a draft. The name of its file is NNNN_name.sql or
// NNNN_name.PHASE.sql.
func NewMigration(name, script string) (Migration, error) {
	m := migrationName.FindStringSubmatch(name)
	if m == nil {
		return Migration{}, fmt.Errorf("%w: %q is not a valid name of a migration: "+
			"NNNN_name.sql, NNNN_name.backfill.sql or NNNN_name.contract.sql", cardinal.ErrInvalid, name)
	}
	number, err := strconv.Atoi(m[1])
	if err != nil {
		return Migration{}, err
	}
	phase := Expand
	if m[3] != "" {
		phase = Phase(m[3])
	}
	sum := sha256.Sum256([]byte(script))
	return Migration{Number: number, Name: m[2], Phase: phase, script: script, checksum: sum}, nil
}

var migrationName = regexp.MustCompile(`^([0-9]{4})_([a-z0-9_]+)(?:\.(expand|backfill|contract))?\.sql$`)

// OutsideTransaction reports whether a script must run outside a transaction, for example CREATE INDEX CONCURRENTLY.
// Its first line says so.
func (m Migration) OutsideTransaction() bool { return strings.HasPrefix(m.script, "-- alone:") }

// BackfillKey returns the table that a backfill scans, and the columns of the key that it scans in order of.
func (m Migration) BackfillKey() (table string, key []string, err error) {
	w, err := parseBackfill(m)
	return w.table, w.key, err
}

// Script is the migration's SQL; for a backfill, the statement of one batch.
func (m Migration) Script() string { return m.script }

// String is the number, the name and the phase, unless it is an expansion.
func (m Migration) String() string {
	if m.Phase == Expand {
		return fmt.Sprintf("%04d %s", m.Number, m.Name)
	}
	return fmt.Sprintf("%04d %s (%s)", m.Number, m.Name, m.Phase)
}

// Migrations lists the migrations that this program or the database has, in order. A database can be ahead by
// expansions and backfills of a newer program, because they do not affect this one. The error is an ErrSchema if the
// database has a contraction that this program does not know, if a script was changed after it was applied, or if the
// database is older than the first release.
func (r Reader) Migrations(ctx context.Context) ([]Migration, error) {
	files := migrationFiles(r.engine.name)
	exists, err := r.hasTable(ctx, "schema_migrations")
	if err != nil || !exists {
		return files, err
	}
	applied, err := queryAll(ctx, r, func(row scanner) (m Migration, err error) {
		var sum []byte
		err = row.Scan(&m.Number, &m.Phase, &m.Name, &sum, nullTimeInto{&m.AppliedAt})
		copy(m.checksum[:], sum)
		return m, err
	}, `SELECT number, phase, name, checksum, applied_at FROM schema_migrations ORDER BY number, applied_at, phase`)
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(applied, IsBeforeRelease) {
		return nil, ErrBeforeRelease
	}
	newest := files[len(files)-1].Number
	for _, a := range applied {
		i := slices.IndexFunc(files, func(f Migration) bool { return f.Number == a.Number && f.Phase == a.Phase })
		switch {
		case i >= 0 && files[i].checksum != a.checksum:
			return nil, fmt.Errorf("%w: migration %s was changed after it was applied here; "+
				"use the program that applied it", ErrSchema, a)
		case i >= 0:
			files[i].AppliedAt = a.AppliedAt
		case a.Phase == Contract || a.Number <= newest:
			return nil, fmt.Errorf("%w: the database is newer than this program (it has migration %s); "+
				"use a newer cardinal", ErrSchema, a)
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
		case m.Phase == Expand:
			pending++
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
