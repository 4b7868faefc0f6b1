package directory

import (
	"context"
	"time"

	"cardinal"
)

// EncryptedInMonthBefore seals a stranger's address as in the last moment before a month.
func EncryptedInMonthBefore(ctx context.Context, d *Directory, month time.Time, address string) ([]byte, error) {
	key, err := d.keys.monthKey(ctx, d.store, month.Add(-time.Second))
	return EncryptText(key, "audit_logs", "address_sealed", cardinal.StrangerID, address), err
}
