package jobs

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/importing"
	"cardinal/internal/password"
	"cardinal/internal/pgtest"
	"cardinal/internal/seal"
	"cardinal/internal/store"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// now is the moment of every test: the clock stands still, so what was done is not due again.
var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// engines runs a test on both databases; raw reaches around the directory.
func engines(t *testing.T, test func(t *testing.T, open func() *directory.Directory, raw *sql.DB)) {
	t.Run("sqlite", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "cardinal.db")
		test(t, opener(t, path), rawDB(t, "sqlite", path))
	})
	t.Run("postgres", func(t *testing.T) {
		url := postgres(t)
		test(t, opener(t, url), rawDB(t, "pgx", url+"&search_path=cardinal"))
	})
}

// postgres makes a database that is migrated.
func postgres(t *testing.T) string {
	return pgtest.Template(t, "jobs", func(url string) error {
		s, err := store.Open(t.Context(), url)
		if err != nil {
			return err
		}
		defer s.Close()
		_, err = s.Migrate(t.Context(), now, "")
		return err
	})
}

func rawDB(t *testing.T, driver, dsn string) *sql.DB {
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// opener returns a function that opens one more node on the database.
func opener(t *testing.T, url string) func() *directory.Directory {
	keys := t.TempDir()
	if err := os.Chmod(keys, 0o700); err != nil {
		t.Fatal(err)
	}
	return func() *directory.Directory {
		s, err := store.Open(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		if _, err := s.Migrate(t.Context(), now, ""); err != nil {
			t.Fatal(err)
		}
		d, err := directory.Open(t.Context(), s, directory.Options{
			LoadKeys: func() (*seal.Keyring, error) { return seal.LoadKeyring(keys, "") },
			CreateKEK: func(id uuid.UUID) (seal.KEK, string, error) {
				kek, _, err := seal.CreateKEK(keys, id)
				return kek, "file", err
			},
			Hasher: password.New(password.Params{MemoryKiB: 64, Iterations: 1, Parallelism: 1}, password.DefaultLimits()),
			Clock:  func() time.Time { return now },
		})
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
}

// log is what a runner logged.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *log) count(part string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), part)
}

func (l *log) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// run runs runners until done says so, and then until they have stopped.
func run(t *testing.T, done func() bool, runners ...*Runner) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var running sync.WaitGroup
	for _, r := range runners {
		r.poll = 5 * time.Millisecond
		running.Go(func() {
			if err := r.Run(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	for deadline := time.Now().Add(10 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Error("it was not done in 10 seconds")
			break
		}
	}
	cancel()
	running.Wait()
}

func count(t *testing.T, db *sql.DB, query string, args ...any) (n int) {
	t.Helper()
	if err := db.QueryRow(query, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// The recurring work is what a migration puts there; a kind that the directory does not know would fail here.
func TestRecurringJobsRunAndAreRescheduled(t *testing.T) {
	engines(t, func(t *testing.T, open func() *directory.Directory, raw *sql.DB) {
		d := open()
		all := count(t, raw, `SELECT count(*) FROM jobs WHERE repeat_seconds IS NOT NULL`)
		if all == 0 {
			t.Fatal("there is no recurring work")
		}
		var l log
		run(t, func() bool { return l.count("a job is done")+l.count("level=ERROR") >= all }, New(d, l.logger(), "test", directory.Jobs(), importing.Jobs()))
		if got := count(t, raw, `SELECT count(*) FROM jobs WHERE last_run_at IS NOT NULL AND run_at > last_run_at AND last_error IS NULL AND leased_by IS NULL`); got != all {
			t.Errorf("%d of %d pieces of recurring work ran and were scheduled again:\n%s", got, all, l.text.String())
		}
	})
}

func TestFailingJobBacksOff(t *testing.T) {
	engines(t, func(t *testing.T, open func() *directory.Directory, raw *sql.DB) {
		d := open()
		if _, err := raw.Exec(`ALTER TABLE sign_in_throttles RENAME TO elsewhere`); err != nil {
			t.Fatal(err)
		}
		all := count(t, raw, `SELECT count(*) FROM jobs`)
		var l log
		ended := func() bool { return l.count("a job is done")+l.count("a job failed") >= all }
		run(t, ended, New(d, l.logger(), "test", directory.Jobs(), importing.Jobs()))
		if n := count(t, raw, `SELECT count(*) FROM jobs WHERE kind = 'throttles.purge' AND attempts = 1 AND last_error = 'internal' AND leased_by IS NULL`); n != 1 {
			t.Error("the failure was not noted with its kind")
		}
		if n := count(t, raw, `SELECT count(*) FROM jobs WHERE run_at <= (SELECT run_at FROM jobs WHERE kind = 'audit.attempts') AND kind = 'throttles.purge'`); n != 1 {
			t.Error("the failing work shall be tried again in a minute")
		}
		if n := l.count("a job failed"); n != 1 {
			t.Errorf("it was tried %d times at once, want 1", n)
		}
	})
}

func TestTwoRunnersShareTheWork(t *testing.T) {
	engines(t, func(t *testing.T, open func() *directory.Directory, raw *sql.DB) {
		var l log
		one, two := New(open(), l.logger(), "test", directory.Jobs(), importing.Jobs()), New(open(), l.logger(), "test", directory.Jobs(), importing.Jobs())
		const extra = 40
		all := count(t, raw, `SELECT count(*) FROM jobs`)
		for range extra {
			id := cardinal.NewID()
			if _, err := raw.Exec(`INSERT INTO jobs (id, kind, created_at, run_at) SELECT $1, kind, created_at, run_at FROM jobs WHERE kind = 'claims.expire' AND repeat_seconds IS NOT NULL`, bytesOrText(raw, id)); err != nil {
				t.Fatal(err)
			}
		}
		run(t, func() bool { return count(t, raw, `SELECT count(*) FROM jobs WHERE last_run_at IS NULL`) == 0 }, one, two)
		if got, want := l.count("a job is done"), all+extra; got != want {
			t.Errorf("%d pieces of work were done %d times", want, got)
		}
		if n := l.count("level=ERROR"); n > 0 {
			t.Errorf("errors:\n%s", l.text.String())
		}
	})
}

func bytesOrText(db *sql.DB, id uuid.UUID) any {
	var n int
	if db.QueryRow(`SELECT count(*) FROM sqlite_schema`).Scan(&n) == nil {
		return id[:]
	}
	return id.String()
}

func TestStopsBetweenJobs(t *testing.T) {
	engines(t, func(t *testing.T, open func() *directory.Directory, _ *sql.DB) {
		r := New(open(), slog.New(slog.DiscardHandler), "test", directory.Jobs(), importing.Jobs())
		r.poll = time.Hour
		ctx, cancel := context.WithCancel(t.Context())
		stopped := make(chan error, 1)
		go func() { stopped <- r.Run(ctx) }()
		cancel()
		select {
		case err := <-stopped:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(5 * time.Second):
			t.Error("it did not stop")
		}
	})
}

// Only PostgreSQL has locks that hold work back and not the claim of it.
func TestWorkUnderWayMayFinish(t *testing.T) {
	url := postgres(t)
	raw := rawDB(t, "pgx", url+"&search_path=cardinal")
	if _, err := raw.Exec(`UPDATE jobs SET run_at = $1 WHERE kind <> 'throttles.purge'`, now.AddDate(1, 0, 0)); err != nil {
		t.Fatal(err)
	}
	r := New(opener(t, url)(), slog.New(slog.DiscardHandler), "test", directory.Jobs(), importing.Jobs())
	held, err := raw.Begin()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := held.Exec(`LOCK TABLE sign_in_throttles IN ACCESS EXCLUSIVE MODE`); err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(300*time.Millisecond, func() { _ = held.Rollback() })
	run(t, func() bool { return count(t, raw, `SELECT count(*) FROM jobs WHERE leased_by IS NOT NULL`) == 1 }, r)
	if n := count(t, raw, `SELECT count(*) FROM jobs WHERE kind = 'throttles.purge' AND last_run_at IS NOT NULL`); n != 1 {
		t.Error("the work under way was cut")
	}
}

// As long as work goes on its lease is prolonged; without the lease it ends.
func TestLeaseLastsAsLongAsTheWork(t *testing.T) {
	url := postgres(t)
	raw := rawDB(t, "pgx", url+"&search_path=cardinal")
	exec := func(query string, args ...any) {
		t.Helper()
		if _, err := raw.Exec(query, args...); err != nil {
			t.Fatal(err)
		}
	}
	exec(`UPDATE jobs SET run_at = $1 WHERE kind <> 'throttles.purge'`, now.AddDate(1, 0, 0))
	held, err := raw.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = held.Rollback() }()
	if _, err := held.Exec(`LOCK TABLE sign_in_throttles IN ACCESS EXCLUSIVE MODE`); err != nil {
		t.Fatal(err)
	}
	var l log
	r := New(opener(t, url)(), l.logger(), "test", directory.Jobs(), importing.Jobs())
	r.renew = 5 * time.Millisecond
	shortened := false
	run(t, func() bool {
		leased := count(t, raw, `SELECT count(*) FROM jobs WHERE leased_until = $1`, now.Add(lease)) == 1
		switch {
		case leased && !shortened:
			exec(`UPDATE jobs SET leased_until = $1 WHERE kind = 'throttles.purge'`, now.Add(time.Second))
			shortened = true
		case leased:
			exec(`UPDATE jobs SET leased_by = $1, leased_until = $2 WHERE kind = 'throttles.purge'`, cardinal.NewID().String(), now.Add(time.Second))
		}
		return l.count("a job failed") == 1
	}, r)
}

func TestErrorsAreLoggedByKind(t *testing.T) {
	secret := errors.New("ada@example.com")
	for err, want := range map[error]string{
		errors.Join(cardinal.ErrBusy, secret): "busy",
		secret:                                "internal",
	} {
		if got := directory.ErrorKind(err); got != want {
			t.Errorf("ErrorKind(%v) = %q, want %q", err, got, want)
		}
	}
}
