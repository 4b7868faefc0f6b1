package directory

import (
	"context"
	"errors"
	"time"

	"cardinal"
	"cardinal/internal/normal"
	"cardinal/internal/store"
)

const setupLifetime = 30 * time.Minute

var errSetupLink = cardinal.Refuse(cardinal.ErrUnauthenticated, "setup_link_expired", "This link was used or is too old; run cardinal admin setup-link for another")

// HasAdministrator reports whether every role that must have holders has one who can sign in.
func (d *Directory) HasAdministrator(ctx context.Context) (bool, error) {
	return d.store.Read(ctx).HasAdministrator(ctx)
}

// NewSetupLink makes a one-time token with which a person becomes an administrator; it works for half an hour, once.
func (k Desk) NewSetupLink(ctx context.Context) (cardinal.SetupLink, error) {
	k.once = nil
	return change(ctx, k, rule{action: "setup_link.create", permission: "setup_links.create"}, func(c *changing) (cardinal.SetupLink, error) {
		id := cardinal.NewID()
		t, text := newToken(setupPrefix, cardinal.OperatorID, id)
		record := store.SetupLinkRecord{ID: id, TokenHash: t.hash[:], CreatedAt: c.now, ExpiresAt: c.now.Add(setupLifetime)}
		if err := c.DeleteDeadSetupLinks(ctx, c.now); err != nil {
			return cardinal.SetupLink{}, err
		}
		c.told = true
		c.changed("setup_links.expires_at", nil, record.ExpiresAt)
		return cardinal.SetupLink{Token: text, ExpiresAt: record.ExpiresAt}, c.InsertSetupLink(ctx, record)
	})
}

// SetUp redeems a set-up link: it makes a person with a vouched-for address and every role that must have holders, and signs
// them in. Whoever has the link acts as the operator who made it.
func (k Desk) SetUp(ctx context.Context, in cardinal.SetUp) (cardinal.SignedIn, error) {
	anonymous := k
	reader, err := k.read(ctx, rule{permission: "sessions.create"})
	if err != nil {
		return cardinal.SignedIn{}, err
	}
	s, err := k.d.settings(ctx, reader)
	if err != nil {
		return cardinal.SignedIn{}, err
	}
	attempts := k.throttleFor("set-up", nil)
	if _, err := attempts.check(ctx, reader, k.d.now()); err != nil {
		return cardinal.SignedIn{}, err
	}
	t, ok := parseToken(setupPrefix, in.Token.Reveal())
	if ok {
		link, err := reader.SetupLink(ctx, t.hash[:])
		if err != nil && !isNotFound(err) {
			return cardinal.SignedIn{}, err
		}
		ok = err == nil && link.UsedAt == nil && k.d.now().Before(link.ExpiresAt)
	}
	if !ok {
		if err := k.fail(ctx, attempts, s, cardinal.AnonymousID, "setup_link.use"); err != nil {
			return cardinal.SignedIn{}, err
		}
		return cardinal.SignedIn{}, errSetupLink
	}
	var check input
	check.note("/email", second(normal.Email(in.Email)))
	check.newPassword("/password", in.Password, s)
	check.text("/display_name", in.DisplayName, displayName)
	if err := check.Err(); err != nil {
		return cardinal.SignedIn{}, err
	}
	operator := k
	operator.once = nil
	operator.actor = cardinal.Operator()
	operator.actor.RequestID = k.actor.RequestID
	user, err := operator.createUser(ctx, cardinal.NewUser{Email: in.Email, EmailVerified: true, Password: in.Password, DisplayName: in.DisplayName},
		rule{action: "user.create", permission: "users.create"}, "create", func(c *changing, u cardinal.User) error {
			link, err := c.SetupLinkForChange(ctx, t.hash[:])
			if err != nil {
				return err
			}
			if err := c.UseSetupLink(ctx, link.ID, c.now); isNotFound(err) {
				return errSetupLink // somebody else used it meanwhile
			} else if err != nil {
				return err
			}
			roles, err := c.GuardedRoles(ctx)
			if err != nil {
				return err
			}
			for _, role := range roles {
				grant, err := c.PutGrant(ctx, cardinal.Grant{UserID: u.ID, RoleID: role.ID, GrantedBy: cardinal.OperatorID, CreatedAt: c.now})
				if err != nil {
					return err
				}
				c.wrote(store.StampGrant(grant))
				c.changed("user_roles."+role.Name, nil, "granted")
			}
			return nil
		})
	if err != nil {
		return cardinal.SignedIn{}, err
	}
	key, err := k.d.userKey(ctx, reader, user.ID)
	if err != nil {
		return cardinal.SignedIn{}, err
	}
	return anonymous.openSession(ctx, user.ID, "setup_link", s, key, func(*changing, store.CredentialRecord) error { return nil })
}

// AddAdministrator makes a user who can be an administrator, or makes one of somebody who is there: the operator's way.
func (k Desk) AddAdministrator(ctx context.Context, in cardinal.NewUser) (cardinal.User, error) {
	address, err := normal.Email(in.Email)
	if err != nil {
		var check input
		check.note("/email", err)
		return cardinal.User{}, check.Err()
	}
	k.once = nil // it is several changes
	reader := k.d.store.Read(ctx)
	held, err := reader.Identifier(ctx, k.d.keys.index(normal.KindEmail, address))
	var user cardinal.User
	switch {
	case errors.Is(err, cardinal.ErrNotFound):
		in.EmailVerified = true
		user, err = k.CreateUser(ctx, in)
	case err == nil:
		user, err = k.User(ctx, held.UserID, false)
	}
	if err != nil {
		return user, err
	}
	roles, err := reader.GuardedRoles(ctx)
	if err != nil {
		return user, err
	}
	for _, role := range roles {
		if _, err := k.GrantRole(ctx, user.ID, cardinal.NewGrant{RoleID: role.ID}); err != nil {
			return user, err
		}
	}
	return user, nil
}

// Administrators lists the holders of the roles that must have holders.
func (k Desk) Administrators(ctx context.Context) ([]cardinal.User, error) {
	r, err := k.read(ctx, rule{permission: "users.read"})
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
