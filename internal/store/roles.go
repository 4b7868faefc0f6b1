package store

import (
	"context"
	"time"

	"github.com/google/uuid"

	"cardinal"
)

const roleColumns = `id, name, description, is_system, is_assignable, holds_all, min_holders, created_at,
  updated_at, version`

func scanRole(row scanner) (r cardinal.Role, err error) {
	err = row.Scan(&r.ID, &r.Name, &r.Description, &r.IsSystem, &r.IsAssignable, &r.HoldsAll, &r.MinHolders,
		timeInto{&r.CreatedAt}, timeInto{&r.UpdatedAt}, &r.Version)
	return r, err
}

// DigestRole digests a row of roles.
func DigestRole(r cardinal.Role) cardinal.RowDigest {
	return digestRow("roles", keyOf(r.ID), r.Version, r.ID, r.Name, r.Description, r.IsSystem, r.IsAssignable,
		r.HoldsAll, r.MinHolders, r.CreatedAt, r.UpdatedAt, r.Version)
}

// Role returns a role.
func (r Reader) Role(ctx context.Context, id uuid.UUID) (cardinal.Role, error) {
	return queryOne(ctx, r, scanRole, `SELECT `+roleColumns+` FROM roles WHERE id = $1`, id)
}

// RoleByName returns the role with a name.
func (r Reader) RoleByName(ctx context.Context, name string) (cardinal.Role, error) {
	return queryOne(ctx, r, scanRole, `SELECT `+roleColumns+` FROM roles WHERE name = $1`, name)
}

// Roles returns a page of roles, one more than the limit if there are more. The built-in ones are the oldest.
func (r Reader) Roles(ctx context.Context, p cardinal.Page) ([]cardinal.Role, error) {
	w := whereClause{}
	w.page(`id`, allIDs(p))
	return queryAll(ctx, r, scanRole, `SELECT `+roleColumns+` FROM roles`+w.sql(), w.args...)
}

// LockRole returns a role and locks it until the transaction ends. For a role with min_holders, this also prevents
// that users lose the role.
func (tx Tx) LockRole(ctx context.Context, id uuid.UUID) (cardinal.Role, error) {
	return queryOne(ctx, tx.Reader, scanRole, `SELECT `+roleColumns+` FROM roles WHERE id = $1`+tx.engine.lockRow, id)
}

// InsertRole adds a role; it Violates "roles_name_uq" if the name is taken. The service adds no built-in role: its role
// in the database is not allowed to set the columns of one.
func (tx Tx) InsertRole(ctx context.Context, r cardinal.Role) (cardinal.Role, error) {
	return queryOne(ctx, tx.Reader, scanRole, `
		INSERT INTO roles (id, name, description, created_at, updated_at, version) VALUES ($1, $2, $3, $4, $5, $6)
		RETURNING `+roleColumns, r.ID, r.Name, r.Description, r.CreatedAt, r.UpdatedAt, r.Version)
}

// UpdateRole updates a role's name and description if it still has the given version; it returns the new row.
func (tx Tx) UpdateRole(
	ctx context.Context, id uuid.UUID, version int64, name, description string, now time.Time,
) (cardinal.Role, error) {
	return queryOne(ctx, tx.Reader, scanRole, `
		UPDATE roles SET name = $3, description = $4, updated_at = $5, version = version + 1
		 WHERE id = $1 AND version = $2
		RETURNING `+roleColumns, id, version, name, description, now)
}

// TouchRole increments a role's version when its permissions change.
func (tx Tx) TouchRole(ctx context.Context, id uuid.UUID, version int64, now time.Time) (cardinal.Role, error) {
	return queryOne(ctx, tx.Reader, scanRole, `
		UPDATE roles SET updated_at = $3, version = version + 1 WHERE id = $1 AND version = $2
		RETURNING `+roleColumns, id, version, now)
}

// DeleteRole deletes a role and the assignments of its permissions, if it still has the given version. While a user has
// the role, it Violates "user_roles_role_fk", on SQLite "foreign_key".
func (tx Tx) DeleteRole(ctx context.Context, id uuid.UUID, version int64) error {
	n, err := tx.exec(ctx, `DELETE FROM roles WHERE id = $1 AND version = $2`, id, version)
	if err == nil && n == 0 {
		return cardinal.ErrNotFound
	}
	return err
}

// GuardedRoles returns the roles that a minimum number of users who can sign in must have (min_holders).
func (r Reader) GuardedRoles(ctx context.Context) ([]cardinal.Role, error) {
	return queryAll(ctx, r, scanRole, `SELECT `+roleColumns+` FROM roles WHERE min_holders > 0 ORDER BY id`)
}
