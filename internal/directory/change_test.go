package directory_test

import (
	"testing"

	"cardinal"
	"cardinal/internal/directory/directorytest"
)

// TestChangeWithoutEventRolledBack: when the event cannot be appended, nothing changes.
func TestChangeWithoutEventRolledBack(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		u, email := w.NewPerson(t)
		in := w.SignIn(t, email, goodPassword)
		refuseEvents := []string{`
			CREATE TRIGGER log_is_full BEFORE INSERT ON audit_logs
			BEGIN SELECT RAISE(ABORT, 'log_is_full: no event'); END`,
		}
		if w.Engine == "postgres" {
			refuseEvents = []string{`
				CREATE FUNCTION log_is_full() RETURNS trigger LANGUAGE plpgsql
				AS $$ BEGIN RAISE EXCEPTION 'no event'; END $$`, `
				CREATE TRIGGER log_is_full BEFORE INSERT ON audit_logs FOR EACH ROW EXECUTE FUNCTION log_is_full()`,
			}
		}
		for _, statement := range refuseEvents {
			value(w.SQL(t).ExecContext(ctx, statement))(t)
		}
		if _, err := w.Operator().SuspendUser(ctx, u.ID, u.Version); err == nil {
			t.Error("a change without an event was committed")
		}
		address := newEmail()
		if _, err := w.Operator().CreateUser(ctx, cardinal.NewUser{Email: address, EmailVerified: true}); err == nil {
			t.Error("a user without an event was created")
		}
		directorytest.ExpectSameJSON(t, u, w.User(t, u.ID))
		if !w.SessionActive(t, in) {
			t.Error("the session has ended")
		}
		page := value(w.Operator().Users(ctx, cardinal.UserFilter{
			Email: address, Page: cardinal.Page{Limit: 1},
		}, false))(t)
		if len(page.Data) != 0 {
			t.Error("the user exists")
		}
	})
}
