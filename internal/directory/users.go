package directory

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/store"
)

// ListedKinds returns the codes of the kinds that a user can have, sorted: those of built-in actors are left out.
func (d *Directory) ListedKinds() []string {
	codes := slices.Sorted(maps.Keys(d.kinds))
	return slices.DeleteFunc(codes, func(code string) bool { return !d.kinds[code].IsListed })
}

// User returns a user, on request with the profile.
func (k Desk) User(ctx context.Context, id uuid.UUID, withProfile bool) (cardinal.User, error) {
	r, err := k.Read(ctx, Rule{Permission: "users.read", Subject: id, Own: true})
	if err != nil {
		return cardinal.User{}, err
	}
	user, err := r.User(ctx, id)
	if err != nil || !withProfile {
		return user.User, err
	}
	users := []cardinal.User{user.User}
	err = k.d.expandProfiles(ctx, r, users)
	return users[0], err
}

// SuspendUser suspends a user and ends all their sessions.
func (k Desk) SuspendUser(ctx context.Context, id uuid.UUID, version int64) (cardinal.User, error) {
	r := Rule{Action: "user.suspend", Permission: "users.suspend", Subject: id}
	return k.changeUserStatus(ctx, id, version, "suspend", r)
}

// ReactivateUser ends the suspension of a user.
func (k Desk) ReactivateUser(ctx context.Context, id uuid.UUID, version int64) (cardinal.User, error) {
	r := Rule{Action: "user.reactivate", Permission: "users.suspend", Subject: id, RecentSignIn: true}
	return k.changeUserStatus(ctx, id, version, "reactivate", r)
}

// DeleteUser soft-deletes a user and ends all their sessions. The identifiers stay reserved. Users are allowed to
// delete themselves.
func (k Desk) DeleteUser(ctx context.Context, id uuid.UUID, version int64) (cardinal.User, error) {
	r := Rule{Action: "user.delete", Permission: "users.delete", Subject: id, Own: true, RecentSignIn: true}
	return k.changeUserStatus(ctx, id, version, "delete", r)
}

// RestoreUser undoes a soft delete: the user gets the status of before the deletion.
func (k Desk) RestoreUser(ctx context.Context, id uuid.UUID, version int64) (cardinal.User, error) {
	r := Rule{Action: "user.restore", Permission: "users.delete", Subject: id, RecentSignIn: true}
	return k.changeUserStatus(ctx, id, version, "restore", r)
}

// changeUserStatus changes the status of a user by an action of the table user_status_transitions. The table says from
// which status to which: no status is named in this code.
func (k Desk) changeUserStatus(
	ctx context.Context, id uuid.UUID, version int64, action string, r Rule,
) (cardinal.User, error) {
	return Change(ctx, k, r, func(tx *Tx) (cardinal.User, error) {
		// The roles that need a minimum of users are locked first, always in the same order. So two such changes at the
		// same time do not deadlock, and neither counts a user that the other one removes.
		if err := tx.LockGuardedRoles(ctx, id); err != nil {
			return cardinal.User{}, err
		}
		before, err := tx.lockUser(ctx, id, version)
		if err != nil {
			return before.User, err
		}
		after, err := tx.changeStatus(ctx, before, action)
		return after.User, err
	})
}

// lockUser locks a user for a change by an actor who has all permissions of the user, and checks the version.
func (tx *Tx) lockUser(ctx context.Context, id uuid.UUID, version int64) (store.UserRecord, error) {
	before, err := tx.LockUser(ctx, id)
	if err != nil {
		return before, err
	}
	if err := tx.RequireAllPermissionsOf(ctx, id); err != nil {
		return before, err
	}
	return before, CheckVersion(before.Version, version)
}

// changeStatus changes a user's status. It ends the sessions of a user who can no longer sign in.
func (tx *Tx) changeStatus(ctx context.Context, before store.UserRecord, action string) (store.UserRecord, error) {
	after, err := tx.ChangeUserStatus(ctx, before.ID, before.Version, action, tx.Now)
	if errors.Is(err, cardinal.ErrNotFound) {
		return before, cardinal.Refuse("status_not_allowed", before.Status)
	}
	if err != nil {
		return before, err
	}
	tx.RecordRows(store.DigestUser(after))
	tx.RecordChange("users.status", before.Status, after.Status)
	if !tx.Desk.d.statuses[after.Status].CanSignIn {
		return after, tx.EndSessions(ctx, after.ID, uuid.Nil, "account_stopped")
	}
	return after, nil
}

// EndSessions ends all sessions of a user except one (uuid.Nil for none), for a reason of session_end_reasons.
func (tx *Tx) EndSessions(ctx context.Context, userID, spare uuid.UUID, reason string) error {
	ended, err := tx.RevokeSessions(ctx, userID, spare, reason, tx.Now)
	if err != nil {
		return fmt.Errorf("end the sessions of user %s: %w", userID, err)
	}
	for _, s := range ended {
		tx.RecordRows(store.DigestSession(s))
	}
	if len(ended) > 0 {
		tx.RecordChange("sessions.ended", nil, len(ended))
	}
	return nil
}
