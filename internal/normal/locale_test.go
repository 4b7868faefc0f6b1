package normal

import "testing"

func TestLocale(t *testing.T) {
	checkEqual(t, Locale, []equal{
		{"WritesCanonicalCase", "en-GB", []string{"EN-gb", "en_GB", " en-GB "}},
		{"ReplacesOldCodes", "he", []string{"iw", "IW"}},
		{"TakesScripts", "zh-Hant-TW", []string{"ZH-HANT-tw"}},
		{"TakesExtensions", "de-u-co-phonebk", nil},
		{"TakesUndetermined", "und", nil},
	})
	checkRefused(t, Locale, []refused{
		{"RefusesUnknown", "locale_format", []string{"xx", "en-XX-YY", "english", "e", "en--GB", "en GB", "-", "日本"}},
		{"RefusesTooLong", "locale_format", []string{"de-u-co-phonebk-x-aaaaaaaa-bbbbbbbb-cccccccc"}},
	})
}

func FuzzLocale(f *testing.F) {
	fuzz(f, Locale, MaxLocaleBytes, "en-US-u-ca-gregory", "x-ann", "i-klingon", "sr-Latn")
}
