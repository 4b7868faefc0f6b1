package access

import (
	"context"
	"regexp"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/store"
)

var permissionNamePattern = regexp.MustCompile(`^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*){1,3}$`)

// Permissions returns a page of permissions.
func Permissions(ctx context.Context, k directory.Desk, p cardinal.Page) (cardinal.List[cardinal.Permission], error) {
	r, err := k.Read(ctx, directory.Rule{Permission: "roles.read"})
	if err != nil {
		return cardinal.List[cardinal.Permission]{}, err
	}
	found, err := r.Permissions(ctx, p)
	return cardinal.PageOf(found, p.Limit), err
}

// Permission returns a permission.
func Permission(ctx context.Context, k directory.Desk, id uuid.UUID) (cardinal.Permission, error) {
	r, err := k.Read(ctx, directory.Rule{Permission: "roles.read"})
	if err != nil {
		return cardinal.Permission{}, err
	}
	return r.Permission(ctx, id)
}

// CreatePermission declares a permission of an application.
func CreatePermission(ctx context.Context, k directory.Desk, in cardinal.NewPermission) (cardinal.Permission, error) {
	r := directory.Rule{Action: "permission.create", Permission: "permissions.create"}
	return directory.Change(ctx, k, r, func(tx *directory.Tx) (cardinal.Permission, error) {
		var check directory.Input
		if !permissionNamePattern.MatchString(in.Name) || len(in.Name) > 64 {
			check.Add("/name", "permission_name_format")
		}
		in.Description = check.Description("/description", in.Description)
		if err := check.Err(); err != nil {
			return cardinal.Permission{}, err
		}
		permission, err := tx.InsertPermission(ctx, cardinal.Permission{
			ID: cardinal.NewID(), Name: in.Name, Description: in.Description,
			CreatedAt: tx.Now, UpdatedAt: tx.Now, Version: 1,
		})
		if err != nil {
			return permission, err
		}
		tx.RecordRows(store.DigestPermission(permission))
		tx.RecordChange("permissions.name", nil, permission.Name)
		return permission, nil
	})
}

// permissionForChange locks a permission for a change and checks its version.
func permissionForChange(
	ctx context.Context, tx *directory.Tx, id uuid.UUID, version int64,
) (cardinal.Permission, error) {
	before, err := tx.LockPermission(ctx, id)
	if err != nil {
		return before, err
	}
	return before, directory.CheckVersion(before.Version, version)
}

// UpdatePermission changes the description of a permission.
func UpdatePermission(
	ctx context.Context, k directory.Desk, id uuid.UUID, version int64, in cardinal.PermissionChange,
) (cardinal.Permission, error) {
	r := directory.Rule{Action: "permission.update", Permission: "permissions.update"}
	return directory.Change(ctx, k, r, func(tx *directory.Tx) (cardinal.Permission, error) {
		before, err := permissionForChange(ctx, tx, id, version)
		if err != nil {
			return before, err
		}
		if !in.Description.Present() {
			return before, nil
		}
		var check directory.Input
		description := check.Description("/description", in.Description.ValueOr(""))
		if err := check.Err(); err != nil || description == before.Description {
			return before, err
		}
		after, err := tx.Tx.UpdatePermission(ctx, id, version, description, tx.Now)
		if err != nil {
			return before, err
		}
		tx.RecordRows(store.DigestPermission(after))
		tx.RecordMasked("permissions.description")
		return after, nil
	})
}

// DeletePermission deletes a permission of an application that no role has. Otherwise the actor would change roles of
// users who have more permissions.
func DeletePermission(ctx context.Context, k directory.Desk, id uuid.UUID, version int64) error {
	r := directory.Rule{Action: "permission.delete", Permission: "permissions.delete"}
	_, err := directory.Change(ctx, k, r, func(tx *directory.Tx) (struct{}, error) {
		before, err := permissionForChange(ctx, tx, id, version)
		if err != nil {
			return struct{}{}, err
		}
		roles, err := tx.RoleIDsWithPermission(ctx, id)
		if err != nil {
			return struct{}{}, err
		}
		if len(roles) > 0 && !before.IsSystem {
			return struct{}{}, cardinal.Refuse("permission_in_use")
		}
		if err := tx.Tx.DeletePermission(ctx, id, version); err != nil {
			return struct{}{}, err
		}
		tx.RecordRows(store.DeletedRow("permissions", id))
		tx.RecordChange("permissions.name", before.Name, nil)
		return struct{}{}, nil
	})
	return err
}
