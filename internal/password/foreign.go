package password

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"hash"
	"strings"

	"golang.org/x/crypto/scrypt"
)

func base64Padded(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

// readFirebase reads Firebase's scrypt: the derived key encrypts the project's signer key, and that is the digest
// (github.com/firebase/scrypt). The stored form carries the project's parameters, so that each row can be verified by itself:
// $fbscrypt$v=1,n=14,r=8,p=1,ss=…,sk=…$salt.
func readFirebase(fields []string) (setting, error) {
	if len(fields) != 3 {
		return setting{}, unusable("not Firebase scrypt")
	}
	p, err := parameters(fields[1], "v", "n", "r", "p", "ss", "sk")
	if err != nil || p[0] != "1" || p[3] != "1" {
		return setting{}, unusable("not Firebase scrypt, version 1")
	}
	memory, err := number(p[1], 1, 20)
	if err != nil {
		return setting{}, err
	}
	rounds, err := number(p[2], 1, 64)
	if err != nil || 128*rounds<<memory>>10 > maxMemoryKiB {
		return setting{}, unusable("Firebase scrypt parameters are out of range")
	}
	separator, err := base64Std.decode(p[4])
	if err != nil || len(separator) > 16 {
		return setting{}, unusable("the salt separator is not base64")
	}
	signer, err := base64Std.decode(p[5])
	if err != nil || len(signer) < 32 || len(signer) > maxTag {
		return setting{}, unusable("the signer key is not base64 of 32 to 64 bytes")
	}
	salt, short, err := saltOf(fields[2], base64Std)
	text := base64Std.encode(salt)
	head := "$fbscrypt$v=1,n=" + p[1] + ",r=" + p[2] + ",p=1,ss=" + base64Std.encode(separator) + ",sk=" + base64Std.encode(signer) + "$"
	return setting{scheme: "Firebase scrypt", text: head + text, salt: text, coding: base64Std, weak: short, least: len(signer), most: len(signer),
		derive: func(password []byte, _ int) ([]byte, error) {
			key, err := scrypt.Key(password, append(salt[:len(salt):len(salt)], separator...), 1<<memory, rounds, 1, 32)
			if err != nil {
				return nil, err
			}
			block, err := aes.NewCipher(key)
			if err != nil {
				return nil, err
			}
			digest := make([]byte, len(signer))
			cipher.NewCTR(block, make([]byte, aes.BlockSize)).XORKeyStream(digest, signer)
			return digest, nil
		}}, err
}

var saltedDigests = map[string]struct {
	new  func() hash.Hash
	size int
}{"md5": {md5.New, md5.Size}, "sha1": {sha1.New, sha1.Size}, "sha256": {sha256.New, sha256.Size}, "sha512": {sha512.New, sha512.Size}}

// readSalted reads one digest over password and salt, in either order: $salted-sha1$suffix$salt. What has no salt has an empty one.
func readSalted(fields []string) (setting, error) {
	name := strings.TrimPrefix(fields[0], "salted-")
	digest := saltedDigests[name]
	if len(fields) != 3 || fields[1] != "suffix" && fields[1] != "prefix" {
		return setting{}, unusable("not a salted digest")
	}
	salt, _, err := saltOf(fields[2], base64Std)
	text := base64Std.encode(salt)
	return setting{scheme: "salted " + strings.ToUpper(name), text: "$" + fields[0] + "$" + fields[1] + "$" + text, salt: text, coding: base64Std, weak: true,
		least: digest.size, most: digest.size, derive: func(password []byte, _ int) ([]byte, error) {
			h := digest.new()
			if fields[1] == "prefix" {
				h.Write(salt)
				h.Write(password)
			} else {
				h.Write(password)
				h.Write(salt)
			}
			return h.Sum(nil), nil
		}}, err
}

var ldapSchemes = map[string]string{"MD5": "md5", "SMD5": "md5", "SHA": "sha1", "SSHA": "sha1", "SHA256": "sha256", "SSHA256": "sha256",
	"SHA512": "sha512", "SSHA512": "sha512"}

// fromLDAP turns {SCHEME}base64 of digest and salt (RFC 2307 and its successors' usage) into a form of this package, and leaves other texts alone.
func fromLDAP(text string) (string, error) {
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
