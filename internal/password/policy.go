package password

import (
	_ "embed"
	"strings"
	"unicode"
	"unicode/utf8"

	"cardinal"
)

// maxBytes is the longest password, in bytes of its normal form. NIST SP 800-63B-4 section 3.1.1.2 requires at least 64
// characters.
const maxBytes = 1024

// Check returns a *cardinal.FieldError when a new password, in its normal form, has fewer than minRunes characters or
// more than 1,024 bytes. It also refuses the most common passwords in any case of their letters, and repetitions of one
// of those or of up to four characters. NIST SP 800-63B-4 section 3.1.1.2 requires at least 15 characters where the
// password is the only factor, and 8 where there is a second one.
func Check(password string, minRunes int) error {
	if len(password) > maxBytes {
		return errTooLong()
	}
	if utf8.RuneCountInString(password) < minRunes {
		return cardinal.NewFieldError("password_too_short", minRunes)
	}
	if isCommon(foldCase(password)) {
		return cardinal.NewFieldError("password_too_common")
	}
	return nil
}

func errTooLong() error {
	return cardinal.NewFieldError("password_too_long", maxBytes)
}

//go:embed common.txt
var commonText string

// common has the first passwords of the published lists of leaked passwords, and those of fifteen characters that users
// choose when fifteen are required.
var common = func() map[string]bool {
	set := map[string]bool{}
	for line := range strings.Lines(commonText) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			set[foldCase(line)] = true
		}
	}
	return set
}()

// maxPattern is the longest part, in characters, that makes a password common by repetition alone.
const maxPattern = 4

func isCommon(folded string) bool {
	if common[folded] {
		return true
	}
	for n := 1; n <= len(folded)/2; n++ {
		part := folded[:n]
		if len(folded)%n == 0 && (common[part] || utf8.RuneCountInString(part) <= maxPattern) &&
			utf8.ValidString(part) && folded == strings.Repeat(part, len(folded)/n) {
			return true
		}
	}
	return false
}

// foldCase maps all case variants of a text to one form by Unicode's simple case folding, which strings.EqualFold also
// uses.
func foldCase(s string) string {
	return strings.Map(func(r rune) rune {
		smallest := r
		for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
			smallest = min(smallest, next)
		}
		return smallest
	}, s)
}
