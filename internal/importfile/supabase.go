package importfile

import (
	"encoding/json"
	"strings"
	"time"

	"cardinal"
)

func convertSupabase(row *Row, _ Options) {
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
	if !row.decode(&u) {
		return
	}
	if u.Meta == nil {
		u.Meta = u.MetaOfAPI
	}
	meta := func(names ...string) string {
		for _, name := range names {
			if s, ok := u.Meta[name].(string); ok && s != "" {
				return s
			}
		}
		return ""
	}
	p := &row.Person
	*p = cardinal.ImportRow{
		Email:         string(u.Email),
		EmailVerified: u.EmailConfirmed.time() != nil || u.Email != "" && u.Confirmed.time() != nil,
		Phone:         withPlus(string(u.Phone)), PhoneVerified: u.PhoneConfirmed.time() != nil,
		PasswordHash: string(u.Hash), CreatedAt: u.Created.time(), DeletedAt: u.Deleted.time(),
		DisplayName: meta("full_name", "name", "display_name"), AvatarURL: httpsOnly(meta("avatar_url", "picture")),
	}
	if banned := u.Banned.time(); banned != nil && banned.After(time.Now()) {
		p.Status = suspended
	}
	if p.DeletedAt != nil {
		p.Status = "deleted"
	}
}

// withPlus adds the plus sign of an international number, which Supabase does not store.
func withPlus(number string) string {
	if number != "" && number[0] != '+' {
		return "+" + number
	}
	return number
}

// isSupabaseHeader reports whether the columns of a CSV file are those of Supabase's table auth.users.
func isSupabaseHeader(header []string) bool {
	for _, name := range header {
		if name == "encrypted_password" || name == "raw_user_meta_data" {
			return true
		}
	}
	return false
}

// supabaseJSON converts a record of the table auth.users to JSON. Columns that contain JSON remain JSON.
func supabaseJSON(header, record []string) []byte {
	object := map[string]any{}
	for i, name := range header {
		if strings.HasPrefix(name, "raw_") && json.Valid([]byte(record[i])) {
			object[name] = json.RawMessage(record[i])
		} else {
			object[name] = record[i]
		}
	}
	raw, _ := json.Marshal(object) // strings and valid JSON never fail
	return raw
}
