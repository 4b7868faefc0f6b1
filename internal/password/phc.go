package password

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
)

// ErrUnusable is returned for a stored hash that cannot be verified: an unknown scheme, an invalid string, or
// unreasonable costs. The message names the reason and no part of the hash.
var ErrUnusable = errors.New("password: stored hash cannot be used")

func unusable(reason string) error { return fmt.Errorf("%w: %s", ErrUnusable, reason) }

// The limits of the costs of a stored hash. A manipulated row must not exhaust the machine, but all settings in common
// use must fit: RFC 9106's second choice is 64 MiB, OWASP's largest PBKDF2 has 1.4 million rounds.
const (
	maxHashText       = 512
	maxMemoryKiB      = 1 << 20 // 1 GiB
	maxPasses         = 100
	maxMemoryPasses   = 4 << 20 // KiB × passes, about four seconds
	maxLanes          = 16
	minSalt, maxSalt  = 8, 64
	minTag, maxTag    = 16, 64
	maxBcryptCost     = 16
	maxPBKDF2Rounds   = 10_000_000
	schemeArgon2id    = "argon2id"
	argon2idParamsFmt = "m=%d,t=%d,p=%d"
)

// check refuses costs that Argon2 or the machine cannot handle.
func (p Params) check() error {
	switch {
	case p.Iterations < 1 || p.Iterations > maxPasses:
		return unusable("number of passes is out of range")
	case p.Parallelism < 1 || p.Parallelism > maxLanes:
		return unusable("number of lanes is out of range")
	case p.MemoryKiB < 8*uint32(p.Parallelism):
		return unusable("memory is out of range")
	case p.MemoryKiB > maxMemoryKiB || uint64(p.MemoryKiB)*uint64(p.Iterations) > maxMemoryPasses:
		return tooExpensive("memory times passes is out of range")
	}
	return nil
}

// storedHash is an argon2idHash, a wrappedHash or a legacyHash.
type storedHash interface {
	String() string // the one spelling of the hash
	cost() cost
	isWeak() bool // must be wrapped, not stored as it is
}

// parse parses a stored hash and refuses one that cannot be verified at reasonable costs.
func parse(phc string) (storedHash, error) {
	if len(phc) > maxHashText || !strings.HasPrefix(phc, "$") || strings.ContainsFunc(phc, notPrintable) {
		return nil, unusable("not a PHC string")
	}
	switch {
	case strings.HasPrefix(phc, "$"+schemeArgon2id+"$"):
		return parseArgon2id(phc)
	case strings.HasPrefix(phc, "$"+schemeWrapped+"$"):
		return parseWrapped(phc)
	}
	return parseLegacy(phc)
}

func notPrintable(r rune) bool { return r <= ' ' || r > '~' }

// argon2idHash is a hash of the current scheme.
type argon2idHash struct {
	params    Params
	salt, tag []byte
}

// String returns the PHC string: $argon2id$v=19$m=…,t=…,p=…$salt$tag, in base64 without padding.
func (a argon2idHash) String() string {
	encode := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$"+schemeArgon2id+"$v=%d$"+argon2idParamsFmt+"$%s$%s", argon2.Version, a.params.MemoryKiB,
		a.params.Iterations, a.params.Parallelism, encode(a.salt), encode(a.tag))
}

// weakerThan reports whether the hash resists guessing less than one of the current costs. The number of lanes has no
// influence on that.
func (a argon2idHash) weakerThan(current Params) bool {
	return a.params.MemoryKiB < current.MemoryKiB || a.params.Iterations < current.Iterations ||
		len(a.salt) < saltBytes || len(a.tag) < tagBytes
}

func (a argon2idHash) cost() cost   { return a.params.cost() }
func (a argon2idHash) isWeak() bool { return a.params.isWeak() }

func parseArgon2id(phc string) (storedHash, error) {
	parts := strings.Split(phc, "$")
	if len(parts) != 6 || parts[2] != "v="+strconv.Itoa(argon2.Version) {
		return nil, unusable("not Argon2id version 19")
	}
	var hash argon2idHash
	p := &hash.params
	_, err := fmt.Sscanf(parts[3], argon2idParamsFmt, &p.MemoryKiB, &p.Iterations, &p.Parallelism)
	if err != nil {
		return nil, unusable("parameters are not m, t and p")
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	decode := base64.RawStdEncoding.Strict().DecodeString
	if hash.salt, err = decode(parts[4]); err != nil || len(hash.salt) < minSalt || len(hash.salt) > maxSalt {
		return nil, unusable("salt is not 8 to 64 bytes")
	}
	if hash.tag, err = decode(parts[5]); err != nil || len(hash.tag) < minTag || len(hash.tag) > maxTag {
		return nil, unusable("tag is not 16 to 64 bytes")
	}
	// Sscanf accepts signs, leading zeros and trailing text, and base64 accepts line ends. Each hash has one spelling.
	if hash.String() != phc {
		return nil, unusable("not the canonical form")
	}
	return hash, nil
}
