package normal

// Error says why an input has no normal form. It never contains the input.
type Error struct {
	// Code is one of Codes, for programs.
	Code string
	// Message is one sentence for people, in the style of the GOV.UK Design System: what to do, not what went wrong.
	Message string
}

// Error returns the code and the message.
func (e *Error) Error() string { return e.Code + ": " + e.Message }

// Is reports whether target is an *Error of the same code, so that errors.Is works although text_too_long names a limit.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// The codes of this package's errors.
const (
	CodeEmailFormat     = "email_format"
	CodeEmailTooLong    = "email_too_long"
	CodePhoneFormat     = "phone_format"
	CodeUsernameFormat  = "username_format"
	CodeUsernameTooLong = "username_too_long"
	CodeTextFormat      = "text_format"
	CodeTextTooLong     = "text_too_long"
	CodeTextEmpty       = "text_empty"
	CodePasswordFormat  = "password_format"
	CodePasswordTooLong = "password_too_long"
	CodePasswordEmpty   = "password_empty"
	CodeURLFormat       = "url_format"
	CodeURLTooLong      = "url_too_long"
	CodeLocaleFormat    = "locale_format"
	CodeTimeZoneFormat  = "time_zone_format"
)

// Codes lists every code that this package returns, each once.
var Codes = []string{
	CodeEmailFormat, CodeEmailTooLong,
	CodePhoneFormat,
	CodeUsernameFormat, CodeUsernameTooLong,
	CodeTextFormat, CodeTextTooLong, CodeTextEmpty,
	CodePasswordFormat, CodePasswordTooLong, CodePasswordEmpty,
	CodeURLFormat, CodeURLTooLong,
	CodeLocaleFormat,
	CodeTimeZoneFormat,
}

// refuse exists so that the functions read as rules; a nil *Error must not become a non-nil error.
func refuse(code, message string) (string, error) {
	return "", &Error{Code: code, Message: message}
}
