package storetest

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/store"
)

// unusualJSON returns preferences that JSON columns, drivers and encoders tend to change.
func unusualJSON() map[string]any {
	return map[string]any{
		"":       "the empty name",
		"b":      []any{1.5, -2.0, 1e21, 1e-7, 9007199254740993.0, 0.1, true, nil, ""},
		"aa":     map[string]any{"z": "last", "a": "first", "ä": "not ASCII", "Z": "upper case"},
		"html":   "<a href='x'>&amp;</a> \u2028\u2029",
		"quotes": `"\/` + "\b\f\n\r\t\u0001\u007f",
		"人":      "日本語 العربية हिन्दी עברית ไทย 한국어 ქართული e\u0301 \U0001F469\u200D\U0001F680",
		"deep":   map[string]any{"1": map[string]any{"2": map[string]any{"3": []any{[]any{map[string]any{}}}}}},
	}
}

func profiles(t *testing.T, s *store.Store) {
	ctx, r := t.Context(), s.Read(t.Context())
	bare, full := newUser(t, s, "person"), cardinal.NewID()
	want := store.ProfileRecord{UserID: full, DisplayNameSealed: ciphertext(1200), UsernameSealed: ciphertext(320),
		AvatarURLSealed: ciphertext(2080), Country: ptr("DE"), Locale: "zh-Hant-TW",
		TimeZone: "America/Argentina/ComodRivadavia", Preferences: unusualJSON(), AttributesSealed: ciphertext(32768),
		CreatedAt: baseTime, UpdatedAt: baseTime, Version: 1, SchemaVersion: 3}
	write(t, s, func(tx store.Tx) error {
		must(tx.InsertUser(ctx, full, "person", "create", baseTime))(t)
		return tx.InsertProfile(ctx, want)
	})
	wantEqual(t, "Profile, all fields", must(r.Profile(ctx, full))(t), want)
	wantEqual(t, "Profile, no fields", must(r.Profile(ctx, bare))(t), minimalProfile(bare))
	for _, u := range []uuid.UUID{cardinal.OperatorID, cardinal.SystemID, cardinal.AnonymousID} {
		p := must(r.Profile(ctx, u))(t)
		if p.Locale != "und" || p.TimeZone != "UTC" || len(p.Preferences) != 0 || p.DisplayNameSealed != nil {
			t.Errorf("Profile, built-in actor: %+v", p)
		}
	}
	_, err := r.Profile(ctx, cardinal.NewID())
	wantError(t, "Profile, unknown", cardinal.ErrNotFound, err)

	write(t, s, func(tx store.Tx) error {
		wantEqual(t, "LockProfile", must(tx.LockProfile(ctx, full))(t), want)
		return nil
	})
	update := func(p store.ProfileRecord, at time.Time) (got store.ProfileRecord, err error) {
		err = s.Write(ctx, func(tx store.Tx) (err error) {
			got, err = tx.UpdateProfile(ctx, p, at)
			return err
		})
		return got, err
	}
	later := baseTime.Add(time.Microsecond)
	// All columns become NULL; an erased value is one zero byte.
	next := minimalProfile(full)
	next.DisplayNameSealed, next.SchemaVersion = []byte{0}, 3
	got := must(update(next, later))(t)
	next.UpdatedAt, next.Version = later, 2
	wantEqual(t, "UpdateProfile", got, next)
	wantEqual(t, "Profile after UpdateProfile", must(r.Profile(ctx, full))(t), next)
	for _, stale := range []int64{1, 3} {
		old := next
		old.Version = stale
		_, err = update(old, later)
		wantError(t, "UpdateProfile, stale version", cardinal.ErrNotFound, err)
	}
	for constraint, change := range map[string]func(p *store.ProfileRecord){
		foreignKey(s, "profiles_country_fk"): func(p *store.ProfileRecord) { p.Country = ptr("XX") },
		"profiles_display_name_ck": func(p *store.ProfileRecord) {
			p.DisplayNameSealed = []byte("Ada Lovelace, Countess of Lovelace")
		},
		"profiles_username_ck":   func(p *store.ProfileRecord) { p.UsernameSealed = ciphertext(29) },
		"profiles_avatar_url_ck": func(p *store.ProfileRecord) { p.AvatarURLSealed = ciphertext(2081) },
		"profiles_attributes_ck": func(p *store.ProfileRecord) { p.AttributesSealed = ciphertext(32769) },
		"profiles_locale_ck":     func(p *store.ProfileRecord) { p.Locale = "x" },
		"profiles_time_zone_ck":  func(p *store.ProfileRecord) { p.TimeZone = "" },
		"profiles_preferences_ck": func(p *store.ProfileRecord) {
			p.Preferences = map[string]any{"x": strings.Repeat("é", 8192)}
		},
	} {
		p := next
		change(&p)
		_, err := update(p, later)
		wantViolation(t, constraint, err)
	}
	_, err = update(next, baseTime.Add(-time.Microsecond))
	wantViolation(t, "profiles_updated_ck", err)
	wantViolation(t, "profiles_pk", s.Write(ctx, func(tx store.Tx) error { return tx.InsertProfile(ctx, next) }))

	// PostgreSQL stores -0 as 0, so the digest must be the same for both.
	zero := next
	zero.Preferences = map[string]any{"zero": math.Copysign(0, -1), "list": []any{math.Copysign(0, -1)}}
	before := must(store.DigestProfile(zero))(t)
	read := must(update(zero, later))(t)
	read.Version, read.UpdatedAt = zero.Version, zero.UpdatedAt
	wantEqual(t, "digest of -0 before and after", before.Digest, must(store.DigestProfile(read))(t).Digest)

	profilesWithKeys(t, s, bare, full)
}

func profilesWithKeys(t *testing.T, s *store.Store, bare, full uuid.UUID) {
	ctx, r := t.Context(), s.Read(t.Context())
	kek := currentKEK(t, s)
	key := store.UserKeyRecord{UserID: full, KEKID: uuid.NullUUID{UUID: kek, Valid: true}, WrappedKey: make([]byte, 61),
		CreatedAt: baseTime, WrappedAt: baseTime}
	write(t, s, func(tx store.Tx) error { return tx.InsertUserKey(ctx, key) })
	ids := []uuid.UUID{bare, cardinal.NewID(), full}
	for len(ids) < 200 {
		ids = append(ids, cardinal.NewID())
	}
	for _, n := range []int{0, 1, 2, 3, 4, 200} {
		found := map[uuid.UUID]store.ProfileWithKey{}
		for _, p := range must(r.Profiles(ctx, ids[:n]))(t) {
			found[p.UserID] = p
		}
		want := 0
		if n > 0 {
			want++
			wantEqual(t, "Profiles, no key", found[bare], store.ProfileWithKey{ProfileRecord: minimalProfile(bare),
				Key: store.UserKeyRecord{UserID: bare}})
		}
		if n > 2 {
			want++
			wantEqual(t, "Profiles, with key", found[full],
				store.ProfileWithKey{ProfileRecord: must(r.Profile(ctx, full))(t),
					Key: store.UserKeyRecord{UserID: full, KEKID: key.KEKID, WrappedKey: key.WrappedKey}})
		}
		if len(found) != want {
			t.Errorf("Profiles, %d ids: %d, want %d", n, len(found), want)
		}
	}
}
