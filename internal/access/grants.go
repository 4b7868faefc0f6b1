package access

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/store"
)

// Grants returns a page of the roles that a user has, with who granted them and when they expire.
func Grants(
	ctx context.Context, k directory.Desk, userID uuid.UUID, p cardinal.Page,
) (cardinal.List[cardinal.Grant], error) {
	r, err := k.Read(ctx, directory.Rule{Permission: "roles.read", Subject: userID, Own: true})
	if err != nil {
		return cardinal.List[cardinal.Grant]{}, err
	}
	if _, err := r.User(ctx, userID); err != nil {
		return cardinal.List[cardinal.Grant]{}, err
	}
	found, err := r.Grants(ctx, userID, p)
	return cardinal.PageOf(found, p.Limit), err
}

// GrantRole grants a role to a user, or changes its expiry. The actor must have all permissions of the role, and the
// grant cannot outlast them.
func GrantRole(ctx context.Context, k directory.Desk, userID uuid.UUID, in cardinal.NewGrant) (cardinal.Grant, error) {
	r := directory.Rule{Action: "role.grant", Permission: "roles.grant", Subject: userID, RecentSignIn: true}
	return directory.Change(ctx, k, r, func(tx *directory.Tx) (cardinal.Grant, error) {
		var check directory.Input
		if in.ExpiresAt != nil && !in.ExpiresAt.After(tx.Now) {
			check.Add("/expires_at", "time_in_past")
		}
		if err := check.Err(); err != nil {
			return cardinal.Grant{}, err
		}
		if err := tx.LockRoleRow(ctx, in.RoleID); errors.Is(err, cardinal.ErrNotFound) {
			check.Add("/role_id", "role_unknown")
			return cardinal.Grant{}, check.Err()
		} else if err != nil {
			return cardinal.Grant{}, err
		}
		role, err := tx.Role(ctx, in.RoleID)
		if err != nil {
			return cardinal.Grant{}, err
		}
		user, err := tx.User(ctx, userID)
		if err != nil {
			return cardinal.Grant{}, err
		}
		if err := tx.RequireAllPermissionsOf(ctx, userID); err != nil {
			return cardinal.Grant{}, err
		}
		kind, _ := k.Directory().Kind(user.Kind)
		if !role.IsAssignable || !kind.IsListed || k.Directory().Status(user.Status).IsDeleted {
			return cardinal.Grant{}, cardinal.Refuse("role_not_assignable")
		}
		ends, err := k.PermissionEnds(ctx, tx.Reader)
		if err != nil {
			return cardinal.Grant{}, err
		}
		limit, err := ends.WithRole(ctx, tx.Reader, ends.Limit("roles.grant"), role)
		if err != nil {
			return cardinal.Grant{}, err
		} else if !limit.Held() {
			return cardinal.Grant{}, cardinal.Refuse("role_has_more_permissions")
		}
		until := directory.TruncateTime(in.ExpiresAt)
		if err := limit.Require(until); err != nil {
			return cardinal.Grant{}, err
		}
		grant, err := tx.UpsertGrant(ctx, cardinal.Grant{
			UserID: userID, RoleID: role.ID, GrantedBy: k.Actor().UserID, CreatedAt: tx.Now, ExpiresAt: until,
		})
		if err != nil {
			return grant, err
		}
		tx.RecordRows(store.DigestGrant(grant))
		tx.RecordChange("user_roles."+role.Name, nil, "granted")
		if grant.ExpiresAt != nil {
			tx.RecordChange("user_roles.expires_at", nil, *grant.ExpiresAt)
		}
		return grant, nil
	})
}

// RevokeGrant takes a role from a user. It is refused for the last user with a role that needs a minimum of users.
func RevokeGrant(ctx context.Context, k directory.Desk, userID, roleID uuid.UUID) error {
	r := directory.Rule{Action: "role.revoke", Permission: "roles.grant", Subject: userID, RecentSignIn: true}
	_, err := directory.Change(ctx, k, r, func(tx *directory.Tx) (struct{}, error) {
		if err := tx.LockRoleRow(ctx, roleID); err != nil {
			return struct{}{}, err
		}
		grant, err := tx.Grant(ctx, userID, roleID)
		if err != nil {
			return struct{}{}, err
		}
		if err := tx.RequireAllPermissionsOf(ctx, userID); err != nil {
			return struct{}{}, err
		}
		if cardinal.IsBuiltIn(userID) {
			return struct{}{}, cardinal.Refuse("built_in")
		}
		return struct{}{}, endGrant(ctx, tx, grant, "revoked")
	})
	return err
}

// endGrant deletes a grant, and takes the role from the API keys of the user that have it. how goes into the audit
// event.
func endGrant(ctx context.Context, tx *directory.Tx, grant cardinal.Grant, how string) error {
	keys, err := tx.APIKeyIDsWithRole(ctx, grant.UserID, grant.RoleID)
	if err != nil {
		return err
	}
	removed, err := tx.DeleteGrant(ctx, grant.UserID, grant.RoleID)
	if err != nil || !removed {
		return err
	}
	tx.RecordRows(store.DeletedRow("user_roles", grant.UserID, grant.RoleID))
	for _, key := range keys {
		tx.RecordRows(store.DeletedRow("api_key_roles", grant.UserID, key, grant.RoleID))
	}
	tx.RecordChange("user_roles."+grant.RoleName, nil, how)
	return nil
}
