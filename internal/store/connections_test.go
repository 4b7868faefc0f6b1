package store_test

import (
	"testing"

	"cardinal"
	"cardinal/internal/store"
)

// TestSQLiteConnections: what the store asks of SQLite for every connection is in force, which no rule of the schema could see to.
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
	t.Run("CommitsAreSynced", func(t *testing.T) {
		write(t, s, func(tx store.Tx) error {
			return exec(tx, `CREATE TEMP TABLE demands (met INTEGER CHECK (met))`, `INSERT INTO demands SELECT synchronous = 2 FROM pragma_synchronous`)
		})
	})
	t.Run("WhatIsReplacedCountsAsDeleted", func(t *testing.T) {
		err := s.Write(ctx, func(tx store.Tx) error {
			return exec(tx, `INSERT OR REPLACE INTO permissions SELECT * FROM permissions WHERE name = 'users.read'`)
		})
		if !store.Violates(err, "permissions_built_in_kept") {
			t.Errorf("a built-in permission is replaced: %v", err)
		}
	})
	t.Run("ReadersDoNotWrite", func(t *testing.T) {
		reader := store.Tx{Reader: s.Read(ctx)}
		if err := exec(reader, `DELETE FROM sign_in_throttles`); err == nil {
			t.Error("a reader writes")
		}
		if _, err := reader.User(ctx, cardinal.SystemID); err != nil {
			t.Errorf("and reads: %v", err)
		}
	})
}
