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
	return k.createUser(ctx, in, Rule{Action: "user.create", Permission: "users.create"}, "create", nil)
}

// createUser makes a user in the status that an initial action gives; after runs in the same transaction.
func (k Desk) createUser(ctx context.Context, in cardinal.NewUser, r Rule, action string, after func(*Tx, cardinal.User) error) (cardinal.User, error) {
	var s Settings
	var checked checkedUser
	check := func(reader store.Reader) (err error) {
		if in.Password != "" || in.Email != "" && !in.EmailVerified || in.Phone != "" && !in.PhoneVerified {
			if s, err = k.d.CurrentSettings(ctx, reader); err != nil {
				return err
			}
		}
		checked, err = k.checkNewUser(ctx, reader, in, s)
		return err
	}
	var hash string
	if in.Password != "" {
		// A hash is dear: who may not, and what is wrong anyhow, shall not cost one.
		reader, err := k.Read(ctx, r)
		if err != nil {
			return RecordDenied[cardinal.User](ctx, k, r, err)
		}
		if err := check(reader); err != nil {
			return cardinal.User{}, err
		}
		if hash, err = k.HashPassword(ctx, in.Password); err != nil {
			return cardinal.User{}, err
		}
	}
	return Change(ctx, k, r, func(tx *Tx) (cardinal.User, error) {
		if hash == "" {
			if err := check(tx.Reader); err != nil {
				return cardinal.User{}, err
			}
		}
		in := checked.NewUser
		id := cardinal.NewID()
		tx.SetSubject(id)
		username := identifierClaim{userID: id, kind: normal.KindUsername, normal: checked.username, verified: true}
		contacts := []contactInput{
			{kind: normal.KindEmail, typed: in.Email, normal: checked.email, primary: true, verified: in.EmailVerified, released: true},
			{kind: normal.KindPhone, typed: in.Phone, normal: checked.phone, primary: true, verified: in.PhoneVerified, released: true},
		}
		contacts = slices.DeleteFunc(contacts, func(new contactInput) bool { return new.typed == "" })
		// What has to be read is read first: on PostgreSQL all that is written after it travels together.
		if in.Username != "" {
			if err := tx.releaseIfAllowed(ctx, username); err != nil {
				return cardinal.User{}, err
			}
		}
		for _, new := range contacts {
			if err := tx.releaseIfAllowed(ctx, identifierClaim{userID: id, kind: new.kind, normal: new.normal, verified: new.verified}); err != nil {
				return cardinal.User{}, err
			}
		}
		user, err := tx.InsertUser(ctx, id, in.Kind, action, tx.Now)
		if err != nil {
			return user, err
		}
		key, wrapped := k.d.keys.NewUserKey(id, tx.Now)
		if err := tx.InsertUserKey(ctx, wrapped); err != nil {
			return user, err
		}
		profile := cardinal.Profile{UserID: id, DisplayName: in.DisplayName, Username: in.Username, AvatarURL: in.AvatarURL, Country: in.Country,
			Locale: in.Locale, TimeZone: in.TimeZone, Preferences: in.Preferences, Attributes: in.Attributes, CreatedAt: tx.Now, UpdatedAt: tx.Now, Version: 1}
		record, err := EncryptProfile(profile, key)
		if err != nil {
			return user, err
		}
		if err := tx.InsertProfile(ctx, record); err != nil {
			return user, err
		}
		row, err := store.StampProfile(record)
		if err != nil {
			return user, err
		}
		tx.RecordRows(store.StampUser(user), row, store.StampUserKey(wrapped))
		tx.RecordChange("users.status", nil, user.Status)
		tx.RecordChange("users.kind", nil, user.Kind)
		if in.Username != "" {
			if err := tx.insertIdentifier(ctx, username); err != nil {
				return user, err
			}
		}
		for _, new := range contacts {
			if _, err := tx.addContact(ctx, id, key, new, s); err != nil {
				return user, err
			}
		}
		if hash != "" {
			credential := store.CredentialRecord{UserID: id, Hash: hash, LastReset: tx.Now, MustChange: in.MustChangePassword, CreatedAt: tx.Now, UpdatedAt: tx.Now, Version: 1, SchemaVersion: 1}
			if err := tx.InsertCredential(ctx, credential); err != nil {
				return user, err
			}
			tx.RecordRows(store.StampCredential(credential))
			tx.RecordMasked("credentials.hash")
		}
		found := SearchableText{Words: append(normal.Words(in.DisplayName), normal.Words(in.Username)...), Attributes: in.Attributes}
		if in.Email != "" {
			found.AddEmail(checked.email)
		}
		if err := tx.addSearchTokens(ctx, id, found); err != nil {
			return user, err
		}
		if after != nil {
			return user, after(tx, user)
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
func (k Desk) checkNewUser(ctx context.Context, reader store.Reader, in cardinal.NewUser, s Settings) (checkedUser, error) {
	var check Input
	if in.Kind == "" {
		in.Kind = "person"
	}
	kind, ok := k.d.kinds[in.Kind]
	if !ok || !kind.IsListed {
		check.Add("/kind", "kind_unknown", strings.Join(k.d.ListedKinds(), ", "))
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
	in.DisplayName = check.Text("/display_name", in.DisplayName, DisplayName)
	usernameNormal := check.Text("/username", in.Username, normal.Username)
	in.Username = AsTyped(in.Username, usernameNormal, MaxTypedUsername)
	emailNormal := check.Text("/email", in.Email, normal.Email)
	phoneNormal := check.Text("/phone", in.Phone, normal.Phone)
	in.AvatarURL = check.Text("/avatar_url", in.AvatarURL, normal.AvatarURL)
	in.Locale = check.Text("/locale", in.Locale, normal.Locale)
	in.TimeZone = check.Text("/time_zone", in.TimeZone, normal.TimeZone)
	check.Document("/preferences", in.Preferences)
	in.Attributes = mergeObject(nil, &in.Attributes)
	if err := check.attributes(ctx, reader, "/attributes", in.Attributes); err != nil {
		return checkedUser{}, err
	}
	if err := check.country(ctx, reader, "/country", in.Country); err != nil {
		return checkedUser{}, err
	}
	if in.Password != "" {
		check.NewPassword("/password", in.Password, s)
		if in.Email == "" && in.Phone == "" && in.Username == "" {
			check.Add("/password", "password_without_identifier")
		}
	} else if in.MustChangePassword {
		check.Add("/must_change_password", "password_missing")
	}
	return checkedUser{in, usernameNormal, emailNormal, phoneNormal}, check.Err()
}

// NewUserFaults lists what is wrong with a new user, for a caller who may make one: so that a request whose form is wrong
// elsewhere hears of these faults too.
func (k Desk) NewUserFaults(ctx context.Context, in cardinal.NewUser) []cardinal.Fault {
	r, err := k.Read(ctx, Rule{Permission: "users.create"})
	if err != nil {
		return nil
	}
	s, err := k.d.CurrentSettings(ctx, r)
	if err != nil {
		return nil
	}
	_, err = k.checkNewUser(ctx, r, in, s)
	return cardinal.FaultsOf(err)
}

// country checks a country's code against the table.
func (in *Input) country(ctx context.Context, r store.Reader, pointer, code string) error {
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

func (d *Directory) ListedKinds() []string {
	listed := slices.DeleteFunc(slices.Sorted(maps.Keys(d.kinds)), func(code string) bool { return !d.kinds[code].IsListed })
	return listed
}

// User returns a user, with the profile when asked for.
func (k Desk) User(ctx context.Context, id uuid.UUID, withProfile bool) (cardinal.User, error) {
	r, err := k.Read(ctx, Rule{Permission: "users.read", Subject: id, Own: true})
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
	return k.moveUser(ctx, id, version, "suspend", Rule{Action: "user.suspend", Permission: "users.suspend", Subject: id})
}

// ReactivateUser lets a suspended user in again.
func (k Desk) ReactivateUser(ctx context.Context, id uuid.UUID, version int64) (cardinal.User, error) {
	return k.moveUser(ctx, id, version, "reactivate", Rule{Action: "user.reactivate", Permission: "users.suspend", Subject: id})
}

// DeleteUser soft-deletes a user and ends all their sessions; identifiers stay reserved. People may delete themselves.
func (k Desk) DeleteUser(ctx context.Context, id uuid.UUID, version int64) (cardinal.User, error) {
	return k.moveUser(ctx, id, version, "delete", Rule{Action: "user.delete", Permission: "users.delete", Subject: id, Own: true})
}

// RestoreUser takes a deletion back: the status is again what it was before.
func (k Desk) RestoreUser(ctx context.Context, id uuid.UUID, version int64) (cardinal.User, error) {
	return k.moveUser(ctx, id, version, "restore", Rule{Action: "user.restore", Permission: "users.delete", Subject: id})
}

// moveUser moves a user between statuses by an action of the transitions, whose names are not in this code.
func (k Desk) moveUser(ctx context.Context, id uuid.UUID, version int64, action string, r Rule) (cardinal.User, error) {
	return Change(ctx, k, r, func(tx *Tx) (cardinal.User, error) {
		// The roles that must keep holders are locked first, everywhere in the same order, so that two such moves at once
		// neither deadlock nor both see the other's holder.
		if err := tx.LockGuardedRoles(ctx, id); err != nil {
			return cardinal.User{}, err
		}
		before, err := tx.lockUser(ctx, id, version)
		if err != nil {
			return before, err
		}
		return tx.changeStatus(ctx, before, action)
	})
}

// lockUser locks a user for a change by somebody who may touch them.
func (tx *Tx) lockUser(ctx context.Context, id uuid.UUID, version int64) (cardinal.User, error) {
	before, err := tx.UserForChange(ctx, id)
	if err != nil {
		return before, err
	}
	if err := tx.RequireAllPermissionsOf(ctx, id); err != nil {
		return before, err
	}
	return before, CheckVersion(before.Version, version)
}

// changeStatus changes a user's status and ends the sessions of who can no longer sign in.
func (tx *Tx) changeStatus(ctx context.Context, before cardinal.User, action string) (cardinal.User, error) {
	after, err := tx.SetUserStatus(ctx, before.ID, before.Version, action, tx.Now)
	if errors.Is(err, cardinal.ErrNotFound) {
		return before, cardinal.Refuse("status_not_allowed", before.Status)
	}
	if err != nil {
		return before, err
	}
	tx.RecordRows(store.StampUser(after))
	tx.RecordChange("users.status", before.Status, after.Status)
	if !tx.Desk.d.statuses[after.Status].CanSignIn {
		return after, tx.endSessions(ctx, after.ID, uuid.Nil, "account_stopped")
	}
	return after, nil
}

// endSessions ends all sessions of a user but one, for a reason of session_end_reasons.
func (tx *Tx) endSessions(ctx context.Context, userID, spare uuid.UUID, reason string) error {
	ended, err := tx.RevokeSessions(ctx, userID, spare, reason, tx.Now)
	if err != nil {
		return fmt.Errorf("end the sessions of user %s: %w", userID, err)
	}
	for _, s := range ended {
		tx.RecordRows(store.StampSession(s))
	}
	if len(ended) > 0 {
		tx.RecordChange("sessions.ended", nil, len(ended))
	}
	return nil
}

// UpdateUser changes a user's profile under the user's own version.
func (k Desk) UpdateUser(ctx context.Context, id uuid.UUID, version int64, in cardinal.UserChange) (cardinal.User, error) {
	r := Rule{Action: "user.update", Permission: "users.update", Subject: id, Own: true}
	return Change(ctx, k, r, func(tx *Tx) (cardinal.User, error) {
		before, err := tx.lockUser(ctx, id, version)
		if err != nil {
			return before, err
		}
		current, err := tx.ProfileForChange(ctx, id)
		if err != nil {
			return before, err
		}
		profile, touched, err := tx.changeProfile(ctx, current, in.Profile, "/profile")
		if err != nil {
			return before, err
		}
		after := before
		if touched {
			if after, err = tx.TouchUser(ctx, id, version, tx.Now); err != nil {
				return before, err
			}
			tx.RecordRows(store.StampUser(after))
		}
		after.Profile = &profile
		return after, nil
	})
}

// Statuses lists the states a user can be in; anyone who is known may read them.
func (k Desk) Statuses(ctx context.Context) ([]cardinal.Status, error) {
	if err := k.requireAuthenticated(); err != nil {
		return nil, err
	}
	return k.d.store.Read(ctx).Statuses(ctx)
}
