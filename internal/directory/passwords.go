package directory

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/store"
)

// PasswordState says what may be known of a user's password.
func (k Desk) PasswordState(ctx context.Context, userID uuid.UUID) (cardinal.PasswordState, error) {
	r, err := k.read(ctx, rule{permission: "users.read", subject: userID, own: true})
	if err != nil {
		return cardinal.PasswordState{}, err
	}
	if _, err := r.User(ctx, userID); err != nil {
		return cardinal.PasswordState{}, err
	}
	credential, err := r.Credential(ctx, userID)
	if isNotFound(err) {
		return cardinal.PasswordState{UserID: userID}, nil
	}
	return passwordState(credential), err
}

func passwordState(c store.CredentialRecord) cardinal.PasswordState {
	return cardinal.PasswordState{UserID: c.UserID, HasPassword: true, LastReset: &c.LastReset, MustChange: c.MustChange, Version: c.Version}
}

// SetPassword sets somebody's password, or only requires a change of it, and ends all their sessions. version is 0 for a user
// who has no password yet.
func (k Desk) SetPassword(ctx context.Context, userID uuid.UUID, version int64, in cardinal.PasswordSet) (cardinal.PasswordState, error) {
	r := rule{action: "password.set", permission: "credentials.update", subject: userID}
	reader, err := k.read(ctx, r)
	if err != nil {
		return refused[cardinal.PasswordState](ctx, k, r, err)
	}
	s, err := k.d.settings(ctx, reader)
	if err != nil {
		return cardinal.PasswordState{}, err
	}
	var check input
	switch {
	case in.New != "":
		check.newPassword("/new_password", in.New, s)
	case !in.MustChange:
		check.Add("/new_password", "password_missing")
	}
	if err := check.Err(); err != nil {
		return cardinal.PasswordState{}, err
	}
	var hash string
	if in.New != "" {
		if hash, err = k.hash(ctx, in.New); err != nil {
			return cardinal.PasswordState{}, err
		}
	}
	return change(ctx, k, r, func(c *changing) (cardinal.PasswordState, error) {
		user, err := c.UserForChange(ctx, userID)
		if err != nil {
			return cardinal.PasswordState{}, err
		}
		if err := c.mayTouch(ctx, userID); err != nil {
			return cardinal.PasswordState{}, err
		}
		if !k.d.kinds[user.Kind].CanSignIn || k.d.statuses[user.Status].IsDeleted {
			return cardinal.PasswordState{}, cardinal.Refuse("status_not_allowed", user.Status)
		}
		current, err := c.CredentialForChange(ctx, userID)
		switch {
		case isNotFound(err):
			if err := fresh(0, version); err != nil {
				return cardinal.PasswordState{}, err
			}
			if hash == "" {
				return cardinal.PasswordState{}, cardinal.Refuse("no_password")
			}
			current = store.CredentialRecord{UserID: userID, Hash: hash, LastReset: c.now, MustChange: in.MustChange, CreatedAt: c.now, UpdatedAt: c.now, Version: 1, SchemaVersion: 1}
			if err := c.InsertCredential(ctx, current); err != nil {
				return cardinal.PasswordState{}, err
			}
			if err := c.keepWayIn(ctx, userID); err != nil {
				return cardinal.PasswordState{}, err
			}
		case err != nil:
			return cardinal.PasswordState{}, err
		default:
			if err := fresh(current.Version, version); err != nil {
				return cardinal.PasswordState{}, err
			}
			if hash != "" {
				current.Hash, current.LastReset = hash, c.now
			}
			current.MustChange = in.MustChange
			if current, err = c.UpdateCredential(ctx, current, c.now); err != nil {
				return cardinal.PasswordState{}, err
			}
		}
		c.wrote(store.StampCredential(current))
		if hash != "" {
			c.masked("credentials.hash")
		}
		c.changed("credentials.must_change", nil, current.MustChange)
		return passwordState(current), c.endSessions(ctx, userID, uuid.Nil, "password_changed")
	})
}

// ChangePassword is a person's change of their own password: it proves the present one, and ends all their other sessions.
func (k Desk) ChangePassword(ctx context.Context, in cardinal.PasswordChange) (cardinal.PasswordState, error) {
	me := k.actor.UserID
	r := rule{action: "password.change", subject: me, own: true, beforePasswordChange: true, permission: "credentials.update"}
	reader, err := k.read(ctx, r)
	if err != nil {
		return cardinal.PasswordState{}, err
	}
	s, err := k.d.settings(ctx, reader)
	if err != nil {
		return cardinal.PasswordState{}, err
	}
	var check input
	check.newPassword("/new_password", in.New, s)
	if err := check.Err(); err != nil {
		return cardinal.PasswordState{}, err
	}
	t := k.throttleFor("password", me[:])
	if _, err := t.check(ctx, reader, k.d.now()); err != nil {
		return cardinal.PasswordState{}, err
	}
	current, err := reader.Credential(ctx, me)
	if err != nil && !errors.Is(err, cardinal.ErrNotFound) {
		return cardinal.PasswordState{}, err
	}
	match, _, err := k.verify(ctx, in.Current, &current.Hash, current.Hash != "")
	if err != nil {
		return cardinal.PasswordState{}, err
	}
	if !match {
		if err := k.count(ctx, t, s); err != nil {
			return cardinal.PasswordState{}, err
		}
		if err := k.recordRefusal(ctx, r); err != nil { // the throttle bounds how many
			return cardinal.PasswordState{}, err
		}
		check.Add("/current_password", "password_wrong")
		return cardinal.PasswordState{}, check.Err()
	}
	hash, err := k.hash(ctx, in.New)
	if err != nil {
		return cardinal.PasswordState{}, err
	}
	return change(ctx, k, r, func(c *changing) (cardinal.PasswordState, error) {
		if _, err := t.check(ctx, c.Reader, c.now); err != nil {
			return cardinal.PasswordState{}, err
		}
		locked, err := c.CredentialForChange(ctx, me)
		if err != nil {
			return cardinal.PasswordState{}, err
		}
		if err := fresh(locked.Version, current.Version); err != nil {
			return cardinal.PasswordState{}, err
		}
		locked.Hash, locked.LastReset, locked.MustChange = hash, c.now, false
		after, err := c.UpdateCredential(ctx, locked, c.now)
		if err != nil {
			return cardinal.PasswordState{}, err
		}
		c.wrote(store.StampCredential(after))
		c.masked("credentials.hash")
		if err := c.ClearThrottle(ctx, t.identifier); err != nil {
			return cardinal.PasswordState{}, err
		}
		if k.actor.SessionID.Valid && k.actor.Assurance == 0 {
			raised, err := c.RaiseSession(ctx, me, k.actor.SessionID.UUID, 1)
			if err != nil {
				return cardinal.PasswordState{}, err
			}
			c.wrote(store.StampSession(raised))
		}
		return passwordState(after), c.endSessions(ctx, me, k.actor.SessionID.UUID, "password_changed")
	})
}
