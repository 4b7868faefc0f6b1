package normal

import (
	"strings"

	"golang.org/x/net/idna"
)

// lookup is the mapping of UTS 46 for look-ups, without its hyphen rule: names such as r3---sn.example.com exist.
// domainASCII checks hyphens at the edges and lengths.
var lookup = idna.New(
	idna.MapForLookup(),
	idna.Transitional(false),
	idna.BidiRule(),
	idna.CheckHyphens(false),
)

// domainASCII returns a domain name as lower-case A-labels without the trailing dot, at most 253 bytes.
func domainASCII(s string) (string, bool) {
	ascii, ok := stable(s, lookup.ToASCII)
	if !ok {
		return "", false
	}
	ascii = strings.TrimSuffix(ascii, ".")
	if ascii == "" || len(ascii) > 253 {
		return "", false
	}
	for label := range strings.SplitSeq(ascii, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return "", false
		}
		for i := range len(label) {
			c := label[i]
			if c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'z') {
				return "", false
			}
		}
	}
	return ascii, true
}
