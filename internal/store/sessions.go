package store

import (
	"context"
	"time"

	"github.com/google/uuid"

	"cardinal"
)

// SessionRecord is a row of sessions as stored.
type SessionRecord struct {
	UserID, ID                     uuid.UUID
	TokenHash                      []byte // what is stored of the bearer token
	OlderTokenHash                 []byte // for InsertSession: TokenHashes.Older
	Method                         string
	Assurance                      int64
	CreatedAt, LastSeenAt          time.Time
	IdleSeconds                    int64
	ExpiresAt                      time.Time
	RevokedAt                      *time.Time
	EndReason                      *string    // why the session was revoked
	ConfirmedAt                    *time.Time // when the user last confirmed the session with a factor
	AddressSealed, UserAgentSealed []byte
	SchemaVersion                  int64
}

const sessionColumns = `user_id, id, token_hash, method, assurance_level, created_at, last_seen_at, idle_seconds,
  expires_at, revoked_at, address_sealed, user_agent_sealed, schema_version, end_reason, confirmed_at`

func scanSession(row scanner) (s SessionRecord, err error) {
	err = row.Scan(&s.UserID, &s.ID, &s.TokenHash, &s.Method, &s.Assurance, timeInto{&s.CreatedAt},
		timeInto{&s.LastSeenAt}, &s.IdleSeconds, timeInto{&s.ExpiresAt}, nullTimeInto{&s.RevokedAt}, &s.AddressSealed,
		&s.UserAgentSealed, &s.SchemaVersion, &s.EndReason, nullTimeInto{&s.ConfirmedAt})
	return s, err
}

// DigestSession digests a row of sessions, without what changes without an event: last_seen_at, and the form in which
// the token is stored.
func DigestSession(s SessionRecord) cardinal.RowDigest {
	return digestRow("sessions", keyOf(s.UserID, s.ID), 0, s.UserID, s.ID, s.Method, s.Assurance,
		s.CreatedAt, s.IdleSeconds, s.ExpiresAt, s.RevokedAt, s.EndReason, s.AddressSealed, s.UserAgentSealed,
		s.SchemaVersion, s.ConfirmedAt)
}

// IsActive reports whether the session is active at a time: not revoked and not expired.
func (s SessionRecord) IsActive(at time.Time) bool {
	return s.RevokedAt == nil && at.Before(s.ExpiresAt) && at.Before(s.IdleEndsAt())
}

// IdleEndsAt is when the session expires if it is not used before.
func (s SessionRecord) IdleEndsAt() time.Time {
	return s.LastSeenAt.Add(time.Duration(s.IdleSeconds) * time.Second)
}

// AuthenticatedAt is when the user last gave a factor: at sign-in, or to confirm the session.
func (s SessionRecord) AuthenticatedAt() time.Time {
	if s.ConfirmedAt != nil {
		return *s.ConfirmedAt
	}
	return s.CreatedAt
}

// SessionAuth is everything that decides whether a session's token is valid. It is read by one look-up by primary key.
type SessionAuth struct {
	SessionRecord
	Kind, Status string
	CanSignIn    bool
	OlderToken   bool // the token is stored without the service key, and can be converted
}

// olderToken is whether the token of a row x is stored in the older form and can be converted.
const olderToken = `length(x.token_hash) = 32 AND ` + tokensAreKeyed

// AuthenticateSession returns what decides whether a session's token is valid. The caller verifies the token.
func (r Reader) AuthenticateSession(ctx context.Context, userID, id uuid.UUID) (SessionAuth, error) {
	return queryOne(ctx, r, func(row scanner) (s SessionAuth, err error) {
		err = row.Scan(&s.TokenHash, &s.Assurance, timeInto{&s.LastSeenAt}, &s.IdleSeconds, timeInto{&s.ExpiresAt},
			nullTimeInto{&s.RevokedAt}, &s.Kind, &s.Status, &s.CanSignIn, &s.OlderToken)
		s.UserID, s.ID = userID, id
		return s, err
	}, `
		SELECT x.token_hash, x.assurance_level, x.last_seen_at, x.idle_seconds, x.expires_at, x.revoked_at,
		       u.kind, u.status, s.can_sign_in, `+olderToken+`
		  FROM sessions x
		  JOIN users u ON u.id = x.user_id
		  JOIN user_statuses s ON s.code = u.status
		 WHERE x.user_id = $1 AND x.id = $2`, userID, id)
}

// CheckSessionAccess is AuthenticateSession and CheckAccess in one statement, because this is the most frequent query:
// whether the user of a session has a permission. known reports whether the permission exists.
func (r Reader) CheckSessionAccess(
	ctx context.Context, userID, id uuid.UUID, permission string, at time.Time,
) (auth SessionAuth, known, allowed bool, err error) {
	auth, err = queryOne(ctx, r, func(row scanner) (s SessionAuth, err error) {
		err = row.Scan(&s.TokenHash, &s.Assurance, timeInto{&s.LastSeenAt}, &s.IdleSeconds, timeInto{&s.ExpiresAt},
			nullTimeInto{&s.RevokedAt}, &s.Kind, &s.Status, &s.CanSignIn, &s.OlderToken, &known, &allowed)
		s.UserID, s.ID = userID, id
		return s, err
	}, `
		SELECT x.token_hash, x.assurance_level, x.last_seen_at, x.idle_seconds, x.expires_at, x.revoked_at,
		       u.kind, u.status, s.can_sign_in, `+olderToken+`,
		       p.id IS NOT NULL,
		       p.id IS NOT NULL AND s.can_sign_in AND EXISTS (
		         SELECT 1
		           FROM user_roles g JOIN roles r ON r.id = g.role_id
		          WHERE g.user_id = u.id AND (g.expires_at IS NULL OR g.expires_at > $4)
		            AND (r.holds_all OR EXISTS (
		              SELECT 1 FROM role_permissions rp WHERE rp.role_id = r.id AND rp.permission_id = p.id)))
		  FROM sessions x
		  JOIN users u ON u.id = x.user_id
		  JOIN user_statuses s ON s.code = u.status
		  LEFT JOIN permissions p ON p.name = $3
		 WHERE x.user_id = $1 AND x.id = $2`, userID, id, permission, at)
	return auth, known, allowed, err
}

// Session returns one session of a user.
func (r Reader) Session(ctx context.Context, userID, id uuid.UUID) (SessionRecord, error) {
	return queryOne(ctx, r, scanSession, `SELECT `+sessionColumns+` FROM sessions WHERE user_id = $1 AND id = $2`,
		userID, id)
}

// Sessions returns a page of a user's sessions, including expired and revoked ones.
func (r Reader) Sessions(ctx context.Context, userID uuid.UUID, p cardinal.Page) ([]SessionRecord, error) {
	w := whereClause{}
	w.and(`user_id = $%d`, userID)
	w.page(`id`, allIDs(p))
	return queryAll(ctx, r, scanSession, `SELECT `+sessionColumns+` FROM sessions`+w.sql(), w.args...)
}

// InsertSession adds a session. Which form of its token is stored depends on the migrations.
func (tx Tx) InsertSession(ctx context.Context, s SessionRecord) error {
	return tx.execDeferred(ctx, `
		INSERT INTO sessions (`+sessionColumns+`)
		VALUES ($1, $2, `+tx.engine.tokenHash(3, 16)+`, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`,
		s.UserID, s.ID, s.TokenHash, s.Method, s.Assurance, s.CreatedAt, s.LastSeenAt, s.IdleSeconds, s.ExpiresAt,
		s.RevokedAt, s.AddressSealed, s.UserAgentSealed, s.SchemaVersion, s.EndReason, s.ConfirmedAt,
		TokenHashes{s.TokenHash, s.OlderTokenHash}.orKeyed())
}

// notBeforeCreation is the time $3, or that of the creation of the session if $3 is earlier: the caller may have read
// the clock before it waited for a lock, or its node's clock may be slow.
const notBeforeCreation = `CASE WHEN created_at > $3 THEN created_at ELSE $3 END`

// RevokeSession revokes one session for a reason; cardinal.ErrNotFound if it does not exist or was already revoked.
func (tx Tx) RevokeSession(
	ctx context.Context, userID, id uuid.UUID, reason string, now time.Time,
) (SessionRecord, error) {
	return queryOne(ctx, tx.Reader, scanSession, `
		UPDATE sessions SET revoked_at = `+notBeforeCreation+`, end_reason = $4
		 WHERE user_id = $1 AND id = $2 AND revoked_at IS NULL
		RETURNING `+sessionColumns, userID, id, now, reason)
}

// RevokeSessions revokes all sessions of a user except one (uuid.Nil: all) for a reason, and returns the revoked ones.
func (tx Tx) RevokeSessions(
	ctx context.Context, userID, except uuid.UUID, reason string, now time.Time,
) ([]SessionRecord, error) {
	return queryAll(ctx, tx.Reader, scanSession, `
		UPDATE sessions SET revoked_at = `+notBeforeCreation+`, end_reason = $4
		 WHERE user_id = $1 AND id <> $2 AND revoked_at IS NULL
		RETURNING `+sessionColumns, userID, except, now, reason)
}

// ConfirmSession sets when the user last confirmed a session with a factor; cardinal.ErrNotFound for an unknown session
// and for a revoked one.
func (tx Tx) ConfirmSession(ctx context.Context, userID, id uuid.UUID, now time.Time) (SessionRecord, error) {
	return queryOne(ctx, tx.Reader, scanSession, `
		UPDATE sessions SET confirmed_at = `+notBeforeCreation+`
		 WHERE user_id = $1 AND id = $2 AND revoked_at IS NULL
		RETURNING `+sessionColumns, userID, id, now)
}

// SetSessionLastSeen sets when a session was last used, unless a later time is stored.
func (tx Tx) SetSessionLastSeen(ctx context.Context, userID, id uuid.UUID, at time.Time) error {
	_, err := tx.exec(ctx, `
		UPDATE sessions SET last_seen_at = $3
		 WHERE user_id = $1 AND id = $2 AND last_seen_at < $3 AND revoked_at IS NULL`, userID, id, at)
	return err
}

// DeleteExpiredSessions deletes sessions whose absolute expiry is before a time, and returns their number.
func (tx Tx) DeleteExpiredSessions(ctx context.Context, before time.Time, limit int) (int64, error) {
	return tx.exec(ctx, `
		DELETE FROM sessions WHERE (user_id, id) IN (
		  SELECT user_id, id FROM sessions
		   WHERE expires_at < $1 ORDER BY expires_at LIMIT `+limitText(limit)+`)`, before)
}
