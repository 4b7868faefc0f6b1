package signin

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/normal"
	"cardinal/internal/store"
)

// setupLinkLifetime is how long a set-up link can be used.
const setupLinkLifetime = 30 * time.Minute

const setUpAction = "setup_link.use"

var errSetupLink = cardinal.Refuse("setup_link_expired")

// HasAdministrator reports whether every role that must have users has one who can sign in.
func HasAdministrator(ctx context.Context, d *directory.Directory) (bool, error) {
	return d.Store().Read(ctx).HasAdministrator(ctx)
}

// NewSetupLink creates a one-time token with which a user becomes an administrator. It works once, for half an hour.
func NewSetupLink(ctx context.Context, k directory.Desk) (cardinal.SetupLink, error) {
	rule := directory.Rule{Action: "setup_link.create", Permission: "setup_links.create", RecentSignIn: true}
	return directory.Change(ctx, k.WithoutReply(), rule, func(tx *directory.Tx) (cardinal.SetupLink, error) {
		if err := requireGuardedRoles(ctx, tx); err != nil {
			return cardinal.SetupLink{}, err
		}
		id := cardinal.NewID()
		token, text := directory.NewToken(directory.SetupPrefix, cardinal.OperatorID, id)
		hashes := k.Directory().Keys().TokenHashes(token)
		record := store.SetupLinkRecord{ID: id, TokenHash: hashes.Keyed, OlderTokenHash: hashes.Older,
			CreatedAt: tx.Now, ExpiresAt: tx.Now.Add(setupLinkLifetime)}
		if err := tx.DeleteEndedSetupLinks(ctx, tx.Now); err != nil {
			return cardinal.SetupLink{}, err
		}
		tx.ForceEvent = true
		tx.RecordChange("setup_links.expires_at", nil, record.ExpiresAt)
		return cardinal.SetupLink{Token: text, ExpiresAt: record.ExpiresAt}, tx.InsertSetupLink(ctx, record)
	})
}

// requireGuardedRoles refuses an actor who could not grant the roles that a set-up link grants, without an end.
func requireGuardedRoles(ctx context.Context, tx *directory.Tx) error {
	ends, err := tx.Desk.PermissionEnds(ctx, tx.Reader)
	if err != nil {
		return err
	}
	roles, err := tx.GuardedRoles(ctx)
	limit := ends.Limit("setup_links.create")
	for _, role := range roles {
		if err == nil {
			limit, err = ends.WithRole(ctx, tx.Reader, limit, role)
		}
	}
	switch {
	case err != nil:
		return err
	case !limit.Held():
		return cardinal.Refuse("role_has_more_permissions")
	}
	return limit.Require(nil)
}

// SetUp redeems a set-up link: it creates a user with a verified address and every role that must have users, and signs
// them in. A caller who has the link acts as the operator who created it.
func SetUp(ctx context.Context, k directory.Desk, in cardinal.SetUp) (cardinal.SignedIn, error) {
	r, err := k.Read(ctx, directory.Rule{Permission: "sessions.create"})
	if err != nil {
		return cardinal.SignedIn{}, err
	}
	d := k.Directory()
	a := attempt{caller: k, method: "setup_link"}
	if a.settings, err = d.CurrentSettings(ctx, r); err != nil {
		return cardinal.SignedIn{}, err
	}
	address := k.Actor().ClientFrom.Address
	a.reserved, err = d.Throttle().ReserveFromAddress(ctx, "set-up", address, a.settings.ThrottleLimits())
	if err != nil {
		k.CountRefusal(ctx, uuid.Nil, setUpAction, err)
		return cardinal.SignedIn{}, err
	}
	token, valid, err := findSetupLink(ctx, d, r, in.Token)
	if err != nil {
		return cardinal.SignedIn{}, err
	}
	if !valid {
		k.CountRefusal(ctx, uuid.Nil, setUpAction, errSetupLink)
		return cardinal.SignedIn{}, errSetupLink
	}
	if err := checkSetUp(in, a.settings); err != nil {
		return cardinal.SignedIn{}, err
	}
	user, err := createAdministrator(ctx, k, token, in)
	if err != nil {
		return cardinal.SignedIn{}, err
	}
	a.userID = user.ID
	if a.key, err = d.UserKey(ctx, r, user.ID); err != nil {
		return cardinal.SignedIn{}, err
	}
	return a.openSession(ctx)
}

// findSetupLink reports whether a token belongs to a set-up link that can still be used.
func findSetupLink(
	ctx context.Context, d *directory.Directory, r store.Reader, text cardinal.Secret,
) (token directory.Token, valid bool, err error) {
	token, ok := directory.ParseToken(directory.SetupPrefix, text.Reveal())
	if !ok {
		return token, false, nil
	}
	link, err := r.SetupLink(ctx, d.Keys().TokenHashes(token))
	if errors.Is(err, cardinal.ErrNotFound) {
		return token, false, nil
	}
	return token, err == nil && link.UsedAt == nil && d.Now().Before(link.ExpiresAt), err
}

// checkSetUp finds every error of a set-up at once.
func checkSetUp(in cardinal.SetUp, s directory.Settings) error {
	var check directory.Input
	_, err := normal.Email(in.Email)
	check.AddError("/email", err)
	check.NewPassword("/password", in.Password, s, in.Email, in.DisplayName)
	check.ProfileTexts(&in)
	return check.Err()
}

// createAdministrator creates the user of a set-up, marks the link as used and grants the roles, in one transaction of
// the operator.
func createAdministrator(
	ctx context.Context, k directory.Desk, token directory.Token, in cardinal.SetUp,
) (cardinal.User, error) {
	actor := cardinal.Operator()
	actor.RequestID = k.Actor().RequestID
	operator := k.Directory().As(actor)
	rule := directory.Rule{Action: "user.create", Permission: "users.create"}
	draft, err := operator.PrepareUser(ctx, rule, cardinal.NewUser{
		Email: in.Email, EmailVerified: true, ChosenByUser: true, Password: in.Password, DisplayName: in.DisplayName,
	})
	if err != nil {
		return cardinal.User{}, err
	}
	return directory.Change(ctx, operator, rule, func(tx *directory.Tx) (cardinal.User, error) {
		user, err := tx.CreateUser(ctx, draft, "create")
		if err != nil {
			return user, err
		}
		link, err := tx.LockSetupLink(ctx, k.Directory().Keys().TokenHashes(token))
		if err != nil {
			return user, err
		}
		if err := tx.MarkSetupLinkUsed(ctx, link.ID, tx.Now); errors.Is(err, cardinal.ErrNotFound) {
			return user, errSetupLink // another request used it since
		} else if err != nil {
			return user, err
		}
		return user, grantGuardedRoles(ctx, tx, user)
	})
}

// grantGuardedRoles grants every role that must have users.
func grantGuardedRoles(ctx context.Context, tx *directory.Tx, user cardinal.User) error {
	roles, err := tx.GuardedRoles(ctx)
	if err != nil {
		return err
	}
	for _, role := range roles {
		grant, err := tx.UpsertGrant(ctx, cardinal.Grant{
			UserID: user.ID, RoleID: role.ID, GrantedBy: cardinal.OperatorID, CreatedAt: tx.Now,
		})
		if err != nil {
			return err
		}
		tx.RecordRows(store.DigestGrant(grant))
		tx.RecordChange("user_roles."+role.Name, nil, "granted")
	}
	return nil
}
