package directory

import (
	"context"
	"crypto/subtle"
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/store"
)

// Authenticate returns the actor that a bearer token stands for. Nothing is remembered between calls: a session ended
// anywhere, by another process too, is refused by the very next one.
func (d *Directory) Authenticate(ctx context.Context, bearer string, requestID uuid.NullUUID, from cardinal.Client) (cardinal.Actor, error) {
	if strings.HasPrefix(bearer, apiKeyPrefix) {
		return d.authenticateAPIKey(ctx, bearer, requestID, from)
	}
	auth, err := d.authenticateSession(ctx, bearer)
	if err != nil {
		return cardinal.Actor{}, err
	}
	return actorOf(auth, requestID, from), nil
}

func actorOf(auth store.SessionAuth, requestID uuid.NullUUID, from cardinal.Client) cardinal.Actor {
	return cardinal.Actor{
		UserID: auth.UserID, SessionID: uuid.NullUUID{UUID: auth.ID, Valid: true}, Assurance: int(auth.Assurance),
		RequestID: requestID, ClientFrom: from,
	}
}

// Admit returns the desk of the actor that a bearer token stands for. Where it is known by what permission they are about to read, the
// check of their session and that question take one statement together; "" where it is not.
func (d *Directory) Admit(ctx context.Context, bearer, permission string, requestID uuid.NullUUID, from cardinal.Client) (Desk, error) {
	t, ok := parseToken(sessionPrefix, bearer)
	if !ok || permission == "" {
		actor, err := d.Authenticate(ctx, bearer, requestID, from)
		return d.As(actor), err
	}
	auth, _, allowed, err := d.store.Read(ctx).SessionAccess(ctx, t.userID, t.id, permission, d.now())
	if err := d.admit(t, auth, err); err != nil {
		return Desk{}, err
	}
	k := d.As(actorOf(auth, requestID, from))
	if allowed {
		k.mayRead = permission
	}
	return k, nil
}

// CheckSession answers the services that ask who a session's bearer is. One that must change their password first is refused:
// whoever relies on the answer should not have to know of that.
func (d *Directory) CheckSession(ctx context.Context, bearer string) (cardinal.SessionCheck, error) {
	auth, err := d.authenticateSession(ctx, bearer)
	if err != nil {
		return cardinal.SessionCheck{}, err
	}
	if auth.Assurance == 0 {
		return cardinal.SessionCheck{}, errPasswordChange
	}
	ends := auth.ExpiresAt
	if idle := auth.IdleEndsAt(); idle.Before(ends) {
		ends = idle
	}
	return cardinal.SessionCheck{UserID: auth.UserID, SessionID: auth.ID, Kind: auth.Kind, Status: auth.Status, Assurance: int(auth.Assurance), ExpiresAt: ends}, nil
}

var errNotSignedIn = cardinal.Refuse("not_signed_in")

func (d *Directory) authenticateSession(ctx context.Context, bearer string) (store.SessionAuth, error) {
	t, ok := parseToken(sessionPrefix, bearer)
	if !ok {
		return store.SessionAuth{}, errNotSignedIn
	}
	auth, err := d.store.Read(ctx).AuthenticateSession(ctx, t.userID, t.id)
	return auth, d.admit(t, auth, err)
}

// admit refuses what was read of a session unless it is in force and the token is its own; it notes that it was used.
func (d *Directory) admit(t token, auth store.SessionAuth, err error) error {
	if errors.Is(err, cardinal.ErrNotFound) {
		return errNotSignedIn
	}
	if err != nil {
		return err
	}
	now := d.now()
	if subtle.ConstantTimeCompare(auth.TokenHash, t.hash[:]) != 1 || !auth.Live(now) || !auth.CanSignIn {
		return errNotSignedIn
	}
	if now.Sub(auth.LastSeenAt) >= time.Minute {
		d.seen.note(auth.UserID, auth.ID, now)
	}
	return nil
}

// CheckSessionAccess answers whether the bearer of a session may do something: the session's own check and the question take
// one statement together. It answers what Authenticate and Desk.CheckAccess would.
func (d *Directory) CheckSessionAccess(ctx context.Context, bearer, permission string) (cardinal.Access, error) {
	t, ok := parseToken(sessionPrefix, bearer)
	if !ok {
		return cardinal.Access{}, errNotSignedIn
	}
	auth, known, allowed, err := d.store.Read(ctx).SessionAccess(ctx, t.userID, t.id, permission, d.now())
	if err := d.admit(t, auth, err); err != nil {
		return cardinal.Access{}, err
	}
	if auth.Assurance == 0 {
		return cardinal.Access{}, errPasswordChange
	}
	if !known {
		return cardinal.Access{}, unknownPermission()
	}
	return cardinal.Access{UserID: t.userID, Permission: permission, Allowed: allowed}, nil
}

func (d *Directory) authenticateAPIKey(ctx context.Context, bearer string, requestID uuid.NullUUID, from cardinal.Client) (cardinal.Actor, error) {
	t, ok := parseToken(apiKeyPrefix, bearer)
	if !ok {
		return cardinal.Actor{}, errNotSignedIn
	}
	auth, err := d.store.Read(ctx).AuthenticateAPIKey(ctx, t.userID, t.id)
	if errors.Is(err, cardinal.ErrNotFound) {
		return cardinal.Actor{}, errNotSignedIn
	}
	if err != nil {
		return cardinal.Actor{}, err
	}
	if subtle.ConstantTimeCompare(auth.TokenHash, t.hash[:]) != 1 || !d.inForce(auth) {
		return cardinal.Actor{}, errNotSignedIn
	}
	return cardinal.Actor{UserID: t.userID, APIKeyID: uuid.NullUUID{UUID: t.id, Valid: true}, Assurance: 1, RequestID: requestID, ClientFrom: from}, nil
}

func (d *Directory) inForce(key store.APIKeyAuth) bool {
	return key.RevokedAt == nil && d.now().Before(key.ExpiresAt) && key.CanHoldAPIKeys && d.statuses[key.Status].CanSignIn
}

// stillIn refuses an actor who was authenticated once and could not be any more: what they asked for goes on without them.
func (d *Directory) stillIn(ctx context.Context, a cardinal.Actor) error {
	gone := cardinal.Refuse("forbidden")
	r := d.store.Read(ctx)
	if a.APIKeyID.Valid {
		key, err := r.AuthenticateAPIKey(ctx, a.UserID, a.APIKeyID.UUID)
		if isNotFound(err) || err == nil && !d.inForce(key) {
			return gone
		}
		return err
	}
	user, err := r.User(ctx, a.UserID)
	if err == nil && !cardinal.IsBuiltIn(a.UserID) && !d.statuses[user.Status].CanSignIn {
		return gone
	}
	return err
}
