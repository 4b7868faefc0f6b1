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
	minUsernameRunes = 2
	maxUsernameRunes = 64
)

// Username returns the normal form of a user name, 2 to 64 characters by PRECIS UsernameCaseMapped with its bidi rule
// (RFC 8265 section 3.3). Names with an @ or white space and names that could be phone numbers are refused, so that
// each identifier has one kind.
func Username(s string) (string, error) {
	if len(s) > maxInput {
		return refuse("username_too_long", maxUsernameRunes)
	}
	if !wellFormed(s) {
		return refuse("username_format")
	}
	name, ok := stable(strings.TrimSpace(s), usernameCaseMapped)
	if !ok || strings.Contains(name, "@") || looksLikePhone(name) {
		return refuse("username_format")
	}
	switch n := utf8.RuneCountInString(name); {
	case n < minUsernameRunes:
		return refuse("username_format")
	case n > maxUsernameRunes:
		return refuse("username_too_long", maxUsernameRunes)
	}
	return name, nil
}

// caseMapped is precis.UsernameCaseMapped without its bidi rule. x/text applies that rule to every string that is not
// ASCII and so refuses 1é. RFC 8265 section 3.3.2 requires the rule only for strings with right-to-left characters.
var caseMapped = precis.NewIdentifier(precis.FoldWidth, precis.LowerCase())

func usernameCaseMapped(s string) (string, error) {
	s, err := caseMapped.String(s)
	if err == nil && bidirule.DirectionString(s) == bidi.RightToLeft && !bidirule.ValidString(s) {
		err = bidirule.ErrInvalid
	}
	// Lower case has two small sigmas: without this, Γιώργος and its form in capitals would be two users.
	return strings.ReplaceAll(s, "ς", "σ"), err
}
