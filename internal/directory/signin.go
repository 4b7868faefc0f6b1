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

var errCredentials = cardinal.Refuse("invalid_credentials")

// SignIn opens a session for who knows the password of an account. An unknown identifier, an account without a password and a
// wrong password take the same time and get the same answer; what is wrong with the account itself is told only to who
// proved the password.
func (k Desk) SignIn(ctx context.Context, in cardinal.SignIn) (cardinal.SignedIn, error) {
	if err := busy(k.d.hasher.Room()); err != nil {
		return cardinal.SignedIn{}, err
	}
	r, err := k.Read(ctx, Rule{Permission: "sessions.create"})
	if err != nil {
		return cardinal.SignedIn{}, err
	}
	s, err := k.d.CurrentSettings(ctx, r)
	if err != nil {
		return cardinal.SignedIn{}, err
	}
	// What is no identifier at all still takes its turn in the queue below, as an identifier that nobody has.
	kind, value, bad := normal.Identifier(in.Identifier)
	index := k.d.keys.BlindIndex(kind, value)
	t := k.NewThrottle("sign-in", index)
	tried, err := t.Check(ctx, r, k.d.Now())
	if err != nil {
		return cardinal.SignedIn{}, err
	}
	account, err := r.SignIn(ctx, index)
	if err != nil && !errors.Is(err, cardinal.ErrNotFound) {
		return cardinal.SignedIn{}, fmt.Errorf("look up the account: %w", err)
	}
	known := err == nil && bad == nil && account.Hash != nil
	match, rehash, err := k.VerifyPassword(ctx, in.Password, account.Hash, known)
	if err != nil {
		return cardinal.SignedIn{}, err
	}
	if !match {
		subject := account.UserID
		if subject == uuid.Nil {
			subject = cardinal.StrangerID
		}
		if err := k.RecordFailure(ctx, t, s, subject, signInAction); err != nil {
			return cardinal.SignedIn{}, err
		}
		return cardinal.SignedIn{}, errCredentials
	}
	if !account.CanSignIn {
		if err := k.RecordFailure(ctx, t, s, account.UserID, signInAction); err != nil {
			return cardinal.SignedIn{}, err
		}
		return cardinal.SignedIn{}, cannotSignIn(account.Status)
	}
	var stronger string
	if rehash {
		if stronger, err = k.HashPassword(ctx, in.Password); err != nil {
			return cardinal.SignedIn{}, err
		}
	}
	key, err := k.d.keys.Unwrap(account.Key)
	if err != nil {
		return cardinal.SignedIn{}, err
	}
	return k.openSession(ctx, account.UserID, "password", s, key, func(tx *Tx, now store.CredentialRecord) error {
		// The check before the hash let several guesses in at once; this one counts the failures that were committed meanwhile.
		if _, err := t.Check(ctx, tx.Reader, tx.Now); err != nil {
			return err
		}
		if now.Hash != *account.Hash {
			return errCredentials // the password changed while it was being verified
		}
		if tried && t.Identifier != nil {
			if err := tx.ClearThrottle(ctx, t.Identifier); err != nil {
				return err
			}
		}
		if stronger == "" {
			return nil
		}
		now.Hash = stronger
		after, err := tx.UpdateCredential(ctx, now, tx.Now)
		tx.RecordRows(store.StampCredential(after))
		tx.RecordMasked("credentials.hash")
		return err
	})
}

// cannotSignIn is the refusal of an account whose status does not allow it to sign in.
func cannotSignIn(status string) *cardinal.Refusal {
	switch status {
	case "pending":
		return cardinal.Refuse("account_pending")
	case "suspended":
		return cardinal.Refuse("account_suspended")
	case "deleted":
		return cardinal.Refuse("account_deleted")
	case "erased":
		return cardinal.Refuse("account_erased")
	}
	return cardinal.Refuse("account_inactive")
}

// VerifyPassword compares a password with a hash at the cost of one, whether there is a hash or not.
func (k Desk) VerifyPassword(ctx context.Context, secret cardinal.Secret, hash *string, known bool) (match, rehash bool, err error) {
	text, bad := normal.Password(secret.Reveal())
	if !known || bad != nil {
		err = k.d.hasher.VerifyNobody(ctx, text)
	} else {
		match, rehash, err = k.d.hasher.Verify(ctx, text, *hash)
	}
	return match, rehash, busy(err)
}

// HashPassword makes the PHC string of a password that was checked already.
func (k Desk) HashPassword(ctx context.Context, secret cardinal.Secret) (string, error) {
	text, err := normal.Password(secret.Reveal())
	if err != nil {
		return "", err
	}
	phc, err := k.d.hasher.Hash(ctx, text)
	return phc, busy(err)
}

func busy(err error) error {
	if errors.Is(err, password.ErrBusy) {
		return cardinal.Refuse("busy").After(seconds(5))
	}
	return err
}

// openSession opens a session for a user who proved who they are, and whose key is given. The event's actor is the user.
func (k Desk) openSession(ctx context.Context, userID uuid.UUID, method string, s Settings, key seal.Key, before func(*Tx, store.CredentialRecord) error) (cardinal.SignedIn, error) {
	requested := k.actor
	k.actorKey = key
	k.actor = cardinal.Actor{UserID: userID, Assurance: 1, RequestID: requested.RequestID, ClientFrom: requested.ClientFrom}
	k.request = nil // a bearer token is never kept for a replay
	what := Rule{Action: signInAction, Subject: userID, Own: true}
	return Change(ctx, k, what, func(tx *Tx) (cardinal.SignedIn, error) {
		var out cardinal.SignedIn
		user, credential, err := tx.SignInForChange(ctx, userID) // locked, or a suspension at the same time would miss the session
		if isNotFound(err) {
			return out, errCredentials
		}
		if err != nil {
			return out, err
		}
		if !k.d.statuses[user.Status].CanSignIn || !k.d.kinds[user.Kind].CanSignIn {
			return out, errCredentials // suspended while the password was being verified
		}
		if err := before(tx, credential); err != nil {
			return out, err
		}
		id := cardinal.NewID()
		t, text := NewToken(SessionPrefix, userID, id)
		record := store.SessionRecord{
			UserID: userID, ID: id, TokenHash: t.Hash[:], Method: method, Assurance: 1, CreatedAt: tx.Now, LastSeenAt: tx.Now,
			IdleSeconds: int64(s.SessionIdle.Seconds()), ExpiresAt: tx.Now.Add(s.SessionAbsolute), SchemaVersion: 1,
			AddressSealed:   EncryptText(key, "sessions", "address_sealed", userID, requested.ClientFrom.Address),
			UserAgentSealed: EncryptText(key, "sessions", "user_agent_sealed", userID, requested.ClientFrom.UserAgent),
		}
		if credential.MustChange {
			record.Assurance = 0
		}
		if err := tx.InsertSession(ctx, record); err != nil {
			return out, err
		}
		tx.Event.SessionID = &id
		tx.RecordRows(store.StampSession(record))
		tx.RecordChange("sessions.method", nil, method)
		session, err := DecryptSession(record, key)
		return cardinal.SignedIn{Session: session, Token: text, MustChangePassword: credential.MustChange}, err
	})
}
