package store

import (
	"context"
	"time"

	"github.com/google/uuid"

	"cardinal"
)

// Caller is whose roles count: all that the user holds, or only those that an API key names.
type Caller struct {
	UserID   uuid.UUID
	APIKeyID uuid.NullUUID
}

// May reports whether a caller holds a permission at a moment. It does not look at the user's status: authentication did.
func (r Reader) May(ctx context.Context, c Caller, permission string, at time.Time) (bool, error) {
	return r.queryBool(ctx, c, at, permission, `
		SELECT `+hasPermissionSQL)
}

const hasPermissionSQL = `EXISTS (
		  SELECT 1 FROM mine
		   WHERE mine.holds_all OR EXISTS (
		     SELECT 1
		       FROM role_permissions rp JOIN permissions p ON p.id = rp.permission_id
		      WHERE rp.role_id = mine.id AND p.name = $3))`

// MayWithKey answers May together with the caller's wrapped data key, which the event of what they may do will need.
func (r Reader) MayWithKey(ctx context.Context, c Caller, permission string, at time.Time) (may bool, key UserKeyRecord, err error) {
	query, args := callerRoles(c, at, permission)
	may, err = queryOne(ctx, r, func(row scanner) (may bool, err error) {
		key.UserID = c.UserID
		err = row.Scan(&may, &key.KEKID, &key.WrappedKey)
		return may, err
	}, query+`
		SELECT `+hasPermissionSQL+`, k.kek_id, k.wrapped_key FROM user_keys k WHERE k.user_id = $1`, args...)
	return may, key, err
}

// Outranks reports whether a caller holds every permission that a user holds at a moment. Who holds all is outranked only by
// those who hold all, and who holds nothing by everyone.
func (r Reader) Outranks(ctx context.Context, actor Caller, targetUserID uuid.UUID, at time.Time) (bool, error) {
	return r.queryBool(ctx, actor, at, targetUserID, `,
		theirs AS (
		  SELECT r.id, r.holds_all
		    FROM user_roles g JOIN roles r ON r.id = g.role_id
		   WHERE g.user_id = $3 AND (g.expires_at IS NULL OR g.expires_at > $2))
		SELECT EXISTS (SELECT 1 FROM mine WHERE mine.holds_all)
		    OR NOT EXISTS (
		      SELECT 1 FROM theirs
		       WHERE theirs.holds_all OR EXISTS (
		         SELECT 1 FROM role_permissions rp
		          WHERE rp.role_id = theirs.id AND rp.permission_id NOT IN (
		            SELECT own.permission_id
		              FROM mine JOIN role_permissions own ON own.role_id = mine.id)))`)
}

// HoldsAllOf reports whether a caller holds every permission of a role at a moment; false when there is no such role.
func (r Reader) HoldsAllOf(ctx context.Context, actor Caller, roleID uuid.UUID, at time.Time) (bool, error) {
	return r.queryBool(ctx, actor, at, roleID, `
		SELECT EXISTS (
		  SELECT 1 FROM roles r
		   WHERE r.id = $3
		     AND (EXISTS (SELECT 1 FROM mine WHERE mine.holds_all)
		       OR NOT r.holds_all AND NOT EXISTS (
		         SELECT 1 FROM role_permissions rp
		          WHERE rp.role_id = r.id AND rp.permission_id NOT IN (
		            SELECT own.permission_id
		              FROM mine JOIN role_permissions own ON own.role_id = mine.id))))`)
}

// queryBool answers a question about mine. $3 is what the question is about.
func (r Reader) queryBool(ctx context.Context, c Caller, at time.Time, about any, question string) (bool, error) {
	query, args := callerRoles(c, at, about)
	return queryOne(ctx, r, scanBool, query+question, args...)
}

// callerRoles begins a statement about the roles in force of a caller ($1) at a moment ($2).
func callerRoles(c Caller, at time.Time, about any) (string, []any) {
	ofKey, args := ``, []any{c.UserID, at, about}
	if c.APIKeyID.Valid {
		ofKey = ` AND EXISTS (SELECT 1 FROM api_key_roles a WHERE a.user_id = g.user_id AND a.role_id = g.role_id AND a.api_key_id = $4)`
		args = append(args, c.APIKeyID.UUID)
	}
	return `
		WITH mine AS (
		  SELECT r.id, r.holds_all
		    FROM user_roles g JOIN roles r ON r.id = g.role_id
		   WHERE g.user_id = $1 AND (g.expires_at IS NULL OR g.expires_at > $2)` + ofKey + `)`, args
}

// CheckAccess answers for other services: whether there is such a permission, and whether the user holds it at a moment and
// may act at all. cardinal.ErrNotFound when there is no such user.
func (r Reader) CheckAccess(ctx context.Context, userID uuid.UUID, permission string, at time.Time) (known, allowed bool, err error) {
	type answer struct{ known, allowed bool }
	a, err := queryOne(ctx, r, func(row scanner) (a answer, err error) {
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

// ExplainAccess returns every grant to a user of a role that holds a permission, expired ones too, by role id. InForce is
// left to the caller.
func (r Reader) ExplainAccess(ctx context.Context, userID uuid.UUID, permission string) ([]cardinal.AccessGrant, error) {
	return queryAll(ctx, r, func(row scanner) (g cardinal.AccessGrant, err error) {
		err = row.Scan(&g.RoleID, &g.RoleName, &g.GrantedBy, timeInto{&g.GrantedAt}, nullTimeInto{&g.ExpiresAt})
		return g, err
	}, `
		SELECT r.id, r.name, g.granted_by, g.created_at, g.expires_at
		  FROM user_roles g
		  JOIN roles r ON r.id = g.role_id
		  JOIN permissions p ON p.name = $2
		 WHERE g.user_id = $1
		   AND (r.holds_all OR EXISTS (SELECT 1 FROM role_permissions rp WHERE rp.role_id = r.id AND rp.permission_id = p.id))
		 ORDER BY r.id`, userID, permission)
}
