package directory

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"cardinal"
)

// CheckAccess returns whether a user has a permission. Users are allowed to ask about themselves; to ask about others
// needs the permission access.check.
func (k Desk) CheckAccess(ctx context.Context, q cardinal.AccessQuestion) (cardinal.Access, error) {
	if q.UserID == uuid.Nil {
		q.UserID = k.actor.UserID
	}
	r, err := k.Read(ctx, Rule{Permission: "access.check", Subject: q.UserID, Own: true})
	if err != nil {
		return cardinal.Access{}, err
	}
	known, allowed, err := r.CheckAccess(ctx, q.UserID, q.Permission, k.d.Now())
	if err != nil {
		return cardinal.Access{}, err
	}
	if !known {
		return cardinal.Access{}, UnknownPermission()
	}
	if allowed && q.UserID == k.actor.UserID && k.actor.APIKeyID.Valid {
		// An API key can have fewer permissions than its service. A key that asks about itself gets the answer for the
		// key.
		if allowed, err = r.HasPermission(ctx, k.Caller(), q.Permission, k.d.Now()); err != nil {
			return cardinal.Access{}, err
		}
	}
	return cardinal.Access{UserID: q.UserID, Permission: q.Permission, Allowed: allowed}, nil
}

// ExplainAccess returns whether a user has a permission, and why: by which roles, who granted them, and when they
// expire.
func (k Desk) ExplainAccess(ctx context.Context, q cardinal.AccessQuestion) (cardinal.AccessExplained, error) {
	access, err := k.CheckAccess(ctx, q)
	if err != nil {
		return cardinal.AccessExplained{}, err
	}
	r := k.d.store.Read(ctx)
	user, err := r.User(ctx, access.UserID)
	if err != nil {
		return cardinal.AccessExplained{}, err
	}
	grants, err := r.ExplainAccess(ctx, access.UserID, access.Permission)
	if err != nil {
		return cardinal.AccessExplained{}, err
	}
	now, canAct := k.d.Now(), k.d.statuses[user.Status].CanSignIn
	out := cardinal.AccessExplained{Access: access, Grants: grants}
	var by *cardinal.AccessGrant
	for i := range grants {
		g := &grants[i]
		g.InForce = canAct && (g.ExpiresAt == nil || now.Before(*g.ExpiresAt))
		if g.InForce && (by == nil || g.ExpiresAt == nil) {
			by = g
		}
	}
	switch {
	case access.Allowed && by != nil:
		granted := by.GrantedAt.Format(time.DateOnly)
		out.Reason = fmt.Sprintf("yes, by the role %s, granted on %s%s", by.RoleName, granted, expiryText(by.ExpiresAt))
	case !canAct:
		out.Reason = "no: the account is " + user.Status
	case len(grants) == 0:
		out.Reason = "no: none of the user's roles has it"
	case by != nil:
		out.Reason = "no: this API key does not have the role that gives it"
	default:
		out.Reason = "no: the grants that would give it have expired"
	}
	return out, nil
}

func expiryText(t *time.Time) string {
	if t == nil {
		return ""
	}
	return ", ends " + t.Format(time.DateTime)
}

// TruncateTime cuts a time to the microsecond that both databases keep.
func TruncateTime(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	cut := t.UTC().Truncate(time.Microsecond)
	return &cut
}

// UnknownPermission returns the error of a permission that does not exist.
func UnknownPermission() error {
	var check Input
	check.Add("/permission", "permission_unknown")
	return check.Err()
}
