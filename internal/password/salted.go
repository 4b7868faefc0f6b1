package password

import (
	"crypto/md5"  // #nosec G501 -- imported hashes have it
	"crypto/sha1" // #nosec G505 -- imported hashes have it
	"crypto/sha256"
	"crypto/sha512"
	"hash"
	"strings"
)

var saltedDigests = map[string]struct {
	new  func() hash.Hash
	size int
}{
	"md5": {md5.New, md5.Size}, "sha1": {sha1.New, sha1.Size},
	"sha256": {sha256.New, sha256.Size}, "sha512": {sha512.New, sha512.Size},
}

// parseSalted parses one digest over password and salt, in either order: $salted-sha1$suffix$salt. Unsalted digests
// have an empty salt.
func parseSalted(fields []string) (setting, error) {
	name := strings.TrimPrefix(fields[0], "salted-")
	digest := saltedDigests[name]
	if len(fields) != 3 || fields[1] != "suffix" && fields[1] != "prefix" {
		return setting{}, unusable("not a salted digest")
	}
	salt, _, err := decodeSalt(fields[2], base64Std)
	text := base64Std.encode(salt)
	return setting{
		scheme: "salted " + strings.ToUpper(name), text: "$" + fields[0] + "$" + fields[1] + "$" + text, salt: text,
		encoding: base64Std, weak: true, minDigest: digest.size, maxDigest: digest.size,
		cost: func(int) cost { return digestCost(1, 1000) },
		derive: func(password []byte, _ int) ([]byte, error) {
			h := digest.new()
			if fields[1] == "prefix" {
				h.Write(salt)
				h.Write(password)
			} else {
				h.Write(password)
				h.Write(salt)
			}
			return h.Sum(nil), nil
		},
	}, err
}

var ldapSchemes = map[string]string{
	"MD5": "md5", "SMD5": "md5", "SHA": "sha1", "SSHA": "sha1", "SHA256": "sha256", "SSHA256": "sha256",
	"SHA512": "sha512", "SSHA512": "sha512",
}

// convertLDAP converts {SCHEME}base64 of digest and salt (RFC 2307 and later practice) to a form of this package. It
// returns other texts unchanged.
func convertLDAP(text string) (string, error) {
	if !strings.HasPrefix(text, "{") {
		return text, nil
	}
	scheme, value, ok := strings.Cut(text[1:], "}")
	if scheme = strings.ToUpper(scheme); scheme == "CRYPT" {
		return value, nil
	}
	name, known := ldapSchemes[scheme]
	if !ok || !known {
		return "", unusable("unknown LDAP scheme")
	}
	raw, err := base64Std.decode(value)
	size, salted := saltedDigests[name].size, scheme[1] == 'S' || scheme == "SMD5"
	if err != nil || len(raw) < size || (len(raw) > size) != salted {
		return "", unusable("not an LDAP digest of that scheme")
	}
	return "$salted-" + name + "$suffix$" + base64Std.encode(raw[size:]) + "$" + base64Std.encode(raw[:size]), nil
}
