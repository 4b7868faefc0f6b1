package signin_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/access"
	"cardinal/internal/directory"
	"cardinal/internal/directory/directorytest"
	"cardinal/internal/signin"
)

// recentSignIn is how long a session counts as recently signed in, by default.
const recentSignIn = 15 * time.Minute

func confirm(ctx context.Context, k directory.Desk, secret cardinal.Secret) error {
	return errorOf(signin.Confirm(ctx, k, cardinal.SessionConfirmation{Password: secret}))
}

// TestRecentSignIn: changes that affect access need a session that was opened or confirmed not long ago.
func TestRecentSignIn(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		administrator, email := w.NewPerson(t, "administrator")
		target, _ := w.NewPerson(t)
		role := w.Role(t, w.NewRole(t, "users.read"))
		grant := func(k directory.Desk) error {
			return errorOf(access.GrantRole(ctx, k, target.ID, cardinal.NewGrant{RoleID: role.ID}))
		}
		in := w.SignIn(t, email, goodPassword)
		k := w.DeskOfToken(t, in.Token)
		service := w.NewService(t, "administrator")
		key := w.DeskOfToken(t, w.NewAPIKey(t, service, "administrator").Token)
		noError(t, grant(k))

		w.Clock.Add(recentSignIn)
		w.ResetEvents(t)
		expectRefusal(t, grant(k), "reauthentication_required")
		w.ExpectEvents(t, event{
			Action: "role.grant", Actor: administrator.ID, Subject: target.ID, Refused: true,
		})
		t.Run("OtherChangesAllowed", func(t *testing.T) {
			change := cardinal.ProfileChange{DisplayName: cardinal.Set("Ada")}
			value(k.UpdateProfile(ctx, administrator.ID, 1, change))(t)
			change = cardinal.ProfileChange{Username: cardinal.Set("ada.l")}
			expectRefusal(t, errorOf(k.UpdateProfile(ctx, administrator.ID, 2, change)), "reauthentication_required")
		})
		t.Run("ReadsAllowed", func(t *testing.T) {
			value(k.Users(ctx, cardinal.UserFilter{Page: cardinal.Page{Limit: 1}}, false))(t)
		})
		t.Run("CachedPermissionIsNotEnough", func(t *testing.T) {
			reader := w.AsReader(k.Actor(), "users.export")
			rule := directory.Rule{Permission: "users.export", RecentSignIn: true}
			expectRefusal(t, errorOf(reader.Read(ctx, rule)), "reauthentication_required")
		})
		t.Run("PermissionFirst", func(t *testing.T) {
			_, email := w.NewPerson(t)
			k := w.DeskOfToken(t, w.SignIn(t, email, goodPassword).Token)
			w.Clock.Add(recentSignIn)
			expectRefusal(t, grant(k), "permission_missing")
		})
		t.Run("ProgramsNotAsked", func(t *testing.T) {
			noError(t, grant(key))
			noError(t, grant(w.Operator()))
		})
		t.Run("EndedSession", func(t *testing.T) {
			gone := k.Actor()
			gone.SessionID = uuid.NullUUID{UUID: cardinal.NewID(), Valid: true}
			expectRefusal(t, grant(w.As(gone)), "not_signed_in")
		})
		t.Run("Confirmed", func(t *testing.T) {
			w.ResetEvents(t)
			now := value(signin.Confirm(ctx, k, cardinal.SessionConfirmation{Password: goodPassword}))(t)
			if now.SessionID != in.Session.ID || now.RecentUntil.Sub(now.AuthenticatedAt) != recentSignIn {
				t.Errorf("confirmed %+v", now)
			}
			w.ExpectEvents(t, event{
				Action: "session.confirm", Actor: administrator.ID, Subject: administrator.ID,
				Changes: []string{"sessions.confirmed_at >time"}, Rows: []string{"sessions"},
			})
			listed := value(k.Sessions(ctx, administrator.ID, cardinal.Page{Limit: 1}))(t).Data[0]
			if !listed.AuthenticatedAt.Equal(now.AuthenticatedAt) || !listed.CreatedAt.Before(now.AuthenticatedAt) {
				t.Errorf("listed %+v", listed)
			}
			noError(t, grant(k))
			w.Clock.Add(recentSignIn)
			expectRefusal(t, grant(k), "reauthentication_required")
		})
		t.Run("Setting", func(t *testing.T) {
			w.SetSetting(t, "sessions.recent_sign_in_seconds", 3600)
			noError(t, grant(k))
			w.SetSetting(t, "sessions.recent_sign_in_seconds", 900)
		})
		t.Run("OwnPassword", func(t *testing.T) {
			change := cardinal.PasswordChange{Current: goodPassword, New: otherPassword}
			expectRefusal(t, errorOf(signin.ChangePassword(ctx, k, change)), "reauthentication_required")
			noError(t, confirm(ctx, k, goodPassword))
			value(signin.ChangePassword(ctx, k, change))(t)
		})
	})
}

func TestConfirm(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		u, email := w.NewPerson(t)
		in := w.SignIn(t, email, goodPassword)
		k := w.DeskOfToken(t, in.Token)
		t.Run("WrongPasswordThrottled", func(t *testing.T) {
			w.ResetEvents(t)
			var want []event
			for range 5 {
				expectRefusal(t, confirm(ctx, k, wrongPassword), "/password password_wrong")
				want = append(want, event{Action: "session.confirm", Actor: u.ID, Subject: u.ID, Refused: true})
			}
			w.ExpectEvents(t, want...)
			expectRefusal(t, confirm(ctx, k, goodPassword), "too_many_attempts")
			w.Clock.Add(time.Second)
			noError(t, confirm(ctx, k, goodPassword))
			expectRefusal(t, confirm(ctx, k, wrongPassword), "/password password_wrong") // the count began again
			noError(t, confirm(ctx, k, goodPassword))
		})
		t.Run("NoSession", func(t *testing.T) {
			role := w.NewRole(t)
			key := w.NewAPIKey(t, w.NewService(t, role), role)
			expectRefusal(t, confirm(ctx, w.DeskOfToken(t, key.Token), goodPassword), "no_session")
			expectRefusal(t, confirm(ctx, w.Anonymous(""), goodPassword), "no_session")
		})
		t.Run("MustChangePassword", func(t *testing.T) {
			u, email := w.NewPerson(t)
			value(w.Operator().SetPassword(ctx, u.ID, 1, cardinal.PasswordSet{MustChange: true}))(t)
			k := w.DeskOfToken(t, w.SignIn(t, email, goodPassword).Token)
			expectRefusal(t, confirm(ctx, k, goodPassword), "password_change_required")
		})
		t.Run("EndedMeanwhile", func(t *testing.T) {
			ctx := once(ctx, func() { noError(t, w.Operator().EndSession(t.Context(), u.ID, in.Session.ID)) })
			expectRefusal(t, confirm(ctx, k, goodPassword), "not_signed_in")
		})
	})
}
