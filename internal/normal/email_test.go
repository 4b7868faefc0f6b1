package normal

import (
	"strings"
	"testing"
)

func TestEmail(t *testing.T) {
	checkEqual(t, Email, []equal{
		{"FoldsCase", "ann@example.com", []string{"Ann@example.com", "ANN@EXAMPLE.COM", "ann@Example.Com"}},
		{"FoldsWidth", "ann@example.com", []string{"ａｎｎ＠ｅｘａｍｐｌｅ．ｃｏｍ", "ＡＮＮ@example.com", "ann@example。com"}},
		{"TrimsWhiteSpace", "ann@example.com", []string{" ann@example.com\n", "\u00a0ann@example.com\u3000"}},
		{"DropsOneTrailingDot", "ann@example.com", []string{"ann@example.com.", "ann@example.com。"}},
		{"ComposesAccents", "rené@example.com", []string{"rene\u0301@example.com", "RENE\u0301@EXAMPLE.COM", "RENÉ@example.com"}},
		{"TakesTheFinalSigmaForASigma", "γιώργοσ@example.com", []string{"γιώργος@example.com", "ΓΙΏΡΓΟΣ@EXAMPLE.COM", "Γιώργος@example.com"}},
		{"WritesDomainInALabels", "ann@xn--bcher-kva.example", []string{
			"ann@bücher.example", "ann@bu\u0308cher.example", "ann@BÜCHER.example", "ann@XN--BCHER-KVA.example", "ann@ｂücher.example",
		}},
		{"KeepsSharpS", "ann@xn--strae-oqa.example", []string{"ann@straße.example"}},
		{"TakesEveryScript", "用户@xn--fsqu00a.xn--0zwm56d", []string{"用户@例子.测试"}},
		{"TakesRightToLeft", "משתמש@xn--4dbrk0ce.xn--deba0a", []string{"משתמש@ישראל.טסט"}},
		{"TakesTheAtoms", "o'hara+tag_1{x}@mail.example.co.uk", nil},
		{"TakesHyphensThreeAndFour", "ann@r3---sn.example.com", nil},
		{"TakesNonASCIIAtoms", "_é1@example.com", []string{"_É1@example.com"}},
		{"TakesTheLongest", longest, nil},
	})
	checkRefused(t, Email, []refused{
		{"RefusesNotOneAt", "email_format", []string{"ann", "ann@", "@example.com", "a@b@example.com", "a＠b@example.com", `"a@b"@example.com`}},
		{"RefusesQuotedLocalParts", "email_format", []string{`"ann"@example.com`, `"ann smith"@example.com`, `an\n@example.com`}},
		{"RefusesComments", "email_format", []string{"ann(home)@example.com", "ann@(home)example.com", "Ann <ann@example.com>"}},
		{"RefusesIPLiterals", "email_format", []string{"ann@[192.0.2.1]", "ann@[IPv6:2001:db8::1]", "ann@192.0.2.1"}},
		{"RefusesMisplacedDots", "email_format", []string{".ann@example.com", "ann.@example.com", "a..n@example.com", "a．．n@example.com", "ann@.example.com", "ann@example..com", "ann@example.com.."}},
		{"RefusesOneLabel", "email_format", []string{"ann@localhost", "ann@com.", "ann@."}},
		{"RefusesInnerSpace", "email_format", []string{"an n@example.com", "ann @example.com", "ann@ example.com", "ann@exa\u200bmple .com"}},
		{"RefusesBadLabels", "email_format", []string{
			"ann@-example.com", "ann@example-.com", "ann@exa_mple.com", "ann@xn--.com", "ann@xn--a-.com", "ann@xn--exmple-.com",
			"ann@" + strings.Repeat("a", 64) + ".com", "ann@exa\u202emple.com", "ann@a\u0300\u200d.com",
		}},
		{"RefusesMixedDirections", "email_format", []string{"aא@example.com", "ann@aא.com"}},
		{"RefusesControls", "email_format", []string{"an\x07n@example.com", "an\u202en@example.com", "an\u00adn@example.com", "an\nn@example.com"}},
		{"RefusesTooLong", "email_too_long", []string{
			"b" + longest, strings.Repeat("a", 65) + "@example.com", strings.Repeat("é", 33) + "@example.com",
			strings.Repeat("a", 64) + "@" + strings.Repeat(strings.Repeat("b", 61)+".", 3) + "comm",
		}},
	})
}

// longest is an address of 254 bytes.
var longest = strings.Repeat("a", 64) + "@" + strings.Repeat(strings.Repeat("b", 61)+".", 3) + "com"

func TestLongest(t *testing.T) {
	if len(longest) != MaxEmailBytes {
		t.Fatalf("the address of the tests has %d bytes", len(longest))
	}
}

func FuzzEmail(f *testing.F) {
	fuzz(f, Email, MaxEmailBytes, longest, "Ann@Example.COM.", "a@b.c", "a@ß.ẞ")
}
