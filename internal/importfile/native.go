package importfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"cardinal"
)

// parseNative parses a row of Cardinal's own format. A row that cannot be decoded as a whole is decoded member by
// member, so that all its errors are found.
func parseNative(row *Row) {
	decoder := json.NewDecoder(bytes.NewReader(row.raw))
	decoder.DisallowUnknownFields()
	if decoder.Decode(&row.Person) == nil && !decoder.More() {
		return
	}
	row.Person = cardinal.ImportRow{}
	members := row.members()
	target := reflect.ValueOf(&row.Person).Elem()
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if name == problemsField {
			continue
		}
		field, ok := nativeFields[name]
		if !ok {
			row.Errors.Add("/"+safeName(name), "field_unknown", "")
			continue
		}
		member := json.NewDecoder(bytes.NewReader(members[name]))
		member.DisallowUnknownFields()
		if err := member.Decode(target.Field(field).Addr().Interface()); err != nil {
			target.Field(field).SetZero()
			row.Errors.Add("/"+name, "field_type", describeType(target.Type().Field(field).Type))
		}
	}
}

// members parses a row as an object. It adds an error with the place to an invalid row.
func (row *Row) members() map[string]json.RawMessage {
	var members map[string]json.RawMessage
	err := json.Unmarshal(row.raw, &members)
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax):
		row.Errors.Add("", "row_malformed", "write one JSON object; this one has a syn"+
			"tax error at column "+strconv.FormatInt(syntax.Offset, 10))
	case errors.Is(err, io.ErrUnexpectedEOF):
		row.Errors.Add("", "row_malformed", "write one JSON object; this one is not complete")
	case err != nil:
		row.Errors.Add("", "row_malformed", "write one JSON object")
	}
	return members
}

// nativeFields has the indexes of the fields of an ImportRow by their JSON names.
var nativeFields = func() map[string]int {
	fields := map[string]int{}
	of := reflect.TypeFor[cardinal.ImportRow]()
	for i := range of.NumField() {
		fields[jsonName(of.Field(i))] = i
	}
	return fields
}()

// jsonName returns the name of a field in JSON.
func jsonName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}

// describeType returns the expected type of a field for the message of an error.
func describeType(t reflect.Type) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t.Name() == "UUID":
		return "a UUID"
	case t.Name() == "Time":
		return wantTime
	case t.Kind() == reflect.Bool:
		return wantBool
	case t.Kind() == reflect.Slice:
		return "a list of objects"
	case t.Kind() == reflect.Map:
		return "an object"
	}
	return "a string"
}

// safeName returns a name from the file without control characters and the special characters of JSON pointers, limited
// to 64 bytes.
func safeName(name string) string {
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r == '/' || r == '~' {
			return -1
		}
		return r
	}, name)
	return name[:min(len(name), 64)]
}
