package password

import (
	"crypto/aes"
	"crypto/cipher"

	"golang.org/x/crypto/scrypt"
)

// parseFirebase parses Firebase's scrypt (github.com/firebase/scrypt): the derived key encrypts the signer key of the
// project, and the result is the digest. The stored form has the parameters of the project, so that each row can be
// verified without other data: $fbscrypt$v=1,n=14,r=8,p=1,ss=…,sk=…$salt.
func parseFirebase(fields []string) (setting, error) {
	if len(fields) != 3 {
		return setting{}, unusable("not Firebase scrypt")
	}
	p, err := parseParameters(fields[1], "v", "n", "r", "p", "ss", "sk")
	if err != nil || p[0] != "1" || p[3] != "1" {
		return setting{}, unusable("not Firebase scrypt, version 1")
	}
	memory, err := parseNumber(p[1], 1, 20)
	if err != nil {
		return setting{}, err
	}
	rounds, err := parseNumber(p[2], 1, 64)
	if err != nil {
		return setting{}, err
	}
	kib := 128 * rounds << memory >> 10
	if kib > maxMemoryKiB {
		return setting{}, tooExpensive("Firebase scrypt parameters are out of range")
	}
	separator, err := base64Std.decode(p[4])
	if err != nil || len(separator) > 16 {
		return setting{}, unusable("the salt separator is not base64")
	}
	signer, err := base64Std.decode(p[5])
	if err != nil || len(signer) < 32 || len(signer) > maxTag {
		return setting{}, unusable("the signer key is not base64 of 32 to 64 bytes")
	}
	salt, short, err := decodeSalt(fields[2], base64Std)
	text := base64Std.encode(salt)
	return setting{
		scheme: "Firebase scrypt",
		text: "$fbscrypt$v=1,n=" + p[1] + ",r=" + p[2] + ",p=1,ss=" + base64Std.encode(separator) +
			",sk=" + base64Std.encode(signer) + "$" + text,
		salt: text, encoding: base64Std, weak: short || kib < minScryptKiB,
		minDigest: len(signer), maxDigest: len(signer),
		cost: func(int) cost { return scryptCost(kib, 1) },
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
			// #nosec G407 -- the scheme of Firebase has this nonce
			cipher.NewCTR(block, make([]byte, aes.BlockSize)).XORKeyStream(digest, signer)
			return digest, nil
		},
	}, err
}
