package storetest

import (
	"testing"
	"time"

	"cardinal/internal/store"
)

func migrations(t *testing.T, s *store.Store) {
	ctx := t.Context()
	list := must(s.Read(ctx).Migrations(ctx))(t)
	for i, m := range list {
		if m.Name == "" || m.AppliedAt == nil || m.AppliedAt.Location() != time.UTC {
			t.Errorf("migration %s: %+v", m, m)
		}
		if i > 0 && (m.Number < list[i-1].Number ||
			m.Number == list[i-1].Number && m.Phase == list[i-1].Phase) {
			t.Errorf("migration %s follows %s", m, list[i-1])
		}
	}
	if number := store.BoundRowMigration; !must(s.Read(ctx).HasContraction(ctx, number))(t) {
		t.Errorf("HasContraction(%d): false", number)
	}
	if must(s.Read(ctx).HasContraction(ctx, 1))(t) {
		t.Error("HasContraction of a migration that has none: true")
	}
	if empty, err := s.Ready(ctx); empty || err != nil {
		t.Errorf("Ready: %v, %v", empty, err)
	}
}
