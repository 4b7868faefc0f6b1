package password

import (
	"context"
	"crypto/subtle"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
)

const schemeWrapped = "argon2id-over"

// wrappedHash is Argon2id over the digest of another scheme.
type wrappedHash struct {
	outer  argon2idHash
	inner  setting
	length int // of the inner digest, in bytes
}

// Wrap hashes an imported hash again by Argon2id with a new random salt. It is for hashes of weak schemes, and for
// strong ones with a salt that another user's hash already has. The inner salt and parameters are kept, so that Verify
// can repeat both steps. Errors as Hash.
func (h *Hasher) Wrap(ctx context.Context, c Caller, g ImportedHash) (string, error) {
	var inner setting
	var digest []byte
	switch stored := g.hash.(type) {
	case legacyHash:
		inner, digest = stored.setting, stored.digest
	case argon2idHash:
		inner, digest = argon2idSetting(stored), stored.tag
	case wrappedHash:
		return "", unusable("it is already wrapped, and its salt is in use")
	}
	at, err := h.queue.enter(ctx, c, 1)
	if err != nil {
		return "", err
	}
	defer h.queue.leave(at)
	salt := randomBytes(saltBytes)
	outer := argon2idHash{h.params, salt, h.tag(h.params, digest, salt, tagBytes)}
	return wrappedHash{outer, inner, len(digest)}.String(), nil
}

// String returns the outer hash as PHC, then the setting of the inner hash, and the length of the inner digest in place
// of that digest: $argon2id-over$v=19$m=…,t=…,p=…$salt$tag$1$saltsalt$22.
func (w wrappedHash) String() string {
	outer := strings.TrimPrefix(w.outer.String(), "$"+schemeArgon2id)
	return "$" + schemeWrapped + outer + w.inner.text + "$" + strconv.Itoa(w.length)
}

func (w wrappedHash) cost() cost {
	outer, inner := w.outer.cost(), w.inner.cost(w.length)
	return cost{max(outer.kib, inner.kib), outer.time + inner.time}
}

func (wrappedHash) isWeak() bool { return false }

func parseWrapped(phc string) (storedHash, error) {
	fields := strings.Split(phc, "$")
	if len(fields) < 9 {
		return nil, unusable("not an Argon2id hash over another hash")
	}
	outer, err := parseArgon2id("$" + schemeArgon2id + "$" + strings.Join(fields[2:6], "$"))
	if err != nil {
		return nil, err
	}
	hash := wrappedHash{outer: outer.(argon2idHash)}
	last := len(fields) - 1
	if hash.inner, err = parseSetting(fields[6:last]); err != nil {
		return nil, err
	}
	if hash.length, err = strconv.Atoi(fields[last]); err != nil || !hash.inner.allowsDigest(hash.length) {
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
	// #nosec G115 -- a digest is at most maxTag bytes
	tag := h.tag(w.outer.params, digest, w.outer.salt, uint32(len(w.outer.tag)))
	return subtle.ConstantTimeCompare(tag, w.outer.tag) == 1, nil
}

// argon2idSetting returns the setting of a hash of the current scheme. It is wrapped when its salt is already in use.
func argon2idSetting(a argon2idHash) setting {
	text := a.String()
	p := a.params
	return setting{
		scheme: "Argon2id", text: text[:strings.LastIndexByte(text, '$')], encoding: base64Std,
		minDigest: minTag, maxDigest: maxTag,
		cost: func(int) cost { return p.cost() },
		derive: func(password []byte, length int) ([]byte, error) {
			// #nosec G115 -- a digest is at most maxTag bytes
			return argon2.IDKey(password, a.salt, p.Iterations, p.MemoryKiB, p.Parallelism, uint32(length)), nil
		},
	}
}
