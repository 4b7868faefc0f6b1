package jobs

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
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
	"cardinal/internal/directory/directorytest"
	"cardinal/internal/password"
	"cardinal/internal/pgtest"
	"cardinal/internal/seal"
	"cardinal/internal/store"
	"cardinal/internal/store/dberror"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// now is the time of every test. The clock does not move, so a job that ran is not due again.
var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// runEngines runs a test on both database engines. raw is a connection without the directory.
func runEngines(t *testing.T, test func(t *testing.T, open func() *directory.Directory, raw *sql.DB)) {
	t.Run("sqlite", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "cardinal.db")
		test(t, opener(t, path), rawDB(t, "sqlite", path+"?_pragma=busy_timeout(10000)"))
	})
	t.Run("postgres", func(t *testing.T) {
		url := newPostgres(t)
		test(t, opener(t, url), rawDB(t, "pgx", url+"&search_path=cardinal"))
	})
}

// newPostgres creates a migrated database.
func newPostgres(t *testing.T) string {
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

// opener returns a function that opens a directory on the database, one for each node.
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
			Hasher: password.New(directorytest.CheapHash, password.DefaultLimits()),
			Clock:  func() time.Time { return now },
		})
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
}

// logBuffer collects what a runner logs.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logBuffer) count(part string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), part)
}

func (l *logBuffer) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// runUntil runs runners until done returns true, and waits until they have stopped.
func runUntil(t *testing.T, done func() bool, runners ...*Runner) {
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
			t.Error("not done after 10 seconds")
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

func exec(t *testing.T, db *sql.DB, query string, args ...any) {
	t.Helper()
	if _, err := db.Exec(query, args...); err != nil {
		t.Fatal(err)
	}
}

// newRunner returns a runner with the jobs of all packages.
func newRunner(d *directory.Directory, logger *slog.Logger) *Runner {
	return New(d, logger, "test", directorytest.Jobs())
}

func TestRepeatingJobsScheduledAgain(t *testing.T) {
	runEngines(t, func(t *testing.T, open func() *directory.Directory, raw *sql.DB) {
		d := open()
		all := count(t, raw, `SELECT count(*) FROM jobs WHERE repeat_seconds IS NOT NULL`)
		if all == 0 {
			t.Fatal("no job repeats")
		}
		var l logBuffer
		done := func() bool { return l.count("a job is done")+l.count("level=ERROR") >= all }
		runUntil(t, done, newRunner(d, l.logger()))
		got := count(t, raw, `SELECT count(*) FROM jobs
			WHERE last_run_at IS NOT NULL AND run_at > last_run_at AND last_error IS NULL AND leased_by IS NULL`)
		if got != all {
			t.Errorf("%d of %d repeating jobs ran and were scheduled again:\n%s", got, all, l.text.String())
		}
	})
}

// TestJoinSchedulesJobs: a node adds the rows of repeating jobs that are missing, and the intervals in Go replace
// others.
func TestJoinSchedulesJobs(t *testing.T) {
	runEngines(t, func(t *testing.T, open func() *directory.Directory, raw *sql.DB) {
		d := open()
		exec(t, raw, `DELETE FROM jobs WHERE kind = 'unverified_contacts.expire'`)
		exec(t, raw, `UPDATE jobs SET repeat_seconds = 7 WHERE kind = 'audit.months'`)
		if err := newRunner(d, slog.New(slog.DiscardHandler)).Join(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, job := range directorytest.Jobs() {
			want := 1
			if job.Every == 0 {
				want = 0
			}
			seconds := int64(job.Every.Seconds())
			n := count(t, raw, `SELECT count(*) FROM jobs WHERE kind = $1 AND repeat_seconds = $2`, job.Kind, seconds)
			if n != want {
				t.Errorf("%s: %d rows that repeat every %s, want %d", job.Kind, n, job.Every, want)
			}
		}
	})
}

// repeating is the condition of jobs that the runner schedules. A migration schedules values.reencrypt, which runs
// once.
const repeating = `repeat_seconds IS NOT NULL`

// TestUnknownKindNotClaimed: a job of a newer version waits for a node of that version.
func TestUnknownKindNotClaimed(t *testing.T) {
	runEngines(t, func(t *testing.T, open func() *directory.Directory, raw *sql.DB) {
		d := open()
		all := count(t, raw, `SELECT count(*) FROM jobs WHERE `+repeating)
		exec(t, raw, `INSERT INTO jobs (id, kind, created_at, run_at)
			SELECT $1, 'no.such', created_at, run_at FROM jobs WHERE kind = 'unverified_contacts.expire'`,
			idValue(raw, cardinal.NewID()))
		var l logBuffer
		done := func() bool { return l.count("a job is done")+l.count("level=ERROR") >= all }
		runUntil(t, done, newRunner(d, l.logger()))
		if n := count(t, raw, `SELECT count(*) FROM jobs WHERE kind = 'no.such' AND last_run_at IS NULL`); n != 1 {
			t.Errorf("a job of an unknown kind ran:\n%s", l.text.String())
		}
	})
}

func TestDuplicateKindPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("two jobs of one kind were accepted")
		}
	}()
	New(nil, nil, "test", directory.Jobs(), directory.Jobs())
}

func TestFailedJobRetriedLater(t *testing.T) {
	runEngines(t, func(t *testing.T, open func() *directory.Directory, raw *sql.DB) {
		d := open()
		exec(t, raw, `ALTER TABLE sign_in_throttles RENAME TO elsewhere`)
		all := count(t, raw, `SELECT count(*) FROM jobs WHERE `+repeating)
		var l logBuffer
		done := func() bool { return l.count("a job is done")+l.count("a job failed") >= all }
		runUntil(t, done, newRunner(d, l.logger()))
		recorded := count(t, raw, `SELECT count(*) FROM jobs
			WHERE kind = 'throttles.purge' AND attempts = 1
			  AND last_error LIKE 'store.DeleteExpiredThrottles: %' AND leased_by IS NULL`)
		if recorded != 1 {
			t.Error("the failure was not recorded with its error")
		}
		inOneMinute := count(t, raw, `SELECT count(*) FROM jobs WHERE kind = 'throttles.purge'
			AND run_at <= (SELECT run_at FROM jobs WHERE kind = 'audit.attempts')`)
		if inOneMinute != 1 {
			t.Error("the failed job is not scheduled again in one minute")
		}
		if n := l.count("a job failed"); n != 1 {
			t.Errorf("the job ran %d times, want 1", n)
		}
	})
}

func TestTwoRunnersShareJobs(t *testing.T) {
	runEngines(t, func(t *testing.T, open func() *directory.Directory, raw *sql.DB) {
		var l logBuffer
		one, two := newRunner(open(), l.logger()), newRunner(open(), l.logger())
		const extra = 40
		all := count(t, raw, `SELECT count(*) FROM jobs WHERE `+repeating)
		for range extra {
			exec(t, raw, `INSERT INTO jobs (id, kind, created_at, run_at)
				SELECT $1, kind, created_at, run_at FROM jobs
				WHERE kind = 'unverified_contacts.expire' AND repeat_seconds IS NOT NULL`,
				idValue(raw, cardinal.NewID()))
		}
		done := func() bool {
			return count(t, raw, `SELECT count(*) FROM jobs
				WHERE last_run_at IS NULL AND kind <> 'values.reencrypt'`) == 0
		}
		runUntil(t, done, one, two)
		if got, want := l.count("a job is done"), all+extra; got != want {
			t.Errorf("%d jobs ran %d times", want, got)
		}
		if n := l.count("level=ERROR"); n > 0 {
			t.Errorf("errors:\n%s", l.text.String())
		}
	})
}

// idValue returns an id as the database stores it: bytes in SQLite, text in PostgreSQL.
func idValue(db *sql.DB, id uuid.UUID) any {
	var n int
	if db.QueryRow(`SELECT count(*) FROM sqlite_schema`).Scan(&n) == nil {
		return id[:]
	}
	return id.String()
}

func TestRunStops(t *testing.T) {
	runEngines(t, func(t *testing.T, open func() *directory.Directory, _ *sql.DB) {
		r := newRunner(open(), slog.New(slog.DiscardHandler))
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

// TestRunningJobFinishes: a job that is running when the service stops can finish. Only PostgreSQL has locks that delay
// the job and not its claim.
func TestRunningJobFinishes(t *testing.T) {
	url := newPostgres(t)
	raw := rawDB(t, "pgx", url+"&search_path=cardinal")
	exec(t, raw, `UPDATE jobs SET run_at = $1 WHERE kind <> 'throttles.purge'`, now.AddDate(1, 0, 0))
	r := newRunner(opener(t, url)(), slog.New(slog.DiscardHandler))
	lock := lockThrottles(t, raw)
	time.AfterFunc(300*time.Millisecond, func() { _ = lock.Rollback() })
	runUntil(t, func() bool { return count(t, raw, `SELECT count(*) FROM jobs WHERE leased_by IS NOT NULL`) == 1 }, r)
	n := count(t, raw, `SELECT count(*) FROM jobs WHERE kind = 'throttles.purge' AND last_run_at IS NOT NULL`)
	if n != 1 {
		t.Error("the running job was stopped")
	}
}

// lockThrottles locks the table of the job throttles.purge.
func lockThrottles(t *testing.T, db *sql.DB) *sql.Tx {
	t.Helper()
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tx.Rollback() })
	if _, err := tx.Exec(`LOCK TABLE sign_in_throttles IN ACCESS EXCLUSIVE MODE`); err != nil {
		t.Fatal(err)
	}
	return tx
}

// TestLeaseExtendedWhileRunning: the lease of a running job is extended. A job that loses its lease is stopped.
func TestLeaseExtendedWhileRunning(t *testing.T) {
	url := newPostgres(t)
	raw := rawDB(t, "pgx", url+"&search_path=cardinal")
	exec(t, raw, `UPDATE jobs SET run_at = $1 WHERE kind <> 'throttles.purge'`, now.AddDate(1, 0, 0))
	lockThrottles(t, raw)
	var l logBuffer
	r := newRunner(opener(t, url)(), l.logger())
	r.renew = 5 * time.Millisecond
	shortened := false
	runUntil(t, func() bool {
		leased := count(t, raw, `SELECT count(*) FROM jobs WHERE leased_until = $1`, now.Add(lease)) == 1
		switch {
		case leased && !shortened:
			exec(t, raw, `UPDATE jobs SET leased_until = $1 WHERE kind = 'throttles.purge'`, now.Add(time.Second))
			shortened = true
		case leased: // it was extended; now another node takes the lease
			exec(t, raw, `UPDATE jobs SET leased_by = $1, leased_until = $2 WHERE kind = 'throttles.purge'`,
				cardinal.NewID().String(), now.Add(time.Second))
		}
		return l.count("a job failed") == 1
	}, r)
}

func TestErrorKindHidesText(t *testing.T) {
	secret := errors.New("ada@example.com")
	violation := fmt.Errorf("add ada@example.com: %w", &dberror.Violation{Constraint: "contacts_uq"})
	for err, want := range map[error]string{
		errors.Join(cardinal.ErrBusy, secret): "busy",
		violation:                             ", constraint contacts_uq",
		secret:                                "internal",
	} {
		if got := directory.ErrorKind(err); got != want {
			t.Errorf("ErrorKind(%v) = %q, want %q", err, got, want)
		}
	}
}
