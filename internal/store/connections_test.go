package store_test

import (
	"testing"

	"cardinal"
	"cardinal/internal/store"
	"cardinal/internal/store/dberror"
)

// TestSQLiteConnections checks the settings that the store requests for every connection: no constraint of the schema
// could enforce them.
func TestSQLiteConnections(t *testing.T) {
	s, _ := migratedSQLite(t)
	ctx := t.Context()
	exec := func(tx store.Tx, statements ...string) error {
		for _, statement := range statements {
			if err := store.Exec(ctx, tx, statement); err != nil {
				return err
			}
		}
		return nil
	}
	t.Run("SynchronousFull", func(t *testing.T) {
		write(t, s, func(tx store.Tx) error {
			return exec(tx, `CREATE TEMP TABLE settings_ok (ok INTEGER CHECK (ok))`,
				`INSERT INTO settings_ok SELECT synchronous = 2 FROM pragma_synchronous`)
		})
	})
	t.Run("ReplaceFiresDeleteTriggers", func(t *testing.T) {
		err := s.Write(ctx, func(tx store.Tx) error {
			return exec(tx, `INSERT OR REPLACE INTO permissions SELECT * FROM permissions WHERE name = 'users.read'`)
		})
		if !dberror.Violates(err, "permissions_built_in_kept") {
			t.Errorf("replacing a built-in permission: %v", err)
		}
	})
	t.Run("ReadersAreReadOnly", func(t *testing.T) {
		reader := store.Tx{Reader: s.Read(ctx)}
		if err := exec(reader, `DELETE FROM sign_in_throttles`); err == nil {
			t.Error("a reader can write")
		}
		if _, err := reader.User(ctx, cardinal.SystemID); err != nil {
			t.Errorf("a reader cannot read: %v", err)
		}
	})
}
