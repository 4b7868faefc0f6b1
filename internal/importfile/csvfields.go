package importfile

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"cardinal"
)

// The expected types in messages.
const (
	wantTime = "a time like 2026-03-14T09:26:53Z"
	wantBool = "true or false"
)

// setField sets a field from the text of a cell. For a value of the wrong type it returns the type that is expected.
func setField(p *cardinal.ImportRow, field, value string) (want string) {
	switch field {
	case "id":
		return set(&p.ID, value, parseUUID, "a UUID")
	case "kind":
		p.Kind = value
	case "status":
		p.Status = value
	case "status_before_deletion":
		p.StatusBeforeDeletion = value
	case "created_at":
		return set(&p.CreatedAt, value, parseTimePointer, wantTime)
	case "deleted_at":
		return set(&p.DeletedAt, value, parseTimePointer, wantTime)
	case "display_name":
		// Given name and family name can be two columns.
		p.DisplayName = strings.TrimSpace(p.DisplayName + " " + value)
	case "username":
		p.Username = value
	case "email":
		p.Email = value
	case "email_verified":
		return set(&p.EmailVerified, value, parseBool, wantBool)
	case "phone":
		p.Phone = value
	case "phone_verified":
		return set(&p.PhoneVerified, value, parseBool, wantBool)
	case "avatar_url":
		p.AvatarURL = value
	case "country":
		p.Country = value
	case "locale":
		p.Locale = value
	case "time_zone":
		p.TimeZone = value
	case "preferences":
		return setObject(&p.Preferences, value)
	case "attributes":
		return setObject(&p.Attributes, value)
	case "password_hash":
		p.PasswordHash = value
	case "password_set_at":
		return set(&p.PasswordSetAt, value, parseTimePointer, wantTime)
	case "must_change_password":
		return set(&p.MustChangePassword, value, parseBool, wantBool)
	case "roles":
		for _, name := range strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune(",;| ", r) }) {
			p.Roles = append(p.Roles, cardinal.ImportRole{Name: name})
		}
	default: // attributes.NAME
		if p.Attributes == nil {
			p.Attributes = map[string]any{}
		}
		p.Attributes[strings.TrimPrefix(field, "attributes.")] = value
	}
	return ""
}

// set parses a value and stores it. When parsing fails it returns want, the expected type.
func set[T any](target *T, value string, parse func(string) (T, bool), want string) string {
	parsed, ok := parse(value)
	if !ok {
		return want
	}
	*target = parsed
	return ""
}

func setObject(target *map[string]any, value string) (want string) {
	if json.Unmarshal([]byte(value), target) != nil {
		return "a JSON object"
	}
	return ""
}

func parseUUID(s string) (uuid.UUID, bool) {
	id, err := uuid.Parse(s)
	return id, err == nil
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

func parseTimePointer(s string) (*time.Time, bool) {
	t, ok := parseTime(s)
	return &t, ok
}
