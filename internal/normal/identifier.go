package normal

import "strings"

// The kinds of identifier. The column identifiers.kind has the same values.
const (
	KindEmail    = "email"
	KindPhone    = "phone"
	KindUsername = "username"
)

// Identifier returns the kind and the normal form of the text of a sign-in field. With an @ it is an email address,
// with a leading + or 00 and only digits after that a phone number, else a user name. The kind is also returned
// with an error.
func Identifier(s string) (kind, normal string, err error) {
	kind = kindOf(s)
	switch kind {
	case KindEmail:
		normal, err = Email(s)
	case KindPhone:
		normal, err = Phone(s)
	default:
		normal, err = Username(s)
	}
	return kind, normal, err
}

func kindOf(s string) string {
	if len(s) > maxInput {
		return KindUsername
	}
	s = strings.TrimLeftFunc(foldWidth(s), isSeparator)
	switch {
	case strings.Contains(s, "@"):
		return KindEmail
	case strings.HasPrefix(s, "+"), looksLikePhone(s) && leadingZeros(s) >= 2:
		return KindPhone
	}
	return KindUsername
}

// leadingZeros returns how many zeros, of any script, the digits of s begin with.
func leadingZeros(s string) int {
	n := 0
	for _, r := range s {
		d, isDigit := digit(r)
		switch {
		case isDigit && d != 0:
			return n
		case isDigit:
			n++
		}
	}
	return n
}
