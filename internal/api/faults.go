package api

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/validation"

	"cardinal"
	"cardinal/internal/nearest"
)

// faultOf retells a fault that huma found in an input: the place as a pointer or a parameter's name, the kind as a code, and
// no value.
func faultOf(ctx huma.Context, d *huma.ErrorDetail) cardinal.Fault {
	place, path, _ := strings.Cut(d.Location, ".")
	if place != "body" {
		if place == "path" || place == "query" || place == "header" {
			return cardinal.ParameterFault(path, "parameter_format", retell(d.Message))
		}
		return *cardinal.NewFault("field_format", "see /openapi.json")
	}
	pointer := pointerOf(path)
	switch message := d.Message; {
	case message == "unexpected property":
		return fieldFault(pointer, "field_unknown", suggest(lastToken(pointer), fieldsAt(ctx, path)))
	case strings.HasPrefix(message, "expected required property "):
		name, _, _ := strings.Cut(strings.TrimPrefix(message, "expected required property "), " ")
		return fieldFault(pointer+"/"+name, "field_missing")
	case strings.HasPrefix(message, "expected length"), strings.HasPrefix(message, "expected array length"):
		return fieldFault(pointer, "field_length", retell(message))
	case strings.HasPrefix(message, "expected string to be"):
		return fieldFault(pointer, "field_format", retell(message))
	case strings.HasPrefix(message, "expected value to be one of"):
		return fieldFault(pointer, "field_choice", retell(message))
	case strings.HasPrefix(message, "expected"):
		return fieldFault(pointer, "field_type", retell(message))
	}
	return fieldFault(pointer, "field_format", "see /openapi.json")
}

func fieldFault(pointer, code string, values ...any) cardinal.Fault {
	f := cardinal.NewFault(code, values...)
	f.Pointer = pointer
	return *f
}

// retell passes on what huma says only where it speaks of the rule; a message that could hold the input is replaced.
func retell(message string) string {
	switch message {
	case validation.MsgExpectedString:
		return "a text"
	case validation.MsgExpectedBoolean:
		return "true or false"
	case validation.MsgExpectedInteger:
		return "a whole number"
	case validation.MsgExpectedNumber:
		return "a number"
	case validation.MsgExpectedArray:
		return "an array"
	case validation.MsgExpectedObject:
		return "an object"
	}
	if rest, ok := strings.CutPrefix(message, "expected "); ok && !strings.Contains(message, "\n") && len(message) < 300 {
		rest, _, _ = strings.Cut(rest, ": ") // what follows is a parser's word, and may quote the input
		return plainly.Replace(rest)
	}
	switch message {
	case "invalid integer":
		return "a whole number"
	case "invalid boolean":
		return "true or false"
	case "required path parameter is missing", "required query parameter is missing", "required header parameter is missing":
		return "this parameter"
	}
	return "a value of the right form"
}

// plainly puts huma's words for a rule into ours.
var plainly = strings.NewReplacer("string to be ", "", "value to be ", "", "array length >= ", "at least so many items: ", "array length <= ", "at most so many items: ",
	"length >= ", "at least so many characters: ", "length <= ", "at most so many characters: ", "number >= ", "a number, at least ", "number <= ", "a number, at most ")

var arrayIndex = regexp.MustCompile(`\[(\d+)\]`)

// pointerOf turns huma's path (a.b[0].c) into a JSON pointer. Names are the client's own: long or odd ones are not repeated.
func pointerOf(path string) string {
	if path == "" {
		return ""
	}
	path = arrayIndex.ReplaceAllString(path, ".$1")
	var pointer strings.Builder
	for token := range strings.SplitSeq(path, ".") {
		if len(token) > 64 || !utf8.ValidString(token) || strings.ContainsFunc(token, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			token = "*"
		}
		pointer.WriteString("/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(token))
	}
	return pointer.String()
}

func lastToken(pointer string) string { return pointer[strings.LastIndexByte(pointer, '/')+1:] }

// fieldsAt lists the fields that are known where an unknown one stands.
func fieldsAt(ctx huma.Context, path string) []string {
	if ctx == nil || ctx.Operation().RequestBody == nil {
		return nil
	}
	var schema *huma.Schema
	for _, media := range ctx.Operation().RequestBody.Content {
		schema = media.Schema
	}
	registry := registryOf(ctx)
	tokens := strings.Split(arrayIndex.ReplaceAllString(path, ".$1"), ".")
	for i := 0; schema != nil; i++ {
		if schema.Ref != "" && registry != nil {
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
	var names []string
	for name := range schema.Properties {
		names = append(names, name)
	}
	return names
}

func registryOf(ctx huma.Context) huma.Registry {
	a, _ := ctx.Context().Value(registryKey{}).(huma.Registry)
	return a
}

type registryKey struct{}

// suggest ends a sentence about a name that nobody knows with the one that was probably meant, or with all when they are few.
func suggest(name string, known []string) string {
	slices.Sort(known)
	if meant := nearest.To(name, known); meant != "" {
		return " Did you mean " + meant + "?"
	}
	if len(known) == 0 || len(known) > 20 {
		return ""
	}
	return " Known here: " + strings.Join(known, ", ") + "."
}
