// Package signin holds the ways to sign in, and what comes before and after: sign-up, the set-up of the first
// administrator, and the authentication of session tokens and API keys. Its functions take the caller's desk.
package signin

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/normal"
	"cardinal/internal/store"
)

var errCredentials = cardinal.Refuse("invalid_credentials")

// WithPassword opens a session for a user who knows the password of an account. An unknown identifier, an account
// without a password and a wrong password take the same time and get the same answer. What else is wrong with the
// account is disclosed only to a user who gave the right password.
func WithPassword(ctx context.Context, k directory.Desk, in cardinal.SignIn) (cardinal.SignedIn, error) {
	d := k.Directory()
	// A text that is not a valid identifier still waits in the hashing queue, like an identifier that does not exist.
	kind, value, invalid := normal.Identifier(in.Identifier)
	index := d.Keys().BlindIndex(kind, value)
	a := attempt{caller: k, method: "password", hashFor: k.HashCaller()}
	a.hashFor.Account, a.hashFor.Identifier = string(index), string(index)
	if err := d.CheckHashCapacity(a.hashFor); err != nil {
		return cardinal.SignedIn{}, err
	}
	r, err := k.Read(ctx, directory.Rule{Permission: "sessions.create"})
	if err != nil {
		return cardinal.SignedIn{}, err
	}
	if a.settings, err = d.CurrentSettings(ctx, r); err != nil {
		return cardinal.SignedIn{}, err
	}
	a.throttle = k.NewThrottle("sign-in", index)
	if a.hasFailures, err = a.throttle.Check(ctx, r, d.Now()); err != nil {
		return cardinal.SignedIn{}, err
	}
	if invalid != nil {
		index = nil
	}
	// A background job or another sign-in of the same user can replace the hash while the password is compared with it.
	// That is not a wrong password: it is compared with the new hash.
	for range maxComparisons {
		signedIn, err := a.withPassword(ctx, r, index, in.Password)
		if !errors.Is(err, errHashReplaced) {
			return signedIn, err
		}
	}
	return cardinal.SignedIn{}, cardinal.Refuse("temporary_conflict")
}

// maxComparisons is with how many hashes a sign-in compares a password, when each is replaced meanwhile.
const maxComparisons = 3

// withPassword compares a password with the hash of the account with an identifier, and opens a session. index is nil
// for a text that is not an identifier. errHashReplaced means that the password is right, but for a hash that the
// account does not have any more.
func (a *attempt) withPassword(
	ctx context.Context, r store.Reader, index []byte, secret cardinal.Secret,
) (cardinal.SignedIn, error) {
	d := a.caller.Directory()
	account, err := r.SignInAccount(ctx, index)
	if err != nil && !errors.Is(err, cardinal.ErrNotFound) {
		return cardinal.SignedIn{}, fmt.Errorf("look up the account: %w", err)
	}
	if account.UserID != uuid.Nil {
		a.hashFor.Account = account.UserID.String()
	}
	match, rehash, err := d.VerifyPassword(ctx, a.hashFor, secret, account.Hash)
	if err != nil {
		return cardinal.SignedIn{}, err
	}
	if !match {
		subject := account.UserID
		if subject == uuid.Nil {
			subject = cardinal.AnonymousID
		}
		return cardinal.SignedIn{}, a.fail(ctx, subject, errCredentials)
	}
	if !account.CanSignIn {
		return cardinal.SignedIn{}, a.fail(ctx, account.UserID, statusRefusal(account.Status))
	}
	a.userID, a.verifiedHash, a.newHash = account.UserID, *account.Hash, ""
	if rehash {
		if a.newHash, err = d.HashPassword(ctx, a.hashFor, secret); err != nil {
			return cardinal.SignedIn{}, err
		}
	}
	if a.key, err = d.Keys().Unwrap(account.Key); err != nil {
		return cardinal.SignedIn{}, err
	}
	return a.openSession(ctx)
}

// statusRefusal is the refusal of an account whose status does not allow it to sign in: a suspended user cannot sign
// in, for example. Which statuses allow it is a column of the table user_statuses.
func statusRefusal(status string) *cardinal.Refusal {
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
