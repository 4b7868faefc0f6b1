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

var errSetupLink = cardinal.Refuse("setup_link_expired")

// HasAdministrator reports whether every role that must have holders has one who can sign in.
func (d *Directory) HasAdministrator(ctx context.Context) (bool, error) {
	return d.store.Read(ctx).HasAdministrator(ctx)
}

// NewSetupLink makes a one-time token with which a person becomes an administrator; it works for half an hour, once.
func (k Desk) NewSetupLink(ctx context.Context) (cardinal.SetupLink, error) {
	k.request = nil
	return Change(ctx, k, Rule{Action: "setup_link.create", Permission: "setup_links.create"}, func(tx *Tx) (cardinal.SetupLink, error) {
		id := cardinal.NewID()
		t, text := NewToken(SetupPrefix, cardinal.OperatorID, id)
		record := store.SetupLinkRecord{ID: id, TokenHash: t.Hash[:], CreatedAt: tx.Now, ExpiresAt: tx.Now.Add(setupLifetime)}
		if err := tx.DeleteDeadSetupLinks(ctx, tx.Now); err != nil {
			return cardinal.SetupLink{}, err
		}
		tx.ForceEvent = true
		tx.RecordChange("setup_links.expires_at", nil, record.ExpiresAt)
		return cardinal.SetupLink{Token: text, ExpiresAt: record.ExpiresAt}, tx.InsertSetupLink(ctx, record)
	})
}

// SetUp redeems a set-up link: it makes a person with a vouched-for address and every role that must have holders, and signs
// them in. Whoever has the link acts as the operator who made it.
func (k Desk) SetUp(ctx context.Context, in cardinal.SetUp) (cardinal.SignedIn, error) {
	stranger := k
	reader, err := k.Read(ctx, Rule{Permission: "sessions.create"})
	if err != nil {
		return cardinal.SignedIn{}, err
	}
	s, err := k.d.CurrentSettings(ctx, reader)
	if err != nil {
		return cardinal.SignedIn{}, err
	}
	attempts := k.NewThrottle("set-up", nil)
	if _, err := attempts.Check(ctx, reader, k.d.Now()); err != nil {
		return cardinal.SignedIn{}, err
	}
	t, ok := ParseToken(SetupPrefix, in.Token.Reveal())
	if ok {
		link, err := reader.SetupLink(ctx, t.Hash[:])
		if err != nil && !isNotFound(err) {
			return cardinal.SignedIn{}, err
		}
		ok = err == nil && link.UsedAt == nil && k.d.Now().Before(link.ExpiresAt)
	}
	if !ok {
		if err := k.RecordFailure(ctx, attempts, s, cardinal.StrangerID, "setup_link.use"); err != nil {
			return cardinal.SignedIn{}, err
		}
		return cardinal.SignedIn{}, errSetupLink
	}
	var check Input
	check.AddError("/email", errorOf(normal.Email(in.Email)))
	check.NewPassword("/password", in.Password, s)
	check.Text("/display_name", in.DisplayName, DisplayName)
	if err := check.Err(); err != nil {
		return cardinal.SignedIn{}, err
	}
	operator := k
	operator.request = nil
	operator.actor = cardinal.Operator()
	operator.actor.RequestID = k.actor.RequestID
	user, err := operator.createUser(ctx, cardinal.NewUser{Email: in.Email, EmailVerified: true, Password: in.Password, DisplayName: in.DisplayName},
		Rule{Action: "user.create", Permission: "users.create"}, "create", func(tx *Tx, u cardinal.User) error {
			link, err := tx.SetupLinkForChange(ctx, t.Hash[:])
			if err != nil {
				return err
			}
			if err := tx.UseSetupLink(ctx, link.ID, tx.Now); isNotFound(err) {
				return errSetupLink // somebody else used it meanwhile
			} else if err != nil {
				return err
			}
			roles, err := tx.GuardedRoles(ctx)
			if err != nil {
				return err
			}
			for _, role := range roles {
				grant, err := tx.PutGrant(ctx, cardinal.Grant{UserID: u.ID, RoleID: role.ID, GrantedBy: cardinal.OperatorID, CreatedAt: tx.Now})
				if err != nil {
					return err
				}
				tx.RecordRows(store.StampGrant(grant))
				tx.RecordChange("user_roles."+role.Name, nil, "granted")
			}
			return nil
		})
	if err != nil {
		return cardinal.SignedIn{}, err
	}
	key, err := k.d.UserKey(ctx, reader, user.ID)
	if err != nil {
		return cardinal.SignedIn{}, err
	}
	return stranger.openSession(ctx, user.ID, "setup_link", s, key, func(*Tx, store.CredentialRecord) error { return nil })
}

// AddAdministrator makes a user who can be an administrator, or makes one of somebody who is there: the operator's way.
func (k Desk) AddAdministrator(ctx context.Context, in cardinal.NewUser) (cardinal.User, error) {
	address, err := normal.Email(in.Email)
	if err != nil {
		var check Input
		check.AddError("/email", err)
		return cardinal.User{}, check.Err()
	}
	k.request = nil // it is several changes
	reader := k.d.store.Read(ctx)
	held, err := reader.Identifier(ctx, k.d.keys.BlindIndex(normal.KindEmail, address))
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
	r, err := k.Read(ctx, Rule{Permission: "users.read"})
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
