package jobs

import (
	"cardinal"
	"database/sql"
	"errors"
	"testing"

	"cardinal/internal/directory"
)

func TestRunKind(t *testing.T) {
	runEngines(t, func(t *testing.T, open func() *directory.Directory, raw *sql.DB) {
		var l logBuffer
		r := newRunner(open(), l.logger())
		if err := r.RunKind(t.Context(), "sessions.purge"); err != nil {
			t.Fatal(err)
		}
		const ended = `SELECT count(*) FROM jobs WHERE kind = $1 AND leased_by IS NULL AND last_error IS NULL AND
			last_run_at IS NOT NULL AND run_at > last_run_at`
		if n := count(t, raw, ended, "sessions.purge"); n != 1 {
			t.Error("the end of the job is not recorded")
		}
		if err := r.RunKind(t.Context(), "sessions.purge"); !errors.Is(err, ErrNotClaimed) {
			t.Errorf("a job that is not due: %v, want ErrNotClaimed", err)
		}
		if err := r.RunKind(t.Context(), "no.such"); !errors.Is(err, cardinal.ErrNotFound) {
			t.Errorf("an unknown kind: %v, want cardinal.ErrNotFound", err)
		}
		if _, err := raw.Exec(`ALTER TABLE sign_in_throttles RENAME TO other_table`); err != nil {
			t.Fatal(err)
		}
		if err := r.RunKind(t.Context(), "throttles.purge"); err == nil || errors.Is(err, ErrNotClaimed) {
			t.Errorf("a job that fails: %v, want its error", err)
		}
		const failed = `SELECT count(*) FROM jobs WHERE kind = $1 AND leased_by IS NULL AND attempts = 1 AND
			last_error LIKE 'store.DeleteExpiredThrottles: %'`
		if n := count(t, raw, failed, "throttles.purge"); n != 1 {
			t.Error("the failure of the job is not recorded")
		}
	})
}
