package directory

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strings"

	"github.com/google/uuid"

	"cardinal"
)

// A bearer token is a prefix, then the id of the user, the id of the session, API key or set-up link, and a secret of
// 256 bits, all in base64url. The prefix says what kind of token it is, and lets secret scanners find leaked tokens.
// With the ids, a check needs one look-up by primary key. Only the hash of the secret is stored.
const (
	SessionPrefix = "cs_"
	APIKeyPrefix  = "ck_"
	SetupPrefix   = "cl_"

	secretBytes = 32
	tokenBytes  = 16 + 16 + secretBytes
)

// IsSessionToken reports whether a bearer token has the prefix of session tokens.
func IsSessionToken(bearer string) bool { return strings.HasPrefix(bearer, SessionPrefix) }

// Token is a bearer token with the hash of its secret.
type Token struct {
	UserID, ID uuid.UUID
	Hash       [sha256.Size]byte
}

// NewToken creates a token and returns it with its text.
func NewToken(prefix string, userID, id uuid.UUID) (Token, cardinal.Secret) {
	var raw [tokenBytes]byte
	copy(raw[:16], userID[:])
	copy(raw[16:32], id[:])
	rand.Read(raw[32:]) // never fails (crypto/rand)
	text := prefix + base64.RawURLEncoding.EncodeToString(raw[:])
	return Token{userID, id, sha256.Sum256(raw[32:])}, cardinal.Secret(text)
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
	return Token{uuid.UUID(raw[:16]), uuid.UUID(raw[16:32]), sha256.Sum256(raw[32:])}, true
}
