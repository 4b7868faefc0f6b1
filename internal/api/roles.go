package api

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/access"
	"cardinal/internal/directory"
)

// OfRole is the role that a path names.
type OfRole struct {
	RoleID uuid.UUID `path:"id" format:"uuid" doc:"Id of the role"`
}

// rolePermission names a permission that a role gets.
type rolePermission struct {
	Permission string `json:"permission" maxLength:"64" doc:"Name of the permission, at most 64 characters"`
}

func roleID(r cardinal.Role) uuid.UUID { return r.ID }

func (a *API) roleRoutes() {
	register(a, op(http.MethodGet, "/v1/roles", "list-roles", "Roles", "List roles"),
		func(ctx context.Context, desk directory.Desk, in *struct{ Paging }) (*listed[cardinal.Role], error) {
			read := func(ctx context.Context, page cardinal.Page) (cardinal.List[cardinal.Role], error) {
				return access.Roles(ctx, desk, page)
			}
			return listPage(ctx, a, &in.Paging, false, read, roleID)
		})
	register(a, created(op(http.MethodPost, "/v1/roles", "create-role", "Roles", "Create a role")),
		func(ctx context.Context, desk directory.Desk, in *postInput[cardinal.NewRole],
		) (*createdResponse[cardinal.Role], error) {
			role, err := access.CreateRole(ctx, desk, in.Body)
			path := location("roles", role.ID)
			return &createdResponse[cardinal.Role]{ETag: etag(role.Version), Location: path, Body: role}, err
		})
	register(a, op(http.MethodGet, "/v1/roles/{id}", "get-role", "Roles", "Read a role"),
		func(ctx context.Context, desk directory.Desk, in *struct {
			Conditional
			OfRole
		}) (*etagResponse[cardinal.Role], error) {
			role, err := access.Role(ctx, desk, in.RoleID)
			return okIfModified(in.Conditional, role, role.Version, err)
		})
	register(a, op(http.MethodPatch, "/v1/roles/{id}", "update-role", "Roles",
		"Change the name and the description of a role"),
		func(ctx context.Context, desk directory.Desk, in *struct {
			Versioned
			OfRole
			Body cardinal.RoleChange
		}) (*etagResponse[cardinal.Role], error) {
			role, err := access.UpdateRole(ctx, desk, in.RoleID, in.version(), in.Body)
			return okWithETag(role, role.Version), err
		})
	register(a, op(http.MethodDelete, "/v1/roles/{id}", "delete-role", "Roles", "Delete a role that no user has"),
		func(ctx context.Context, desk directory.Desk, in *struct {
			Versioned
			OfRole
		}) (*noContent, error) {
			return nil, access.DeleteRole(ctx, desk, in.RoleID, in.version())
		})
	a.rolePermissionRoutes()
}

func (a *API) rolePermissionRoutes() {
	register(a, op(http.MethodGet, "/v1/roles/{id}/permissions", "list-role-permissions", "Roles",
		"List the permissions that were added to a role"),
		func(ctx context.Context, desk directory.Desk, in *struct {
			Paging
			OfRole
		}) (*listed[cardinal.Permission], error) {
			read := func(ctx context.Context, page cardinal.Page) (cardinal.List[cardinal.Permission], error) {
				return access.RolePermissions(ctx, desk, in.RoleID, page)
			}
			return listPage(ctx, a, &in.Paging, false, read, permissionID)
		})
	register(a, op(http.MethodPost, "/v1/roles/{id}/permissions", "add-role-permission", "Roles",
		"Add a permission to a role, under the version of the role"),
		func(ctx context.Context, desk directory.Desk, in *struct {
			IdempotentInput
			Versioned
			OfRole
			Body rolePermission
		}) (*etagResponse[cardinal.Role], error) {
			role, err := access.AddRolePermission(ctx, desk, in.RoleID, in.version(), in.Body.Permission)
			return okWithETag(role, role.Version), err
		})
	register(a, op(http.MethodDelete, "/v1/roles/{id}/permissions/{permission_id}", "remove-role-permission", "Roles",
		"Remove a permission from a role, under the version of the role"),
		func(ctx context.Context, desk directory.Desk, in *struct {
			Versioned
			OfRole
			PermissionID uuid.UUID `path:"permission_id" format:"uuid" doc:"Id of the permission"`
		}) (*noContent, error) {
			_, err := access.RemoveRolePermission(ctx, desk, in.RoleID, in.version(), in.PermissionID)
			return nil, err
		})
}
