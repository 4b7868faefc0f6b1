package store

import (
	"context"
	"time"

	"github.com/google/uuid"

	"cardinal"
)

// APIKeyRecord is a row of api_keys as stored, with the roles of the key.
type APIKeyRecord struct {
	UserID, ID           uuid.UUID
	NameSealed           []byte
	TokenHash            []byte // what is stored of the key
	OlderTokenHash       []byte // for InsertAPIKey: TokenHashes.Older
	Hint                 string
	RoleIDs              []uuid.UUID // sorted; rows of api_key_roles
	CreatedAt, ExpiresAt time.Time
	RevokedAt            *time.Time
	SchemaVersion        int64
}

// #nosec G101 -- names of columns
const apiKeyColumns = `user_id, id, name_sealed, token_hash, hint, created_at, expires_at, revoked_at, schema_version`

// DigestAPIKey digests a row of api_keys, without the form in which the key is stored, which changes without an event.
// Its roles are rows of their own.
func DigestAPIKey(k APIKeyRecord) cardinal.RowDigest {
	return digestRow("api_keys", keyOf(k.UserID, k.ID), 0, k.UserID, k.ID, k.NameSealed, k.Hint, k.CreatedAt,
		k.ExpiresAt, k.RevokedAt, k.SchemaVersion)
}

// DigestAPIKeyRole digests a row of api_key_roles.
func DigestAPIKeyRole(userID, apiKeyID, roleID uuid.UUID) cardinal.RowDigest {
	return digestRow("api_key_roles", keyOf(userID, apiKeyID, roleID), 0, userID, apiKeyID, roleID)
}

// APIKey returns an API key, also if it has expired or was revoked.
func (r Reader) APIKey(ctx context.Context, id uuid.UUID) (APIKeyRecord, error) {
	w := whereClause{}
	w.and(`id = $%d`, id)
	found, err := r.apiKeys(ctx, w, false)
	if err == nil && len(found) == 0 {
		return APIKeyRecord{}, cardinal.ErrNotFound
	}
	if err != nil {
		return APIKeyRecord{}, err
	}
	return found[0], nil
}

// APIKeys returns a page of the API keys of a service account (uuid.Nil: of all), including expired and revoked ones;
// one more than the limit if there are more.
func (r Reader) APIKeys(ctx context.Context, userID uuid.UUID, p cardinal.Page) ([]APIKeyRecord, error) {
	w := whereClause{}
	if userID != uuid.Nil {
		w.and(`user_id = $%d`, userID)
	}
	w.page(`id`, allIDs(p))
	return r.apiKeys(ctx, w, p.Descending)
}

// apiKeys reads keys and their roles in one statement, one row per role.
func (r Reader) apiKeys(ctx context.Context, w whereClause, descending bool) ([]APIKeyRecord, error) {
	order := ``
	if descending {
		order = ` DESC`
	}
	type keyRole struct {
		key  APIKeyRecord
		role uuid.NullUUID
	}
	rows, err := queryAll(ctx, r, func(row scanner) (x keyRole, err error) {
		k := &x.key
		err = row.Scan(&k.UserID, &k.ID, &k.NameSealed, &k.TokenHash, &k.Hint, timeInto{&k.CreatedAt},
			timeInto{&k.ExpiresAt}, nullTimeInto{&k.RevokedAt}, &k.SchemaVersion, &x.role)
		return x, err
	}, `
		SELECT k.user_id, k.id, k.name_sealed, k.token_hash, k.hint, k.created_at, k.expires_at, k.revoked_at,
		       k.schema_version, kr.role_id
		  FROM (SELECT `+apiKeyColumns+` FROM api_keys`+w.sql()+`) k
		  LEFT JOIN api_key_roles kr ON kr.user_id = k.user_id AND kr.api_key_id = k.id
		 ORDER BY k.id`+order+`, kr.role_id`, w.args...)
	if err != nil {
		return nil, err
	}
	found := []APIKeyRecord{}
	for _, row := range rows {
		if len(found) == 0 || found[len(found)-1].ID != row.key.ID {
			row.key.RoleIDs = []uuid.UUID{}
			found = append(found, row.key)
		}
		if row.role.Valid {
			last := &found[len(found)-1]
			last.RoleIDs = append(last.RoleIDs, row.role.UUID)
		}
	}
	return found, nil
}

// InsertAPIKey adds an API key with its roles. A role that the service account does not have Violates
// "api_key_roles_user_role_fk", on SQLite "foreign_key". Which form of the key is stored depends on the migrations.
func (tx Tx) InsertAPIKey(ctx context.Context, k APIKeyRecord) error {
	_, err := tx.exec(ctx, `
		INSERT INTO api_keys (`+apiKeyColumns+`)
		VALUES ($1, $2, $3, `+tx.engine.tokenHash(4, 10)+`, $5, $6, $7, $8, $9)`,
		k.UserID, k.ID, k.NameSealed, k.TokenHash, k.Hint, k.CreatedAt, k.ExpiresAt, k.RevokedAt, k.SchemaVersion,
		TokenHashes{k.TokenHash, k.OlderTokenHash}.orKeyed())
	if err != nil {
		return err
	}
	for _, roleID := range k.RoleIDs {
		_, err := tx.exec(ctx, `INSERT INTO api_key_roles (user_id, api_key_id, role_id) VALUES ($1, $2, $3)`,
			k.UserID, k.ID, roleID)
		if err != nil {
			return err
		}
	}
	return nil
}

// RevokeAPIKey revokes an API key and returns it; cardinal.ErrNotFound if it does not exist or was already revoked.
func (tx Tx) RevokeAPIKey(ctx context.Context, userID, id uuid.UUID, now time.Time) (APIKeyRecord, error) {
	n, err := tx.exec(ctx, `
		UPDATE api_keys SET revoked_at = $3 WHERE user_id = $1 AND id = $2 AND revoked_at IS NULL`, userID, id, now)
	if err != nil {
		return APIKeyRecord{}, err
	}
	if n == 0 {
		return APIKeyRecord{}, cardinal.ErrNotFound
	}
	return tx.APIKey(ctx, id)
}

// APIKeyAuth is everything that decides whether an API key is valid.
type APIKeyAuth struct {
	TokenHash      []byte
	ExpiresAt      time.Time
	RevokedAt      *time.Time
	Status         string
	CanHoldAPIKeys bool // the user's kind
	CanSignIn      bool // the user's status
	OlderToken     bool // the key is stored without the service key, and can be converted
}

// AuthenticateAPIKey returns what decides whether an API key is valid. The caller verifies the key.
func (r Reader) AuthenticateAPIKey(ctx context.Context, userID, id uuid.UUID) (APIKeyAuth, error) {
	return queryOne(ctx, r, func(row scanner) (a APIKeyAuth, err error) {
		err = row.Scan(&a.TokenHash, timeInto{&a.ExpiresAt}, nullTimeInto{&a.RevokedAt}, &a.Status, &a.CanHoldAPIKeys,
			&a.CanSignIn, &a.OlderToken)
		return a, err
	}, `
		SELECT x.token_hash, x.expires_at, x.revoked_at, u.status, k.can_hold_api_keys, s.can_sign_in,
		       `+olderToken+`
		  FROM api_keys x
		  JOIN users u ON u.id = x.user_id
		  JOIN user_kinds k ON k.code = u.kind
		  JOIN user_statuses s ON s.code = u.status
		 WHERE x.user_id = $1 AND x.id = $2`, userID, id)
}
