package store_test

import (
	"database/sql"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"cardinal"
	"cardinal/internal/store"
)

// rows returns the result of a query as texts.
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
	const insert = `INSERT INTO audit_logs (subject_id, id, actor_id, action)
		VALUES ('00000000-0000-7000-8000-000000000002', $1, '00000000-0000-7000-8000-000000000002', 'users.create')`
	for _, at := range []time.Time{time.Now().AddDate(0, -2, 0), time.Now().AddDate(1, 2, 0)} {
		_, err := db.ExecContext(ctx, insert, idAt(at))
		if err == nil || !strings.Contains(err.Error(), "no partition of relation") {
			t.Errorf("a row of %s: %v", at.Format("2006-01"), err)
		}
	}
	now := time.Now().UTC()
	first := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
	for i := range 3 {
		run(t, db, insert, idAt(first.AddDate(0, i, 0)))
	}
	var plan strings.Builder
	for _, r := range rows(t, db, `EXPLAIN SELECT * FROM audit_logs
		WHERE id >= '`+idAt(first.AddDate(0, 1, 0))+`' AND id < '`+idAt(first.AddDate(0, 2, 0))+`'
		ORDER BY id DESC LIMIT 51`) {
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
		run(t, lite, `INSERT INTO audit_logs (subject_id, id, actor_id, action)
			VALUES (x'00000000000070008000000000000002', $1, x'00000000000070008000000000000002', 'users.create')`,
			id[:])
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

// In SQLite's file ids are 16 bytes and times are microseconds, independent of the driver.
func TestSQLiteStoresBytesAndMicroseconds(t *testing.T) {
	s, path := migratedSQLite(t)
	d := dialectOf("sqlite")
	at := time.Date(2026, 3, 14, 9, 26, 53, 589_793_238, time.FixedZone("", 5*3600+1800))
	write(t, s, func(tx store.Tx) error {
		if _, err := tx.InsertUser(t.Context(), ids["new"], "person", "create", at); err != nil {
			return err
		}
		return store.Exec(t.Context(), tx, d.words.Replace(
			`INSERT INTO profiles (user_id, created_at, updated_at) VALUES ({new}, {t}, {t})`))
	})
	got := rows(t, openSQL(t, "sqlite", path), `
		SELECT typeof(id), length(id), typeof(created_at), created_at, typeof(status)
		  FROM users WHERE id = `+d.words.Replace("{new}"))
	if want := [][]string{{"blob", "16", "integer", "1773460613589793", "text"}}; !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	u := must(s.Read(t.Context()).User(t.Context(), ids["new"]))(t)
	if !u.CreatedAt.Equal(at.Truncate(time.Microsecond)) || u.CreatedAt.Location() != time.UTC {
		t.Errorf("created at %v", u.CreatedAt)
	}
}
