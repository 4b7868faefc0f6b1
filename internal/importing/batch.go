package importing

import (
	"bytes"
	"context"
	"maps"
	"slices"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/store"
)

// requireBatch checks the permissions that creating some users needs, in the transaction that creates them: an import
// of many batches ends when its actor loses one of them.
func requireBatch(ctx context.Context, k directory.Desk, tx store.Tx, users []store.NewUserRows) error {
	ends, err := k.PermissionEnds(ctx, tx.Reader)
	if err != nil {
		return err
	}
	needed := map[string]bool{"users.import": true}
	grants := map[uuid.UUID][]cardinal.Grant{} // by role
	for _, user := range users {
		for _, contact := range user.Contacts {
			if contact.VerifiedAt != nil {
				needed["contacts.verify"] = true
			}
		}
		for _, grant := range user.Grants {
			grants[grant.RoleID] = append(grants[grant.RoleID], grant)
		}
	}
	for _, permission := range slices.Sorted(maps.Keys(needed)) {
		if !ends.Limit(permission).Held() {
			return cardinal.Refuse("permission_missing", permission)
		}
	}
	// The roles are locked in one order, so that no permission is added to them meanwhile.
	for _, id := range slices.SortedFunc(maps.Keys(grants), compareIDs) {
		if err := requireGrants(ctx, tx, ends, id, grants[id]); err != nil {
			return err
		}
	}
	return nil
}

func compareIDs(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) }

// requireGrants checks that the actor can grant a role, until when the grants end.
func requireGrants(
	ctx context.Context, tx store.Tx, ends directory.PermissionEnds, roleID uuid.UUID, grants []cardinal.Grant,
) error {
	if err := tx.LockRoleRow(ctx, roleID); err != nil {
		return err
	}
	role, err := tx.Role(ctx, roleID)
	if err != nil {
		return err
	}
	limit, err := ends.WithRole(ctx, tx.Reader, ends.Limit("roles.grant"), role)
	if err != nil {
		return err
	}
	if !limit.Held() {
		return cardinal.Refuse("role_has_more_permissions")
	}
	for _, grant := range grants {
		if err := limit.Require(grant.ExpiresAt); err != nil {
			return err
		}
	}
	return nil
}
