package directory

import (
	"context"

	"cardinal"
)

// Statuses lists the statuses of users. Every authenticated actor can read them.
func (k Desk) Statuses(ctx context.Context) ([]cardinal.Status, error) {
	if err := k.requireAuthenticated(); err != nil {
		return nil, err
	}
	return k.d.store.Read(ctx).UserStatuses(ctx)
}
