package directory

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/store"
)

// PermissionEnds are the permissions that an actor has now, and when each of them ends. What the actor gives to a user,
// a role or an API key must not outlast what it needs: otherwise a user who has a role for an hour, and can grant it,
// has it for ever.
type PermissionEnds struct {
	all    end // of all permissions, by a role that has them
	byID   map[uuid.UUID]end
	byName map[string]end
}

// end is whether something is held, and until when; nil for no end.
type end struct {
	held bool
	at   *time.Time
}

// or returns the later of two ends: one of them is enough.
func (e end) or(other end) end {
	if !e.held || other.held && e.at != nil && (other.at == nil || other.at.After(*e.at)) {
		return other
	}
	return e
}

// and returns the earlier of two ends: both are needed.
func (e end) and(other end) end {
	if !e.held || other.held && (other.at == nil || e.at != nil && e.at.Before(*other.at)) {
		return e
	}
	return other
}

// PermissionEnds returns until when the actor has which permissions.
func (k Desk) PermissionEnds(ctx context.Context, r store.Reader) (PermissionEnds, error) {
	ends := PermissionEnds{byID: map[uuid.UUID]end{}, byName: map[string]end{}}
	rows, err := r.CallerPermissions(ctx, k.Caller(), k.d.Now())
	if err != nil {
		return ends, fmt.Errorf("read the actor's permissions: %w", err)
	}
	for _, row := range rows {
		e := end{true, row.ExpiresAt}
		if row.HoldsAll {
			ends.all = ends.all.or(e)
		}
		if row.PermissionID != nil {
			ends.byID[*row.PermissionID] = ends.byID[*row.PermissionID].or(e)
			ends.byName[*row.Name] = ends.byName[*row.Name].or(e)
		}
	}
	return ends, nil
}

// Limit is until when the actor has everything that a change needs.
type Limit struct{ end }

// Limit returns until when the actor has a built-in permission.
func (ends PermissionEnds) Limit(permission string) Limit {
	return Limit{ends.all.or(ends.byName[permission])}
}

// WithPermission returns the limit for a change that needs one more permission.
func (ends PermissionEnds) WithPermission(l Limit, id uuid.UUID) Limit {
	return Limit{l.and(ends.all.or(ends.byID[id]))}
}

// WithRole returns the limit for a change that needs all permissions of a role, too.
func (ends PermissionEnds) WithRole(
	ctx context.Context, r store.Reader, l Limit, role cardinal.Role,
) (Limit, error) {
	if role.HoldsAll {
		return Limit{l.and(ends.all)}, nil
	}
	ids, err := r.RolePermissionIDs(ctx, role.ID)
	for _, id := range ids {
		l = ends.WithPermission(l, id)
	}
	return l, err
}

// Held reports whether the actor has everything now.
func (l Limit) Held() bool { return l.held }

// End is when the first of what the change needs ends; nil for no end.
func (l Limit) End() *time.Time { return l.at }

// Outlasted reports whether what ends at a time, or never, ends later than what the actor has.
func (l Limit) Outlasted(until *time.Time) bool {
	return l.at != nil && (until == nil || until.After(*l.at))
}

// Require returns a refusal when what ends at a time, or never, would outlast what the actor has.
func (l Limit) Require(until *time.Time) error {
	if l.Outlasted(until) {
		return cardinal.Refuse("outlasts_your_permissions", l.Text())
	}
	return nil
}

// Text is the end of the limit, for messages.
func (l Limit) Text() string {
	if l.at == nil {
		return ""
	}
	return l.at.UTC().Format(time.RFC3339)
}
