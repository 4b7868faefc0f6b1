package seed

import (
	"strings"
	"sync"

	"golang.org/x/text/unicode/norm"
)

// parsedCulture is a culture with parsed names.
type parsedCulture struct {
	culture
	given  [2][]name // of women (0) and of men (1)
	family [2][]name
	middle [2][]name
}

// name is one part of a person's name.
type name struct {
	text  string // in the script of the culture
	latin string // lower-case letters a to z
}

// parsedCultures parses the cultures once.
var parsedCultures = sync.OnceValue(func() []parsedCulture {
	all := make([]parsedCulture, len(cultures))
	for i, c := range cultures {
		all[i] = parsedCulture{culture: c}
		for sex, list := range [2]string{c.women, c.men} {
			all[i].given[sex] = parseNames(list, sex)
			all[i].family[sex] = parseNames(c.family, sex)
			all[i].middle[sex] = parseNames(c.middle[sex], sex)
		}
	}
	return all
})

// parseNames parses a list of names. The syntax is described in cultures.go.
func parseNames(list string, sex int) []name {
	fields := strings.Fields(list)
	names := make([]name, len(fields))
	for i, f := range fields {
		form, feminine, differ := strings.Cut(f, "|")
		if differ && sex == 0 {
			form = feminine
		}
		text, latin, hasLatin := strings.Cut(form, "=")
		names[i].text = strings.ReplaceAll(text, "_", " ")
		if names[i].latin = latin; !hasLatin {
			names[i].latin = toLatin(names[i].text)
		}
	}
	return names
}

// handle is the form of a name for user names and email addresses: without spaces, hyphens, apostrophes and zero-width
// non-joiners. The Armenian ligature is written as two letters, because PRECIS does not allow ligatures (RFC 8264,
// section 9.17).
func (n name) handle() string {
	return handleReplacer.Replace(strings.ToLower(n.text))
}

var handleReplacer = strings.NewReplacer(" ", "", "-", "", "’", "", "'", "", "\u200c", "", "և", "եւ")

// toLatin reduces a Latin name to the lower-case letters a to z. Diacritics are removed by decomposition (NFD).
func toLatin(text string) string {
	return strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' {
			return r
		}
		return -1
	}, strings.ToLower(norm.NFD.String(nonDecomposable.Replace(text))))
}

// nonDecomposable replaces Latin letters that Unicode does not decompose into a base letter and a mark.
var nonDecomposable = strings.NewReplacer("ß", "ss", "ø", "o", "Ø", "O", "ł", "l", "Ł", "L", "đ", "d", "Đ", "D",
	"ı", "i", "æ", "ae", "Æ", "Ae", "þ", "th", "Þ", "Th", "ð", "d", "Ð", "D")
