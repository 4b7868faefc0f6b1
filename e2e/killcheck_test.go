package e2e

import (
	"database/sql"
	"strings"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"
)

// invariants count rows that must not exist: parts of incomplete changes. {rows} stands for the rows that events name.
var invariants = map[string]string{
	"users without a profile": `SELECT count(*) FROM users u
		WHERE NOT EXISTS (SELECT 1 FROM profiles p WHERE p.user_id = u.id)`,
	"profiles without a user": `SELECT count(*) FROM profiles p
		WHERE NOT EXISTS (SELECT 1 FROM users u WHERE u.id = p.user_id)`,
	"persons without a key": `SELECT count(*) FROM users u
		WHERE u.kind = 'person' AND NOT EXISTS (SELECT 1 FROM user_keys k WHERE k.user_id = u.id)`,
	"persons without an event of their creation": `SELECT count(*) FROM users u
		WHERE u.kind = 'person' AND NOT EXISTS (
			SELECT 1 FROM audit_logs a WHERE a.subject_id = u.id AND a.action IN ('user.create', 'user.import'))`,
	"contacts without an identifier": `SELECT count(*) FROM contacts c
		WHERE c.value_index IS NULL
		  AND NOT EXISTS (SELECT 1 FROM identifiers i WHERE i.user_id = c.user_id AND i.contact_id = c.id)`,
	"idempotency keys without a reply": `SELECT count(*) FROM idempotency_keys WHERE length(reply_sealed) < 32`,

	"users with another version than in their last event":    versionsDiffer("users", "id"),
	"profiles with another version than in their last event": versionsDiffer("profiles", "user_id"),
}

// versionsDiffer counts rows whose version is not the one in the last event about them.
func versionsDiffer(table, key string) string {
	return `SELECT count(*) FROM ` + table + ` t JOIN users u ON u.id = t.` + key + `
		WHERE u.kind = 'person' AND t.version <> (
			SELECT max({version}) FROM audit_logs a, {rows} WHERE a.subject_id = u.id AND {table} = '` + table + `')`
}

// eventRowSyntax is the SQL of each engine for the rows that an event names. A row is a JSON object, or, for imports, a
// text of table, version and digest.
var eventRowSyntax = map[string]*strings.Replacer{
	"sqlite": strings.NewReplacer("{rows}", "json_each(a.changed_rows) r",
		"{version}", "CASE r.type WHEN 'object' THEN json_extract(r.value, '$.version') "+
			"ELSE CAST(substr(r.value, instr(r.value, ' ')) AS INTEGER) END",
		"{table}", "CASE r.type WHEN 'object' THEN json_extract(r.value, '$.table') "+
			"ELSE substr(r.value, 1, instr(r.value, ' ') - 1) END"),
	"postgres": strings.NewReplacer("{rows}", "jsonb_array_elements(a.changed_rows::jsonb) r",
		"{version}", "CASE jsonb_typeof(r) WHEN 'object' THEN (r ->> 'version')::bigint "+
			"ELSE split_part(r #>> '{}', ' ', 2)::bigint END",
		"{table}", "CASE jsonb_typeof(r) WHEN 'object' THEN r ->> 'table' ELSE split_part(r #>> '{}', ' ', 1) END",
		"length(", "octet_length("),
}

// integrity checks the database: the engine's integrity check of its files, and the invariants.
func (v *crashTest) integrity(engine string) {
	v.t.Helper()
	db := v.openDatabase(engine)
	defer db.Close()
	scalar := func(query string) (found string) {
		if err := db.QueryRow(query).Scan(&found); err != nil {
			v.t.Errorf("%s: %v", query, err)
		}
		return found
	}
	if engine == "sqlite" {
		if found := scalar(`PRAGMA integrity_check`); found != "ok" {
			v.t.Errorf("integrity_check: %s", found)
		}
		if found := scalar(`SELECT count(*) FROM pragma_foreign_key_check`); found != "0" {
			v.t.Errorf("foreign_key_check: %s rows", found)
		}
	} else {
		if _, err := db.Exec(`CREATE EXTENSION IF NOT EXISTS amcheck SCHEMA public`); err != nil {
			v.t.Fatalf("amcheck: %v", err)
		}
		if found := scalar(`SELECT count(public.bt_index_check(i.indexrelid, true))
			FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am m ON m.oid = c.relam
			WHERE c.relnamespace = 'cardinal'::regnamespace AND c.relkind = 'i' AND m.amname = 'btree'`); found == "0" {
			v.t.Error("amcheck: no index was checked")
		}
		if found := scalar(`SELECT count(*) FROM pg_class c, LATERAL public.verify_heapam(c.oid) h
			WHERE c.relnamespace = 'cardinal'::regnamespace AND c.relkind = 'r'`); found != "0" {
			v.t.Errorf("amcheck: %s errors in tables", found)
		}
	}
	for name, query := range invariants {
		if found := scalar(eventRowSyntax[engine].Replace(query)); found != "0" {
			v.t.Errorf("%s: %s", name, found)
		}
	}
	if v.t.Failed() {
		v.t.FailNow()
	}
}

func (v *crashTest) openDatabase(engine string) *sql.DB {
	v.t.Helper()
	driver, dsn := "sqlite", strings.TrimPrefix(v.db, "sqlite:")+"?_pragma=busy_timeout(10000)"
	if engine == "postgres" {
		driver, dsn = "pgx", v.db+"&search_path=cardinal"
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		v.t.Fatal(err)
	}
	return db
}
