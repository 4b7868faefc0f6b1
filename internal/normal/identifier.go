package normal

import "strings"

// The kinds of identifier, as the column identifiers.kind spells them.
const (
	KindEmail    = "email"
	KindPhone    = "phone"
	KindUsername = "username"
)

// Identifier tells what was typed into a sign-in field and returns its kind and normal form: with an @ it is an e-mail
// address, with a leading + or 00 before nothing but digits a telephone number, else a user name. The kind is returned with
// an error too.
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
	s = strings.TrimLeftFunc(foldSigns(s), isSeparator)
	switch {
	case strings.Contains(s, "@"):
		return KindEmail
	case strings.HasPrefix(s, "+"), looksLikePhone(s) && leadingZeros(s) >= 2:
		return KindPhone
	}
	return KindUsername
}

// leadingZeros counts the zeros, of any script, that the digits of s begin with.
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
