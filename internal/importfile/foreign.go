package importfile

import (
	"encoding/json"
	"strings"
	"time"

	"cardinal"
)

// converters turn a person as another system exports them into a row of Cardinal's own format. What has no place in Cardinal is
// left out, but for the extras that are asked for; a password in a form that nobody can verify is a fault, because its owner could not sign in.
var converters = map[string]func(*Row, Options){
	"auth0": readAuth0, "keycloak": readKeycloak, "supabase": readSupabase, "kratos": readKratos, "firebase": readFirebase, "pocketbase": readPocketBase,
}

// recognise names the format of the first person of a file by the members that only its system writes.
func recognise(first []byte) string {
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
	case has("passwordHash", "email_verified"), has("custom_password_hash"), has("user_id", "identities"), has("_id", "connection"):
		return "auth0"
	case has("createdTimestamp"), has("username", "credentials"), has("username", "emailVerified", "enabled"):
		return "keycloak"
	case has("collectionId"), has("collectionName"), has("tokenKey"), has("emailVisibility"):
		return "pocketbase"
	}
	return "ndjson"
}

// into decodes a row into a system's own shape.
func (row *Row) into(shape any) bool {
	if err := json.Unmarshal(row.raw, shape); err != nil {
		if row.members(); len(row.Faults) == 0 {
			row.Faults.Add("", "row_malformed", "a value has another type than the system writes")
		}
		return false
	}
	return true
}

// text is a member that some versions write as a number, a word or null.
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

// at reads a time of another system; what is none is left out.
func (t text) at() *time.Time {
	when, ok := moment(string(t))
	if !ok {
		return nil
	}
	return &when
}

// locked is the status of somebody who could not sign in elsewhere.
const locked = "suspended"

func readAuth0(row *Row, _ Options) {
	var u struct {
		Email         string          `json:"email"`
		EmailVerified bool            `json:"email_verified"`
		Phone         string          `json:"phone_number"`
		PhoneVerified bool            `json:"phone_verified"`
		Username      string          `json:"username"`
		Name          string          `json:"name"`
		Given         string          `json:"given_name"`
		Family        string          `json:"family_name"`
		Picture       string          `json:"picture"`
		Blocked       bool            `json:"blocked"`
		CreatedAt     json.RawMessage `json:"created_at"`
		PasswordHash  string          `json:"passwordHash"`
		Lower         string          `json:"password_hash"`
		Custom        *auth0Hash      `json:"custom_password_hash"`
	}
	if !row.into(&u) {
		return
	}
	p := &row.Person
	*p = cardinal.ImportRow{Email: u.Email, EmailVerified: u.EmailVerified, Phone: u.Phone, PhoneVerified: u.PhoneVerified, Username: u.Username,
		DisplayName: firstOf(u.Name, u.Given+" "+u.Family), AvatarURL: httpsOnly(u.Picture), CreatedAt: extended(u.CreatedAt), PasswordHash: firstOf(u.PasswordHash, u.Lower)}
	if p.DisplayName == u.Email {
		p.DisplayName = "" // Auth0 repeats the address where it has no name
	}
	if u.Blocked {
		p.Status = locked
	}
	if u.Custom != nil {
		var ok bool
		if p.PasswordHash, ok = u.Custom.text(); !ok {
			row.Faults.Add("/custom_password_hash", "hash_unusable", "the scheme is not known")
		}
	}
}

// extended reads a time as text, or as MongoDB's extended JSON, in which Auth0's support exports.
func extended(raw json.RawMessage) *time.Time {
	var wrapped struct {
		Date text `json:"$date"`
	}
	var plain text
	if json.Unmarshal(raw, &wrapped) == nil && wrapped.Date != "" {
		return wrapped.Date.at()
	}
	if json.Unmarshal(raw, &plain) != nil {
		return nil
	}
	return plain.at()
}

func readKeycloak(row *Row, _ Options) {
	var u struct {
		Username      string               `json:"username"`
		Email         string               `json:"email"`
		EmailVerified bool                 `json:"emailVerified"`
		First         string               `json:"firstName"`
		Last          string               `json:"lastName"`
		Enabled       *bool                `json:"enabled"`
		Created       text                 `json:"createdTimestamp"`
		Attributes    map[string][]string  `json:"attributes"`
		Credentials   []keycloakCredential `json:"credentials"`
		Required      []string             `json:"requiredActions"`
	}
	if !row.into(&u) {
		return
	}
	p := &row.Person
	*p = cardinal.ImportRow{Username: u.Username, Email: u.Email, EmailVerified: u.EmailVerified, DisplayName: strings.TrimSpace(u.First + " " + u.Last), CreatedAt: u.Created.at()}
	if strings.EqualFold(u.Username, u.Email) || strings.Contains(u.Username, "@") {
		p.Username, p.Email = "", firstOf(u.Email, u.Username)
	}
	if u.Enabled != nil && !*u.Enabled {
		p.Status = locked
	}
	if locale := u.Attributes["locale"]; len(locale) > 0 {
		p.Locale = locale[0]
	}
	for _, c := range u.Credentials {
		if c.Type != "password" {
			continue
		}
		var ok bool
		if p.PasswordHash, ok = c.text(); !ok {
			row.Faults.Add("/credentials", "hash_unusable", "the scheme is not known")
		}
		p.PasswordSetAt = c.Created.at()
	}
	for _, action := range u.Required {
		p.MustChangePassword = p.MustChangePassword || action == "UPDATE_PASSWORD" && p.PasswordHash != ""
	}
}

func readSupabase(row *Row, _ Options) {
	var u struct {
		Email          text           `json:"email"`
		Phone          text           `json:"phone"`
		Hash           text           `json:"encrypted_password"`
		EmailConfirmed text           `json:"email_confirmed_at"`
		Confirmed      text           `json:"confirmed_at"`
		PhoneConfirmed text           `json:"phone_confirmed_at"`
		Created        text           `json:"created_at"`
		Banned         text           `json:"banned_until"`
		Deleted        text           `json:"deleted_at"`
		Meta           map[string]any `json:"raw_user_meta_data"`
		MetaOfAPI      map[string]any `json:"user_metadata"`
	}
	if !row.into(&u) {
		return
	}
	if u.Meta == nil {
		u.Meta = u.MetaOfAPI
	}
	of := func(names ...string) string {
		for _, name := range names {
			if s, ok := u.Meta[name].(string); ok && s != "" {
				return s
			}
		}
		return ""
	}
	p := &row.Person
	*p = cardinal.ImportRow{Email: string(u.Email), EmailVerified: u.EmailConfirmed.at() != nil || u.Email != "" && u.Confirmed.at() != nil, Phone: international(string(u.Phone)),
		PhoneVerified: u.PhoneConfirmed.at() != nil, PasswordHash: string(u.Hash), CreatedAt: u.Created.at(), DeletedAt: u.Deleted.at(),
		DisplayName: of("full_name", "name", "display_name"), AvatarURL: httpsOnly(of("avatar_url", "picture"))}
	if banned := u.Banned.at(); banned != nil && banned.After(time.Now()) {
		p.Status = locked
	}
	if p.DeletedAt != nil {
		p.Status = "deleted"
	}
}

func readKratos(row *Row, _ Options) {
	var u struct {
		State     string         `json:"state"`
		Created   text           `json:"created_at"`
		Traits    map[string]any `json:"traits"`
		Addresses []struct {
			Value    string `json:"value"`
			Via      string `json:"via"`
			Verified bool   `json:"verified"`
			At       text   `json:"verified_at"`
		} `json:"verifiable_addresses"`
		Credentials map[string]struct {
			Config struct {
				Hash string `json:"hashed_password"`
			} `json:"config"`
		} `json:"credentials"`
	}
	if !row.into(&u) {
		return
	}
	trait := func(names ...string) string {
		for _, name := range names {
			switch v := u.Traits[name].(type) {
			case string:
				return v
			case map[string]any:
				first, _ := v["first"].(string)
				last, _ := v["last"].(string)
				return strings.TrimSpace(first + " " + last)
			}
		}
		return ""
	}
	p := &row.Person
	*p = cardinal.ImportRow{Email: trait("email"), Phone: trait("phone", "phone_number"), Username: trait("username"), DisplayName: trait("name", "full_name"),
		CreatedAt: u.Created.at(), AvatarURL: httpsOnly(trait("picture", "avatar"))}
	for _, a := range u.Addresses {
		p.EmailVerified = p.EmailVerified || a.Verified && strings.EqualFold(a.Value, p.Email)
		p.PhoneVerified = p.PhoneVerified || a.Verified && a.Value == p.Phone
	}
	if u.State == "inactive" {
		p.Status = locked
	}
	p.PasswordHash = fireScrypt(u.Credentials["password"].Config.Hash)
}

func readFirebase(row *Row, o Options) {
	var u struct {
		Email         string `json:"email"`
		EmailVerified bool   `json:"emailVerified"`
		Hash          string `json:"passwordHash"`
		Salt          string `json:"salt"`
		Name          string `json:"displayName"`
		Photo         string `json:"photoUrl"`
		Phone         string `json:"phoneNumber"`
		Created       text   `json:"createdAt"`
		Disabled      bool   `json:"disabled"`
	}
	if !row.into(&u) {
		return
	}
	p := &row.Person
	// Firebase has a number only of who proved it by a message.
	*p = cardinal.ImportRow{Email: u.Email, EmailVerified: u.EmailVerified, Phone: u.Phone, PhoneVerified: u.Phone != "", DisplayName: u.Name, AvatarURL: httpsOnly(u.Photo), CreatedAt: u.Created.at()}
	if u.Disabled {
		p.Status = locked
	}
	switch {
	case u.Hash == "":
	case o.Firebase == FirebaseHash{}:
		row.Faults.Add("/passwordHash", "hash_unusable", "the parameters of the project are needed, give them with --hash-config")
	default:
		p.PasswordHash = o.Firebase.text(u.Salt, u.Hash)
	}
}

func readPocketBase(row *Row, _ Options) {
	var u struct {
		Email    string `json:"email"`
		Verified any    `json:"verified"`
		Username string `json:"username"`
		Name     string `json:"name"`
		Hash     string `json:"passwordHash"`
		Password string `json:"password"`
		Created  text   `json:"created"`
	}
	if !row.into(&u) {
		return
	}
	row.Person = cardinal.ImportRow{Email: u.Email, EmailVerified: u.Verified == true || u.Verified == 1.0, Username: u.Username, DisplayName: u.Name,
		PasswordHash: firstOf(u.Hash, u.Password), CreatedAt: u.Created.at()}
}

func firstOf(values ...string) string {
	for _, v := range values {
		if v = strings.TrimSpace(v); v != "" {
			return v
		}
	}
	return ""
}

// httpsOnly leaves out links that Cardinal does not keep: a picture is not worth losing a person.
func httpsOnly(link string) string {
	if strings.HasPrefix(link, "https://") {
		return link
	}
	return ""
}

// international puts the plus before a number that a system keeps without.
func international(number string) string {
	if number != "" && number[0] != '+' {
		return "+" + number
	}
	return number
}

func supabaseHeader(header []string) bool {
	for _, name := range header {
		if name == "encrypted_password" || name == "raw_user_meta_data" {
			return true
		}
	}
	return false
}

// supabaseRecord is a record of the table auth.users as JSON; JSON columns stay JSON.
func supabaseRecord(header, record []string) []byte {
	object := map[string]any{}
	for i, name := range header {
		if strings.HasPrefix(name, "raw_") && json.Valid([]byte(record[i])) {
			object[name] = json.RawMessage(record[i])
		} else {
			object[name] = record[i]
		}
	}
	raw, _ := json.Marshal(object) // strings and valid JSON always encode
	return raw
}
