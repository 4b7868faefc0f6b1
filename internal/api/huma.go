package api

import (
	"errors"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/validation"

	"cardinal"
)

// huma is configured with variables of its packages. They are set here, and nowhere else.
func init() {
	huma.ValidateStrictCasing = true  // otherwise Email and email are both accepted, and one of them is ignored
	huma.DefaultArrayNullable = false // lists are empty, never null
	for _, m := range messages {
		*m.text = m.code + messageSeparator + m.value
	}
	// huma's own answer repeats the invalid input, even a password. A Problem has the place and the code, never the
	// value.
	huma.NewErrorWithContext = func(ctx huma.Context, _ int, _ string, errs ...error) huma.StatusError {
		p := decodingProblem(errs)
		if ctx != nil {
			p.setRequestID(ctx.Context())
		}
		return p
	}
	huma.NewError = func(_ int, _ string, errs ...error) huma.StatusError { return decodingProblem(errs) }
}

// messageSeparator is between the code and the value in a message.
const messageSeparator = "|"

// messages are the texts of huma's validation errors. Each is set to a code of the catalogue and the value of the
// placeholder of that code, so that an error of huma is read back as a code and a value. huma formats some of them
// with an error of a parser, which can contain the input: "%.0s" formats it to nothing.
//
// The codes are those of fields. An error in a parameter has the code parameter_format and the fix of the code given
// here.
var messages = []struct {
	text  *string
	code  string
	value string
}{
	{&validation.MsgUnexpectedProperty, "field_unknown", ""},
	{&validation.MsgExpectedRFC3339DateTime, "field_format", "a date and time of RFC 3339, like 2026-01-31T12:00:00Z"},
	{&validation.MsgExpectedRFC1123DateTime, "field_format", "a date and time of RFC 1123"},
	{&validation.MsgExpectedRFC3339Date, "field_format", "a date of RFC 3339, like 2026-01-31"},
	{&validation.MsgExpectedRFC3339Time, "field_format", "a time of RFC 3339, like 12:00:00"},
	{&validation.MsgExpectedRFC5322Email, "field_format", "an email address%.0s"},
	{&validation.MsgExpectedRFC5890Hostname, "field_format", "a host name"},
	{&validation.MsgExpectedRFC2673IPv4, "field_format", "an IPv4 address"},
	{&validation.MsgExpectedRFC2373IPv6, "field_format", "an IPv6 address"},
	{&validation.MsgExpectedRFCIPAddr, "field_format", "an IP address"},
	{&validation.MsgExpectedRFC3986URI, "field_format", "a URI%.0s"},
	{&validation.MsgExpectedRFC4122UUID, "field_format", "a UUID in its canonical form%.0s"},
	{&validation.MsgExpectedRFC6570URITemplate, "field_format", "a URI template"},
	{&validation.MsgExpectedRFC6901JSONPointer, "field_format", "a JSON pointer"},
	{&validation.MsgExpectedRFC6901RelativeJSONPointer, "field_format", "a relative JSON pointer"},
	{&validation.MsgExpectedRegexp, "field_format", "a regular expression%.0s"},
	{&validation.MsgExpectedMatchAtLeastOneSchema, "field_format", "one of the documented forms"},
	{&validation.MsgExpectedMatchExactlyOneSchema, "field_format", "exactly one of the documented forms"},
	{&validation.MsgExpectedNotMatchSchema, "field_format", "a value without the excluded form"},
	{&validation.MsgExpectedPropertyNameInObject, "field_format", "an object with the field that names its form"},
	{&validation.MsgExpectedBoolean, "field_type", "true or false"},
	{&validation.MsgExpectedDuration, "field_format", "a duration, like 1h30m%.0s"},
	{&validation.MsgExpectedNumber, "field_type", "a number"},
	{&validation.MsgExpectedInteger, "field_type", "a whole number"},
	{&validation.MsgExpectedString, "field_type", "a string"},
	{&validation.MsgExpectedBase64String, "field_format", "base64"},
	{&validation.MsgExpectedArray, "field_type", "an array"},
	{&validation.MsgExpectedObject, "field_type", "an object"},
	{&validation.MsgExpectedArrayItemsUnique, "field_format", "an array without repeated items"},
	{&validation.MsgExpectedOneOf, "field_choice", "%s"},
	{&validation.MsgExpectedMinimumNumber, "field_format", "a number of at least %v"},
	{&validation.MsgExpectedExclusiveMinimumNumber, "field_format", "a number greater than %v"},
	{&validation.MsgExpectedMaximumNumber, "field_format", "a number of at most %v"},
	{&validation.MsgExpectedExclusiveMaximumNumber, "field_format", "a number less than %v"},
	{&validation.MsgExpectedNumberBeMultipleOf, "field_format", "a multiple of %v"},
	{&validation.MsgExpectedMinLength, "field_length", "a text with a minimum length of %d"},
	{&validation.MsgExpectedMaxLength, "field_length", "a text with a maximum length of %d characters"},
	{&validation.MsgExpectedBePattern, "field_format", "%s"},
	{&validation.MsgExpectedMatchPattern, "field_format", "a value that matches %s"},
	{&validation.MsgExpectedMinItems, "field_length", "a list with a minimum length of %d"},
	{&validation.MsgExpectedMaxItems, "field_length", "a list with a maximum length of %d"},
	{&validation.MsgExpectedMinProperties, "field_length", "an object with a minimum number of fields of %d"},
	{&validation.MsgExpectedMaxProperties, "field_length", "an object with a maximum number of fields of %d"},
	{&validation.MsgExpectedRequiredProperty, "field_missing", "%s"},
	{&validation.MsgExpectedDependentRequiredProperty, "field_missing", "%s%.0s"},
}

// readMessage returns the code and the value of a message of huma. A message that is not in the table is not shown,
// because it can contain the input.
func readMessage(message string) (code, value string) {
	code, value, _ = strings.Cut(message, messageSeparator)
	for _, m := range messages {
		if m.code == code {
			return code, value
		}
	}
	return "field_format", undescribedForm
}

// undescribedForm is the value of an error whose cause huma does not name.
const undescribedForm = "the form that /openapi.json describes"

// decodingProblem is the problem of a request that huma could not decode. The request has passed validate, so only
// what a schema cannot express is left, like a number that does not fit into 64 bits.
func decodingProblem(errs []error) *Problem {
	if len(errs) == 0 {
		return NewProblem("internal")
	}
	var fieldErrors []cardinal.FieldError
	for _, err := range errs {
		var fieldError *cardinal.FieldError
		if !errors.As(err, &fieldError) {
			fieldError = cardinal.NewFieldError("field_format", undescribedForm)
			var detail *huma.ErrorDetail // of an empty id in the query, which a schema accepts
			if errors.As(err, &detail) && strings.HasPrefix(detail.Location, "query.") {
				name := strings.TrimPrefix(detail.Location, "query.")
				parameterError := cardinal.ParameterError(name, "parameter_format", "Use "+undescribedForm+".")
				fieldError = &parameterError
			}
		}
		fieldErrors = append(fieldErrors, *fieldError)
	}
	return invalidProblem(fieldErrors)
}
