package directory_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/directory/directorytest"
	"cardinal/internal/signin"
)

func TestJobs(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		t.Run("AllSucceed", func(t *testing.T) {
			w.ResetEvents(t)
			for _, job := range value(w.Store.Read(ctx).Jobs(ctx))(t) {
				w.RunJob(t, job.Kind)
			}
			w.ExpectEvents(t)
		})
		t.Run("LeasedOnce", func(t *testing.T) {
			a, b := cardinal.NewID(), cardinal.NewID()
			var kinds []string
			for _, job := range directory.Jobs() {
				kinds = append(kinds, job.Kind)
			}
			seen := map[uuid.UUID]bool{}
			for range 4 {
				for _, node := range []uuid.UUID{a, b} {
					job, err := w.ClaimJob(ctx, node, time.Minute, kinds...)
					if errors.Is(err, cardinal.ErrNotFound) {
						continue
					}
					noError(t, err)
					if seen[job.ID] {
						t.Errorf("%s is leased twice", job.Kind)
					}
					seen[job.ID] = true
					if len(seen) == 1 {
						noError(t, w.EndJob(ctx, job, node, nil))
					}
				}
			}
			if len(seen) < 7 {
				t.Errorf("%d jobs", len(seen))
			}
		})
		t.Run("PurgeExpired", func(t *testing.T) {
			w.SetSetting(t, "sessions.absolute_seconds", 300)
			_, email := w.NewPerson(t)
			w.SignIn(t, email, goodPassword)
			_, err := signin.WithPassword(ctx, w.Anonymous("192.0.2.1"), cardinal.SignIn{
				Identifier: email, Password: wrongPassword,
			})
			expectRefusal(t, err, "invalid_credentials")
			count := func(table string) (n int) {
				noError(t, w.SQL(t).QueryRowContext(ctx, `SELECT count(*) FROM `+table).Scan(&n))
				return n
			}
			w.RunJob(t, "sessions.purge")
			w.RunJob(t, "throttles.purge")
			if count("sessions") != 1 || count("sign_in_throttles") == 0 {
				t.Error("deleted too early")
			}
			w.Clock.Add(29 * 24 * time.Hour)
			w.RunJob(t, "sessions.purge")
			w.RunJob(t, "throttles.purge")
			if count("sessions") != 1 || count("sign_in_throttles") != 0 {
				t.Errorf("%d sessions, %d throttles", count("sessions"), count("sign_in_throttles"))
			}
			w.Clock.Add(2 * 24 * time.Hour)
			w.RunJob(t, "sessions.purge")
			if count("sessions") != 0 {
				t.Error("an ended session is left")
			}
		})
		t.Run("CreateAuditMonths", func(t *testing.T) {
			if why := w.Ready(ctx); len(why) != 0 {
				t.Errorf("not ready: %v", why)
			}
			if w.Engine == "sqlite" {
				return
			}
			w.Clock.Add(365 * 24 * time.Hour)
			if why := w.Ready(ctx); len(why) != 1 {
				t.Errorf("ready: %v", why)
			}
			w.RunJob(t, "audit.months")
			if why := w.Ready(ctx); len(why) != 0 {
				t.Errorf("not ready: %v", why)
			}
		})
	})
}
