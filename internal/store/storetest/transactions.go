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

var errRollback = errors.New("undo")

func transactions(t *testing.T, s *store.Store) {
	for _, sub := range []struct {
		name string
		test func(*testing.T, *store.Store)
	}{
		{"ErrorUndoesAll", errorRollsBack},
		{"PanicUndoesAll", panicRollsBack},
		{"NobodySeesWhatIsNotCommitted", uncommittedIsInvisible},
		{"DeadlockIsTriedAgain", deadlockIsRetried},
		{"WhoeverGivesUpWaitingLeaves", cancelledWaiterReturns},
		{"CancelledAtAnyMomentLeavesNothing", cancelledAtAnyTime},
	} {
		t.Run(sub.name, func(t *testing.T) { sub.test(t, s) })
	}
}

// insertUserRows does half of something: a user and a role.
func insertUserRows(t *testing.T, tx store.Tx, id uuid.UUID) error {
	if _, err := tx.InsertUser(t.Context(), id, "person", "create", baseTime); err != nil {
		return err
	}
	return tx.InsertProfile(t.Context(), minimalProfile(id))
}

func wantAbsent(t *testing.T, s *store.Store, id uuid.UUID) {
	t.Helper()
	_, err := s.Read(t.Context()).User(t.Context(), id)
	wantError(t, "what was undone", cardinal.ErrNotFound, err)
	newUser(t, s, "person") // and the next transaction is a clean one
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
	// The error of a statement, and of the commit itself.
	wantViolation(t, "users_pk", s.Write(t.Context(), func(tx store.Tx) error { return errors.Join(insertUserRows(t, tx, id), insertUserRows(t, tx, id)) }))
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

// deadlockIsRetried: two transactions lock two rows in opposite orders. On PostgreSQL one of them dies and is tried
// again; on SQLite they take turns. Both end well, and both changes are there.
func deadlockIsRetried(t *testing.T, s *store.Store) {
	ctx := t.Context()
	a, b := newUser(t, s, "person"), newUser(t, s, "person")
	var mu sync.Mutex
	tries := 0
	met := make(chan struct{}, 2)
	change := func(first, second uuid.UUID) error {
		return s.Write(ctx, func(tx store.Tx) error {
			mu.Lock()
			tries++
			mine := tries
			mu.Unlock()
			u, err := tx.UserForChange(ctx, first)
			if err != nil {
				return err
			}
			if mine <= 2 && s.Engine() == "postgres" { // both hold one row before either wants the other's
				met <- struct{}{}
				for deadline := time.Now().Add(5 * time.Second); len(met) < 2 && time.Now().Before(deadline); {
					time.Sleep(time.Millisecond)
				}
			}
			v, err := tx.UserForChange(ctx, second)
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
	if s.Engine() == "postgres" && tries < 3 {
		t.Errorf("nothing was tried again: %d tries", tries)
	}
}

func cancelledWaiterReturns(t *testing.T, s *store.Store) {
	id, held := newUser(t, s, "person"), make(chan error, 1)
	write(t, s, func(tx store.Tx) error {
		if _, err := tx.UserForChange(t.Context(), id); err != nil {
			return err
		}
		ctx, stop := context.WithCancel(t.Context())
		go func() {
			held <- s.Write(ctx, func(tx store.Tx) error {
				_, err := tx.UserForChange(ctx, id)
				return err
			})
		}()
		time.Sleep(20 * time.Millisecond)
		stop()
		select {
		case err := <-held:
			if !errors.Is(err, context.Canceled) && !errors.Is(err, cardinal.ErrBusy) {
				t.Errorf("cancelled while it waited: %v", err)
			}
		case <-time.After(4 * time.Second):
			t.Error("cancelled, and still waiting")
		}
		return nil
	})
	newUser(t, s, "person")
}

// cancelledAtAnyTime cancels transactions at every stage: none may leave a half or an open transaction behind.
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
			t.Fatalf("committed and not there: %v", found)
		}
		// On PostgreSQL the connection may end between the commit and the news of it.
		if err != nil && found == nil && s.Engine() == "sqlite" {
			t.Fatalf("failed with %v, and there", err)
		}
	}
	// What is cancelled as it begins may have begun all the same, and then it must end.
	beginnings := 1500
	if s.Engine() == "postgres" {
		beginnings = 100
	}
	for i := range beginnings {
		ctx, stop := context.WithCancel(t.Context())
		go func() {
			for range i % 300 {
				_ = time.Now()
			}
			stop()
		}()
		if err := s.Write(ctx, func(store.Tx) error { return nil }); err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, cardinal.ErrBusy) {
			t.Fatalf("a transaction after %d cancelled ones: %v", i, err)
		}
	}
	newUser(t, s, "person")
}

// lockTimeoutPerTransaction: the bound is the transaction's own. Were it the connection's, a later transaction that
// happens to get it would give up early.
func lockTimeoutPerTransaction(t *testing.T, s *store.Store) {
	ctx := t.Context()
	if s.Engine() == "sqlite" {
		write(t, s, func(tx store.Tx) error { return tx.WaitAtMost(ctx, 0) }) // bounds nothing, and says so with nil
		return
	}
	role := newRole(t, s, "awaited")
	// Every connection of the pool gets the bound once: they are all in use at the same time.
	const connections = 12
	var all sync.WaitGroup
	ready := make(chan struct{}, connections)
	goOn := make(chan struct{})
	for range connections {
		all.Go(func() {
			if err := s.Write(ctx, func(tx store.Tx) error {
				err := tx.WaitAtMost(ctx, time.Millisecond)
				ready <- struct{}{}
				select {
				case <-goOn:
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
	close(goOn)
	all.Wait()
	done := make(chan error)
	write(t, s, func(tx store.Tx) error {
		if err := tx.LockRole(ctx, role.ID); err != nil {
			return err
		}
		go func() { done <- s.Write(ctx, func(tx store.Tx) error { return tx.LockRole(ctx, role.ID) }) }()
		time.Sleep(60 * time.Millisecond)
		return nil
	})
	if err := <-done; err != nil {
		t.Errorf("a later transaction waits by an earlier one's bound: %v", err)
	}
}
