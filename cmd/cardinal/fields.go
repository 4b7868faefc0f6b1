package main

import (
	"bytes"
	"encoding"
	"encoding/json"
	"reflect"
	"slices"
	"strings"

	"cardinal/internal/nearest"
)

var textMarshaler = reflect.TypeFor[encoding.TextMarshaler]()

// fieldsOf lists the JSON fields of a type; those of nested structs are joined by dots.
func fieldsOf(t reflect.Type) []string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || t.Implements(textMarshaler) {
		return nil
	}
	var names []string
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous && name == "" {
			names = append(names, fieldsOf(f.Type)...)
			continue
		}
		if name == "-" || !f.IsExported() {
			continue
		}
		names = append(names, name)
		for _, sub := range fieldsOf(f.Type) {
			names = append(names, name+"."+sub)
		}
	}
	return names
}

// checkFields returns an error for the first field that t does not have; it names the nearest one.
func checkFields(t reflect.Type, requested []string) error {
	available := fieldsOf(t)
	for _, name := range requested {
		if slices.Contains(available, name) {
			continue
		}
		// Fields without a fixed structure (preferences, changes) can have any subfield.
		parent, _, nested := strings.Cut(name, ".")
		if nested && slices.Contains(available, parent) && !hasSubfield(available, parent) {
			continue
		}
		if meant := nearest.To(name, available); meant != "" {
			return usageError("", "unknown field %q. Did you mean %q?", name, meant)
		}
		return usageError("The fields are "+strings.Join(available, ", ")+".", "unknown field %q", name)
	}
	return nil
}

func hasSubfield(known []string, parent string) bool {
	return slices.ContainsFunc(known, func(k string) bool { return strings.HasPrefix(k, parent+".") })
}

// encodeJSON encodes v as JSON without escaping for HTML.
func encodeJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(v)
	return bytes.TrimSpace(b.Bytes()), err
}

// toObject encodes v as JSON and decodes it again, so that its fields can be read by name.
func toObject(v any) (map[string]any, error) {
	text, err := encodeJSON(v)
	if err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var o map[string]any
	err = decoder.Decode(&o)
	return o, err
}

// fieldValue returns a field by its dotted name; nil when it is absent.
func fieldValue(o map[string]any, name string) any {
	if v, ok := o[name]; ok {
		return v
	}
	first, rest, nested := strings.Cut(name, ".")
	inner, ok := o[first].(map[string]any)
	if !nested || !ok {
		return nil
	}
	return fieldValue(inner, rest)
}

// displayText returns a field as text for people. "(unreadable)" is a value that cannot be decrypted; in CSV it is
// empty, and the field unreadable names it.
func displayText(o map[string]any, name string, csv bool) string {
	text := cellText(fieldValue(o, name), csv)
	parent, field := "", name
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		parent, field = name[:i+1], name[i+1:]
	}
	unreadable, _ := fieldValue(o, parent+"unreadable").([]any)
	if !csv && slices.Contains(unreadable, any(field)) {
		return "(unreadable)"
	}
	return text
}

// selectFields encodes some fields of an object as JSON, in the given order.
func selectFields(o map[string]any, fields []string) (json.RawMessage, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, name := range fields {
		if i > 0 {
			b.WriteByte(',')
		}
		key, err := encodeJSON(name)
		if err != nil {
			return nil, err
		}
		value, err := encodeJSON(fieldValue(o, name))
		if err != nil {
			return nil, err
		}
		b.Write(key)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}
