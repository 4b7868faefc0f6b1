package server

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"cardinal"
)

// requestID returns the Request-Id of the caller when it is a UUID in the form of RFC 9562, and a new one otherwise.
// The text is the value of the header.
func requestID(h http.Header) (uuid.UUID, []string) {
	if given := h["Request-Id"]; len(given) == 1 && len(given[0]) == 36 {
		if id, err := uuid.Parse(given[0]); err == nil && id != uuid.Nil && strings.ToLower(given[0]) == given[0] {
			return id, given[:1:1]
		}
	}
	id := cardinal.NewID()
	return id, []string{id.String()}
}

// singleHeaders decide who asks, and for what. Each can be sent once.
var singleHeaders = []string{"Authorization", "Content-Encoding", "Content-Type", "Idempotency-Key"}

// repeatedHeader returns the name of a header that is sent more than once, and must not be; "" for none.
func repeatedHeader(h http.Header) string {
	for _, name := range singleHeaders {
		if len(h[name]) > 1 {
			return name
		}
	}
	return ""
}

// traceID returns the trace id of a W3C traceparent header, or "" without a valid one.
func traceID(header []string) string {
	if len(header) != 1 {
		return ""
	}
	// version - trace id - parent id - flags; later versions can add parts (Trace Context, section 3.2.4).
	version, rest, _ := strings.Cut(header[0], "-")
	trace, rest, _ := strings.Cut(rest, "-")
	parent, flags, _ := strings.Cut(rest, "-")
	if version == "00" && len(flags) != 2 || len(flags) < 2 || len(flags) > 2 && flags[2] != '-' || version == "ff" {
		return ""
	}
	if !isHex(version, 2) || !isHex(trace, 32) || !isHex(parent, 16) || !isHex(flags[:2], 2) ||
		strings.Trim(trace, "0") == "" || strings.Trim(parent, "0") == "" {
		return ""
	}
	return trace
}

func isHex(s string, length int) bool {
	return len(s) == length && strings.Trim(s, "0123456789abcdef") == ""
}

// clientAddress returns the address of the client. Without trusted proxies it is the address of the connection. Each
// proxy appends the address that it saw to X-Forwarded-For, so the list is read from the right: the first address
// that is not a trusted proxy is the client, and the entries left of it are not reliable. An invalid entry ends the
// search at the proxy that appended it. The result is "" for a connection without an IP address.
func clientAddress(remote string, forwarded []string, trusted []netip.Prefix) string {
	client, ok := parseAddress(remote)
	if !ok {
		return ""
	}
	for i := len(forwarded) - 1; i >= 0; i-- {
		for list, more := forwarded[i], true; more; {
			if !isTrusted(client, trusted) {
				return client.String()
			}
			var entry string
			comma := strings.LastIndexByte(list, ',')
			entry, list, more = list[comma+1:], list[:max(comma, 0)], comma >= 0
			next, ok := parseAddress(strings.TrimSpace(entry))
			if !ok {
				return client.String()
			}
			client = next
		}
	}
	return client.String()
}

func isTrusted(a netip.Addr, trusted []netip.Prefix) bool {
	return slices.ContainsFunc(trusted, func(p netip.Prefix) bool { return p.Contains(a) })
}

// parseAddress reads an IP address with or without a port. It converts an IPv4-mapped IPv6 address to IPv4, and
// removes a zone.
func parseAddress(s string) (netip.Addr, bool) {
	if with, err := netip.ParseAddrPort(s); err == nil {
		return with.Addr().Unmap().WithZone(""), true
	}
	a, err := netip.ParseAddr(s)
	return a.Unmap().WithZone(""), err == nil
}

const maxUserAgent = 400 // bytes

// userAgent returns the User-Agent in the form that can be stored: at most 400 bytes of valid UTF-8 without NUL.
func userAgent(h http.Header) string {
	given := h["User-Agent"]
	if len(given) == 0 {
		return ""
	}
	agent := given[0]
	if len(agent) > maxUserAgent {
		cut := maxUserAgent
		for cut > maxUserAgent-utf8.UTFMax && !utf8.RuneStart(agent[cut]) {
			cut--
		}
		agent = agent[:cut]
	}
	return strings.ReplaceAll(strings.ToValidUTF8(agent, "?"), "\x00", "")
}
