package server

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzClientAddress: for any header, the result is an address in canonical form. Without a trusted proxy it is the
// address of the connection.
func FuzzClientAddress(f *testing.F) {
	for _, header := range []string{"", "203.0.113.7", "203.0.113.7, 10.0.0.1", " ,", "[2001:db8::1]:443",
		"fe80::1%eth0", "::ffff:203.0.113.7", "unknown", "10.0.0.1,10.0.0.2,10.0.0.3", "1.2.3.4:99999", "\x00",
		"１.2.3.4"} {
		f.Add("10.0.0.1:443", header)
		f.Add("203.0.113.9:1", header)
	}
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	f.Fuzz(func(t *testing.T, remote, header string) {
		lines := strings.Split(header, "\n")
		for _, got := range []string{clientAddress(remote, lines, trusted), clientAddress(remote, lines, nil)} {
			if got == "" {
				continue
			}
			if a, err := netip.ParseAddr(got); err != nil || a.String() != got || a.Zone() != "" || a.Is4In6() {
				t.Fatalf("remote %q, header %q: %q", remote, header, got)
			}
		}
		if alone := clientAddress(remote, nil, nil); clientAddress(remote, lines, nil) != alone {
			t.Fatalf("remote %q, header %q: X-Forwarded-For is used without a trusted proxy", remote, header)
		}
	})
}

// FuzzRequestHeaders: what is used from the headers of a request can be logged and stored.
func FuzzRequestHeaders(f *testing.F) {
	for _, text := range []string{"", "0198c0de-0000-7000-8000-000000000000", "0198C0DE-0000-7000-8000-000000000000",
		"{0198c0de-0000-7000-8000-000000000000}", "00000000-0000-0000-0000-000000000000",
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
		"ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
		"01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
		"curl/8", "a\x00b", "\xff", strings.Repeat("é", 300)} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		id, header := requestID(http.Header{"Request-Id": {text}})
		if len(header) != 1 || header[0] != id.String() {
			t.Fatalf("Request-Id %q: id %s, header %q", text, id, header)
		}
		if trace := traceID([]string{text}); trace != "" && !isHex(trace, 32) {
			t.Fatalf("traceparent %q: %q", text, trace)
		}
		if agent := userAgent(http.Header{"User-Agent": {text}}); len(agent) > maxUserAgent ||
			!utf8.ValidString(agent) || strings.ContainsRune(agent, 0) {
			t.Fatalf("User-Agent %q: %q", text, agent)
		}
	})
}
