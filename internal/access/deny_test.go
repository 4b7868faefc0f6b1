package access_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/access"
	"cardinal/internal/directory"
	"cardinal/internal/directory/directorytest"
)

// deskCalls returns a call of every function with a desk. The call is valid: only the permission is missing.
func deskCalls(t *testing.T, w *world) map[string]directorytest.DeniedCall {
	ctx, k := t.Context(), w.Operator()
	target, _ := w.NewPerson(t)
	role := w.Role(t, w.NewRole(t, "users.read"))
	w.Grant(t, target, role.Name, nil)
	declared := value(access.CreatePermission(ctx, k, cardinal.NewPermission{
		Name: "invoices.approve", Description: "Approve invoices.",
	}))(t)
	svc := w.NewService(t, role.Name)
	key := w.NewAPIKey(t, svc, role.Name)
	page := cardinal.Page{Limit: 10}
	none := cardinal.SystemID
	denied, read := directorytest.Denied, directorytest.DeniedRead
	return map[string]directorytest.DeniedCall{
		"AddAdministrator": denied("user.read", none, func(ctx context.Context, k directory.Desk) error {
			return errorOf(access.AddAdministrator(ctx, k, cardinal.NewUser{Email: "new@example.com"}))
		}),
		"Administrators": read(func(ctx context.Context, k directory.Desk) error {
			return errorOf(access.Administrators(ctx, k))
		}),
		"APIKey": read(func(ctx context.Context, k directory.Desk) error {
			return errorOf(access.APIKey(ctx, k, key.ID))
		}),
		"APIKeys": read(func(ctx context.Context, k directory.Desk) error {
			return errorOf(access.APIKeys(ctx, k, svc.ID, page))
		}),
		"AddRolePermission": denied("role.permission_add", none, func(ctx context.Context, k directory.Desk) error {
			return errorOf(access.AddRolePermission(ctx, k, role.ID, role.Version, "users.create"))
		}),
		"Check": read(func(ctx context.Context, k directory.Desk) error {
			return errorOf(access.Check(ctx, k, cardinal.AccessQuestion{UserID: target.ID, Permission: "users.read"}))
		}),
		"CreateAPIKey": denied("api_key.create", svc.ID, func(ctx context.Context, k directory.Desk) error {
			in := cardinal.NewAPIKey{
				UserID: svc.ID, Name: "k2", RoleIDs: []uuid.UUID{role.ID}, ExpiresAt: time.Now().Add(time.Hour),
			}
			return errorOf(access.CreateAPIKey(ctx, k, in))
		}),
		"CreatePermission": denied("permission.create", none, func(ctx context.Context, k directory.Desk) error {
			return errorOf(access.CreatePermission(ctx, k, cardinal.NewPermission{
				Name: "invoices.pay", Description: "Pay.",
			}))
		}),
		"CreateRole": denied("role.create", none, func(ctx context.Context, k directory.Desk) error {
			return errorOf(access.CreateRole(ctx, k, cardinal.NewRole{Name: "another", Description: "Another."}))
		}),
		"DeletePermission": denied("permission.delete", none, func(ctx context.Context, k directory.Desk) error {
			return access.DeletePermission(ctx, k, declared.ID, declared.Version)
		}),
		"DeleteRole": denied("role.delete", none, func(ctx context.Context, k directory.Desk) error {
			return access.DeleteRole(ctx, k, role.ID, role.Version)
		}),
		"Explain": read(func(ctx context.Context, k directory.Desk) error {
			return errorOf(access.Explain(ctx, k, cardinal.AccessQuestion{UserID: target.ID, Permission: "users.read"}))
		}),
		"GrantRole": denied("role.grant", target.ID, func(ctx context.Context, k directory.Desk) error {
			return errorOf(access.GrantRole(ctx, k, target.ID, cardinal.NewGrant{RoleID: role.ID}))
		}),
		"Grants": read(func(ctx context.Context, k directory.Desk) error {
			return errorOf(access.Grants(ctx, k, target.ID, page))
		}),
		"Permission": read(func(ctx context.Context, k directory.Desk) error {
			return errorOf(access.Permission(ctx, k, declared.ID))
		}),
		"Permissions": read(func(ctx context.Context, k directory.Desk) error {
			return errorOf(access.Permissions(ctx, k, page))
		}),
		"RemoveRolePermission": denied("role.permission_remove", none,
			func(ctx context.Context, k directory.Desk) error {
				return errorOf(access.RemoveRolePermission(ctx, k, role.ID, role.Version, declared.ID))
			}),
		"RevokeAPIKey": denied("api_key.revoke", none, func(ctx context.Context, k directory.Desk) error {
			return errorOf(access.RevokeAPIKey(ctx, k, key.ID))
		}),
		"RevokeGrant": denied("role.revoke", target.ID, func(ctx context.Context, k directory.Desk) error {
			return access.RevokeGrant(ctx, k, target.ID, role.ID)
		}),
		"Role": read(func(ctx context.Context, k directory.Desk) error {
			return errorOf(access.Role(ctx, k, role.ID))
		}),
		"RoleByName": read(func(ctx context.Context, k directory.Desk) error {
			return errorOf(access.RoleByName(ctx, k, "support"))
		}),
		"RolePermissions": read(func(ctx context.Context, k directory.Desk) error {
			return errorOf(access.RolePermissions(ctx, k, role.ID, page))
		}),
		"Roles": read(func(ctx context.Context, k directory.Desk) error {
			return errorOf(access.Roles(ctx, k, page))
		}),
		"UpdatePermission": denied("permission.update", none, func(ctx context.Context, k directory.Desk) error {
			in := cardinal.PermissionChange{Description: cardinal.Set("X.")}
			return errorOf(access.UpdatePermission(ctx, k, declared.ID, declared.Version, in))
		}),
		"UpdateRole": denied("role.update", none, func(ctx context.Context, k directory.Desk) error {
			in := cardinal.RoleChange{Description: cardinal.Set("X.")}
			return errorOf(access.UpdateRole(ctx, k, role.ID, role.Version, in))
		}),
	}
}

func TestDefaultDeny(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		calls := deskCalls(t, w)
		t.Run("CaseForEveryFunction", func(t *testing.T) {
			directorytest.ExpectCaseForEach(t, directorytest.DeskFunctions(t), calls, nil)
		})
		w.ExpectDefaultDeny(t, calls)
		t.Run("AdministratorAllowed", func(t *testing.T) {
			w.ExpectAllowed(t, calls, "Administrators", "AddRolePermission", "CreateAPIKey", "CreatePermission",
				"CreateRole", "GrantRole", "RevokeAPIKey", "UpdatePermission")
		})
	})
}
