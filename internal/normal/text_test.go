package normal

import (
	"strings"
	"testing"
)

func TestText(t *testing.T) {
	name := func(s string) (string, error) { return Text(s, 40) }
	checkAccepted(t, name, []acceptedCase{
		{"AccentsComposed", "René Müller", []string{"Rene\u0301 Mu\u0308ller"}},
		{"WhiteSpaceCollapsed", "Ann B", []string{"  Ann \t\r\n B ", "Ann\u00a0B", "\u3000Ann\u2003\u2028B\u205f"}},
		{"CaseAndWidthKept", "Ａnn ﬀ", nil},
		{"BreakHintsRemoved", "Constantinople",
			[]string{"Con\u00adstanti\u200bnople", "\ufeffConstantinople", "Constan\u2060tinople"}},
		{"EmojiAccepted", "Ann 👩\u200d👩\u200d👧\u200d👦 ❤\ufe0f 👋🏽 🇫🇷 1\ufe0f\u20e3", nil},
		{"TagFlagsAccepted", "🏴\U000E0067\U000E0062\U000E0073\U000E0063\U000E0074\U000E007F", nil},
		{"LimitCountsCharacters", strings.Repeat("𠮷", 40), nil},
		{"LatinAccepted", "Nguyễn Thị Ánh O’Hara-Łukasz d'Þór", nil},
		{"ArabicAccepted", "محمد عبد الله نستعليق\u200cها", nil},
		{"HebrewAccepted", "דָּוִד בן־גוריון", nil},
		{"DevanagariAccepted", "श्री राजेन्द्र क\u094d\u200dष", nil},
		{"SinhalaAccepted", "ශ්\u200dරී ලංකා", nil},
		{"TamilAccepted", "க. ஸ்ரீனிவாசன்", nil},
		{"ThaiAccepted", "สมชาย ใจดี", nil},
		{"TibetanAccepted", "བསྟན་འཛིན་རྒྱ་མཚོ", nil},
		{"KhmerAccepted", "សុខ ណារី", nil},
		{"MyanmarAccepted", "အောင်ဆန်း", nil},
		{"HanAccepted", "王小明・𠮷野家", nil},
		{"KanaAccepted", "さとう ﾀﾛｳ ガ", []string{"さとう ﾀﾛｳ カ\u3099"}},
		{"HangulAccepted", "김철수", []string{"\u1100\u1175\u11b7\u110e\u1165\u11af\u1109\u116e"}},
		{"CyrillicAccepted", "Фёдор Ї", []string{"Фе\u0308дор Ї"}},
		{"GreekAccepted", "Ἀριστοτέλης", nil},
		{"ArmenianAndGeorgianAccepted", "Արամ გიორგი", nil},
		{"EthiopicAndCherokeeAccepted", "ኃይለ ᏣᎳᎩ", nil},
		{"MongolianAccepted", "ᠮᠣᠩᠭᠣᠯ", nil},
		{"AdlamAccepted", "𞤀𞤣𞤤𞤢𞤥", nil},
		{"NumberSignsAccepted", "\u06dd\u0661", nil},
		{"BidiMarksAccepted", "Ann\u200e (عمان)", nil},
	})
	checkRefused(t, name, []refusedCase{
		{"ControlsRefused", "text_format", []string{"Ann\x07", "Ann\x1b[31m", "Ann\x7f", "Ann\u0080"}},
		{"BidiOverridesRefused", "text_format",
			[]string{"\u202aAnn", "\u202bAnn", "Ann\u202c", "\u202dAnn", "\u202eAnn", "\u2066Ann", "\u2067Ann",
				"\u2068Ann", "Ann\u2069"}},
		{"PrivateUseRefused", "text_format", []string{"\ue000Ann", "\U000f0000Ann", "\U0010fffdAnn"}},
		{"UnassignedRefused", "text_format", []string{"\u0378Ann", "\ufffeAnn", "\ufdd0Ann", "\U0010ffffAnn"}},
		{"ReplacementCharacterRefused", "text_format", []string{"Ren\ufffd"}},
		{"HiddenTagsRefused", "text_format", []string{"Ann\U000E0041\U000E0042", "\U000E0001"}},
		{"InterlinearAnnotationRefused", "text_format", []string{"\ufff9Ann\ufffaBob\ufffb"}},
		{"EmptyRefused", "text_empty", []string{"", "   ", "\u200b", "\u200d", "\u200e", "\u3164", "\u2800",
			"\u115f\u1160", "\ufe0f", "\u3000\u00a0"}},
		{"TooLongRefused", "text_too_long", []string{strings.Repeat("a", 41), strings.Repeat("👩", 41),
			strings.Repeat("a ", 21) + "a"}},
	})
	t.Run("MessageHasLimit", func(t *testing.T) {
		_, err := Text("Ann", 2)
		if err == nil || !strings.Contains(err.Error(), "2 characters") {
			t.Errorf("error is %v", err)
		}
	})
}

func FuzzText(f *testing.F) {
	fuzz(f, func(s string) (string, error) { return Text(s, 100) }, 400, "Ann \u200b B", "\u00ad\u0301",
		"e\u00ad\u0301", "a\u2060 \u2060b")
}
