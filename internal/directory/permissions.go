package directory

import (
	"context"
	"regexp"
	"strconv"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/store"
)

var permissionName = regexp.MustCompile(`^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*){1,3}$`)

func itoa(i int) string { return strconv.Itoa(i) }

// Permissions returns a page of permissions.
func (k Desk) Permissions(ctx context.Context, p cardinal.Page) (cardinal.List[cardinal.Permission], error) {
	r, err := k.read(ctx, rule{permission: "roles.read"})
	if err != nil {
		return cardinal.List[cardinal.Permission]{}, err
	}
	found, err := r.Permissions(ctx, p)
	return cardinal.PageOf(found, p.Limit), err
}

// Permission returns a permission.
func (k Desk) Permission(ctx context.Context, id uuid.UUID) (cardinal.Permission, error) {
	r, err := k.read(ctx, rule{permission: "roles.read"})
	if err != nil {
		return cardinal.Permission{}, err
	}
	return r.Permission(ctx, id)
}

// CreatePermission declares a permission of an application.
func (k Desk) CreatePermission(ctx context.Context, in cardinal.NewPermission) (cardinal.Permission, error) {
	return change(ctx, k, rule{action: "permission.create", permission: "permissions.create"}, func(c *changing) (cardinal.Permission, error) {
		var check input
		if !permissionName.MatchString(in.Name) || len(in.Name) > 64 {
			check.Add("/name", "permission_name_format")
		}
		in.Description = check.description("/description", in.Description)
		if err := check.Err(); err != nil {
			return cardinal.Permission{}, err
		}
		permission, err := c.InsertPermission(ctx, cardinal.Permission{ID: cardinal.NewID(), Name: in.Name, Description: in.Description, CreatedAt: c.now, UpdatedAt: c.now, Version: 1})
		if err != nil {
			return permission, err
		}
		c.wrote(store.StampPermission(permission))
		c.changed("permissions.name", nil, permission.Name)
		return permission, nil
	})
}

// permissionForChange locks a permission for a change.
func (c *changing) permissionForChange(ctx context.Context, id uuid.UUID, version int64) (cardinal.Permission, error) {
	before, err := c.PermissionForChange(ctx, id)
	if err != nil {
		return before, err
	}
	return before, fresh(before.Version, version)
}

// UpdatePermission changes what a permission is described as.
func (k Desk) UpdatePermission(ctx context.Context, id uuid.UUID, version int64, in cardinal.PermissionChange) (cardinal.Permission, error) {
	return change(ctx, k, rule{action: "permission.update", permission: "permissions.update"}, func(c *changing) (cardinal.Permission, error) {
		before, err := c.permissionForChange(ctx, id, version)
		if err != nil {
			return before, err
		}
		if !in.Description.Present() {
			return before, nil
		}
		var check input
		description := check.description("/description", or(in.Description.Value(), ""))
		if err := check.Err(); err != nil || description == before.Description {
			return before, err
		}
		after, err := c.Tx.UpdatePermission(ctx, id, version, description, c.now)
		if err != nil {
			return before, err
		}
		c.wrote(store.StampPermission(after))
		c.masked("permissions.description")
		return after, nil
	})
}

// DeletePermission takes back a declared permission, from all roles that hold it.
func (k Desk) DeletePermission(ctx context.Context, id uuid.UUID, version int64) error {
	_, err := change(ctx, k, rule{action: "permission.delete", permission: "permissions.delete"}, func(c *changing) (struct{}, error) {
		before, err := c.permissionForChange(ctx, id, version)
		if err != nil {
			return struct{}{}, err
		}
		holding, err := c.RolesHolding(ctx, id)
		if err != nil {
			return struct{}{}, err
		}
		if err := c.Tx.DeletePermission(ctx, id, version); err != nil {
			return struct{}{}, err
		}
		c.wrote(store.Gone("permissions", id))
		for _, role := range holding {
			c.wrote(store.Gone("role_permissions", role, id))
		}
		c.changed("permissions.name", before.Name, nil)
		return struct{}{}, nil
	})
	return err
}
