package access

import (
	"context"

	"cardinal"
	"cardinal/internal/directory"
)

// AddAdministrator grants every role that must have users to the user who has verified an email address. It creates the
// user if no user has the address, and refuses an address that no user has verified: who has it need not be its owner.
// The command line calls it.
func AddAdministrator(ctx context.Context, k directory.Desk, in cardinal.NewUser) (cardinal.User, error) {
	k = k.WithoutReply() // it consists of several changes
	owners, err := k.AddressOwners(ctx, in.Email)
	var user cardinal.User
	switch {
	case err != nil:
		return user, err // a refused read is recorded
	case len(owners) == 0:
		in.EmailVerified = true
		in.ChosenByUser = true // operators add themselves, and type their own password
		user, err = k.CreateUser(ctx, in)
	case !owners[0].Verified:
		err = cardinal.Refuse("address_unverified")
	default:
		user, err = k.User(ctx, owners[0].UserID, false)
	}
	if err != nil {
		return user, err
	}
	roles, err := k.Directory().Store().Read(ctx).GuardedRoles(ctx)
	if err != nil {
		return user, err
	}
	for _, role := range roles {
		if _, err := GrantRole(ctx, k, user.ID, cardinal.NewGrant{RoleID: role.ID}); err != nil {
			return user, err
		}
	}
	return user, nil
}

// Administrators lists the users who have a role that must have users.
func Administrators(ctx context.Context, k directory.Desk) ([]cardinal.User, error) {
	r, err := k.Read(ctx, directory.Rule{Permission: "users.read"})
	if err != nil {
		return nil, err
	}
	roles, err := r.GuardedRoles(ctx)
	if err != nil {
		return nil, err
	}
	var out []cardinal.User
	for _, role := range roles {
		page, err := k.Users(ctx, cardinal.UserFilter{RoleID: role.ID, Page: cardinal.Page{Limit: 200}}, true)
		if err != nil {
			return nil, err
		}
		out = append(out, page.Data...)
	}
	return out, nil
}
