package directory

import (
	"context"
	"reflect"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/seal"
	"cardinal/internal/store"
)

// expandProfiles puts each user's profile beside them, with one statement for the page.
func (d *Directory) expandProfiles(ctx context.Context, r store.Reader, users []cardinal.User) error {
	ids := make([]uuid.UUID, len(users))
	at := make(map[uuid.UUID]int, len(users))
	for i, u := range users {
		ids[i], at[u.ID] = u.ID, i
	}
	return d.forEachProfile(ctx, r, ids, func(p cardinal.Profile, _ seal.Key) error {
		users[at[p.UserID]].Profile = &p
		return nil
	})
}

// forEachProfile opens the profiles of some users, and gives each with the key that opened it: no key for built-in actors and the erased.
func (d *Directory) forEachProfile(ctx context.Context, r store.Reader, ids []uuid.UUID, give func(cardinal.Profile, seal.Key) error) error {
	records, err := r.Profiles(ctx, ids)
	if err != nil {
		return err
	}
	for _, record := range records {
		var key seal.Key
		if record.Key.KEKID.Valid {
			if key, err = d.keys.Unwrap(record.Key); err != nil {
				return err
			}
		}
		profile, err := DecryptProfile(record.ProfileRecord, key)
		if err != nil {
			return err
		}
		if err := give(profile, key); err != nil {
			return err
		}
	}
	return nil
}

// Profile returns a user's profile.
func (k Desk) Profile(ctx context.Context, userID uuid.UUID) (cardinal.Profile, error) {
	user, err := k.User(ctx, userID, true)
	if err != nil {
		return cardinal.Profile{}, err
	}
	return *user.Profile, nil
}

// UpdateProfile changes a user's profile under the profile's version. Users are allowed to change their own.
func (k Desk) UpdateProfile(ctx context.Context, userID uuid.UUID, version int64, in cardinal.ProfileChange) (cardinal.Profile, error) {
	r := Rule{Action: "profile.update", Permission: "users.update", Subject: userID, Own: true}
	return Change(ctx, k, r, func(tx *Tx) (cardinal.Profile, error) {
		_, current, err := tx.lockProfile(ctx, userID)
		if err != nil {
			return cardinal.Profile{}, err
		}
		if err := CheckVersion(current.Version, version); err != nil {
			return cardinal.Profile{}, err
		}
		after, _, err := tx.changeProfile(ctx, current, in, "")
		return after, err
	})
}

// UpdateUser changes a user's profile under the user's version.
func (k Desk) UpdateUser(ctx context.Context, id uuid.UUID, version int64, in cardinal.UserChange) (cardinal.User, error) {
	r := Rule{Action: "user.update", Permission: "users.update", Subject: id, Own: true}
	return Change(ctx, k, r, func(tx *Tx) (cardinal.User, error) {
		user, current, err := tx.lockProfile(ctx, id)
		if err != nil {
			return user, err
		}
		if err := CheckVersion(user.Version, version); err != nil {
			return user, err
		}
		profile, touched, err := tx.changeProfile(ctx, current, in.Profile, "/profile")
		if err != nil {
			return user, err
		}
		if touched {
			if user, err = tx.TouchUser(ctx, id, version, tx.Now); err != nil {
				return user, err
			}
			tx.RecordRows(store.StampUser(user))
		}
		user.Profile = &profile
		return user, nil
	})
}

// lockProfile locks a user and their profile for a change, by an actor who has all permissions of the user. The user is locked too,
// because the rule that an identifier to sign in with remains is about all identifiers of the user.
func (tx *Tx) lockProfile(ctx context.Context, userID uuid.UUID) (cardinal.User, store.ProfileRecord, error) {
	user, err := tx.UserForChange(ctx, userID)
	if err != nil {
		return user, store.ProfileRecord{}, err
	}
	if err := tx.RequireAllPermissionsOf(ctx, userID); err != nil {
		return user, store.ProfileRecord{}, err
	}
	current, err := tx.ProfileForChange(ctx, userID)
	return user, current, err
}

// changeProfile applies a merge patch to a locked profile and reports whether anything changed. at is where the patch stands
// in the body.
func (tx *Tx) changeProfile(ctx context.Context, current store.ProfileRecord, in cardinal.ProfileChange, at string) (cardinal.Profile, bool, error) {
	if cardinal.IsBuiltIn(current.UserID) {
		return cardinal.Profile{}, false, cardinal.Refuse("built_in")
	}
	key, err := tx.Desk.d.UserKey(ctx, tx.Reader, current.UserID)
	if err != nil {
		return cardinal.Profile{}, false, err
	}
	before, err := DecryptProfile(current, key)
	if err != nil {
		return before, false, err
	}
	after, usernameNormal, err := tx.mergeProfile(ctx, before, in, at)
	if err != nil {
		return before, false, err
	}
	var touched []string
	for _, f := range ProfileFields {
		if !reflect.DeepEqual(f.profile(&before), f.profile(&after)) {
			touched = append(touched, "profiles."+f.Column)
		}
	}
	if len(touched) == 0 {
		return before, false, nil
	}
	if before.Username != after.Username {
		if err := tx.moveUsername(ctx, current.UserID, before.Username, usernameNormal); err != nil {
			return before, false, err
		}
	}
	record, err := EncryptProfile(after, key)
	if err != nil {
		return before, false, err
	}
	record, err = tx.Tx.UpdateProfile(ctx, record, tx.Now)
	if err != nil {
		return before, false, err
	}
	row, err := store.StampProfile(record)
	if err != nil {
		return before, false, err
	}
	tx.RecordRows(row)
	tx.RecordMasked(touched...)
	tx.reindexUsers[current.UserID] = true
	after.Version, after.UpdatedAt = record.Version, record.UpdatedAt
	return after, true, nil
}

// mergeProfile applies a merge patch (RFC 7396) and checks the result.
func (tx *Tx) mergeProfile(ctx context.Context, before cardinal.Profile, in cardinal.ProfileChange, at string) (after cardinal.Profile, usernameNormal string, err error) {
	var check Input
	after = before
	for _, f := range ProfileFields {
		change := f.Change(&in)
		if change == nil || !change.Present() {
			continue
		}
		text := f.profile(&after).(*string)
		*text = f.empty
		typed := valueOr(change.Value(), "")
		if typed == "" {
			continue
		}
		if f.normalize == nil {
			*text = typed
			continue
		}
		*text = check.Text(at+"/"+f.Name, typed, f.normalize)
		if f.Name == "username" {
			usernameNormal = *text
			*text = AsTyped(typed, usernameNormal, MaxTypedUsername)
		}
	}
	if in.Country.Present() {
		if err := check.country(ctx, tx.Reader, at+"/country", after.Country); err != nil {
			return before, "", err
		}
	}
	if in.Preferences.Present() {
		after.Preferences = mergeObject(before.Preferences, in.Preferences.Value())
		check.Document(at+"/preferences", after.Preferences)
	}
	if in.Attributes.Present() {
		if patch := in.Attributes.Value(); patch != nil {
			if err := check.attributes(ctx, tx.Reader, at+"/attributes", *patch); err != nil {
				return before, "", err
			}
		}
		after.Attributes = mergeObject(before.Attributes, in.Attributes.Value())
		check.Document(at+"/attributes", after.Attributes)
	}
	return after, usernameNormal, check.Err()
}

// mergeObject is the algorithm of RFC 7396, section 2, for objects; a nil patch clears.
func mergeObject(target map[string]any, patch *map[string]any) map[string]any {
	out := map[string]any{}
	if patch == nil {
		return out
	}
	for name, value := range target {
		out[name] = value
	}
	for name, value := range *patch {
		switch value := value.(type) {
		case nil:
			delete(out, name)
		case map[string]any:
			below, _ := out[name].(map[string]any)
			out[name] = mergeObject(below, &value)
		default:
			out[name] = value
		}
	}
	return out
}
