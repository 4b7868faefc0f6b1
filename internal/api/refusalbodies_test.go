package api_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
)

// field is a field of a body as its schema describes it.
type field struct {
	at       []string
	schema   *huma.Schema
	required bool
	parent   *huma.Schema // the object that has the field; nil for an item of an array
}

func (f field) pointer() string { return "/" + strings.Join(f.at, "/") }

// fieldsOf returns all fields of a schema, with those of its objects.
func (b *refusalTester) fieldsOf(s *huma.Schema, at []string) []field {
	s = b.deref(s)
	var out []field
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		f := field{append(slices.Clone(at), name), b.deref(s.Properties[name]), slices.Contains(s.Required, name), s}
		out = append(out, f)
		switch f.schema.Type {
		case huma.TypeObject:
			out = append(out, b.fieldsOf(f.schema, f.at)...)
		case huma.TypeArray:
			out = append(out, field{append(slices.Clone(f.at), "0"), b.deref(f.schema.Items), true, nil})
		}
	}
	return out
}

func (b *refusalTester) deref(s *huma.Schema) *huma.Schema {
	for s.Ref != "" {
		s = b.api.OpenAPI().Components.Schemas.SchemaFromRef(s.Ref)
	}
	return s
}

// with returns a copy of a body with another value in a field.
func with(body map[string]any, at []string, value any) map[string]any {
	out := maps.Clone(body)
	if out == nil {
		out = map[string]any{}
	}
	switch below := out[at[0]].(type) {
	case map[string]any:
		if len(at) > 1 {
			value = with(below, at[1:], value)
		}
	default:
		if len(at) > 1 {
			if _, err := strconv.Atoi(at[1]); err == nil {
				value = []any{value}
			} else {
				value = with(nil, at[1:], value)
			}
		}
	}
	out[at[0]] = value
	return out
}

func without(body map[string]any, at []string) map[string]any {
	out := maps.Clone(body)
	if len(at) == 1 {
		delete(out, at[0])
	} else if below, ok := out[at[0]].(map[string]any); ok {
		out[at[0]] = without(below, at[1:])
	}
	return out
}

// withRaw returns a body with a raw JSON text as the value of a field.
func withRaw(t *testing.T, body map[string]any, at []string, raw string) string {
	t.Helper()
	const mark = "replaced by the raw text"
	text, err := json.Marshal(with(body, at, mark))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Replace(string(text), strconv.Quote(mark), raw, 1)
}

var (
	wrongTypes = map[string][]any{
		huma.TypeString:  {12.5, true, []any{canary}, map[string]any{canary: canary}},
		huma.TypeInteger: {canary, 1.5, true, []any{1}},
		huma.TypeNumber:  {canary, true},
		huma.TypeBoolean: {canary, 1, "true"},
		huma.TypeArray:   {canary, map[string]any{"0": canary}, 1},
		huma.TypeObject:  {canary, []any{canary}, 7},
	}
	// unstorable are strings that must be refused, not replaced: as JSON escapes, or as bytes that are not UTF-8.
	unstorable = map[string]string{
		"escaped NUL":                          `"` + canary + `\u0000"`,
		"raw NUL":                              "\"" + canary + "\x00\"",
		"lone high surrogate":                  `"` + canary + `\ud800"`,
		"lone low surrogate":                   `"` + canary + `\udc00x"`,
		"reversed pair":                        `"\udc00\ud800"`,
		"high surrogate without a low one":     `"\uD83Dx"`,
		"high surrogate and another escape":    `"\ud83d\u0041"`,
		"lone surrogate after a pair":          `"\ud83d\ude00\ude00"`,
		"invalid UTF-8":                        "\"" + canary + "\xff\"",
		"overlong NUL":                         "\"\xc0\x80\"",
		"encoded surrogate":                    "\"\xed\xa0\x80\"",
		"incomplete character":                 "\"" + canary + "\xe2\x82\"",
		"raw control character":                "\"" + canary + "\n\"",
		"unknown escape":                       `"\x41` + canary + `"`,
		"surrogate after an escaped backslash": `"\\\ud800"`,
	}
)

func (b *refusalTester) bodies(t *testing.T, o *huma.Operation, c call) []refusal {
	var out []refusal
	schema := o.RequestBody.Content["application/json"].Schema
	malformed := func(kind, name, body string) {
		out = append(out, refusal{kind: kind, name: name, body: body, status: 400, code: "body_malformed"})
	}
	bad := func(kind, name string, body any, fieldErrors ...string) {
		out = append(out, refusal{kind: kind, name: name, body: body, status: 422, code: "validation_failed",
			fieldErrors: fieldErrors})
	}
	good, err := json.Marshal(c.body)
	if err != nil {
		t.Fatal(err)
	}
	fields := b.fieldsOf(schema, nil)

	out = append(out, refusal{kind: "body", name: "no body", body: []byte{}, status: 400, code: "body_missing"})
	for name, text := range map[string]string{"white space": "  \n", "half an object": string(good[:len(good)-1]),
		"two texts": string(good) + string(good), "trailing garbage": string(good) + canary,
		"trailing comma": string(good[:len(good)-1]) + ",}", "not JSON": canary,
		"a byte order mark": "\ufeff" + string(good), "a comment": "/* */" + string(good),
		"single quotes":          "{'" + canary + "':1}",
		"nested too deeply":      `{"` + canary + `":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + "}",
		"nested a million times": strings.Repeat("[", 200_000),
		"NaN":                    `{"a":NaN}`, "one closing brace too many": string(good) + "}",
		"a wrong closing bracket":    string(good[:len(good)-1]) + "]",
		"a lone surrogate in a name": `{"\ud800":1,` + string(good[1:]),
		"NUL in a name":              `{"\u0000":1,` + string(good[1:])} {
		malformed("malformed", name, text)
	}
	for name, text := range map[string]string{"null": "null", "an array": "[" + string(good) + "]",
		"a text": `"` + canary + `"`, "a number": "7", "true": "true"} {
		out = append(out, refusal{kind: "not an object", name: "the body is " + name, body: text, status: 422,
			code: "validation_failed"})
	}
	out = append(out, refusal{kind: "large", name: "oversized", body: `{"` + strings.Repeat(canary, 30_000) + `":1}`,
		status: 413, code: "body_too_large"})

	for _, f := range fields {
		place := f.pointer()
		for _, value := range wrongTypes[f.schema.Type] {
			bad("type", fmt.Sprintf("%s: %v", place, value), with(c.body, f.at, value), place+" field_type")
		}
		if f.required {
			if f.schema.Type != "" {
				bad("type", place+": null", with(c.body, f.at, nil), place+" field_type")
			}
			if f.parent != nil {
				bad("missing", place+" is missing", without(c.body, f.at), place+" field_missing")
			}
		}
		switch f.schema.Type {
		case huma.TypeString:
			for name, raw := range unstorable {
				malformed("text", place+": "+name, withRaw(t, c.body, f.at, raw))
			}
			switch {
			case f.schema.MaxLength != nil:
				long := strings.Repeat(canary, *f.schema.MaxLength/len(canary)+1)[:*f.schema.MaxLength+1]
				bad("length", place+": too long", with(c.body, f.at, long), place+" field_length")
				bad("length", place+": too long, in characters of four bytes",
					with(c.body, f.at, strings.Repeat("𝒵", *f.schema.MaxLength+1)), place+" field_length")
			case f.schema.Format == "uuid":
				for name, text := range badIDs("0198c0de-0000-7000-8000-000000000000") {
					bad("form", place+": "+name, with(c.body, f.at, text), place+" field_format")
				}
			case f.schema.Format == "date-time":
				for _, text := range []string{canary, "2026-01-01", "2026-13-45T00:00:00Z", "2026-01-01T00:00:00",
					strings.Repeat(canary, 5)[:45]} {
					bad("form", place+": "+text, with(c.body, f.at, text), place+" field_format")
				}
			case len(f.schema.Enum) > 0:
				bad("form", place+": not a choice", with(c.body, f.at, canary), place+" field_choice")
			case f.parent != nil: // an item of an array is limited by the size of the body
				t.Errorf("%s%s: a string without a maximum length, a format or choices", o.OperationID, place)
			}
		case huma.TypeInteger:
			for _, raw := range []string{"1e400", "9223372036854775808", "-9223372036854775809", "1e30"} {
				out = append(out, refusal{kind: "number", name: place + ": " + raw, body: withRaw(t, c.body, f.at, raw),
					status: 422, code: "validation_failed"})
			}
		case huma.TypeArray:
			if most := f.schema.MaxItems; most != nil {
				bad("length", place+": too many",
					with(c.body, f.at, slices.Repeat([]any{"0198c0de-0000-7000-8000-000000000000"}, *most+1)),
					place+" field_length")
			} else {
				t.Errorf("%s%s: an array without a maximum length", o.OperationID, place)
			}
			if f.schema.MinItems != nil {
				bad("length", place+": none", with(c.body, f.at, []any{}), place+" field_length")
			}
		case huma.TypeObject:
			for name, raw := range unstorable {
				malformed("text", place+"/key: "+name, withRaw(t, c.body, append(slices.Clone(f.at), "key"), raw))
			}
		}
		if f.parent == nil {
			continue
		}
		name := f.at[len(f.at)-1]
		sibling := func(name string) []string { return append(slices.Clone(f.at[:len(f.at)-1]), name) }
		near := sibling(name + "x")
		out = append(out, refusal{kind: "unknown", name: field{at: near}.pointer(), body: with(c.body, near, canary),
			status: 422, code: "validation_failed",
			fieldErrors: []string{field{at: near}.pointer() + " field_unknown"}, says: "Did you mean " + name + "?"})
		cased := sibling(strings.ToUpper(name[:1]) + name[1:])
		bad("unknown", "in another letter case: "+cased[len(cased)-1], with(c.body, cased, canary),
			field{at: cased}.pointer()+" field_unknown")
		if len(f.at) == 1 {
			twice := `{"` + name + `":"` + canary + `","` + name + `":"` + canary + `"}`
			malformed("twice", name+" twice", twice)
			malformed("twice", name+" twice, once escaped",
				`{"`+name+`":1,"\u00`+fmt.Sprintf("%02x", name[0])+name[1:]+`":1}`)
		}
	}
	odd := "zz" + strings.Repeat(canary, 7)
	bad("unknown", "a long unknown name", with(c.body, []string{odd}, 1), "/* field_unknown")
	bad("unknown", "two unknown names", with(with(c.body, []string{"zzqx"}, 1), []string{"zzqy"}, canary),
		"/zzqx field_unknown", "/zzqy field_unknown")
	if len(fields) >= 2 {
		// All errors at once: every field has the wrong type, and one is unknown.
		broken, fieldErrors := map[string]any{"zzqx": canary}, []string{"/zzqx field_unknown"}
		for _, f := range fields {
			if len(f.at) == 1 && f.schema.Type != "" {
				broken[f.at[0]] = wrongTypes[f.schema.Type][0]
				fieldErrors = append(fieldErrors, f.pointer()+" field_type")
			}
		}
		out = append(out, refusal{kind: "", name: "everything at once", body: broken, status: 422,
			code: "validation_failed", fieldErrors: fieldErrors, check: func(t *testing.T, a answer) {
				if len(a.fieldErrors()) != len(fieldErrors) {
					t.Errorf("fieldErrors %q, want %q", a.fieldErrors(), fieldErrors)
				}
			}})
		if has(o, "header", "If-Match") {
			out = append(out, refusal{name: "everything at once, and no version", headers: []string{"If-Match", ""},
				body: broken, status: 422, code: "validation_failed",
				fieldErrors: append(fieldErrors, "If-Match version_required")})
		}
	}
	return out
}
