package access

import (
	"context"
	"errors"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/normal"
)

// AddAdministrator grants every role that must have users to the user with an email address. It creates the user if
// there is none. The command line calls it.
func AddAdministrator(ctx context.Context, k directory.Desk, in cardinal.NewUser) (cardinal.User, error) {
	address, err := normal.Email(in.Email)
	if err != nil {
		var check directory.Input
		check.AddError("/email", err)
		return cardinal.User{}, check.Err()
	}
	k = k.WithoutReply() // it consists of several changes
	d := k.Directory()
	r := d.Store().Read(ctx)
	owner, err := r.Identifier(ctx, d.Keys().BlindIndex(normal.KindEmail, address))
	var user cardinal.User
	switch {
	case errors.Is(err, cardinal.ErrNotFound):
		in.EmailVerified = true
		user, err = k.CreateUser(ctx, in)
	case err == nil:
		user, err = k.User(ctx, owner.UserID, false)
	}
	if err != nil {
		return user, err
	}
	roles, err := r.GuardedRoles(ctx)
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
