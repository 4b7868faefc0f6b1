package normal

import (
	"strings"
	"testing"
)

func TestPassword(t *testing.T) {
	checkAccepted(t, Password, []acceptedCase{
		{"AccentsComposed", "corré, pingüino", []string{"corre\u0301, pingu\u0308ino"}},
		{"SpacesUnified", "a b c", []string{"a\u00a0b\u3000c", "a\u2003b c"}},
		{"SpacesCaseAndWidthKept", "  Ａ a ", nil},
		// RFC 8265, table 3.
		{"RFCExampleAccepted", "correct horse battery staple", nil},
		{"RFCCaseAccepted", "Correct Horse Battery Staple", nil},
		{"RFCGreekAccepted", "πßå", nil},
		{"RFCSuitAccepted", "Jack of ♦s", nil},
		{"RFCOghamAccepted", "foo bar", []string{"foo\u1680bar"}},
		{"EmojiAccepted", "🐎🔋", nil},
		{"LongestAccepted", strings.Repeat("é", 512), []string{strings.Repeat("e\u0301", 512)}},
	})
	checkRefused(t, Password, []refusedCase{
		{"EmptyRefused", "password_empty", []string{""}},
		{"ControlsRefused", "password_format", []string{"my cat is a \tby", "a\nb", "a\x7f", "a\u0085"}},
		{"UnassignedRefused", "password_format", []string{"\u0378", "\ue000", "\ufdd0"}},
		{"TooLongRefused", "password_too_long",
			[]string{strings.Repeat("a", 1025), strings.Repeat("é", 513), strings.Repeat("a", 5000)}},
	})
}

func FuzzPassword(f *testing.F) { fuzz(f, Password, maxPasswordBytes, "pass word", "Jack of ♦s") }
