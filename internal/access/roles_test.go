package access_test

import (
	"testing"

	"cardinal"
	"cardinal/internal/access"
	"cardinal/internal/directory/directorytest"
)

func TestRoles(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		admin, _ := w.NewPerson(t, "administrator")
		desk := w.DeskOf(admin)
		t.Run("CreateWithPermissions", func(t *testing.T) {
			w.ResetEvents(t)
			role := value(access.CreateRole(ctx, desk, cardinal.NewRole{
				Name: "billing.clerk", Description: "Bills.",
				Permissions: []string{"users.read", "users.update", "users.read"},
			}))(t)
			if role.IsSystem || !role.IsAssignable || role.HoldsAll || role.MinHolders != 0 || role.Version != 1 {
				t.Errorf("created %+v", role)
			}
			w.ExpectEvents(t, event{
				Action: "role.create", Actor: admin.ID, Subject: cardinal.SystemID,
				Changes: []string{
					"role_permissions.users.read >added", "role_permissions.users.update >added",
					"roles.name >billing.clerk",
				},
				Rows: []string{"role_permissions", "role_permissions", "roles"},
			})
			held := value(access.RolePermissions(ctx, desk, role.ID, cardinal.Page{Limit: 10}))(t)
			if len(held.Data) != 2 || held.Data[0].Name != "users.read" {
				t.Errorf("the permissions are %+v", held)
			}
		})
		t.Run("InvalidInput", func(t *testing.T) {
			w.ResetEvents(t)
			_, err := access.CreateRole(ctx, desk, cardinal.NewRole{Name: "No Good", Description: ""})
			expectRefusal(t, err, "/description text_empty, /name role_name_format")
			_, err = access.CreateRole(ctx, desk, cardinal.NewRole{
				Name: "good", Description: "Good.", Permissions: []string{"users.read", "nothing.known", "nor.this"},
			})
			expectRefusal(t, err, "/permissions/1 permission_unknown, /permissions/2 permission_unknown")
			_, err = access.CreateRole(ctx, desk, cardinal.NewRole{Name: "support", Description: "Twice."})
			expectRefusal(t, err, "role_name_taken")
			w.ExpectEvents(t)
			_, err = access.RoleByName(ctx, desk, "good")
			expectRefusal(t, err, "not_found")
		})
		t.Run("Update", func(t *testing.T) {
			role := w.Role(t, w.NewRole(t))
			name := role.Name + "-new"
			w.ResetEvents(t)
			after := value(access.UpdateRole(ctx, desk, role.ID, role.Version, cardinal.RoleChange{
				Name: cardinal.Set(name), Description: cardinal.Set("New."),
			}))(t)
			w.ExpectEvents(t, event{
				Action: "role.update", Actor: admin.ID, Subject: cardinal.SystemID,
				Changes: []string{"roles.description", "roles.name " + role.Name + ">" + name},
				Rows:    []string{"roles"},
			})
			same := cardinal.RoleChange{Name: cardinal.Set(name)}
			value(access.UpdateRole(ctx, desk, role.ID, after.Version, same))(t)
			w.ExpectEvents(t)
			_, err := access.UpdateRole(ctx, desk, role.ID, role.Version, cardinal.RoleChange{
				Name: cardinal.Set("other"),
			})
			expectRefusal(t, err, "stale 2")
			_, err = access.UpdateRole(ctx, desk, role.ID, after.Version, cardinal.RoleChange{
				Name: cardinal.Clear[string](), Description: cardinal.Clear[string](),
			})
			expectRefusal(t, err, "/description text_empty, /name role_name_format")
		})
		t.Run("AddAndRemovePermission", func(t *testing.T) {
			role := w.Role(t, w.NewRole(t))
			w.ResetEvents(t)
			after := value(access.AddRolePermission(ctx, desk, role.ID, role.Version, "users.read"))(t)
			w.ExpectEvents(t, event{
				Action: "role.permission_add", Actor: admin.ID, Subject: cardinal.SystemID,
				Changes: []string{"role_permissions.users.read >added", "roles.name >" + role.Name},
				Rows:    []string{"role_permissions", "roles"},
			})
			same := value(access.AddRolePermission(ctx, desk, role.ID, after.Version, "users.read"))(t)
			if same.Version != after.Version {
				t.Error("no change raised the version")
			}
			w.ExpectEvents(t)
			_, err := access.AddRolePermission(ctx, desk, role.ID, after.Version, "nothing.known")
			expectRefusal(t, err, "/permission permission_unknown")
			_, err = access.AddRolePermission(ctx, desk, role.ID, role.Version, "users.create")
			expectRefusal(t, err, "stale 2")
			id := value(access.RolePermissions(ctx, desk, role.ID, cardinal.Page{Limit: 1}))(t).Data[0].ID
			u, _ := w.NewPerson(t, role.Name)
			value(w.DeskOf(u).Users(ctx, cardinal.UserFilter{Page: cardinal.Page{Limit: 1}}, false))(t)
			w.ResetEvents(t)
			after = value(access.RemoveRolePermission(ctx, desk, role.ID, after.Version, id))(t)
			w.ExpectEvents(t, event{
				Action: "role.permission_remove", Actor: admin.ID, Subject: cardinal.SystemID,
				Changes: []string{"role_permissions.users.read >removed", "roles.name >" + role.Name},
				Rows:    []string{"-role_permissions", "roles"},
			})
			_, err = w.DeskOf(u).Users(ctx, cardinal.UserFilter{Page: cardinal.Page{Limit: 1}}, false)
			expectRefusal(t, err, "permission_missing")
			_, err = access.RemoveRolePermission(ctx, desk, role.ID, after.Version, id)
			expectRefusal(t, err, "not_found")
		})
		t.Run("DeleteUnusedOnly", func(t *testing.T) {
			role := w.Role(t, w.NewRole(t, "users.read", "users.update"))
			u, _ := w.NewPerson(t, role.Name)
			w.ResetEvents(t)
			expectRefusal(t, access.DeleteRole(ctx, desk, role.ID, role.Version), "role_in_use")
			w.ExpectEvents(t)
			noError(t, access.RevokeGrant(ctx, desk, u.ID, role.ID))
			expectRefusal(t, access.DeleteRole(ctx, desk, role.ID, role.Version+1), "stale 1")
			w.ResetEvents(t)
			noError(t, access.DeleteRole(ctx, desk, role.ID, role.Version))
			w.ExpectEvents(t, event{
				Action: "role.delete", Actor: admin.ID, Subject: cardinal.SystemID,
				Changes: []string{"roles.name " + role.Name + ">"},
				Rows:    []string{"-role_permissions", "-role_permissions", "-roles"},
			})
		})
		t.Run("BuiltInUnchanged", func(t *testing.T) {
			w.ResetEvents(t)
			for _, name := range []string{"administrator", "cardinal", "anonymous"} {
				role := w.Role(t, name)
				_, err := access.UpdateRole(ctx, desk, role.ID, role.Version, cardinal.RoleChange{
					Name: cardinal.Set("mine"),
				})
				expectRefusal(t, err, "built_in")
				expectRefusal(t, access.DeleteRole(ctx, desk, role.ID, role.Version), "built_in")
				_, err = access.AddRolePermission(ctx, desk, role.ID, role.Version, "users.read")
				expectRefusal(t, err, "built_in")
			}
			u, _ := w.NewPerson(t)
			w.ResetEvents(t)
			for _, name := range []string{"cardinal", "anonymous"} {
				_, err := access.GrantRole(ctx, desk, u.ID, cardinal.NewGrant{RoleID: w.Role(t, name).ID})
				expectRefusal(t, err, "role_not_assignable")
			}
			w.ExpectEvents(t)
		})
		t.Run("Pages", func(t *testing.T) {
			page := value(access.Roles(ctx, desk, cardinal.Page{Limit: 2}))(t)
			if len(page.Data) != 2 || !page.HasMore || page.Data[0].Name != "administrator" {
				t.Errorf("page %+v", page)
			}
			next := value(access.Roles(ctx, desk, cardinal.Page{Limit: 2, After: page.Data[1].ID}))(t)
			if next.Data[0].Name != "anonymous" {
				t.Errorf("next %+v", next)
			}
		})
	})
}
