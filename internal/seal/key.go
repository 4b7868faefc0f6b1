package seal

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
)

// Key is a 256-bit data key of a user or of the service. Each key must have one purpose: to encrypt fields, to index,
// or to compute MACs. The zero Key has no key, and using it panics.
type Key struct{ secret }

// NewKey returns a random key.
func NewKey() Key {
	var b [keyBytes]byte
	rand.Read(b[:]) // never fails (Go 1.24)
	return Key{newSecret(&b)}
}

// Equal compares two keys in constant time. A key that is not set equals only another key that is not set.
func (k Key) Equal(other Key) bool {
	if k.b == nil || other.b == nil {
		return k.b == other.b
	}
	return subtle.ConstantTimeCompare(k.raw(), other.raw()) == 1
}

// The labels separate the purposes of HMAC and HKDF (domain separation). Never change one: all stored indexes and
// derived keys depend on them.
const (
	labelIndex   = "cardinal index v1"
	labelMAC     = "cardinal mac v1"
	labelDerived = "cardinal derived key v1"
)

// Index returns the blind index of an identifier in its normal form: HMAC-SHA-256, 32 bytes. With the key it is
// possible to test guesses of identifiers. Without the key the index shows only which identifiers are equal.
func (k Key) Index(kind, normal string) []byte {
	mac := hmac.New(sha256.New, k.raw())
	b := make([]byte, 0, len(labelIndex)+4+len(kind)+len(normal))
	b = append(b, labelIndex...)
	b = appendPart(b, kind)
	b = append(b, normal...)
	mac.Write(b)
	return mac.Sum(nil)
}

// MAC returns HMAC-SHA-256 over a purpose and parts, each with a length prefix. It is for cursors, fingerprints and
// throttle keys, and can be used as a seed. Compare results with hmac.Equal or subtle.ConstantTimeCompare.
func (k Key) MAC(purpose string, parts ...[]byte) [32]byte {
	mac := hmac.New(sha256.New, k.raw())
	b := make([]byte, 0, 128)
	b = append(b, labelMAC...)
	b = appendPart(b, purpose)
	for _, part := range parts {
		b = appendPart(b, part)
	}
	mac.Write(b)
	return [32]byte(mac.Sum(b[:0]))
}

// Derive returns the key that HKDF-SHA-256 (RFC 5869, no salt) derives from this key for a purpose and material. The
// material can be public: a stored reply is encrypted with a key derived from the service key and the Idempotency-Key
// header.
func (k Key) Derive(purpose string, material []byte) Key {
	info := make([]byte, 0, len(labelDerived)+4+len(purpose)+len(material))
	info = append(info, labelDerived...)
	info = appendPart(info, purpose)
	info = append(info, material...)
	return Key{derive(k.secret, string(info))}
}

func derive(from secret, info string) secret {
	return expand(extract(from), info)
}

// extract and expand are the two steps of HKDF-SHA-256. They fail only for a length of over 255 hashes, or in FIPS mode
// for a key of under 14 bytes. Neither is possible here.

func extract(from secret) secret {
	b, err := hkdf.Extract(sha256.New, from.raw(), nil)
	return mustSecret(b, err)
}

func expand(from secret, info string) secret {
	b, err := hkdf.Expand(sha256.New, from.raw(), info, keyBytes)
	return mustSecret(b, err)
}

func mustSecret(b []byte, err error) secret {
	if err != nil {
		panic(err)
	}
	return newSecret((*[keyBytes]byte)(b))
}
