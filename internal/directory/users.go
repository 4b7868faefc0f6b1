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

// country checks a country's code against the table.
func (in *Input) country(ctx context.Context, r store.Reader, pointer, code string) error {
	if code == "" {
		return nil
	}
	_, err := r.Country(ctx, code)
	if errors.Is(err, cardinal.ErrNotFound) {
		in.Add(pointer, "country_unknown")
		return nil
	}
	return err
}

func (d *Directory) ListedKinds() []string {
	listed := slices.DeleteFunc(slices.Sorted(maps.Keys(d.kinds)), func(code string) bool { return !d.kinds[code].IsListed })
	return listed
}

// User returns a user, with the profile when asked for.
func (k Desk) User(ctx context.Context, id uuid.UUID, withProfile bool) (cardinal.User, error) {
	r, err := k.Read(ctx, Rule{Permission: "users.read", Subject: id, Own: true})
	if err != nil {
		return cardinal.User{}, err
	}
	user, err := r.User(ctx, id)
	if err != nil || !withProfile {
		return user, err
	}
	users := []cardinal.User{user}
	err = k.d.expandProfiles(ctx, r, users)
	return users[0], err
}

// SuspendUser locks a user out and ends all their sessions.
func (k Desk) SuspendUser(ctx context.Context, id uuid.UUID, version int64) (cardinal.User, error) {
	return k.changeUserStatus(ctx, id, version, "suspend", Rule{Action: "user.suspend", Permission: "users.suspend", Subject: id})
}

// ReactivateUser lets a suspended user in again.
func (k Desk) ReactivateUser(ctx context.Context, id uuid.UUID, version int64) (cardinal.User, error) {
	return k.changeUserStatus(ctx, id, version, "reactivate", Rule{Action: "user.reactivate", Permission: "users.suspend", Subject: id})
}

// DeleteUser soft-deletes a user and ends all their sessions; identifiers stay reserved. People may delete themselves.
func (k Desk) DeleteUser(ctx context.Context, id uuid.UUID, version int64) (cardinal.User, error) {
	return k.changeUserStatus(ctx, id, version, "delete", Rule{Action: "user.delete", Permission: "users.delete", Subject: id, Own: true})
}

// RestoreUser takes a deletion back: the status is again what it was before.
func (k Desk) RestoreUser(ctx context.Context, id uuid.UUID, version int64) (cardinal.User, error) {
	return k.changeUserStatus(ctx, id, version, "restore", Rule{Action: "user.restore", Permission: "users.delete", Subject: id})
}

// changeUserStatus moves a user between statuses by an action of the transitions, whose names are not in this code.
func (k Desk) changeUserStatus(ctx context.Context, id uuid.UUID, version int64, action string, r Rule) (cardinal.User, error) {
	return Change(ctx, k, r, func(tx *Tx) (cardinal.User, error) {
		// The roles that must keep holders are locked first, everywhere in the same order, so that two such moves at once
		// neither deadlock nor both see the other's holder.
		if err := tx.LockGuardedRoles(ctx, id); err != nil {
			return cardinal.User{}, err
		}
		before, err := tx.lockUser(ctx, id, version)
		if err != nil {
			return before, err
		}
		return tx.changeStatus(ctx, before, action)
	})
}

// lockUser locks a user for a change by somebody who may touch them.
func (tx *Tx) lockUser(ctx context.Context, id uuid.UUID, version int64) (cardinal.User, error) {
	before, err := tx.UserForChange(ctx, id)
	if err != nil {
		return before, err
	}
	if err := tx.RequireAllPermissionsOf(ctx, id); err != nil {
		return before, err
	}
	return before, CheckVersion(before.Version, version)
}

// changeStatus changes a user's status and ends the sessions of who can no longer sign in.
func (tx *Tx) changeStatus(ctx context.Context, before cardinal.User, action string) (cardinal.User, error) {
	after, err := tx.SetUserStatus(ctx, before.ID, before.Version, action, tx.Now)
	if errors.Is(err, cardinal.ErrNotFound) {
		return before, cardinal.Refuse("status_not_allowed", before.Status)
	}
	if err != nil {
		return before, err
	}
	tx.RecordRows(store.StampUser(after))
	tx.RecordChange("users.status", before.Status, after.Status)
	if !tx.Desk.d.statuses[after.Status].CanSignIn {
		return after, tx.endSessions(ctx, after.ID, uuid.Nil, "account_stopped")
	}
	return after, nil
}

// endSessions ends all sessions of a user but one, for a reason of session_end_reasons.
func (tx *Tx) endSessions(ctx context.Context, userID, spare uuid.UUID, reason string) error {
	ended, err := tx.RevokeSessions(ctx, userID, spare, reason, tx.Now)
	if err != nil {
		return fmt.Errorf("end the sessions of user %s: %w", userID, err)
	}
	for _, s := range ended {
		tx.RecordRows(store.StampSession(s))
	}
	if len(ended) > 0 {
		tx.RecordChange("sessions.ended", nil, len(ended))
	}
	return nil
}

// Statuses lists the states a user can be in; anyone who is known may read them.
func (k Desk) Statuses(ctx context.Context) ([]cardinal.Status, error) {
	if err := k.requireAuthenticated(); err != nil {
		return nil, err
	}
	return k.d.store.Read(ctx).Statuses(ctx)
}
