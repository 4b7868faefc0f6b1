package store_test

import (
	"database/sql"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"cardinal"
	"cardinal/internal/store"
)

// model is a live schema, read back from the engine's own catalog.
type model map[string]*table

type table struct {
	comment string
	columns []column
	primary []string
	foreign [][]string // the columns of each foreign key
	indexes []index
	checks  string // the text of the table's checks
}

type column struct {
	name, kind, comment string
	notNull             bool
}

type index struct {
	name, predicate string
	columns         []string // "" is an expression
	unique          bool
}

// onBothSchemas reads the schema that Migrate makes on each engine.
func onBothSchemas(t *testing.T, test func(t *testing.T, engine string, m model)) {
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) {
			m := readSchema(t, engine)
			if len(m) < 25 {
				t.Fatalf("%d tables", len(m))
			}
			test(t, engine, m)
		})
	}
}

func readSchema(t *testing.T, engine string) model {
	t.Helper()
	if engine == "sqlite" {
		_, path := migratedSQLite(t)
		return readSQLite(t, openSQL(t, "sqlite", path))
	}
	return readPostgres(t, openSQL(t, "pgx", inSchema(migratedPostgres(t))))
}

// rows reads a query of texts.
func rows(t *testing.T, db *sql.DB, query string, args ...any) (all [][]string) {
	t.Helper()
	found, err := db.Query(query, args...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer found.Close()
	names, err := found.Columns()
	if err != nil {
		t.Fatal(err)
	}
	for found.Next() {
		values := make([]sql.NullString, len(names))
		into := make([]any, len(names))
		for i := range values {
			into[i] = &values[i]
		}
		if err := found.Scan(into...); err != nil {
			t.Fatal(err)
		}
		row := make([]string, len(names))
		for i, v := range values {
			row[i] = v.String
		}
		all = append(all, row)
	}
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

func words(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, ",")
}

func readPostgres(t *testing.T, db *sql.DB) model {
	t.Helper()
	m := model{}
	const ours = ` c.relnamespace = 'cardinal'::regnamespace AND NOT c.relispartition `
	for _, r := range rows(t, db, `SELECT c.relname, obj_description(c.oid, 'pg_class'),
	    (SELECT string_agg(pg_get_constraintdef(k.oid), E'\n') FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'c')
	  FROM pg_class c WHERE c.relkind IN ('r', 'p') AND`+ours) {
		m[r[0]] = &table{comment: r[1], checks: r[2]}
	}
	for _, r := range rows(t, db, `SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull::text, col_description(c.oid, a.attnum)
	  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid WHERE c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped AND`+ours+`ORDER BY a.attnum`) {
		m[r[0]].columns = append(m[r[0]].columns, column{name: r[1], kind: r[2], notNull: r[3] == "true", comment: r[4]})
	}
	for _, r := range rows(t, db, `SELECT c.relname, k.contype, (SELECT string_agg(a.attname, ',' ORDER BY n.o) FROM unnest(k.conkey) WITH ORDINALITY n (num, o) JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = n.num)
	  FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid WHERE k.contype IN ('p', 'f') AND`+ours) {
		if r[1] == "p" {
			m[r[0]].primary = words(r[2])
		} else {
			m[r[0]].foreign = append(m[r[0]].foreign, words(r[2]))
		}
	}
	for _, r := range rows(t, db, `SELECT c.relname, i.indexrelid::regclass::text, pg_get_expr(i.indpred, i.indrelid), i.indisunique::text,
	    (SELECT string_agg(COALESCE(a.attname, ''), ',' ORDER BY n.o) FROM unnest(i.indkey::int2[]) WITH ORDINALITY n (num, o) LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = n.num AND n.num > 0)
	  FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid WHERE`+ours) {
		m[r[0]].indexes = append(m[r[0]].indexes, index{name: r[1], predicate: strings.Trim(r[2], "()"), unique: r[3] == "true", columns: strings.Split(r[4], ",")})
	}
	return m
}

var (
	sqliteTable  = regexp.MustCompile(`^CREATE TABLE "?(\w+)"? \( -- (.*)$`)
	sqliteColumn = regexp.MustCompile(`^  (\w+) +(?:TEXT|INTEGER|BLOB)\b`)
)

func readSQLite(t *testing.T, db *sql.DB) model {
	t.Helper()
	m := model{}
	for _, r := range rows(t, db, `SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`) {
		own, comments, current := &table{checks: r[1]}, map[string]string{}, ""
		for i, line := range strings.Split(r[1], "\n") {
			if i == 0 {
				if head := sqliteTable.FindStringSubmatch(line); head != nil {
					own.comment = head[2]
				}
				continue
			}
			if named := sqliteColumn.FindStringSubmatch(line); named != nil {
				current = named[1]
			}
			if _, comment, ok := strings.Cut(line, ", -- "); ok {
				comments[current] = comment
			}
		}
		m[r[0]] = own
		for _, c := range rows(t, db, `SELECT name, type, "notnull", pk FROM pragma_table_xinfo($1) ORDER BY cid`, r[0]) {
			own.columns = append(own.columns, column{name: c[0], kind: c[1], notNull: c[2] == "1", comment: comments[c[0]]})
		}
		for _, c := range rows(t, db, `SELECT name FROM pragma_table_xinfo($1) WHERE pk > 0 ORDER BY pk`, r[0]) {
			own.primary = append(own.primary, c[0])
		}
		for _, c := range rows(t, db, `SELECT group_concat("from", ',' ORDER BY seq) FROM pragma_foreign_key_list($1) GROUP BY id`, r[0]) {
			own.foreign = append(own.foreign, words(c[0]))
		}
		for _, x := range rows(t, db, `SELECT name, "unique", (SELECT sql FROM sqlite_schema s WHERE s.name = l.name) FROM pragma_index_list($1) l`, r[0]) {
			i := index{name: x[0], unique: x[1] == "1"}
			_, i.predicate, _ = strings.Cut(x[2], " WHERE ")
			for _, c := range rows(t, db, `SELECT name FROM pragma_index_info($1) ORDER BY seqno`, x[0]) {
				i.columns = append(i.columns, c[0])
			}
			own.indexes = append(own.indexes, i)
		}
	}
	return m
}

var dataClass = regexp.MustCompile(`^\[(id|public|internal|pii|secret)\] \S.*\.$`)

func TestEverythingHasADataClass(t *testing.T) {
	onBothSchemas(t, func(t *testing.T, _ string, m model) {
		for name, own := range m {
			if own.comment == "" {
				t.Errorf("%s has no comment", name)
			}
			for _, c := range own.columns {
				if !dataClass.MatchString(c.comment) {
					t.Errorf("%s.%s: the comment %q begins with no data class", name, c.name, c.comment)
				}
				if strings.HasSuffix(c.name, "_sealed") && !strings.HasPrefix(c.comment, "[pii]") {
					t.Errorf("%s.%s is sealed and not [pii]", name, c.name)
				}
			}
		}
		for _, c := range m["users"].columns {
			if strings.HasPrefix(c.comment, "[pii]") || strings.HasPrefix(c.comment, "[secret]") {
				t.Errorf("users.%s is personal or secret", c.name)
			}
		}
	})
}

func TestBothEnginesHaveTheSameSchema(t *testing.T) {
	lite, pg := readSchema(t, "sqlite"), readSchema(t, "postgres")
	delete(pg, "schema_lock") // SQLite's own lock serves there
	kinds := map[string]string{"uuid": "BLOB", "bytea": "BLOB", "text": "TEXT", "jsonb": "TEXT", "bigint": "INTEGER", "boolean": "INTEGER",
		"timestamp with time zone": "INTEGER"}
	for name := range lite {
		if pg[name] == nil {
			t.Errorf("PostgreSQL has no table %s", name)
		}
	}
	for name, want := range pg {
		got := lite[name]
		if got == nil {
			t.Errorf("SQLite has no table %s", name)
			continue
		}
		for i := range want.columns {
			kind := kinds[want.columns[i].kind]
			if kind == "" {
				t.Errorf("%s.%s is a %s", name, want.columns[i].name, want.columns[i].kind)
			}
			want.columns[i].kind = kind
		}
		if got.comment != want.comment || !slices.Equal(got.columns, want.columns) || !slices.Equal(got.primary, want.primary) {
			t.Errorf("%s differs:\nSQLite     %+v\nPostgreSQL %+v", name, got, want)
		}
		byText := func(keys [][]string) (texts []string) {
			for _, k := range keys {
				texts = append(texts, strings.Join(k, ", "))
			}
			slices.Sort(texts)
			return texts
		}
		if !slices.Equal(byText(got.foreign), byText(want.foreign)) {
			t.Errorf("%s: foreign keys %v on SQLite, %v on PostgreSQL", name, got.foreign, want.foreign)
		}
		// Names of what backs a key are the engine's own; what it is over is not.
		over := func(own *table) (texts []string) {
			for _, i := range own.indexes {
				texts = append(texts, fmt.Sprint(i.columns, i.unique, i.predicate != ""))
			}
			slices.Sort(texts)
			return texts
		}
		if !reflect.DeepEqual(over(got), over(want)) {
			t.Errorf("%s: indexes %v on SQLite, %v on PostgreSQL", name, over(got), over(want))
		}
	}
}

// serves reports whether an index finds the rows of a foreign key: led by its columns, and none left out but for NULL.
func serves(i index, key []string) bool {
	if len(i.columns) < len(key) {
		return false
	}
	for _, column := range i.columns[:len(key)] {
		if !slices.Contains(key, column) {
			return false
		}
	}
	if i.predicate == "" {
		return true
	}
	for _, term := range strings.Split(i.predicate, " AND ") {
		column, isNotNull := strings.CutSuffix(strings.Trim(term, "()"), " IS NOT NULL")
		if !isNotNull || !slices.Contains(key, column) {
			return false
		}
	}
	return true
}

func TestServes(t *testing.T) {
	for _, c := range []struct {
		index index
		want  bool
	}{
		{index{columns: []string{"a", "b"}}, true},
		{index{columns: []string{"b", "a", "c"}}, true},
		{index{columns: []string{"a"}}, false},
		{index{columns: []string{"c", "a", "b"}}, false},
		{index{columns: []string{"a", "b"}, predicate: "a IS NOT NULL"}, true},
		{index{columns: []string{"a", "b"}, predicate: "(a IS NOT NULL) AND (b IS NOT NULL)"}, true},
		{index{columns: []string{"a", "b"}, predicate: "is_primary"}, false},
		{index{columns: []string{"a", "b"}, predicate: "c IS NOT NULL"}, false},
		{index{columns: []string{"a", "b"}, predicate: "a IS NULL"}, false},
	} {
		if got := serves(c.index, []string{"a", "b"}); got != c.want {
			t.Errorf("%+v: %v", c.index, got)
		}
	}
}

func TestEveryForeignKeyIsIndexed(t *testing.T) {
	onBothSchemas(t, func(t *testing.T, _ string, m model) {
		keys := 0
		for name, own := range m {
			for _, key := range own.foreign {
				keys++
				if !slices.ContainsFunc(own.indexes, func(i index) bool { return serves(i, key) }) {
					t.Errorf("%s: no index serves the foreign key %v", name, key)
				}
			}
		}
		if keys < 30 {
			t.Errorf("only %d foreign keys were found", keys)
		}
	})
}

func TestNoIndexIsRedundant(t *testing.T) {
	onBothSchemas(t, func(t *testing.T, _ string, m model) {
		for name, own := range m {
			for _, a := range own.indexes {
				for _, b := range own.indexes {
					if a.name != b.name && redundant(a, b) && (len(a.columns) < len(b.columns) || a.name < b.name) {
						t.Errorf("%s: %s %v is the beginning of %s %v", name, a.name, a.columns, b.name, b.columns)
					}
				}
			}
		}
	})
}

// redundant reports whether whatever a does, b does too: b begins with a's columns. A unique index forbids something, so it
// stays, unless b forbids the same.
func redundant(a, b index) bool {
	if slices.Contains(a.columns, "") || len(a.columns) > len(b.columns) || !slices.Equal(a.columns, b.columns[:len(a.columns)]) {
		return false
	}
	return (b.predicate == "" || a.predicate == b.predicate) && (!a.unique || b.unique && len(a.columns) == len(b.columns))
}

func TestRedundant(t *testing.T) {
	a := index{columns: []string{"a"}}
	for _, c := range []struct {
		a, b index
		want bool
	}{
		{a, a, true},
		{a, index{columns: []string{"a", "b"}}, true},
		{a, index{columns: []string{"b", "a"}}, false},
		{index{columns: []string{"a"}, unique: true}, index{columns: []string{"a", "b"}}, false},
		{a, index{columns: []string{"a"}, predicate: "b"}, false},
		{index{columns: []string{"a"}, predicate: "b"}, a, true},
	} {
		if got := redundant(c.a, c.b); got != c.want {
			t.Errorf("%+v beside %+v: %v", c.a, c.b, got)
		}
	}
}

func TestKeysAreUUIDs(t *testing.T) {
	other := map[string]bool{"identifiers.value_index": true, "sign_in_throttles.key_hash": true, "refused_attempts.action": true,
		"refused_attempts.minute": true, "schema_migrations.number": true, "schema_migrations.phase": true, "schema_backfills.number": true, "schema_lock.id": true}
	onBothSchemas(t, func(t *testing.T, engine string, m model) {
		for name, own := range m {
			if len(own.primary) == 0 {
				t.Errorf("%s has no primary key", name)
			}
			for _, key := range own.primary {
				c := own.columns[slices.IndexFunc(own.columns, func(c column) bool { return c.name == key })]
				isID := c.kind == "uuid" || engine == "sqlite" && c.kind == "BLOB" && strings.Contains(own.checks, fmt.Sprintf("CHECK (length(%s) = 16)", key))
				if isID == other[name+"."+key] {
					t.Errorf("%s.%s: in the primary key, kind %s, an exception: %v", name, key, c.kind, other[name+"."+key])
				}
			}
		}
	})
}

func TestTimesAreUTC(t *testing.T) {
	onBothSchemas(t, func(t *testing.T, engine string, m model) {
		times := 0
		for name, own := range m {
			for _, c := range own.columns {
				named := strings.HasSuffix(c.name, "_at") || strings.HasSuffix(c.name, "_until") || c.name == "minute" || c.name == "last_reset"
				switch {
				case engine == "postgres":
					if named != (c.kind == "timestamp with time zone") || strings.HasPrefix(c.kind, "timestamp without") {
						t.Errorf("%s.%s is a %s", name, c.name, c.kind)
					}
				case named && c.name != "occurred_at" && name != "schema_migrations":
					if c.kind != "INTEGER" || !strings.Contains(own.checks, fmt.Sprintf("CHECK (%s BETWEEN 0 AND 253402300799999999)", c.name)) {
						t.Errorf("%s.%s has no check of its form", name, c.name)
					}
				}
				if named {
					times++
				}
			}
		}
		if times < 50 {
			t.Errorf("only %d times were found", times)
		}
	})
}

func TestAuditPartitions(t *testing.T) {
	ctx, url := t.Context(), migratedPostgres(t)
	s, db := open(t, url), openSQL(t, "pgx", inSchema(url))
	months := func() int {
		return must(countOf(db, `SELECT count(*) FROM pg_inherits WHERE inhparent = 'audit_logs'::regclass`))(t)
	}
	if n := months(); n != 13 {
		t.Errorf("%d months after Migrate", n)
	}
	migrate(t, s, "")
	if n := months(); n != 13 {
		t.Errorf("%d months after another Migrate", n)
	}
	insert := `INSERT INTO audit_logs (subject_id, id, actor_id, action) VALUES ('00000000-0000-7000-8000-000000000002', $1, '00000000-0000-7000-8000-000000000002', 'users.create')`
	for _, at := range []time.Time{time.Now().AddDate(0, -2, 0), time.Now().AddDate(1, 2, 0)} {
		if _, err := db.ExecContext(ctx, insert, idAt(at)); err == nil || !strings.Contains(err.Error(), "no partition of relation") {
			t.Errorf("a row of %s: %v", at.Format("2006-01"), err)
		}
	}
	now := time.Now().UTC()
	first := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
	for i := range 3 {
		run(t, db, insert, idAt(first.AddDate(0, i, 0)))
	}
	var plan strings.Builder
	for _, r := range rows(t, db, `EXPLAIN SELECT * FROM audit_logs WHERE id >= '`+idAt(first.AddDate(0, 1, 0))+`' AND id < '`+idAt(first.AddDate(0, 2, 0))+`' ORDER BY id DESC LIMIT 51`) {
		plan.WriteString(r[0] + "\n")
	}
	read := slices.Compact(regexp.MustCompile(`audit_logs_\d{6}`).FindAllString(plan.String(), -1))
	if want := []string{"audit_logs_" + first.AddDate(0, 1, 0).Format("200601")}; !slices.Equal(read, want) {
		t.Errorf("the plan of one month reads %v, want %v:\n%s", read, want, &plan)
	}
	// The time of a row is the time in its id, on both engines.
	_, path := migratedSQLite(t)
	lite := openSQL(t, "sqlite", path)
	for _, at := range []time.Time{first, now.Truncate(time.Millisecond)} {
		id := cardinal.IDAt(at)
		id[15] = 7
		run(t, db, insert, id.String())
		run(t, lite, `INSERT INTO audit_logs (subject_id, id, actor_id, action) VALUES (x'00000000000070008000000000000002', $1, x'00000000000070008000000000000002', 'users.create')`, id[:])
		var pg time.Time
		var micro int64
		if err := db.QueryRow(`SELECT occurred_at FROM audit_logs WHERE id = $1`, id.String()).Scan(&pg); err != nil {
			t.Fatal(err)
		}
		if err := lite.QueryRow(`SELECT occurred_at FROM audit_logs WHERE id = $1`, id[:]).Scan(&micro); err != nil {
			t.Fatal(err)
		}
		if !pg.Equal(at) || micro != at.UnixMicro() {
			t.Errorf("occurred_at of %v: %v on PostgreSQL, %v on SQLite", at, pg, time.UnixMicro(micro).UTC())
		}
	}
}

// Ids are 16 bytes and times microseconds in SQLite's file, whatever the driver likes.
func TestSQLiteKeepsBytesAndMicroseconds(t *testing.T) {
	s, path := migratedSQLite(t)
	d := dialectOf("sqlite")
	at := time.Date(2026, 3, 14, 9, 26, 53, 589_793_238, time.FixedZone("", 5*3600+1800))
	write(t, s, func(tx store.Tx) error {
		if _, err := tx.InsertUser(t.Context(), ids["new"], "person", "create", at); err != nil {
			return err
		}
		return store.Exec(t.Context(), tx, d.words.Replace(`INSERT INTO profiles (user_id, created_at, updated_at) VALUES ({new}, {t}, {t})`))
	})
	got := rows(t, openSQL(t, "sqlite", path), `SELECT typeof(id), length(id), typeof(created_at), created_at, typeof(status) FROM users WHERE id = `+d.words.Replace("{new}"))
	if want := [][]string{{"blob", "16", "integer", "1773460613589793", "text"}}; !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if u := must(s.Read(t.Context()).User(t.Context(), ids["new"]))(t); !u.CreatedAt.Equal(at.Truncate(time.Microsecond)) || u.CreatedAt.Location() != time.UTC {
		t.Errorf("created at %v", u.CreatedAt)
	}
}
