package access_test

import (
	"strings"
	"testing"

	"cardinal"
	"cardinal/internal/access"
	"cardinal/internal/directory/directorytest"
)

func TestPermissions(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		admin, _ := w.NewPerson(t, "administrator")
		desk := w.DeskOf(admin)
		w.ResetEvents(t)
		p := value(access.CreatePermission(ctx, desk, cardinal.NewPermission{
			Name: "invoices.approve", Description: "Approve invoices.",
		}))(t)
		w.ExpectEvents(t, event{
			Action: "permission.create", Actor: admin.ID, Subject: cardinal.SystemID,
			Changes: []string{"permissions.name >invoices.approve"},
			Rows:    []string{"permissions"},
		})
		t.Run("InvalidInput", func(t *testing.T) {
			_, err := access.CreatePermission(ctx, desk, cardinal.NewPermission{Name: "Invoices", Description: " "})
			expectRefusal(t, err, "/description text_empty, /name permission_name_format")
			_, err = access.CreatePermission(ctx, desk, cardinal.NewPermission{
				Name: "a." + strings.Repeat("b", 63), Description: "Long.",
			})
			expectRefusal(t, err, "/name permission_name_format")
			_, err = access.CreatePermission(ctx, desk, cardinal.NewPermission{
				Name: "users.read", Description: "Twice.",
			})
			expectRefusal(t, err, "permission_name_taken")
			w.ExpectEvents(t)
		})
		t.Run("Update", func(t *testing.T) {
			_, err := access.UpdatePermission(ctx, desk, p.ID, 7, cardinal.PermissionChange{
				Description: cardinal.Set("New."),
			})
			expectRefusal(t, err, "stale 1")
			p = value(access.UpdatePermission(ctx, desk, p.ID, p.Version, cardinal.PermissionChange{
				Description: cardinal.Set("New."),
			}))(t)
			w.ExpectEvents(t, event{
				Action: "permission.update", Actor: admin.ID, Subject: cardinal.SystemID,
				Changes: []string{"permissions.description"},
				Rows:    []string{"permissions"},
			})
			value(access.UpdatePermission(ctx, desk, p.ID, p.Version, cardinal.PermissionChange{
				Description: cardinal.Set("New."),
			}))(t)
			value(access.UpdatePermission(ctx, desk, p.ID, p.Version, cardinal.PermissionChange{}))(t)
			w.ExpectEvents(t)
		})
		t.Run("DeleteUnusedOnly", func(t *testing.T) {
			role := w.Role(t, w.NewRole(t, "invoices.approve"))
			u, _ := w.NewPerson(t, role.Name)
			q := cardinal.AccessQuestion{UserID: u.ID, Permission: "invoices.approve"}
			w.ResetEvents(t)
			expectRefusal(t, access.DeletePermission(ctx, desk, p.ID, p.Version-1), "stale 2")
			expectRefusal(t, access.DeletePermission(ctx, desk, p.ID, p.Version), "permission_in_use")
			w.ExpectEvents(t)
			if !value(access.Check(ctx, desk, q))(t).Allowed {
				t.Error("a refused deletion took the permission")
			}
			value(access.RemoveRolePermission(ctx, desk, role.ID, role.Version, p.ID))(t)
			w.ResetEvents(t)
			noError(t, access.DeletePermission(ctx, desk, p.ID, p.Version))
			w.ExpectEvents(t, event{
				Action: "permission.delete", Actor: admin.ID, Subject: cardinal.SystemID,
				Changes: []string{"permissions.name invoices.approve>"}, Rows: []string{"-permissions"},
			})
			_, err := access.Check(ctx, desk, q)
			expectRefusal(t, err, "/permission permission_unknown")
		})
		t.Run("BuiltInUnchanged", func(t *testing.T) {
			first := value(access.Permissions(ctx, desk, cardinal.Page{Limit: 1}))(t).Data[0]
			expectRefusal(t, access.DeletePermission(ctx, desk, first.ID, first.Version), "built_in")
			directorytest.ExpectSameJSON(t, first, value(access.Permission(ctx, desk, first.ID))(t))
		})
	})
}
