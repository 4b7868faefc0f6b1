package directory_test

import (
	"testing"

	"cardinal"
)

// Each way to end a session leaves its reason, and whoever sees the session sees why.
func TestSessionsSayWhyTheyEnded(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		for reason, end := range map[string]func(t *testing.T, u cardinal.User, in, other cardinal.SignedIn) error{
			"signed_out": func(t *testing.T, _ cardinal.User, in, _ cardinal.SignedIn) error {
				return w.session(t, in).SignOut(ctx)
			},
			"ended_by_person": func(t *testing.T, u cardinal.User, in, other cardinal.SignedIn) error {
				return w.session(t, other).EndSession(ctx, u.ID, in.Session.ID)
			},
			"ended_by_other": func(t *testing.T, u cardinal.User, in, _ cardinal.SignedIn) error {
				return w.operator().EndSession(ctx, u.ID, in.Session.ID)
			},
			"password_changed": func(t *testing.T, _ cardinal.User, _, other cardinal.SignedIn) error {
				_, err := w.session(t, other).ChangePassword(ctx, cardinal.PasswordChange{Current: goodPassword, New: "eight blue tricycles"})
				return err
			},
			"account_stopped": func(t *testing.T, u cardinal.User, _, _ cardinal.SignedIn) error {
				_, err := w.operator().SuspendUser(ctx, u.ID, w.user(t, u.ID).Version)
				return err
			},
		} {
			t.Run(reason, func(t *testing.T) {
				u, email := w.person(t)
				in, other := w.signIn(t, email, goodPassword), w.signIn(t, email, goodPassword)
				ok(t, end(t, u, in, other))
				for _, s := range must(w.operator().Sessions(ctx, u.ID, cardinal.Page{Limit: 10}))(t).Data {
					if s.ID == in.Session.ID && (s.RevokedAt == nil || s.EndReason != reason) {
						t.Errorf("ended %v for %q, want %q", s.RevokedAt, s.EndReason, reason)
					}
					if (s.RevokedAt == nil) != (s.EndReason == "") {
						t.Errorf("a session that ended %v says %q", s.RevokedAt, s.EndReason)
					}
				}
			})
		}
	})
}
