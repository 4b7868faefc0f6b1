package server

import (
	"context"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"cardinal"
)

func TestRequestID(t *testing.T) {
	seen := make(chan uuid.UUID, 1)
	s := start(t, http.HandlerFunc(noContent), func(o *Options, _ *limits) {
		o.Annotate = func(ctx context.Context, id uuid.UUID, _ cardinal.Client) context.Context {
			seen <- id
			return ctx
		}
	})
	const v4, v7 = "8c6c1a3e-4a29-4f0e-9d55-0f4a1d5b7e21", "0198c0de-0000-7000-8000-00000000000a"
	tests := []struct {
		name  string
		given []string
		taken bool
	}{
		{"None", nil, false},
		{"V7", []string{v7}, true},
		{"V4", []string{v4}, true},
		{"UpperCase", []string{strings.ToUpper(v4)}, false},
		{"Braces", []string{"{" + v4 + "}"}, false},
		{"NoDashes", []string{strings.ReplaceAll(v4, "-", "")}, false},
		{"Nil", []string{uuid.Nil.String()}, false},
		{"Two", []string{v4, v7}, false},
		{"Invalid", []string{"zc6c1a3e-4a29-4f0e-9d55-0f4a1d5b7e21"}, false},
		{"Script", []string{"<script>alert(1)</script>0000000000-"}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var headers []string
			for _, id := range test.given {
				headers = append(headers, "Request-Id", id)
			}
			answer, _ := do(t, "GET", s.url+"/v1/session", "", headers...)
			got, err := uuid.Parse(answer.Header.Get("Request-Id"))
			if err != nil {
				t.Fatal(err)
			}
			if id := <-seen; id != got {
				t.Errorf("the API got %s, the caller %s", id, got)
			}
			if test.taken != (len(test.given) > 0 && got.String() == test.given[0]) {
				t.Errorf("the response has %s", got)
			}
			if !test.taken && (got.Version() != 7 || time.Since(cardinal.TimeOf(got)).Abs() > time.Minute) {
				t.Errorf("the new id %s is not a UUIDv7 of the current time", got)
			}
		})
	}
}

func TestClientAddress(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8:aaaa::/48"),
		netip.MustParsePrefix("127.0.0.1/32")}
	tests := []struct {
		name, remote string
		forwarded    []string
		want         string
	}{
		{"Direct", "192.0.2.1:1234", nil, "192.0.2.1"},
		{"DirectIPv6", "[2001:db8::1]:1234", nil, "2001:db8::1"},
		{"MappedIPv4", "[::ffff:192.0.2.1]:1234", nil, "192.0.2.1"},
		{"Zone", "[fe80::1%eth0]:1234", nil, "fe80::1"},
		{"UntrustedSender", "192.0.2.1:1234", []string{"198.51.100.7"}, "192.0.2.1"},
		{"OneProxy", "10.0.0.1:1234", []string{"198.51.100.7"}, "198.51.100.7"},
		{"ProxyWithoutHeader", "10.0.0.1:1234", nil, "10.0.0.1"},
		{"ClientSendsHeader", "10.0.0.1:1234", []string{"203.0.113.9, 198.51.100.7"}, "198.51.100.7"},
		{"TwoProxies", "10.0.0.1:1234", []string{"203.0.113.9, 198.51.100.7, 10.0.0.2"}, "198.51.100.7"},
		{"TwoHeaders", "10.0.0.1:1234", []string{"203.0.113.9, 198.51.100.7", "10.0.0.3,10.0.0.2"}, "198.51.100.7"},
		{"AllTrusted", "10.0.0.1:1234", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
		{"MappedProxy", "[::ffff:10.0.0.1]:1234", []string{"198.51.100.7"}, "198.51.100.7"},
		{"IPv6", "[2001:db8:aaaa::1]:1234", []string{"2001:db8:bbbb::7"}, "2001:db8:bbbb::7"},
		{"WithPort", "10.0.0.1:1234", []string{"[2001:db8:bbbb::7]:99, 10.0.0.2:80"}, "2001:db8:bbbb::7"},
		{"Invalid", "10.0.0.1:1234", []string{"198.51.100.7, unknown"}, "10.0.0.1"},
		{"InvalidFurtherLeft", "10.0.0.1:1234", []string{"<b>, 10.0.0.2"}, "10.0.0.2"},
		{"Empty", "10.0.0.1:1234", []string{""}, "10.0.0.1"},
		{"Socket", "@", []string{"198.51.100.7"}, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := clientAddress(test.remote, test.forwarded, trusted); got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

func TestUserAgent(t *testing.T) {
	tests := []struct{ name, given, want string }{
		{"Plain", "curl/8.5.0", "curl/8.5.0"},
		{"Cut", strings.Repeat("x", 500), strings.Repeat("x", 400)},
		{"CutBetweenRunes", strings.Repeat("x", 398) + "日本", strings.Repeat("x", 398)},
		{"CutAfterRune", strings.Repeat("x", 397) + "日本", strings.Repeat("x", 397) + "日"},
		{"Invalid", "a\xff\xfeb", "a?b"},
		{"OnlyInvalid", strings.Repeat("\xbf", 500), "?"},
		{"NUL", "a\x00b", "ab"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := userAgent(http.Header{"User-Agent": {test.given}}); got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

func TestTraceID(t *testing.T) {
	const trace = "0af7651916cd43dd8448eb211c80319c"
	tests := []struct{ given, want string }{
		{"00-" + trace + "-b7ad6b7169203331-01", trace},
		{"01-" + trace + "-b7ad6b7169203331-01-later", trace},
		{"00-" + trace + "-b7ad6b7169203331-01-more", ""},
		{"ff-" + trace + "-b7ad6b7169203331-01", ""},
		{"00-" + strings.ToUpper(trace) + "-b7ad6b7169203331-01", ""},
		{"00-" + strings.Repeat("0", 32) + "-b7ad6b7169203331-01", ""},
		{"00-" + trace + "-0000000000000000-01", ""},
		{"00-" + trace[1:] + "-b7ad6b7169203331-01", ""},
		{"00-" + trace, ""}, {canary, ""}, {"", ""},
	}
	for _, test := range tests {
		if got := traceID([]string{test.given}); got != test.want {
			t.Errorf("%q: %q, want %q", test.given, got, test.want)
		}
	}
	if traceID(nil) != "" {
		t.Error("a trace without a header")
	}
}
