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
	"cardinal/internal/throttle"
)

var errCredentials = cardinal.Refuse("invalid_credentials")

// WithPassword opens a session for a user who knows the password of an account. An unknown identifier, an account
// without a password and a wrong password take the same time and get the same answer. What else is wrong with the
// account is disclosed only to a user who gave the right password.
func WithPassword(ctx context.Context, k directory.Desk, in cardinal.SignIn) (cardinal.SignedIn, error) {
	out, err := withPassword(ctx, k, in)
	k.Directory().CountSignIn(err)
	return out, err
}

func withPassword(ctx context.Context, k directory.Desk, in cardinal.SignIn) (cardinal.SignedIn, error) {
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
	if invalid != nil {
		index = nil
	}
	account, err := a.account(ctx, r, index)
	if err != nil {
		return cardinal.SignedIn{}, err
	}
	if err := a.reserve(ctx, in.Device, account, index); err != nil {
		return cardinal.SignedIn{}, err
	}
	defer a.reserved.End()
	// A background job or another sign-in of the same user can replace the hash while the password is compared with it.
	// That is not a wrong password: it is compared with the new hash.
	for range maxComparisons {
		signedIn, err := a.withPassword(ctx, account, in.Password)
		if errors.Is(err, cardinal.ErrBusy) {
			return cardinal.SignedIn{}, errors.Join(err, a.reserved.Release(ctx))
		}
		if !errors.Is(err, errHashReplaced) {
			return signedIn, err
		}
		if account, err = a.account(ctx, r, index); err != nil {
			return cardinal.SignedIn{}, err
		}
	}
	return cardinal.SignedIn{}, cardinal.Refuse("temporary_conflict")
}

// maxComparisons is with how many hashes a sign-in compares a password, when each is replaced meanwhile.
const maxComparisons = 3

// account returns the account with an identifier; an empty one when there is none.
func (a *attempt) account(ctx context.Context, r store.Reader, identifier []byte) (store.SignInAccount, error) {
	account, err := r.SignInAccount(ctx, identifier)
	if err != nil && !errors.Is(err, cardinal.ErrNotFound) {
		return account, fmt.Errorf("look up the account: %w", err)
	}
	return account, nil
}

// withPassword compares a password with the hash of an account, and opens a session. errHashReplaced means that the
// password is right, but for a hash that the account does not have any more.
func (a *attempt) withPassword(
	ctx context.Context, account store.SignInAccount, secret cardinal.Secret,
) (cardinal.SignedIn, error) {
	d := a.caller.Directory()
	if account.UserID != uuid.Nil {
		a.hashFor.Account = account.UserID.String()
	}
	match, rehash, err := d.VerifyPassword(ctx, a.hashFor, secret, account.Hash)
	if err != nil {
		return cardinal.SignedIn{}, err
	}
	// A temporary password that was used or has expired is as good as a wrong one. Its comparison took the same time.
	if !match || account.IsTemporaryEnded(d.Now()) {
		return cardinal.SignedIn{}, a.fail(ctx, account.UserID, errCredentials)
	}
	if !account.CanSignIn {
		return cardinal.SignedIn{}, a.fail(ctx, account.UserID, statusRefusal(account.Status))
	}
	a.userID, a.verifiedHash, a.newHash, a.temporary = account.UserID, *account.Hash, "", nil
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

// reserve counts the attempt against the account that the identifier belongs to, or against the identifier when no user
// has it. So nothing tells the two apart.
func (a *attempt) reserve(
	ctx context.Context, device cardinal.Secret, account store.SignInAccount, identifier []byte,
) (err error) {
	limiter := a.caller.Directory().Throttle()
	try := throttle.SignIn{Account: identifier, Address: a.caller.Actor().ClientFrom.Address}
	if account.UserID != uuid.Nil {
		try.Account = account.UserID[:]
	}
	if account.LastReset != nil {
		try.Device = limiter.Device(device, account.UserID, *account.LastReset)
	}
	if a.reserved, err = limiter.ReserveSignIn(ctx, try, a.settings.ThrottleLimits()); err != nil {
		a.caller.CountRefusal(ctx, account.UserID, signInAction, err)
	}
	return err
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
