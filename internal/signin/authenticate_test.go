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

// TestAuthenticateReader: the permission that was checked together with the session is valid for reads by that
// permission, and for nothing else.
func TestAuthenticateReader(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		_, email := w.NewPerson(t, w.NewRole(t, "users.read"))
		in := w.SignIn(t, email, goodPassword)
		authenticate := func(token, permission string) (directory.Desk, error) {
			client := cardinal.Client{Address: "192.0.2.9"}
			return signin.AuthenticateReader(ctx, w.Directory, token, permission, uuid.NullUUID{}, client)
		}
		users := func(k directory.Desk) error {
			filter := cardinal.UserFilter{Page: cardinal.Page{Limit: 5}}
			return errorOf(k.Users(context.WithoutCancel(ctx), filter, false))
		}
		for _, permission := range []string{"", "users.read", "audit.read", "no.such"} {
			k := value(authenticate(in.Token.Reveal(), permission))(t)
			got, want := k.Actor(), w.DeskOfToken(t, in.Token).Actor()
			if got.UserID != want.UserID || got.SessionID != want.SessionID || got.Assurance != want.Assurance {
				t.Errorf("%q: the actor is %+v, want %+v", permission, got, want)
			}
			noError(t, users(k))
			_, err := k.Settings(ctx)
			expectRefusal(t, err, "permission_missing")
			_, err = k.CreateUser(ctx, cardinal.NewUser{Email: newEmail()})
			expectRefusal(t, err, "permission_missing")
		}
		_, otherEmail := w.NewPerson(t)
		other := w.SignIn(t, otherEmail, goodPassword)
		expectRefusal(t, users(value(authenticate(other.Token.Reveal(), "users.read"))(t)), "permission_missing")

		_, err := authenticate(directorytest.WithOtherSecret(in.Token), "users.read")
		expectRefusal(t, err, "not_signed_in")
		noError(t, w.DeskOfToken(t, in.Token).SignOut(ctx))
		_, err = authenticate(in.Token.Reveal(), "users.read")
		expectRefusal(t, err, "not_signed_in")
	})
}

// TestAuthenticateReaderMustChangePassword: a user who must change the password first can read nothing.
func TestAuthenticateReaderMustChangePassword(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		email := newEmail()
		u := value(w.Operator().CreateUser(ctx, cardinal.NewUser{
			Email: email, EmailVerified: true, ChosenByUser: true, Password: goodPassword, MustChangePassword: true,
		}))(t)
		w.Grant(t, u, w.NewRole(t, "users.read"), nil)
		in := w.SignIn(t, email, goodPassword)
		k := value(signin.AuthenticateReader(ctx, w.Directory, in.Token.Reveal(), "users.read", uuid.NullUUID{},
			cardinal.Client{}))(t)
		_, err := k.Users(ctx, cardinal.UserFilter{Page: cardinal.Page{Limit: 5}}, false)
		expectRefusal(t, err, "password_change_required")
	})
}

// TestCheckSessionAccessMustChangePassword: nothing is allowed before the password is changed.
func TestCheckSessionAccessMustChangePassword(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		email := newEmail()
		u := value(w.Operator().CreateUser(ctx, cardinal.NewUser{
			Email: email, EmailVerified: true, ChosenByUser: true, Password: goodPassword, MustChangePassword: true,
		}))(t)
		w.Grant(t, u, "auditor", nil)
		in := w.SignIn(t, email, goodPassword)
		_, err := signin.CheckSessionAccess(ctx, w.Directory, in.Token.Reveal(), "users.read")
		expectRefusal(t, err, "password_change_required")
		changed := value(signin.ChangePassword(ctx, w.DeskOfToken(t, in.Token), cardinal.PasswordChange{
			Current: goodPassword, New: "eight blue tricycles",
		}))(t)
		token := changed.SignedIn.Token.Reveal()
		access := value(signin.CheckSessionAccess(ctx, w.Directory, token, "audit.read"))(t)
		if !access.Allowed {
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
			if c.UserID != u.ID || c.SessionID != in.Session.ID || c.Kind != "person" || c.Status != "active" ||
				c.Assurance != 1 || !c.ExpiresAt.Equal(in.Session.IdleEndsAt) {
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
				"end all": func(in cardinal.SignedIn) error {
					return other.As(cardinal.Operator()).EndSessions(ctx, u.ID, false)
				},
			} {
				in := w.SignIn(t, email, goodPassword)
				if !w.SessionActive(t, in) {
					t.Fatal("the new session is not active")
				}
				w.ResetEvents(t)
				noError(t, end(in))
				if w.SessionActive(t, in) {
					t.Errorf("%s: the session is still active", name)
				}
				_, err := signin.CheckSession(ctx, w.Directory, in.Token.Reveal())
				if errorCode(err) != "not_signed_in" {
					t.Errorf("%s: the error code is %q", name, errorCode(err))
				}
				e := w.Events(t)
				if len(e) != 1 || e[0].SubjectID != u.ID || len(e[0].ChangedRows) != 1 ||
					directorytest.ValueText(e[0].Changes["sessions.ended"].To) != "1" {
					t.Fatalf("%s: recorded as %+v", name, e)
				}
				w.ExpectStamp(t, e[0].ChangedRows[0])
				expectRefusal(t, w.Operator().EndSession(ctx, u.ID, in.Session.ID), "not_found")
				noError(t, w.Operator().EndSessions(ctx, u.ID, true))
				w.ExpectEvents(t)
			}
		})
		t.Run("SuspendedUser", func(t *testing.T) {
			// SuspendUser ends the sessions; the check does not rely on that.
			u, email := w.NewPerson(t)
			in := w.SignIn(t, email, goodPassword)
			noError(t, w.Store.Write(ctx, func(tx store.Tx) error {
				return errorOf(tx.ChangeUserStatus(ctx, u.ID, u.Version, "suspend", w.Clock.Now()))
			}))
			if w.SessionActive(t, in) {
				t.Error("a suspended user has an active session")
			}
		})
		t.Run("IdleTimeout", func(t *testing.T) {
			w.SetSetting(t, "sessions.idle_seconds", 600)
			defer w.SetSetting(t, "sessions.idle_seconds", 604800)
			_, email := w.NewPerson(t)
			in := w.SignIn(t, email, goodPassword)
			w.Clock.Add(9 * time.Minute)
			if !w.SessionActive(t, in) {
				t.Error("the session ended too early")
			}
			noError(t, w.FlushLastSeen(ctx))
			w.Clock.Add(9 * time.Minute)
			if !w.SessionActive(t, in) {
				t.Error("the use of the session does not extend it")
			}
			w.Clock.Add(time.Minute + time.Second)
			if w.SessionActive(t, in) {
				t.Error("the session is still active: a use that was not flushed does not count")
			}
		})
		t.Run("AbsoluteTimeout", func(t *testing.T) {
			w.SetSetting(t, "sessions.absolute_seconds", 600)
			defer w.SetSetting(t, "sessions.absolute_seconds", 2592000)
			_, email := w.NewPerson(t)
			in := w.SignIn(t, email, goodPassword)
			c := value(signin.CheckSession(ctx, w.Directory, in.Token.Reveal()))(t)
			if !c.ExpiresAt.Equal(in.Session.ExpiresAt) {
				t.Errorf("ends %s, want %s", c.ExpiresAt, in.Session.ExpiresAt)
			}
			for range 9 {
				w.Clock.Add(time.Minute)
				if !w.SessionActive(t, in) {
					t.Fatal("the session ended too early")
				}
				noError(t, w.FlushLastSeen(ctx))
			}
			w.Clock.Add(time.Minute)
			if w.SessionActive(t, in) {
				t.Error("the session is still active")
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
				t.Error("the last use was recorded twice within a minute")
			}
			w.Clock.Add(11 * time.Second)
			w.ResetEvents(t)
			w.SessionActive(t, in)
			if !seen().Equal(first) {
				t.Error("the last use was recorded without a flush")
			}
			noError(t, w.FlushLastSeen(ctx))
			moved := seen()
			if !moved.After(first.Add(time.Minute)) {
				t.Errorf("last used at %s, want more than a minute after %s", moved, first)
			}
			w.ExpectEvents(t)
			w.Clock.Add(30 * time.Second)
			w.SessionActive(t, in)
			noError(t, w.FlushLastSeen(ctx))
			if !seen().Equal(moved) {
				t.Error("the last use was recorded twice within a minute")
			}
		})
	})
}
