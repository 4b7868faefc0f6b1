package directory

import (
	"context"
	"time"

	"github.com/google/uuid"

	"cardinal"
)

// EncryptedInMonthBefore encrypts the address of an anonymous caller as in the last second before a month.
func EncryptedInMonthBefore(ctx context.Context, d *Directory, month time.Time, address string) ([]byte, error) {
	key, err := d.keys.monthKey(ctx, d.store, month.Add(-time.Second))
	return EncryptText(key, "audit_logs", "address_sealed", cardinal.AnonymousID, uuid.Nil, address), err
}
