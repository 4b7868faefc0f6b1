package directory

import (
	"context"
	"errors"
	"regexp"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/store"
)

var roleName = regexp.MustCompile(`^[a-z][a-z0-9_.-]{1,62}$`)

func (in *input) roleName(pointer, name string) {
	if !roleName.MatchString(name) {
		in.Add(pointer, "role_name_format")
	}
}

// Roles returns a page of roles.
func (k Desk) Roles(ctx context.Context, p cardinal.Page) (cardinal.List[cardinal.Role], error) {
	r, err := k.read(ctx, rule{permission: "roles.read"})
	if err != nil {
		return cardinal.List[cardinal.Role]{}, err
	}
	found, err := r.Roles(ctx, p)
	return cardinal.PageOf(found, p.Limit), err
}

// Role returns a role.
func (k Desk) Role(ctx context.Context, id uuid.UUID) (cardinal.Role, error) {
	r, err := k.read(ctx, rule{permission: "roles.read"})
	if err != nil {
		return cardinal.Role{}, err
	}
	return r.Role(ctx, id)
}

// RoleByName returns a role by its name.
func (k Desk) RoleByName(ctx context.Context, name string) (cardinal.Role, error) {
	r, err := k.read(ctx, rule{permission: "roles.read"})
	if err != nil {
		return cardinal.Role{}, err
	}
	return r.RoleByName(ctx, name)
}

// CreateRole makes a role with the permissions it names. Nobody can give a role what they do not hold.
func (k Desk) CreateRole(ctx context.Context, in cardinal.NewRole) (cardinal.Role, error) {
	return change(ctx, k, rule{action: "role.create", permission: "roles.create"}, func(c *changing) (cardinal.Role, error) {
		var check input
		check.roleName("/name", in.Name)
		in.Description = check.description("/description", in.Description)
		if err := check.Err(); err != nil {
			return cardinal.Role{}, err
		}
		role, err := c.InsertRole(ctx, cardinal.Role{ID: cardinal.NewID(), Name: in.Name, Description: in.Description, IsAssignable: true, CreatedAt: c.now, UpdatedAt: c.now, Version: 1})
		if err != nil {
			return role, err
		}
		c.wrote(store.StampRole(role))
		c.changed("roles.name", nil, role.Name)
		for i, name := range in.Permissions {
			if _, err := c.addPermission(ctx, role, name); isNotFound(err) {
				check.Add("/permissions/"+itoa(i), "permission_unknown")
			} else if err != nil {
				return role, err
			}
		}
		return role, check.Err()
	})
}

// addPermission gives a role a permission that the actor holds, and reports whether it was new to the role.
func (c *changing) addPermission(ctx context.Context, role cardinal.Role, name string) (bool, error) {
	permission, err := c.PermissionByName(ctx, name)
	if err != nil {
		return false, err
	}
	holds, err := c.May(ctx, c.desk.caller(), name, c.now)
	if err != nil {
		return false, err
	}
	if !holds {
		return false, cardinal.Refuse("permission_not_granted_to_you")
	}
	added, err := c.AddRolePermission(ctx, role.ID, permission.ID, c.now)
	if added {
		c.wrote(store.StampRolePermission(role.ID, permission.ID, c.now))
		c.changed("role_permissions."+name, nil, "added")
	}
	return added, err
}

// roleForChange locks a role for a change.
func (c *changing) roleForChange(ctx context.Context, id uuid.UUID, version int64) (cardinal.Role, error) {
	before, err := c.RoleForChange(ctx, id)
	if err != nil {
		return before, err
	}
	if holds, err := c.HoldsAllOf(ctx, c.desk.caller(), id, c.now); err != nil {
		return before, err
	} else if !holds {
		return before, cardinal.Refuse("role_has_more_permissions")
	}
	return before, fresh(before.Version, version)
}

// UpdateRole changes a role's name and description.
func (k Desk) UpdateRole(ctx context.Context, id uuid.UUID, version int64, in cardinal.RoleChange) (cardinal.Role, error) {
	return change(ctx, k, rule{action: "role.update", permission: "roles.update"}, func(c *changing) (cardinal.Role, error) {
		before, err := c.roleForChange(ctx, id, version)
		if err != nil {
			return before, err
		}
		name, description := before.Name, before.Description
		var check input
		if in.Name.Present() {
			name = or(in.Name.Value(), "")
			check.roleName("/name", name)
		}
		if in.Description.Present() {
			description = check.description("/description", or(in.Description.Value(), ""))
		}
		if err := check.Err(); err != nil {
			return before, err
		}
		if name == before.Name && description == before.Description {
			return before, nil
		}
		after, err := c.Tx.UpdateRole(ctx, id, version, name, description, c.now)
		if err != nil {
			return before, err
		}
		c.wrote(store.StampRole(after))
		if before.Name != after.Name {
			c.changed("roles.name", before.Name, after.Name)
		}
		if before.Description != after.Description {
			c.masked("roles.description")
		}
		return after, nil
	})
}

// DeleteRole deletes a role that nobody holds.
func (k Desk) DeleteRole(ctx context.Context, id uuid.UUID, version int64) error {
	_, err := change(ctx, k, rule{action: "role.delete", permission: "roles.delete"}, func(c *changing) (struct{}, error) {
		before, err := c.roleForChange(ctx, id, version)
		if err != nil {
			return struct{}{}, err
		}
		held, err := c.RolePermissionIDs(ctx, id)
		if err != nil {
			return struct{}{}, err
		}
		if err := c.Tx.DeleteRole(ctx, id, version); store.Violates(err, "user_roles_role_fk") || store.Violates(err, "foreign_key") {
			return struct{}{}, cardinal.Refuse("role_in_use")
		} else if err != nil {
			return struct{}{}, err
		}
		c.wrote(store.Gone("roles", id))
		for _, permission := range held {
			c.wrote(store.Gone("role_permissions", id, permission))
		}
		c.changed("roles.name", before.Name, nil)
		return struct{}{}, nil
	})
	return err
}

// RolePermissions returns a page of the permissions that a role holds by name; a role that holds all is said so by itself.
func (k Desk) RolePermissions(ctx context.Context, id uuid.UUID, p cardinal.Page) (cardinal.List[cardinal.Permission], error) {
	r, err := k.read(ctx, rule{permission: "roles.read"})
	if err != nil {
		return cardinal.List[cardinal.Permission]{}, err
	}
	if _, err := r.Role(ctx, id); err != nil {
		return cardinal.List[cardinal.Permission]{}, err
	}
	found, err := r.RolePermissions(ctx, id, p)
	return cardinal.PageOf(found, p.Limit), err
}

// AddRolePermission gives a role a permission.
func (k Desk) AddRolePermission(ctx context.Context, id uuid.UUID, version int64, name string) (cardinal.Role, error) {
	return k.changeRolePermissions(ctx, id, version, "role.permission_add", func(c *changing, role cardinal.Role) (bool, error) {
		added, err := c.addPermission(ctx, role, name)
		if isNotFound(err) {
			var check input
			check.Add("/permission", "permission_unknown")
			err = check.Err()
		}
		return added, err
	})
}

// RemoveRolePermission takes a permission from a role.
func (k Desk) RemoveRolePermission(ctx context.Context, id uuid.UUID, version int64, permissionID uuid.UUID) (cardinal.Role, error) {
	return k.changeRolePermissions(ctx, id, version, "role.permission_remove", func(c *changing, role cardinal.Role) (bool, error) {
		permission, err := c.Permission(ctx, permissionID)
		if err != nil {
			return false, err
		}
		removed, err := c.Tx.RemoveRolePermission(ctx, id, permissionID)
		if err != nil {
			return false, err
		}
		if !removed {
			return false, cardinal.ErrNotFound
		}
		c.wrote(store.Gone("role_permissions", id, permissionID))
		c.changed("role_permissions."+permission.Name, nil, "removed")
		return true, nil
	})
}

func (k Desk) changeRolePermissions(ctx context.Context, id uuid.UUID, version int64, action string, fn func(*changing, cardinal.Role) (bool, error)) (cardinal.Role, error) {
	return change(ctx, k, rule{action: action, permission: "roles.update"}, func(c *changing) (cardinal.Role, error) {
		before, err := c.roleForChange(ctx, id, version)
		if err != nil {
			return before, err
		}
		if before.HoldsAll || !before.IsAssignable {
			return before, cardinal.Refuse("built_in")
		}
		touched, err := fn(c, before)
		if err != nil || !touched {
			return before, err
		}
		after, err := c.TouchRole(ctx, id, version, c.now)
		if err != nil {
			return before, err
		}
		c.wrote(store.StampRole(after))
		return after, nil
	})
}

// or returns what a pointer points to, or something else when it is nil.
func or[T any](p *T, other T) T {
	if p == nil {
		return other
	}
	return *p
}

// refused makes a change that is known to be refused, so that the attempt is recorded.
func refused[T any](ctx context.Context, k Desk, r rule, err error) (T, error) {
	var none T
	if !errors.Is(err, cardinal.ErrForbidden) {
		return none, err
	}
	return change(ctx, k, r, func(*changing) (T, error) { return none, err })
}
