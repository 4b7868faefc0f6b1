package normal

import (
	"strings"
	"testing"
)

func TestAvatarURL(t *testing.T) {
	checkAccepted(t, AvatarURL, []acceptedCase{
		{"SchemeAndHostInLowerCase", "https://example.com/Ann.PNG",
			[]string{"HTTPS://EXAMPLE.com/Ann.PNG", " https://Example.Com/Ann.PNG "}},
		{"HostInALabels", "https://xn--bcher-kva.example/",
			[]string{"https://bücher.example/", "https://b%C3%BCcher.example/"}},
		{"DefaultPortRemoved", "https://example.com/a",
			[]string{"https://example.com:443/a", "https://example.com:/a", "https://example.com.:0443/a"}},
		{"OtherPortsKept", "https://example.com:8443/a", nil},
		{"UnsafeCharactersEncoded", "https://example.com/%C3%BC?q=%C3%BC%22&r=%E2%80%AE#%C3%BC",
			[]string{"https://example.com/ü?q=ü\"&r=\u202e#ü"}},
		{"IPv6AddressAccepted", "https://[2001:db8::1]:8443/a", []string{"https://[2001:DB8:0::1]:8443/a"}},
		{"LongestAccepted", "https://example.com/" + strings.Repeat("a", maxURLBytes-20), nil},
	})
	checkRefused(t, AvatarURL, []refusedCase{
		{"OtherSchemesRefused", "url_format", []string{"http://example.com/a.png", "javascript:alert(1)",
			"data:image/png;base64,AAAA", "ftp://example.com/", "//example.com/a", "/a.png", "example.com/a.png"}},
		{"MissingHostRefused", "url_format", []string{"https:///a", "https:a", "https://", "https://:443/",
			"https://."}},
		{"UserInformationRefused", "url_format",
			[]string{"https://ann@example.com/", "https://ann:pw@example.com/", "https://@example.com/",
				"https://example.com\\@evil.example/"}},
		{"InvalidHostsRefused", "url_format", []string{"https://exa mple.com/", "https://exa_mple.com/",
			"https://[fe80::1%25eth0]/", "https://[192.0.2.1]/", "https://example.com:0/", "https://example.com:65536/",
			"https://example.com:x/"}},
		{"ControlsRefused", "url_format", []string{"https://example.com/a\nb", "https://example.com/a\tb",
			"https://example.com/?a b"}},
		{"TooLongRefused", "url_too_long", []string{"https://example.com/" + strings.Repeat("a", maxURLBytes-19),
			"https://example.com/" + strings.Repeat("ü", 400)}},
	})
}

func FuzzAvatarURL(f *testing.F) {
	fuzz(f, AvatarURL, maxURLBytes, "https://example.com/a?b#c", "https://[::1]:1", "https://a%2e/%zz",
		"https://e.com/%2F?%", "https://ü:443?#", "https://a/?'")
}
