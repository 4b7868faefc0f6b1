package store

import (
	"context"
	"time"

	"github.com/google/uuid"

	"cardinal"
)

// SetupLinkRecord is a row of setup_links.
type SetupLinkRecord struct {
	ID                   uuid.UUID
	TokenHash            []byte // what is stored of the token in the link
	OlderTokenHash       []byte // for InsertSetupLink: TokenHashes.Older
	CreatedAt, ExpiresAt time.Time
	UsedAt               *time.Time
}

const setupLinkColumns = `id, token_hash, created_at, expires_at, used_at`

func scanSetupLink(row scanner) (l SetupLinkRecord, err error) {
	err = row.Scan(&l.ID, &l.TokenHash, timeInto{&l.CreatedAt}, timeInto{&l.ExpiresAt}, nullTimeInto{&l.UsedAt})
	return l, err
}

// setupLinkOfToken finds the link of a token. From the contraction on, only the keyed form counts: older links end, and
// a row that was inserted without the key is not found.
const setupLinkOfToken = `SELECT ` + setupLinkColumns + ` FROM setup_links
		 WHERE (token_hash = $1 OR token_hash = $2 AND NOT ` + tokensAreKeyed + `)`

// SetupLink returns the link of a token.
func (r Reader) SetupLink(ctx context.Context, token TokenHashes) (SetupLinkRecord, error) {
	return queryOne(ctx, r, scanSetupLink, setupLinkOfToken, token.Keyed, token.Older)
}

// LockSetupLink returns the link of a token, also if it has expired or was used, and locks it until the
// transaction ends.
func (tx Tx) LockSetupLink(ctx context.Context, token TokenHashes) (SetupLinkRecord, error) {
	return queryOne(ctx, tx.Reader, scanSetupLink, setupLinkOfToken+tx.engine.lockRow, token.Keyed, token.Older)
}

// InsertSetupLink adds a link. Which form of its token is stored depends on the migrations.
func (tx Tx) InsertSetupLink(ctx context.Context, l SetupLinkRecord) error {
	_, err := tx.exec(ctx, `
		INSERT INTO setup_links (`+setupLinkColumns+`) VALUES ($1, `+tx.engine.tokenHash(2, 6)+`, $3, $4, $5)`,
		l.ID, l.TokenHash, l.CreatedAt, l.ExpiresAt, l.UsedAt,
		TokenHashes{l.TokenHash, l.OlderTokenHash}.orKeyed())
	return err
}

// MarkSetupLinkUsed marks a link as used; cardinal.ErrNotFound if it does not exist or was used before.
func (tx Tx) MarkSetupLinkUsed(ctx context.Context, id uuid.UUID, now time.Time) error {
	n, err := tx.exec(ctx, `UPDATE setup_links SET used_at = $2 WHERE id = $1 AND used_at IS NULL`, id, now)
	if err == nil && n == 0 {
		return cardinal.ErrNotFound
	}
	return err
}

// DeleteEndedSetupLinks deletes links that were used or have expired.
func (tx Tx) DeleteEndedSetupLinks(ctx context.Context, now time.Time) error {
	_, err := tx.exec(ctx, `DELETE FROM setup_links WHERE used_at IS NOT NULL OR expires_at <= $1`, now)
	return err
}

// HasAdministrator reports whether every role with min_holders has at least one user without expiry who can sign in.
func (r Reader) HasAdministrator(ctx context.Context) (bool, error) {
	// The status and the kind are looked up per user of the role. With a join, PostgreSQL may read all users.
	return queryOne(ctx, r, scanBool, `
		SELECT NOT EXISTS (
		  SELECT 1 FROM roles r
		   WHERE r.min_holders > 0 AND (
		     SELECT 1 FROM user_roles g
		      WHERE g.role_id = r.id AND g.expires_at IS NULL AND (
		        SELECT s.can_sign_in AND k.can_sign_in
		          FROM users u JOIN user_statuses s ON s.code = u.status JOIN user_kinds k ON k.code = u.kind
		         WHERE u.id = g.user_id)
		      LIMIT 1) IS NULL)`)
}
