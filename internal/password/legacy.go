package password

import (
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
)

// setting is a hash without its digest: the scheme with its costs and salt, as crypt(3) calls it.
type setting struct {
	scheme string // for display
	text   string // "$scheme$…$salt"
	salt   string // the salt as it is spelled in text
	weak   bool   // must be wrapped, not stored as it is
	// cost is what the computation of a digest of that length takes.
	cost     func(length int) cost
	encoding textEncoding
	joined   bool // the digest follows the salt without a dollar: bcrypt
	// minDigest and maxDigest bound the length of the digest, in bytes.
	minDigest, maxDigest int
	derive               func(password []byte, length int) ([]byte, error)
}

func (s setting) allowsDigest(length int) bool { return length >= s.minDigest && length <= s.maxDigest }

// legacyHash is an imported hash. After the next successful verification it is replaced.
type legacyHash struct {
	setting
	digest []byte
}

// String returns the one spelling of the hash.
func (l legacyHash) String() string {
	if l.joined {
		return l.text + l.encoding.encode(l.digest)
	}
	return l.text + "$" + l.encoding.encode(l.digest)
}

func (l legacyHash) cost() cost   { return l.setting.cost(len(l.digest)) }
func (l legacyHash) isWeak() bool { return l.weak }

func (l legacyHash) verify(password string) (bool, error) {
	digest, err := l.derive([]byte(password), len(l.digest))
	if err != nil {
		return false, unusable("verification failed")
	}
	return subtle.ConstantTimeCompare(digest, l.digest) == 1, nil
}

func parseLegacy(phc string) (storedHash, error) {
	fields := strings.Split(phc, "$")[1:]
	if isBcrypt(fields) && len(fields[2]) == bcryptSalt+bcryptDigest {
		fields = []string{fields[0], fields[1], fields[2][:bcryptSalt], fields[2][bcryptSalt:]}
	}
	last := len(fields) - 1
	s, err := parseSetting(fields[:last])
	if err != nil {
		return nil, err
	}
	digest, err := s.encoding.decode(fields[last])
	if err != nil || !s.allowsDigest(len(digest)) {
		return nil, unusable("the digest is invalid, or does not have the length of the scheme")
	}
	return legacyHash{s, digest}, nil
}

// parseSetting parses the fields of a setting. The first field is the name of the scheme.
func parseSetting(fields []string) (setting, error) {
	if len(fields) > 1 {
		if parse, ok := schemes[fields[0]]; ok {
			return parse(fields)
		}
	}
	return setting{}, unusable("unknown scheme or invalid string")
}

// textEncoding is how a scheme writes bytes as text.
type textEncoding struct {
	encode func([]byte) string
	decode func(string) ([]byte, error)
	isText bool // the bytes are the text
}

var (
	base64Std = textEncoding{
		func(b []byte) string { return base64.RawStdEncoding.EncodeToString(b) },
		func(s string) ([]byte, error) {
			return base64.RawStdEncoding.Strict().DecodeString(strings.TrimRight(s, "="))
		},
		false,
	}
	// base64Dot is Passlib's base64: it has a dot in place of the plus. The plus is accepted, too.
	base64Dot = textEncoding{
		func(b []byte) string { return strings.ReplaceAll(base64Std.encode(b), "+", ".") },
		func(s string) ([]byte, error) { return base64Std.decode(strings.ReplaceAll(s, ".", "+")) },
		false,
	}
	// cryptText leaves the text as it is, because crypt(3) compares texts.
	cryptText = textEncoding{
		func(b []byte) string { return string(b) },
		func(s string) ([]byte, error) {
			if strings.ContainsFunc(s, func(r rune) bool { return !isCryptRune(r) }) {
				return nil, unusable("characters that crypt does not use")
			}
			return []byte(s), nil
		},
		true,
	}
)

func isCryptRune(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '.' && r <= '9'
}

// decodeSalt decodes a salt, and reports whether it is too short to be stored without wrapping the hash.
func decodeSalt(text string, e textEncoding) (salt []byte, short bool, err error) {
	salt, err = e.decode(text)
	if err != nil || len(salt) > maxSalt {
		return nil, false, unusable("salt is not base64, or over 64 bytes")
	}
	return salt, len(salt) < minSalt, nil
}

// parseNumber parses a number from low to high that is in its canonical spelling.
func parseNumber(text string, low, high int) (int, error) {
	n, err := strconv.Atoi(text)
	switch {
	case errors.Is(err, strconv.ErrRange) || err == nil && n > high:
		return 0, tooExpensive("a parameter is out of range")
	case err != nil || n < low || strconv.Itoa(n) != text:
		return 0, unusable("a parameter is out of range")
	}
	return n, nil
}

// parseParameters parses "a=1,b=2" with the given names in their order.
func parseParameters(text string, names ...string) ([]string, error) {
	parts := strings.Split(text, ",")
	if len(parts) != len(names) {
		return nil, unusable("parameters are missing, or there are too many")
	}
	for i, name := range names {
		value, ok := strings.CutPrefix(parts[i], name+"=")
		if !ok {
			return nil, unusable("parameters are not " + strings.Join(names, ", "))
		}
		parts[i] = value
	}
	return parts, nil
}

// parseNumbers parses "a=1,b=2" with numbers from 1 to 2^31.
func parseNumbers(text string, names ...string) ([]int, error) {
	parts, err := parseParameters(text, names...)
	if err != nil {
		return nil, err
	}
	out := make([]int, len(parts))
	for i, part := range parts {
		if out[i], err = parseNumber(part, 1, 1<<31); err != nil {
			return nil, err
		}
	}
	return out, nil
}
