package password

import (
	_ "embed"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
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

// Error says why a password is refused. It never contains the password.
type Error struct {
	// Code is one of Codes, for programs.
	Code string
	// Message is one sentence for people, in the style of the GOV.UK Design System.
	Message string
}

// Error returns the code and the message.
func (e *Error) Error() string { return e.Code + ": " + e.Message }

// Is reports whether target is an *Error of the same code, so that errors.Is works although password_too_short names a limit.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// The codes of this package's refusals. password_too_long is also package normal's, with the same message.
const (
	CodeTooShort = "password_too_short"
	CodeTooLong  = "password_too_long"
	CodeCommon   = "password_too_common"
)

// Codes lists every code that this package returns, each once.
var Codes = []string{CodeTooShort, CodeTooLong, CodeCommon}

// Check returns an *Error when a new password, in its normal form, has fewer than minRunes characters or more than MaxBytes
// bytes, is one of the commonest in any case of its letters, or repeats one of those or up to four characters.
func Check(password string, minRunes int) error {
	if len(password) > MaxBytes {
		return errTooLong()
	}
	if utf8.RuneCountInString(password) < minRunes {
		return &Error{CodeTooShort, fmt.Sprintf("Password must be %d characters or more", minRunes)}
	}
	if isCommon(fold(password)) {
		return &Error{CodeCommon, "Choose a password that is harder to guess"}
	}
	return nil
}

func errTooLong() error {
	return &Error{CodeTooLong, "Password must be 1,024 bytes or fewer"}
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
