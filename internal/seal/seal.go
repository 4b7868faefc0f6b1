// Package seal encrypts personal data. Each user has a 256-bit key that encrypts the user's fields, with the place of
// the field in the database as associated data. The package also computes blind indexes for exact look-up, and has the
// key-encryption keys that wrap all other keys. It has no SQL and no HTTP, and all its secrets print as [redacted].
//
// Test vectors fix the formats. An encrypted field is a format byte ‖ nonce (12 bytes) ‖ AES-256-GCM ciphertext and
// tag. The format is 0x02 if the associated data contains the id of the row, and 0x01 if not. Integers in associated
// data and MAC input are big-endian. Every variable part except the last has a length prefix of four bytes.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/google/uuid"
)

const (
	// overhead is how many bytes an encrypted field is longer than its plaintext.
	overhead = formatBytes + nonceBytes + tagBytes

	formatBytes = 1
	nonceBytes  = 12
	tagBytes    = 16

	formatErased = 0x00
	formatGCM    = 0x01
	formatRow    = 0x02 // AES-256-GCM as well; the associated data contains the id of the row
)

var (
	// ErrErased is returned for the placeholder that erasure stores in an encrypted column.
	ErrErased = errors.New("seal: erased")
	// ErrDecrypt is returned when decryption fails: wrong key, wrong place, or changed bytes.
	ErrDecrypt = errors.New("seal: decryption failed")
)

// Placeholder returns the one byte, 0x00, that erasure stores in an encrypted column. Open returns ErrErased for it.
func Placeholder() []byte { return []byte{formatErased} }

// Place is where an encrypted field is stored. It is authenticated as associated data, not stored, so the decryption of
// a field that was moved to another user, column or table fails, and to another row if the place has a RowID.
type Place struct {
	Table, Column string
	UserID        uuid.UUID
	// RowID is the id of the row in a table where a user has several rows; uuid.Nil where a user has one. Seal uses the
	// format 0x02 if it is set. Open also decrypts fields in the format 0x01 for the place: they are older than it.
	RowID uuid.UUID
	// SchemaVersion is the version of the format of the plaintext, 0 to 2³²-1.
	SchemaVersion int
}

// format returns the format that Seal uses for the place.
func (p Place) format() byte {
	if p.RowID == uuid.Nil {
		return formatGCM
	}
	return formatRow
}

// associated returns the place as the associated data of a field in a format.
func (p Place) associated(format byte) ([]byte, error) {
	if p.SchemaVersion < 0 || int64(p.SchemaVersion) > math.MaxUint32 {
		return nil, fmt.Errorf("seal: schema version %d is out of range", p.SchemaVersion)
	}
	if format != formatGCM && (format != formatRow || p.RowID == uuid.Nil) {
		return nil, ErrDecrypt
	}
	b := make([]byte, 0, 4+len(p.Table)+4+len(p.Column)+16+16+4)
	b = appendPart(b, p.Table)
	b = appendPart(b, p.Column)
	b = append(b, p.UserID[:]...)
	if format == formatRow {
		b = append(b, p.RowID[:]...)
	}
	return binary.BigEndian.AppendUint32(b, uint32(p.SchemaVersion)), nil
}

// Seal encrypts a plaintext, which can be empty, for one place. The result is 29 bytes longer. It panics when the
// schema version of the place is out of range. One key can encrypt 2³² fields: NIST SP 800-38D section 8.3 has this
// limit because random nonces can collide.
func (k Key) Seal(plaintext []byte, at Place) []byte {
	associated, err := at.associated(at.format())
	if err != nil {
		panic(err)
	}
	field := encryptGCM(k.raw(), plaintext, associated)
	field[0] = at.format()
	return field
}

// Open decrypts the result of Seal with the same key for the same place. It returns ErrErased for the placeholder, and
// ErrDecrypt for anything else.
func (k Key) Open(field []byte, at Place) ([]byte, error) {
	if len(field) == 1 && field[0] == formatErased {
		return nil, ErrErased
	}
	if len(field) < overhead {
		return nil, ErrDecrypt
	}
	associated, err := at.associated(field[0])
	if err != nil {
		return nil, ErrDecrypt
	}
	return openGCM(k.raw(), field, associated)
}

// BindsRow reports whether a field has the format 0x02: it can be decrypted only in the row that it was encrypted for.
func BindsRow(field []byte) bool { return len(field) > 0 && field[0] == formatRow }

func encryptGCM(key, plaintext, associated []byte) []byte {
	var nonce [nonceBytes]byte
	rand.Read(nonce[:]) // never fails (Go 1.24)
	return encryptGCMWithNonce(nonce, key, plaintext, associated)
}

// encryptGCMWithNonce is a separate function so that tests can set the nonce of a vector. No other code is allowed to
// call it: a nonce must never be used twice.
func encryptGCMWithNonce(nonce [nonceBytes]byte, key, plaintext, associated []byte) []byte {
	out := make([]byte, formatBytes+nonceBytes, overhead+len(plaintext))
	out[0] = formatGCM
	copy(out[formatBytes:], nonce[:])
	return gcm(key).Seal(out, nonce[:], plaintext, associated)
}

func decryptGCM(key, field, associated []byte) ([]byte, error) {
	if len(field) < overhead || field[0] != formatGCM {
		return nil, ErrDecrypt
	}
	return openGCM(key, field, associated)
}

// openGCM decrypts a field of any format, which is not shorter than overhead.
func openGCM(key, field, associated []byte) ([]byte, error) {
	nonce, ciphertext := field[formatBytes:formatBytes+nonceBytes], field[formatBytes+nonceBytes:]
	plaintext, err := gcm(key).Open(make([]byte, 0, len(ciphertext)-tagBytes), nonce, ciphertext, associated)
	if err != nil {
		return nil, ErrDecrypt
	}
	return plaintext, nil
}

// gcm returns the AEAD of a key. It panics only for a key that does not have 32 bytes, and all keys here have 32.
func gcm(key []byte) cipher.AEAD {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	return aead
}

// appendPart appends a part with a length prefix, so that two different lists of parts never give the same bytes.
func appendPart[T string | []byte](b []byte, part T) []byte {
	// #nosec G115 -- a name is shorter than 4 GiB
	return append(binary.BigEndian.AppendUint32(b, uint32(len(part))), part...)
}
