package directory

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/normal"
	"cardinal/internal/store"
)

// CreateUser makes a user: an administrator's way, so it is active at once and its addresses can be vouched for.
func (k Desk) CreateUser(ctx context.Context, in cardinal.NewUser) (cardinal.User, error) {
	return k.createUser(ctx, in, rule{action: "user.create", permission: "users.create"}, "create", nil)
}

// createUser makes a user in the status that an initial action gives; after runs in the same transaction.
func (k Desk) createUser(ctx context.Context, in cardinal.NewUser, r rule, action string, after func(*changing, cardinal.User) error) (cardinal.User, error) {
	var s settings
	var checked checkedUser
	check := func(reader store.Reader) (err error) {
		if in.Password != "" || in.Email != "" && !in.EmailVerified || in.Phone != "" && !in.PhoneVerified {
			if s, err = k.d.settings(ctx, reader); err != nil {
				return err
			}
		}
		checked, err = k.checkNewUser(ctx, reader, in, s)
		return err
	}
	var hash string
	if in.Password != "" {
		// A hash is dear: who may not, and what is wrong anyhow, shall not cost one.
		reader, err := k.read(ctx, r)
		if err != nil {
			return refused[cardinal.User](ctx, k, r, err)
		}
		if err := check(reader); err != nil {
			return cardinal.User{}, err
		}
		if hash, err = k.hash(ctx, in.Password); err != nil {
			return cardinal.User{}, err
		}
	}
	return change(ctx, k, r, func(c *changing) (cardinal.User, error) {
		if hash == "" {
			if err := check(c.Reader); err != nil {
				return cardinal.User{}, err
			}
		}
		in := checked.NewUser
		id := cardinal.NewID()
		c.about(id)
		username := claim{userID: id, kind: normal.KindUsername, normal: checked.username, proved: true}
		contacts := []newContact{
			{kind: normal.KindEmail, typed: in.Email, normal: checked.email, primary: true, verified: in.EmailVerified, free: true},
			{kind: normal.KindPhone, typed: in.Phone, normal: checked.phone, primary: true, verified: in.PhoneVerified, free: true},
		}
		contacts = slices.DeleteFunc(contacts, func(new newContact) bool { return new.typed == "" })
		// What has to be read is read first: on PostgreSQL all that is written after it travels together.
		if in.Username != "" {
			if err := c.makeWay(ctx, username); err != nil {
				return cardinal.User{}, err
			}
		}
		for _, new := range contacts {
			if err := c.makeWay(ctx, claim{userID: id, kind: new.kind, normal: new.normal, proved: new.verified}); err != nil {
				return cardinal.User{}, err
			}
		}
		user, err := c.InsertUser(ctx, id, in.Kind, action, c.now)
		if err != nil {
			return user, err
		}
		key, wrapped := k.d.keys.newUserKey(id, c.now)
		if err := c.InsertUserKey(ctx, wrapped); err != nil {
			return user, err
		}
		profile := cardinal.Profile{UserID: id, DisplayName: in.DisplayName, Username: in.Username, AvatarURL: in.AvatarURL, Country: in.Country,
			Locale: in.Locale, TimeZone: in.TimeZone, Preferences: in.Preferences, Attributes: in.Attributes, CreatedAt: c.now, UpdatedAt: c.now, Version: 1}
		record, err := sealProfile(profile, key)
		if err != nil {
			return user, err
		}
		if err := c.InsertProfile(ctx, record); err != nil {
			return user, err
		}
		row, err := store.StampProfile(record)
		if err != nil {
			return user, err
		}
		c.wrote(store.StampUser(user), row, store.StampUserKey(wrapped))
		c.changed("users.status", nil, user.Status)
		c.changed("users.kind", nil, user.Kind)
		if in.Username != "" {
			if err := c.take(ctx, username); err != nil {
				return user, err
			}
		}
		for _, new := range contacts {
			if _, err := c.addContact(ctx, id, key, new, s); err != nil {
				return user, err
			}
		}
		if hash != "" {
			credential := store.CredentialRecord{UserID: id, Hash: hash, LastReset: c.now, MustChange: in.MustChangePassword, CreatedAt: c.now, UpdatedAt: c.now, Version: 1, SchemaVersion: 1}
			if err := c.InsertCredential(ctx, credential); err != nil {
				return user, err
			}
			c.wrote(store.StampCredential(credential))
			c.masked("credentials.hash")
		}
		found := findable{words: append(normal.Words(in.DisplayName), normal.Words(in.Username)...), attributes: in.Attributes}
		if in.Email != "" {
			found.addMail(checked.email)
		}
		if err := c.addTokens(ctx, id, found); err != nil {
			return user, err
		}
		if after != nil {
			return user, after(c, user)
		}
		return user, nil
	})
}

// checkedUser is a new user whose fields are right, with the normal forms of what must be unique.
type checkedUser struct {
	cardinal.NewUser
	username, email, phone string
}

// checkNewUser finds every fault of a new user at once.
func (k Desk) checkNewUser(ctx context.Context, reader store.Reader, in cardinal.NewUser, s settings) (checkedUser, error) {
	var check input
	if in.Kind == "" {
		in.Kind = "person"
	}
	kind, ok := k.d.kinds[in.Kind]
	if !ok || !kind.IsListed {
		check.Add("/kind", "kind_unknown", strings.Join(k.d.listedKinds(), ", "))
	} else if !kind.CanSignIn {
		for _, field := range []struct {
			pointer string
			given   bool
		}{{"/username", in.Username != ""}, {"/email", in.Email != ""}, {"/phone", in.Phone != ""}, {"/password", in.Password != ""}} {
			if field.given {
				check.Add(field.pointer, "kind_cannot_sign_in", in.Kind)
			}
		}
	}
	in.DisplayName = check.text("/display_name", in.DisplayName, displayName)
	usernameNormal := check.text("/username", in.Username, normal.Username)
	in.Username = asTyped(in.Username, usernameNormal, maxTypedUsername)
	emailNormal := check.text("/email", in.Email, normal.Email)
	phoneNormal := check.text("/phone", in.Phone, normal.Phone)
	in.AvatarURL = check.text("/avatar_url", in.AvatarURL, normal.AvatarURL)
	in.Locale = check.text("/locale", in.Locale, normal.Locale)
	in.TimeZone = check.text("/time_zone", in.TimeZone, normal.TimeZone)
	check.document("/preferences", in.Preferences)
	in.Attributes = mergeObject(nil, &in.Attributes)
	if err := check.attributes(ctx, reader, "/attributes", in.Attributes); err != nil {
		return checkedUser{}, err
	}
	if err := check.country(ctx, reader, "/country", in.Country); err != nil {
		return checkedUser{}, err
	}
	if in.Password != "" {
		check.newPassword("/password", in.Password, s)
		if in.Email == "" && in.Phone == "" && in.Username == "" {
			check.Add("/password", "password_without_identifier")
		}
	} else if in.MustChangePassword {
		check.Add("/must_change_password", "password_missing")
	}
	return checkedUser{in, usernameNormal, emailNormal, phoneNormal}, check.Err()
}

// NewUserFaults returns the errors that the rules find in a new user, so that a request with errors of form lists these errors
// too. A caller who is not allowed to create users gets none.
func (k Desk) NewUserFaults(ctx context.Context, in cardinal.NewUser) ([]cardinal.Fault, error) {
	r, err := k.read(ctx, rule{permission: "users.create"})
	if errors.Is(err, cardinal.ErrForbidden) || errors.Is(err, cardinal.ErrUnauthenticated) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	s, err := k.d.settings(ctx, r)
	if err != nil {
		return nil, err
	}
	_, err = k.checkNewUser(ctx, r, in, s)
	return faultsOrError(err)
}

// faultsOrError returns the errors in an input, or any other error, like one of the database.
func faultsOrError(err error) ([]cardinal.Fault, error) {
	if faults := cardinal.FaultsOf(err); faults != nil {
		return faults, nil
	}
	return nil, err
}

// country checks a country's code against the table.
func (in *input) country(ctx context.Context, r store.Reader, pointer, code string) error {
	if code == "" {
		return nil
	}
	_, err := r.Country(ctx, code)
	if errors.Is(err, cardinal.ErrNotFound) {
		in.Add(pointer, "country_unknown")
		return nil
	}
	return err
}

func (d *Directory) listedKinds() []string {
	listed := slices.DeleteFunc(slices.Sorted(maps.Keys(d.kinds)), func(code string) bool { return !d.kinds[code].IsListed })
	return listed
}

// User returns a user, with the profile when asked for.
func (k Desk) User(ctx context.Context, id uuid.UUID, withProfile bool) (cardinal.User, error) {
	r, err := k.read(ctx, rule{permission: "users.read", subject: id, own: true})
	if err != nil {
		return cardinal.User{}, err
	}
	user, err := r.User(ctx, id)
	if err != nil || !withProfile {
		return user, err
	}
	users := []cardinal.User{user}
	err = k.d.expandProfiles(ctx, r, users)
	return users[0], err
}

// SuspendUser locks a user out and ends all their sessions.
func (k Desk) SuspendUser(ctx context.Context, id uuid.UUID, version int64) (cardinal.User, error) {
	return k.moveUser(ctx, id, version, "suspend", rule{action: "user.suspend", permission: "users.suspend", subject: id})
}

// ReactivateUser lets a suspended user in again.
func (k Desk) ReactivateUser(ctx context.Context, id uuid.UUID, version int64) (cardinal.User, error) {
	return k.moveUser(ctx, id, version, "reactivate", rule{action: "user.reactivate", permission: "users.suspend", subject: id})
}

// DeleteUser soft-deletes a user and ends all their sessions; identifiers stay reserved. People may delete themselves.
func (k Desk) DeleteUser(ctx context.Context, id uuid.UUID, version int64) (cardinal.User, error) {
	return k.moveUser(ctx, id, version, "delete", rule{action: "user.delete", permission: "users.delete", subject: id, own: true})
}

// RestoreUser takes a deletion back: the status is again what it was before.
func (k Desk) RestoreUser(ctx context.Context, id uuid.UUID, version int64) (cardinal.User, error) {
	return k.moveUser(ctx, id, version, "restore", rule{action: "user.restore", permission: "users.delete", subject: id})
}

// moveUser moves a user between statuses by an action of the transitions, whose names are not in this code.
func (k Desk) moveUser(ctx context.Context, id uuid.UUID, version int64, action string, r rule) (cardinal.User, error) {
	return change(ctx, k, r, func(c *changing) (cardinal.User, error) {
		// The roles that must keep holders are locked first, everywhere in the same order, so that two such moves at once
		// neither deadlock nor both see the other's holder.
		if err := c.LockGuardedRoles(ctx, id); err != nil {
			return cardinal.User{}, err
		}
		before, err := c.userForChange(ctx, id, version)
		if err != nil {
			return before, err
		}
		return c.move(ctx, before, action)
	})
}

// userForChange locks a user for a change by somebody who may touch them.
func (c *changing) userForChange(ctx context.Context, id uuid.UUID, version int64) (cardinal.User, error) {
	before, err := c.UserForChange(ctx, id)
	if err != nil {
		return before, err
	}
	if err := c.mayTouch(ctx, id); err != nil {
		return before, err
	}
	return before, fresh(before.Version, version)
}

// move changes a user's status and ends the sessions of who can no longer sign in.
func (c *changing) move(ctx context.Context, before cardinal.User, action string) (cardinal.User, error) {
	after, err := c.SetUserStatus(ctx, before.ID, before.Version, action, c.now)
	if errors.Is(err, cardinal.ErrNotFound) {
		return before, cardinal.Refuse("status_not_allowed", before.Status)
	}
	if err != nil {
		return before, err
	}
	c.wrote(store.StampUser(after))
	c.changed("users.status", before.Status, after.Status)
	if !c.desk.d.statuses[after.Status].CanSignIn {
		return after, c.endSessions(ctx, after.ID, uuid.Nil, "account_stopped")
	}
	return after, nil
}

// endSessions ends all sessions of a user but one, for a reason of session_end_reasons.
func (c *changing) endSessions(ctx context.Context, userID, spare uuid.UUID, reason string) error {
	ended, err := c.RevokeSessions(ctx, userID, spare, reason, c.now)
	if err != nil {
		return fmt.Errorf("end the sessions of user %s: %w", userID, err)
	}
	for _, s := range ended {
		c.wrote(store.StampSession(s))
	}
	if len(ended) > 0 {
		c.changed("sessions.ended", nil, len(ended))
	}
	return nil
}

// UpdateUser changes a user's profile under the user's own version.
func (k Desk) UpdateUser(ctx context.Context, id uuid.UUID, version int64, in cardinal.UserChange) (cardinal.User, error) {
	r := rule{action: "user.update", permission: "users.update", subject: id, own: true}
	return change(ctx, k, r, func(c *changing) (cardinal.User, error) {
		before, err := c.userForChange(ctx, id, version)
		if err != nil {
			return before, err
		}
		current, err := c.ProfileForChange(ctx, id)
		if err != nil {
			return before, err
		}
		profile, touched, err := c.changeProfile(ctx, current, in.Profile, "/profile")
		if err != nil {
			return before, err
		}
		after := before
		if touched {
			if after, err = c.TouchUser(ctx, id, version, c.now); err != nil {
				return before, err
			}
			c.wrote(store.StampUser(after))
		}
		after.Profile = &profile
		return after, nil
	})
}

// Statuses lists the states a user can be in; anyone who is known may read them.
func (k Desk) Statuses(ctx context.Context) ([]cardinal.Status, error) {
	if err := k.known(); err != nil {
		return nil, err
	}
	return k.d.store.Read(ctx).Statuses(ctx)
}
