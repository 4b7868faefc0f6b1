package store_test

import (
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"

	"cardinal"
	"cardinal/internal/pgtest"
	"cardinal/internal/store"
)

// serviceAndOwner returns a PostgreSQL database with rows, as the service's role and as its owner.
func serviceAndOwner(t *testing.T) (service, owner *sql.DB, s *store.Store, role string, d dialect) {
	t.Helper()
	role, d = serviceRole(t), dialectOf("postgres")
	url := pgtest.Database(t)
	s = open(t, url)
	migrate(t, s, role)
	write(t, s, func(tx store.Tx) error {
		for _, statement := range append(slices.Clone(initialRows),
			`INSERT INTO user_keys (user_id, kek_id, wrapped_key, created_at, wrapped_at)
			  VALUES ({ada}, {kek}, {61}, {t}, {t}), ({dead}, {kek}, {61}, {t}, {t})`,
			`INSERT INTO service_keys (id, name, kek_id, wrapped_key, created_at, wrapped_at)
			  VALUES ({new}, 'probe', {kek}, {61}, {t}, {t})`,
			`SELECT audit_month_ensure('2026-01-01')`) {
			if err := store.Exec(t.Context(), tx, d.words.Replace(statement)); err != nil {
				return fmt.Errorf("%s: %w", statement, err)
			}
		}
		return nil
	})
	return openSQL(t, "pgx", inSchema(asRole(t, url, role))), openSQL(t, "pgx", inSchema(url)), s, role, d
}

// wantDenied expects that PostgreSQL refuses a statement for lack of a privilege, or by a policy.
func wantDenied(t *testing.T, db *sql.DB, statement string) {
	t.Helper()
	_, err := db.Exec(statement)
	var pg *pgconn.PgError
	if !errors.As(err, &pg) || pg.Code != "42501" {
		t.Errorf("%s: %v, want that it is not allowed", statement, err)
	}
}

func wantAllowed(t *testing.T, db *sql.DB, statement string) {
	t.Helper()
	if _, err := db.Exec(statement); err != nil {
		t.Errorf("%s: %v", statement, err)
	}
}

// TestServiceRoleWritesOnlyRecentEvents: an event has the time of its id, so the service's role cannot write one of
// another time, in the log or in a partition of it. The owner can.
func TestServiceRoleWritesOnlyRecentEvents(t *testing.T) {
	service, owner, _, _, d := serviceAndOwner(t)
	now := time.Now()
	event := func(table string, at time.Time) string {
		id := cardinal.IDAt(at)
		id[14], id[15] = byte(at.Unix()), byte(at.Unix()>>8)
		return d.words.Replace(`INSERT INTO ` + table + ` (subject_id, id, actor_id, action)
			VALUES ({ada}, '` + id.String() + `', {ada}, 'user.delete')`)
	}
	old := time.Date(2026, 1, 15, 0, 0, 0, 0, time.UTC)
	for _, at := range []time.Time{old, now.Add(-6 * time.Minute), now.Add(6 * time.Minute), now.AddDate(0, 2, 0)} {
		wantDenied(t, service, event("audit_logs", at))
	}
	for _, at := range []time.Time{now.Add(-4 * time.Minute), now, now.Add(4 * time.Minute)} {
		wantAllowed(t, service, event("audit_logs", at))
	}
	wantDenied(t, service, event("audit_logs_202601", old))
	wantDenied(t, service, event("audit_logs_"+now.UTC().Format("200601"), now))
	for _, at := range []time.Time{old.Add(time.Hour), now.Add(-20 * time.Minute)} {
		wantAllowed(t, owner, event("audit_logs", at))
	}
	var n int
	if err := service.QueryRow(`SELECT count(*) FROM audit_logs`).Scan(&n); err != nil || n != 6 {
		t.Errorf("the service's role reads %d events, %v; want all 6", n, err)
	}
}

// TestServiceRoleCannotDestroyKeys: without its key the data of a user is lost, whether the key is deleted or
// overwritten. Only keys of erased users can be deleted.
func TestServiceRoleCannotDestroyKeys(t *testing.T) {
	service, _, _, _, d := serviceAndOwner(t)
	for _, statement := range []string{
		`DELETE FROM user_keys`, `UPDATE user_keys SET wrapped_key = {61}`, `UPDATE user_keys SET kek_id = {kek}`,
		`INSERT INTO user_keys (user_id, kek_id, wrapped_key, created_at, wrapped_at) VALUES ({ada}, {kek}, {61}, {t},
		  {t}) ON CONFLICT (user_id) DO UPDATE SET wrapped_key = {61}`,
		`UPDATE key_encryption_keys SET retired_at = {t}`, `UPDATE key_encryption_keys SET destroyed_at = {t}`,
		`DELETE FROM service_keys`, `UPDATE service_keys SET wrapped_key = {61}`, `TRUNCATE user_keys`,
	} {
		wantDenied(t, service, d.words.Replace(statement))
	}
	var deleted, left int
	if err := service.QueryRow(d.words.Replace(`
		SELECT user_keys_delete_erased(ARRAY[{ada}, {bob}, {dead}]::uuid[])`)).Scan(&deleted); err != nil {
		t.Fatal(err)
	}
	if err := service.QueryRow(d.words.Replace(`
		SELECT count(*) FROM user_keys WHERE user_id = {ada}`)).Scan(&left); err != nil {
		t.Fatal(err)
	}
	if deleted != 1 || left != 1 {
		t.Errorf("%d keys deleted, %d of a user who is not erased left; want 1 and 1", deleted, left)
	}
}

// TestServiceRoleAddsNoBuiltInRole: the columns that give a role all permissions, or protect it, are set by migrations
// only.
func TestServiceRoleAddsNoBuiltInRole(t *testing.T) {
	service, _, _, _, d := serviceAndOwner(t)
	insert := func(table, column, value string) string {
		name := "forged.x" + strings.ReplaceAll(uuid.NewString(), "-", "")[:8]
		return d.words.Replace(`INSERT INTO ` + table + ` (id, name, description, created_at, updated_at` + column +
			`) VALUES ('` + cardinal.NewID().String() + `', '` + name + `', 'Forged.', {t}, {t}` + value + `)`)
	}
	for _, c := range [][2]string{
		{", is_system", ", TRUE"}, {", holds_all", ", FALSE"}, {", is_assignable", ", TRUE"}, {", min_holders", ", 9"},
		{", is_system, holds_all", ", TRUE, TRUE"},
	} {
		wantDenied(t, service, insert("roles", c[0], c[1]))
	}
	wantDenied(t, service, insert("permissions", ", is_system", ", TRUE"))
	wantDenied(t, service, `UPDATE roles SET holds_all = TRUE`)
	wantDenied(t, service, `UPDATE roles SET is_system = TRUE, version = version + 1`)
	wantAllowed(t, service, insert("roles", "", ""))
}

// TestContractionTakesPrivileges: while a node of the version before is running, the service's role keeps what that
// version needs.
func TestContractionTakesPrivileges(t *testing.T) {
	service, owner, s, role, d := serviceAndOwner(t)
	for _, statement := range []string{
		`DELETE FROM schema_migrations WHERE number = 23 AND phase = 'contract'`,
		`ALTER TABLE audit_logs DISABLE ROW LEVEL SECURITY`,
		`DROP POLICY audit_logs_read ON audit_logs`, `DROP POLICY audit_logs_recent ON audit_logs`,
	} {
		wantAllowed(t, owner, statement)
	}
	older := store.Node{ID: cardinal.NewID(), Build: "older", SchemaNumber: 22, StartedAt: time.Now().UTC(),
		LastSeenAt: time.Now().UTC()}
	write(t, s, func(tx store.Tx) error { return tx.InsertNode(t.Context(), older) })
	migrate(t, s, role)
	for _, statement := range []string{
		`UPDATE user_keys SET wrapped_at = wrapped_at`, `DELETE FROM user_keys WHERE user_id = {bob}`,
		`INSERT INTO roles (id, name, description, is_system, is_assignable, holds_all, min_holders, created_at,
		  updated_at, version)
		  VALUES ('` + cardinal.NewID().String() + `', 'editor', 'Edits.', FALSE, TRUE, FALSE, 0, {t}, {t}, 1)`,
	} {
		wantAllowed(t, service, d.words.Replace(statement))
	}
	write(t, s, func(tx store.Tx) error { return tx.DeleteNode(t.Context(), older.ID) })
	migrate(t, s, "")
	for _, statement := range []string{
		`UPDATE user_keys SET wrapped_at = wrapped_at`, `DELETE FROM user_keys`, `DELETE FROM service_keys`,
		`INSERT INTO roles (id, is_system) VALUES ({new}, TRUE)`,
		`INSERT INTO audit_logs (subject_id, id, actor_id, action)
		  VALUES ({ada}, '` + cardinal.IDAt(time.Now().Add(-time.Hour)).String() + `', {ada}, 'user.delete')`,
	} {
		wantDenied(t, service, d.words.Replace(statement))
	}
	migrate(t, s, role) // again: the script gives nothing back
	wantDenied(t, service, `DELETE FROM user_keys`)
}
