package throttle

import (
	"strings"
	"testing"
)

func TestAddressPrefixes(t *testing.T) {
	for address, want := range map[string]string{
		"192.0.2.7":            "192.0.2.7",
		"::ffff:192.0.2.7":     "192.0.2.7",
		"2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64 2001:db8:1::/56 2001:db8:1::/48",
		"2001:db8:1:203::":     "2001:db8:1:203::/64 2001:db8:1:200::/56 2001:db8:1::/48",
		"":                     "",
		"nonsense":             "",
		"192.0.2.7:80":         "",
	} {
		if got := strings.Join(addressPrefixes(address), " "); got != want {
			t.Errorf("%q is %q, want %q", address, got, want)
		}
	}
}
