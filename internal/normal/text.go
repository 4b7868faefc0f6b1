package normal

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Text returns the normal form of a display name or label: NFC, each run of white space as one space, trimmed, not
// empty, at most maxRunes characters. Allowed are letters, marks, numbers, punctuation and symbols of all scripts, and
// the joiners that scripts and emoji need. Refused are control, private-use and unassigned characters, and bidi
// embeddings, overrides and isolates.
func Text(s string, maxRunes int) (string, error) {
	if len(s) > maxInput {
		return refuse("text_too_long", maxRunes)
	}
	if !wellFormed(s) {
		return refuse("text_format")
	}
	s = norm.NFC.String(strings.Join(strings.Fields(breakHints.Replace(s)), " "))
	visible := false
	previous := rune(0)
	for _, r := range s {
		if !isAllowed(r, previous) {
			return refuse("text_format")
		}
		visible = visible || isVisible(r)
		previous = r
	}
	if !visible {
		return refuse("text_empty")
	}
	if utf8.RuneCountInString(s) > maxRunes {
		return refuse("text_too_long", maxRunes)
	}
	return s, nil
}

// breakHints are invisible characters that only control line breaks. Pasted text often has them.
var breakHints = strings.NewReplacer("\u00AD", "", "\u200B", "", "\u2060", "", "\uFEFF", "")

// isAllowed reports whether a text can have r after previous.
func isAllowed(r, previous rune) bool {
	switch {
	case r == ' ':
		return true
	case r == utf8.RuneError:
		// An earlier decoding has failed.
		return false
	case unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.P, unicode.S):
		return true
	case r == '\u200C', r == '\u200D', r == '\u200E', r == '\u200F', r == '\u061C':
		// Joiners, and the three bidi marks: marks order their neighbours and override nothing.
		return true
	case unicode.Is(unicode.Prepended_Concatenation_Mark, r):
		return true
	case isTag(r):
		// The flags of England, Scotland and Wales are a black flag and tags. In other places tags hide text.
		return previous == '\U0001F3F4' || isTag(previous)
	}
	return false
}

func isTag(r rune) bool { return '\U000E0020' <= r && r <= '\U000E007F' }

// isVisible reports whether r is displayed. Some assigned characters are not, such as U+3164 HANGUL FILLER.
func isVisible(r rune) bool {
	return unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.P, unicode.S) &&
		!unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) && r != '\u2800'
}
