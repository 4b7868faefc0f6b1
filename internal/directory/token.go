package directory

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strings"

	"github.com/google/uuid"

	"cardinal"
)

// A bearer token is a prefix that tells what it opens (and lets scanners find leaked ones), then user id, own id and a secret
// of 256 bits, in base64url. The ids make its check one look-up by primary key; only the hash of the secret is stored.
const (
	SessionPrefix = "cs_"
	APIKeyPrefix  = "ck_"
	SetupPrefix   = "cl_"

	secretBytes = 32
	tokenBytes  = 16 + 16 + secretBytes
)

// IsSessionToken reports whether a bearer token has the form of a session's.
func IsSessionToken(bearer string) bool { return strings.HasPrefix(bearer, SessionPrefix) }

type Token struct {
	UserID, ID uuid.UUID
	Hash       [sha256.Size]byte
}

// NewToken makes a token and its text.
func NewToken(prefix string, userID, id uuid.UUID) (Token, cardinal.Secret) {
	var raw [tokenBytes]byte
	copy(raw[:16], userID[:])
	copy(raw[16:32], id[:])
	rand.Read(raw[32:]) // never fails (crypto/rand)
	return Token{userID, id, sha256.Sum256(raw[32:])}, cardinal.Secret(prefix + base64.RawURLEncoding.EncodeToString(raw[:]))
}

// ParseToken reads a token's text; false when it is not one of that prefix.
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
