package store_test

import (
	"context"
	"database/sql"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"cardinal/internal/pgtest"
	"cardinal/internal/store"
)

// pendingBackfill makes a migrated database take the backfill of sessions for one that was not made yet, and gives it rows to walk.
func pendingBackfill(t *testing.T, s *store.Store, db *sql.DB, sessions int) {
	t.Helper()
	d := dialectOf(s.Engine())
	run(t, db, `DELETE FROM schema_migrations WHERE number = 7 AND phase <> 'expand'`)
	write(t, s, func(tx store.Tx) error {
		for _, statement := range []string{
			`INSERT INTO users (id, kind, status, created_at, updated_at) VALUES ({ada}, 'person', 'active', {t}, {t})`,
			`INSERT INTO profiles (user_id, created_at, updated_at) VALUES ({ada}, {t}, {t})`,
		} {
			if err := store.Exec(t.Context(), tx, d.words.Replace(statement)); err != nil {
				return err
			}
		}
		for i := range sessions {
			if err := tx.InsertSession(t.Context(), store.SessionRecord{UserID: ids["ada"], ID: probe(byte(i)), TokenHash: make([]byte, 32), Method: "password",
				Assurance: 1, CreatedAt: beginning, LastSeenAt: beginning, IdleSeconds: 600, ExpiresAt: beginning.Add(time.Hour), SchemaVersion: 1}); err != nil {
				return err
			}
		}
		return nil
	})
}

func TestBackfillTellsAndEnds(t *testing.T) {
	for engine, open := range map[string]func(t *testing.T) (*store.Store, *sql.DB){
		"sqlite": func(t *testing.T) (*store.Store, *sql.DB) {
			s, path := migratedSQLite(t)
			return s, openSQL(t, "sqlite", path)
		},
		"postgres": func(t *testing.T) (*store.Store, *sql.DB) {
			url := migratedPostgres(t)
			return open(t, url), openSQL(t, "pgx", inSchema(url))
		},
	} {
		t.Run(engine, func(t *testing.T) {
			s, db := open(t)
			pendingBackfill(t, s, db, 30)
			if empty, err := s.Ready(t.Context()); empty || err != nil {
				t.Errorf("a backfill that is to come keeps the service from serving: %v", err)
			}
			var walked int64
			done, err := s.Backfill(t.Context(), func(p store.Progress) {
				if p.Backfill != nil {
					walked = p.Backfill.Walked
				}
			})
			if err != nil || len(done) != 1 || done[0].String() != "0007 session_ends (backfill)" || walked != 30 {
				t.Errorf("%v after %d rows: %v", done, walked, err)
			}
			if again := must(s.Backfill(t.Context(), func(store.Progress) {}))(t); len(again) != 0 {
				t.Errorf("walked twice: %v", again)
			}
			if list := must(s.Read(t.Context()).Backfills(t.Context()))(t); len(list) != 0 {
				t.Errorf("under way at the end: %v", list)
			}
			// One that is told to stop before it begins has changed nothing.
			run(t, db, `DELETE FROM schema_migrations WHERE number = 7 AND phase <> 'expand'`)
			stopped, stop := context.WithCancel(t.Context())
			stop()
			if _, err := s.Backfill(stopped, func(store.Progress) {}); !errors.Is(err, context.Canceled) {
				t.Errorf("a backfill that was stopped: %v", err)
			}
		})
	}
}

// While a replica is far behind, a backfill does nothing; it goes on when the replica has caught up.
func TestBackfillWaitsForReplicas(t *testing.T) {
	primary := must(pgtest.Start(pgtest.Options{}))(t)
	t.Cleanup(func() { primary.Stop() })
	replica := must(pgtest.Replica(primary))(t)
	t.Cleanup(func() { replica.Stop() })
	s := open(t, primary.URL())
	migrate(t, s, "")
	db := openSQL(t, "pgx", inSchema(primary.URL()))
	pendingBackfill(t, s, db, 30)

	standby := openSQL(t, "pgx", replica.URL())
	run(t, standby, `SELECT pg_wal_replay_pause()`)
	run(t, db, `SELECT pg_logical_emit_message(false, 'test', repeat('x', 1000000)) FROM generate_series(1, 20)`)
	run(t, db, `SELECT pg_switch_wal()`)
	for behind := int64(0); behind <= 16<<20; time.Sleep(10 * time.Millisecond) {
		if err := db.QueryRow(`SELECT COALESCE(max(pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn)), 0)::bigint FROM pg_stat_replication`).Scan(&behind); err != nil {
			t.Fatal(err)
		}
	}
	var caughtUp atomic.Bool
	ended := make(chan error, 1)
	go func() {
		_, err := s.Backfill(t.Context(), func(store.Progress) {
			if !caughtUp.Load() {
				t.Error("a batch was done while the replica was behind")
			}
		})
		ended <- err
	}()
	select {
	case err := <-ended:
		t.Fatalf("the backfill ended (%v) while the replica was behind", err)
	case <-time.After(time.Second): // long enough for many batches, were it not to wait
	}
	caughtUp.Store(true)
	run(t, standby, `SELECT pg_wal_replay_resume()`)
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
