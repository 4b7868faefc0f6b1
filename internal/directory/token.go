package directory

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"strings"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/store"
)

// A bearer token is a prefix, then the id of the user, the id of the session, API key or set-up link, and a secret of
// 256 bits, all in base64url. The prefix says what kind of token it is, and lets secret scanners find leaked tokens.
// With the ids, a check needs one look-up by primary key. Only a keyed hash of the secret is stored.
const (
	SessionPrefix = "cs_"
	APIKeyPrefix  = "ck_"
	SetupPrefix   = "cl_"

	secretBytes = 32
	tokenBytes  = 16 + 16 + secretBytes
)

// IsSessionToken reports whether a bearer token has the prefix of session tokens.
func IsSessionToken(bearer string) bool { return strings.HasPrefix(bearer, SessionPrefix) }

// IsAPIKey reports whether a bearer token has the prefix of API keys.
func IsAPIKey(bearer string) bool { return strings.HasPrefix(bearer, APIKeyPrefix) }

// Token is a bearer token with the hash of its secret.
type Token struct {
	UserID, ID uuid.UUID
	Hash       [sha256.Size]byte

	prefix string
}

// NewToken creates a token and returns it with its text.
func NewToken(prefix string, userID, id uuid.UUID) (Token, cardinal.Secret) {
	var raw [tokenBytes]byte
	copy(raw[:16], userID[:])
	copy(raw[16:32], id[:])
	rand.Read(raw[32:]) // never fails (crypto/rand)
	text := prefix + base64.RawURLEncoding.EncodeToString(raw[:])
	return Token{userID, id, sha256.Sum256(raw[32:]), prefix}, cardinal.Secret(text)
}

// ParseToken parses the text of a token; false when it is not a token with that prefix.
func ParseToken(prefix, text string) (Token, bool) {
	encoded, ok := strings.CutPrefix(text, prefix)
	var raw [tokenBytes]byte
	if !ok || len(encoded) != base64.RawURLEncoding.EncodedLen(tokenBytes) {
		return Token{}, false
	}
	if n, err := base64.RawURLEncoding.Strict().Decode(raw[:], []byte(encoded)); err != nil || n != tokenBytes {
		return Token{}, false
	}
	return Token{uuid.UUID(raw[:16]), uuid.UUID(raw[16:32]), sha256.Sum256(raw[32:]), prefix}, true
}

// keyedToken is the first byte of what is stored of a token under the service key.
const keyedToken = 2

// TokenHashes returns what is stored of a token: its HMAC under a service key. The ids are part of it, so that a row
// with the hash of another row verifies no token, and a row that was inserted without the key verifies none either.
func (k *Keys) TokenHashes(t Token) store.TokenHashes {
	mac := k.tokens.MAC(t.prefix, t.UserID[:], t.ID[:], t.Hash[:])
	return store.TokenHashes{Keyed: append([]byte{keyedToken}, mac[:]...), Older: t.Hash[:]}
}

// VerifyToken reports whether a token is the one that a row was stored for. Rows of before the contraction of migration
// 0022 have the older form until they are converted; the database refuses new ones.
func (k *Keys) VerifyToken(t Token, stored []byte) bool {
	hashes := k.TokenHashes(t)
	if len(stored) == len(hashes.Older) {
		return subtle.ConstantTimeCompare(stored, hashes.Older) == 1
	}
	return subtle.ConstantTimeCompare(stored, hashes.Keyed) == 1
}
