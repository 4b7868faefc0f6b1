package password

import (
	"crypto/subtle"
	"encoding/base64"
	"strconv"
	"strings"
)

// setting is a hash without its digest: the scheme with its costs and salt, as crypt(3) calls it.
type setting struct {
	scheme string // for people
	text   string // "$scheme$…$salt"
	salt   string // its text in it
	weak   bool   // not to be stored as it is
	coding coding // of the digest
	joined bool   // the digest follows the salt without a dollar: bcrypt
	// least and most bound the digest, in bytes.
	least, most int
	derive      func(password []byte, length int) ([]byte, error)
}

func (s setting) takes(length int) bool { return length >= s.least && length <= s.most }

// legacyHash is a hash that was imported; it is verified once more and then replaced.
type legacyHash struct {
	setting
	digest []byte
}

// String returns the one spelling of the hash.
func (l legacyHash) String() string {
	if l.joined {
		return l.text + l.coding.encode(l.digest)
	}
	return l.text + "$" + l.coding.encode(l.digest)
}

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
	s, err := readSetting(fields[:last])
	if err != nil {
		return nil, err
	}
	digest, err := s.coding.decode(fields[last])
	if err != nil || !s.takes(len(digest)) {
		return nil, unusable("the digest is broken, or not of the scheme's length")
	}
	return legacyHash{s, digest}, nil
}

// readSetting reads the fields of a setting, the scheme's name first.
func readSetting(fields []string) (setting, error) {
	if len(fields) > 1 {
		if read, ok := schemes[fields[0]]; ok {
			return read(fields)
		}
	}
	return setting{}, unusable("unknown scheme or broken string")
}

// coding is how a scheme writes bytes.
type coding struct {
	encode func([]byte) string
	decode func(string) ([]byte, error)
}

var (
	base64Std = coding{
		func(b []byte) string { return base64.RawStdEncoding.EncodeToString(b) },
		func(s string) ([]byte, error) {
			return base64.RawStdEncoding.Strict().DecodeString(strings.TrimRight(s, "="))
		},
	}
	// base64Dot is Passlib's: a dot where others have a plus, which is read, too.
	base64Dot = coding{
		func(b []byte) string { return strings.ReplaceAll(base64Std.encode(b), "+", ".") },
		func(s string) ([]byte, error) { return base64Std.decode(strings.ReplaceAll(s, ".", "+")) },
	}
	// cryptText is left as it is: crypt(3) compares texts.
	cryptText = coding{
		func(b []byte) string { return string(b) },
		func(s string) ([]byte, error) {
			if strings.ContainsFunc(s, func(r rune) bool { return !isCryptRune(r) }) {
				return nil, unusable("letters that crypt does not use")
			}
			return []byte(s), nil
		},
	}
)

func isCryptRune(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '.' && r <= '9'
}

// saltOf decodes a salt and says whether it is long enough to be stored as the one of a row.
func saltOf(text string, c coding) (salt []byte, short bool, err error) {
	salt, err = c.decode(text)
	if err != nil || len(salt) > maxSalt {
		return nil, false, unusable("salt is not base64, or over 64 bytes")
	}
	return salt, len(salt) < minSalt, nil
}

// number reads a number that is written in one way only.
func number(text string, least, most int) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most || strconv.Itoa(n) != text {
		return 0, unusable("a parameter is out of range")
	}
	return n, nil
}

// parameters reads "a=1,b=2" whose names stand in a fixed order.
func parameters(text string, names ...string) ([]string, error) {
	parts := strings.Split(text, ",")
	if len(parts) != len(names) {
		return nil, unusable("parameters are missing or too many")
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

// numbers reads "a=1,b=2" as numbers from 1 to 2^31.
func numbers(text string, names ...string) ([]int, error) {
	parts, err := parameters(text, names...)
	if err != nil {
		return nil, err
	}
	out := make([]int, len(parts))
	for i, part := range parts {
		if out[i], err = number(part, 1, 1<<31); err != nil {
			return nil, err
		}
	}
	return out, nil
}
