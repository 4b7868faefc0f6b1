package normal

import "testing"

func TestLocale(t *testing.T) {
	checkAccepted(t, Locale, []acceptedCase{
		{"CanonicalCase", "en-GB", []string{"EN-gb", "en_GB", " en-GB "}},
		{"OldCodesReplaced", "he", []string{"iw", "IW"}},
		{"ScriptsAccepted", "zh-Hant-TW", []string{"ZH-HANT-tw"}},
		{"ExtensionsAccepted", "de-u-co-phonebk", nil},
		{"UndeterminedAccepted", "und", nil},
	})
	checkRefused(t, Locale, []refusedCase{
		{"UnknownRefused", "locale_format", []string{"xx", "en-XX-YY", "english", "e", "en--GB", "en GB", "-", "日本"}},
		{"TooLongRefused", "locale_format", []string{"de-u-co-phonebk-x-aaaaaaaa-bbbbbbbb-cccccccc"}},
	})
}

func FuzzLocale(f *testing.F) {
	fuzz(f, Locale, maxLocaleBytes, "en-US-u-ca-gregory", "x-ann", "i-klingon", "sr-Latn")
}
