package store_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cardinal/internal/store"
)

func TestTrace(t *testing.T) {
	ctx := t.Context()
	s, err := store.Open(ctx, "sqlite:"+filepath.Join(t.TempDir(), "cardinal.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Migrate(ctx, time.Now(), ""); err != nil {
		t.Fatal(err)
	}
	var traced []store.Statement
	s.Trace(func(st store.Statement) { traced = append(traced, st) })
	if _, err := s.Read(ctx).Setting(ctx, "canary-setting"); err == nil {
		t.Fatal("a setting that does not exist is found")
	}
	if len(traced) != 1 || traced[0].Method != "Setting" || !strings.HasPrefix(traced[0].SQL, "SELECT ") ||
		strings.Contains(traced[0].SQL, "canary") || strings.Contains(traced[0].SQL, "\n") {
		t.Errorf("traced %+v", traced)
	}
}
