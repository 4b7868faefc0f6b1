package normal

import (
	"strings"
	"unicode"

	"github.com/rivo/uniseg"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Words returns the words of a text as a search compares them, in the order of the text: folded in case, in compatibility forms and
// in accents. Word boundaries are those of Unicode (UAX 29), so that an ideograph is a word by itself; punctuation
// between letters parts words too, and scripts that are written without spaces, like Thai, give one word a run.
func Words(s string) []string {
	folded := foldSearch(s)
	var words []string
	var run strings.Builder // of a script without spaces, which UAX 29 leaves to dictionaries
	end := func() {
		if run.Len() > 0 {
			words = append(words, run.String())
			run.Reset()
		}
	}
	for state := -1; folded != ""; {
		var segment string
		segment, folded, state = uniseg.FirstWordInString(folded, state)
		for i, part := range strings.FieldsFunc(segment, func(r rune) bool { return !inWord(r) }) {
			if i == 0 && strings.HasPrefix(segment, part) && unicode.In(firstRune(part), unspaced...) {
				run.WriteString(part)
				continue
			}
			end()
			if part = strings.TrimLeftFunc(part, unicode.IsMark); part != "" { // a mark that follows no letter
				words = append(words, part)
			}
		}
		if !strings.ContainsFunc(segment, inWord) {
			end()
		}
	}
	end()
	return words
}

func inWord(r rune) bool { return unicode.In(r, unicode.L, unicode.M, unicode.N) }

func firstRune(s string) rune {
	for _, r := range s {
		return r
	}
	return 0
}

// unspaced are the scripts whose words only a dictionary can tell (UAX 29, section 4.1: line break class SA).
var unspaced = []*unicode.RangeTable{unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar, unicode.Tai_Le, unicode.New_Tai_Lue, unicode.Tai_Tham, unicode.Tai_Viet}

// MailWords returns the words of the local part of an e-mail address in its normal form, and its domain.
func MailWords(address string) (words []string, domain string) {
	local, domain, _ := strings.Cut(address, "@")
	return Words(local), domain
}

// foldSearch brings texts that people take for the same to one form: case (ß is ss), compatibility forms (NFKC), letters with strokes,
// and the accents of the scripts in which they only modify a letter. In others, like Devanagari and Thai, marks are vowels and stay.
func foldSearch(s string) string {
	if isASCII(s) {
		return strings.ToLower(s)
	}
	s = strings.ToValidUTF8(s, " ") // behind a byte that is none, x/text leaves letters as they are
	var out strings.Builder
	accented := false
	// Small letters first: cases.Fold takes Cherokee letters of either case to the other.
	for _, r := range norm.NFKD.String(cases.Fold().String(strings.ToLower(norm.NFKC.String(s)))) {
		switch {
		case unicode.Is(unicode.Mn, r):
			if accented {
				continue
			}
		case r == tatweel || unicode.Is(unicode.Cf, r):
			continue // stretches a word, or is not seen
		default:
			accented = unicode.In(r, withAccents...)
		}
		if plain, ok := strokes[r]; ok {
			out.WriteString(plain)
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

var withAccents = []*unicode.RangeTable{unicode.Latin, unicode.Greek, unicode.Cyrillic, unicode.Arabic, unicode.Hebrew}

// strokes are small letters that Unicode does not take apart, and what people type who have not got them on their keyboard.
var strokes = map[rune]string{'ø': "o", 'ł': "l", 'đ': "d", 'ð': "d", 'þ': "th", 'æ': "ae", 'œ': "oe", 'ı': "i", 'ħ': "h", 'ŧ': "t", 'ŋ': "n", 'ĸ': "k", 'ƒ': "f"}
