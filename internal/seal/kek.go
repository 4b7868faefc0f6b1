package seal

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"

	"github.com/google/uuid"
)

// KEK is a key-encryption key: 32 bytes that are stored outside the database and wrap every key in it. The zero KEK has
// no key, and using it panics.
type KEK struct {
	secret
	// extracted is HKDF-Extract of the key (RFC 5869, no salt). This half of a derivation is the same for all wrapped
	// keys.
	extracted secret
}

// newKEK returns the key with the bytes of b. The caller must not use b after that.
func newKEK(b *[keyBytes]byte) KEK {
	key := newSecret(b)
	return KEK{key, extract(key)}
}

// wrappedBytes is the length of a wrapped key: 61.
const wrappedBytes = overhead + keyBytes

const (
	labelCheck      = "cardinal kek check v1"
	labelUserKey    = "cardinal user key v1"
	labelServiceKey = "cardinal service key v1"
)

// randomKEK returns a random key-encryption key without storing it. CreateKEK also writes its file.
func randomKEK() KEK {
	var b [keyBytes]byte
	rand.Read(b[:]) // never fails (Go 1.24)
	return newKEK(&b)
}

// parseKEK copies a key-encryption key of 32 bytes. It refuses 32 zeros because they are a placeholder, not a key.
func parseKEK(b []byte) (KEK, error) {
	if len(b) != keyBytes {
		return KEK{}, errors.New("seal: a key-encryption key has 32 bytes")
	}
	if [keyBytes]byte(b) == [keyBytes]byte{} {
		return KEK{}, errors.New("seal: a key-encryption key of zeros is a placeholder, not a key")
	}
	return newKEK((*[keyBytes]byte)(bytes.Clone(b))), nil
}

// CheckValue identifies the key without disclosing it: HMAC-SHA-256(KEK, "cardinal kek check v1"). The database stores
// it, so that the service knows which key is required.
func (k KEK) CheckValue() [32]byte {
	mac := hmac.New(sha256.New, k.raw())
	mac.Write([]byte(labelCheck))
	return [32]byte(mac.Sum(nil))
}

// Wrap encrypts the key of a user; the result has 61 bytes. It uses AES-256-GCM with the key
// HKDF-SHA-256(KEK, "cardinal user key v1" ‖ user id), and the same text as associated data.
func (k KEK) Wrap(userID uuid.UUID, key Key) []byte {
	return k.wrap(labelUserKey+string(userID[:]), key)
}

// Unwrap decrypts the result of Wrap with the same KEK for the same user. For anything else it returns ErrBroken.
func (k KEK) Unwrap(userID uuid.UUID, wrapped []byte) (Key, error) {
	return k.unwrap(labelUserKey+string(userID[:]), wrapped)
}

// WrapService encrypts a key of the service as Wrap does, with "cardinal service key v1" ‖ name.
func (k KEK) WrapService(name string, key Key) []byte {
	return k.wrap(labelServiceKey+name, key)
}

// UnwrapService decrypts the result of WrapService with the same KEK for the same name. For anything else it returns
// ErrBroken.
func (k KEK) UnwrapService(name string, wrapped []byte) (Key, error) {
	return k.unwrap(labelServiceKey+name, wrapped)
}

func (k KEK) wrap(info string, key Key) []byte {
	return encryptGCM(expand(k.extracted, info).raw(), key.raw(), []byte(info))
}

func (k KEK) unwrap(info string, wrapped []byte) (Key, error) {
	if len(wrapped) != wrappedBytes {
		return Key{}, ErrDecrypt
	}
	b, err := decryptGCM(expand(k.extracted, info).raw(), wrapped, []byte(info))
	if err != nil {
		return Key{}, err
	}
	return Key{newSecret((*[keyBytes]byte)(b))}, nil
}
