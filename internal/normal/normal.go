// Package normal holds the one normal form of identifiers and text: what is stored, indexed and compared is always
// what these functions return, so that two spellings of one address, name or password are the same bytes.
//
// Every function refuses input over 4 KiB, invalid UTF-8 and NUL before it does anything else, returns an *Error when
// it refuses, and is idempotent: f(f(x)) is f(x).
package normal

import (
	"strings"
	"unicode/utf8"
)

// maxInput bounds the work that a stranger's input can cause, in bytes.
const maxInput = 4096

// wellFormed reports whether s is UTF-8 without NUL; PostgreSQL cannot store either.
func wellFormed(s string) bool {
	return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0
}

// stable applies f until its output no longer changes: PRECIS and IDNA rules are not idempotent for every code point.
// It gives up after three further rounds, as RFC 8264 section 7 asks.
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
