package store

import (
	"context"
	"fmt"

	"github.com/google/uuid"
)

// tokensAreKeyed is whether the contraction is applied from which on tokens are stored under a service key. Each
// statement asks for itself: a statement that waited for the contraction's lock reads what that has committed.
const tokensAreKeyed = `EXISTS (SELECT 1 FROM schema_migrations WHERE number = 22 AND phase = 'contract')`

// TokenHashes are the two forms in which a token can be stored.
type TokenHashes struct {
	Keyed []byte // 33 bytes: 0x02, and the HMAC under a service key
	Older []byte // SHA-256 of the secret, which programs before the contraction store; nil: Keyed is stored always
}

// orKeyed returns the older form, if there is one.
func (t TokenHashes) orKeyed() []byte {
	if t.Older == nil {
		return t.Keyed
	}
	return t.Older
}

// tokenHash is the expression that chooses the form to store: $keyed or $older.
func (e *engine) tokenHash(keyed, older int) string {
	return fmt.Sprintf(`CASE WHEN %s THEN CAST($%d AS %s) ELSE CAST($%d AS %[3]s) END`,
		tokensAreKeyed, keyed, e.blobType, older)
}

// ConvertSessionToken stores the token of a session in the keyed form, if it is stored in the older one.
func (tx Tx) ConvertSessionToken(ctx context.Context, userID, id uuid.UUID, t TokenHashes) error {
	return tx.convertToken(ctx, `sessions`, userID, id, t)
}

// ConvertAPIKeyToken stores an API key in the keyed form, if it is stored in the older one.
func (tx Tx) ConvertAPIKeyToken(ctx context.Context, userID, id uuid.UUID, t TokenHashes) error {
	return tx.convertToken(ctx, `api_keys`, userID, id, t)
}

func (tx Tx) convertToken(ctx context.Context, table string, userID, id uuid.UUID, t TokenHashes) error {
	_, err := tx.exec(ctx, `
		UPDATE `+table+` SET token_hash = $4
		 WHERE user_id = $1 AND id = $2 AND token_hash = $3 AND `+tokensAreKeyed, userID, id, t.Older, t.Keyed)
	return err
}
