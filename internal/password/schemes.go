package password

import (
	"crypto/pbkdf2"
	"crypto/sha1" // #nosec G505 -- imported hashes have it
	"crypto/sha256"
	"crypto/sha512"
	"hash"
	"time"

	"github.com/go-crypt/x/argon2"
	"golang.org/x/crypto/scrypt"
)

// schemes has the parser of the setting of each scheme by the name of the scheme. Every parser limits the costs.
var schemes = map[string]func(fields []string) (setting, error){
	"argon2i": parseArgon2, "argon2d": parseArgon2, schemeArgon2id: parseArgon2,
	"2a": parseBcrypt, "2b": parseBcrypt, "2y": parseBcrypt, "bcrypt-sha256": parseBcryptSHA256,
	"scrypt":        parseScrypt,
	"pbkdf2":        parsePBKDF2(sha1.New, minPBKDF2SHA1, 140),
	"pbkdf2-sha256": parsePBKDF2(sha256.New, minPBKDF2SHA256, 140),
	"pbkdf2-sha512": parsePBKDF2(sha512.New, minPBKDF2SHA512, 370),
	"5":             parseSHACrypt(sha256.New, 43, 115),
	"6":             parseSHACrypt(sha512.New, 86, 255),
	"1":             parseMD5Crypt,
	"fbscrypt":      parseFirebase,
	"salted-md5":    parseSalted, "salted-sha1": parseSalted,
	"salted-sha256": parseSalted, "salted-sha512": parseSalted,
}

func parseArgon2(fields []string) (setting, error) {
	if len(fields) != 4 || fields[1] != "v=19" {
		return setting{}, unusable("not Argon2 version 19")
	}
	n, err := parseNumbers(fields[2], "m", "t", "p")
	if err != nil {
		return setting{}, err
	}
	if n[2] > maxLanes || n[0] > maxMemoryKiB {
		return setting{}, tooExpensive("Argon2 parameters are out of range")
	}
	p := Params{uint32(n[0]), uint32(n[1]), uint8(n[2])} // #nosec G115 -- parseNumbers bounds them
	if err := p.check(); err != nil {
		return setting{}, err
	}
	salt, short, err := decodeSalt(fields[3], base64Std)
	if err != nil || short {
		return setting{}, unusable("salt is not 8 to 64 bytes")
	}
	key := map[string]func(password, salt []byte, time, memory, threads, length uint32) []byte{
		"argon2i": argon2.IKey, "argon2d": argon2.DKey, schemeArgon2id: argon2.IDKey}[fields[0]]
	text := base64Std.encode(salt)
	return setting{
		scheme: "A" + fields[0][1:], text: "$" + fields[0] + "$v=19$" + fields[2] + "$" + text, salt: text,
		encoding: base64Std, weak: p.isWeak(), minDigest: minTag, maxDigest: maxTag,
		cost: func(int) cost { return p.cost() },
		derive: func(password []byte, length int) ([]byte, error) {
			// #nosec G115 -- a digest is at most maxTag bytes
			return key(password, salt, p.Iterations, p.MemoryKiB, uint32(p.Parallelism), uint32(length)), nil
		},
	}, nil
}

// parseScrypt limits the memory, 128 × r × 2^ln bytes, and the time, which is the memory times p, to the limits of
// Argon2id.
func parseScrypt(fields []string) (setting, error) {
	if len(fields) != 3 {
		return setting{}, unusable("not scrypt")
	}
	n, err := parseNumbers(fields[1], "ln", "r", "p")
	if err != nil {
		return setting{}, err
	}
	if n[0] > 30 || n[1] > 1<<16 || n[2] > maxLanes {
		return setting{}, tooExpensive("scrypt parameters are out of range")
	}
	kib := (uint64(128*n[1]) << n[0]) >> 10                       // #nosec G115 -- bounded above
	if kib > maxMemoryKiB || kib*uint64(n[2]) > maxMemoryPasses { // #nosec G115 -- bounded above
		return setting{}, tooExpensive("scrypt parameters are out of range")
	}
	salt, short, err := decodeSalt(fields[2], base64Std)
	text := base64Std.encode(salt)
	return setting{
		scheme: "scrypt", text: "$scrypt$" + fields[1] + "$" + text, salt: text, encoding: base64Std,
		weak: short || kib < minScryptKiB, minDigest: minTag, maxDigest: maxTag,
		cost: func(int) cost { return scryptCost(int(kib), n[2]) }, // #nosec G115 -- at most maxMemoryKiB
		derive: func(password []byte, length int) ([]byte, error) {
			return scrypt.Key(password, salt, 1<<n[0], n[1], n[2], length)
		},
	}, err
}

// parsePBKDF2 parses Passlib's form, and the one with i=…,l=…, which is stored in Passlib's form: the length of the tag
// is known from the tag. perRound is the time of a round for one block.
func parsePBKDF2(digest func() hash.Hash, minRounds int, perRound time.Duration) func([]string) (setting, error) {
	size := digest().Size()
	return func(fields []string) (setting, error) {
		if len(fields) != 3 {
			return setting{}, unusable("not PBKDF2")
		}
		roundsText := fields[1]
		if p, err := parseParameters(roundsText, "i", "l"); err == nil {
			roundsText = p[0]
		} else if p, err := parseParameters(roundsText, "i"); err == nil {
			roundsText = p[0]
		}
		rounds, err := parseNumber(roundsText, 1, maxPBKDF2Rounds)
		if err != nil {
			return setting{}, err
		}
		salt, short, err := decodeSalt(fields[2], base64Dot)
		text := base64Dot.encode(salt)
		return setting{
			scheme: "PBKDF2", text: "$" + fields[0] + "$" + roundsText + "$" + text, salt: text, encoding: base64Dot,
			weak: short || rounds < minRounds, minDigest: minTag, maxDigest: maxTag,
			cost: func(length int) cost { return digestCost(rounds*((length+size-1)/size), perRound) },
			derive: func(password []byte, length int) ([]byte, error) {
				return pbkdf2.Key(digest, string(password), salt, rounds, length)
			},
		}, err
	}
}
