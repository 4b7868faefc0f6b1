package importfile

import (
	"encoding/json"
	"reflect"
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

// csvFields are the fields that a column can have: all of an ImportRow, except the list of contacts. attributes.NAME is
// possible, too.
var csvFields = func() []string {
	var names []string
	of := reflect.TypeFor[cardinal.ImportRow]()
	for i := range of.NumField() {
		if name := jsonName(of.Field(i)); name != "contacts" {
			names = append(names, name)
		}
	}
	return names
}()

// setField sets a field from the text of a cell. For a value of the wrong type it returns the type that is expected.
func setField(p *cardinal.ImportRow, field, value string) (want string) {
	if name, ok := strings.CutPrefix(field, "attributes."); ok {
		if p.Attributes == nil {
			p.Attributes = map[string]any{}
		}
		p.Attributes[name] = value
		return ""
	}
	if field == "display_name" { // given name and family name can be two columns
		p.DisplayName = strings.TrimSpace(p.DisplayName + " " + value)
		return ""
	}
	switch target := reflect.ValueOf(p).Elem().Field(nativeFields[field]).Addr().Interface().(type) {
	case *string:
		*target = value
	case *bool:
		return set(target, value, parseBool, wantBool)
	case **time.Time:
		return set(target, value, parseTimePointer, wantTime)
	case *uuid.UUID:
		return set(target, value, parseUUID, "a UUID")
	case *map[string]any:
		return setObject(target, value)
	case *[]cardinal.ImportRole:
		for _, name := range strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune(",;| ", r) }) {
			*target = append(*target, cardinal.ImportRole{Name: name})
		}
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
