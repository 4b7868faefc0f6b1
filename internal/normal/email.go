package normal

import (
	"strings"
	"unicode/utf8"
)

// The longest e-mail address, in bytes of its normal form (RFC 5321 section 4.5.3.1, RFC 3696 erratum 1690).
const (
	MaxEmailBytes      = 254
	MaxEmailLocalBytes = 64
)

// Email returns the normal form of an e-mail address, at most 254 bytes: the local part by PRECIS UsernameCaseMapped
// (RFC 8265 section 3.3), the domain in lower-case A-labels (UTS 46). Quoted local parts, comments, IP literals and
// domains of one label are refused; the one trailing dot of a domain is dropped.
//
// RFC 5321 calls local parts case-sensitive; no provider of note treats them so, and two accounts for Ann@ and ann@
// would be one person's.
func Email(s string) (string, error) {
	if len(s) > maxInput {
		return refuse("email_too_long", MaxEmailBytes)
	}
	if !wellFormed(s) {
		return refuse("email_format")
	}
	local, domain, found := strings.Cut(foldSigns(strings.TrimSpace(s)), "@")
	if !found || strings.Contains(domain, "@") {
		return refuse("email_format")
	}
	local, ok := stable(local, usernameCaseMapped)
	if !ok || !dotAtom(local) {
		return refuse("email_format")
	}
	domain, ok = domainASCII(domain)
	if !ok || !mailDomain(domain) {
		return refuse("email_format")
	}
	if len(local) > MaxEmailLocalBytes || len(local)+1+len(domain) > MaxEmailBytes {
		return refuse("email_too_long", MaxEmailBytes)
	}
	return local + "@" + domain, nil
}

// dotAtom is RFC 5321's Dot-string with RFC 6531's UTF-8 atext: atoms joined by single dots, nothing quoted.
func dotAtom(s string) bool {
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

// mailDomain asks for two labels and a last one that is not a number: 192.0.2.1 is an address, not a domain.
func mailDomain(ascii string) bool {
	i := strings.LastIndexByte(ascii, '.')
	return i > 0 && strings.Trim(ascii[i+1:], "0123456789") != ""
}
