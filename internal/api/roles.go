package api

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory"
)

type OfRole struct {
	RoleID uuid.UUID `path:"id" format:"uuid" doc:"Id of the role"`
}

// rolePermission names a permission that a role shall hold.
type rolePermission struct {
	Permission string `json:"permission" maxLength:"64" doc:"Name of the permission"`
}

func (a *API) roleRoutes() {
	register(a, op(http.MethodGet, "/v1/roles", "list-roles", "Roles", "List roles"),
		func(ctx context.Context, k directory.Desk, in *struct {
			Strict
			Paging
		}) (*listed[cardinal.Role], error) {
			page, err := in.page(a.directory, false)
			if err != nil {
				return nil, err
			}
			found, err := k.Roles(ctx, page)
			if err != nil {
				return nil, err
			}
			return list(a.directory, &in.Paging, found, func(r cardinal.Role) uuid.UUID { return r.ID }), nil
		})
	register(a, created(op(http.MethodPost, "/v1/roles", "create-role", "Roles", "Make a role")),
		func(ctx context.Context, k directory.Desk, in *posted[cardinal.NewRole]) (*made[cardinal.Role], error) {
			role, err := k.CreateRole(ctx, in.Body)
			return &made[cardinal.Role]{ETag: etag(role.Version), Location: location("roles", role.ID), Body: role}, err
		})
	register(a, op(http.MethodGet, "/v1/roles/{id}", "get-role", "Roles", "Read a role"),
		func(ctx context.Context, k directory.Desk, in *struct {
			Strict
			Conditional
			OfRole
		}) (*one[cardinal.Role], error) {
			role, err := k.Role(ctx, in.RoleID)
			if err != nil {
				return nil, err
			}
			if err := in.seen(role.Version); err != nil {
				return nil, err
			}
			return single(role, role.Version), nil
		})
	register(a, op(http.MethodPatch, "/v1/roles/{id}", "update-role", "Roles", "Change a role's name and description"),
		func(ctx context.Context, k directory.Desk, in *struct {
			Strict
			Versioned
			OfRole
			Body cardinal.RoleChange
		}) (*one[cardinal.Role], error) {
			role, err := k.UpdateRole(ctx, in.RoleID, in.version(), in.Body)
			return single(role, role.Version), err
		})
	register(a, op(http.MethodDelete, "/v1/roles/{id}", "delete-role", "Roles", "Delete a role that nobody holds"),
		func(ctx context.Context, k directory.Desk, in *struct {
			Strict
			Versioned
			OfRole
		}) (*empty, error) {
			return nil, k.DeleteRole(ctx, in.RoleID, in.version())
		})
	register(a, op(http.MethodGet, "/v1/roles/{id}/permissions", "list-role-permissions", "Roles", "List the permissions that a role holds by name"),
		func(ctx context.Context, k directory.Desk, in *struct {
			Strict
			Paging
			OfRole
		}) (*listed[cardinal.Permission], error) {
			page, err := in.page(a.directory, false)
			if err != nil {
				return nil, err
			}
			found, err := k.RolePermissions(ctx, in.RoleID, page)
			if err != nil {
				return nil, err
			}
			return list(a.directory, &in.Paging, found, func(p cardinal.Permission) uuid.UUID { return p.ID }), nil
		})
	register(a, op(http.MethodPost, "/v1/roles/{id}/permissions", "add-role-permission", "Roles", "Give a role a permission, under the role's version"),
		func(ctx context.Context, k directory.Desk, in *struct {
			Strict
			Replayable
			Versioned
			OfRole
			Body rolePermission
		}) (*one[cardinal.Role], error) {
			role, err := k.AddRolePermission(ctx, in.RoleID, in.version(), in.Body.Permission)
			return single(role, role.Version), err
		})
	register(a, op(http.MethodDelete, "/v1/roles/{id}/permissions/{permission_id}", "remove-role-permission", "Roles", "Take a permission from a role, under the role's version"),
		func(ctx context.Context, k directory.Desk, in *struct {
			Strict
			Versioned
			OfRole
			PermissionID uuid.UUID `path:"permission_id" format:"uuid"`
		}) (*empty, error) {
			_, err := k.RemoveRolePermission(ctx, in.RoleID, in.version(), in.PermissionID)
			return nil, err
		})
}
