package access

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory"
)

// Jobs lists the background work on grants.
func Jobs() []directory.Job {
	return []directory.Job{
		{Kind: "grants.expire", Every: 30 * time.Second, Run: expireGrants},
	}
}

// expireGrants deletes grants that have expired and records it. Permission checks compare the time, so an expired grant
// has no effect even before it is deleted.
func expireGrants(ctx context.Context, k directory.Desk, _ uuid.UUID) error {
	due, err := k.Directory().Store().Read(ctx).ExpiredGrants(ctx, k.Directory().Now(), directory.BatchSize)
	if err != nil {
		return err
	}
	for _, grant := range due {
		r := directory.Rule{Action: "role.expire", Permission: "jobs.run", Subject: grant.UserID}
		if _, err := directory.Change(ctx, k, r, func(tx *directory.Tx) (struct{}, error) {
			if err := tx.LockRoleRow(ctx, grant.RoleID); err != nil {
				return struct{}{}, err
			}
			current, err := tx.Grant(ctx, grant.UserID, grant.RoleID)
			if errors.Is(err, cardinal.ErrNotFound) ||
				err == nil && (current.ExpiresAt == nil || current.ExpiresAt.After(tx.Now)) {
				return struct{}{}, nil // revoked or extended in the meantime
			}
			if err != nil {
				return struct{}{}, err
			}
			return struct{}{}, endGrant(ctx, tx, current, "expired")
		}); err != nil {
			return err
		}
	}
	return nil
}
