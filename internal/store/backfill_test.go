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

// pendingBackfill adds a migration with an expansion and a backfill of sessions, applies the expansion, and adds
// sessions.
func pendingBackfill(t *testing.T, s *store.Store, sessions int) {
	t.Helper()
	d := dialectOf(s.Engine())
	store.WithScripts(t, map[string]string{"9001_session_marks.sql": `ALTER TABLE sessions ADD COLUMN mark TEXT;`})
	if list, err := s.Migrate(t.Context(), time.Now(), ""); err != nil || len(list) != 1 {
		t.Fatalf("applied %v, %v", list, err)
	}
	store.WithScripts(t, map[string]string{
		"9001_session_marks.sql": `ALTER TABLE sessions ADD COLUMN mark TEXT;`,
		"9001_session_marks.backfill.sql": "-- backfill: sessions (user_id, id)\n" +
			"UPDATE sessions SET mark = 'old' WHERE mark IS NULL AND {batch}\n",
	})
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
			if err := tx.InsertSession(t.Context(), store.SessionRecord{
				UserID: ids["ada"], ID: probe(byte(i)), TokenHash: append([]byte{2}, make([]byte, 32)...),
				Method: "password", Assurance: 1, CreatedAt: beginning, LastSeenAt: beginning, IdleSeconds: 600,
				ExpiresAt:     beginning.Add(time.Hour),
				SchemaVersion: 1,
			}); err != nil {
				return err
			}
		}
		return nil
	})
}

func TestBackfill(t *testing.T) {
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
			pendingBackfill(t, s, 30)
			if empty, err := s.Ready(t.Context()); empty || err != nil {
				t.Errorf("Ready with a pending backfill: %v", err)
			}
			stopped, stop := context.WithCancel(t.Context())
			stop()
			if _, err := s.Backfill(stopped, func(store.Progress) {}); !errors.Is(err, context.Canceled) {
				t.Errorf("a backfill that was stopped before it started: %v", err)
			}
			var last store.BackfillState
			done, err := s.Backfill(t.Context(), func(p store.Progress) {
				if p.Backfill != nil {
					last = *p.Backfill
				}
			})
			if err != nil || len(done) != 1 || done[0].String() != "9001 session_marks (backfill)" ||
				last.Scanned != 30 || last.Changed != 30 {
				t.Errorf("%v after %d rows, %d changed: %v", done, last.Scanned, last.Changed, err)
			}
			if n := must(countOf(db, `SELECT count(*) FROM sessions WHERE mark = 'old'`))(t); n != 30 {
				t.Errorf("%d sessions filled", n)
			}
			if again := must(s.Backfill(t.Context(), func(store.Progress) {}))(t); len(again) != 0 {
				t.Errorf("applied twice: %v", again)
			}
			if list := must(s.Read(t.Context()).Backfills(t.Context()))(t); len(list) != 0 {
				t.Errorf("in progress after the end: %v", list)
			}
		})
	}
}

// While a replica is far behind, a backfill does nothing. It continues when the replica has caught up.
func TestBackfillWaitsForReplicas(t *testing.T) {
	pgtest.SkipShort(t)
	primary := must(pgtest.Start(pgtest.Options{}))(t)
	t.Cleanup(func() { primary.Stop() })
	replica := must(pgtest.Replica(primary))(t)
	t.Cleanup(func() { replica.Stop() })
	s := open(t, primary.URL())
	migrate(t, s, "")
	db := openSQL(t, "pgx", inSchema(primary.URL()))
	pendingBackfill(t, s, 30)

	standby := openSQL(t, "pgx", replica.URL())
	run(t, standby, `SELECT pg_wal_replay_pause()`)
	run(t, db, `SELECT pg_logical_emit_message(false, 'test', repeat('x', 1000000)) FROM generate_series(1, 20)`)
	run(t, db, `SELECT pg_switch_wal()`)
	for behind := int64(0); behind <= 16<<20; time.Sleep(10 * time.Millisecond) {
		if err := db.QueryRow(`
			SELECT COALESCE(max(pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn)), 0)::bigint
			  FROM pg_stat_replication`).Scan(&behind); err != nil {
			t.Fatal(err)
		}
	}
	var caughtUp atomic.Bool
	ended := make(chan error, 1)
	go func() {
		_, err := s.Backfill(t.Context(), func(store.Progress) {
			if !caughtUp.Load() {
				t.Error("a batch ran while the replica was behind")
			}
		})
		ended <- err
	}()
	select {
	case err := <-ended:
		t.Fatalf("the backfill ended (%v) while the replica was behind", err)
	case <-time.After(time.Second): // long enough for many batches if it did not wait
	}
	caughtUp.Store(true)
	run(t, standby, `SELECT pg_wal_replay_resume()`)
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
