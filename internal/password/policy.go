package password

import (
	_ "embed"
	"strings"
	"unicode"
	"unicode/utf8"

	"cardinal"
)

// The bounds of a password that a person chooses (NIST SP 800-63B-4 section 3.1.1.2).
const (
	// MaxBytes is the longest password, in bytes of its normal form.
	MaxBytes = 1024
	// MinRunes is the shortest password, in characters, where it is the only step.
	MinRunes = 15
	// MinRunesWithSecondStep is the shortest password, in characters, where a second step is required.
	MinRunesWithSecondStep = 8
)

// Check returns a *cardinal.Fault when a new password, in its normal form, has fewer than minRunes characters or more than MaxBytes
// bytes, is one of the commonest in any case of its letters, or repeats one of those or up to four characters.
func Check(password string, minRunes int) error {
	if len(password) > MaxBytes {
		return errTooLong()
	}
	if utf8.RuneCountInString(password) < minRunes {
		return cardinal.NewFault("password_too_short", minRunes)
	}
	if isCommon(fold(password)) {
		return cardinal.NewFault("password_too_common")
	}
	return nil
}

func errTooLong() error {
	return cardinal.NewFault("password_too_long", MaxBytes)
}

//go:embed common.txt
var commonText string

// common holds the passwords that head the published lists of leaked ones, and those of fifteen characters that people make when
// fifteen are asked for.
var common = func() map[string]bool {
	set := map[string]bool{}
	for line := range strings.Lines(commonText) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			set[fold(line)] = true
		}
	}
	return set
}()

// maxPattern is the longest part, in characters, whose mere repetition counts as common.
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

// fold gives all case variants of a text one form by Unicode's simple case folding, which strings.EqualFold compares by too.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		least := r
		for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
			least = min(least, next)
		}
		return least
	}, s)
}
