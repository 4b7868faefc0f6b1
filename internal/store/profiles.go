package store

import (
	"context"
	"time"

	"github.com/google/uuid"

	"cardinal"
)

// ProfileRecord is a row of profiles as stored: names and links are encrypted.
type ProfileRecord struct {
	UserID                                             uuid.UUID
	DisplayNameSealed, UsernameSealed, AvatarURLSealed []byte // nil if there is none
	Country                                            *string
	Locale, TimeZone                                   string
	Preferences                                        map[string]any
	AttributesSealed                                   []byte
	CreatedAt, UpdatedAt                               time.Time
	Version, SchemaVersion                             int64
}

const profileColumns = `user_id, display_name_sealed, username_sealed, avatar_url_sealed, country_code, locale,
  time_zone, preferences, attributes_sealed, created_at, updated_at, version, schema_version`

func scanProfile(row scanner) (p ProfileRecord, err error) {
	err = row.Scan(&p.UserID, &p.DisplayNameSealed, &p.UsernameSealed, &p.AvatarURLSealed, &p.Country, &p.Locale,
		&p.TimeZone, jsonInto{&p.Preferences}, &p.AttributesSealed, timeInto{&p.CreatedAt}, timeInto{&p.UpdatedAt},
		&p.Version, &p.SchemaVersion)
	return p, err
}

// DigestProfile digests a row of profiles.
func DigestProfile(p ProfileRecord) (cardinal.RowDigest, error) {
	preferences, err := canonicalJSON(p.Preferences)
	if err != nil {
		return cardinal.RowDigest{}, err
	}
	return digestRow("profiles", keyOf(p.UserID), p.Version, p.UserID, p.DisplayNameSealed, p.UsernameSealed,
		p.AvatarURLSealed, p.Country, p.Locale, p.TimeZone, preferences, p.AttributesSealed, p.CreatedAt, p.UpdatedAt,
		p.Version, p.SchemaVersion), nil
}

// Profile returns a user's profile.
func (r Reader) Profile(ctx context.Context, userID uuid.UUID) (ProfileRecord, error) {
	return queryOne(ctx, r, scanProfile, `SELECT `+profileColumns+` FROM profiles WHERE user_id = $1`, userID)
}

// LockProfile returns a user's profile and locks it until the transaction ends.
func (tx Tx) LockProfile(ctx context.Context, userID uuid.UUID) (ProfileRecord, error) {
	return queryOne(ctx, tx.Reader, scanProfile,
		`SELECT `+profileColumns+` FROM profiles WHERE user_id = $1`+tx.engine.lockRow, userID)
}

// Profiles returns the profiles of a page of users, each with its user's wrapped key, so that a page takes one
// statement. The list of ids narrows both tables, because otherwise PostgreSQL reads all keys if there are only a few
// thousand users.
func (r Reader) Profiles(ctx context.Context, userIDs []uuid.UUID) ([]ProfileWithKey, error) {
	if len(userIDs) == 0 {
		return nil, nil
	}
	list, args := placeholders(userIDs)
	return queryAll(ctx, r, func(row scanner) (p ProfileWithKey, err error) {
		err = row.Scan(&p.UserID, &p.DisplayNameSealed, &p.UsernameSealed, &p.AvatarURLSealed, &p.Country, &p.Locale,
			&p.TimeZone, jsonInto{&p.Preferences}, &p.AttributesSealed, timeInto{&p.CreatedAt}, timeInto{&p.UpdatedAt},
			&p.Version, &p.SchemaVersion, &p.Key.KEKID, &p.Key.WrappedKey)
		p.Key.UserID = p.UserID
		return p, err
	}, `
		SELECT p.user_id, p.display_name_sealed, p.username_sealed, p.avatar_url_sealed, p.country_code, p.locale,
		       p.time_zone, p.preferences, p.attributes_sealed, p.created_at, p.updated_at, p.version, p.schema_version,
		       k.kek_id, k.wrapped_key
		  FROM profiles p LEFT JOIN user_keys k ON k.user_id = p.user_id AND k.user_id IN (`+list+`)
		 WHERE p.user_id IN (`+list+`)`, args...)
}

// ProfileWithKey is a profile with the wrapped key that decrypts it; the key is empty for built-in actors and erased
// users.
type ProfileWithKey struct {
	ProfileRecord
	Key UserKeyRecord
}

// InsertProfile adds a user's profile.
func (tx Tx) InsertProfile(ctx context.Context, p ProfileRecord) error {
	preferences, err := canonicalJSON(p.Preferences)
	if err != nil {
		return err
	}
	return tx.execDeferred(ctx, `
		INSERT INTO profiles (`+profileColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
		p.UserID, p.DisplayNameSealed, p.UsernameSealed, p.AvatarURLSealed, p.Country, p.Locale, p.TimeZone,
		preferences, p.AttributesSealed, p.CreatedAt, p.UpdatedAt, p.Version, p.SchemaVersion)
}

// UpdateProfile updates all fields of a profile that can change, if its version is still p.Version; it returns the new
// row.
func (tx Tx) UpdateProfile(ctx context.Context, p ProfileRecord, now time.Time) (ProfileRecord, error) {
	preferences, err := canonicalJSON(p.Preferences)
	if err != nil {
		return ProfileRecord{}, err
	}
	return queryOne(ctx, tx.Reader, scanProfile, `
		UPDATE profiles
		   SET display_name_sealed = $3, username_sealed = $4, avatar_url_sealed = $5, country_code = $6, locale = $7,
		       time_zone = $8, preferences = $9, attributes_sealed = $10, updated_at = $11, version = version + 1
		 WHERE user_id = $1 AND version = $2
		RETURNING `+profileColumns,
		p.UserID, p.Version, p.DisplayNameSealed, p.UsernameSealed, p.AvatarURLSealed, p.Country, p.Locale, p.TimeZone,
		preferences, p.AttributesSealed, now)
}
