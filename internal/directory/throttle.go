package directory

import (
	"context"

	"github.com/google/uuid"
)

// UnlockUser lets a user sign in again from any device, after too many failed attempts.
func (k Desk) UnlockUser(ctx context.Context, userID uuid.UUID) error {
	r := Rule{Action: "user.unlock", Permission: "credentials.update", Subject: userID}
	_, err := Change(ctx, k, r, func(tx *Tx) (struct{}, error) {
		if _, err := tx.LockUser(ctx, userID); err != nil {
			return struct{}{}, err
		}
		if err := tx.RequireAllPermissionsOf(ctx, userID); err != nil {
			return struct{}{}, err
		}
		tx.ForceEvent = true // it changes no row that users see
		return struct{}{}, k.d.throttle.Reset(ctx, tx.Tx, userID)
	})
	return err
}
