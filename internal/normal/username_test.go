package normal

import (
	"strings"
	"testing"
)

func TestUsername(t *testing.T) {
	checkAccepted(t, Username, []acceptedCase{
		{"CaseFolded", "ann", []string{"Ann", "ANN", " ann "}},
		{"WidthFolded", "ann", []string{"ａｎｎ", "ＡＮＮ"}},
		{"AccentsComposed", "rené", []string{"rene\u0301", "RENE\u0301", "RENÉ"}},
		{"SigmaAndSharpSKept", "straßeσ", []string{"STRAẞEΣ"}},
		{"AllScriptsAccepted", "用户", nil},
		{"RightToLeftAccepted", "משתמש1", nil},
		{"DigitsAndPunctuationAccepted", "ann.o-hara_2", nil},
		{"LongestAccepted", strings.Repeat("é", 64), nil},
		{"BidiRuleForRightToLeftOnly", "1é_", []string{"1É_"}},
		{"JoinersInContextAccepted", "क\u094d\u200dष", nil},
	})
	checkRefused(t, Username, []refusedCase{
		{"AtRefused", "username_format", []string{"ann@home", "@ann", "ann＠home"}},
		{"WhiteSpaceRefused", "username_format",
			[]string{"ann smith", "ann\tsmith", "ann\u00a0smith", "ann\u3000smith"}},
		{"PhoneNumbersRefused", "username_format",
			[]string{"+ann", "＋ann", "12345", "٤٤٢٠", "０１２３", "(+1)ann", "020-7946-0018", "555.1234", "(555)"}},
		{"TooShortRefused", "username_format", []string{"a", "é", " a "}},
		{"TooLongRefused", "username_too_long", []string{strings.Repeat("a", 65), strings.Repeat("用", 65)}},
		{"MixedDirectionsRefused", "username_format", []string{"annא", "1משתמש", "אann"}},
		{"SymbolsAndControlsRefused", "username_format",
			[]string{"ann☃", "an\u202en", "an\u00adn", "an\u200bn", "an\u200dn", "an\x1bn", "aﬀ"}},
	})
}

func TestIdentifier(t *testing.T) {
	for _, row := range []struct{ rule, in, kind, normal string }{
		{"AtIsEmail", " Ann@Example.com", KindEmail, "ann@example.com"},
		{"FullWidthAtIsEmail", "ann＠example.com", KindEmail, "ann@example.com"},
		{"PlusIsPhone", "+44 20 7946 0018", KindPhone, "+442079460018"},
		{"DoubleZeroIsPhone", "00 44 20 7946 0018", KindPhone, "+442079460018"},
		{"FullWidthPlusIsPhone", "＋４４２０７９４６００１８", KindPhone, "+442079460018"},
		{"ParenthesisBeforePlusIsPhone", "(+44) 20 7946 0018", KindPhone, "+442079460018"},
		{"PlusWithAtIsEmail", "+tag@example.com", KindEmail, "+tag@example.com"},
		{"OtherTextIsUsername", "Ann", KindUsername, "ann"},
		{"DoubleZeroWithLettersIsUsername", "007bond", KindUsername, "007bond"},
		{"KindReturnedWithError", "a@b@c", KindEmail, ""},
		{"NationalNumberInvalid", "020 7946 0018", KindUsername, ""},
	} {
		t.Run(row.rule, func(t *testing.T) {
			kind, normal, err := Identifier(row.in)
			if kind != row.kind || normal != row.normal || (err == nil) != (row.normal != "") {
				t.Errorf("Identifier(%q) = %q, %q, %v", row.in, kind, normal, err)
			}
		})
	}
}

func FuzzUsername(f *testing.F) { fuzz(f, Username, 4*maxUsernameRunes, "Ann", "007bond", "－１") }

// FuzzKindsAreDisjoint checks that a sign-in field never reads the normal form of one kind as another kind.
func FuzzKindsAreDisjoint(f *testing.F) {
	for _, s := range []string{"ann", "ann@example.com", "+44 20 7946 0018", "00 1", "00a", "٠٠1234567", "(+1)234567",
		"－00", "００"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		for kind, normal := range map[string]func(string) (string, error){KindEmail: Email, KindPhone: Phone,
			KindUsername: Username} {
			want, err := normal(in)
			if err != nil {
				continue
			}
			got, again, err := Identifier(want)
			if got != kind || again != want || err != nil {
				t.Fatalf("%+q is %s %+q; Identifier reads %s %+q, %v", in, kind, want, got, again, err)
			}
			if got := kindOf(in); got != kind {
				t.Fatalf("%+q is accepted as %s, but a sign-in field reads it as %s", in, kind, got)
			}
		}
	})
}
