package directory

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/normal"
	"cardinal/internal/seal"
	"cardinal/internal/store"
)

// ProfileField is one field of a profile. Encryption, changes, new users, import, export, search and the command line
// all read ProfileFields, so that a new column of profiles is one more row there.
type ProfileField struct {
	Name       string // in JSON; the flag of the command line has dashes
	Column     string // of store.ProfileColumns
	Searchable bool   // its words are search tokens
	Doc        string // for the help of its flag, with the placeholder in backquotes; "" for a document

	goName    string                       // in ProfileChange, NewUser and ImportRow
	normalize func(string) (string, error) // of a text that needs no other table to be checked
	empty     string                       // what is stored for an empty text
	profile   func(*cardinal.Profile) any  // *string, or *map[string]any for a document

	record func(r *store.ProfileRecord) any // the function of its column; see store.ProfileColumn
}

// ProfileFields are the fields of a profile, in the order in which they are checked.
var ProfileFields = withColumns([]ProfileField{
	{
		Name: "display_name", Column: "display_name_sealed", Searchable: true,
		Doc: "`NAME` to show, in any script", goName: "DisplayName", normalize: NormalizeDisplayName,
		profile: func(p *cardinal.Profile) any { return &p.DisplayName },
	},
	{
		Name: "username", Column: "username_sealed", Searchable: true, Doc: "user `NAME`, unique",
		goName: "Username", normalize: normal.Username,
		profile: func(p *cardinal.Profile) any { return &p.Username },
	},
	{
		Name: "avatar_url", Column: "avatar_url_sealed", Doc: "https `LINK` to an image",
		goName: "AvatarURL", normalize: normal.AvatarURL,
		profile: func(p *cardinal.Profile) any { return &p.AvatarURL },
	},
	{
		Name: "country", Column: "country_code", Doc: "ISO 3166-1 alpha-2 `CODE`",
		goName:  "Country", // the table countries has the valid ones
		profile: func(p *cardinal.Profile) any { return &p.Country },
	},
	{
		Name: "locale", Column: "locale", Doc: "BCP 47 language `TAG`",
		goName: "Locale", normalize: normal.Locale, empty: "und",
		profile: func(p *cardinal.Profile) any { return &p.Locale },
	},
	{
		Name: "time_zone", Column: "time_zone", Doc: "IANA time `ZONE`",
		goName: "TimeZone", normalize: timeZone, empty: "UTC",
		profile: func(p *cardinal.Profile) any { return &p.TimeZone },
	},
	{
		Name: "preferences", Column: "preferences",
		goName:  "Preferences",
		profile: func(p *cardinal.Profile) any { return &p.Preferences },
	},
	{
		Name: "attributes", Column: "attributes_sealed",
		goName:  "Attributes",
		profile: func(p *cardinal.Profile) any { return &p.Attributes },
	},
})

// withColumns sets the function of each field's column.
func withColumns(fields []ProfileField) []ProfileField {
	for i := range fields {
		f := &fields[i]
		column := slices.IndexFunc(store.ProfileColumns, func(c store.ProfileColumn) bool { return c.Name == f.Column })
		if column < 0 {
			panic("store.ProfileColumns does not have the column " + f.Column)
		}
		f.record = store.ProfileColumns[column].Field
	}
	return fields
}

// fieldOf returns a pointer to the field of a ProfileChange, NewUser, SignUp or ImportRow, itself given by pointer; nil
// where the struct does not have it.
func (f ProfileField) fieldOf(in any) any {
	v := reflect.ValueOf(in).Elem()
	i, ok := fieldIndexes(v.Type())[f.goName]
	if !ok {
		return nil
	}
	return v.Field(i).Addr().Interface()
}

// Change returns the field of a merge patch; nil for a document.
func (f ProfileField) Change(in *cardinal.ProfileChange) *cardinal.Change[string] {
	change, _ := f.fieldOf(in).(*cardinal.Change[string])
	return change
}

// Text returns the field of a Profile, NewUser, SignUp or ImportRow, given by pointer; nil for a document, and where
// the struct does not have it.
func (f ProfileField) Text(in any) *string {
	text, _ := f.fieldOf(in).(*string)
	return text
}

// ProfileOf returns a profile with the fields of a NewUser or an ImportRow, given by pointer.
func ProfileOf(in any) cardinal.Profile {
	var p cardinal.Profile
	for _, f := range ProfileFields {
		copyField(f.profile(&p), f.fieldOf(in))
	}
	return p
}

// SetProfileFields sets the fields of a NewUser or an ImportRow, given by pointer, to those of a profile.
func SetProfileFields(in any, p cardinal.Profile) {
	for _, f := range ProfileFields {
		copyField(f.fieldOf(in), f.profile(&p))
	}
}

func copyField(to, from any) {
	switch to := to.(type) {
	case *string:
		*to = *from.(*string)
	case *map[string]any:
		*to = *from.(*map[string]any)
	}
}

// SearchWords returns the words that a profile is found by.
func SearchWords(p *cardinal.Profile) []string {
	var words []string
	for _, f := range ProfileFields {
		if f.Searchable {
			words = append(words, normal.Words(*f.profile(p).(*string))...)
		}
	}
	return words
}

// EncryptProfile returns the record of a profile.
func EncryptProfile(p cardinal.Profile, key seal.Key) (store.ProfileRecord, error) {
	r := store.ProfileRecord{
		UserID: p.UserID, CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt, Version: p.Version, SchemaVersion: 1,
	}
	for _, f := range ProfileFields {
		if err := f.encrypt(&r, &p, key); err != nil {
			return r, err
		}
	}
	return r, nil
}

// encrypt puts a field of a profile into its record.
func (f ProfileField) encrypt(r *store.ProfileRecord, p *cardinal.Profile, key seal.Key) error {
	var text string
	switch value := f.profile(p).(type) {
	case *string:
		if text = *value; text == "" {
			text = f.empty
		}
	case *map[string]any:
		if column, ok := f.record(r).(*map[string]any); ok {
			if *column = *value; *column == nil {
				*column = map[string]any{}
			}
			return nil
		}
		if len(*value) > 0 {
			plain, err := json.Marshal(*value)
			if err != nil {
				return fmt.Errorf("write the %s: %w", f.Name, err)
			}
			text = string(plain)
		}
	}
	switch column := f.record(r).(type) {
	case *[]byte:
		*column = EncryptText(key, "profiles", f.Column, p.UserID, uuid.Nil, text)
	case *string:
		*column = text
	case **string:
		if text != "" {
			*column = &text
		}
	}
	return nil
}

// DecryptProfile returns the profile of a record.
func (d *Directory) DecryptProfile(r store.ProfileRecord, key seal.Key) cardinal.Profile {
	p := cardinal.Profile{UserID: r.UserID, CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt, Version: r.Version}
	values := d.RowReader(key, "profiles", r.UserID, uuid.Nil)
	for _, f := range ProfileFields {
		f.decrypt(&p, &r, values)
	}
	p.Unreadable = values.Unreadable
	return p
}

// inPatch reports whether a merge patch sets the field.
func (f ProfileField) inPatch(in *cardinal.ProfileChange) bool {
	change, ok := f.fieldOf(in).(interface{ Present() bool })
	return ok && change.Present()
}

// decrypt puts a field of a record into its profile.
func (f ProfileField) decrypt(p *cardinal.Profile, r *store.ProfileRecord, values *RowReader) {
	var text string
	switch column := f.record(r).(type) {
	case *map[string]any:
		*f.profile(p).(*map[string]any) = *column
		return
	case *[]byte:
		text = values.Text(f.Column, f.Name, *column)
	case *string:
		text = *column
	case **string:
		text = valueOr(*column, "")
	}
	switch value := f.profile(p).(type) {
	case *string:
		*value = text
	case *map[string]any:
		*value = map[string]any{}
		if text != "" && json.Unmarshal([]byte(text), value) != nil {
			values.fail(f.Column, f.Name)
		}
	}
}

// ProfileTexts checks the texts of a profile in a NewUser, SignUp, SetUp or ImportRow that need no other table, and
// puts them into their normal form. It returns the normal form of the user name; the user name itself is kept as it was
// typed.
func (in *Input) ProfileTexts(user any) (username string) {
	for _, f := range ProfileFields {
		text := f.Text(user)
		if text == nil || f.normalize == nil {
			continue
		}
		typed := *text
		if typed == "" {
			continue
		}
		var err error
		if *text, err = f.normalize(typed); err != nil {
			in.AddError("/"+f.Name, err)
		}
		if f.Name == "username" {
			username = *text
			*text = AsTyped(typed, username, MaxTypedUsername)
		}
	}
	return username
}

// cachedFieldIndexes has the result of fieldIndexes by type, because every row of an import asks for it.
var cachedFieldIndexes sync.Map

// fieldIndexes returns the indexes of the fields of a struct by name.
func fieldIndexes(t reflect.Type) map[string]int {
	if cached, ok := cachedFieldIndexes.Load(t); ok {
		return cached.(map[string]int)
	}
	indexes := make(map[string]int, t.NumField())
	for i := range t.NumField() {
		indexes[t.Field(i).Name] = i
	}
	cachedFieldIndexes.Store(t, indexes)
	return indexes
}

// maxTimeZones bounds the cache of time zones. The IANA database has about 600 names.
const maxTimeZones = 1000

// timeZones caches the names of valid time zones. The zone database is a set of files or an archive, which is too slow
// to read for every row of an import.
var timeZones = struct {
	sync.RWMutex
	names map[string]bool
}{names: map[string]bool{}}

// timeZone is normal.TimeZone with a cache.
func timeZone(s string) (string, error) {
	name := strings.TrimSpace(s)
	timeZones.RLock()
	cached := timeZones.names[name]
	timeZones.RUnlock()
	if cached {
		return name, nil
	}
	name, err := normal.TimeZone(name)
	if err != nil {
		return name, err
	}
	timeZones.Lock()
	defer timeZones.Unlock()
	if len(timeZones.names) < maxTimeZones {
		timeZones.names[name] = true
	}
	return name, nil
}
