package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/rowdigest"
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

// ProfileColumn is a column of profiles that has data of the user.
type ProfileColumn struct {
	Name   string                     // ends in _sealed if the column is encrypted under the user's key
	Field  func(p *ProfileRecord) any // *[]byte if it is encrypted; otherwise *string, **string or *map[string]any
	erased string                     // SQL for the value after an erasure; "" for an encrypted column
}

// Encrypted reports whether the column is encrypted.
func (c ProfileColumn) Encrypted() bool { return strings.HasSuffix(c.Name, "_sealed") }

// ProfileColumns has all of them. Reading, writing, import, erasure, digests and the samples of check walk it.
var ProfileColumns = []ProfileColumn{
	{"display_name_sealed", func(p *ProfileRecord) any { return &p.DisplayNameSealed }, ""},
	{"username_sealed", func(p *ProfileRecord) any { return &p.UsernameSealed }, ""},
	{"avatar_url_sealed", func(p *ProfileRecord) any { return &p.AvatarURLSealed }, ""},
	{"country_code", func(p *ProfileRecord) any { return &p.Country }, "NULL"},
	{"locale", func(p *ProfileRecord) any { return &p.Locale }, "'und'"},
	{"time_zone", func(p *ProfileRecord) any { return &p.TimeZone }, "'UTC'"},
	{"preferences", func(p *ProfileRecord) any { return &p.Preferences }, "'{}'"},
	{"attributes_sealed", func(p *ProfileRecord) any { return &p.AttributesSealed }, ""},
}

// profileDigestVersion changes when ProfileColumns changes.
const profileDigestVersion = 1

// profileColumnNames are all columns of profiles.
var profileColumnNames = func() []string {
	names := []string{"user_id"}
	for _, c := range ProfileColumns {
		names = append(names, c.Name)
	}
	return append(names, "created_at", "updated_at", "version", "schema_version")
}()

var profileColumns = strings.Join(profileColumnNames, ", ")

// scanTargets returns the fields of the record for profileColumns.
func (p *ProfileRecord) scanTargets() []any {
	targets := make([]any, 0, len(profileColumnNames))
	targets = append(targets, &p.UserID)
	for _, c := range ProfileColumns {
		target := c.Field(p)
		if document, ok := target.(*map[string]any); ok {
			target = jsonInto{document}
		}
		targets = append(targets, target)
	}
	return append(targets, timeInto{&p.CreatedAt}, timeInto{&p.UpdatedAt}, &p.Version, &p.SchemaVersion)
}

// dataValues appends the values of ProfileColumns to a list.
func (p *ProfileRecord) dataValues(to []any) ([]any, error) {
	for _, c := range ProfileColumns {
		switch field := c.Field(p).(type) {
		case *[]byte:
			to = append(to, *field)
		case *string:
			to = append(to, *field)
		case **string:
			to = append(to, *field)
		case *map[string]any:
			document, err := rowdigest.Canonical(*field)
			if err != nil {
				return nil, err
			}
			to = append(to, document)
		default:
			return nil, fmt.Errorf("the column profiles.%s has a field of type %T", c.Name, field)
		}
	}
	return to, nil
}

// values returns the values of profileColumns.
func (p *ProfileRecord) values() ([]any, error) {
	values, err := p.dataValues(append(make([]any, 0, len(profileColumnNames)), p.UserID))
	return append(values, p.CreatedAt, p.UpdatedAt, p.Version, p.SchemaVersion), err
}

func scanProfile(row scanner) (p ProfileRecord, err error) {
	err = row.Scan(p.scanTargets()...)
	return p, err
}

// DigestProfile digests a row of profiles.
func DigestProfile(p ProfileRecord) (cardinal.RowDigest, error) {
	values, err := p.values()
	if err != nil {
		return cardinal.RowDigest{}, err
	}
	return digestRow("profiles", keyOf(p.UserID), p.Version, values...), nil
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
		err = row.Scan(append(p.scanTargets(), &p.Key.KEKID, &p.Key.WrappedKey)...)
		p.Key.UserID = p.UserID
		return p, err
	}, `
		SELECT p.`+strings.Join(profileColumnNames, ", p.")+`, k.kek_id, k.wrapped_key
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
	values, err := p.values()
	if err != nil {
		return err
	}
	params := make([]string, len(values))
	for i := range values {
		params[i] = param(i + 1)
	}
	return tx.execDeferred(ctx,
		`INSERT INTO profiles (`+profileColumns+`) VALUES (`+strings.Join(params, ", ")+`)`, values...)
}

// UpdateProfile updates all fields of a profile that can change, if its version is still p.Version; it returns the new
// row.
func (tx Tx) UpdateProfile(ctx context.Context, p ProfileRecord, now time.Time) (ProfileRecord, error) {
	args, err := p.dataValues([]any{p.UserID, p.Version, now})
	if err != nil {
		return ProfileRecord{}, err
	}
	var set strings.Builder
	for i, c := range ProfileColumns {
		set.WriteString(c.Name + ` = ` + param(i+4) + `, `)
	}
	return queryOne(ctx, tx.Reader, scanProfile, `
		UPDATE profiles
		   SET `+set.String()+`updated_at = $3, version = version + 1
		 WHERE user_id = $1 AND version = $2
		RETURNING `+profileColumns, args...)
}
