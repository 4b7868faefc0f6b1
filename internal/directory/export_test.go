package directory

import (
	"context"
	"time"

	"cardinal"
)

// SealedInMonthBefore seals a stranger's address as in the last moment before a month.
func SealedInMonthBefore(ctx context.Context, d *Directory, month time.Time, address string) ([]byte, error) {
	key, err := d.keys.monthKey(ctx, d.store, month.Add(-time.Second))
	return EncryptText(key, "audit_logs", "address_sealed", cardinal.AnonymousID, address), err
}
