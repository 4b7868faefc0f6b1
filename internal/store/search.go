// The search index: tokens by which users are found (search_tokens), and the scans of all users that build it
// (search_builds). The algorithm of a search over tokens is in pagescan.go.

package store

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// SearchToken is a row of search_tokens: a search for the token finds the user.
type SearchToken struct {
	Token  []byte // 16 bytes
	UserID uuid.UUID
}

// SearchBuild is a scan of all users that builds the search index.
type SearchBuild struct {
	ID         uuid.UUID
	Place      uuid.UUID // the last user scanned; uuid.Nil before the first
	BeganAt    time.Time
	FinishedAt *time.Time
	Form       int64 // which tokens it writes; the numbers are those of the directory
}

const searchBuildColumns = `id, place, began_at, finished_at, form`

func scanSearchBuild(row scanner) (b SearchBuild, err error) {
	var place uuid.NullUUID
	err = row.Scan(&b.ID, &place, timeInto{&b.BeganAt}, nullTimeInto{&b.FinishedAt}, &b.Form)
	b.Place = place.UUID
	return b, err
}

// LatestFinishedSearchBuild returns the latest finished scan; cardinal.ErrNotFound if there is none.
func (r Reader) LatestFinishedSearchBuild(ctx context.Context) (SearchBuild, error) {
	return queryOne(ctx, r, scanSearchBuild, `
		SELECT `+searchBuildColumns+` FROM search_builds WHERE finished_at IS NOT NULL ORDER BY id DESC LIMIT 1`)
}

// LockRunningSearchBuild returns the unfinished scan and locks it until the transaction ends, so that no other node
// continues it; cardinal.ErrNotFound if there is none.
func (tx Tx) LockRunningSearchBuild(ctx context.Context) (SearchBuild, error) {
	return queryOne(ctx, tx.Reader, scanSearchBuild, `
		SELECT `+searchBuildColumns+` FROM search_builds WHERE finished_at IS NULL`+tx.engine.lockRow)
}

// InsertSearchBuild starts a scan; it Violates "search_builds_one_running_uq" while another one is unfinished.
func (tx Tx) InsertSearchBuild(ctx context.Context, b SearchBuild) error {
	_, err := tx.exec(ctx, `INSERT INTO search_builds (`+searchBuildColumns+`) VALUES ($1, $2, $3, $4, $5)`,
		b.ID, uuid.NullUUID{UUID: b.Place, Valid: b.Place != uuid.Nil}, b.BeganAt, b.FinishedAt, b.Form)
	return err
}

// UpdateSearchBuild saves the progress of a scan.
func (tx Tx) UpdateSearchBuild(ctx context.Context, b SearchBuild) error {
	_, err := tx.exec(ctx, `UPDATE search_builds SET place = $2, finished_at = $3 WHERE id = $1`,
		b.ID, b.Place, b.FinishedAt)
	return err
}

// DeleteSearchBuilds deletes the record of all scans: the index counts as incomplete again.
func (tx Tx) DeleteSearchBuilds(ctx context.Context) error {
	_, err := tx.exec(ctx, `DELETE FROM search_builds`)
	return err
}

// LockUserIDsAfter returns the ids of the next users after an id, without the erased ones, and locks these users until
// the transaction ends.
func (tx Tx) LockUserIDsAfter(ctx context.Context, after uuid.UUID, limit int) ([]uuid.UUID, error) {
	return queryAll(ctx, tx.Reader, scanID, `
		SELECT id FROM users WHERE id > $1 AND erased_at IS NULL ORDER BY id LIMIT $2`+tx.engine.lockRow, after, limit)
}

// ReplaceSearchTokens replaces the tokens of some users.
func (tx Tx) ReplaceSearchTokens(ctx context.Context, userIDs []uuid.UUID, tokens []SearchToken) error {
	if len(userIDs) == 0 {
		return nil
	}
	list, args := placeholders(userIDs)
	if _, err := tx.exec(ctx, `DELETE FROM search_tokens WHERE user_id IN (`+list+`)`, args...); err != nil {
		return err
	}
	return tx.InsertSearchTokens(ctx, tokens)
}

// InsertSearchTokens adds tokens that the users do not have yet. Each statement has a power of two of them, so that
// there are few different statement texts.
func (tx Tx) InsertSearchTokens(ctx context.Context, tokens []SearchToken) error {
	for n := 64; n > 0; n /= 2 {
		for ; len(tokens) >= n; tokens = tokens[n:] {
			args := make([]any, 0, 2*n)
			for _, t := range tokens[:n] {
				args = append(args, t.Token, t.UserID)
			}
			values := make([]string, n)
			for i := range values {
				values[i] = "(" + param(2*i+1) + ", " + param(2*i+2) + ")"
			}
			query := `INSERT INTO search_tokens (token, user_id) VALUES ` + strings.Join(values, ", ")
			if err := tx.execDeferred(ctx, query, args...); err != nil {
				return err
			}
		}
	}
	return nil
}

// SearchTokens returns the tokens of a user.
func (r Reader) SearchTokens(ctx context.Context, userID uuid.UUID) ([][]byte, error) {
	return queryAll(ctx, r, func(row scanner) (token []byte, err error) { err = row.Scan(&token); return token, err },
		`SELECT token FROM search_tokens WHERE user_id = $1 ORDER BY token LIMIT 1000`, userID)
}

// DeleteSearchIndex deletes a part of the search index: the record of all scans, and the tokens of so many users that
// together they have at least limit tokens. It returns the number of deleted tokens.
func (tx Tx) DeleteSearchIndex(ctx context.Context, limit int) (int64, error) {
	if err := tx.DeleteSearchBuilds(ctx); err != nil {
		return 0, err
	}
	ids, err := queryAll(ctx, tx.Reader, scanID, `SELECT user_id FROM search_tokens ORDER BY user_id LIMIT $1`, limit)
	if ids = slices.Compact(ids); err != nil || len(ids) == 0 {
		return 0, err
	}
	list, args := placeholders(ids)
	return tx.exec(ctx, `DELETE FROM search_tokens WHERE user_id IN (`+list+`)`, args...)
}
