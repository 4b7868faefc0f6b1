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
	if strings.HasPrefix(bearer, APIKeyPrefix) {
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
	t, ok := ParseToken(SessionPrefix, bearer)
	if !ok || permission == "" {
		actor, err := d.Authenticate(ctx, bearer, requestID, from)
		return d.As(actor), err
	}
	auth, _, allowed, err := d.store.Read(ctx).SessionAccess(ctx, t.UserID, t.ID, permission, d.Now())
	if err := d.admit(t, auth, err); err != nil {
		return Desk{}, err
	}
	k := d.As(actorOf(auth, requestID, from))
	if allowed {
		k.readPermission = permission
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
		return cardinal.SessionCheck{}, ErrPasswordChange
	}
	ends := auth.ExpiresAt
	if idle := auth.IdleEndsAt(); idle.Before(ends) {
		ends = idle
	}
	return cardinal.SessionCheck{UserID: auth.UserID, SessionID: auth.ID, Kind: auth.Kind, Status: auth.Status, Assurance: int(auth.Assurance), ExpiresAt: ends}, nil
}

func (d *Directory) authenticateSession(ctx context.Context, bearer string) (store.SessionAuth, error) {
	t, ok := ParseToken(SessionPrefix, bearer)
	if !ok {
		return store.SessionAuth{}, ErrNotSignedIn
	}
	auth, err := d.store.Read(ctx).AuthenticateSession(ctx, t.UserID, t.ID)
	return auth, d.admit(t, auth, err)
}

// admit refuses what was read of a session unless it is in force and the token is its own; it notes that it was used.
func (d *Directory) admit(t Token, auth store.SessionAuth, err error) error {
	if errors.Is(err, cardinal.ErrNotFound) {
		return ErrNotSignedIn
	}
	if err != nil {
		return err
	}
	now := d.Now()
	if subtle.ConstantTimeCompare(auth.TokenHash, t.Hash[:]) != 1 || !auth.Live(now) || !auth.CanSignIn {
		return ErrNotSignedIn
	}
	if now.Sub(auth.LastSeenAt) >= time.Minute {
		d.lastSeen.add(auth.UserID, auth.ID, now)
	}
	return nil
}

// CheckSessionAccess answers whether the bearer of a session may do something: the session's own check and the question take
// one statement together. It answers what Authenticate and Desk.CheckAccess would.
func (d *Directory) CheckSessionAccess(ctx context.Context, bearer, permission string) (cardinal.Access, error) {
	t, ok := ParseToken(SessionPrefix, bearer)
	if !ok {
		return cardinal.Access{}, ErrNotSignedIn
	}
	auth, known, allowed, err := d.store.Read(ctx).SessionAccess(ctx, t.UserID, t.ID, permission, d.Now())
	if err := d.admit(t, auth, err); err != nil {
		return cardinal.Access{}, err
	}
	if auth.Assurance == 0 {
		return cardinal.Access{}, ErrPasswordChange
	}
	if !known {
		return cardinal.Access{}, UnknownPermission()
	}
	return cardinal.Access{UserID: t.UserID, Permission: permission, Allowed: allowed}, nil
}

func (d *Directory) authenticateAPIKey(ctx context.Context, bearer string, requestID uuid.NullUUID, from cardinal.Client) (cardinal.Actor, error) {
	t, ok := ParseToken(APIKeyPrefix, bearer)
	if !ok {
		return cardinal.Actor{}, ErrNotSignedIn
	}
	auth, err := d.store.Read(ctx).AuthenticateAPIKey(ctx, t.UserID, t.ID)
	if errors.Is(err, cardinal.ErrNotFound) {
		return cardinal.Actor{}, ErrNotSignedIn
	}
	if err != nil {
		return cardinal.Actor{}, err
	}
	if subtle.ConstantTimeCompare(auth.TokenHash, t.Hash[:]) != 1 || !d.IsUsable(auth) {
		return cardinal.Actor{}, ErrNotSignedIn
	}
	return cardinal.Actor{UserID: t.UserID, APIKeyID: uuid.NullUUID{UUID: t.ID, Valid: true}, Assurance: 1, RequestID: requestID, ClientFrom: from}, nil
}
