package storetest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/store"
)

var errRollback = errors.New("roll back")

func transactions(t *testing.T, s *store.Store) {
	for _, sub := range []struct {
		name string
		test func(*testing.T, *store.Store)
	}{
		{"ErrorRollsBack", errorRollsBack},
		{"PanicRollsBack", panicRollsBack},
		{"UncommittedIsInvisible", uncommittedIsInvisible},
		{"DeadlockIsRetried", deadlockIsRetried},
		{"CancelledWaiterReturns", cancelledWaiterReturns},
		{"CancelledAtAnyTime", cancelledAtAnyTime},
	} {
		t.Run(sub.name, func(t *testing.T) { sub.test(t, s) })
	}
}

// insertUserRows inserts a user and its profile.
func insertUserRows(t *testing.T, tx store.Tx, id uuid.UUID) error {
	if _, err := tx.InsertUser(t.Context(), id, "person", "create", baseTime); err != nil {
		return err
	}
	return tx.InsertProfile(t.Context(), minimalProfile(id))
}

func wantAbsent(t *testing.T, s *store.Store, id uuid.UUID) {
	t.Helper()
	_, err := s.Read(t.Context()).User(t.Context(), id)
	wantError(t, "a row that was rolled back", cardinal.ErrNotFound, err)
	newUser(t, s, "person") // the next transaction works
}

func errorRollsBack(t *testing.T, s *store.Store) {
	id := cardinal.NewID()
	wantError(t, "Write", errRollback, s.Write(t.Context(), func(tx store.Tx) error {
		if err := insertUserRows(t, tx, id); err != nil {
			return err
		}
		return errRollback
	}))
	wantAbsent(t, s, id)
	// The error of a statement, and the error of the commit.
	wantViolation(t, "users_pk", s.Write(t.Context(), func(tx store.Tx) error {
		return errors.Join(insertUserRows(t, tx, id), insertUserRows(t, tx, id))
	}))
	wantAbsent(t, s, id)
	wantViolation(t, foreignKey(s, "users_profile_fk"), s.Write(t.Context(), func(tx store.Tx) error {
		if err := insertUserRows(t, tx, id); err != nil {
			return err
		}
		_, err := tx.InsertUser(t.Context(), cardinal.NewID(), "person", "create", baseTime)
		return err
	}))
	wantAbsent(t, s, id)
}

func panicRollsBack(t *testing.T, s *store.Store) {
	id := cardinal.NewID()
	func() {
		defer func() {
			if recover() != "oops" {
				t.Error("the panic was lost")
			}
		}()
		_ = s.Write(t.Context(), func(tx store.Tx) error {
			if err := insertUserRows(t, tx, id); err != nil {
				t.Error(err)
			}
			panic("oops")
		})
	}()
	wantAbsent(t, s, id)
}

func uncommittedIsInvisible(t *testing.T, s *store.Store) {
	ctx, id := t.Context(), cardinal.NewID()
	write(t, s, func(tx store.Tx) error {
		if err := insertUserRows(t, tx, id); err != nil {
			return err
		}
		if must(tx.User(ctx, id))(t).ID != id {
			t.Error("a transaction does not see its own changes")
		}
		_, err := s.Read(ctx).User(contextFor(t, 5*time.Second), id)
		wantError(t, "a reader during the transaction", cardinal.ErrNotFound, err)
		return nil
	})
	if must(s.Read(ctx).User(ctx, id))(t).ID != id {
		t.Error("a reader does not see what was committed")
	}
}

// deadlockIsRetried: two transactions lock two rows in opposite orders. On PostgreSQL one of them fails and is retried;
// on SQLite they run one after the other. Both succeed, and both changes are stored.
func deadlockIsRetried(t *testing.T, s *store.Store) {
	ctx := t.Context()
	a, b := newUser(t, s, "person"), newUser(t, s, "person")
	var mu sync.Mutex
	attempts := 0
	met := make(chan struct{}, 2)
	change := func(first, second uuid.UUID) error {
		return s.Write(ctx, func(tx store.Tx) error {
			mu.Lock()
			attempts++
			attempt := attempts
			mu.Unlock()
			u, err := tx.LockUser(ctx, first)
			if err != nil {
				return err
			}
			if attempt <= 2 && s.Engine() == "postgres" { // both have locked one row before either locks the second
				met <- struct{}{}
				for deadline := time.Now().Add(5 * time.Second); len(met) < 2 && time.Now().Before(deadline); {
					time.Sleep(time.Millisecond)
				}
			}
			v, err := tx.LockUser(ctx, second)
			if err != nil {
				return err
			}
			if _, err := tx.TouchUser(ctx, u.ID, u.Version, baseTime); err != nil {
				return err
			}
			_, err = tx.TouchUser(ctx, v.ID, v.Version, baseTime)
			return err
		})
	}
	other := make(chan error)
	go func() { other <- change(b, a) }()
	if err := errors.Join(change(a, b), <-other); err != nil {
		t.Errorf("two writers: %v", err)
	}
	for _, id := range []uuid.UUID{a, b} {
		if u := must(s.Read(ctx).User(ctx, id))(t); u.Version != 3 {
			t.Errorf("a change was lost: version %d", u.Version)
		}
	}
	if s.Engine() == "postgres" && attempts < 3 {
		t.Errorf("no transaction was retried: %d attempts", attempts)
	}
}

func cancelledWaiterReturns(t *testing.T, s *store.Store) {
	id, waiter := newUser(t, s, "person"), make(chan error, 1)
	write(t, s, func(tx store.Tx) error {
		if _, err := tx.LockUser(t.Context(), id); err != nil {
			return err
		}
		ctx, stop := context.WithCancel(t.Context())
		go func() {
			waiter <- s.Write(ctx, func(tx store.Tx) error {
				_, err := tx.LockUser(ctx, id)
				return err
			})
		}()
		time.Sleep(20 * time.Millisecond)
		stop()
		select {
		case err := <-waiter:
			if !errors.Is(err, context.Canceled) && !errors.Is(err, cardinal.ErrBusy) {
				t.Errorf("cancelled while waiting: %v", err)
			}
		case <-time.After(4 * time.Second):
			t.Error("still waiting after it was cancelled")
		}
		return nil
	})
	newUser(t, s, "person")
}

// cancelledAtAnyTime cancels transactions at every stage: none may leave partial changes or an open transaction.
func cancelledAtAnyTime(t *testing.T, s *store.Store) {
	for i := range 300 {
		id := cardinal.NewID()
		ctx, stop := context.WithTimeout(t.Context(), time.Duration(i*3)*time.Microsecond)
		err := s.Write(ctx, func(tx store.Tx) error {
			if _, err := tx.InsertUser(ctx, id, "person", "create", baseTime); err != nil {
				return err
			}
			return tx.InsertProfile(ctx, minimalProfile(id))
		})
		stop()
		_, found := s.Read(t.Context()).User(t.Context(), id)
		if err == nil && found != nil {
			t.Fatalf("committed, but the row is missing: %v", found)
		}
		// On PostgreSQL the connection may end after the commit and before its confirmation.
		if err != nil && found == nil && s.Engine() == "sqlite" {
			t.Fatalf("failed with %v, but the row exists", err)
		}
	}
	// A transaction that is cancelled while it begins may have begun, and then it must be rolled back.
	rounds := 1500
	if s.Engine() == "postgres" {
		rounds = 100
	}
	for i := range rounds {
		ctx, stop := context.WithCancel(t.Context())
		go func() {
			for range i % 300 {
				_ = time.Now()
			}
			stop()
		}()
		if err := s.Write(ctx, func(store.Tx) error {
			return nil
		}); err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, cardinal.ErrBusy) {
			t.Fatalf("a transaction after %d cancelled ones: %v", i, err)
		}
	}
	newUser(t, s, "person")
}

// lockTimeoutPerTransaction: the lock timeout belongs to the transaction. If it belonged to the connection, a later
// transaction on the same connection would fail early.
func lockTimeoutPerTransaction(t *testing.T, s *store.Store) {
	ctx := t.Context()
	if s.Engine() == "sqlite" {
		write(t, s, func(tx store.Tx) error { return tx.SetLockTimeout(ctx, 0) }) // has no effect, and no error
		return
	}
	role := newRole(t, s, "locked")
	// Every connection of the pool gets the timeout once, because all are in use at the same time.
	const connections = 12
	var all sync.WaitGroup
	ready := make(chan struct{}, connections)
	finish := make(chan struct{})
	for range connections {
		all.Go(func() {
			if err := s.Write(ctx, func(tx store.Tx) error {
				err := tx.SetLockTimeout(ctx, time.Millisecond)
				ready <- struct{}{}
				select {
				case <-finish:
				case <-time.After(500 * time.Millisecond): // the pool is smaller
				}
				return err
			}); err != nil {
				t.Error(err)
			}
		})
	}
	for range min(connections, 8) {
		<-ready
	}
	close(finish)
	all.Wait()
	done := make(chan error)
	write(t, s, func(tx store.Tx) error {
		if err := tx.LockRoleRow(ctx, role.ID); err != nil {
			return err
		}
		go func() { done <- s.Write(ctx, func(tx store.Tx) error { return tx.LockRoleRow(ctx, role.ID) }) }()
		time.Sleep(60 * time.Millisecond)
		return nil
	})
	if err := <-done; err != nil {
		t.Errorf("a later transaction has the lock timeout of an earlier one: %v", err)
	}
}
