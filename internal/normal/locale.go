package normal

import (
	"strings"

	"golang.org/x/text/language"
)

// maxLocaleBytes is the longest language tag: RFC 5646 section 4.4.1 requires implementations to allow at least 35
// bytes.
const maxLocaleBytes = 35

// Locale returns the canonical form of a BCP 47 language tag of known subtags, at most 35 bytes; "und" is allowed.
func Locale(s string) (string, error) {
	s = strings.TrimSpace(s)
	if s == "" || len(s) > 2*maxLocaleBytes || !wellFormed(s) {
		return refuse("locale_format")
	}
	s, ok := stable(s, func(s string) (string, error) {
		tag, err := language.Parse(s)
		return tag.String(), err
	})
	if !ok || len(s) > maxLocaleBytes {
		return refuse("locale_format")
	}
	return s, nil
}
