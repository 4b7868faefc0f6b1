package access

import (
	"context"
	"errors"
	"regexp"
	"strconv"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/store"
	"cardinal/internal/store/dberror"
)

var roleNamePattern = regexp.MustCompile(`^[a-z][a-z0-9_.-]{1,62}$`)

// checkRoleName checks the name of a role.
func checkRoleName(in *directory.Input, pointer, name string) {
	if !roleNamePattern.MatchString(name) {
		in.Add(pointer, "role_name_format")
	}
}

// Roles returns a page of roles.
func Roles(ctx context.Context, k directory.Desk, p cardinal.Page) (cardinal.List[cardinal.Role], error) {
	r, err := k.Read(ctx, directory.Rule{Permission: "roles.read"})
	if err != nil {
		return cardinal.List[cardinal.Role]{}, err
	}
	found, err := r.Roles(ctx, p)
	return cardinal.PageOf(found, p.Limit), err
}

// Role returns a role.
func Role(ctx context.Context, k directory.Desk, id uuid.UUID) (cardinal.Role, error) {
	r, err := k.Read(ctx, directory.Rule{Permission: "roles.read"})
	if err != nil {
		return cardinal.Role{}, err
	}
	return r.Role(ctx, id)
}

// RoleByName returns a role by its name.
func RoleByName(ctx context.Context, k directory.Desk, name string) (cardinal.Role, error) {
	r, err := k.Read(ctx, directory.Rule{Permission: "roles.read"})
	if err != nil {
		return cardinal.Role{}, err
	}
	return r.RoleByName(ctx, name)
}

// CreateRole creates a role with the permissions that the input names. The actor must have each of them.
func CreateRole(ctx context.Context, k directory.Desk, in cardinal.NewRole) (cardinal.Role, error) {
	r := directory.Rule{Action: "role.create", Permission: "roles.create", RecentSignIn: true}
	return directory.Change(ctx, k, r, func(tx *directory.Tx) (cardinal.Role, error) {
		var check directory.Input
		checkRoleName(&check, "/name", in.Name)
		in.Description = check.Description("/description", in.Description)
		if err := check.Err(); err != nil {
			return cardinal.Role{}, err
		}
		role, err := tx.InsertRole(ctx, cardinal.Role{
			ID: cardinal.NewID(), Name: in.Name, Description: in.Description, IsAssignable: true,
			CreatedAt: tx.Now, UpdatedAt: tx.Now, Version: 1,
		})
		if err != nil {
			return role, err
		}
		tx.RecordRows(store.DigestRole(role))
		tx.RecordChange("roles.name", nil, role.Name)
		for i, name := range in.Permissions {
			if _, err := addPermission(ctx, tx, role, name, "roles.create"); errors.Is(err, cardinal.ErrNotFound) {
				check.Add("/permissions/"+strconv.Itoa(i), "permission_unknown")
			} else if err != nil {
				return role, err
			}
		}
		return role, check.Err()
	})
}

// addPermission adds a permission to a role, and reports whether the role did not have it before. The actor must have
// the permission, and with the needed one, as long as the users who have the role.
func addPermission(
	ctx context.Context, tx *directory.Tx, role cardinal.Role, name, needed string,
) (bool, error) {
	permission, err := tx.PermissionByName(ctx, name)
	if err != nil {
		return false, err
	}
	ends, err := tx.Desk.PermissionEnds(ctx, tx.Reader)
	if err != nil {
		return false, err
	}
	limit := ends.WithPermission(ends.Limit(needed), permission.ID)
	if !limit.Held() {
		return false, cardinal.Refuse("permission_not_granted_to_you")
	}
	// The users who have the role get the permission until their grants end. The row of the role is locked, so that no
	// grant is added meanwhile.
	if end := limit.End(); end != nil {
		if outlasts, err := tx.GrantOutlasts(ctx, role.ID, *end); err != nil {
			return false, err
		} else if outlasts {
			return false, limit.Require(nil)
		}
	}
	added, err := tx.AddRolePermission(ctx, role.ID, permission.ID, tx.Now)
	if added {
		tx.RecordRows(store.DigestRolePermission(role.ID, permission.ID, tx.Now))
		tx.RecordChange("role_permissions."+name, nil, "added")
	}
	return added, err
}

// roleForChange locks a role for a change by an actor who has all permissions of the role, and checks the version.
func roleForChange(ctx context.Context, tx *directory.Tx, id uuid.UUID, version int64) (cardinal.Role, error) {
	before, err := tx.LockRole(ctx, id)
	if err != nil {
		return before, err
	}
	if hasAll, err := tx.HasAllPermissionsOfRole(ctx, tx.Desk.Caller(), id, tx.Now); err != nil {
		return before, err
	} else if !hasAll {
		return before, cardinal.Refuse("role_has_more_permissions")
	}
	return before, directory.CheckVersion(before.Version, version)
}

// UpdateRole changes the name and the description of a role.
func UpdateRole(
	ctx context.Context, k directory.Desk, id uuid.UUID, version int64, in cardinal.RoleChange,
) (cardinal.Role, error) {
	r := directory.Rule{Action: "role.update", Permission: "roles.update", RecentSignIn: true}
	return directory.Change(ctx, k, r, func(tx *directory.Tx) (cardinal.Role, error) {
		before, err := roleForChange(ctx, tx, id, version)
		if err != nil {
			return before, err
		}
		name, description := before.Name, before.Description
		var check directory.Input
		if in.Name.Present() {
			name = in.Name.ValueOr("")
			checkRoleName(&check, "/name", name)
		}
		if in.Description.Present() {
			description = check.Description("/description", in.Description.ValueOr(""))
		}
		if err := check.Err(); err != nil {
			return before, err
		}
		if name == before.Name && description == before.Description {
			return before, nil
		}
		after, err := tx.Tx.UpdateRole(ctx, id, version, name, description, tx.Now)
		if err != nil {
			return before, err
		}
		tx.RecordRows(store.DigestRole(after))
		if before.Name != after.Name {
			tx.RecordChange("roles.name", before.Name, after.Name)
		}
		if before.Description != after.Description {
			tx.RecordMasked("roles.description")
		}
		return after, nil
	})
}

// DeleteRole deletes a role that no user has.
func DeleteRole(ctx context.Context, k directory.Desk, id uuid.UUID, version int64) error {
	r := directory.Rule{Action: "role.delete", Permission: "roles.delete", RecentSignIn: true}
	_, err := directory.Change(ctx, k, r, func(tx *directory.Tx) (struct{}, error) {
		before, err := roleForChange(ctx, tx, id, version)
		if err != nil {
			return struct{}{}, err
		}
		permissions, err := tx.RolePermissionIDs(ctx, id)
		if err != nil {
			return struct{}{}, err
		}
		err = tx.Tx.DeleteRole(ctx, id, version)
		if dberror.Violates(err, "user_roles_role_fk") || dberror.Violates(err, "foreign_key") {
			return struct{}{}, cardinal.Refuse("role_in_use")
		}
		if err != nil {
			return struct{}{}, err
		}
		tx.RecordRows(store.DeletedRow("roles", id))
		for _, permission := range permissions {
			tx.RecordRows(store.DeletedRow("role_permissions", id, permission))
		}
		tx.RecordChange("roles.name", before.Name, nil)
		return struct{}{}, nil
	})
	return err
}

// RolePermissions returns a page of the permissions that were added to a role. A role that has every permission
// (HoldsAll) needs no such row.
func RolePermissions(
	ctx context.Context, k directory.Desk, id uuid.UUID, p cardinal.Page,
) (cardinal.List[cardinal.Permission], error) {
	r, err := k.Read(ctx, directory.Rule{Permission: "roles.read"})
	if err != nil {
		return cardinal.List[cardinal.Permission]{}, err
	}
	if _, err := r.Role(ctx, id); err != nil {
		return cardinal.List[cardinal.Permission]{}, err
	}
	found, err := r.RolePermissions(ctx, id, p)
	return cardinal.PageOf(found, p.Limit), err
}

// AddRolePermission adds a permission to a role.
func AddRolePermission(
	ctx context.Context, k directory.Desk, id uuid.UUID, version int64, name string,
) (cardinal.Role, error) {
	add := func(tx *directory.Tx, role cardinal.Role) (bool, error) {
		added, err := addPermission(ctx, tx, role, name, "roles.update")
		if errors.Is(err, cardinal.ErrNotFound) {
			var check directory.Input
			check.Add("/permission", "permission_unknown")
			err = check.Err()
		}
		return added, err
	}
	return changeRolePermissions(ctx, k, id, version, "role.permission_add", add)
}

// RemoveRolePermission removes a permission from a role.
func RemoveRolePermission(
	ctx context.Context, k directory.Desk, id uuid.UUID, version int64, permissionID uuid.UUID,
) (cardinal.Role, error) {
	remove := func(tx *directory.Tx, role cardinal.Role) (bool, error) {
		permission, err := tx.Permission(ctx, permissionID)
		if err != nil {
			return false, err
		}
		removed, err := tx.Tx.RemoveRolePermission(ctx, id, permissionID)
		if err != nil {
			return false, err
		}
		if !removed {
			return false, cardinal.ErrNotFound
		}
		tx.RecordRows(store.DeletedRow("role_permissions", id, permissionID))
		tx.RecordChange("role_permissions."+permission.Name, nil, "removed")
		return true, nil
	}
	return changeRolePermissions(ctx, k, id, version, "role.permission_remove", remove)
}

// changeRolePermissions calls fn with the locked role. When fn reports a change, the role gets a new version.
func changeRolePermissions(
	ctx context.Context, k directory.Desk, id uuid.UUID, version int64, action string,
	fn func(*directory.Tx, cardinal.Role) (bool, error),
) (cardinal.Role, error) {
	r := directory.Rule{Action: action, Permission: "roles.update", RecentSignIn: true}
	return directory.Change(ctx, k, r, func(tx *directory.Tx) (cardinal.Role, error) {
		before, err := roleForChange(ctx, tx, id, version)
		if err != nil {
			return before, err
		}
		if before.HoldsAll || !before.IsAssignable {
			return before, cardinal.Refuse("built_in")
		}
		changed, err := fn(tx, before)
		if err != nil || !changed {
			return before, err
		}
		after, err := tx.TouchRole(ctx, id, version, tx.Now)
		if err != nil {
			return before, err
		}
		tx.RecordRows(store.DigestRole(after))
		tx.RecordChange("roles.name", nil, after.Name) // which role it is: built-in ones can be changed, too
		return after, nil
	})
}
