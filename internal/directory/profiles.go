package directory

import (
	"context"
	"reflect"
	"slices"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/seal"
	"cardinal/internal/store"
)

// expandProfiles sets the profile of each user, with one statement for all.
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

// forEachProfile decrypts the profiles of some users, and calls fn with each profile and its key. The key is zero for
// built-in actors and erased users.
func (d *Directory) forEachProfile(
	ctx context.Context, r store.Reader, ids []uuid.UUID, fn func(cardinal.Profile, seal.Key) error,
) error {
	records, err := r.Profiles(ctx, ids)
	if err != nil {
		return err
	}
	for _, record := range records {
		key := d.ReadingKey(record.Key)
		if err := fn(d.DecryptProfile(record.ProfileRecord, key), key); err != nil {
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
func (k Desk) UpdateProfile(
	ctx context.Context, userID uuid.UUID, version int64, in cardinal.ProfileChange,
) (cardinal.Profile, error) {
	r := Rule{Action: "profile.update", Permission: "users.update", Subject: userID, Own: true}
	if err := k.countUsername(ctx, userID, in.Username); err != nil {
		return cardinal.Profile{}, err
	}
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
func (k Desk) UpdateUser(
	ctx context.Context, id uuid.UUID, version int64, in cardinal.UserChange,
) (cardinal.User, error) {
	r := Rule{Action: "user.update", Permission: "users.update", Subject: id, Own: true}
	if err := k.countUsername(ctx, id, in.Profile.Username); err != nil {
		return cardinal.User{}, err
	}
	return Change(ctx, k, r, func(tx *Tx) (cardinal.User, error) {
		user, current, err := tx.lockProfile(ctx, id)
		if err != nil {
			return user.User, err
		}
		if err := CheckVersion(user.Version, version); err != nil {
			return user.User, err
		}
		profile, changed, err := tx.changeProfile(ctx, current, in.Profile, "/profile")
		if err != nil {
			return user.User, err
		}
		if changed {
			if user, err = tx.TouchUser(ctx, id, version, tx.Now); err != nil {
				return user.User, err
			}
			tx.RecordRows(store.DigestUser(user))
		}
		user.Profile = &profile
		return user.User, nil
	})
}

// lockProfile locks a user and their profile for a change, by an actor who has all permissions of the user. The user is
// locked too, because the rule that an identifier to sign in with remains is about all identifiers of the user.
func (tx *Tx) lockProfile(ctx context.Context, userID uuid.UUID) (store.UserRecord, store.ProfileRecord, error) {
	user, err := tx.LockUser(ctx, userID)
	if err != nil {
		return user, store.ProfileRecord{}, err
	}
	if err := tx.RequireAllPermissionsOf(ctx, userID); err != nil {
		return user, store.ProfileRecord{}, err
	}
	current, err := tx.LockProfile(ctx, userID)
	return user, current, err
}

// changeProfile applies a merge patch to a locked profile and reports whether a field changed. at is the JSON pointer
// of the patch in the request body.
func (tx *Tx) changeProfile(
	ctx context.Context, current store.ProfileRecord, in cardinal.ProfileChange, at string,
) (after cardinal.Profile, changed bool, err error) {
	if cardinal.IsBuiltIn(current.UserID) {
		return cardinal.Profile{}, false, cardinal.Refuse("built_in")
	}
	key, err := tx.Desk.d.UserKey(ctx, tx.Reader, current.UserID)
	if err != nil {
		return cardinal.Profile{}, false, err
	}
	before := tx.Desk.d.DecryptProfile(current, key)
	after, usernameNormal, err := tx.mergeProfile(ctx, before, in, at)
	if err != nil {
		return before, false, err
	}
	var columns []string
	var keep []ProfileField // unreadable, and not in the patch: they stay as they are stored
	after.Unreadable = nil
	for _, f := range ProfileFields {
		isUnreadable := slices.Contains(before.Unreadable, f.Name)
		switch {
		case isUnreadable && !f.inPatch(&in):
			keep, after.Unreadable = append(keep, f), append(after.Unreadable, f.Name)
		case isUnreadable || !reflect.DeepEqual(f.profile(&before), f.profile(&after)):
			columns = append(columns, "profiles."+f.Column)
		}
	}
	if len(columns) == 0 {
		return before, false, nil
	}
	if slices.Contains(before.Unreadable, "username") && !slices.Contains(after.Unreadable, "username") {
		if err := tx.releaseUnreadableUsername(ctx, current.UserID); err != nil {
			return before, false, err
		}
	}
	if before.Username != after.Username {
		if err := tx.Desk.requireRecentSignIn(ctx, tx.Reader); err != nil { // a user name can sign in
			return before, false, err
		}
		if err := tx.moveUsername(ctx, current.UserID, before.Username, usernameNormal); err != nil {
			return before, false, err
		}
	}
	record, err := EncryptProfile(after, key)
	if err != nil {
		return before, false, err
	}
	for _, f := range keep {
		*f.record(&record).(*[]byte) = *f.record(&current).(*[]byte)
	}
	record, err = tx.Tx.UpdateProfile(ctx, record, tx.Now)
	if err != nil {
		return before, false, err
	}
	row, err := store.DigestProfile(record)
	if err != nil {
		return before, false, err
	}
	tx.RecordRows(row)
	tx.RecordMasked(columns...)
	tx.reindexUsers[current.UserID] = true
	after.Version, after.UpdatedAt = record.Version, record.UpdatedAt
	return after, true, nil
}

// releaseUnreadableUsername deletes the claim on a user name that cannot be decrypted, because it is replaced.
func (tx *Tx) releaseUnreadableUsername(ctx context.Context, userID uuid.UUID) error {
	claims, err := tx.Identifiers(ctx, userID)
	if err != nil {
		return err
	}
	for _, claim := range claims {
		if claim.ContactID != nil {
			continue
		}
		if err := tx.DeleteIdentifier(ctx, claim.ValueIndex); err != nil {
			return err
		}
		tx.RecordRows(store.DeletedIdentifier(claim.ValueIndex))
	}
	return nil
}

// mergeProfile applies a merge patch (RFC 7396) and checks the result.
func (tx *Tx) mergeProfile(
	ctx context.Context, before cardinal.Profile, in cardinal.ProfileChange, at string,
) (after cardinal.Profile, usernameNormal string, err error) {
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

// mergeObject returns the result of a merge patch on an object, by the algorithm of RFC 7396, section 2. A nil patch
// returns an empty object. The target is not changed.
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
			nested, _ := out[name].(map[string]any)
			out[name] = mergeObject(nested, &value)
		default:
			out[name] = value
		}
	}
	return out
}
