package normal

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode"
)

// maxURLBytes is the longest URL, in bytes of its normal form.
const maxURLBytes = 2048

// AvatarURL returns the normal form of the URL of a picture: an absolute https URL of printable ASCII, at most 2,048
// bytes. Scheme and host are in lower case, the host in A-labels; there is no user information and no default port.
func AvatarURL(s string) (string, error) {
	if len(s) > maxInput {
		return refuse("url_too_long", maxURLBytes)
	}
	s = strings.TrimSpace(s)
	if !wellFormed(s) || strings.ContainsFunc(s, isSpaceOrControl) {
		return refuse("url_format")
	}
	u, err := url.Parse(s)
	// Parse converts the scheme to lower case. Opaque is the form https:path, which has no host.
	if err != nil || u.Scheme != "https" || u.Opaque != "" || u.User != nil {
		return refuse("url_format")
	}
	host, ok := normalHost(u)
	if !ok {
		return refuse("url_format")
	}
	u.Host = host
	s = escapeUnsafe(u.String())
	if len(s) > maxURLBytes {
		return refuse("url_too_long", maxURLBytes)
	}
	return s, nil
}

func isSpaceOrControl(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }

// normalHost returns the host with its port in normal form. The port 443 is omitted.
func normalHost(u *url.URL) (string, bool) {
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

// escapeUnsafe percent-encodes characters that net/url does not encode in a query, so that the URL is safe in HTML
// attributes and logs.
func escapeUnsafe(s string) string {
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
