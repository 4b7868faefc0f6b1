package password

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/go-crypt/crypt"
	"github.com/go-crypt/crypt/algorithm"
	"github.com/go-crypt/crypt/algorithm/bcrypt"
	"github.com/go-crypt/crypt/algorithm/pbkdf2"
	"github.com/go-crypt/crypt/algorithm/scrypt"
)

// legacyHash is a hash that was imported; it is verified once more and then replaced.
type legacyHash struct{ digest algorithm.Digest }

// legacy decodes the schemes by name: the library's own default set may grow with its versions.
var legacy = func() *crypt.Decoder {
	decoder := crypt.NewDecoder()
	for _, register := range []func(algorithm.DecoderRegister) error{
		bcrypt.RegisterDecoder, pbkdf2.RegisterDecoder, scrypt.RegisterDecoderScrypt,
	} {
		if err := register(decoder); err != nil {
			panic(err)
		}
	}
	return decoder
}()

func (l legacyHash) verify(password string) (bool, error) {
	match, err := l.digest.MatchAdvanced(password)
	if err != nil {
		return false, unusable("verification failed")
	}
	return match, nil
}

// parseLegacy does not wrap the library's errors: some of them quote pieces of the hash.
func parseLegacy(phc string) (storedHash, error) {
	digest, err := legacy.Decode(phc)
	if err != nil {
		return nil, unusable("unknown scheme or broken string")
	}
	// Encode writes each parameter once, in one order, whatever the stored string did.
	parts := strings.Split(digest.Encode(), "$")
	if len(parts) < 4 {
		return nil, unusable("unknown scheme or broken string")
	}
	hash := legacyHash{digest}
	switch scheme, costs := parts[1], parts[2]; {
	// The decoder has checked bcrypt's lengths, which are fixed.
	case scheme == bcrypt.AlgIdentifier:
		return hash, checkBcrypt(costs, "%d")
	case scheme == bcrypt.AlgIdentifierVariantSHA256:
		return hash, checkBcrypt(costs, "v=2,t=2b,r=%d")
	case scheme == scrypt.AlgIdentifier:
		err = checkScrypt(costs)
	case strings.HasPrefix(scheme, pbkdf2.AlgIdentifier):
		err = checkPBKDF2(costs)
	default:
		err = unusable("unknown scheme")
	}
	if err != nil {
		return nil, err
	}
	if n := len(digest.Salt()); n < minSalt || n > maxSalt {
		return nil, unusable("salt is not 8 to 64 bytes")
	}
	if n := len(digest.Key()); n < minTag || n > maxTag {
		return nil, unusable("tag is not 16 to 64 bytes")
	}
	return hash, nil
}

func checkBcrypt(params, format string) error {
	var cost int
	if _, err := fmt.Sscanf(params, format, &cost); err != nil || cost > maxBcryptCost {
		return unusable("bcrypt cost is out of range")
	}
	return nil
}

// checkScrypt holds memory, 128 × r × 2^ln bytes, and time, which is that times p, to what Argon2id may take.
func checkScrypt(params string) error {
	var ln, r, p int
	_, err := fmt.Sscanf(params, "ln=%d,r=%d,p=%d", &ln, &r, &p)
	if err != nil || ln < 1 || ln > 30 || r < 1 || r > 1<<16 || p < 1 || p > maxLanes {
		return unusable("scrypt parameters are out of range")
	}
	kib := (uint64(128*r) << ln) >> 10
	if kib > maxMemoryKiB || kib*uint64(p) > maxMemoryPasses {
		return unusable("scrypt parameters are out of range")
	}
	return nil
}

func checkPBKDF2(rounds string) error {
	n, err := strconv.Atoi(rounds)
	if err != nil || n < 1 || n > maxPBKDF2Rounds {
		return unusable("PBKDF2 rounds are out of range")
	}
	return nil
}
