package password

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strconv"

	"github.com/go-crypt/x/bcrypt"
)

// Lengths of the texts of bcrypt.
const bcryptSalt, bcryptDigest = 22, 31

func isBcrypt(fields []string) bool {
	return len(fields) == 3 && len(fields[0]) == 2 && fields[0][0] == '2'
}

func parseBcrypt(fields []string) (setting, error) {
	if len(fields) != 3 || len(fields[1]) != 2 {
		return setting{}, unusable("not bcrypt")
	}
	logRounds, key, err := bcryptKey(fields[1], fields[2])
	return setting{
		scheme: "bcrypt", text: "$" + fields[0] + "$" + fields[1] + "$" + fields[2], salt: fields[2],
		encoding: cryptText, joined: true, weak: logRounds < minBcryptCost,
		minDigest: bcryptDigest, maxDigest: bcryptDigest,
		cost:   func(int) cost { return bcryptCost(logRounds) },
		derive: func(password []byte, _ int) ([]byte, error) { return key(password) },
	}, err
}

// bcryptKey returns the cost, which is the binary logarithm of the number of rounds, and the function that derives a
// digest.
func bcryptKey(costText, saltText string) (logRounds int, key func([]byte) ([]byte, error), err error) {
	logRounds, err = strconv.Atoi(costText)
	if err != nil || logRounds < 4 {
		return 0, nil, unusable("bcrypt cost is out of range")
	}
	if logRounds > maxBcryptCost {
		return 0, nil, tooExpensive("bcrypt cost is out of range")
	}
	salt, err := bcrypt.Base64Decode([]byte(saltText))
	if err != nil || len(salt) != 16 {
		return 0, nil, unusable("not a salt of bcrypt")
	}
	return logRounds, func(password []byte) ([]byte, error) {
		return bcrypt.Key(password[:min(len(password), 72)], salt, logRounds)
	}, nil
}

// parseBcryptSHA256 parses the second version of Passlib's scheme: the password goes through HMAC-SHA-256 first, so
// that bcrypt's limit of 72 bytes does not cut it.
func parseBcryptSHA256(fields []string) (setting, error) {
	if len(fields) != 3 {
		return setting{}, unusable("not bcrypt-sha256")
	}
	p, err := parseParameters(fields[1], "v", "t", "r")
	if err != nil || p[0] != "2" || p[1] != "2b" {
		return setting{}, unusable("not the second version of bcrypt-sha256")
	}
	if _, err := parseNumber(p[2], 4, maxBcryptCost); err != nil {
		return setting{}, err
	}
	logRounds, key, err := bcryptKey(p[2], fields[2])
	return setting{
		scheme: "bcrypt-sha256", text: "$bcrypt-sha256$" + fields[1] + "$" + fields[2], salt: fields[2],
		encoding: cryptText, weak: true, minDigest: bcryptDigest, maxDigest: bcryptDigest,
		cost: func(int) cost { return bcryptCost(logRounds) },
		derive: func(password []byte, _ int) ([]byte, error) {
			mac := hmac.New(sha256.New, []byte(fields[2]))
			mac.Write(password)
			return key([]byte(base64.StdEncoding.EncodeToString(mac.Sum(nil))))
		},
	}, err
}
