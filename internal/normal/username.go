package normal

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/secure/bidirule"
	"golang.org/x/text/secure/precis"
	"golang.org/x/text/unicode/bidi"
)

// The length of a user name, in characters (runes) of its normal form.
const (
	MinUsernameRunes = 2
	MaxUsernameRunes = 64
)

// Username returns the normal form of a user name, 2 to 64 characters by PRECIS UsernameCaseMapped with its bidi rule
// (RFC 8265 section 3.3). Names with an @ or white space, and those that could be meant as telephone numbers, are
// refused, so that no identifier can be read as two kinds.
func Username(s string) (string, error) {
	if len(s) > maxInput {
		return refuse("username_too_long", MaxUsernameRunes)
	}
	if !wellFormed(s) {
		return refuse("username_format")
	}
	name, ok := stable(strings.TrimSpace(s), usernameCaseMapped)
	if !ok || strings.Contains(name, "@") || looksLikePhone(name) {
		return refuse("username_format")
	}
	switch n := utf8.RuneCountInString(name); {
	case n < MinUsernameRunes:
		return refuse("username_format")
	case n > MaxUsernameRunes:
		return refuse("username_too_long", MaxUsernameRunes)
	}
	return name, nil
}

// caseMapped is precis.UsernameCaseMapped without its bidi rule, which x/text applies to every string that is not ASCII:
// it would refuse 1é, while RFC 8265 section 3.3.2 asks for the rule only where something is written right to left.
var caseMapped = precis.NewIdentifier(precis.FoldWidth, precis.LowerCase())

func usernameCaseMapped(s string) (string, error) {
	s, err := caseMapped.String(s)
	if err == nil && bidirule.DirectionString(s) == bidi.RightToLeft && !bidirule.ValidString(s) {
		err = bidirule.ErrInvalid
	}
	// Lower case alone keeps the two small sigmas apart, and Γιώργος typed in capitals would be somebody else.
	return strings.ReplaceAll(s, "ς", "σ"), err
}
