package directory

import (
	"context"
	"errors"

	"cardinal"
	"cardinal/internal/normal"
	"cardinal/internal/password"
)

// HashCaller returns what the hashing queue needs to know about the actor. All anonymous callers of an address are one
// account, so that a flood of sign-ups takes one turn among the accounts that sign in from there; a sign-in sets the
// account that it is for.
func (k Desk) HashCaller() password.Caller {
	return password.Caller{Prefix: k.actor.ClientFrom.Prefix(), Account: k.actor.UserID.String()}
}

// HashPassword returns the PHC string of a password that was checked before.
func (d *Directory) HashPassword(ctx context.Context, c password.Caller, secret cardinal.Secret) (string, error) {
	text, err := normal.Password(secret.Reveal())
	if err != nil {
		return "", err
	}
	phc, err := d.hasher.Hash(ctx, c, text)
	return phc, busyRefusal(err)
}

// VerifyPassword compares a password with a hash. It takes the same time whatever the scheme of the hash, and without
// one, so that the time does not disclose whether there is one or where it came from.
func (d *Directory) VerifyPassword(
	ctx context.Context, c password.Caller, secret cardinal.Secret, hash *string,
) (match, rehash bool, err error) {
	if err := d.refreshPasswordSchemes(ctx); err != nil {
		return false, false, err
	}
	text, invalid := normal.Password(secret.Reveal())
	if hash == nil || invalid != nil {
		err = d.hasher.VerifyDummy(ctx, c, text)
	} else {
		match, rehash, err = d.hasher.Verify(ctx, c, text, *hash)
	}
	return match, rehash, busyRefusal(err)
}

// CheckHashCapacity returns nil while the hasher accepts work from a caller, otherwise a refusal.
func (d *Directory) CheckHashCapacity(c password.Caller) error {
	return busyRefusal(d.hasher.CheckCapacity(c))
}

// busyRefusal returns the refusal for a hasher at its limit; any other error as it is.
func busyRefusal(err error) error {
	if errors.Is(err, password.ErrBusy) {
		return cardinal.Refuse("busy").After(seconds(5))
	}
	return err
}
