package normal

import (
	"strings"
	"testing"
)

func TestPassword(t *testing.T) {
	checkEqual(t, Password, []equal{
		{"ComposesAccents", "corré, pingüino", []string{"corre\u0301, pingu\u0308ino"}},
		{"WritesEverySpaceAlike", "a b c", []string{"a\u00a0b\u3000c", "a\u2003b c"}},
		{"KeepsSpacesCaseAndWidth", "  Ａ a ", nil},
		// RFC 8265, table 3.
		{"TakesTheRFCsExamples", "correct horse battery staple", nil},
		{"TakesTheRFCsCase", "Correct Horse Battery Staple", nil},
		{"TakesTheRFCsGreek", "πßå", nil},
		{"TakesTheRFCsSuit", "Jack of ♦s", nil},
		{"TakesTheRFCsOgham", "foo bar", []string{"foo\u1680bar"}},
		{"TakesEmoji", "🐎🔋", nil},
		{"TakesTheLongest", strings.Repeat("é", 512), []string{strings.Repeat("e\u0301", 512)}},
	})
	checkRefused(t, Password, []refused{
		{"RefusesEmpty", "password_empty", []string{""}},
		{"RefusesControls", "password_format", []string{"my cat is a \tby", "a\nb", "a\x7f", "a\u0085"}},
		{"RefusesUnassigned", "password_format", []string{"\u0378", "\ue000", "\ufdd0"}},
		{"RefusesTooLong", "password_too_long", []string{strings.Repeat("a", 1025), strings.Repeat("é", 513), strings.Repeat("a", 5000)}},
	})
}

func FuzzPassword(f *testing.F) { fuzz(f, Password, MaxPasswordBytes, "pass word", "Jack of ♦s") }
