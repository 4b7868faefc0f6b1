package importfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"

	"cardinal"
)

// readNative reads a row of Cardinal's own format. What decodes at once has no faults of form; what does not is read member by
// member, so that all its faults are found.
func readNative(row *Row) {
	decoder := json.NewDecoder(bytes.NewReader(row.raw))
	decoder.DisallowUnknownFields()
	if decoder.Decode(&row.Person) == nil && !decoder.More() {
		return
	}
	row.Person = cardinal.ImportRow{}
	members := row.members()
	into := reflect.ValueOf(&row.Person).Elem()
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if name == problemField {
			continue
		}
		field, ok := nativeFields[name]
		if !ok {
			row.Faults.Add("/"+short(name), "field_unknown", "")
			continue
		}
		member := json.NewDecoder(bytes.NewReader(members[name]))
		member.DisallowUnknownFields()
		if err := member.Decode(into.Field(field).Addr().Interface()); err != nil {
			into.Field(field).SetZero()
			row.Faults.Add("/"+name, "field_type", wanted(into.Type().Field(field).Type))
		}
	}
}

// members reads a row as an object, and tells where it is broken when it is none.
func (row *Row) members() map[string]json.RawMessage {
	var members map[string]json.RawMessage
	err := json.Unmarshal(row.raw, &members)
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax):
		row.Faults.Add("", "row_malformed", "write one JSON object, this one has a syntax error at column "+number(syntax.Offset))
	case errors.Is(err, io.ErrUnexpectedEOF):
		row.Faults.Add("", "row_malformed", "write one JSON object, this one does not end")
	case err != nil:
		row.Faults.Add("", "row_malformed", "write one JSON object")
	}
	return members
}

// nativeFields are the fields of an ImportRow by their names.
var nativeFields = func() map[string]int {
	fields := map[string]int{}
	of := reflect.TypeFor[cardinal.ImportRow]()
	for i := range of.NumField() {
		name, _, _ := strings.Cut(of.Field(i).Tag.Get("json"), ",")
		fields[name] = i
	}
	return fields
}()

func wanted(t reflect.Type) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t.Name() == "UUID":
		return "a UUID"
	case t.Name() == "Time":
		return "a time like 2026-03-14T09:26:53Z"
	case t.Kind() == reflect.Bool:
		return "true or false"
	case t.Kind() == reflect.Slice:
		return "a list of objects"
	case t.Kind() == reflect.Map:
		return "an object"
	}
	return "a text"
}

// short is a name of somebody else's, cut and harmless.
func short(name string) string {
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r == '/' || r == '~' {
			return -1
		}
		return r
	}, name)
	return name[:min(len(name), 64)]
}
