package directory

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/normal"
	"cardinal/internal/password"
	"cardinal/internal/seal"
	"cardinal/internal/store"
)

const signInAction = "session.create"

var errCredentials = cardinal.Refuse(cardinal.ErrUnauthenticated, "invalid_credentials", "Check the identifier and the password")

// SignIn opens a session for who knows the password of an account. An unknown identifier, an account without a password and a
// wrong password take the same time and get the same answer; what is wrong with the account itself is told only to who
// proved the password.
func (k Desk) SignIn(ctx context.Context, in cardinal.SignIn) (cardinal.SignedIn, error) {
	if err := busy(k.d.hasher.Room()); err != nil {
		return cardinal.SignedIn{}, err
	}
	r, err := k.read(ctx, rule{permission: "sessions.create"})
	if err != nil {
		return cardinal.SignedIn{}, err
	}
	s, err := k.d.settings(ctx, r)
	if err != nil {
		return cardinal.SignedIn{}, err
	}
	// What is no identifier at all still takes its turn in the queue below, as an identifier that nobody has.
	kind, value, bad := normal.Identifier(in.Identifier)
	index := k.d.keys.index(kind, value)
	t := k.throttleFor("sign-in", index)
	tried, err := t.check(ctx, r, k.d.now())
	if err != nil {
		return cardinal.SignedIn{}, err
	}
	account, err := r.SignIn(ctx, index)
	if err != nil && !errors.Is(err, cardinal.ErrNotFound) {
		return cardinal.SignedIn{}, fmt.Errorf("look up the account: %w", err)
	}
	known := err == nil && bad == nil && account.Hash != nil
	match, rehash, err := k.verify(ctx, in.Password, account.Hash, known)
	if err != nil {
		return cardinal.SignedIn{}, err
	}
	if !match {
		subject := account.UserID
		if subject == uuid.Nil {
			subject = cardinal.AnonymousID
		}
		if err := k.fail(ctx, t, s, subject, signInAction); err != nil {
			return cardinal.SignedIn{}, err
		}
		return cardinal.SignedIn{}, errCredentials
	}
	if !account.CanSignIn {
		if err := k.fail(ctx, t, s, account.UserID, signInAction); err != nil {
			return cardinal.SignedIn{}, err
		}
		return cardinal.SignedIn{}, cardinal.Refuse(cardinal.ErrForbidden, "account_"+account.Status, "This account cannot sign in: it is %s", account.Status)
	}
	var stronger string
	if rehash {
		if stronger, err = k.hash(ctx, in.Password); err != nil {
			return cardinal.SignedIn{}, err
		}
	}
	key, err := k.d.keys.unwrap(account.Key)
	if err != nil {
		return cardinal.SignedIn{}, err
	}
	return k.openSession(ctx, account.UserID, "password", s, key, func(c *changing, now store.CredentialRecord) error {
		// The check before the hash let several guesses in at once; this one counts the failures that were committed meanwhile.
		if _, err := t.check(ctx, c.Reader, c.now); err != nil {
			return err
		}
		if now.Hash != *account.Hash {
			return errCredentials // the password changed while it was being verified
		}
		if tried && t.identifier != nil {
			if err := c.ClearThrottle(ctx, t.identifier); err != nil {
				return err
			}
		}
		if stronger == "" {
			return nil
		}
		now.Hash = stronger
		after, err := c.UpdateCredential(ctx, now, c.now)
		c.wrote(store.StampCredential(after))
		c.masked("credentials.hash")
		return err
	})
}

// verify compares a password with a hash at the cost of one, whether there is a hash or not.
func (k Desk) verify(ctx context.Context, secret cardinal.Secret, hash *string, known bool) (match, rehash bool, err error) {
	text, bad := normal.Password(secret.Reveal())
	if !known || bad != nil {
		err = k.d.hasher.VerifyNobody(ctx, text)
	} else {
		match, rehash, err = k.d.hasher.Verify(ctx, text, *hash)
	}
	return match, rehash, busy(err)
}

// hash makes the PHC string of a password that was checked already.
func (k Desk) hash(ctx context.Context, secret cardinal.Secret) (string, error) {
	text, err := normal.Password(secret.Reveal())
	if err != nil {
		return "", err
	}
	phc, err := k.d.hasher.Hash(ctx, text)
	return phc, busy(err)
}

func busy(err error) error {
	if errors.Is(err, password.ErrBusy) {
		refusal := cardinal.Refuse(cardinal.ErrBusy, "busy", "Too many sign-ins at once; try again in a moment")
		refusal.RetryAfter = seconds(5)
		return refusal
	}
	return err
}

// openSession opens a session for a user who proved who they are, and whose key is given. The event's actor is the user.
func (k Desk) openSession(ctx context.Context, userID uuid.UUID, method string, s settings, key seal.Key, before func(*changing, store.CredentialRecord) error) (cardinal.SignedIn, error) {
	requested := k.actor
	k.actorKey = key
	k.actor = cardinal.Actor{UserID: userID, Assurance: 1, RequestID: requested.RequestID, ClientFrom: requested.ClientFrom}
	k.once = nil // a bearer token is never kept for a replay
	what := rule{action: signInAction, subject: userID, own: true}
	return change(ctx, k, what, func(c *changing) (cardinal.SignedIn, error) {
		var out cardinal.SignedIn
		user, credential, err := c.SignInForChange(ctx, userID) // locked, or a suspension at the same time would miss the session
		if isNotFound(err) {
			return out, errCredentials
		}
		if err != nil {
			return out, err
		}
		if !k.d.statuses[user.Status].CanSignIn || !k.d.kinds[user.Kind].CanSignIn {
			return out, errCredentials // suspended while the password was being verified
		}
		if err := before(c, credential); err != nil {
			return out, err
		}
		id := cardinal.NewID()
		t, text := newToken(sessionPrefix, userID, id)
		record := store.SessionRecord{
			UserID: userID, ID: id, TokenHash: t.hash[:], Method: method, Assurance: 1, CreatedAt: c.now, LastSeenAt: c.now,
			IdleSeconds: int64(s.sessionIdle.Seconds()), ExpiresAt: c.now.Add(s.sessionAbsolute), SchemaVersion: 1,
			AddressSealed:   sealText(key, "sessions", "address_sealed", userID, requested.ClientFrom.Address),
			UserAgentSealed: sealText(key, "sessions", "user_agent_sealed", userID, requested.ClientFrom.UserAgent),
		}
		if credential.MustChange {
			record.Assurance = 0
		}
		if err := c.InsertSession(ctx, record); err != nil {
			return out, err
		}
		c.event.SessionID = &id
		c.wrote(store.StampSession(record))
		c.changed("sessions.method", nil, method)
		session, err := openSessionRecord(record, key)
		return cardinal.SignedIn{Session: session, Token: text, MustChangePassword: credential.MustChange}, err
	})
}
