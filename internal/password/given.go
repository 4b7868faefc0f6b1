package password

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
)

// Given is a hash that somebody else's system made, read and found usable.
type Given struct{ hash storedHash }

// ReadGiven reads a hash in PHC or crypt(3) form, in LDAP's ({SSHA}…), or one that a Hasher made. It returns ErrUnusable for any
// other text and for costs that no honest hash has.
func ReadGiven(text string) (Given, error) {
	phc, err := fromLDAP(text)
	if err != nil {
		return Given{}, err
	}
	hash, err := parse(phc)
	return Given{hash}, err
}

// PHC is the one text form in which a hash is stored; false when it is not fit to be, because its scheme, its costs or its salt are
// weak, and must be wrapped.
func (g Given) PHC() (string, bool) {
	if l, ok := g.hash.(legacyHash); ok {
		return l.String(), !l.weak
	}
	return g.hash.(interface{ String() string }).String(), true
}

// Salt is the salt as the stored form has it: two hashes with the same one cannot both be stored, but one of them wrapped.
func (g Given) Salt() string {
	switch h := g.hash.(type) {
	case argon2idHash:
		return base64.RawStdEncoding.EncodeToString(h.salt)
	case wrappedHash:
		return base64.RawStdEncoding.EncodeToString(h.outer.salt)
	case legacyHash:
		return h.salt
	}
	return ""
}

// Scheme names the scheme, for people.
func (g Given) Scheme() string {
	switch h := g.hash.(type) {
	case wrappedHash:
		return h.inner.scheme + " in Argon2id"
	case legacyHash:
		return h.scheme
	}
	return "Argon2id"
}

// Wrap hashes what a weak scheme made, or a strong one under a salt that somebody has already, by Argon2id under a fresh salt. The
// old salt and parameters are kept, so that Verify can go the same way. Errors as Hash.
func (h *Hasher) Wrap(ctx context.Context, g Given) (string, error) {
	var inner setting
	var digest []byte
	switch stored := g.hash.(type) {
	case legacyHash:
		inner, digest = stored.setting, stored.digest
	case argon2idHash:
		inner, digest = settingOfArgon2id(stored), stored.tag
	case wrappedHash:
		return "", unusable("it is wrapped already, and its salt is taken")
	}
	if err := h.queue.enter(ctx); err != nil {
		return "", err
	}
	defer h.queue.leave()
	salt := randomBytes(saltBytes)
	outer := argon2idHash{h.params, salt, h.tag(h.params, digest, salt, tagBytes)}
	return wrappedHash{outer, inner, len(digest)}.String(), nil
}

const schemeWrapped = "argon2id-over"

// wrappedHash is Argon2id over the digest of another scheme.
type wrappedHash struct {
	outer  argon2idHash
	inner  setting
	length int // of the inner digest, in bytes
}

// String returns the outer hash as PHC, then the inner one's setting, and the length of its digest instead of it:
// $argon2id-over$v=19$m=…,t=…,p=…$salt$tag$1$saltsalt$22.
func (w wrappedHash) String() string {
	return "$" + schemeWrapped + strings.TrimPrefix(w.outer.String(), "$"+schemeArgon2id) + w.inner.text + "$" + strconv.Itoa(w.length)
}

func parseWrapped(phc string) (storedHash, error) {
	fields := strings.Split(phc, "$")
	if len(fields) < 9 {
		return nil, unusable("not an Argon2id hash over another")
	}
	outer, err := parseArgon2id("$" + schemeArgon2id + "$" + strings.Join(fields[2:6], "$"))
	if err != nil {
		return nil, err
	}
	hash := wrappedHash{outer: outer.(argon2idHash)}
	last := len(fields) - 1
	if hash.inner, err = readSetting(fields[6:last]); err != nil {
		return nil, err
	}
	if hash.length, err = strconv.Atoi(fields[last]); err != nil || !hash.inner.takes(hash.length) {
		return nil, unusable("length of the digest is out of range")
	}
	if hash.String() != phc {
		return nil, unusable("not the canonical form")
	}
	return hash, nil
}

func (h *Hasher) verifyWrapped(w wrappedHash, password string) (bool, error) {
	digest, err := w.inner.derive([]byte(password), w.length)
	if err != nil {
		return false, unusable("verification failed")
	}
	tag := h.tag(w.outer.params, digest, w.outer.salt, uint32(len(w.outer.tag)))
	return subtle.ConstantTimeCompare(tag, w.outer.tag) == 1, nil
}

// settingOfArgon2id is for a current hash whose salt is taken.
func settingOfArgon2id(a argon2idHash) setting {
	text := a.String()
	p := a.params
	return setting{scheme: "Argon2id", text: text[:strings.LastIndexByte(text, '$')], coding: base64Std, least: minTag, most: maxTag,
		derive: func(password []byte, length int) ([]byte, error) {
			return argon2.IDKey(password, a.salt, p.Iterations, p.MemoryKiB, p.Parallelism, uint32(length)), nil
		}}
}
