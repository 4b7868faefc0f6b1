package directory_test

import (
	"strings"
	"testing"

	"cardinal"
	"cardinal/internal/directory/directorytest"
)

func TestPermissions(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		admin, _ := w.NewPerson(t, "administrator")
		desk := w.DeskOf(admin)
		w.ResetEvents(t)
		p := value(desk.CreatePermission(ctx, cardinal.NewPermission{
			Name: "invoices.approve", Description: "Approve invoices.",
		}))(t)
		w.ExpectEvents(t, event{
			Action: "permission.create", Actor: admin.ID, Subject: cardinal.SystemID,
			Changes: []string{"permissions.name >invoices.approve"},
			Rows:    []string{"permissions"},
		})
		t.Run("InvalidInput", func(t *testing.T) {
			_, err := desk.CreatePermission(ctx, cardinal.NewPermission{Name: "Invoices", Description: " "})
			expectRefusal(t, err, "/description text_empty, /name permission_name_format")
			_, err = desk.CreatePermission(ctx, cardinal.NewPermission{
				Name: "a." + strings.Repeat("b", 63), Description: "Long.",
			})
			expectRefusal(t, err, "/name permission_name_format")
			_, err = desk.CreatePermission(ctx, cardinal.NewPermission{Name: "users.read", Description: "Twice."})
			expectRefusal(t, err, "permission_name_taken")
			w.ExpectEvents(t)
		})
		t.Run("Update", func(t *testing.T) {
			_, err := desk.UpdatePermission(ctx, p.ID, 7, cardinal.PermissionChange{Description: cardinal.Set("New.")})
			expectRefusal(t, err, "stale 1")
			p = value(desk.UpdatePermission(ctx, p.ID, p.Version, cardinal.PermissionChange{
				Description: cardinal.Set("New."),
			}))(t)
			w.ExpectEvents(t, event{
				Action: "permission.update", Actor: admin.ID, Subject: cardinal.SystemID,
				Changes: []string{"permissions.description"},
				Rows:    []string{"permissions"},
			})
			value(desk.UpdatePermission(ctx, p.ID, p.Version, cardinal.PermissionChange{
				Description: cardinal.Set("New."),
			}))(t)
			value(desk.UpdatePermission(ctx, p.ID, p.Version, cardinal.PermissionChange{}))(t)
			w.ExpectEvents(t)
		})
		t.Run("DeleteRemovesFromRoles", func(t *testing.T) {
			a, b := w.Role(t, w.NewRole(t, "invoices.approve")), w.Role(t,
				w.NewRole(t, "invoices.approve", "users.read"))
			u, _ := w.NewPerson(t, a.Name)
			q := cardinal.AccessQuestion{UserID: u.ID, Permission: "invoices.approve"}
			if !value(desk.CheckAccess(ctx, q))(t).Allowed {
				t.Error("not allowed before the deletion")
			}
			w.ResetEvents(t)
			expectRefusal(t, desk.DeletePermission(ctx, p.ID, p.Version-1), "stale 2")
			noError(t, desk.DeletePermission(ctx, p.ID, p.Version))
			w.ExpectEvents(t, event{
				Action: "permission.delete", Actor: admin.ID, Subject: cardinal.SystemID,
				Changes: []string{"permissions.name invoices.approve>"},
				Rows:    []string{"-permissions", "-role_permissions", "-role_permissions"},
			})
			if held := value(desk.RolePermissions(ctx, b.ID, cardinal.Page{Limit: 5}))(t); len(held.Data) != 1 {
				t.Errorf("the permissions are %+v", held)
			}
			_, err := desk.CheckAccess(ctx, q)
			expectRefusal(t, err, "/permission permission_unknown")
		})
		t.Run("BuiltInUnchanged", func(t *testing.T) {
			first := value(desk.Permissions(ctx, cardinal.Page{Limit: 1}))(t).Data[0]
			expectRefusal(t, desk.DeletePermission(ctx, first.ID, first.Version), "built_in")
			directorytest.ExpectSameJSON(t, first, value(desk.Permission(ctx, first.ID))(t))
		})
	})
}
