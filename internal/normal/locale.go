package normal

import (
	"strings"

	"golang.org/x/text/language"
)

// MaxLocaleBytes is the longest language tag: RFC 5646 section 4.4.1 asks implementations to take at least 35.
const MaxLocaleBytes = 35

// Locale returns the canonical form of a BCP 47 language tag of known subtags, at most 35 bytes; "und" is allowed.
func Locale(s string) (string, error) {
	s = strings.TrimSpace(s)
	if s == "" || len(s) > 2*MaxLocaleBytes || !wellFormed(s) {
		return refuse("locale_format")
	}
	s, ok := stable(s, func(s string) (string, error) {
		tag, err := language.Parse(s)
		return tag.String(), err
	})
	if !ok || len(s) > MaxLocaleBytes {
		return refuse("locale_format")
	}
	return s, nil
}
