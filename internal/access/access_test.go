package access_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/access"
	"cardinal/internal/directory/directorytest"
)

func TestExplainAccess(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		desk := w.Operator()
		role := w.NewRole(t, "settings.read")
		ask := func(u cardinal.User) cardinal.AccessExplained {
			q := cardinal.AccessQuestion{UserID: u.ID, Permission: "settings.read"}
			return value(access.Explain(ctx, desk, q))(t)
		}
		day := w.Clock.Now().UTC().Format(time.DateOnly)
		t.Run("Granted", func(t *testing.T) {
			u, _ := w.NewPerson(t, role)
			a := ask(u)
			if !a.Allowed || a.Reason != "yes, by the role "+role+", granted on "+day || len(a.Grants) != 1 ||
				!a.Grants[0].InForce || a.Grants[0].GrantedBy != cardinal.OperatorID {
				t.Errorf("explained %+v", a)
			}
		})
		t.Run("GrantedUntil", func(t *testing.T) {
			u, _ := w.NewPerson(t)
			until := w.Clock.Now().Add(time.Hour)
			w.Grant(t, u, role, &until)
			a := ask(u)
			if !a.Allowed ||
				a.Reason != "yes, by the role "+role+", granted on "+day+", ends "+until.UTC().Format(time.DateTime) {
				t.Errorf("explained %+v", a)
			}
			w.Clock.Add(time.Hour)
			a = ask(u)
			if a.Allowed || a.Reason != "no: the grants that would give it have expired" || a.Grants[0].InForce {
				t.Errorf("explained %+v", a)
			}
		})
		t.Run("NotGranted", func(t *testing.T) {
			u, _ := w.NewPerson(t)
			if a := ask(u); a.Allowed || a.Reason != "no: none of the user's roles has it" || len(a.Grants) != 0 {
				t.Errorf("explained %+v", a)
			}
		})
		t.Run("Suspended", func(t *testing.T) {
			u, _ := w.NewPerson(t, role, "administrator")
			w.NewPerson(t, "administrator")
			value(desk.SuspendUser(ctx, u.ID, u.Version))(t)
			a := ask(u)
			if a.Allowed || a.Reason != "no: the account is suspended" || len(a.Grants) != 2 || a.Grants[0].InForce {
				t.Errorf("explained %+v", a)
			}
		})
		t.Run("APIKeyWithoutRole", func(t *testing.T) {
			empty := w.NewRole(t)
			svc := w.NewService(t, role, empty)
			key := value(access.CreateAPIKey(ctx, desk, cardinal.NewAPIKey{
				UserID: svc.ID, Name: "k", RoleIDs: []uuid.UUID{w.Role(t, empty).ID},
				ExpiresAt: w.Clock.Now().Add(time.Hour),
			}))(t)
			caller := w.DeskOfToken(t, key.Token)
			a := value(access.Explain(ctx, caller, cardinal.AccessQuestion{Permission: "settings.read"}))(t)
			if a.Allowed || a.Reason != "no: this API key does not have the role that gives it" {
				t.Errorf("explained %+v", a)
			}
			if a := ask(svc); !a.Allowed {
				t.Errorf("explained %+v", a)
			}
			_, err := access.Check(ctx, caller, cardinal.AccessQuestion{Permission: "nothing.known"})
			expectRefusal(t, err, "/permission permission_unknown")
		})
		t.Run("UnknownIDs", func(t *testing.T) {
			_, err := access.Explain(ctx, desk, cardinal.AccessQuestion{
				UserID: cardinal.NewID(), Permission: "settings.read",
			})
			expectRefusal(t, err, "not_found")
			_, err = access.Explain(ctx, desk, cardinal.AccessQuestion{Permission: "nothing.known"})
			expectRefusal(t, err, "/permission permission_unknown")
		})
	})
}
