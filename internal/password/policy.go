package password

import (
	"unicode/utf8"

	"cardinal"
)

// maxBytes is the longest password, in bytes of its normal form. NIST SP 800-63B-4 section 3.1.1.2 requires at least 64
// characters.
const maxBytes = 1024

// Check returns a *cardinal.FieldError when a new password, in its normal form, has fewer than minRunes characters or
// more than 1,024 bytes, or is easily guessed: a common one, a word with a year and a sign, a repetition, a sequence,
// or made of own, which is what is known about the user. NIST SP 800-63B-4 section 3.1.1.2 requires at least 15
// characters where the password is the only factor, and 8 where there is a second one; it also requires a list of
// common, expected and compromised values, with words of the context such as the name of the service and of the user.
func Check(password string, minRunes int, own ...string) error {
	if len(password) > maxBytes {
		return errTooLong()
	}
	if utf8.RuneCountInString(password) < minRunes {
		return cardinal.NewFieldError("password_too_short", minRunes)
	}
	if isGuessable(password, minRunes, own) {
		return cardinal.NewFieldError("password_too_common")
	}
	return nil
}

func errTooLong() error {
	return cardinal.NewFieldError("password_too_long", maxBytes)
}
