// Package schema reads the scripts of the migrations, which are embedded, and describes them. It runs none.
package schema

import (
	"crypto/sha256"
	"embed"
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

// Files are the scripts of each engine, those for both engines, and the privileges of the service role on PostgreSQL.
//
//go:embed sqlite postgres data
var Files embed.FS

// Migration is one script of the schema and whether the database has it.
type Migration struct {
	Number    int        `json:"number"`
	Name      string     `json:"name"`
	Phase     Phase      `json:"phase"`
	AppliedAt *time.Time `json:"applied_at,omitempty"`

	Script   string            `json:"-"` // the SQL; for a backfill, the statement of one batch
	Checksum [sha256.Size]byte `json:"-"` // SHA-256 of the script
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

// ErrUnusable means that this program cannot use the database's schema. The message says what to do.
var ErrUnusable = errors.New("schema")

// ErrBeforeRelease is the ErrUnusable of a database that was created before the first release, by migrations that do
// not exist any more.
var ErrBeforeRelease = fmt.Errorf("%w: this database was created by a version before the first release; "+
	"its schema cannot be upgraded. Export its users with that version (cardinal export), "+
	"then import them into a new database (cardinal import)", ErrUnusable)

// IsBeforeRelease reports whether an applied migration is of a version before the first release: the first migration of
// those versions was named identity.
func IsBeforeRelease(m Migration) bool { return m.Number == 1 && m.Name == "identity" }

// Embedded returns the migrations that this program knows for an engine, in order of number and phase, without the time
// when they were applied.
func Embedded(engine string) []Migration { return embedded(engine) }

var embedded = Read(Files)

// Read returns a function that reads the scripts of an engine once: the service asks for them every few seconds.
func Read(files fs.FS) func(engine string) []Migration {
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
		names, err := fs.Glob(scripts, folder+"/[0-9]*.sql")
		if err != nil || len(names) == 0 {
			panic("schema: no embedded scripts in " + folder)
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
			m, err := New(path.Base(name), script)
			if err != nil {
				panic(err)
			}
			migrations = append(migrations, m)
		}
	}
	Sort(migrations)
	return migrations
}

// placeholder is a value in a script for both engines: {id:GROUP-NUMBER}, {time:DATE}, {now} or {new-id}.
var placeholder = regexp.MustCompile(
	`\{(?:id:([0-9a-f]{4})-([0-9a-f]{2,12})|time:([0-9]{4}-[0-9]{2}-[0-9]{2})|now|new-id)\}`)

// expressions are the placeholders whose values are known only when a script runs: the current time, and a UUIDv7 of
// that time, by engine.
var expressions = map[string]map[string]string{
	"sqlite": {
		"{now}": "CAST(unixepoch('subsec') * 1000000 AS INTEGER)",
		"{new-id}": "unhex(printf('%012x', CAST(unixepoch('subsec') * 1000 AS INTEGER))" +
			" || '70008' || substr(hex(randomblob(8)), 1, 15))",
	},
	"postgres": {"{now}": "statement_timestamp()", "{new-id}": "uuid_v7_floor(statement_timestamp())"},
}

// withLiterals replaces the placeholders of a script for both engines by literals of one. {id:8007-03} is the id
// 00000000-0000-7000-8007-000000000003, and {time:2026-01-01} is midnight of that day, UTC. {now} is the current time,
// and {new-id} an id of that time. Checksums are computed over the result, which is what the database runs. So a change
// of this function counts as a change of the migrations.
func withLiterals(engine, script string) string {
	return placeholder.ReplaceAllStringFunc(script, func(text string) string {
		if expression, ok := expressions[engine][text]; ok {
			return expression
		}
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

// Sort sorts by number and phase.
func Sort(all []Migration) {
	slices.SortFunc(all, func(a, b Migration) int {
		if a.Number != b.Number {
			return a.Number - b.Number
		}
		return slices.Index(phaseOrder, a.Phase) - slices.Index(phaseOrder, b.Phase)
	})
}

// Number is the number of the newest migration that this program knows.
func Number() int64 {
	files := Embedded("sqlite")
	return int64(files[len(files)-1].Number)
}

// New returns a migration that is not embedded, such as a draft. The name of its file is NNNN_name.sql or
// NNNN_name.PHASE.sql.
func New(name, script string) (Migration, error) {
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
	return Migration{Number: number, Name: m[2], Phase: phase, Script: script, Checksum: sum}, nil
}

var migrationName = regexp.MustCompile(`^([0-9]{4})_([a-z0-9_]+)(?:\.(expand|backfill|contract))?\.sql$`)

// OutsideTransaction reports whether a script must run outside a transaction, for example CREATE INDEX CONCURRENTLY.
// Its first line says so.
func (m Migration) OutsideTransaction() bool { return strings.HasPrefix(m.Script, "-- alone:") }

// String is the number, the name and the phase, unless it is an expansion.
func (m Migration) String() string {
	if m.Phase == Expand {
		return fmt.Sprintf("%04d %s", m.Number, m.Name)
	}
	return fmt.Sprintf("%04d %s (%s)", m.Number, m.Name, m.Phase)
}
