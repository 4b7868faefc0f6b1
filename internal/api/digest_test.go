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

	_ "github.com/jackc/pgx/v5/stdlib" // the drivers: this test reads the database without the store
	_ "modernc.org/sqlite"

	"cardinal/internal/directory/directorytest"
)

// rawDB reads the database without the store, on its own connection.
type rawDB struct {
	*sql.DB
	engine string
}

func openRaw(t testing.TB, h *testAPI) *rawDB {
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
	r := &rawDB{DB: db, engine: map[string]string{"pgx": "postgres"}[driver]}
	if driver == "sqlite" {
		r.engine = driver
	} else if _, err := db.Exec(`SET search_path = cardinal`); err != nil {
		t.Fatal(err)
	}
	return r
}

// changeCounter returns a number that grows with every change of the database: on SQLite by other connections, on
// PostgreSQL by any connection of the cluster.
func (r *rawDB) changeCounter(t testing.TB) (n int64) {
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

func (r *rawDB) tables(t testing.TB) (names []string) {
	t.Helper()
	query := `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name`
	if r.engine == "postgres" {
		query = `SELECT relname FROM pg_class
			 WHERE relnamespace = 'cardinal'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
			 ORDER BY relname`
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

// eachRow calls fn with the names of the columns and the values of every row of a table.
func (r *rawDB) eachRow(t testing.TB, table, where string, fn func(columns []string, values []any)) {
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

// unwatchedTables are the tables that a refused request can change: they count refusals, and background work.
var unwatchedTables = []string{"sign_in_throttles", "refused_attempts", "jobs"}

// digest returns one hash per table over all rows, without what a refused request can change: the record of the
// refusal, and when a session was last used. PostgreSQL computes it in the database.
func (r *rawDB) digest(t testing.TB) map[string]string {
	t.Helper()
	out := map[string]string{}
	var parts []string
	for _, table := range r.tables(t) {
		if slices.Contains(unwatchedTables, table) {
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
			rowsHash := "md5(COALESCE(string_agg(" + row + ", '|' ORDER BY " + row + "), ''))"
			parts = append(parts, "SELECT '"+table+"', count(*) || ' rows, ' || "+rowsHash+" FROM "+table+" t "+where)
			continue
		}
		var sum [sha256.Size]byte // of the hashes of the rows, in any order
		n := 0
		r.eachRow(t, table, where, func(columns []string, values []any) {
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

// changeWatch keeps a state of the database and reports which tables changed since.
type changeWatch struct {
	*rawDB
	seen  int64
	state map[string]string
}

func (r *rawDB) watch(t testing.TB) *changeWatch {
	t.Helper()
	return &changeWatch{rawDB: r, seen: r.changeCounter(t), state: r.digest(t)}
}

// changed returns the tables that changed since the last call. It reads rows only when something was written.
func (w *changeWatch) changed(t testing.TB) (tables []string) {
	t.Helper()
	if now := w.changeCounter(t); now == w.seen {
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

// TestChangeWatch: changeWatch reports changes, and ignores only what a refusal can change.
func TestChangeWatch(t *testing.T) {
	for _, engine := range directorytest.Engines {
		t.Run(engine, func(t *testing.T) {
			h := open(t, engine)
			_, token := h.newUser(t, "ada")
			w := openRaw(t, h).watch(t)
			see := func(what string, want ...string) {
				t.Helper()
				if got := w.changed(t); !slices.Equal(got, want) {
					t.Errorf("%s: %q changed, want %q", what, got, want)
				}
			}
			h.do(t, "GET", "/v1/users", token, nil).want(t, http.StatusForbidden)
			h.do(t, "POST", "/v1/users", token, object{}).want(t, http.StatusForbidden) // is recorded in the audit log
			h.do(t, "POST", "/v1/sign-in", "", object{"identifier": "ada@example.com", "password": canary}).
				want(t, http.StatusUnauthorized)
			see("refusals")
			h.do(t, "PATCH", "/v1/countries/DE", h.admin, object{"tax_rate_ppm": 1}, "If-Match", `"1"`).
				want(t, http.StatusOK)
			see("a tax rate", "audit_logs", "countries")
			h.do(t, "PATCH", "/v1/me/profile", token, object{"display_name": "Ada"}, "If-Match", `"1"`).
				want(t, http.StatusOK)
			see("a name", "audit_logs", "profiles")
			h.do(t, "POST", "/v1/sign-out", token, nil, "Idempotency-Key", "k").want(t, http.StatusNoContent)
			see("a session", "audit_logs", "idempotency_keys", "sessions")
			see("nothing")
		})
	}
}
