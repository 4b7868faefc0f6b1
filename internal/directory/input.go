package directory

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"cardinal"
	"cardinal/internal/normal"
	"cardinal/internal/password"
	"cardinal/internal/store"
)

// maxDocumentBytes is the maximum size of preferences and attributes as JSON. PostgreSQL writes JSON with spaces, so
// its CHECK constraint allows twice as much.
const maxDocumentBytes = 8192

// maxDocumentDepth is the maximum nesting depth of preferences and attributes.
const maxDocumentDepth = 8

// Input checks the input of a caller. It collects all errors, and its methods return the normal form of the values.
type Input struct{ cardinal.FieldErrors }

// Text returns the normal form of an optional text.
func (in *Input) Text(pointer, value string, normalize func(string) (string, error)) string {
	if value == "" {
		return ""
	}
	out, err := normalize(value)
	in.AddError(pointer, err)
	return out
}

// NormalizeDisplayName returns the normal form of a display name.
func NormalizeDisplayName(s string) (string, error) { return normal.Text(s, 200) }

// Description returns the normal form of a required description. It is stored unencrypted.
func (in *Input) Description(pointer, value string) string {
	out, err := normal.Text(value, 1000)
	in.AddError(pointer, err)
	return out
}

// contactNormalizers return the normal form of a contact's value, by kind. The blind index, and with it the rule that
// identifiers are unique, uses the normal form. A new row of the table contact_kinds needs one here: a directory with
// an unknown kind does not open.
var contactNormalizers = map[string]func(string) (string, error){
	normal.KindEmail: normal.Email,
	normal.KindPhone: normal.Phone,
}

// Contact returns the normal form of a contact's value.
func (in *Input) Contact(pointer, kind, value string) string {
	normalize, ok := contactNormalizers[kind]
	if !ok {
		in.Add(pointer, "contact_kind_unknown", strings.Join(slices.Sorted(maps.Keys(contactNormalizers)), ", "))
		return ""
	}
	out, err := normalize(value)
	in.AddError(pointer, err)
	return out
}

// AsTyped returns the form of an identifier that is stored to be shown: the typed text, or the normal form when the
// typed text has more than maxBytes.
func AsTyped(typed, normal string, maxBytes int) string {
	if typed = strings.TrimSpace(typed); len(typed) <= maxBytes {
		return typed
	}
	return normal
}

// The maximum bytes of a typed identifier: the limit of the column, without the 29 bytes that encryption adds.
const (
	MaxTypedUsername = 320 - 29
	MaxTypedContact  = 512 - 29
)

// NewPassword checks a new password. own is what is known about the user.
func (in *Input) NewPassword(pointer string, secret cardinal.Secret, s Settings, own ...string) {
	text, err := normal.Password(secret.Reveal())
	if err == nil {
		err = password.Check(text, s.PasswordMinLength, own...)
	}
	in.AddError(pointer, err)
}

// Document checks preferences or attributes: an object of bounded size and depth whose texts both databases can store.
func (in *Input) Document(pointer string, doc map[string]any) {
	if doc == nil {
		return
	}
	if !isStorable(doc, maxDocumentDepth) {
		in.Add(pointer, "document_format", maxDocumentDepth)
		return
	}
	if b, err := json.Marshal(doc); err != nil || len(b) > maxDocumentBytes {
		in.Add(pointer, "document_too_long", maxDocumentBytes)
	}
}

// isStorable reports whether a JSON value is nested at most depth levels deep and has no text with invalid UTF-8 or a
// zero character.
func isStorable(v any, depth int) bool {
	text := func(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }
	switch v := v.(type) {
	case string:
		return text(v)
	case map[string]any:
		for key, item := range v {
			if depth == 0 || !text(key) || !isStorable(item, depth-1) {
				return false
			}
		}
	case []any:
		return depth > 0 && !slices.ContainsFunc(v, func(item any) bool { return !isStorable(item, depth-1) })
	}
	return true
}

// attributes checks custom attributes against their definitions.
func (in *Input) attributes(ctx context.Context, r store.Reader, pointer string, doc map[string]any) error {
	if len(doc) == 0 {
		return nil
	}
	in.Document(pointer, doc)
	definitions, err := r.AllAttributeDefinitions(ctx)
	if err != nil {
		return err
	}
	types := map[string]string{}
	for _, d := range definitions {
		types[d.Name] = d.ValueType
	}
	for _, name := range slices.Sorted(maps.Keys(doc)) {
		value := doc[name]
		at := pointer + "/" + PointerToken(name)
		switch want, known := types[name]; {
		case value == nil: // removes the value, also when its declaration was deleted
		case !known:
			in.Add(at, "attribute_unknown")
		case want != JSONType(value):
			in.Add(at, "attribute_type", want)
		}
	}
	return nil
}

// PointerToken escapes a name for a JSON pointer (RFC 6901). A name that is too long or not printable is replaced by
// "*".
func PointerToken(name string) string {
	if len(name) > 64 || !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' }) {
		return "*"
	}
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
}

// JSONType returns the type of a JSON value, as attribute_definitions names it.
func JSONType(v any) string {
	switch v.(type) {
	case string:
		return "string"
	case float64, int, int64:
		return "number"
	case bool:
		return "boolean"
	}
	return "other"
}
