package seal

import (
	"bytes"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
)

// Key is a 256-bit data key: a user's, or one of the service's own. Give each key one job: seal fields, or index, or MAC. The
// zero Key is no key, and using it panics.
type Key struct{ secret }

// NewKey returns a random key.
func NewKey() Key {
	var b [keyBytes]byte
	rand.Read(b[:]) // never fails (Go 1.24)
	return Key{hide(&b)}
}

// KeyFromBytes copies a key of 32 bytes, from a key bundle or a test.
func KeyFromBytes(b []byte) (Key, error) {
	if len(b) != keyBytes {
		return Key{}, errors.New("seal: a key is 32 bytes")
	}
	return Key{hide((*[keyBytes]byte)(bytes.Clone(b)))}, nil
}

// Equal compares two keys in constant time; a key that was never set equals only another such.
func (k Key) Equal(other Key) bool { return equal(k.secret, other.secret) }

func equal(a, b secret) bool {
	if a.b == nil || b.b == nil {
		return a.b == b.b
	}
	return subtle.ConstantTimeCompare(a.raw(), b.raw()) == 1
}

// The labels keep the jobs of HMAC and HKDF apart. A changed label makes every stored index and derived key useless.
const (
	labelIndex   = "cardinal index v1"
	labelMAC     = "cardinal mac v1"
	labelDerived = "cardinal derived key v1"
)

// Index returns the blind index of an identifier in its normal form: HMAC-SHA-256, 32 bytes. Whoever holds the key can
// guess at identifiers; whoever holds only the index sees which ones are equal.
func (k Key) Index(kind, normal string) []byte {
	mac := hmac.New(sha256.New, k.raw())
	b := make([]byte, 0, len(labelIndex)+4+len(kind)+len(normal))
	b = append(b, labelIndex...)
	b = appendPart(b, kind)
	b = append(b, normal...)
	mac.Write(b)
	return mac.Sum(nil)
}

// MAC returns HMAC-SHA-256 over a purpose and parts, each behind its length: for cursors, fingerprints and throttle keys. The
// result may serve as a seed. Compare with hmac.Equal or subtle.ConstantTimeCompare.
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

// Derive returns the key that HKDF-SHA-256 (RFC 5869, no salt) makes of this key for a purpose and its material, which may be
// public: a stored reply is sealed under Derive of the service key and the Idempotency-Key header.
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

// extract and expand are the halves of HKDF-SHA-256. They fail only for a length over 255 hashes, or in FIPS mode for a key under 14
// bytes.
func extract(from secret) secret {
	b, err := hkdf.Extract(sha256.New, from.raw(), nil)
	return derived(b, err)
}

func expand(from secret, info string) secret {
	b, err := hkdf.Expand(sha256.New, from.raw(), info, keyBytes)
	return derived(b, err)
}

func derived(b []byte, err error) secret {
	if err != nil {
		panic(err)
	}
	return hide((*[keyBytes]byte)(b))
}
