package normal

import (
	"strings"
	"testing"
)

func TestEmail(t *testing.T) {
	checkAccepted(t, Email, []acceptedCase{
		{"CaseFolded", "ann@example.com", []string{"Ann@example.com", "ANN@EXAMPLE.COM", "ann@Example.Com"}},
		{"WidthFolded", "ann@example.com", []string{"ａｎｎ＠ｅｘａｍｐｌｅ．ｃｏｍ", "ＡＮＮ@example.com", "ann@example。com"}},
		{"WhiteSpaceTrimmed", "ann@example.com", []string{" ann@example.com\n", "\u00a0ann@example.com\u3000"}},
		{"OneTrailingDotRemoved", "ann@example.com", []string{"ann@example.com.", "ann@example.com。"}},
		{"AccentsComposed", "rené@example.com",
			[]string{"rene\u0301@example.com", "RENE\u0301@EXAMPLE.COM", "RENÉ@example.com"}},
		{"FinalSigmaIsSigma", "γιώργοσ@example.com",
			[]string{"γιώργος@example.com", "ΓΙΏΡΓΟΣ@EXAMPLE.COM", "Γιώργος@example.com"}},
		{"DomainInALabels", "ann@xn--bcher-kva.example", []string{
			"ann@bücher.example", "ann@bu\u0308cher.example", "ann@BÜCHER.example", "ann@XN--BCHER-KVA.example",
			"ann@ｂücher.example",
		}},
		{"SharpSKept", "ann@xn--strae-oqa.example", []string{"ann@straße.example"}},
		{"AllScriptsAccepted", "用户@xn--fsqu00a.xn--0zwm56d", []string{"用户@例子.测试"}},
		{"RightToLeftAccepted", "משתמש@xn--4dbrk0ce.xn--deba0a", []string{"משתמש@ישראל.טסט"}},
		{"AtomsAccepted", "o'hara+tag_1{x}@mail.example.co.uk", nil},
		{"HyphensThreeAndFourAccepted", "ann@r3---sn.example.com", nil},
		{"NonASCIIAtomsAccepted", "_é1@example.com", []string{"_É1@example.com"}},
		{"LongestAccepted", longestEmail, nil},
	})
	checkRefused(t, Email, []refusedCase{
		{"NotExactlyOneAtRefused", "email_format",
			[]string{"ann", "ann@", "@example.com", "a@b@example.com", "a＠b@example.com", `"a@b"@example.com`}},
		{"QuotedLocalPartsRefused", "email_format",
			[]string{`"ann"@example.com`, `"ann smith"@example.com`, `an\n@example.com`}},
		{"CommentsRefused", "email_format", []string{"ann(home)@example.com", "ann@(home)example.com",
			"Ann <ann@example.com>"}},
		{"IPLiteralsRefused", "email_format", []string{"ann@[192.0.2.1]", "ann@[IPv6:2001:db8::1]", "ann@192.0.2.1"}},
		{"MisplacedDotsRefused", "email_format",
			[]string{".ann@example.com", "ann.@example.com", "a..n@example.com", "a．．n@example.com", "ann@.example.com",
				"ann@example..com", "ann@example.com.."}},
		{"OneLabelRefused", "email_format", []string{"ann@localhost", "ann@com.", "ann@."}},
		{"InnerSpaceRefused", "email_format", []string{"an n@example.com", "ann @example.com", "ann@ example.com",
			"ann@exa\u200bmple .com"}},
		{"InvalidLabelsRefused", "email_format", []string{
			"ann@-example.com", "ann@example-.com", "ann@exa_mple.com", "ann@xn--.com", "ann@xn--a-.com",
			"ann@xn--exmple-.com",
			"ann@" + strings.Repeat("a", 64) + ".com", "ann@exa\u202emple.com", "ann@a\u0300\u200d.com",
		}},
		{"MixedDirectionsRefused", "email_format", []string{"aא@example.com", "ann@aא.com"}},
		{"ControlsRefused", "email_format", []string{"an\x07n@example.com", "an\u202en@example.com",
			"an\u00adn@example.com", "an\nn@example.com"}},
		{"TooLongRefused", "email_too_long", []string{
			"b" + longestEmail, strings.Repeat("a", 65) + "@example.com", strings.Repeat("é", 33) + "@example.com",
			strings.Repeat("a", 64) + "@" + strings.Repeat(strings.Repeat("b", 61)+".", 3) + "comm",
		}},
	})
}

// longestEmail has the maximum of 254 bytes.
var longestEmail = strings.Repeat("a", 64) + "@" + strings.Repeat(strings.Repeat("b", 61)+".", 3) + "com"

func TestLongestEmail(t *testing.T) {
	if len(longestEmail) != maxEmailBytes {
		t.Fatalf("the test address has %d bytes", len(longestEmail))
	}
}

func FuzzEmail(f *testing.F) {
	fuzz(f, Email, maxEmailBytes, longestEmail, "Ann@Example.COM.", "a@b.c", "a@ß.ẞ")
}
