package store

import (
	"context"
	"time"

	"github.com/google/uuid"

	"cardinal"
)

const permissionColumns = `permissions.id, permissions.name, permissions.description, permissions.is_system,
  permissions.created_at, permissions.updated_at, permissions.version`

func scanPermission(row scanner) (p cardinal.Permission, err error) {
	err = row.Scan(&p.ID, &p.Name, &p.Description, &p.IsSystem, timeInto{&p.CreatedAt}, timeInto{&p.UpdatedAt},
		&p.Version)
	return p, err
}

// DigestPermission digests a row of permissions.
func DigestPermission(p cardinal.Permission) cardinal.RowDigest {
	return digestRow("permissions", keyOf(p.ID), p.Version, p.ID, p.Name, p.Description, p.IsSystem, p.CreatedAt,
		p.UpdatedAt, p.Version)
}

// Permission returns a permission.
func (r Reader) Permission(ctx context.Context, id uuid.UUID) (cardinal.Permission, error) {
	return queryOne(ctx, r, scanPermission, `SELECT `+permissionColumns+` FROM permissions WHERE id = $1`, id)
}

// PermissionByName returns the permission with a name.
func (r Reader) PermissionByName(ctx context.Context, name string) (cardinal.Permission, error) {
	return queryOne(ctx, r, scanPermission, `SELECT `+permissionColumns+` FROM permissions WHERE name = $1`, name)
}

// Permissions returns a page of permissions, one more than the limit if there are more. The built-in ones are the
// oldest.
func (r Reader) Permissions(ctx context.Context, p cardinal.Page) ([]cardinal.Permission, error) {
	w := whereClause{}
	w.page(`id`, allIDs(p))
	return queryAll(ctx, r, scanPermission, `SELECT `+permissionColumns+` FROM permissions`+w.sql(), w.args...)
}

// LockPermission returns a permission and locks it until the transaction ends.
func (tx Tx) LockPermission(ctx context.Context, id uuid.UUID) (cardinal.Permission, error) {
	return queryOne(ctx, tx.Reader, scanPermission,
		`SELECT `+permissionColumns+` FROM permissions WHERE id = $1`+tx.engine.lockRow, id)
}

// InsertPermission adds a permission; it Violates "permissions_name_uq" if the name is taken.
func (tx Tx) InsertPermission(ctx context.Context, p cardinal.Permission) (cardinal.Permission, error) {
	return queryOne(ctx, tx.Reader, scanPermission, `
		INSERT INTO permissions (id, name, description, created_at, updated_at, version)
		VALUES ($1, $2, $3, $4, $5, $6)
		RETURNING `+permissionColumns, p.ID, p.Name, p.Description, p.CreatedAt, p.UpdatedAt, p.Version)
}

// UpdatePermission updates a permission's description if it still has the given version; it returns the new row.
func (tx Tx) UpdatePermission(
	ctx context.Context, id uuid.UUID, version int64, description string, now time.Time,
) (cardinal.Permission, error) {
	return queryOne(ctx, tx.Reader, scanPermission, `
		UPDATE permissions SET description = $3, updated_at = $4, version = version + 1
		 WHERE id = $1 AND version = $2
		RETURNING `+permissionColumns, id, version, description, now)
}

// DeletePermission deletes a permission if it still has the given version; every role loses it.
func (tx Tx) DeletePermission(ctx context.Context, id uuid.UUID, version int64) error {
	n, err := tx.exec(ctx, `DELETE FROM permissions WHERE id = $1 AND version = $2`, id, version)
	if err == nil && n == 0 {
		return cardinal.ErrNotFound
	}
	return err
}
