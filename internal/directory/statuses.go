package directory

import (
	"context"

	"cardinal"
	"cardinal/internal/store"
)

// Statuses lists the statuses of users. Every authenticated actor can read them.
func (k Desk) Statuses(ctx context.Context) ([]cardinal.Status, error) {
	if err := k.requireAuthenticated(); err != nil {
		return nil, err
	}
	records, err := k.d.store.Read(ctx).UserStatuses(ctx)
	return convert(records, func(s store.UserStatus) cardinal.Status { return s.Status }), err
}
