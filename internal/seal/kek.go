package seal

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"

	"github.com/google/uuid"
)

// KEK is a key-encryption key: 32 bytes that live outside the database and wrap every key inside it. The zero KEK is no key,
// and using it panics.
type KEK struct {
	secret
	extracted secret // HKDF-Extract of it (RFC 5869, no salt), the half of a derivation that is the same for all keys it wraps
}

// newKEK takes b over.
func newKEK(b *[keyBytes]byte) KEK {
	key := hide(b)
	return KEK{key, extract(key)}
}

// WrappedBytes is the length of every wrapped key.
const WrappedBytes = Overhead + keyBytes

const (
	labelCheck      = "cardinal kek check v1"
	labelUserKey    = "cardinal user key v1"
	labelServiceKey = "cardinal service key v1"
)

// NewKEK returns a random key-encryption key that is stored nowhere; CreateKEK also writes its file.
func NewKEK() KEK {
	var b [keyBytes]byte
	rand.Read(b[:]) // never fails (Go 1.24)
	return newKEK(&b)
}

// KEKFromBytes copies a key-encryption key of 32 bytes; 32 zeros are refused as somebody's placeholder.
func KEKFromBytes(b []byte) (KEK, error) {
	if len(b) != keyBytes {
		return KEK{}, errors.New("seal: a key-encryption key is 32 bytes")
	}
	if [keyBytes]byte(b) == [keyBytes]byte{} {
		return KEK{}, errors.New("seal: a key-encryption key of zeros is a placeholder")
	}
	return newKEK((*[keyBytes]byte)(bytes.Clone(b))), nil
}

// Equal compares two key-encryption keys in constant time.
func (k KEK) Equal(other KEK) bool { return equal(k.secret, other.secret) }

// CheckValue names the key without giving it away: HMAC-SHA-256(KEK, "cardinal kek check v1"). The database stores it to say
// which key it needs.
func (k KEK) CheckValue() [32]byte {
	mac := hmac.New(sha256.New, k.raw())
	mac.Write([]byte(labelCheck))
	return [32]byte(mac.Sum(nil))
}

// Wrap encrypts a user's key, 61 bytes: AES-256-GCM under HKDF-SHA-256(KEK, "cardinal user key v1" ‖ user id), the same text
// as associated data.
func (k KEK) Wrap(userID uuid.UUID, key Key) []byte {
	return k.wrap(labelUserKey+string(userID[:]), key)
}

// Unwrap decrypts what Wrap made under the same KEK for the same user, or returns ErrBroken.
func (k KEK) Unwrap(userID uuid.UUID, wrapped []byte) (Key, error) {
	return k.unwrap(labelUserKey+string(userID[:]), wrapped)
}

// WrapService encrypts one of the service's own keys, 61 bytes, like Wrap with "cardinal service key v1" ‖ name.
func (k KEK) WrapService(name string, key Key) []byte {
	return k.wrap(labelServiceKey+name, key)
}

// UnwrapService decrypts what WrapService made under the same KEK for the same name, or returns ErrBroken.
func (k KEK) UnwrapService(name string, wrapped []byte) (Key, error) {
	return k.unwrap(labelServiceKey+name, wrapped)
}

func (k KEK) wrap(info string, key Key) []byte {
	return sealGCM(expand(k.extracted, info).raw(), key.raw(), []byte(info))
}

func (k KEK) unwrap(info string, wrapped []byte) (Key, error) {
	if len(wrapped) != WrappedBytes {
		return Key{}, ErrBroken
	}
	b, err := openGCM(expand(k.extracted, info).raw(), wrapped, []byte(info))
	if err != nil {
		return Key{}, err
	}
	return Key{hide((*[keyBytes]byte)(b))}, nil
}
