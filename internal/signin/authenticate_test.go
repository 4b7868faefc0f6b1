package signin_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/directory/directorytest"
	"cardinal/internal/signin"
	"cardinal/internal/store"
)

// TestAuthenticateReader: what is asked together with the session answers for reading by that permission, and for nothing else.
func TestAuthenticateReader(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		_, email := w.NewPerson(t, w.NewRole(t, "users.read"))
		in := w.SignIn(t, email, goodPassword)
		admit := func(permission string) (directory.Desk, error) {
			return signin.AuthenticateReader(ctx, w.Directory, in.Token.Reveal(), permission, uuid.NullUUID{}, cardinal.Client{Address: "192.0.2.9"})
		}
		users := func(k directory.Desk) error {
			_, err := k.Users(context.WithoutCancel(ctx), cardinal.UserFilter{Page: cardinal.Page{Limit: 5}}, false)
			return err
		}
		for _, permission := range []string{"", "users.read", "audit.read", "no.such"} {
			k := value(admit(permission))(t)
			if got, want := k.Actor(), w.DeskOfToken(t, in.Token).Actor(); got.UserID != want.UserID || got.SessionID != want.SessionID || got.Assurance != want.Assurance {
				t.Errorf("%q: %+v, but the session's is %+v", permission, got, want)
			}
			noError(t, users(k))
			_, err := k.Settings(ctx)
			expectRefusal(t, err, "permission_missing")
			_, err = k.CreateUser(ctx, cardinal.NewUser{Email: newEmail()})
			expectRefusal(t, err, "permission_missing")
		}
		_, stranger := w.NewPerson(t)
		other := w.SignIn(t, stranger, goodPassword)
		expectRefusal(t, users(value(signin.AuthenticateReader(ctx, w.Directory, other.Token.Reveal(), "users.read", uuid.NullUUID{}, cardinal.Client{}))(t)), "permission_missing")

		_, err := signin.AuthenticateReader(ctx, w.Directory, directorytest.WithOtherSecret(in.Token), "users.read", uuid.NullUUID{}, cardinal.Client{})
		expectRefusal(t, err, "not_signed_in")
		noError(t, w.DeskOfToken(t, in.Token).SignOut(ctx))
		_, err = admit("users.read")
		expectRefusal(t, err, "not_signed_in")
	})
}

// TestAuthenticateReaderMustChangePassword: who must change their password first reads nothing, whatever they hold.
func TestAuthenticateReaderMustChangePassword(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		email := newEmail()
		u := value(w.Operator().CreateUser(ctx, cardinal.NewUser{Email: email, EmailVerified: true, Password: goodPassword, MustChangePassword: true}))(t)
		w.Grant(t, u, w.NewRole(t, "users.read"), nil)
		in := w.SignIn(t, email, goodPassword)
		k := value(signin.AuthenticateReader(ctx, w.Directory, in.Token.Reveal(), "users.read", uuid.NullUUID{}, cardinal.Client{}))(t)
		_, err := k.Users(ctx, cardinal.UserFilter{Page: cardinal.Page{Limit: 5}}, false)
		expectRefusal(t, err, "password_change_required")
	})
}

// TestCheckSessionAccessMustChangePassword: nothing is allowed before, whoever asks.
func TestCheckSessionAccessMustChangePassword(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		email := newEmail()
		u := value(w.Operator().CreateUser(ctx, cardinal.NewUser{Email: email, EmailVerified: true, Password: goodPassword, MustChangePassword: true}))(t)
		w.Grant(t, u, "auditor", nil)
		in := w.SignIn(t, email, goodPassword)
		_, err := signin.CheckSessionAccess(ctx, w.Directory, in.Token.Reveal(), "users.read")
		expectRefusal(t, err, "password_change_required")
		value(w.DeskOfToken(t, in.Token).ChangePassword(ctx, cardinal.PasswordChange{Current: goodPassword, New: "eight blue tricycles"}))(t)
		if access := value(signin.CheckSessionAccess(ctx, w.Directory, in.Token.Reveal(), "audit.read"))(t); !access.Allowed {
			t.Error("nothing is allowed after the change")
		}
	})
}

func TestAuthenticateSession(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		t.Run("CheckSession", func(t *testing.T) {
			u, email := w.NewPerson(t)
			in := w.SignIn(t, email, goodPassword)
			c := value(signin.CheckSession(ctx, w.Directory, in.Token.Reveal()))(t)
			if c.UserID != u.ID || c.SessionID != in.Session.ID || c.Kind != "person" || c.Status != "active" || c.Assurance != 1 || !c.ExpiresAt.Equal(in.Session.IdleEndsAt) {
				t.Errorf("check %+v", c)
			}
			wrong := directorytest.WithOtherSecret(in.Token)
			for _, bearer := range []string{"", "cs_", in.Token.Reveal() + "x", wrong, "ck_" + in.Token.Reveal()[3:]} {
				_, err := signin.CheckSession(ctx, w.Directory, bearer)
				expectRefusal(t, err, "not_signed_in")
				_, err = signin.Authenticate(ctx, w.Directory, bearer, uuid.NullUUID{}, cardinal.Client{})
				expectRefusal(t, err, "not_signed_in")
			}
		})
		t.Run("EndedOnOtherNode", func(t *testing.T) {
			u, email := w.NewPerson(t)
			other := w.OpenNode(t, directorytest.CheapHash)
			for name, end := range map[string]func(in cardinal.SignedIn) error{
				"sign out": func(in cardinal.SignedIn) error {
					a, err := signin.Authenticate(ctx, other, in.Token.Reveal(), uuid.NullUUID{}, cardinal.Client{})
					if err != nil {
						return err
					}
					return other.As(a).SignOut(ctx)
				},
				"end": func(in cardinal.SignedIn) error {
					return other.As(cardinal.Operator()).EndSession(ctx, u.ID, in.Session.ID)
				},
				"end all": func(in cardinal.SignedIn) error { return other.As(cardinal.Operator()).EndSessions(ctx, u.ID, false) },
			} {
				in := w.SignIn(t, email, goodPassword)
				if !w.SessionActive(t, in) {
					t.Fatal("dead from the start")
				}
				w.ResetEvents(t)
				noError(t, end(in))
				if w.SessionActive(t, in) {
					t.Errorf("%s: the session lives on", name)
				}
				if _, err := signin.CheckSession(ctx, w.Directory, in.Token.Reveal()); errorCode(err) != "not_signed_in" {
					t.Errorf("%s: said %q", name, errorCode(err))
				}
				e := w.Events(t)
				if len(e) != 1 || e[0].SubjectID != u.ID || len(e[0].ChangedRows) != 1 || directorytest.ValueText(e[0].Changes["sessions.ended"].To) != "1" {
					t.Fatalf("%s: told as %+v", name, e)
				}
				w.ExpectStamp(t, e[0].ChangedRows[0])
				expectRefusal(t, w.Operator().EndSession(ctx, u.ID, in.Session.ID), "not_found")
				noError(t, w.Operator().EndSessions(ctx, u.ID, true))
				w.ExpectEvents(t)
			}
		})
		t.Run("SuspendedUser", func(t *testing.T) {
			// Suspending ends the sessions; the check does not rely on it.
			u, email := w.NewPerson(t)
			in := w.SignIn(t, email, goodPassword)
			noError(t, w.Store.Write(ctx, func(tx store.Tx) error {
				_, err := tx.SetUserStatus(ctx, u.ID, u.Version, "suspend", w.Clock.Now())
				return err
			}))
			if w.SessionActive(t, in) {
				t.Error("a suspended user has a session")
			}
		})
		t.Run("IdleTimeout", func(t *testing.T) {
			w.SetSetting(t, "sessions.idle_seconds", 600)
			defer w.SetSetting(t, "sessions.idle_seconds", 604800)
			_, email := w.NewPerson(t)
			in := w.SignIn(t, email, goodPassword)
			w.Clock.Add(9 * time.Minute)
			if !w.SessionActive(t, in) {
				t.Error("dead too early")
			}
			noError(t, w.FlushLastSeen(ctx))
			w.Clock.Add(9 * time.Minute)
			if !w.SessionActive(t, in) {
				t.Error("use does not keep it alive")
			}
			w.Clock.Add(time.Minute + time.Second)
			if w.SessionActive(t, in) {
				t.Error("the session lives on: noted, but not flushed, is not seen")
			}
		})
		t.Run("AbsoluteTimeout", func(t *testing.T) {
			w.SetSetting(t, "sessions.absolute_seconds", 600)
			defer w.SetSetting(t, "sessions.absolute_seconds", 2592000)
			_, email := w.NewPerson(t)
			in := w.SignIn(t, email, goodPassword)
			if c := value(signin.CheckSession(ctx, w.Directory, in.Token.Reveal()))(t); !c.ExpiresAt.Equal(in.Session.ExpiresAt) {
				t.Errorf("ends %s, want %s", c.ExpiresAt, in.Session.ExpiresAt)
			}
			for range 9 {
				w.Clock.Add(time.Minute)
				if !w.SessionActive(t, in) {
					t.Fatal("dead too early")
				}
				noError(t, w.FlushLastSeen(ctx))
			}
			w.Clock.Add(time.Minute)
			if w.SessionActive(t, in) {
				t.Error("the session lives on")
			}
		})
		t.Run("LastSeenOncePerMinute", func(t *testing.T) {
			u, email := w.NewPerson(t)
			in := w.SignIn(t, email, goodPassword)
			seen := func() time.Time { return value(w.Store.Read(ctx).Session(ctx, u.ID, in.Session.ID))(t).LastSeenAt }
			first := seen()
			w.Clock.Add(50 * time.Second)
			w.SessionActive(t, in)
			noError(t, w.FlushLastSeen(ctx))
			if !seen().Equal(first) {
				t.Error("seen within the minute")
			}
			w.Clock.Add(11 * time.Second)
			w.ResetEvents(t)
			w.SessionActive(t, in)
			if !seen().Equal(first) {
				t.Error("seen without a flush")
			}
			noError(t, w.FlushLastSeen(ctx))
			moved := seen()
			if !moved.After(first.Add(time.Minute)) {
				t.Errorf("seen %s after %s", moved, first)
			}
			w.ExpectEvents(t)
			w.Clock.Add(30 * time.Second)
			w.SessionActive(t, in)
			noError(t, w.FlushLastSeen(ctx))
			if !seen().Equal(moved) {
				t.Error("seen twice in a minute")
			}
		})
	})
}
