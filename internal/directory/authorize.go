package directory

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/store"
)

// ErrPasswordChange refuses an actor who must change their password first.
var ErrPasswordChange = cardinal.Refuse("password_change_required")

// ErrNotSignedIn refuses a caller who is not authenticated.
var ErrNotSignedIn = cardinal.Refuse("not_signed_in")

// Read checks that the actor is allowed to read something. A read leaves no audit event; a refused read of personal
// data leaves one, like a refused change.
func (k Desk) Read(ctx context.Context, r Rule) (store.Reader, error) {
	reader := k.d.store.Read(ctx)
	if k.readPermission != "" && k.readPermission == r.Permission && k.actor.Assurance > 0 && !r.RecentSignIn {
		return reader, nil
	}
	from := k.actor.ClientFrom
	k.actor.ClientFrom = cardinal.Client{} // it is needed only for an event: then the actor's key is not read
	err := k.authorize(ctx, reader, r)
	if action, ok := personalReads[r.Permission]; ok && r.Action == "" && k.actor.Known() && isMissingPermission(err) {
		k.actor.ClientFrom = from
		if err := k.RecordDenial(ctx, Rule{Action: action, Subject: r.Subject}); err != nil {
			return reader, err
		}
	}
	return reader, err
}

// personalReads are the permissions to read personal data, with the action of the event of a refusal.
var personalReads = map[string]string{
	"users.read": "user.read", "sessions.read": "session.read", "audit.read": "audit.read",
}

func isMissingPermission(err error) bool {
	var refusal *cardinal.Refusal
	return errors.As(err, &refusal) && refusal.Code == "permission_missing"
}

// authorize returns nil when the actor is allowed to make the change. An API key changes nothing without a role that
// allows it, not even its own service.
func (tx *Tx) authorize(ctx context.Context, r Rule) error {
	r.Own = r.Own && !tx.Desk.actor.APIKeyID.Valid
	return tx.Desk.authorize(ctx, tx.Reader, r)
}

// authorize decides: the default is to deny. In addition to the permission, a change of a user needs
// RequireAllPermissionsOf: otherwise a support user who is allowed to set passwords could become an administrator.
func (k *Desk) authorize(ctx context.Context, r store.Reader, what Rule) error {
	if k.actor.Assurance == 0 && !what.BeforePasswordChange {
		return ErrPasswordChange
	}
	own := what.Own && what.Subject == k.actor.UserID && k.actor.Known()
	if !own {
		allowed, err := k.HasPermission(ctx, r, what.Permission)
		if err != nil {
			return fmt.Errorf("check the permission %s: %w", what.Permission, err)
		}
		if !allowed {
			return cardinal.Refuse("permission_missing", what.Permission)
		}
	}
	if what.RecentSignIn {
		return k.requireRecentSignIn(ctx, r)
	}
	return nil
}

// requireRecentSignIn refuses an actor whose session was neither opened nor confirmed recently: a stolen token, or an
// open browser, is then not enough to gain access that lasts. API keys and the command line have no session: a program
// cannot be asked for a password.
func (k *Desk) requireRecentSignIn(ctx context.Context, r store.Reader) error {
	if !k.actor.SessionID.Valid {
		return nil
	}
	session, err := r.Session(ctx, k.actor.UserID, k.actor.SessionID.UUID)
	if isNotFound(err) {
		return ErrNotSignedIn
	}
	if err != nil {
		return fmt.Errorf("read the session: %w", err)
	}
	s, err := k.d.CurrentSettings(ctx, r)
	if err != nil {
		return err
	}
	if k.d.Now().Sub(session.AuthenticatedAt()) >= s.RecentSignIn {
		return cardinal.Refuse("reauthentication_required")
	}
	return nil
}

// requireAuthenticated returns nil for every authenticated actor: what they read needs no permission.
func (k Desk) requireAuthenticated() error {
	switch {
	case !k.actor.Known():
		return ErrNotSignedIn
	case k.actor.Assurance == 0:
		return ErrPasswordChange
	}
	return nil
}

// HasPermission reports whether the actor has a built-in permission.
func (k *Desk) HasPermission(ctx context.Context, r store.Reader, permission string) (bool, error) {
	key := builtInPermission{k.actor.UserID, permission}
	if cached, ok := k.d.builtInPermissions.Load(key); ok {
		return cached.(bool), nil
	}
	if cardinal.IsBuiltIn(k.actor.UserID) {
		allowed, err := r.HasPermission(ctx, k.Caller(), permission, k.d.Now())
		if err == nil {
			k.d.builtInPermissions.Store(key, allowed)
		}
		return allowed, err
	}
	if !k.encryptsClient() {
		return r.HasPermission(ctx, k.Caller(), permission, k.d.Now())
	}
	// The event of a change needs the actor's key: one statement returns both.
	allowed, wrapped, err := r.HasPermissionWithKey(ctx, k.Caller(), permission, k.d.Now())
	if err != nil || !allowed {
		if isNotFound(err) {
			return false, nil // a user whose key was destroyed is allowed nothing
		}
		return false, err
	}
	k.actorKey, err = k.d.keys.Unwrap(wrapped)
	return true, err
}

// RequirePermission returns nil when the actor has a permission in addition to the one of the rule.
func (tx *Tx) RequirePermission(ctx context.Context, permission string) error {
	allowed, err := tx.HasPermission(ctx, tx.Desk.Caller(), permission, tx.Now)
	if err == nil && !allowed {
		return cardinal.Refuse("permission_missing", permission)
	}
	return err
}

// RequireAllPermissionsOf returns nil when the actor has every permission that the user has.
func (tx *Tx) RequireAllPermissionsOf(ctx context.Context, user uuid.UUID) error {
	// An API key can have fewer permissions than its service.
	if user == tx.Desk.actor.UserID && !tx.Desk.actor.APIKeyID.Valid {
		return nil
	}
	hasAll, err := tx.HasAllPermissionsOfUser(ctx, tx.Desk.Caller(), user, tx.Now)
	if err != nil {
		return fmt.Errorf("compare permissions: %w", err)
	}
	if !hasAll {
		return cardinal.Refuse("target_has_more_permissions")
	}
	return nil
}

// Caller identifies the actor in the store's statements about permissions.
func (k Desk) Caller() store.Caller {
	return store.Caller{UserID: k.actor.UserID, APIKeyID: k.actor.APIKeyID}
}

// RequireActiveActor refuses an actor who was authenticated earlier and could not be any more. Work that continues
// after its request calls it first.
func (d *Directory) RequireActiveActor(ctx context.Context, a cardinal.Actor) error {
	r := d.store.Read(ctx)
	if a.APIKeyID.Valid {
		key, err := r.AuthenticateAPIKey(ctx, a.UserID, a.APIKeyID.UUID)
		if isNotFound(err) || err == nil && !d.IsUsable(key) {
			return cardinal.Refuse("forbidden")
		}
		return err
	}
	user, err := r.User(ctx, a.UserID)
	if err == nil && !cardinal.IsBuiltIn(a.UserID) && !d.statuses[user.Status].CanSignIn {
		return cardinal.Refuse("forbidden")
	}
	return err
}

// IsUsable reports whether an API key can be used: neither revoked nor expired, of a service whose status allows it.
func (d *Directory) IsUsable(key store.APIKeyAuth) bool {
	return key.RevokedAt == nil && d.Now().Before(key.ExpiresAt) &&
		key.CanHoldAPIKeys && d.statuses[key.Status].CanSignIn
}

// UnknownPermission returns the error of a permission that does not exist.
func UnknownPermission() error {
	var check Input
	check.Add("/permission", "permission_unknown")
	return check.Err()
}
