package normal

import "golang.org/x/text/secure/precis"

// maxPasswordBytes is the longest password, in bytes of its normal form.
const maxPasswordBytes = 1024

// Password returns the normal form of a password by PRECIS OpaqueString (RFC 8265 section 4.2): NFC, every space as the
// ASCII space, no trimming, case unchanged. Package password has the rules for length and common passwords.
func Password(s string) (string, error) {
	if len(s) > maxInput {
		return refuse("password_too_long", maxPasswordBytes)
	}
	if s == "" {
		return refuse("password_empty")
	}
	if !wellFormed(s) {
		return refuse("password_format")
	}
	s, ok := stable(s, precis.OpaqueString.String)
	if !ok {
		return refuse("password_format")
	}
	if len(s) > maxPasswordBytes {
		return refuse("password_too_long", maxPasswordBytes)
	}
	return s, nil
}
