package directory_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/access"
	"cardinal/internal/directory/directorytest"
	"cardinal/internal/signin"
)

func TestUserStatus(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		admin, _ := w.NewPerson(t, "administrator")
		desk := w.DeskOf(admin)
		t.Run("SuspendAndReactivate", func(t *testing.T) {
			u, email := w.NewPerson(t)
			in := w.SignIn(t, email, goodPassword)
			w.ResetEvents(t)
			u = value(desk.SuspendUser(ctx, u.ID, u.Version))(t)
			if u.Status != "suspended" || u.Version != 2 {
				t.Errorf("suspended: %+v", u)
			}
			w.ExpectEvents(t, event{
				Action: "user.suspend", Actor: admin.ID, Subject: u.ID,
				Changes: []string{"sessions.ended >1", "users.status active>suspended"},
				Rows:    []string{"sessions", "users"},
			})
			if w.SessionActive(t, in) {
				t.Error("the session is still active")
			}
			u = value(desk.ReactivateUser(ctx, u.ID, u.Version))(t)
			w.ExpectEvents(t, event{
				Action: "user.reactivate", Actor: admin.ID, Subject: u.ID,
				Changes: []string{"users.status suspended>active"},
				Rows:    []string{"users"},
			})
			if w.SessionActive(t, in) {
				t.Error("the session is active again")
			}
		})
		t.Run("RestoreKeepsPreviousStatus", func(t *testing.T) {
			w.SetSetting(t, "sign_up.mode", "open")
			active, email := w.NewPerson(t)
			suspended, _ := w.NewPerson(t)
			suspended = value(desk.SuspendUser(ctx, suspended.ID, suspended.Version))(t)
			pending := value(signin.SignUp(ctx, w.Anonymous("192.0.2.7"), cardinal.SignUp{
				Email: newEmail(), Password: goodPassword,
			}))(t)
			in := w.SignIn(t, email, goodPassword)
			for _, u := range []cardinal.User{active, suspended, pending} {
				w.ResetEvents(t)
				deleted := value(desk.DeleteUser(ctx, u.ID, u.Version))(t)
				if deleted.Status != "deleted" || deleted.DeletedAt == nil {
					t.Errorf("deleted: %+v", deleted)
				}
				want := event{
					Action: "user.delete", Actor: admin.ID, Subject: u.ID,
					Changes: []string{"users.status " + u.Status + ">deleted"},
					Rows:    []string{"users"},
				}
				if u.ID == active.ID {
					want.Changes = append([]string{"sessions.ended >1"}, want.Changes...)
					want.Rows = []string{"sessions", "users"}
				}
				w.ExpectEvents(t, want)
				restored := value(desk.RestoreUser(ctx, u.ID, deleted.Version))(t)
				if restored.Status != u.Status || restored.DeletedAt != nil {
					t.Errorf("restored from %s: %+v", u.Status, restored)
				}
				w.ExpectEvents(t, event{
					Action: "user.restore", Actor: admin.ID, Subject: u.ID,
					Changes: []string{"users.status deleted>" + u.Status},
					Rows:    []string{"users"},
				})
			}
			if w.SessionActive(t, in) {
				t.Error("the session is active again after the user was restored")
			}
		})
		t.Run("TransitionNotAllowed", func(t *testing.T) {
			u, _ := w.NewPerson(t)
			w.ResetEvents(t)
			_, err := desk.ReactivateUser(ctx, u.ID, u.Version)
			expectRefusal(t, err, "status_not_allowed")
			_, err = desk.RestoreUser(ctx, u.ID, u.Version)
			expectRefusal(t, err, "status_not_allowed")
			w.ExpectEvents(t)
			u = value(desk.DeleteUser(ctx, u.ID, u.Version))(t)
			_, err = desk.SuspendUser(ctx, u.ID, u.Version)
			expectRefusal(t, err, "status_not_allowed")
			_, err = desk.DeleteUser(ctx, u.ID, u.Version)
			expectRefusal(t, err, "status_not_allowed")
			_, err = desk.SetPassword(ctx, u.ID, 1, cardinal.PasswordSet{MustChange: true})
			expectRefusal(t, err, "status_not_allowed")
			_, err = desk.AddContact(ctx, u.ID, cardinal.NewContact{Kind: "email", Value: newEmail()})
			expectRefusal(t, err, "status_not_allowed")
			_, err = access.GrantRole(ctx, desk, u.ID, cardinal.NewGrant{RoleID: w.Role(t, "auditor").ID})
			expectRefusal(t, err, "role_not_assignable")
		})
		t.Run("StaleVersion", func(t *testing.T) {
			u, _ := w.NewPerson(t)
			w.ResetEvents(t)
			_, err := desk.SuspendUser(ctx, u.ID, u.Version+1)
			expectRefusal(t, err, "stale 1")
			_, err = desk.DeleteUser(ctx, u.ID, 0)
			expectRefusal(t, err, "stale 1")
			_, err = desk.UpdateUser(ctx, u.ID, 9, cardinal.UserChange{
				Profile: cardinal.ProfileChange{DisplayName: cardinal.Set("X")},
			})
			expectRefusal(t, err, "stale 1")
			_, err = desk.UpdateProfile(ctx, u.ID, 9, cardinal.ProfileChange{DisplayName: cardinal.Set("X")})
			expectRefusal(t, err, "stale 1")
			w.ExpectEvents(t)
		})
		t.Run("UnknownID", func(t *testing.T) {
			_, err := desk.SuspendUser(ctx, cardinal.NewID(), 1)
			expectRefusal(t, err, "not_found")
			_, err = desk.User(ctx, cardinal.NewID(), true)
			expectRefusal(t, err, "not_found")
		})
		t.Run("DeletedKeepsIdentifiers", func(t *testing.T) {
			email := newEmail()
			u := value(desk.CreateUser(ctx, cardinal.NewUser{
				Email: email, EmailVerified: true, Username: "Reserved", ChosenByUser: true, Password: goodPassword,
			}))(t)
			value(desk.DeleteUser(ctx, u.ID, u.Version))(t)
			_, err := desk.CreateUser(ctx, cardinal.NewUser{Email: email, EmailVerified: true})
			expectRefusal(t, err, "identifier_taken")
			_, err = desk.CreateUser(ctx, cardinal.NewUser{Username: "reserved"})
			expectRefusal(t, err, "identifier_taken")
		})
		t.Run("DeleteOwnAccountOnly", func(t *testing.T) {
			u, email := w.NewPerson(t)
			other, _ := w.NewPerson(t)
			in := w.SignIn(t, email, goodPassword)
			w.ResetEvents(t)
			_, err := w.DeskOfToken(t, in.Token).DeleteUser(ctx, other.ID, other.Version)
			expectRefusal(t, err, "permission_missing")
			e := w.Events(t)
			if len(e) != 1 || !e[0].IsRefused || e[0].SubjectID != other.ID || e[0].ActorID != u.ID ||
				*e[0].SessionID != in.Session.ID {
				t.Errorf("the refusal is recorded as %+v", e)
			}
			value(w.DeskOfToken(t, in.Token).DeleteUser(ctx, u.ID, u.Version))(t)
			e = w.Events(t)
			if len(e) != 1 || e[0].ActorID != u.ID || e[0].SubjectID != u.ID || *e[0].SessionID != in.Session.ID {
				t.Errorf("recorded as %+v", e)
			}
			if w.SessionActive(t, in) {
				t.Error("the session is still active")
			}
		})
		t.Run("BuiltInUnchanged", func(t *testing.T) {
			w.ResetEvents(t)
			for _, id := range []uuid.UUID{cardinal.OperatorID, cardinal.SystemID, cardinal.AnonymousID} {
				version := w.User(t, id).Version
				for name, call := range map[string]func() error{
					"suspend": func() error { return errorOf(desk.SuspendUser(ctx, id, version)) },
					"delete":  func() error { return errorOf(desk.DeleteUser(ctx, id, version)) },
					"update": func() error {
						return errorOf(desk.UpdateUser(ctx, id, version, cardinal.UserChange{
							Profile: cardinal.ProfileChange{DisplayName: cardinal.Set("X")},
						}))
					},
					"profile": func() error {
						in := cardinal.ProfileChange{Locale: cardinal.Set("de")}
						return errorOf(desk.UpdateProfile(ctx, id, 1, in))
					},
					"revoke": func() error {
						return access.RevokeGrant(ctx, desk, id,
							value(access.Grants(ctx, w.Operator(), id, cardinal.Page{Limit: 1}))(t).Data[0].RoleID)
					},
				} {
					if err := call(); errorCode(err) != "built_in" {
						t.Errorf("%s of %s: the error code is %q", name, id, errorCode(err))
					}
				}
				_, err := desk.SetPassword(ctx, id, 0, cardinal.PasswordSet{ChosenByUser: true, New: goodPassword})
				expectRefusal(t, err, "status_not_allowed")
				_, err = desk.AddContact(ctx, id, cardinal.NewContact{Kind: "email", Value: newEmail()})
				expectRefusal(t, err, "status_not_allowed")
				_, err = access.GrantRole(ctx, desk, id, cardinal.NewGrant{RoleID: w.Role(t, "administrator").ID})
				expectRefusal(t, err, "role_not_assignable")
				_, err = access.CreateAPIKey(ctx, desk, cardinal.NewAPIKey{
					UserID: id, Name: "k", RoleIDs: []uuid.UUID{w.Role(t, "cardinal").ID},
					ExpiresAt: time.Now().Add(time.Hour),
				})
				expectRefusal(t, err, "/user_id service_unknown")
			}
			w.ExpectEvents(t)
		})
	})
}
