package directory

import (
	"context"
	"errors"
	"net/netip"

	"cardinal"
	"cardinal/internal/normal"
	"cardinal/internal/password"
)

// HashCaller returns what the hashing queue needs to know about the actor. All anonymous callers of an address are one
// account, so that a flood of sign-ups takes one turn among the accounts that sign in from there; a sign-in sets the
// account that it is for.
func (k Desk) HashCaller() password.Caller {
	return password.Caller{Prefix: hashPrefix(k.actor.ClientFrom.Address), Account: k.actor.UserID.String()}
}

// hashPrefix returns the range of addresses that shares the turns of the hashing queue: an IPv4 address, or the /48
// prefix of an IPv6 address, because that is what one site can get (RFC 6177). It is "" for an invalid address.
func hashPrefix(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return ""
	}
	if a = a.Unmap().WithZone(""); a.Is4() {
		return a.String()
	}
	p, err := a.Prefix(48)
	if err != nil {
		return ""
	}
	return p.String()
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
