package store

import (
	"context"
	"time"

	"github.com/google/uuid"

	"cardinal"
)

// grantColumns reads the role's name by a sub-query instead of a join, so that it can be used in RETURNING.
const grantColumns = `user_roles.user_id, user_roles.role_id,
  (SELECT roles.name FROM roles WHERE roles.id = user_roles.role_id),
  user_roles.granted_by, user_roles.created_at, user_roles.expires_at`

func scanGrant(row scanner) (g cardinal.Grant, err error) {
	err = row.Scan(&g.UserID, &g.RoleID, &g.RoleName, &g.GrantedBy, timeInto{&g.CreatedAt}, nullTimeInto{&g.ExpiresAt})
	return g, err
}

func scanID(row scanner) (id uuid.UUID, err error) {
	err = row.Scan(&id)
	return id, err
}

// DigestGrant digests a row of user_roles.
func DigestGrant(g cardinal.Grant) cardinal.RowDigest {
	return digestRow("user_roles", keyOf(g.UserID, g.RoleID), 0, g.UserID, g.RoleID, g.GrantedBy, g.CreatedAt,
		g.ExpiresAt)
}

// Grants returns a page of a user's grants by role id, including expired ones; one more than the limit if there are
// more.
func (r Reader) Grants(ctx context.Context, userID uuid.UUID, p cardinal.Page) ([]cardinal.Grant, error) {
	w := whereClause{}
	w.and(`user_roles.user_id = $%d`, userID)
	w.page(`user_roles.role_id`, allIDs(p))
	return queryAll(ctx, r, scanGrant, `SELECT `+grantColumns+` FROM user_roles`+w.sql(), w.args...)
}

// Grant returns the grant of a role to a user, also if it has expired.
func (r Reader) Grant(ctx context.Context, userID, roleID uuid.UUID) (cardinal.Grant, error) {
	return queryOne(ctx, r, scanGrant, `SELECT `+grantColumns+` FROM user_roles WHERE user_id = $1 AND role_id = $2`,
		userID, roleID)
}

// UpsertGrant grants a role, or updates the grantor and the expiry of an existing grant; it returns the new row, which
// keeps the time of the first grant. If too few users with the role remain, it Violates "roles_min_holders", on
// PostgreSQL at the commit.
func (tx Tx) UpsertGrant(ctx context.Context, g cardinal.Grant) (cardinal.Grant, error) {
	return queryOne(ctx, tx.Reader, scanGrant, `
		INSERT INTO user_roles (user_id, role_id, granted_by, created_at, expires_at)
		VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (user_id, role_id) DO UPDATE
		   SET granted_by = excluded.granted_by, expires_at = excluded.expires_at
		RETURNING `+grantColumns, g.UserID, g.RoleID, g.GrantedBy, g.CreatedAt, g.ExpiresAt)
}

// DeleteGrant deletes a grant and removes its role from the user's API keys; false if there was none. If too few users
// with the role remain, it Violates "roles_min_holders", on PostgreSQL at the commit.
func (tx Tx) DeleteGrant(ctx context.Context, userID, roleID uuid.UUID) (bool, error) {
	n, err := tx.exec(ctx, `DELETE FROM user_roles WHERE user_id = $1 AND role_id = $2`, userID, roleID)
	return n > 0, err
}

// GrantOutlasts reports whether a user has a role for longer than until a time.
func (r Reader) GrantOutlasts(ctx context.Context, roleID uuid.UUID, until time.Time) (bool, error) {
	// ORDER BY makes the planner use the index of the role.
	found, err := queryAll(ctx, r, scanID, `
		SELECT user_id FROM user_roles
		 WHERE role_id = $1 AND (expires_at IS NULL OR expires_at > $2)
		 ORDER BY user_id LIMIT 1`, roleID, until)
	return len(found) > 0, err
}

// ExpiredGrants returns grants that have expired, oldest expiry first.
func (r Reader) ExpiredGrants(ctx context.Context, now time.Time, limit int) ([]cardinal.Grant, error) {
	return queryAll(ctx, r, scanGrant, `
		SELECT `+grantColumns+` FROM user_roles WHERE expires_at IS NOT NULL AND expires_at <= $1
		 ORDER BY expires_at, user_id, role_id LIMIT $2`, now, limit)
}

// LockGuardedRoles locks the roles with min_holders that a user has without expiry. It is called before a change that
// may remove them: a concurrent transaction that removes them from another user waits, and then counts the remaining
// users.
func (tx Tx) LockGuardedRoles(ctx context.Context, userID uuid.UUID) error {
	_, err := queryAll(ctx, tx.Reader, scanID, `
		SELECT id FROM roles
		 WHERE min_holders > 0 AND id IN (SELECT role_id FROM user_roles WHERE user_id = $1 AND expires_at IS NULL)
		 ORDER BY id`+tx.engine.lockRow, userID)
	return err
}

// LockRoleRow locks a role, as LockGuardedRoles does; cardinal.ErrNotFound if it does not exist.
func (tx Tx) LockRoleRow(ctx context.Context, roleID uuid.UUID) error {
	_, err := queryOne(ctx, tx.Reader, scanID, `SELECT id FROM roles WHERE id = $1`+tx.engine.lockRow, roleID)
	return err
}

// APIKeyIDsWithRole returns the ids of a service account's API keys that have a role.
func (r Reader) APIKeyIDsWithRole(ctx context.Context, userID, roleID uuid.UUID) ([]uuid.UUID, error) {
	return queryAll(ctx, r, scanID, `
		SELECT api_key_id FROM api_key_roles WHERE user_id = $1 AND role_id = $2 ORDER BY api_key_id`, userID, roleID)
}
