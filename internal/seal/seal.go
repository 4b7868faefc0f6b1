// Package seal keeps personal data closed: a 256-bit key for each user, fields sealed under it and bound to their place
// in the database, blind indexes for exact look-up, and the key-encryption keys that wrap all of these. It knows neither
// SQL nor HTTP, and every secret it hands out prints as [redacted].
//
// Formats are fixed by test vectors. A sealed field is 0x01 ‖ nonce (12 bytes) ‖ AES-256-GCM ciphertext and tag; integers in
// associated data and MAC input are big-endian, and every variable part but the last stands behind its length in four bytes.
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
	// Overhead is how many bytes longer a sealed field is than its plain text.
	Overhead = formatBytes + nonceBytes + tagBytes

	formatBytes = 1
	nonceBytes  = 12
	tagBytes    = 16

	formatErased = 0x00
	formatGCM    = 0x01
)

var (
	// ErrErased is returned for the placeholder that erasure leaves in a sealed column.
	ErrErased = errors.New("seal: erased")
	// ErrBroken is returned when something does not open: wrong key, wrong place, or changed bytes.
	ErrBroken = errors.New("seal: does not open")
)

// Placeholder returns the one byte, 0x00, that erasure leaves in a sealed column; opening it gives ErrErased.
func Placeholder() []byte { return []byte{formatErased} }

// Place is where a sealed field stands. It is authenticated and not stored, so a field that is moved to another row, column or
// table does not open.
type Place struct {
	Table, Column string
	UserID        uuid.UUID
	// SchemaVersion is the shape of the plain text, 0 to 2³²−1.
	SchemaVersion int
}

// associated returns the place as associated data.
func (p Place) associated() ([]byte, error) {
	if p.SchemaVersion < 0 || int64(p.SchemaVersion) > math.MaxUint32 {
		return nil, fmt.Errorf("seal: schema version %d is out of range", p.SchemaVersion)
	}
	b := make([]byte, 0, 4+len(p.Table)+4+len(p.Column)+16+4)
	b = appendPart(b, p.Table)
	b = appendPart(b, p.Column)
	b = append(b, p.UserID[:]...)
	return binary.BigEndian.AppendUint32(b, uint32(p.SchemaVersion)), nil
}

// Seal encrypts plain, which may be empty, for one place; the result is Overhead bytes longer. It panics when the place's
// schema version is out of range. A key may seal 2³² fields before random nonces wear thin (NIST SP 800-38D section 8.3).
func (k Key) Seal(plain []byte, at Place) []byte {
	associated, err := at.associated()
	if err != nil {
		panic(err)
	}
	return sealGCM(k.raw(), plain, associated)
}

// Open decrypts what Seal made under the same key and for the same place. It returns ErrErased for the placeholder and
// ErrBroken for anything else that does not open.
func (k Key) Open(sealed []byte, at Place) ([]byte, error) {
	if len(sealed) == 1 && sealed[0] == formatErased {
		return nil, ErrErased
	}
	associated, err := at.associated()
	if err != nil {
		return nil, ErrBroken
	}
	return openGCM(k.raw(), sealed, associated)
}

func sealGCM(key, plain, associated []byte) []byte {
	var nonce [nonceBytes]byte
	rand.Read(nonce[:]) // never fails (Go 1.24)
	return sealGCMWith(nonce, key, plain, associated)
}

// sealGCMWith is apart so that the tests can fix the nonce of a vector; nothing else may call it.
func sealGCMWith(nonce [nonceBytes]byte, key, plain, associated []byte) []byte {
	out := make([]byte, formatBytes+nonceBytes, Overhead+len(plain))
	out[0] = formatGCM
	copy(out[formatBytes:], nonce[:])
	return gcm(key).Seal(out, nonce[:], plain, associated)
}

func openGCM(key, sealed, associated []byte) ([]byte, error) {
	if len(sealed) < Overhead || sealed[0] != formatGCM {
		return nil, ErrBroken
	}
	nonce, ciphertext := sealed[formatBytes:formatBytes+nonceBytes], sealed[formatBytes+nonceBytes:]
	plain, err := gcm(key).Open(make([]byte, 0, len(ciphertext)-tagBytes), nonce, ciphertext, associated)
	if err != nil {
		return nil, ErrBroken
	}
	return plain, nil
}

// gcm panics only for a key that is not 32 bytes, and keys have no other length here.
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

// appendPart appends a part behind its length, so that no two lists of parts give the same bytes.
func appendPart[T string | []byte](b []byte, part T) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(part))), part...)
}
