package normal

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode"
)

// MaxURLBytes is the longest URL, in bytes of its normal form.
const MaxURLBytes = 2048

// AvatarURL returns the normal form of the address of a picture: an absolute https URL of printable ASCII, at most 2,048
// bytes, scheme and host in lower case, the host in A-labels, without user information and without the default port.
func AvatarURL(s string) (string, error) {
	if len(s) > maxInput {
		return refuse("url_too_long", MaxURLBytes)
	}
	s = strings.TrimSpace(s)
	if !wellFormed(s) || strings.ContainsFunc(s, spaceOrControl) {
		return refuse("url_format")
	}
	u, err := url.Parse(s)
	// Parse lowers the scheme. Opaque is https:path, which has no host either.
	if err != nil || u.Scheme != "https" || u.Opaque != "" || u.User != nil {
		return refuse("url_format")
	}
	host, ok := urlHost(u)
	if !ok {
		return refuse("url_format")
	}
	u.Host = host
	s = escapeRest(u.String())
	if len(s) > MaxURLBytes {
		return refuse("url_too_long", MaxURLBytes)
	}
	return s, nil
}

func spaceOrControl(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }

func urlHost(u *url.URL) (string, bool) {
	name, port := u.Hostname(), u.Port()
	if strings.HasPrefix(u.Host, "[") {
		addr, err := netip.ParseAddr(name)
		if err != nil || !addr.Is6() || addr.Zone() != "" {
			return "", false
		}
		name = "[" + addr.String() + "]"
	} else {
		var ok bool
		if name, ok = domainASCII(name); !ok {
			return "", false
		}
	}
	if port == "" {
		return name, true
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return "", false
	}
	if n == 443 {
		return name, true
	}
	return name + ":" + strconv.FormatUint(n, 10), true
}

// escapeRest percent-encodes what net/url leaves as it came in a query, so that the URL is safe in any attribute or log.
func escapeRest(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c <= ' ' || c >= 0x7F || strings.IndexByte("\"'<>\\^`{|}", c) >= 0 {
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}
