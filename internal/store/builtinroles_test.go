package store_test

import (
	"database/sql"
	"testing"

	"cardinal/internal/store/schema"
)

// runExpansions runs the expansions of a range of migrations, without the store.
func runExpansions(t *testing.T, db *sql.DB, engine string, from, to int) {
	t.Helper()
	for _, m := range schema.Embedded(engine) {
		if m.Number < from || m.Number > to || m.Phase != schema.Expand || m.OutsideTransaction() {
			continue
		}
		if _, err := db.Exec(m.Script); err != nil {
			t.Fatalf("%s: %v", m, err)
		}
	}
}

// TestBuiltInRolesUpgraded: a database in use gets the new permissions, the role support loses one, and the audit log
// says so. A permission of an application with the name of a new one allows nothing.
func TestBuiltInRolesUpgraded(t *testing.T) {
	onEmptyDatabases(t, func(t *testing.T, url string, raw func(t *testing.T) *sql.DB) {
		db, engine := raw(t), "sqlite"
		id := func(last string) string { return "x'0000000000007000" + last + "'" }
		if url != "" && url[0] == 'p' {
			engine = "postgres"
			id = func(last string) string { return "uuid '00000000-0000-7000-" + last[:4] + "-" + last[4:] + "'" }
			exec(t, db, `CREATE SCHEMA cardinal`)
		}
		runExpansions(t, db, engine, 1, 16)
		exec(t, db, `INSERT INTO users (id, kind, status, created_at, updated_at)
			SELECT `+id("8000000000000100")+`, 'person', 'active', created_at, updated_at FROM users LIMIT 1;
			INSERT INTO profiles (user_id, created_at, updated_at)
			SELECT `+id("8000000000000100")+`, created_at, updated_at FROM users LIMIT 1`)
		exec(t, db, `INSERT INTO permissions (id, name, description, created_at, updated_at)
			SELECT `+id("8006000000000100")+`, 'contacts.verify', 'Of an application.', created_at, updated_at
			  FROM permissions LIMIT 1`)
		if engine == "postgres" {
			exec(t, db, `SELECT audit_month_ensure(current_date)`)
		}
		runExpansions(t, db, engine, 17, 17)
		expect := func(want int, query string) {
			t.Helper()
			var n int
			if err := db.QueryRow(`SELECT count(*) FROM ` + query).Scan(&n); err != nil || n != want {
				t.Errorf("%d rows of %s, want %d: %v", n, query, want, err)
			}
		}
		expect(2, `permissions WHERE is_system AND name IN ('contacts.verify', 'imports.manage')`)
		expect(1, `permissions WHERE NOT is_system AND name = 'declared.contacts.verify' AND version = 2`)
		expect(0, `role_permissions rp JOIN roles r ON r.id = rp.role_id JOIN permissions p ON p.id = rp.permission_id
			WHERE p.name IN ('contacts.verify', 'imports.manage')
			   OR r.name = 'support' AND p.name = 'credentials.update'`)
		expect(1, `roles WHERE name = 'support' AND version = 2 AND description LIKE '%without verifying them%'`)
		expect(1, `audit_logs WHERE action = 'role.permission_remove'`)
	})
}

// exec runs a statement.
func exec(t *testing.T, db *sql.DB, statement string) {
	t.Helper()
	if _, err := db.Exec(statement); err != nil {
		t.Fatal(err)
	}
}
