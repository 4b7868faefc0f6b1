package store

import (
	"context"
	"time"

	"github.com/google/uuid"

	"cardinal"
)

// DigestRolePermission digests a row of role_permissions.
func DigestRolePermission(roleID, permissionID uuid.UUID, createdAt time.Time) cardinal.RowDigest {
	return digestRow("role_permissions", keyOf(roleID, permissionID), 0, roleID, permissionID, createdAt)
}

// RolePermissions returns a page of the permissions that are assigned to a role, one more than the limit if there are
// more. A role that has all permissions (holds_all) has none assigned.
func (r Reader) RolePermissions(ctx context.Context, roleID uuid.UUID, p cardinal.Page) ([]cardinal.Permission, error) {
	w := whereClause{}
	w.and(`role_permissions.role_id = $%d`, roleID)
	w.page(`role_permissions.permission_id`, allIDs(p))
	return queryAll(ctx, r, scanPermission, `
		SELECT `+permissionColumns+`
		  FROM role_permissions JOIN permissions ON permissions.id = role_permissions.permission_id`+w.sql(), w.args...)
}

// RolePermissionIDs returns the ids of the permissions that are assigned to a role.
func (r Reader) RolePermissionIDs(ctx context.Context, roleID uuid.UUID) ([]uuid.UUID, error) {
	return queryAll(ctx, r, scanID,
		`SELECT permission_id FROM role_permissions WHERE role_id = $1 ORDER BY permission_id`, roleID)
}

// RoleIDsWithPermission returns the ids of the roles that a permission is assigned to.
func (r Reader) RoleIDsWithPermission(ctx context.Context, permissionID uuid.UUID) ([]uuid.UUID, error) {
	return queryAll(ctx, r, scanID,
		`SELECT role_id FROM role_permissions WHERE permission_id = $1 ORDER BY role_id`, permissionID)
}

// AddRolePermission assigns a permission to a role; false if the role had it already.
func (tx Tx) AddRolePermission(
	ctx context.Context, roleID, permissionID uuid.UUID, now time.Time,
) (added bool, err error) {
	n, err := tx.exec(ctx, `
		INSERT INTO role_permissions (role_id, permission_id, created_at) VALUES ($1, $2, $3)
		ON CONFLICT (role_id, permission_id) DO NOTHING`, roleID, permissionID, now)
	return n > 0, err
}

// RemoveRolePermission removes a permission from a role; false if the role did not have it.
func (tx Tx) RemoveRolePermission(ctx context.Context, roleID, permissionID uuid.UUID) (removed bool, err error) {
	n, err := tx.exec(ctx, `DELETE FROM role_permissions WHERE role_id = $1 AND permission_id = $2`, roleID,
		permissionID)
	return n > 0, err
}
