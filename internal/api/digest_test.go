package api_test

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the drivers: the database is looked at from outside of the store
	_ "modernc.org/sqlite"

	"cardinal/internal/directory/directorytest"
)

// raw looks at a database from outside, on one connection of its own.
type raw struct {
	*sql.DB
	engine string
}

func openRaw(t testing.TB, h *house) *raw {
	t.Helper()
	driver, source := "pgx", h.URL
	if path, ok := strings.CutPrefix(h.URL, "sqlite:"); ok {
		driver, source = "sqlite", (&url.URL{Scheme: "file", Opaque: path}).String()+"?_pragma=busy_timeout(5000)"
	}
	db, err := sql.Open(driver, source)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { db.Close() })
	r := &raw{DB: db, engine: map[string]string{"pgx": "postgres"}[driver]}
	if driver == "sqlite" {
		r.engine = driver
	} else if _, err := db.Exec(`SET search_path = cardinal`); err != nil {
		t.Fatal(err)
	}
	return r
}

// moment is a number that grows with every change of the database, by others on SQLite, by anyone in the cluster on
// PostgreSQL.
func (r *raw) moment(t testing.TB) (n int64) {
	t.Helper()
	query := `PRAGMA data_version`
	if r.engine == "postgres" {
		query = `SELECT CAST(CAST(pg_snapshot_xmax(pg_current_snapshot()) AS text) AS bigint)`
	}
	if err := r.QueryRow(query).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func (r *raw) tables(t testing.TB) (names []string) {
	t.Helper()
	query := `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name`
	if r.engine == "postgres" {
		query = `SELECT relname FROM pg_class WHERE relnamespace = 'cardinal'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition ORDER BY relname`
	}
	rows, err := r.Query(query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	return names
}

// each calls fn with every row of a table: the names of the columns and the values.
func (r *raw) each(t testing.TB, table, where string, fn func(columns []string, values []any)) {
	t.Helper()
	rows, err := r.QueryContext(context.Background(), "SELECT * FROM "+table+" "+where)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	values, into := make([]any, len(columns)), make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		fn(columns, values)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
}

// unwatched are the tables that a refused request may touch: they count refusals, and background work.
var unwatched = []string{"sign_in_throttles", "refused_attempts", "jobs"}

// digest is a hash a table over all rows, but for what a refused request may leave behind: the record of the refusal
// itself, and when a session was last seen. PostgreSQL makes it by itself.
func (r *raw) digest(t testing.TB) map[string]string {
	t.Helper()
	out := map[string]string{}
	var parts []string
	for _, table := range r.tables(t) {
		if slices.Contains(unwatched, table) {
			continue
		}
		where, row := "", "CAST(t AS text)"
		switch table {
		case "audit_logs":
			where = "WHERE NOT is_refused"
		case "sessions":
			row = "CAST(to_jsonb(t) - 'last_seen_at' AS text)"
		}
		if r.engine == "postgres" {
			parts = append(parts, "SELECT '"+table+"', count(*) || ' rows, ' || md5(COALESCE(string_agg("+row+", '|' ORDER BY "+row+"), '')) FROM "+table+" t "+where)
			continue
		}
		var sum [sha256.Size]byte // of the hashes of the rows, whose order is nobody's concern
		n := 0
		r.each(t, table, where, func(columns []string, values []any) {
			var line []byte
			for i, c := range columns {
				if table == "sessions" && c == "last_seen_at" {
					continue
				}
				switch v := values[i].(type) {
				case []byte:
					line = append(append(strconv.AppendInt(line, int64(len(v)), 10), 'b'), v...)
				case string:
					line = append(append(strconv.AppendInt(line, int64(len(v)), 10), 's'), v...)
				case int64:
					line = append(strconv.AppendInt(line, v, 10), 'i')
				default:
					line = fmt.Append(line, v, ";")
				}
			}
			for i, b := range sha256.Sum256(line) {
				sum[i] ^= b
			}
			n++
		})
		out[table] = fmt.Sprintf("%d rows, %x", n, sum)
	}
	if parts == nil {
		return out
	}
	rows, err := r.Query(strings.Join(parts, " UNION ALL "))
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var table, sum string
		if err := rows.Scan(&table, &sum); err != nil {
			t.Fatal(err)
		}
		out[table] = sum
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// watch remembers a state of the database and says which tables changed since.
type watch struct {
	*raw
	seen  int64
	state map[string]string
}

func (r *raw) watch(t testing.TB) *watch {
	t.Helper()
	return &watch{raw: r, seen: r.moment(t), state: r.digest(t)}
}

// changed lists the tables that changed since the last time. Where nothing at all was written it does not look at rows.
func (w *watch) changed(t testing.TB) (tables []string) {
	t.Helper()
	if now := w.moment(t); now == w.seen {
		return nil
	} else {
		w.seen = now
	}
	now := w.digest(t)
	for _, table := range slices.Sorted(maps.Keys(now)) {
		if now[table] != w.state[table] {
			tables = append(tables, table)
		}
	}
	w.state = now
	return tables
}

// TestWatch: the watch is shown to see what changes, and to overlook only what a refusal may leave behind.
func TestWatch(t *testing.T) {
	for _, engine := range directorytest.Engines {
		t.Run(engine, func(t *testing.T) {
			h := open(t, engine)
			_, token := h.person(t, "ada")
			w := openRaw(t, h).watch(t)
			see := func(what string, want ...string) {
				t.Helper()
				if got := w.changed(t); !slices.Equal(got, want) {
					t.Errorf("%s: %q changed, want %q", what, got, want)
				}
			}
			h.do(t, "GET", "/v1/users", token, nil).want(t, http.StatusForbidden)
			h.do(t, "POST", "/v1/users", token, object{}).want(t, http.StatusForbidden) // is recorded
			h.do(t, "POST", "/v1/sign-in", "", object{"identifier": "ada@example.com", "password": canary}).want(t, http.StatusUnauthorized)
			see("refusals")
			h.do(t, "PATCH", "/v1/countries/DE", h.admin, object{"tax_rate_ppm": 1}, "If-Match", `"1"`).want(t, http.StatusOK)
			see("a tax rate", "audit_logs", "countries")
			h.do(t, "PATCH", "/v1/me/profile", token, object{"display_name": "Ada"}, "If-Match", `"1"`).want(t, http.StatusOK)
			see("a name", "audit_logs", "profiles")
			h.do(t, "POST", "/v1/sign-out", token, nil, "Idempotency-Key", "k").want(t, http.StatusNoContent)
			see("a session", "audit_logs", "idempotency_keys", "sessions")
			see("nothing")
		})
	}
}
