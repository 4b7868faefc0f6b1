// Package normal converts identifiers and text to their normal form (canonicalization). Only normal forms are stored,
// indexed and compared, so that two spellings of one address, name or password are the same bytes.
//
// Every function refuses input over 4 KiB, invalid UTF-8 and NUL first, returns a *cardinal.FieldError for invalid
// input, and is idempotent: f(f(x)) is f(x).
package normal

import (
	"strings"
	"unicode/utf8"
)

// maxInput is the longest input, in bytes. It limits the work that an anonymous caller can cause.
const maxInput = 4096

// wellFormed reports whether s is valid UTF-8 without NUL. PostgreSQL cannot store other text.
func wellFormed(s string) bool {
	return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0
}

// stable applies f until its output no longer changes: PRECIS and IDNA rules are not idempotent for every code point.
// It stops after three more rounds, as RFC 8264 section 7 requires.
func stable(s string, f func(string) (string, error)) (string, bool) {
	for range 4 {
		out, err := f(s)
		if err != nil {
			return "", false
		}
		if out == s {
			return s, true
		}
		s = out
	}
	return "", false
}
