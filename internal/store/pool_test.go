package store_test

import (
	"testing"
	"time"

	"cardinal/internal/store"
)

func TestPoolSQLite(t *testing.T) {
	s, _ := migratedSQLite(t)
	before := *s.Pool().Writer
	if before.InUse != 0 || before.Idle != 1 || before.Open != 1 {
		t.Errorf("between transactions: %+v", before)
	}
	done := make(chan error, 1)
	write(t, s, func(store.Tx) error {
		if now := s.Pool().Writer; now.InUse != 1 || now.Idle != 0 {
			t.Errorf("in a transaction: %+v", *now)
		}
		go func() { done <- s.Write(t.Context(), func(store.Tx) error { return nil }) }()
		for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
			if s.Pool().Writer.WaitCount > before.WaitCount {
				break
			}
		}
		return nil
	})
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	after := s.Pool().Writer
	if after.WaitCount != before.WaitCount+1 || after.WaitDuration <= before.WaitDuration || after.InUse != 0 {
		t.Errorf("before a wait %+v, after it %+v", before, *after)
	}
	if _, err := s.Read(t.Context()).Settings(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r := s.Pool().Readers; r.Open == 0 || r.InUse != 0 || r.Idle != r.Open {
		t.Errorf("readers: %+v", r)
	}
}

func TestPoolPostgres(t *testing.T) {
	s := open(t, migratedPostgres(t))
	write(t, s, func(store.Tx) error {
		if p := s.Pool(); p.Writer != nil || p.Readers.InUse != 1 || p.Readers.Open < 1 {
			t.Errorf("in a transaction: %+v", p)
		}
		return nil
	})
	if p := s.Pool(); p.Readers.InUse != 0 || p.Readers.Idle != p.Readers.Open {
		t.Errorf("after the transaction: %+v", p)
	}
}
