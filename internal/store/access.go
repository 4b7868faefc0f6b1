package store

import (
	"context"
	"strconv"
	"time"

	"github.com/google/uuid"

	"cardinal"
)

// Caller is the user whose roles are checked. With an API key, only the roles of the key count.
type Caller struct {
	UserID   uuid.UUID
	APIKeyID uuid.NullUUID
}

// HasPermission reports whether a caller has a permission at a time. It does not check the user's status:
// authentication did.
func (r Reader) HasPermission(ctx context.Context, c Caller, permission string, at time.Time) (bool, error) {
	return r.queryBool(ctx, c, at, permission, `
		SELECT `+hasPermissionSQL)
}

const hasPermissionSQL = `EXISTS (
		  SELECT 1 FROM caller_roles c
		   WHERE c.holds_all OR EXISTS (
		     SELECT 1
		       FROM role_permissions rp JOIN permissions p ON p.id = rp.permission_id
		      WHERE rp.role_id = c.id AND p.name = $3))`

// HasPermissionWithKey returns the result of HasPermission and the caller's wrapped data key, which the audit event of
// the permitted action needs.
func (r Reader) HasPermissionWithKey(
	ctx context.Context, c Caller, permission string, at time.Time,
) (allowed bool, key UserKeyRecord, err error) {
	query, args := callerRoles(c, at, permission)
	allowed, err = queryOne(ctx, r, func(row scanner) (allowed bool, err error) {
		key.UserID = c.UserID
		err = row.Scan(&allowed, &key.KEKID, &key.WrappedKey)
		return allowed, err
	}, query+`
		SELECT `+hasPermissionSQL+`, k.kek_id, k.wrapped_key FROM user_keys k WHERE k.user_id = $1`, args...)
	return allowed, key, err
}

// HasAllPermissionsOfUser reports whether a caller has every permission that a user has at a time. For a user with a
// role that has all permissions, this needs a caller with such a role; for a user without permissions it is always
// true.
func (r Reader) HasAllPermissionsOfUser(
	ctx context.Context, actor Caller, targetUserID uuid.UUID, at time.Time,
) (bool, error) {
	return r.queryBool(ctx, actor, at, targetUserID, `,
		target_roles AS (
		  SELECT r.id, r.holds_all
		    FROM user_roles g JOIN roles r ON r.id = g.role_id
		   WHERE g.user_id = $3 AND (g.expires_at IS NULL OR g.expires_at > $2))
		SELECT EXISTS (SELECT 1 FROM caller_roles c WHERE c.holds_all)
		    OR NOT EXISTS (
		      SELECT 1 FROM target_roles t
		       WHERE t.holds_all OR EXISTS (
		         SELECT 1 FROM role_permissions rp
		          WHERE rp.role_id = t.id AND rp.permission_id NOT IN (
		            SELECT cp.permission_id
		              FROM caller_roles c JOIN role_permissions cp ON cp.role_id = c.id)))`)
}

// HasAllPermissionsOfRole reports whether a caller has every permission of a role at a time; false if the role does not
// exist.
func (r Reader) HasAllPermissionsOfRole(
	ctx context.Context, actor Caller, roleID uuid.UUID, at time.Time,
) (bool, error) {
	return r.queryBool(ctx, actor, at, roleID, `
		SELECT EXISTS (
		  SELECT 1 FROM roles r
		   WHERE r.id = $3
		     AND (EXISTS (SELECT 1 FROM caller_roles c WHERE c.holds_all)
		       OR NOT r.holds_all AND NOT EXISTS (
		         SELECT 1 FROM role_permissions rp
		          WHERE rp.role_id = r.id AND rp.permission_id NOT IN (
		            SELECT cp.permission_id
		              FROM caller_roles c JOIN role_permissions cp ON cp.role_id = c.id))))`)
}

// CallerPermission is a permission that a caller has by a role, or all of them.
type CallerPermission struct {
	HoldsAll     bool       // all permissions
	PermissionID *uuid.UUID // nil for a role that has all permissions, or none
	Name         *string    // of the permission
	ExpiresAt    *time.Time // of the grant of the role; nil when it has no end
}

// CallerPermissions returns the permissions that a caller has at a time, by each of its roles.
func (r Reader) CallerPermissions(ctx context.Context, c Caller, at time.Time) ([]CallerPermission, error) {
	with, args := callerRoles(c, at)
	return queryAll(ctx, r, func(row scanner) (p CallerPermission, err error) {
		err = row.Scan(&p.HoldsAll, &p.PermissionID, &p.Name, nullTimeInto{&p.ExpiresAt})
		return p, err
	}, with+`
		SELECT c.holds_all, p.id, p.name, c.expires_at
		  FROM caller_roles c
		  LEFT JOIN role_permissions rp ON rp.role_id = c.id
		  LEFT JOIN permissions p ON p.id = rp.permission_id`, args...)
}

// queryBool runs a query with the common table expression caller_roles; subject is $3.
func (r Reader) queryBool(ctx context.Context, c Caller, at time.Time, subject any, query string) (bool, error) {
	with, args := callerRoles(c, at, subject)
	return queryOne(ctx, r, scanBool, with+query, args...)
}

// callerRoles begins a statement with the common table expression caller_roles: the unexpired roles of a caller ($1) at
// a time ($2). The first subject is $3.
func callerRoles(c Caller, at time.Time, subjects ...any) (string, []any) {
	ofKey, args := ``, append([]any{c.UserID, at}, subjects...)
	if c.APIKeyID.Valid {
		args = append(args, c.APIKeyID.UUID)
		ofKey = ` AND EXISTS (
		     SELECT 1 FROM api_key_roles a
		      WHERE a.user_id = g.user_id AND a.role_id = g.role_id
		        AND a.api_key_id = $` + strconv.Itoa(len(args)) + `)`
	}
	return `
		WITH caller_roles AS (
		  SELECT r.id, r.holds_all, g.expires_at
		    FROM user_roles g JOIN roles r ON r.id = g.role_id
		   WHERE g.user_id = $1 AND (g.expires_at IS NULL OR g.expires_at > $2)` + ofKey + `)`, args
}

// CheckAccess is the access check for other services: known reports whether the permission exists; allowed whether the
// user has it at a time and has a status that can sign in. cardinal.ErrNotFound if the user does not exist.
func (r Reader) CheckAccess(
	ctx context.Context, userID uuid.UUID, permission string, at time.Time,
) (known, allowed bool, err error) {
	type access struct{ known, allowed bool }
	a, err := queryOne(ctx, r, func(row scanner) (a access, err error) {
		err = row.Scan(&a.known, &a.allowed)
		return a, err
	}, `
		SELECT p.id IS NOT NULL,
		       p.id IS NOT NULL AND s.can_sign_in AND EXISTS (
		         SELECT 1
		           FROM user_roles g JOIN roles r ON r.id = g.role_id
		          WHERE g.user_id = u.id AND (g.expires_at IS NULL OR g.expires_at > $3)
		            AND (r.holds_all OR EXISTS (
		              SELECT 1 FROM role_permissions rp WHERE rp.role_id = r.id AND rp.permission_id = p.id)))
		  FROM users u
		  JOIN user_statuses s ON s.code = u.status
		  LEFT JOIN permissions p ON p.name = $2
		 WHERE u.id = $1`, userID, permission, at)
	return a.known, a.allowed, err
}

// ExplainAccess returns every grant to a user of a role that has a permission, including expired grants, by role id. It
// does not set InForce.
func (r Reader) ExplainAccess(
	ctx context.Context, userID uuid.UUID, permission string,
) ([]cardinal.AccessGrant, error) {
	return queryAll(ctx, r, func(row scanner) (g cardinal.AccessGrant, err error) {
		err = row.Scan(&g.RoleID, &g.RoleName, &g.GrantedBy, timeInto{&g.GrantedAt}, nullTimeInto{&g.ExpiresAt})
		return g, err
	}, `
		SELECT r.id, r.name, g.granted_by, g.created_at, g.expires_at
		  FROM user_roles g
		  JOIN roles r ON r.id = g.role_id
		  JOIN permissions p ON p.name = $2
		 WHERE g.user_id = $1
		   AND (r.holds_all OR EXISTS (
		     SELECT 1 FROM role_permissions rp WHERE rp.role_id = r.id AND rp.permission_id = p.id))
		 ORDER BY r.id`, userID, permission)
}
