package store_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"cardinal"
	"cardinal/internal/store"
)

// TestTrace: each statement is reported with its method, also one that PostgreSQL gets in a batch, and without values.
func TestTrace(t *testing.T) {
	for engine, open := range map[string]func(*testing.T) *store.Store{
		"sqlite":   func(t *testing.T) *store.Store { s, _ := migratedSQLite(t); return s },
		"postgres": func(t *testing.T) *store.Store { return open(t, migratedPostgres(t)) },
	} {
		t.Run(engine, func(t *testing.T) {
			ctx, s := t.Context(), open(t)
			traced := map[string]string{}
			s.Trace(func(st store.Statement) { traced[st.Method] = st.SQL })
			id, now := cardinal.NewID(), time.Now().UTC()
			if err := s.Write(ctx, func(tx store.Tx) error {
				if _, err := tx.Setting(ctx, "canary-setting"); !errors.Is(err, cardinal.ErrNotFound) {
					t.Errorf("a setting that does not exist: %v", err)
				}
				if _, err := tx.InsertUser(ctx, id, "person", "create", now); err != nil {
					return err
				}
				return tx.InsertProfile(ctx, store.ProfileRecord{
					UserID: id, Locale: "canary", TimeZone: "UTC", CreatedAt: now, UpdatedAt: now, Version: 1,
					SchemaVersion: 1, Preferences: map[string]any{},
				})
			}); err != nil {
				t.Fatal(err)
			}
			for method, head := range map[string]string{
				"Setting": "SELECT ", "InsertUser": "INSERT INTO users ", "InsertProfile": "INSERT INTO profiles ",
			} {
				if sql := traced[method]; !strings.HasPrefix(sql, head) || strings.ContainsAny(sql, "\n\t") ||
					strings.Contains(sql, "canary") {
					t.Errorf("%s is traced as %q", method, sql)
				}
			}
		})
	}
}
