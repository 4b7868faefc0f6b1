package api

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/access"
	"cardinal/internal/directory"
)

// OfPermission is the permission that a path names.
type OfPermission struct {
	PermissionID uuid.UUID `path:"id" format:"uuid" doc:"Id of the permission"`
}

func permissionID(p cardinal.Permission) uuid.UUID { return p.ID }

func (a *API) permissionRoutes() {
	register(a, op(http.MethodGet, "/v1/permissions", "list-permissions", "Permissions", "List permissions"),
		func(ctx context.Context, desk directory.Desk, in *struct{ Paging }) (*listed[cardinal.Permission], error) {
			read := func(ctx context.Context, page cardinal.Page) (cardinal.List[cardinal.Permission], error) {
				return access.Permissions(ctx, desk, page)
			}
			return listPage(ctx, a, &in.Paging, false, read, permissionID)
		})
	register(a, created(op(http.MethodPost, "/v1/permissions", "create-permission", "Permissions",
		"Declare a permission of an application")),
		func(ctx context.Context, desk directory.Desk, in *postInput[cardinal.NewPermission],
		) (*createdResponse[cardinal.Permission], error) {
			p, err := access.CreatePermission(ctx, desk, in.Body)
			path := location("permissions", p.ID)
			return &createdResponse[cardinal.Permission]{ETag: etag(p.Version), Location: path, Body: p}, err
		})
	register(a, op(http.MethodGet, "/v1/permissions/{id}", "get-permission", "Permissions", "Read a permission"),
		func(ctx context.Context, desk directory.Desk, in *struct {
			Conditional
			OfPermission
		}) (*etagResponse[cardinal.Permission], error) {
			p, err := access.Permission(ctx, desk, in.PermissionID)
			return okIfModified(in.Conditional, p, p.Version, err)
		})
	register(a, op(http.MethodPatch, "/v1/permissions/{id}", "update-permission", "Permissions",
		"Change the description of a permission"),
		func(ctx context.Context, desk directory.Desk, in *struct {
			Versioned
			OfPermission
			Body cardinal.PermissionChange
		}) (*etagResponse[cardinal.Permission], error) {
			p, err := access.UpdatePermission(ctx, desk, in.PermissionID, in.version(), in.Body)
			return okWithETag(p, p.Version), err
		})
	register(a, op(http.MethodDelete, "/v1/permissions/{id}", "delete-permission", "Permissions",
		"Delete a declared permission that no role has"),
		func(ctx context.Context, desk directory.Desk, in *struct {
			Versioned
			OfPermission
		}) (*noContent, error) {
			return nil, access.DeletePermission(ctx, desk, in.PermissionID, in.version())
		})
}
