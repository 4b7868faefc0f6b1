package e2e

import (
	"database/sql"
	"strings"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"
)

// invariants count what must not be: halves of changes. {rows} stands for the rows that events name.
var invariants = map[string]string{
	"users without a profile":                         `SELECT count(*) FROM users u WHERE NOT EXISTS (SELECT 1 FROM profiles p WHERE p.user_id = u.id)`,
	"profiles without a user":                         `SELECT count(*) FROM profiles p WHERE NOT EXISTS (SELECT 1 FROM users u WHERE u.id = p.user_id)`,
	"people without a key":                            `SELECT count(*) FROM users u WHERE u.kind = 'person' AND NOT EXISTS (SELECT 1 FROM user_keys k WHERE k.user_id = u.id)`,
	"people whose making is not told":                 `SELECT count(*) FROM users u WHERE u.kind = 'person' AND NOT EXISTS (SELECT 1 FROM audit_logs a WHERE a.subject_id = u.id AND a.action IN ('user.create', 'user.import'))`,
	"contacts without a claim":                        `SELECT count(*) FROM contacts c WHERE NOT EXISTS (SELECT 1 FROM identifiers i WHERE i.user_id = c.user_id AND i.contact_id = c.id)`,
	"replies that were not kept":                      `SELECT count(*) FROM idempotency_keys WHERE length(reply_sealed) < 32`,
	"users whose last event names another version":    versionsDiffer("users", "id"),
	"profiles whose last event names another version": versionsDiffer("profiles", "user_id"),
}

func versionsDiffer(table, key string) string {
	return `SELECT count(*) FROM ` + table + ` t JOIN users u ON u.id = t.` + key + ` WHERE u.kind = 'person' AND t.version <> (
	  SELECT max({version}) FROM audit_logs a, {rows} WHERE a.subject_id = u.id AND {table} = '` + table + `')`
}

// eventRowSyntax says how an engine reads the rows that an event names: as objects, or those of an import as texts of table, version and digest.
var eventRowSyntax = map[string]*strings.Replacer{
	"sqlite": strings.NewReplacer("{rows}", "json_each(a.changed_rows) r",
		"{version}", "CASE r.type WHEN 'object' THEN json_extract(r.value, '$.version') ELSE CAST(substr(r.value, instr(r.value, ' ')) AS INTEGER) END",
		"{table}", "CASE r.type WHEN 'object' THEN json_extract(r.value, '$.table') ELSE substr(r.value, 1, instr(r.value, ' ') - 1) END"),
	"postgres": strings.NewReplacer("{rows}", "jsonb_array_elements(a.changed_rows::jsonb) r",
		"{version}", "CASE jsonb_typeof(r) WHEN 'object' THEN (r ->> 'version')::bigint ELSE split_part(r #>> '{}', ' ', 2)::bigint END",
		"{table}", "CASE jsonb_typeof(r) WHEN 'object' THEN r ->> 'table' ELSE split_part(r #>> '{}', ' ', 1) END",
		"length(", "octet_length("),
}

// integrity asks the database itself: its own check of its files, the invariants, and cardinal check.
func (v *crashTest) integrity(engine string) {
	v.t.Helper()
	db := v.openDatabase(engine)
	defer db.Close()
	ask := func(query string) (found string) {
		if err := db.QueryRow(query).Scan(&found); err != nil {
			v.t.Errorf("%s: %v", query, err)
		}
		return found
	}
	if engine == "sqlite" {
		if found := ask(`PRAGMA integrity_check`); found != "ok" {
			v.t.Errorf("integrity_check: %s", found)
		}
		if found := ask(`SELECT count(*) FROM pragma_foreign_key_check`); found != "0" {
			v.t.Errorf("foreign_key_check: %s rows", found)
		}
	} else {
		if _, err := db.Exec(`CREATE EXTENSION IF NOT EXISTS amcheck SCHEMA public`); err != nil {
			v.t.Fatalf("amcheck: %v", err)
		}
		if found := ask(`SELECT count(public.bt_index_check(i.indexrelid, true)) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am m ON m.oid = c.relam
			WHERE c.relnamespace = 'cardinal'::regnamespace AND c.relkind = 'i' AND m.amname = 'btree'`); found == "0" {
			v.t.Error("amcheck: no index was checked")
		}
		if found := ask(`SELECT count(*) FROM pg_class c, LATERAL public.verify_heapam(c.oid) h WHERE c.relnamespace = 'cardinal'::regnamespace AND c.relkind = 'r'`); found != "0" {
			v.t.Errorf("amcheck: %s faults of tables", found)
		}
	}
	for name, query := range invariants {
		if found := ask(eventRowSyntax[engine].Replace(query)); found != "0" {
			v.t.Errorf("%s: %s", name, found)
		}
	}
	if v.t.Failed() {
		v.t.FailNow()
	}
}

func (v *crashTest) openDatabase(engine string) *sql.DB {
	v.t.Helper()
	driver, dsn := "sqlite", strings.TrimPrefix(v.db, "sqlite:")
	if engine == "postgres" {
		driver, dsn = "pgx", v.db+"&search_path=cardinal"
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		v.t.Fatal(err)
	}
	return db
}
