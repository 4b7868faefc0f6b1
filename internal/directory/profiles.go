package directory

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/normal"
	"cardinal/internal/seal"
	"cardinal/internal/store"
)

// EncryptProfile puts a profile into the form it is stored in.
func EncryptProfile(p cardinal.Profile, key seal.Key) (store.ProfileRecord, error) {
	r := store.ProfileRecord{UserID: p.UserID, Locale: p.Locale, TimeZone: p.TimeZone, Preferences: p.Preferences,
		CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt, Version: p.Version, SchemaVersion: 1}
	if p.Country != "" {
		r.Country = &p.Country
	}
	if r.Locale == "" {
		r.Locale = "und"
	}
	if r.TimeZone == "" {
		r.TimeZone = "UTC"
	}
	if r.Preferences == nil {
		r.Preferences = map[string]any{}
	}
	r.DisplayNameSealed = EncryptText(key, "profiles", "display_name_sealed", p.UserID, p.DisplayName)
	r.UsernameSealed = EncryptText(key, "profiles", "username_sealed", p.UserID, p.Username)
	r.AvatarURLSealed = EncryptText(key, "profiles", "avatar_url_sealed", p.UserID, p.AvatarURL)
	if len(p.Attributes) > 0 {
		plain, err := json.Marshal(p.Attributes)
		if err != nil {
			return r, fmt.Errorf("write the attributes: %w", err)
		}
		r.AttributesSealed = EncryptText(key, "profiles", "attributes_sealed", p.UserID, string(plain))
	}
	return r, nil
}

// DecryptProfile opens a stored profile.
func DecryptProfile(r store.ProfileRecord, key seal.Key) (cardinal.Profile, error) {
	p := cardinal.Profile{UserID: r.UserID, Locale: r.Locale, TimeZone: r.TimeZone, Preferences: r.Preferences, Attributes: map[string]any{},
		CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt, Version: r.Version}
	if r.Country != nil {
		p.Country = *r.Country
	}
	var attributes string
	for _, field := range []struct {
		into   *string
		column string
		sealed []byte
	}{
		{&p.DisplayName, "display_name_sealed", r.DisplayNameSealed},
		{&p.Username, "username_sealed", r.UsernameSealed},
		{&p.AvatarURL, "avatar_url_sealed", r.AvatarURLSealed},
		{&attributes, "attributes_sealed", r.AttributesSealed},
	} {
		var err error
		if *field.into, err = decryptText(key, "profiles", field.column, r.UserID, field.sealed); err != nil {
			return p, err
		}
	}
	if attributes != "" {
		if err := json.Unmarshal([]byte(attributes), &p.Attributes); err != nil {
			return p, fmt.Errorf("read the attributes of user %s: %w", r.UserID, err)
		}
	}
	return p, nil
}

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

// UpdateProfile changes a user's profile. People may change their own.
func (k Desk) UpdateProfile(ctx context.Context, userID uuid.UUID, version int64, in cardinal.ProfileChange) (cardinal.Profile, error) {
	r := Rule{Action: "profile.update", Permission: "users.update", Subject: userID, Own: true}
	return Change(ctx, k, r, func(tx *Tx) (cardinal.Profile, error) {
		if _, err := tx.UserForChange(ctx, userID); err != nil { // what is left to sign in with is a rule over all identifiers
			return cardinal.Profile{}, err
		}
		current, err := tx.ProfileForChange(ctx, userID)
		if err != nil {
			return cardinal.Profile{}, err
		}
		if err := tx.RequireAllPermissionsOf(ctx, userID); err != nil {
			return cardinal.Profile{}, err
		}
		if err := CheckVersion(current.Version, version); err != nil {
			return cardinal.Profile{}, err
		}
		after, _, err := tx.changeProfile(ctx, current, in, "")
		return after, err
	})
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
	for _, field := range []struct {
		column   string
		from, to any
	}{
		{"display_name_sealed", before.DisplayName, after.DisplayName},
		{"username_sealed", before.Username, after.Username},
		{"avatar_url_sealed", before.AvatarURL, after.AvatarURL},
		{"country_code", before.Country, after.Country},
		{"locale", before.Locale, after.Locale},
		{"time_zone", before.TimeZone, after.TimeZone},
		{"preferences", before.Preferences, after.Preferences},
		{"attributes_sealed", before.Attributes, after.Attributes},
	} {
		if !reflect.DeepEqual(field.from, field.to) {
			touched = append(touched, "profiles."+field.column)
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
	for _, field := range []struct {
		in   cardinal.Change[string]
		into *string
		name string
		form func(string) (string, error)
	}{
		{in.DisplayName, &after.DisplayName, "/display_name", DisplayName},
		{in.AvatarURL, &after.AvatarURL, "/avatar_url", normal.AvatarURL},
		{in.Locale, &after.Locale, "/locale", normal.Locale},
		{in.TimeZone, &after.TimeZone, "/time_zone", normal.TimeZone},
		{in.Username, &after.Username, "/username", func(s string) (_ string, err error) {
			usernameNormal, err = normal.Username(s)
			return AsTyped(s, usernameNormal, MaxTypedUsername), err // claimed in its normal form
		}},
		{in.Country, &after.Country, "/country", func(s string) (string, error) { return s, nil }},
	} {
		if !field.in.Present() {
			continue
		}
		*field.into = ""
		if value := field.in.Value(); value != nil && *value != "" {
			*field.into = check.Text(at+field.name, *value, field.form)
		}
	}
	if after.Locale == "" {
		after.Locale = "und"
	}
	if after.TimeZone == "" {
		after.TimeZone = "UTC"
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
