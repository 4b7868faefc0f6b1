package directory_test

import (
	"testing"

	"cardinal"
	"cardinal/internal/directory/directorytest"
	"cardinal/internal/signin"
)

// TestSessionEndReason: the end of a session has a reason, which the list of sessions shows.
func TestSessionEndReason(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		for reason, end := range map[string]func(t *testing.T, u cardinal.User, in, other cardinal.SignedIn) error{
			"signed_out": func(t *testing.T, _ cardinal.User, in, _ cardinal.SignedIn) error {
				return w.DeskOfToken(t, in.Token).SignOut(ctx)
			},
			"ended_by_person": func(t *testing.T, u cardinal.User, in, other cardinal.SignedIn) error {
				return w.DeskOfToken(t, other.Token).EndSession(ctx, u.ID, in.Session.ID)
			},
			"ended_by_other": func(t *testing.T, u cardinal.User, in, _ cardinal.SignedIn) error {
				return w.Operator().EndSession(ctx, u.ID, in.Session.ID)
			},
			"password_changed": func(t *testing.T, _ cardinal.User, _, other cardinal.SignedIn) error {
				return errorOf(signin.ChangePassword(ctx, w.DeskOfToken(t, other.Token), cardinal.PasswordChange{
					Current: goodPassword, New: "eight blue tricycles",
				}))
			},
			"account_stopped": func(t *testing.T, u cardinal.User, _, _ cardinal.SignedIn) error {
				return errorOf(w.Operator().SuspendUser(ctx, u.ID, w.User(t, u.ID).Version))
			},
		} {
			t.Run(reason, func(t *testing.T) {
				u, email := w.NewPerson(t)
				in, other := w.SignIn(t, email, goodPassword), w.SignIn(t, email, goodPassword)
				noError(t, end(t, u, in, other))
				for _, s := range value(w.Operator().Sessions(ctx, u.ID, cardinal.Page{Limit: 10}))(t).Data {
					if s.ID == in.Session.ID && (s.RevokedAt == nil || s.EndReason != reason) {
						t.Errorf("ended at %v with the reason %q, want %q", s.RevokedAt, s.EndReason, reason)
					}
					if (s.RevokedAt == nil) != (s.EndReason == "") {
						t.Errorf("a session that ended at %v has the reason %q", s.RevokedAt, s.EndReason)
					}
				}
			})
		}
	})
}

func TestEndSessions(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		u, email := w.NewPerson(t)
		own, other := w.SignIn(t, email, goodPassword), w.SignIn(t, email, goodPassword)
		desk := w.DeskOfToken(t, own.Token)
		noError(t, desk.EndSessions(ctx, u.ID, false))
		if !w.SessionActive(t, own) || w.SessionActive(t, other) {
			t.Error("the session of the request ended, or the other one did not")
		}
		noError(t, desk.EndSessions(ctx, u.ID, true))
		if w.SessionActive(t, own) {
			t.Error("the session of the request did not end")
		}
	})
}

func TestSignOutNeedsSession(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		u, _ := w.NewPerson(t)
		expectRefusal(t, w.DeskOf(u).SignOut(t.Context()), "no_session")
	})
}
