package directory

import (
	"crypto/hmac"
	"encoding/base64"

	"github.com/google/uuid"
)

const cursorMACBytes = 12 // bytes; a forged cursor only starts a list elsewhere, and the list is authorised anew

// Cursor signs where a page of a list ended. scope names the list and what it was narrowed to, so that a cursor does not move
// to another one.
func (d *Directory) Cursor(scope string, last uuid.UUID) string {
	mac := d.keys.cursors.MAC("cursor", []byte(scope), last[:])
	return base64.RawURLEncoding.EncodeToString(append(last[:], mac[:cursorMACBytes]...))
}

// ParseCursor returns where a page ended, or false for a cursor that this service did not sign for this list.
func (d *Directory) ParseCursor(scope, cursor string) (uuid.UUID, bool) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(raw) != 16+cursorMACBytes {
		return uuid.Nil, false
	}
	last := uuid.UUID(raw[:16])
	mac := d.keys.cursors.MAC("cursor", []byte(scope), last[:])
	return last, hmac.Equal(raw[16:], mac[:cursorMACBytes])
}
