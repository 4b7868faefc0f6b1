package store_test

import (
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"cardinal/internal/pgtest"
	"cardinal/internal/store"
)

// hostileSession is what the service's role can do before it calls a function or changes a row: temporary relations
// with the names of those that functions read, and a search_path with false functions and operators.
var hostileSession = []string{
	// It raises an exception if it runs with the permissions of another role.
	`CREATE FUNCTION pg_temp.mine() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
	  IF current_user <> session_user THEN RAISE EXCEPTION 'code of the caller ran as %', current_user; END IF;
	  RETURN TRUE; END $$`,
	`CREATE TEMP VIEW pg_stat_user_tables AS SELECT 'countries'::name AS relname, 'cardinal'::name AS schemaname,
	  1000000::bigint AS n_mod_since_analyze, 0::bigint AS n_live_tup WHERE pg_temp.mine()`,
	`CREATE TEMP VIEW pg_inherits AS SELECT * FROM pg_catalog.pg_inherits WHERE pg_temp.mine()`,
	`CREATE TEMP VIEW pg_class AS SELECT * FROM pg_catalog.pg_class WHERE pg_temp.mine()`,
	`CREATE TEMP VIEW audit_logs AS SELECT * FROM cardinal.audit_logs WHERE pg_temp.mine()`,
	`CREATE TEMP TABLE user_status_transitions AS SELECT a.code AS from_status, b.code AS to_status
	  FROM cardinal.user_statuses a CROSS JOIN cardinal.user_statuses b`,
	`CREATE TEMP TABLE user_statuses AS SELECT * FROM cardinal.user_statuses`,
	`CREATE TEMP TABLE user_kinds AS SELECT * FROM cardinal.user_kinds`,
	`CREATE TEMP TABLE roles AS SELECT * FROM cardinal.roles`,
	`UPDATE roles SET min_holders = 0`,
	`CREATE TEMP TABLE user_roles AS SELECT * FROM cardinal.user_roles`,
	`CREATE TEMP TABLE users AS SELECT * FROM cardinal.users`,
	`UPDATE users SET erased_at = now()`,
	`UPDATE user_statuses SET can_sign_in = FALSE`,
	`GRANT SELECT ON pg_stat_user_tables, pg_inherits, pg_class, audit_logs TO PUBLIC`,

	`CREATE FUNCTION hostile.substr(text, integer, integer) RETURNS text LANGUAGE sql AS $$ SELECT 'f' $$`,
	`CREATE FUNCTION hostile.translate(text, text, text) RETURNS text LANGUAGE sql AS $$ SELECT 'ffffffffffff' $$`,
	`CREATE FUNCTION hostile.split_part(text, text, integer) RETURNS text LANGUAGE sql AS $$ SELECT 'false salt' $$`,
	`CREATE FUNCTION hostile.encode(bytea, text) RETURNS text LANGUAGE sql
	  AS $$ SELECT 'ffffffff-ffff-7fff-8fff-ffffffffffff' $$`,
	`CREATE FUNCTION hostile.never(bigint, bigint) RETURNS boolean LANGUAGE sql AS $$ SELECT FALSE $$`,
	`CREATE FUNCTION hostile.never(text, text) RETURNS boolean LANGUAGE sql AS $$ SELECT FALSE $$`,
	`CREATE FUNCTION hostile.never(boolean, boolean) RETURNS boolean LANGUAGE sql AS $$ SELECT FALSE $$`,
	`CREATE FUNCTION hostile.always(text, text) RETURNS boolean LANGUAGE sql AS $$ SELECT TRUE $$`,
	`CREATE OPERATOR hostile.<> (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = hostile.never)`,
	`CREATE OPERATOR hostile.<> (LEFTARG = text, RIGHTARG = text, FUNCTION = hostile.never)`,
	`CREATE OPERATOR hostile.<> (LEFTARG = boolean, RIGHTARG = boolean, FUNCTION = hostile.never)`,
	`CREATE OPERATOR hostile.= (LEFTARG = text, RIGHTARG = text, FUNCTION = hostile.always)`,
	`CREATE OPERATOR hostile.< (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = hostile.never)`,
	`SET search_path = pg_temp, hostile, pg_catalog, cardinal`,
}

// functionAttacks are the attacks on each function: a statement with the constraint that it must violate, or a query
// with its right answer.
var functionAttacks = map[string][]struct{ sql, violates, answer string }{
	"refresh_statistics": {{sql: `SELECT coalesce(cardinal.refresh_statistics()::text, 'null')`, answer: ""}},
	"audit_months": {{answer: "13",
		sql: `SELECT count(*)::text FROM cardinal.audit_months() WHERE month > '2026-01-01'`}},
	"audit_month_ensure": {{sql: `SELECT cardinal.audit_month_ensure('2040-02-01')::text`, answer: "true"}},
	"guard_user": {{violates: "users_status_transition",
		sql: `UPDATE cardinal.users SET status = 'pending', version = 2 WHERE id = {bob}`}},
	"keep_role_holders": {{violates: "roles_min_holders",
		sql: `DO $$ BEGIN
		  DELETE FROM cardinal.user_roles WHERE user_id OPERATOR(pg_catalog.=) {ada};
		  PERFORM cardinal.keep_role_holders({admin}); END $$`}},
	"guard_user_roles": {{violates: "roles_min_holders",
		sql: `DELETE FROM cardinal.user_roles WHERE user_id OPERATOR(pg_catalog.=) {ada}`}},
	"guard_user_holders": {{violates: "roles_min_holders",
		sql: `UPDATE cardinal.users SET status = 'suspended', version = 2 WHERE id = {ada}`}},
	"guard_version": {{violates: "countries_version_step", sql: `UPDATE cardinal.countries SET version = 7`}},
	"refuse_change": {{violates: "roles_built_in_kept", sql: `DELETE FROM cardinal.roles WHERE is_system`}},
	"guard_system_role": {{violates: "roles_built_in_fixed",
		sql: `UPDATE cardinal.roles SET name = 'root', version = 2 WHERE id = {admin}`}},
	"guard_system_permission": {{violates: "permissions_built_in_fixed",
		sql: `UPDATE cardinal.permissions SET name = 'a.b', version = version OPERATOR(pg_catalog.+) 1
		  WHERE name OPERATOR(pg_catalog.=) 'users.read'`}},
	"user_keys_delete_erased": {{answer: "0",
		sql: `SELECT cardinal.user_keys_delete_erased(ARRAY[{ada}, {bob}, {svc}]::uuid[])::text`}},
	"uuid_v7_time": {{answer: "2026-03-14 09:26:53+00",
		sql: `SELECT cardinal.uuid_v7_time('019cebab-8748-7000-8000-000000000000')::text`}},
	"uuid_v7_floor": {{answer: "019cebab-8748-7000-8000-000000000000",
		sql: `SELECT cardinal.uuid_v7_floor('2026-03-14 09:26:53+00')::text`}},
	"phc_salt": {{answer: "c2FsdA", sql: `SELECT cardinal.phc_salt('$argon2id$v=19$m=1,t=1,p=1$c2FsdA$aGFzaA')`}},
}

// TestFunctionsIgnoreTheCallersSession attacks each function of the schema as the service's role, which was allowed to
// create temporary tables and has a schema of its own.
func TestFunctionsIgnoreTheCallersSession(t *testing.T) {
	db, d := hostileService(t)
	known := slices.Sorted(maps.Keys(functionAttacks))
	var functions []string
	rows, err := db.Query(`SELECT DISTINCT proname::text FROM pg_proc WHERE pronamespace = 'cardinal'::regnamespace
		ORDER BY 1`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		functions = append(functions, name)
	}
	if slices.Sort(functions); !slices.Equal(functions, known) {
		t.Fatalf("functions %q, attacked are %q", functions, known)
	}
	for name, attacks := range functionAttacks {
		for i, a := range attacks {
			t.Run(fmt.Sprintf("%s/%d", name, i+1), func(t *testing.T) {
				answer, err := hostileQuery(t, db, d.words.Replace(a.sql))
				var pg *pgconn.PgError
				switch {
				case a.violates == "" && (err != nil || answer != a.answer):
					t.Errorf("%q, %v; want %q", answer, err, a.answer)
				case a.violates != "" && (!errors.As(err, &pg) || pg.ConstraintName != a.violates):
					t.Errorf("%v, want a violation of %s", err, a.violates)
				}
			})
		}
	}
}

// hostileService returns a database with rows, as the service's role with everything that helps it to attack.
func hostileService(t *testing.T) (*sql.DB, dialect) {
	t.Helper()
	d, role := dialectOf("postgres"), serviceRole(t)
	owner := pgtest.Database(t)
	s := asService(t, owner, role)
	write(t, open(t, owner), func(tx store.Tx) error {
		for _, statement := range append(slices.Clone(initialRows),
			`INSERT INTO user_keys (user_id, kek_id, wrapped_key, created_at, wrapped_at)
			  VALUES ({ada}, {kek}, {61}, {t}, {t})`, `CREATE SCHEMA hostile AUTHORIZATION `+role,
			`DO $$ BEGIN EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO `+role+`', current_database()); END $$`) {
			if err := store.Exec(t.Context(), tx, d.words.Replace(statement)); err != nil {
				return fmt.Errorf("%s: %w", statement, err)
			}
		}
		return nil
	})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return openSQL(t, "pgx", asRole(t, owner, role)), d
}

// hostileQuery runs a statement in a hostile session with the checks of the commit, and undoes it.
func hostileQuery(t *testing.T, db *sql.DB, statement string) (answer string, err error) {
	t.Helper()
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	for _, prepare := range hostileSession {
		if _, err := tx.Exec(prepare); err != nil {
			t.Fatalf("%s: %v", prepare, err)
		}
	}
	if strings.HasPrefix(statement, "SELECT") {
		err = tx.QueryRow(statement).Scan(&answer)
	} else {
		_, err = tx.Exec(statement)
	}
	if err == nil {
		_, err = tx.Exec(`SET CONSTRAINTS ALL IMMEDIATE`)
	}
	return answer, err
}
