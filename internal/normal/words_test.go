package normal

import (
	"slices"
	"testing"
	"unicode/utf8"
)

func TestWords(t *testing.T) {
	for text, want := range map[string][]string{
		"":                        nil,
		" - ":                     nil,
		"Ana María  López-García": {"ana", "maria", "lopez", "garcia"},
		"O'Brien, d’Arc":          {"o", "brien", "d", "arc"},
		"ana.silva_83+x":          {"ana", "silva", "83", "x"},
		"STRAẞE straße":           {"strasse", "strasse"},
		"Søren Łukasz Đặng Æsir":  {"soren", "lukasz", "dang", "aesir"},
		"İstanbul Iğdır ısı":      {"istanbul", "igdir", "isi"},
		"ΟΔΥΣΣΕΎΣ Οδυσσεύς":       {"οδυσσευσ", "οδυσσευσ"},
		"Фёдор Ёлкин":             {"федор", "елкин"},
		"王小明":                     {"王", "小", "明"},
		"김민수":                     {"김민수"},
		"ガブリエル":                   {"ガブリエル"},
		"ｶﾞﾌﾞﾘｴﾙ Ｍａｒｉａ":           {"ガブリエル", "maria"},
		"สมชาย ใจดี":              {"สมชาย", "ใจดี"},
		"أحمد مُحَمَّد محـــمد":  {"احمد", "محمد", "محمد"},
		"राहुल शर्मा":            {"राहुल", "शर्मा"},
		"Mar\u200Bia Jose\u0301": {"maria", "jose"},
		"Ⅷ №5":                   {"viii", "no5"},
	} {
		if got := Words(text); !slices.Equal(got, want) {
			t.Errorf("%q has the words %q, want %q", text, got, want)
		}
	}
}

func TestMailWords(t *testing.T) {
	words, domain := EmailWords("ana.silva-83@mail.example.com")
	if !slices.Equal(words, []string{"ana", "silva", "83"}) || domain != "mail.example.com" {
		t.Errorf("%q %q", words, domain)
	}
}

// FuzzWords checks that Words is idempotent, so that a search for a displayed word finds it.
func FuzzWords(f *testing.F) {
	for _, s := range []string{"Ana María", "王小明", "สมชาย ใจดี", "ŉ ǰ ΐ ﬃ", "\u0345\u0300", "ก\u0300ข", "1٢３",
		"a\u200db", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, word := range Words(s) {
			if word == "" || !utf8.ValidString(word) {
				t.Fatalf("%q has the word %q", s, word)
			}
			if again := Words(word); len(again) != 1 || again[0] != word {
				t.Fatalf("%q has the word %q, which has the words %q", s, word, again)
			}
		}
	})
}
