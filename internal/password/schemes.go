package password

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"hash"
	"strconv"

	"github.com/go-crypt/x/argon2"
	"github.com/go-crypt/x/bcrypt"
	"github.com/go-crypt/x/crypt"
	"golang.org/x/crypto/scrypt"
)

// schemes reads the setting of each scheme by its name. Every reader holds the costs to what an honest hash has.
var schemes = map[string]func(fields []string) (setting, error){
	"argon2i": readArgon2, "argon2d": readArgon2, schemeArgon2id: readArgon2,
	"2a": readBcrypt, "2b": readBcrypt, "2y": readBcrypt, "bcrypt-sha256": readBcryptSHA256,
	"scrypt": readScrypt,
	"pbkdf2": readPBKDF2(sha1.New), "pbkdf2-sha256": readPBKDF2(sha256.New), "pbkdf2-sha512": readPBKDF2(sha512.New),
	"5": readSHACrypt(sha256.New, 43), "6": readSHACrypt(sha512.New, 86), "1": readMD5Crypt,
	"fbscrypt":   readFirebase,
	"salted-md5": readSalted, "salted-sha1": readSalted, "salted-sha256": readSalted, "salted-sha512": readSalted,
}

func readArgon2(fields []string) (setting, error) {
	if len(fields) != 4 || fields[1] != "v=19" {
		return setting{}, unusable("not Argon2 version 19")
	}
	n, err := numbers(fields[2], "m", "t", "p")
	if err != nil {
		return setting{}, err
	}
	if n[2] > maxLanes || n[0] > maxMemoryKiB {
		return setting{}, unusable("Argon2 parameters are out of range")
	}
	p := Params{uint32(n[0]), uint32(n[1]), uint8(n[2])}
	if err := p.check(); err != nil {
		return setting{}, unusable(err.Error())
	}
	salt, short, err := saltOf(fields[3], base64Std)
	if err != nil || short {
		return setting{}, unusable("salt is not 8 to 64 bytes")
	}
	key := map[string]func(password, salt []byte, time, memory, threads, length uint32) []byte{
		"argon2i": argon2.IKey, "argon2d": argon2.DKey, schemeArgon2id: argon2.IDKey}[fields[0]]
	text := base64Std.encode(salt)
	return setting{scheme: "A" + fields[0][1:], text: "$" + fields[0] + "$v=19$" + fields[2] + "$" + text, salt: text, coding: base64Std,
		least: minTag, most: maxTag, derive: func(password []byte, length int) ([]byte, error) {
			return key(password, salt, p.Iterations, p.MemoryKiB, uint32(p.Parallelism), uint32(length)), nil
		}}, nil
}

// Lengths of bcrypt's texts.
const bcryptSalt, bcryptDigest = 22, 31

func isBcrypt(fields []string) bool {
	return len(fields) == 3 && len(fields[0]) == 2 && fields[0][0] == '2'
}

func readBcrypt(fields []string) (setting, error) {
	if len(fields) != 3 || len(fields[1]) != 2 {
		return setting{}, unusable("not bcrypt")
	}
	key, err := bcryptKey(fields[1], fields[2])
	return setting{scheme: "bcrypt", text: "$" + fields[0] + "$" + fields[1] + "$" + fields[2], salt: fields[2], coding: cryptText, joined: true,
		least: bcryptDigest, most: bcryptDigest, derive: func(password []byte, _ int) ([]byte, error) { return key(password) }}, err
}

func bcryptKey(costText, saltText string) (func([]byte) ([]byte, error), error) {
	cost, err := strconv.Atoi(costText)
	if err != nil || cost < 4 || cost > maxBcryptCost {
		return nil, unusable("bcrypt cost is out of range")
	}
	salt, err := bcrypt.Base64Decode([]byte(saltText))
	if err != nil || len(salt) != 16 {
		return nil, unusable("not a salt of bcrypt")
	}
	return func(password []byte) ([]byte, error) {
		return bcrypt.Key(password[:min(len(password), 72)], salt, cost)
	}, nil
}

// readBcryptSHA256 reads Passlib's second version: the password goes through HMAC-SHA-256 first, so that no byte of it is cut off.
func readBcryptSHA256(fields []string) (setting, error) {
	if len(fields) != 3 {
		return setting{}, unusable("not bcrypt-sha256")
	}
	p, err := parameters(fields[1], "v", "t", "r")
	if err != nil || p[0] != "2" || p[1] != "2b" {
		return setting{}, unusable("not the second version of bcrypt-sha256")
	}
	if _, err := number(p[2], 4, maxBcryptCost); err != nil {
		return setting{}, err
	}
	key, err := bcryptKey(p[2], fields[2])
	return setting{scheme: "bcrypt-sha256", text: "$bcrypt-sha256$" + fields[1] + "$" + fields[2], salt: fields[2], coding: cryptText, weak: true,
		least: bcryptDigest, most: bcryptDigest, derive: func(password []byte, _ int) ([]byte, error) {
			mac := hmac.New(sha256.New, []byte(fields[2]))
			mac.Write(password)
			return key([]byte(base64Padded(mac.Sum(nil))))
		}}, err
}

// readScrypt holds memory, 128 × r × 2^ln bytes, and time, which is that times p, to what Argon2id may take.
func readScrypt(fields []string) (setting, error) {
	if len(fields) != 3 {
		return setting{}, unusable("not scrypt")
	}
	n, err := numbers(fields[1], "ln", "r", "p")
	if err != nil || n[0] > 30 || n[1] > 1<<16 || n[2] > maxLanes {
		return setting{}, unusable("scrypt parameters are out of range")
	}
	kib := (uint64(128*n[1]) << n[0]) >> 10
	if kib > maxMemoryKiB || kib*uint64(n[2]) > maxMemoryPasses {
		return setting{}, unusable("scrypt parameters are out of range")
	}
	salt, short, err := saltOf(fields[2], base64Std)
	text := base64Std.encode(salt)
	return setting{scheme: "scrypt", text: "$scrypt$" + fields[1] + "$" + text, salt: text, coding: base64Std, weak: short || kib < leastScryptKiB,
		least: minTag, most: maxTag, derive: func(password []byte, length int) ([]byte, error) {
			return scrypt.Key(password, salt, 1<<n[0], n[1], n[2], length)
		}}, err
}

// What is cheaper than this is hardly more than a plain digest, and is wrapped.
const (
	leastScryptKiB    = 1024
	leastPBKDF2Rounds = 1000
)

// readPBKDF2 reads Passlib's form, and the one with i=…,l=…, which is stored as the other: the tag says its own length.
func readPBKDF2(digest func() hash.Hash) func([]string) (setting, error) {
	return func(fields []string) (setting, error) {
		if len(fields) != 3 {
			return setting{}, unusable("not PBKDF2")
		}
		given := fields[1]
		if p, err := parameters(given, "i", "l"); err == nil {
			given = p[0]
		} else if p, err := parameters(given, "i"); err == nil {
			given = p[0]
		}
		rounds, err := number(given, 1, maxPBKDF2Rounds)
		if err != nil {
			return setting{}, unusable("PBKDF2 rounds are out of range")
		}
		salt, short, err := saltOf(fields[2], base64Dot)
		text := base64Dot.encode(salt)
		return setting{scheme: "PBKDF2", text: "$" + fields[0] + "$" + given + "$" + text, salt: text, coding: base64Dot, weak: short || rounds < leastPBKDF2Rounds,
			least: minTag, most: maxTag, derive: func(password []byte, length int) ([]byte, error) {
				return pbkdf2.Key(digest, string(password), salt, rounds, length)
			}}, err
	}
}

// maxSHACryptRounds is some ten seconds.
const maxSHACryptRounds = 5_000_000

// readSHACrypt reads crypt's SHA-256 and SHA-512. Rounds that are not said are 5,000; the stored form says them.
func readSHACrypt(digest func() hash.Hash, length int) func([]string) (setting, error) {
	return func(fields []string) (setting, error) {
		rounds, salt := "5000", fields[len(fields)-1]
		if len(fields) == 3 {
			given, err := parameters(fields[1], "rounds")
			if err != nil {
				return setting{}, err
			}
			rounds = given[0]
		}
		n, err := number(rounds, 1000, maxSHACryptRounds)
		if err != nil || len(fields) > 3 || len(salt) > 16 {
			return setting{}, unusable("SHA-crypt rounds or salt are out of range")
		}
		_, err = cryptText.decode(salt)
		return setting{scheme: "SHA-crypt", text: fmt.Sprintf("$%s$rounds=%d$%s", fields[0], n, salt), salt: salt, coding: cryptText, weak: len(salt) < leastSaltText,
			least: length, most: length, derive: func(password []byte, _ int) ([]byte, error) {
				return crypt.KeySHACrypt(digest, password, []byte(salt), n), nil
			}}, err
	}
}

// leastSaltText is the shortest text of a salt that is stored as the one of a row: 8 bytes in base64.
const leastSaltText = 11

func readMD5Crypt(fields []string) (setting, error) {
	if len(fields) != 2 || len(fields[1]) > 8 {
		return setting{}, unusable("not MD5-crypt")
	}
	_, err := cryptText.decode(fields[1])
	return setting{scheme: "MD5-crypt", text: "$1$" + fields[1], salt: fields[1], coding: cryptText, weak: true, least: 22, most: 22,
		derive: func(password []byte, _ int) ([]byte, error) {
			return crypt.KeyMD5Crypt(password, []byte(fields[1])), nil
		}}, err
}
