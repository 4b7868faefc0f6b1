package store_test

import (
	"testing"

	"cardinal/internal/pgtest"
)

func TestRevokeTemporary(t *testing.T) {
	ctx := t.Context()
	t.Run("OwnerOfTheDatabaseRevokes", func(t *testing.T) {
		role, owner := serviceRole(t), pgtest.Database(t)
		asService(t, owner, role)
		temporary := func() error {
			_, err := openSQL(t, "pgx", asRole(t, owner, role)).Exec(`CREATE TEMP TABLE users (x integer)`)
			return err
		}
		if err := temporary(); err != nil {
			t.Fatalf("the role cannot create a temporary table, so the test would prove nothing: %v", err)
		}
		if statement, err := open(t, owner).RevokeTemporary(ctx, role); err != nil || statement != "" {
			t.Errorf("%q, %v; want that it revokes the privilege itself", statement, err)
		}
		if err := temporary(); err == nil {
			t.Error("the service's role can still create temporary tables")
		}
		if statement, err := open(t, owner).RevokeTemporary(ctx, role); err != nil || statement != "" {
			t.Errorf("again: %q, %v", statement, err)
		}
	})
	t.Run("AnotherRoleGetsTheStatement", func(t *testing.T) {
		role, schemaOwner, database := serviceRole(t), serviceRole(t), pgtest.Database(t)
		exec := execer(t, "pgx", database)
		exec(t, `DO $$ BEGIN
			EXECUTE format('GRANT CREATE ON DATABASE %I TO `+schemaOwner+`', current_database()); END $$`)
		migrated := asRole(t, database, schemaOwner)
		migrate(t, open(t, migrated), role)
		statement, err := open(t, migrated).RevokeTemporary(ctx, role)
		if err != nil || statement == "" {
			t.Fatalf("%q, %v; want the statement for the owner of the database", statement, err)
		}
		exec(t, statement)
		if statement, err := open(t, migrated).RevokeTemporary(ctx, role); err != nil || statement != "" {
			t.Errorf("after the statement: %q, %v", statement, err)
		}
	})
}
