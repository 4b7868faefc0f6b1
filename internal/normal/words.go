package normal

import (
	"strings"
	"unicode"

	"github.com/rivo/uniseg"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Words returns the words of a text in the form that a search compares, in the order of the text. Case, compatibility
// forms and accents are folded. Word boundaries are those of Unicode (UAX 29), so that each ideograph is a word.
// Punctuation between letters also separates words. In scripts without spaces, like Thai, each run of letters is one
// word.
func Words(s string) []string {
	folded := foldSearch(s)
	var words []string
	var run strings.Builder // of a script without spaces; UAX 29 needs a dictionary for its words
	endRun := func() {
		if run.Len() > 0 {
			words = append(words, run.String())
			run.Reset()
		}
	}
	for state := -1; folded != ""; {
		var segment string
		segment, folded, state = uniseg.FirstWordInString(folded, state)
		for i, part := range strings.FieldsFunc(segment, func(r rune) bool { return !inWord(r) }) {
			if i == 0 && strings.HasPrefix(segment, part) && unicode.In(firstRune(part), unspacedScripts...) {
				run.WriteString(part)
				continue
			}
			endRun()
			if part = strings.TrimLeftFunc(part, unicode.IsMark); part != "" { // a mark without a letter
				words = append(words, part)
			}
		}
		if !strings.ContainsFunc(segment, inWord) {
			endRun()
		}
	}
	endRun()
	return words
}

func inWord(r rune) bool { return unicode.In(r, unicode.L, unicode.M, unicode.N) }

func firstRune(s string) rune {
	for _, r := range s {
		return r
	}
	return 0
}

// unspacedScripts are the scripts that need a dictionary for word boundaries (UAX 29, section 4.1: line break class
// SA).
var unspacedScripts = []*unicode.RangeTable{
	unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar, unicode.Tai_Le, unicode.New_Tai_Lue, unicode.Tai_Tham,
	unicode.Tai_Viet,
}

// EmailWords returns the words of the local part of an email address in its normal form, and its domain.
func EmailWords(address string) (words []string, domain string) {
	local, domain, _ := strings.Cut(address, "@")
	return Words(local), domain
}

// foldSearch maps texts that users regard as equal to one form. It folds case (ß is ss), compatibility forms (NFKC),
// letters with strokes, and accents in scripts where they only modify a letter. In other scripts, like Devanagari and
// Thai, marks are vowels and are kept.
func foldSearch(s string) string {
	if isASCII(s) {
		return strings.ToLower(s)
	}
	s = strings.ToValidUTF8(s, " ") // after an invalid byte, x/text does not convert letters
	var out strings.Builder
	accented := false
	// ToLower comes first because cases.Fold maps Cherokee letters of each case to the other one.
	for _, r := range norm.NFKD.String(cases.Fold().String(strings.ToLower(norm.NFKC.String(s)))) {
		switch {
		case unicode.Is(unicode.Mn, r):
			if accented {
				continue
			}
		case r == tatweel || unicode.Is(unicode.Cf, r):
			continue // only stretches a word, or is invisible
		default:
			accented = unicode.In(r, accentScripts...)
		}
		if letters, ok := plainLetters[r]; ok {
			out.WriteString(letters)
			continue
		}
		out.WriteRune(r)
	}
	return norm.NFC.String(out.String())
}

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r > unicode.MaxASCII }) < 0
}

const tatweel = '\u0640'

var accentScripts = []*unicode.RangeTable{unicode.Latin, unicode.Greek, unicode.Cyrillic, unicode.Arabic,
	unicode.Hebrew}

// plainLetters are the usual replacements, on keyboards without them, of small letters that Unicode does not decompose.
var plainLetters = map[rune]string{
	'ø': "o", 'ł': "l", 'đ': "d", 'ð': "d", 'þ': "th", 'æ': "ae", 'œ': "oe", 'ı': "i", 'ħ': "h", 'ŧ': "t", 'ŋ': "n",
	'ĸ': "k", 'ƒ': "f",
}
