package importfile

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/nearest"
)

// synonyms maps names of columns in other systems to fields. The names have only lower-case letters and digits.
var synonyms = map[string]string{
	"uuid": "id",
	"mail": "email", "emailaddress": "email", "primaryemail": "email", "useremail": "email",
	"verified": "email_verified", "emailconfirmed": "email_verified", "isverified": "email_verified",
	"name": "display_name", "fullname": "display_name", "nickname": "display_name", "firstname": "display_name",
	"lastname": "display_name", "givenname": "display_name", "familyname": "display_name", "surname": "display_name",
	"login": "username", "userid": "username", "handle": "username", "screenname": "username",
	"phonenumber": "phone", "mobile": "phone", "tel": "phone", "telephone": "phone", "cell": "phone",
	"phoneconfirmed": "phone_verified",
	"password":       "password_hash", "pw": "password_hash", "hash": "password_hash",
	"encryptedpassword": "password_hash", "pwhash": "password_hash", "passworddigest": "password_hash",
	"hashedpassword": "password_hash",
	"avatar":         "avatar_url", "picture": "avatar_url", "photo": "avatar_url", "photourl": "avatar_url",
	"image":       "avatar_url",
	"countrycode": "country", "language": "locale", "lang": "locale",
	"tz": "time_zone", "timezone": "time_zone", "zoneinfo": "time_zone",
	"created": "created_at", "registered": "created_at", "createdon": "created_at", "signupdate": "created_at",
	"role": "roles", "groups": "roles",
}

// mapColumns returns the field of each column of a header: the one in fields, which are from Options.Map, or else a
// guess from the name of the column. sample is the first record.
func mapColumns(header, sample []string, fields map[string]string) ([]cardinal.ImportColumn, error) {
	for name, field := range fields {
		if !slices.Contains(header, name) {
			return nil, &ColumnsError{fmt.Sprintf("there is no column %q; the columns are %s", name,
				strings.Join(header, ", "))}
		}
		if field != "" && !slices.Contains(csvFields, field) && !strings.HasPrefix(field, "attributes.") {
			return nil, &ColumnsError{fmt.Sprintf("there is no field %q; the fields are %s and attributes.NAME", field,
				strings.Join(csvFields, ", "))}
		}
	}
	columns, used := make([]cardinal.ImportColumn, len(header)), map[string]bool{}
	for _, field := range fields {
		used[field] = true
	}
	for i, name := range header {
		columns[i].Name = name
		if field, ok := fields[name]; ok {
			columns[i].Field = field
			continue
		}
		field := guessField(name)
		if field == "id" && (i >= len(sample) || !isUUIDv7(sample[i])) {
			field = "" // it is the id of another system
		}
		if used[field] && field != "display_name" {
			field = ""
		}
		if columns[i].Field = field; field == "" {
			columns[i].Near = nearest.To(name, csvFields)
		}
		used[field] = true
	}
	if !slices.ContainsFunc(columns, func(c cardinal.ImportColumn) bool {
		return slices.Contains([]string{"id", "email", "phone", "username"}, c.Field)
	}) {
		return nil, &ColumnsError{fmt.Sprintf("no column identifies a user; name the column of the email address with "+
			"--map COLUMN=email (columns: %s)", strings.Join(header, ", "))}
	}
	return columns, nil
}

func isUUIDv7(s string) bool {
	id, err := uuid.Parse(strings.TrimSpace(s))
	return err == nil && id.Version() == 7
}

// guessField returns the field that the name of a column means, "" for an unknown name.
func guessField(name string) string {
	if strings.HasPrefix(name, "attributes.") {
		return name
	}
	plain := strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, name)
	for _, field := range csvFields {
		if plain == strings.ReplaceAll(field, "_", "") {
			return field
		}
	}
	return synonyms[plain]
}
