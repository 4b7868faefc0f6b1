package normal

import "golang.org/x/text/secure/precis"

// MaxPasswordBytes is the longest password, in bytes of its normal form.
const MaxPasswordBytes = 1024

// Password returns the normal form of a password by PRECIS OpaqueString (RFC 8265 section 4.2): NFC, every space as the
// ASCII one, nothing trimmed, case kept. How long or how common a password may be is package password's rule.
func Password(s string) (string, error) {
	const format = "Remove the characters from the password that cannot be used, such as control characters"
	const long = "Password must be 1,024 bytes or fewer"
	if len(s) > maxInput {
		return refuse(CodePasswordTooLong, long)
	}
	if s == "" {
		return refuse(CodePasswordEmpty, "Enter a password")
	}
	if !wellFormed(s) {
		return refuse(CodePasswordFormat, format)
	}
	s, ok := stable(s, precis.OpaqueString.String)
	if !ok {
		return refuse(CodePasswordFormat, format)
	}
	if len(s) > MaxPasswordBytes {
		return refuse(CodePasswordTooLong, long)
	}
	return s, nil
}
