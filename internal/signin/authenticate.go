package signin

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/store"
)

// lastSeenInterval is how often the last use of a session is recorded at most.
const lastSeenInterval = time.Minute

// Authenticate returns the actor of a bearer token. Nothing is cached between calls: a session that was ended anywhere,
// by another process too, is refused by the next call.
func Authenticate(
	ctx context.Context, d *directory.Directory, bearer string, requestID uuid.NullUUID, client cardinal.Client,
) (cardinal.Actor, error) {
	if strings.HasPrefix(bearer, directory.APIKeyPrefix) {
		return authenticateAPIKey(ctx, d, bearer, requestID, client)
	}
	session, err := authenticateSession(ctx, d, bearer)
	if err != nil {
		return cardinal.Actor{}, err
	}
	return sessionActor(session, requestID, client), nil
}

func sessionActor(s store.SessionAuth, requestID uuid.NullUUID, client cardinal.Client) cardinal.Actor {
	return cardinal.Actor{
		UserID: s.UserID, SessionID: uuid.NullUUID{UUID: s.ID, Valid: true}, Assurance: int(s.Assurance),
		RequestID: requestID, ClientFrom: client,
	}
}

// AuthenticateReader returns the desk of a bearer token. permission is the permission that the read needs, or "" when
// it is not known. When it is known, one statement checks both the session and the permission.
func AuthenticateReader(
	ctx context.Context, d *directory.Directory, bearer, permission string, requestID uuid.NullUUID,
	client cardinal.Client,
) (directory.Desk, error) {
	token, ok := directory.ParseToken(directory.SessionPrefix, bearer)
	if !ok || permission == "" {
		actor, err := Authenticate(ctx, d, bearer, requestID, client)
		return d.As(actor), err
	}
	session, _, allowed, err := d.Store().Read(ctx).CheckSessionAccess(ctx, token.UserID, token.ID, permission, d.Now())
	if err := checkSession(d, token, session, err); err != nil {
		return directory.Desk{}, err
	}
	actor := sessionActor(session, requestID, client)
	if allowed {
		return d.AsReader(actor, permission), nil
	}
	return d.As(actor), nil
}

// CheckSession returns the user of a session, for another service. A user who must change their password first is
// refused, so the other service does not need a rule for that.
func CheckSession(ctx context.Context, d *directory.Directory, bearer string) (cardinal.SessionCheck, error) {
	session, err := authenticateSession(ctx, d, bearer)
	if err != nil {
		return cardinal.SessionCheck{}, err
	}
	if session.Assurance == 0 {
		return cardinal.SessionCheck{}, directory.ErrPasswordChange
	}
	ends := session.ExpiresAt
	if idle := session.IdleEndsAt(); idle.Before(ends) {
		ends = idle
	}
	return cardinal.SessionCheck{
		UserID: session.UserID, SessionID: session.ID, Kind: session.Kind, Status: session.Status,
		Assurance: int(session.Assurance), ExpiresAt: ends,
	}, nil
}

func authenticateSession(ctx context.Context, d *directory.Directory, bearer string) (store.SessionAuth, error) {
	token, ok := directory.ParseToken(directory.SessionPrefix, bearer)
	if !ok {
		return store.SessionAuth{}, directory.ErrNotSignedIn
	}
	session, err := d.Store().Read(ctx).AuthenticateSession(ctx, token.UserID, token.ID)
	return session, checkSession(d, token, session, err)
}

// checkSession refuses what was read of a session unless the session is active, the token is its own and the status of
// the user allows sign-in. It notes that the session was used.
func checkSession(d *directory.Directory, t directory.Token, s store.SessionAuth, err error) error {
	if errors.Is(err, cardinal.ErrNotFound) {
		return directory.ErrNotSignedIn
	}
	if err != nil {
		return err
	}
	now := d.Now()
	if !d.Keys().VerifyToken(t, s.TokenHash) || !s.IsActive(now) || !s.CanSignIn {
		return directory.ErrNotSignedIn
	}
	if s.OlderToken {
		d.NoteOlderToken(t)
	}
	if now.Sub(s.LastSeenAt) >= lastSeenInterval {
		d.NoteLastSeen(s.UserID, s.ID, now)
	}
	return nil
}

// CheckSessionAccess reports whether the user of a session has a permission. The check of the session and that of the
// permission take one statement together. It answers what Authenticate and access.Check would.
func CheckSessionAccess(
	ctx context.Context, d *directory.Directory, bearer, permission string,
) (cardinal.Access, error) {
	token, ok := directory.ParseToken(directory.SessionPrefix, bearer)
	if !ok {
		return cardinal.Access{}, directory.ErrNotSignedIn
	}
	reader := d.Store().Read(ctx)
	session, known, allowed, err := reader.CheckSessionAccess(ctx, token.UserID, token.ID, permission, d.Now())
	if err := checkSession(d, token, session, err); err != nil {
		return cardinal.Access{}, err
	}
	if session.Assurance == 0 {
		return cardinal.Access{}, directory.ErrPasswordChange
	}
	if !known {
		return cardinal.Access{}, directory.UnknownPermission()
	}
	return cardinal.Access{UserID: token.UserID, Permission: permission, Allowed: allowed}, nil
}

func authenticateAPIKey(
	ctx context.Context, d *directory.Directory, bearer string, requestID uuid.NullUUID, client cardinal.Client,
) (cardinal.Actor, error) {
	token, ok := directory.ParseToken(directory.APIKeyPrefix, bearer)
	if !ok {
		return cardinal.Actor{}, directory.ErrNotSignedIn
	}
	key, err := d.Store().Read(ctx).AuthenticateAPIKey(ctx, token.UserID, token.ID)
	if errors.Is(err, cardinal.ErrNotFound) {
		return cardinal.Actor{}, directory.ErrNotSignedIn
	}
	if err != nil {
		return cardinal.Actor{}, err
	}
	if !d.Keys().VerifyToken(token, key.TokenHash) || !d.IsUsable(key) {
		return cardinal.Actor{}, directory.ErrNotSignedIn
	}
	if key.OlderToken {
		d.NoteOlderToken(token)
	}
	return cardinal.Actor{
		UserID: token.UserID, APIKeyID: uuid.NullUUID{UUID: token.ID, Valid: true}, Assurance: 1,
		RequestID: requestID, ClientFrom: client,
	}, nil
}
