package importfile

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/bits"
	"regexp"
	"strings"
)

// FirebaseHash is how a Firebase project hashes passwords.
type FirebaseHash struct{ SignerKey, SaltSeparator, Rounds, MemoryCost string }

var firebaseParameter = regexp.MustCompile(`"?(base64_signer_key|base64_salt_separator|rounds|mem_cost)"?\s*:\s*"?([A-Za-z0-9+/=_-]+)`)

// ReadFirebaseHash reads the hash configuration as the Firebase console shows it.
func ReadFirebaseHash(shown string) (FirebaseHash, error) {
	var h FirebaseHash
	for _, m := range firebaseParameter.FindAllStringSubmatch(shown, -1) {
		*map[string]*string{"base64_signer_key": &h.SignerKey, "base64_salt_separator": &h.SaltSeparator, "rounds": &h.Rounds, "mem_cost": &h.MemoryCost}[m[1]] = m[2]
	}
	if h.SignerKey == "" || h.Rounds == "" || h.MemoryCost == "" {
		return h, fmt.Errorf("%w: the hash configuration has to say base64_signer_key, base64_salt_separator, rounds and mem_cost", ErrFile)
	}
	return h, nil
}

func (h FirebaseHash) text(salt, hash string) string {
	return fmt.Sprintf("$fbscrypt$v=1,n=%s,r=%s,p=1,ss=%s,sk=%s$%s$%s", h.MemoryCost, h.Rounds, plain64(h.SaltSeparator), plain64(h.SignerKey), plain64(salt), plain64(hash))
}

// plain64 is base64 of the standard alphabet without padding: Firebase's tools write the one for links.
func plain64(s string) string {
	return strings.TrimRight(strings.NewReplacer("-", "+", "_", "/").Replace(s), "=")
}

// fireScrypt puts Kratos' form of Firebase's scrypt into Cardinal's, and leaves others as they are.
func fireScrypt(hash string) string {
	parts := strings.Split(hash, "$")
	if len(parts) != 7 || parts[1] != "firescrypt" {
		return hash
	}
	var memory, rounds, lanes int
	if n, err := fmt.Sscanf(parts[2], "ln=%d,r=%d,p=%d", &memory, &rounds, &lanes); n != 3 || err != nil {
		return hash
	}
	h := FirebaseHash{SignerKey: parts[6], SaltSeparator: parts[5], Rounds: fmt.Sprint(rounds), MemoryCost: fmt.Sprint(memory)}
	return h.text(parts[3], parts[4])
}

// auth0Hash is what a custom_password_hash of Auth0's import format says.
type auth0Hash struct {
	Algorithm string `json:"algorithm"`
	Hash      coded  `json:"hash"`
	Salt      *struct {
		coded
		Position string `json:"position"`
	} `json:"salt"`
	Cost        int `json:"cost"`
	BlockSize   int `json:"blockSize"`
	Parallelism int `json:"parallelization"`
}

type coded struct {
	Value    string `json:"value"`
	Encoding string `json:"encoding"`
}

func (c coded) bytes() ([]byte, bool) {
	var b []byte
	var err error
	switch c.Encoding {
	case "hex":
		b, err = hex.DecodeString(c.Value)
	case "base64":
		b, err = base64.RawStdEncoding.DecodeString(plain64(c.Value))
	default:
		b = []byte(c.Value)
	}
	return b, err == nil
}

// text puts the hash into PHC or crypt form; false when no form has it.
func (h *auth0Hash) text() (string, bool) {
	switch h.Algorithm {
	case "bcrypt", "argon2", "pbkdf2", "ldap":
		return h.Hash.Value, true
	}
	digest, ok := h.Hash.bytes()
	var salt []byte
	position := "suffix"
	if h.Salt != nil {
		var fine bool
		salt, fine = h.Salt.bytes()
		ok = ok && fine
		if h.Salt.Position == "prefix" {
			position = "prefix"
		}
	}
	encode := base64.RawStdEncoding.EncodeToString
	switch h.Algorithm {
	case "md5", "sha1", "sha256", "sha512":
		return "$salted-" + h.Algorithm + "$" + position + "$" + encode(salt) + "$" + encode(digest), ok
	case "scrypt":
		if h.Cost < 2 || bits.OnesCount(uint(h.Cost)) != 1 {
			return "", false
		}
		return fmt.Sprintf("$scrypt$ln=%d,r=%d,p=%d$%s$%s", bits.TrailingZeros(uint(h.Cost)), h.BlockSize, h.Parallelism, encode(salt), encode(digest)), ok
	}
	return "", false
}

// keycloakCredential is a credential of Keycloak's: two texts that are JSON.
type keycloakCredential struct {
	Type    string `json:"type"`
	Created text   `json:"createdDate"`
	Secret  string `json:"secretData"`
	Data    string `json:"credentialData"`
}

func (c keycloakCredential) text() (string, bool) {
	var secret struct{ Value, Salt string }
	var data struct {
		Iterations int                 `json:"hashIterations"`
		Algorithm  string              `json:"algorithm"`
		More       map[string][]string `json:"additionalParameters"`
	}
	if json.Unmarshal([]byte(c.Secret), &secret) != nil || json.Unmarshal([]byte(c.Data), &data) != nil {
		return "", false
	}
	salt, hash := plain64(secret.Salt), plain64(secret.Value)
	more := func(name, otherwise string) string {
		if v := data.More[name]; len(v) > 0 {
			return v[0]
		}
		return otherwise
	}
	switch data.Algorithm {
	case "pbkdf2", "pbkdf2-sha256", "pbkdf2-sha512":
		return fmt.Sprintf("$%s$%d$%s$%s", data.Algorithm, data.Iterations, salt, hash), true
	case "argon2":
		return fmt.Sprintf("$argon2%s$v=19$m=%s,t=%d,p=%s$%s$%s", more("type", "id"), more("memory", "7168"), data.Iterations, more("parallelism", "1"), salt, hash), more("version", "1.3") == "1.3"
	case "bcrypt":
		return secret.Value, true
	}
	return "", false
}
