package directory

import (
	"crypto/hmac"
	"encoding/base64"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/seal"
)

// cursorMACBytes is the length of a cursor's signature. It is short, because a forged cursor only starts a list at
// another place: the permission to read the list is checked for each page.
const cursorMACBytes = 12

// Cursor returns a signed cursor: the id where a page of a list ended, with a MAC. scope names the list and its
// filters, so that a cursor is valid for no other list.
func (d *Directory) Cursor(scope string, last uuid.UUID) string {
	mac := d.keys.cursors.MAC("cursor", []byte(scope), last[:])
	return base64.RawURLEncoding.EncodeToString(append(last[:], mac[:cursorMACBytes]...))
}

// filtersPlace is the place for which the personal filters of a list are encrypted, in its cursor.
var filtersPlace = seal.Place{Table: "cursors", Column: "filters", UserID: cardinal.SystemID}

// SealFilters encrypts the personal filters of a list, for a cursor.
func (d *Directory) SealFilters(text string) string {
	return base64.RawURLEncoding.EncodeToString(d.keys.cursors.Seal([]byte(text), filtersPlace))
}

// OpenFilters decrypts what SealFilters returned; false for any other text.
func (d *Directory) OpenFilters(sealed string) (text string, ok bool) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(sealed)
	if err != nil {
		return "", false
	}
	opened, err := d.keys.cursors.Open(raw, filtersPlace)
	return string(opened), err == nil
}

// ParseCursor returns the id where a page ended; false for a cursor that this service did not sign for this list.
func (d *Directory) ParseCursor(scope, cursor string) (uuid.UUID, bool) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(raw) != 16+cursorMACBytes {
		return uuid.Nil, false
	}
	last := uuid.UUID(raw[:16])
	mac := d.keys.cursors.MAC("cursor", []byte(scope), last[:])
	return last, hmac.Equal(raw[16:], mac[:cursorMACBytes])
}
