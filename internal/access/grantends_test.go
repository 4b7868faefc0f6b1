package access_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/access"
	"cardinal/internal/directory"
	"cardinal/internal/directory/directorytest"
)

// expectOutlasts checks that a change is refused because it outlasts the actor's permissions, and that the refusal is
// recorded.
func expectOutlasts(t *testing.T, w *world, actor cardinal.User, action string, err error) {
	t.Helper()
	expectRefusal(t, err, "outlasts_your_permissions")
	events := w.Events(t)
	if len(events) != 1 || events[0].Action != action || events[0].ActorID != actor.ID || !events[0].IsRefused {
		t.Errorf("the events of the refusal are %+v", events)
	}
}

// TestGrantCannotOutlastGranter: who has a role for an hour, and can grant it, cannot have it for longer.
func TestGrantCannotOutlastGranter(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		grant := func(k directory.Desk, to cardinal.User, role string, until *time.Time) error {
			in := cardinal.NewGrant{RoleID: w.Role(t, role).ID, ExpiresAt: until}
			return errorOf(access.GrantRole(ctx, k, to.ID, in))
		}
		end := directory.TruncateTime(new(w.Clock.Now().Add(time.Hour)))
		later, sooner := end.Add(time.Microsecond), end.Add(-time.Minute)
		granter := w.NewRole(t, "roles.grant", "users.read")
		for name, test := range map[string]struct {
			temporary string   // the role that the granter has until end
			permanent []string // the roles without an end
			role      string   // the role that is granted
		}{
			"AllPermissions":       {"administrator", nil, "administrator"},
			"RoleOfAdministrator":  {"administrator", nil, "auditor"},
			"OwnRole":              {granter, nil, granter},
			"OnlyTheRightToGrant":  {w.NewRole(t, "roles.grant"), []string{w.NewRole(t, "users.read")}, "reader"},
			"OnlyOneOfPermissions": {w.NewRole(t, "users.read"), []string{w.NewRole(t, "roles.grant")}, "reader"},
			"AllHeldOneByOneButNotLaterOnes": {
				"administrator", []string{allPermissions(t, w)}, "administrator",
			},
		} {
			t.Run(name, func(t *testing.T) {
				if test.role == "reader" {
					test.role = w.NewRole(t, "users.read")
				}
				bob, _ := w.NewPerson(t, test.permanent...)
				w.Grant(t, bob, test.temporary, end)
				other, _ := w.NewPerson(t)
				k := w.DeskOf(bob)
				for _, to := range []cardinal.User{bob, other} {
					w.ResetEvents(t)
					expectOutlasts(t, w, bob, "role.grant", grant(k, to, test.role, nil))
					expectOutlasts(t, w, bob, "role.grant", grant(k, to, test.role, &later))
					noError(t, grant(k, to, test.role, end))
				}
				noError(t, grant(k, other, test.role, &sooner))
			})
		}
		t.Run("LaterOfTwoGrantsCounts", func(t *testing.T) {
			bob, _ := w.NewPerson(t, w.NewRole(t, "roles.grant", "users.read"))
			other, _ := w.NewPerson(t)
			w.Grant(t, bob, granter, end)
			noError(t, grant(w.DeskOf(bob), other, granter, nil))
		})
		t.Run("NothingLeftAfterTheEnd", func(t *testing.T) {
			bob, _ := w.NewPerson(t)
			w.Grant(t, bob, "administrator", end)
			noError(t, grant(w.DeskOf(bob), bob, "auditor", end))
			w.Clock.Add(time.Hour)
			_, err := w.DeskOf(bob).Settings(ctx)
			expectRefusal(t, err, "permission_missing")
		})
	})
}

// allPermissions returns the name of a role that has each permission, but not those that are declared later.
func allPermissions(t *testing.T, w *world) string {
	t.Helper()
	var names []string
	for _, p := range value(access.Permissions(t.Context(), w.Operator(), cardinal.Page{Limit: 200}))(t).Data {
		names = append(names, p.Name)
	}
	return w.NewRole(t, names...)
}

// TestRoleCannotOutlastWhoWidensIt: a permission that is added to a role lasts as long as the grants of the role.
func TestRoleCannotOutlastWhoWidensIt(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		end := w.Clock.Now().Add(time.Hour)
		bob, _ := w.NewPerson(t)
		w.Grant(t, bob, "administrator", &end)
		k := w.DeskOf(bob)
		widen := func(name string) error {
			role := w.Role(t, name)
			return errorOf(access.AddRolePermission(ctx, k, role.ID, role.Version, "settings.update"))
		}
		t.Run("HeldWithoutEnd", func(t *testing.T) {
			name := w.NewRole(t, "users.read")
			w.Grant(t, bob, name, nil)
			w.ResetEvents(t)
			expectOutlasts(t, w, bob, "role.permission_add", widen(name))
		})
		t.Run("HeldUntilLater", func(t *testing.T) {
			name := w.NewRole(t, "users.read")
			sooner, later := end.Add(-time.Minute), end.Add(time.Minute)
			u, _ := w.NewPerson(t)
			w.Grant(t, u, name, &sooner)
			noError(t, widen(name))
			name = w.NewRole(t, "users.read")
			w.Grant(t, u, name, &sooner)
			w.Grant(t, bob, name, &later)
			w.ResetEvents(t)
			expectOutlasts(t, w, bob, "role.permission_add", widen(name))
		})
		t.Run("CreatedRole", func(t *testing.T) {
			role := value(access.CreateRole(ctx, k, cardinal.NewRole{
				Name: "brief", Description: "Brief.", Permissions: []string{"settings.update"},
			}))(t)
			w.ResetEvents(t)
			_, err := access.GrantRole(ctx, k, bob.ID, cardinal.NewGrant{RoleID: role.ID})
			expectOutlasts(t, w, bob, "role.grant", err)
		})
		t.Run("OnlyTheRightToCreateRoles", func(t *testing.T) {
			maker, _ := w.NewPerson(t, w.NewRole(t, "roles.create", "users.read"))
			value(access.CreateRole(ctx, w.DeskOf(maker), cardinal.NewRole{
				Name: "readers", Description: "Read.", Permissions: []string{"users.read"},
			}))(t)
		})
	})
}

// TestAPIKeyCannotOutlastWhoCreatesIt: the user who creates an API key can use it.
func TestAPIKeyCannotOutlastWhoCreatesIt(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		end := w.Clock.Now().Add(time.Hour)
		svc := w.NewService(t, "auditor")
		create := func(who cardinal.User, expires time.Time) error {
			return errorOf(access.CreateAPIKey(ctx, w.DeskOf(who), cardinal.NewAPIKey{
				UserID: svc.ID, Name: "k", RoleIDs: []uuid.UUID{w.Role(t, "auditor").ID}, ExpiresAt: expires,
			}))
		}
		bob, _ := w.NewPerson(t)
		w.Grant(t, bob, "administrator", &end)
		eve, _ := w.NewPerson(t, w.NewRole(t, "api_keys.create"))
		w.Grant(t, eve, "auditor", &end)
		for _, who := range []cardinal.User{bob, eve} {
			w.ResetEvents(t)
			expectOutlasts(t, w, who, "api_key.create", create(who, end.Add(time.Minute)))
			noError(t, create(who, end.Add(-time.Minute)))
		}
	})
}
