package throttle

import (
	"encoding/hex"
	"net/netip"
)

// addressLimits are the prefixes that an address counts for, and the multiple of the limit that each has. One
// subscriber usually has a /64 or a /56; a /48 is a site, or a few subscribers (RFC 6177).
var addressLimits = []struct {
	bits     int
	multiple int64
}{{64, 1}, {56, 2}, {48, 4}}

// addressCounters returns the counters of an address: one for IPv4, three for IPv6; none for an invalid address.
func (t *Throttle) addressCounters(what, address string, limits Limits) []counter {
	var counters []counter
	for i, prefix := range addressPrefixes(address) {
		limit := limits.FailuresPerAddress * addressLimits[i].multiple
		counters = append(counters, t.perWindow(limit, limits.Window, what+" address", []byte(prefix)))
	}
	return counters
}

// addressPrefixes returns an IPv4 address, or the prefixes of an IPv6 address, the longest first.
func addressPrefixes(address string) []string {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return nil
	}
	if a = a.Unmap(); a.Is4() {
		return []string{a.String()}
	}
	var prefixes []string
	for _, limit := range addressLimits {
		prefix, err := a.Prefix(limit.bits)
		if err != nil {
			return nil
		}
		prefixes = append(prefixes, prefix.String())
	}
	return prefixes
}

// PrefixHash returns a keyed hash of the prefix that one subscriber usually has, as text; "" for an invalid address. It
// says which attempts came from one place, and not from which.
func (t *Throttle) PrefixHash(address string) string {
	prefixes := addressPrefixes(address)
	if len(prefixes) == 0 {
		return ""
	}
	hash := t.key.MAC("prefix in the audit log", []byte(prefixes[0]))
	return hex.EncodeToString(hash[:8])
}
