package password

import (
	"fmt"
	"hash"
	"time"

	"github.com/go-crypt/x/crypt"
)

// maxSHACryptRounds take about ten seconds.
const maxSHACryptRounds = 5_000_000

// minCryptSalt is the shortest text of a salt that is stored without wrapping the hash: 8 bytes in base64.
const minCryptSalt = 11

// parseSHACrypt parses crypt's SHA-256 and SHA-512. The default is 5,000 rounds; the stored form always has the number.
// perRound is the time of a round.
func parseSHACrypt(digest func() hash.Hash, length int, perRound time.Duration) func([]string) (setting, error) {
	return func(fields []string) (setting, error) {
		rounds, salt := "5000", fields[len(fields)-1]
		if len(fields) == 3 {
			p, err := parseParameters(fields[1], "rounds")
			if err != nil {
				return setting{}, err
			}
			rounds = p[0]
		}
		n, err := parseNumber(rounds, 1000, maxSHACryptRounds)
		if err != nil {
			return setting{}, err
		}
		if len(fields) > 3 || len(salt) > 16 {
			return setting{}, unusable("SHA-crypt rounds or salt are out of range")
		}
		_, err = cryptText.decode(salt)
		return setting{
			scheme: "SHA-crypt", text: fmt.Sprintf("$%s$rounds=%d$%s", fields[0], n, salt), salt: salt,
			encoding: cryptText, weak: len(salt) < minCryptSalt || n < minSHACryptRounds,
			minDigest: length, maxDigest: length,
			cost: func(int) cost { return digestCost(n, perRound) },
			derive: func(password []byte, _ int) ([]byte, error) {
				return crypt.KeySHACrypt(digest, password, []byte(salt), n), nil
			},
		}, err
	}
}

func parseMD5Crypt(fields []string) (setting, error) {
	if len(fields) != 2 || len(fields[1]) > 8 {
		return setting{}, unusable("not MD5-crypt")
	}
	_, err := cryptText.decode(fields[1])
	return setting{
		scheme: "MD5-crypt", text: "$1$" + fields[1], salt: fields[1], encoding: cryptText, weak: true,
		minDigest: 22, maxDigest: 22,
		cost: func(int) cost { return digestCost(1000, 200) },
		derive: func(password []byte, _ int) ([]byte, error) {
			return crypt.KeyMD5Crypt(password, []byte(fields[1])), nil
		},
	}, err
}
