package normal

import "golang.org/x/text/secure/precis"

// MaxPasswordBytes is the longest password, in bytes of its normal form.
const MaxPasswordBytes = 1024

// Password returns the normal form of a password by PRECIS OpaqueString (RFC 8265 section 4.2): NFC, every space as the
// ASCII one, nothing trimmed, case kept. How long or how common a password may be is package password's rule.
func Password(s string) (string, error) {
	if len(s) > maxInput {
		return refuse("password_too_long", MaxPasswordBytes)
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
	if len(s) > MaxPasswordBytes {
		return refuse("password_too_long", MaxPasswordBytes)
	}
	return s, nil
}
