package importfile

import (
	"encoding/json"
	"strings"
	"time"
)

// converters convert a user of another system's export to a row of Cardinal's own format. They omit everything that
// Cardinal does not store, except the requested extras. A password hash that cannot be verified is an error of the row,
// because the user could not sign in.
var converters = map[string]func(*Row, Options){
	"auth0": convertAuth0, "keycloak": convertKeycloak, "supabase": convertSupabase,
	"kratos": convertKratos, "firebase": convertFirebase, "pocketbase": convertPocketBase,
}

// detectFormat returns the format of a file by the members of its first user that only one system writes.
func detectFormat(first []byte) string {
	var members map[string]json.RawMessage
	if json.Unmarshal(first, &members) != nil {
		return "ndjson"
	}
	has := func(names ...string) bool {
		for _, name := range names {
			if _, ok := members[name]; !ok {
				return false
			}
		}
		return true
	}
	switch {
	case has("traits", "schema_id"):
		return "kratos"
	case has("localId"):
		return "firebase"
	case has("encrypted_password"), has("raw_user_meta_data"):
		return "supabase"
	case has("passwordHash", "email_verified"), has("custom_password_hash"), has("user_id", "identities"),
		has("_id", "connection"):
		return "auth0"
	case has("createdTimestamp"), has("username", "credentials"), has("username", "emailVerified", "enabled"):
		return "keycloak"
	case has("collectionId"), has("collectionName"), has("tokenKey"), has("emailVisibility"):
		return "pocketbase"
	}
	return "ndjson"
}

// decode decodes a row into the struct of a system. It adds an error to the row and returns false when that fails.
func (row *Row) decode(target any) bool {
	if err := json.Unmarshal(row.raw, target); err != nil {
		if row.members(); len(row.Errors) == 0 {
			row.Errors.Add("", "row_malformed", "a value does not have the type that the system writes")
		}
		return false
	}
	return true
}

// text is a member that some versions of a system write as a number, a word or null.
type text string

func (t *text) UnmarshalJSON(b []byte) error {
	var s string
	if json.Unmarshal(b, &s) == nil {
		*t = text(s)
		return nil
	}
	if s = string(b); s != "null" && s != "true" && s != "false" && (s == "" || s[0] != '{' && s[0] != '[') {
		*t = text(s)
	}
	return nil
}

// time parses a time of another system. It returns nil for a text that is not a time.
func (t text) time() *time.Time {
	parsed, ok := parseTime(string(t))
	if !ok {
		return nil
	}
	return &parsed
}

// suspended is the status of users that could not sign in to the other system.
const suspended = "suspended"

// firstNonEmpty returns the first value that is not empty after trimming.
func firstNonEmpty(values ...string) string {
	for _, v := range values {
		if v = strings.TrimSpace(v); v != "" {
			return v
		}
	}
	return ""
}

// httpsOnly omits links that Cardinal does not store. Without this, the link of a picture could prevent the import of a
// user.
func httpsOnly(link string) string {
	if strings.HasPrefix(link, "https://") {
		return link
	}
	return ""
}

// unpaddedBase64 converts base64 to the standard alphabet without padding. Firebase's tools write the URL-safe
// alphabet.
func unpaddedBase64(s string) string {
	return strings.TrimRight(strings.NewReplacer("-", "+", "_", "/").Replace(s), "=")
}
