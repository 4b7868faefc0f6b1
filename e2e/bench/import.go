package main

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"cardinal/internal/pgtest"
	"cardinal/internal/seed"
)

// maxRawCopy is the maximum number of users of a raw copy, which keeps them in memory.
const maxRawCopy = 100_000

// imports measures the import of users with password hashes into empty databases: its CPU time, and its time relative
// to a raw copy of the created rows into the same tables.
func (b *bench) imports() error {
	cluster, err := pgtest.Start(pgtest.Options{Durable: true})
	if err != nil {
		return err
	}
	defer cluster.Stop()
	file, people := filepath.Join(b.dir, "people.ndjson"), min(b.people, maxRawCopy)
	if err := writePeople(file, people, personWithName); err != nil {
		return err
	}
	lite := func(name string) (string, error) { return "sqlite:" + filepath.Join(b.dir, name+".db"), nil }
	postgres := func(name string) (string, error) { return newDatabase(cluster.URL(), "bench_"+name) }
	if err := b.importsOn("SQLite", lite, file, people, nil); err != nil {
		return err
	}
	return b.importsOn("PostgreSQL", postgres, file, people, []int{cluster.PID()})
}

func newDatabase(at, name string) (string, error) {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, at)
	if err != nil {
		return "", err
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, `CREATE DATABASE `+name); err != nil {
		return "", err
	}
	u, err := url.Parse(at)
	if err != nil {
		return "", err
	}
	u.Path = "/" + name
	return u.String(), nil
}

func (b *bench) importsOn(
	engine string, database func(name string) (string, error), file string, people int, helpers []int,
) error {
	db, err := database("all")
	if err != nil {
		return err
	}
	raw, err := database("raw")
	if err != nil {
		return err
	}
	for _, empty := range []string{db, raw} {
		if err := b.migrate(empty); err != nil {
			return err
		}
	}
	all, err := b.importFile(db, filepath.Join(b.dir, "keys-"+engine), file, helpers)
	if err != nil {
		return err
	}
	c, err := b.childCommand("-child", "copy", "-url", db, "-to", raw)
	if err != nil {
		return err
	}
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		return fmt.Errorf("copy: %w", err)
	}
	seconds, err := strconv.ParseFloat(strings.TrimSpace(string(out)), 64)
	if err != nil {
		return err
	}
	limit := fmt.Sprintf("raw copy of the same rows %.2f s", seconds)
	b.add(figure{what: "import with password hashes, CPU per 1,000 users", engine: engine, unit: "s",
		value: all.cpu.Seconds() * 1000 / float64(people), target: 0.6, limit: limit, samples: people})
	b.add(figure{what: "import, time ÷ time of a raw copy (60 % of its speed)", engine: engine, unit: "",
		value: all.took.Seconds() / seconds, target: 1.67, limit: limit, samples: people})
	return nil
}

// importCost is the cost of one run of `cardinal import`.
type importCost struct {
	cpu, took time.Duration
	memory    float64 // peak, in MiB
}

func (b *bench) importFile(db, keys, file string, helpers []int) (importCost, error) {
	c := exec.Command(b.binary, "import", file, "--yes", "--db", db, "--keys", keys)
	c.Dir = b.dir
	begin, before := time.Now(), time.Duration(0)
	for _, pid := range helpers {
		before += treeCPU(pid)
	}
	if text, err := c.CombinedOutput(); err != nil {
		return importCost{}, fmt.Errorf("import: %w\n%s", err, text)
	}
	done := importCost{took: time.Since(begin), cpu: c.ProcessState.UserTime() + c.ProcessState.SystemTime() - before,
		memory: float64(c.ProcessState.SysUsage().(*syscall.Rusage).Maxrss) / 1024}
	for _, pid := range helpers {
		done.cpu += treeCPU(pid)
	}
	return done, nil
}

func (b *bench) migrate(db string) error {
	c := exec.Command(b.binary, "db", "migrate", "--db", db)
	c.Dir = b.dir
	if text, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("db migrate: %w\n%s", err, text)
	}
	return nil
}

// The second identifier of users, in addition to the email address.
const (
	personWithName  = `"username":"person%d"`
	personWithPhone = `"phone":"+4930%08d"`
)

func emailOf(i int) string { return fmt.Sprintf("person%d@example.com", i) }

// writePeople writes fictitious users with password hashes in the format of bcrypt.
func writePeople(path string, n int, with string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	out, random := bufio.NewWriter(f), rand.New(rand.NewPCG(1, 1))
	const letters = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	text := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = letters[random.IntN(len(letters))]
		}
		return string(b)
	}
	for i := range n {
		p := seed.Person(1, i)
		fmt.Fprintf(out, `{"email":%q,"email_verified":true,"display_name":%q,`+with+
			`,"country":"DE","locale":"de-DE","time_zone":"Europe/Berlin","created_at":"2024-03-01T10:00:00Z",`+
			`"password_hash":"$2b$10$%s.%s"}`+"\n",
			emailOf(i), p.DisplayName, i, text(21), text(31))
	}
	return out.Flush()
}

// copiedTables are the tables of a user, referenced tables first. user is the index of the column with the user's id.
var copiedTables = []struct {
	table, order, columns string
	user                  int
}{
	{"key_encryption_keys", "id", "id, location, check_value, created_at", 0},
	{"users", "id", "id, kind, status, created_at, updated_at, version, schema_version", 0},
	{"user_keys", "user_id", "user_id, kek_id, wrapped_key, created_at, wrapped_at", 0},
	{"profiles", "user_id", "user_id, display_name_sealed, username_sealed, avatar_url_sealed, country_code, locale, " +
		"time_zone, created_at, updated_at, version, schema_version", 0},
	{"contacts", "user_id", "user_id, id, kind, value_sealed, is_primary, verified_at, created_at, updated_at, " +
		"version, schema_version", 0},
	{"identifiers", "user_id", "value_index, user_id, contact_id, created_at, expires_at", 1},
	{"credentials", "user_id", "user_id, hash, last_reset, must_change, created_at, updated_at, " +
		"version, schema_version", 0},
	{"search_tokens", "user_id", "token, user_id", 1},
	{"audit_logs", "subject_id", "subject_id, id, actor_id, action, changed_rows, changes, request_id, " +
		"schema_version", 0},
}

// batchSize is the number of users per transaction, as in an import.
const batchSize = 1000

// rawCopy copies the rows of users from one database to another as fast as the engine can, and prints the time in
// seconds.
func rawCopy(from, to string) error {
	if strings.HasPrefix(from, "sqlite:") {
		return rawCopySQLite(strings.TrimPrefix(from, "sqlite:"), strings.TrimPrefix(to, "sqlite:"))
	}
	ctx := context.Background()
	tables := make([][][]any, len(copiedTables))
	source, err := pgx.Connect(ctx, from)
	if err != nil {
		return err
	}
	defer source.Close(ctx)
	for i, t := range copiedTables {
		columns := strings.NewReplacer("changed_rows, changes", "changed_rows::text, changes::text").Replace(t.columns)
		query := `SELECT ` + columns + ` FROM cardinal.` + t.table + `
			WHERE ` + personCondition(t.table) + ` ORDER BY ` + t.order
		rows, err := source.Query(ctx, query)
		if err != nil {
			return err
		}
		tables[i], err = pgx.CollectRows(rows, func(row pgx.CollectableRow) ([]any, error) { return row.Values() })
		if err != nil {
			return err
		}
	}
	target, err := pgx.Connect(ctx, to)
	if err != nil {
		return err
	}
	defer target.Close(ctx)
	return timeBatches(tables, func(batch [][][]any) error {
		tx, err := target.Begin(ctx)
		if err != nil {
			return err
		}
		for i, t := range copiedTables {
			table, columns := pgx.Identifier{"cardinal", t.table}, strings.Split(t.columns, ", ")
			if _, err := tx.CopyFrom(ctx, table, columns, pgx.CopyFromRows(batch[i])); err != nil {
				return fmt.Errorf("%s: %w", t.table, err)
			}
		}
		return tx.Commit(ctx)
	})
}

func personCondition(table string) string {
	switch table {
	case "users":
		return "kind = 'person'"
	case "audit_logs":
		return "action = 'user.import'"
	case "profiles":
		return "country_code IS NOT NULL"
	}
	return "TRUE"
}

// timeBatches calls do for batches of rows of all tables, each with all rows of the same users, and prints the time in
// seconds.
func timeBatches(tables [][][]any, do func(batch [][][]any) error) error {
	begin, at := time.Now(), make([]int, len(tables))
	for people := range slices.Chunk(tables[1], batchSize) {
		last := idOf(people[len(people)-1][0])
		batch := make([][][]any, len(tables))
		batch[0], tables[0] = tables[0], nil // all key-encryption keys, in the first batch
		for i := 1; i < len(tables); i++ {
			end := at[i]
			for end < len(tables[i]) && idOf(tables[i][end][copiedTables[i].user]) <= last {
				end++
			}
			batch[i], at[i] = tables[i][at[i]:end], end
		}
		if err := do(batch); err != nil {
			return err
		}
	}
	fmt.Println(time.Since(begin).Seconds())
	return nil
}

// idOf converts an id of either driver to a string that is ordered by its bytes.
func idOf(id any) string {
	if b, ok := id.([16]byte); ok {
		return string(b[:])
	}
	return string(id.([]byte))
}

func rawCopySQLite(from, to string) error {
	const options = "?_pragma=busy_timeout(10000)&_pragma=foreign_keys(1)&_pragma=synchronous(FULL)" +
		"&_pragma=journal_mode(WAL)&_pragma=recursive_triggers(1)&_pragma=secure_delete(1)&_pragma=cache_size(-48000)"
	source, err := sql.Open("sqlite", "file:"+from+options)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := sql.Open("sqlite", "file:"+to+options+"&_txlock=immediate")
	if err != nil {
		return err
	}
	defer target.Close()
	target.SetMaxOpenConns(1)
	tables, inserts := make([][][]any, len(copiedTables)), make([]*sql.Stmt, len(copiedTables))
	for i, t := range copiedTables {
		columns := strings.Split(t.columns, ", ")
		query := `SELECT ` + t.columns + ` FROM ` + t.table + `
			WHERE ` + personCondition(t.table) + ` ORDER BY ` + t.order
		if tables[i], err = allRows(source, query, len(columns)); err != nil {
			return err
		}
		places := strings.TrimSuffix(strings.Repeat("?, ", len(columns)), ", ")
		statement := `INSERT INTO ` + t.table + ` (` + t.columns + `) VALUES (` + places + `)`
		if inserts[i], err = target.Prepare(statement); err != nil {
			return err
		}
	}
	return timeBatches(tables, func(batch [][][]any) error {
		tx, err := target.Begin()
		if err != nil {
			return err
		}
		defer tx.Rollback()
		for i, rows := range batch {
			insert := tx.Stmt(inserts[i])
			for _, row := range rows {
				if _, err := insert.Exec(row...); err != nil {
					return fmt.Errorf("%s: %w", copiedTables[i].table, err)
				}
			}
		}
		return tx.Commit()
	})
}

func allRows(db *sql.DB, query string, columns int) ([][]any, error) {
	found, err := db.Query(query)
	if err != nil {
		return nil, err
	}
	defer found.Close()
	var rows [][]any
	for found.Next() {
		row, into := make([]any, columns), make([]any, columns)
		for i := range row {
			into[i] = &row[i]
		}
		if err := found.Scan(into...); err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	return rows, found.Err()
}
