package api

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/nearest"
)

// validate returns all errors in the form of a request, by the description of its operation: of the query, the path,
// the headers and the body. It is the only place that does: huma and the plain handlers decode what has passed. body
// is empty for an operation whose body is not JSON.
func (a *API) validate(r *http.Request, o *huma.Operation, body []byte) []cardinal.FieldError {
	query, fieldErrors := parseQuery(r.URL.RawQuery, o)
	for _, p := range o.Parameters {
		if slices.ContainsFunc(fieldErrors, func(f cardinal.FieldError) bool { return f.Parameter == p.Name }) {
			continue
		}
		if fieldError, ok := a.parameterError(r, query, p); ok {
			fieldErrors = append(fieldErrors, fieldError)
		}
	}
	if len(body) > 0 {
		fieldErrors = append(fieldErrors, a.bodyErrors(o, body)...)
	}
	return fieldErrors
}

// notFilters are the parameters of a list that do not narrow it.
var notFilters = []string{"limit", "after", "sort", "expand", "count"}

// parseQuery returns the parameters of a query, and its errors that do not depend on the type of a parameter: names
// that the operation does not have, names given more than once, and values that cannot be stored.
func parseQuery(raw string, o *huma.Operation) (url.Values, []cardinal.FieldError) {
	if raw == "" {
		return nil, nil
	}
	query, err := url.ParseQuery(raw)
	if err != nil {
		const fix = "Encode the query as application/x-www-form-urlencoded."
		return nil, []cardinal.FieldError{cardinal.ParameterError("query", "parameter_format", fix)}
	}
	var known, repeatable []string
	for _, p := range o.Parameters {
		if p.In == "query" {
			known = append(known, p.Name)
			if p.Explode != nil && *p.Explode {
				repeatable = append(repeatable, p.Name)
			}
		}
	}
	var fieldErrors cardinal.FieldErrors
	for _, name := range slices.Sorted(maps.Keys(query)) {
		values := query[name]
		switch {
		case !slices.Contains(known, name):
			shown := printableName(name)
			fieldErrors.AddParameter(shown, "parameter_unknown", suggestParameter(shown, known))
		case len(values) > 1 && !slices.Contains(repeatable, name):
			fieldErrors.AddParameter(name, "parameter_repeated")
		case slices.ContainsFunc(values, func(v string) bool { return !storable(v) }):
			fieldErrors.AddParameter(name, "parameter_format", useStorable)
		}
	}
	return query, fieldErrors
}

const useStorable = "Use valid UTF-8 without NUL."

// storable reports whether both databases can store a text.
func storable(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

// printableName returns the name of an unknown parameter, or "*" for one that is empty, long or not printable: names
// are an input, too.
func printableName(name string) string {
	if name == "" || len(name) > 64 || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r > '~' }) {
		return "*"
	}
	return name
}

// parameterError returns the error in a parameter, if there is one.
func (a *API) parameterError(r *http.Request, query url.Values, p *huma.Param) (cardinal.FieldError, bool) {
	var value string
	switch p.In {
	case "path":
		if value = r.PathValue(p.Name); !storable(value) {
			return cardinal.ParameterError(p.Name, "parameter_format", useStorable), true
		}
	case "query":
		if value = query.Get(p.Name); value == "" {
			return cardinal.FieldError{}, false
		}
	case "header":
		value = header(r.Header, p.Name)
	}
	if p.In != "header" { // the formats of headers are not those of their schemas
		if fieldError, ok := a.schemaError(p, value, query[p.Name]); ok {
			return fieldError, true
		}
	}
	if check := parameterChecks[p.Name]; check != nil {
		if err := check(value); err != nil {
			return *err, true
		}
	}
	return cardinal.FieldError{}, false
}

// parameterChecks are the checks that a schema cannot express, by the name of the parameter.
var parameterChecks = map[string]func(value string) *cardinal.FieldError{
	"If-Match":   func(value string) *cardinal.FieldError { _, fieldError := parseIfMatch(value); return fieldError },
	"attributes": checkAttributeValues,
}

// header returns the value of a header; several lines are one list (RFC 9110, section 5.3).
func header(h http.Header, name string) string { return strings.Join(h.Values(name), ", ") }

// schemaError returns the error of a parameter that does not fit its schema.
func (a *API) schemaError(p *huma.Param, value string, values []string) (cardinal.FieldError, bool) {
	parsed := any(value)
	switch p.Schema.Type { // what cannot be parsed stays a string, and is then reported as of the wrong type
	case huma.TypeInteger:
		if n, err := strconv.ParseInt(value, 10, 64); err == nil {
			parsed = n
		}
	case huma.TypeBoolean:
		if b, err := strconv.ParseBool(value); err == nil {
			parsed = b
		}
	case huma.TypeArray:
		parsed = values
	}
	found := &huma.ValidateResult{}
	path := huma.NewPathBuffer(nil, 0)
	huma.Validate(a.huma.OpenAPI().Components.Schemas, p.Schema, path, huma.ModeWriteToServer, parsed, found)
	for _, err := range found.Errors {
		code, text := readMessage(detailOf(err).Message)
		return cardinal.ParameterError(p.Name, "parameter_format", cardinal.NewFieldError(code, text).Message), true
	}
	return cardinal.FieldError{}, false
}

// detailOf returns what huma knows of an error.
func detailOf(err error) *huma.ErrorDetail {
	var d huma.ErrorDetailer
	if errors.As(err, &d) {
		return d.ErrorDetail()
	}
	return &huma.ErrorDetail{}
}

// bodyErrors returns the errors of a body that does not fit the schema of the operation.
func (a *API) bodyErrors(o *huma.Operation, body []byte) []cardinal.FieldError {
	var parsed any
	if err := json.Unmarshal(body, &parsed); err != nil {
		// It is valid JSON, so it has a number that no 64-bit float can hold.
		return []cardinal.FieldError{fieldError("", "field_format", "numbers that fit into 64 bits")}
	}
	registry, schema := a.huma.OpenAPI().Components.Schemas, o.RequestBody.Content["application/json"].Schema
	found := &huma.ValidateResult{}
	path := huma.NewPathBuffer([]byte{}, 0)
	huma.Validate(registry, schema, path, huma.ModeWriteToServer, parsed, found)
	var fieldErrors []cardinal.FieldError
	for _, err := range found.Errors {
		d := detailOf(err)
		pointer := pointerOf(d.Location)
		code, value := readMessage(d.Message)
		var e cardinal.FieldError
		switch code {
		case "field_missing":
			e = fieldError(pointer+"/"+value, code)
		case "field_unknown":
			e = fieldError(pointer, code, suggest(lastToken(pointer), fieldsAt(registry, schema, d.Location)))
		default:
			e = fieldError(pointer, code, value)
		}
		// One error for each place and code: huma checks the form of an id twice, for example.
		isSame := func(f cardinal.FieldError) bool { return f.Pointer == e.Pointer && f.Code == code }
		if !slices.ContainsFunc(fieldErrors, isSame) {
			fieldErrors = append(fieldErrors, e)
		}
	}
	return fieldErrors
}

func fieldError(pointer, code string, values ...any) cardinal.FieldError {
	f := cardinal.NewFieldError(code, values...)
	f.Pointer = pointer
	return *f
}

var arrayIndex = regexp.MustCompile(`\[(\d+)\]`)

// pointerOf converts a path of huma (a.b[0].c) to a JSON pointer. Names are an input: one that is long or not
// printable is replaced by "*".
func pointerOf(path string) string {
	if path == "" {
		return ""
	}
	var pointer strings.Builder
	for _, token := range tokensOf(path) {
		isControl := func(r rune) bool { return r < ' ' || r == 0x7f }
		if len(token) > 64 || !utf8.ValidString(token) || strings.ContainsFunc(token, isControl) {
			token = "*"
		}
		pointer.WriteString("/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(token))
	}
	return pointer.String()
}

func tokensOf(path string) []string {
	return strings.Split(strings.TrimPrefix(arrayIndex.ReplaceAllString(path, ".$1"), "."), ".")
}

func lastToken(pointer string) string { return pointer[strings.LastIndexByte(pointer, '/')+1:] }

// fieldsAt returns the names of the known fields of the object that has an unknown field at path.
func fieldsAt(registry huma.Registry, schema *huma.Schema, path string) []string {
	tokens := tokensOf(path)
	for i := 0; schema != nil; i++ {
		if schema.Ref != "" {
			schema = registry.SchemaFromRef(schema.Ref)
		}
		if schema == nil || i == len(tokens)-1 {
			break
		}
		if _, err := strconv.Atoi(tokens[i]); err == nil && schema.Items != nil {
			schema = schema.Items
		} else {
			schema = schema.Properties[tokens[i]]
		}
	}
	if schema == nil {
		return nil
	}
	return slices.Collect(maps.Keys(schema.Properties))
}

// suggest returns a sentence for an unknown name: with the known name that is most similar, or with all known names
// when there are few. It starts with a space, or is empty.
func suggest(name string, known []string) string {
	slices.Sort(known)
	if similar := nearest.To(name, known); similar != "" {
		return " Did you mean " + similar + "?"
	}
	if len(known) == 0 || len(known) > 20 {
		return ""
	}
	return " Known names: " + strings.Join(known, ", ") + "."
}

// suggestParameter does the same for a parameter. For a list it names the filters, without the parameters that all
// lists have.
func suggestParameter(name string, known []string) string {
	isNoFilter := func(name string) bool { return slices.Contains(notFilters, name) }
	filters := slices.DeleteFunc(slices.Clone(known), isNoFilter)
	suggestion := suggest(name, known)
	if slices.Contains(known, "limit") && len(filters) > 0 {
		suggestion, _, _ = strings.Cut(suggestion, " Known names")
		suggestion += " This list has the filters " + strings.Join(filters, ", ") + "."
	}
	return suggestion
}

// rules names, in the metadata of an operation, the function that checks a body by the rules of the operation.
const rules = "rules"

// ruleCheck returns the errors that the rules of an operation find in a body.
type ruleCheck func(context.Context, directory.Desk, []byte) ([]cardinal.FieldError, error)

// withRules adds to an operation the check of its body by its rules. It runs only for a request with errors of form,
// so that the client gets all errors at once; the operation itself checks a request without.
func withRules[B any](o huma.Operation, check func(context.Context, directory.Desk, B) ([]cardinal.FieldError, error),
) huma.Operation {
	var checkBody ruleCheck = func(
		ctx context.Context, desk directory.Desk, body []byte,
	) ([]cardinal.FieldError, error) {
		var in B
		_ = json.Unmarshal(body, &in) // fields of another type stay empty; they have an error already
		return check(ctx, desk, in)
	}
	o.Metadata[rules] = checkBody
	return o
}

// invalid returns the error of a request that has errors of form. It adds those that the rules of the operation find
// in the other fields. When the rules cannot be checked, the request fails: a list of errors is always complete.
func (s requestState) invalid(ctx context.Context, o *huma.Operation, fieldErrors []cardinal.FieldError) error {
	if check, ok := o.Metadata[rules].(ruleCheck); ok {
		more, err := check(ctx, s.desk, s.body)
		if err != nil {
			return err
		}
		for _, m := range more {
			hasPlace := func(f cardinal.FieldError) bool { return f.Pointer != "" && f.Pointer == m.Pointer }
			if !slices.ContainsFunc(fieldErrors, hasPlace) {
				fieldErrors = append(fieldErrors, m)
			}
		}
	}
	return &cardinal.InvalidInput{Errors: fieldErrors}
}
