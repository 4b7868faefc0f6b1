package importfile

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"cardinal"
)

// setField sets a field from the text of a cell. For a value of the wrong type it returns the type that is expected.
func setField(p *cardinal.ImportRow, field, value string) (want string) {
	switch field {
	case "id":
		id, err := uuid.Parse(value)
		if err != nil {
			return "a UUID"
		}
		p.ID = id
	case "created_at", "deleted_at", "password_set_at":
		t, ok := parseTime(value)
		if !ok {
			return "a time like 2026-03-14T09:26:53Z"
		}
		*map[string]**time.Time{"created_at": &p.CreatedAt, "deleted_at": &p.DeletedAt,
			"password_set_at": &p.PasswordSetAt}[field] = &t
	case "email_verified", "phone_verified", "must_change_password":
		yes, ok := parseBool(value)
		if !ok {
			return "true or false"
		}
		*map[string]*bool{"email_verified": &p.EmailVerified, "phone_verified": &p.PhoneVerified,
			"must_change_password": &p.MustChangePassword}[field] = yes
	case "display_name":
		// Given name and family name can be two columns.
		p.DisplayName = strings.TrimSpace(p.DisplayName + " " + value)
	case "roles":
		for _, name := range strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune(",;| ", r) }) {
			p.Roles = append(p.Roles, cardinal.ImportRole{Name: name})
		}
	case "preferences", "attributes":
		if json.Unmarshal([]byte(value), map[string]any{"preferences": &p.Preferences,
			"attributes": &p.Attributes}[field]) != nil {
			return "a JSON object"
		}
	default:
		return setText(p, field, value)
	}
	return ""
}

func setText(p *cardinal.ImportRow, field, value string) (message string) {
	if name, ok := strings.CutPrefix(field, "attributes."); ok {
		if p.Attributes == nil {
			p.Attributes = map[string]any{}
		}
		p.Attributes[name] = value
		return ""
	}
	*map[string]*string{"kind": &p.Kind, "status": &p.Status, "status_before_deletion": &p.StatusBeforeDeletion,
		"username": &p.Username, "email": &p.Email,
		"phone": &p.Phone, "avatar_url": &p.AvatarURL, "country": &p.Country, "locale": &p.Locale,
		"time_zone": &p.TimeZone, "password_hash": &p.PasswordHash}[field] = value
	return ""
}

func parseBool(s string) (value, ok bool) {
	switch strings.ToLower(s) {
	case "true", "t", "yes", "y", "1":
		return true, true
	case "false", "f", "no", "n", "0":
		return false, true
	}
	return false, false
}

// parseTime parses the common forms of times: RFC 3339, the same with a space in place of the T, and a Unix time in
// seconds or milliseconds.
func parseTime(s string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02 15:04:05.999999999Z07:00",
		"2006-01-02 15:04:05.999999999-07", "2006-01-02 15:04:05", time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), true
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	switch {
	case err != nil || n <= 0:
		return time.Time{}, false
	case n > 1e11:
		return time.UnixMilli(n).UTC(), true
	}
	return time.Unix(n, 0).UTC(), true
}
