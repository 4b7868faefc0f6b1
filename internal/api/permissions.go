package api

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory"
)

type OfPermission struct {
	PermissionID uuid.UUID `path:"id" format:"uuid" doc:"Id of the permission"`
}

func (a *API) permissionRoutes() {
	register(a, op(http.MethodGet, "/v1/permissions", "list-permissions", "Permissions", "List permissions"),
		func(ctx context.Context, k directory.Desk, in *struct {
			Strict
			Paging
		}) (*listed[cardinal.Permission], error) {
			page, err := in.page(a.directory, false)
			if err != nil {
				return nil, err
			}
			found, err := k.Permissions(ctx, page)
			if err != nil {
				return nil, err
			}
			return list(a.directory, &in.Paging, found, func(p cardinal.Permission) uuid.UUID { return p.ID }), nil
		})
	register(a, created(op(http.MethodPost, "/v1/permissions", "create-permission", "Permissions", "Declare a permission of an application")),
		func(ctx context.Context, k directory.Desk, in *posted[cardinal.NewPermission]) (*made[cardinal.Permission], error) {
			p, err := k.CreatePermission(ctx, in.Body)
			return &made[cardinal.Permission]{ETag: etag(p.Version), Location: location("permissions", p.ID), Body: p}, err
		})
	register(a, op(http.MethodGet, "/v1/permissions/{id}", "get-permission", "Permissions", "Read a permission"),
		func(ctx context.Context, k directory.Desk, in *struct {
			Strict
			Conditional
			OfPermission
		}) (*one[cardinal.Permission], error) {
			p, err := k.Permission(ctx, in.PermissionID)
			if err != nil {
				return nil, err
			}
			if err := in.seen(p.Version); err != nil {
				return nil, err
			}
			return single(p, p.Version), nil
		})
	register(a, op(http.MethodPatch, "/v1/permissions/{id}", "update-permission", "Permissions", "Describe a permission"),
		func(ctx context.Context, k directory.Desk, in *struct {
			Strict
			Versioned
			OfPermission
			Body cardinal.PermissionChange
		}) (*one[cardinal.Permission], error) {
			p, err := k.UpdatePermission(ctx, in.PermissionID, in.version(), in.Body)
			return single(p, p.Version), err
		})
	register(a, op(http.MethodDelete, "/v1/permissions/{id}", "delete-permission", "Permissions", "Take back a declared permission, from all roles that hold it"),
		func(ctx context.Context, k directory.Desk, in *struct {
			Strict
			Versioned
			OfPermission
		}) (*empty, error) {
			return nil, k.DeletePermission(ctx, in.PermissionID, in.version())
		})
}
