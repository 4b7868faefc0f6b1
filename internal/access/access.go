// Package access holds who is allowed to do what: roles, permissions, grants, API keys, and the questions about them.
// Its functions take the caller's desk.
//
// The check of a permission is not here but in directory (authorize.go): every rule needs it.
package access

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory"
)

// Check returns whether a user has a permission. Users are allowed to ask about themselves; to ask about others needs
// the permission access.check.
func Check(ctx context.Context, k directory.Desk, q cardinal.AccessQuestion) (cardinal.Access, error) {
	if q.UserID == uuid.Nil {
		q.UserID = k.Actor().UserID
	}
	r, err := k.Read(ctx, directory.Rule{Permission: "access.check", Subject: q.UserID, Own: true})
	if err != nil {
		return cardinal.Access{}, err
	}
	known, allowed, err := r.CheckAccess(ctx, q.UserID, q.Permission, k.Directory().Now())
	if err != nil {
		return cardinal.Access{}, err
	}
	if !known {
		return cardinal.Access{}, directory.UnknownPermission()
	}
	if allowed && q.UserID == k.Actor().UserID && k.Actor().APIKeyID.Valid {
		// An API key can have fewer permissions than its service. A key that asks about itself gets the answer for the
		// key.
		if allowed, err = r.HasPermission(ctx, k.Caller(), q.Permission, k.Directory().Now()); err != nil {
			return cardinal.Access{}, err
		}
	}
	return cardinal.Access{UserID: q.UserID, Permission: q.Permission, Allowed: allowed}, nil
}

// Explain returns whether a user has a permission, and why: by which roles, who granted them, and when they expire.
func Explain(ctx context.Context, k directory.Desk, q cardinal.AccessQuestion) (cardinal.AccessExplained, error) {
	access, err := Check(ctx, k, q)
	if err != nil {
		return cardinal.AccessExplained{}, err
	}
	r := k.Directory().Store().Read(ctx)
	user, err := r.User(ctx, access.UserID)
	if err != nil {
		return cardinal.AccessExplained{}, err
	}
	grants, err := r.ExplainAccess(ctx, access.UserID, access.Permission)
	if err != nil {
		return cardinal.AccessExplained{}, err
	}
	now, canAct := k.Directory().Now(), k.Directory().Status(user.Status).CanSignIn
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
