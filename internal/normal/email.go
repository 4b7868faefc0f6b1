package normal

import (
	"strings"
	"unicode/utf8"
)

// The longest email address, in bytes of its normal form (RFC 5321 section 4.5.3.1, RFC 3696 erratum 1690).
const (
	maxEmailBytes      = 254
	maxEmailLocalBytes = 64
)

// Email returns the normal form of an email address, at most 254 bytes: the local part by PRECIS UsernameCaseMapped
// (RFC 8265 section 3.3), the domain in lower-case A-labels (UTS 46). Quoted local parts, comments, IP literals and
// domains of one label are refused. One trailing dot of the domain is removed.
//
// In RFC 5321 local parts are case-sensitive. No major provider treats them so, and accounts for Ann@ and ann@ would
// belong to the same person.
func Email(s string) (string, error) {
	if len(s) > maxInput {
		return refuse("email_too_long", maxEmailBytes)
	}
	if !wellFormed(s) {
		return refuse("email_format")
	}
	local, domain, found := strings.Cut(foldWidth(strings.TrimSpace(s)), "@")
	if !found || strings.Contains(domain, "@") {
		return refuse("email_format")
	}
	local, ok := stable(local, usernameCaseMapped)
	if !ok || !isDotString(local) {
		return refuse("email_format")
	}
	domain, ok = domainASCII(domain)
	if !ok || !isEmailDomain(domain) {
		return refuse("email_format")
	}
	if len(local) > maxEmailLocalBytes || len(local)+1+len(domain) > maxEmailBytes {
		return refuse("email_too_long", maxEmailBytes)
	}
	return local + "@" + domain, nil
}

// isDotString reports whether s is a Dot-string of RFC 5321 with the UTF-8 atext of RFC 6531: atoms joined by single
// dots, without quotes.
func isDotString(s string) bool {
	if s == "" || s[0] == '.' || s[len(s)-1] == '.' || strings.Contains(s, "..") {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= utf8.RuneSelf, 'a' <= c && c <= 'z', '0' <= c && c <= '9':
		case strings.IndexByte("!#$%&'*+-/=?^_`{|}~.", c) >= 0:
		default:
			return false
		}
	}
	return true
}

// isEmailDomain reports whether a domain has at least two labels and the last one is not a number: 192.0.2.1 is an IP
// address, not a domain.
func isEmailDomain(ascii string) bool {
	i := strings.LastIndexByte(ascii, '.')
	return i > 0 && strings.Trim(ascii[i+1:], "0123456789") != ""
}
