package seed

import (
	"strings"
	"sync"

	"golang.org/x/text/unicode/norm"
)

// people is a culture, read.
type people struct {
	culture
	given  [2][]name // of women and of men
	family [2][]name
	middle [2][]name
}

// name is one part of somebody's name.
type name struct {
	written string
	latin   string // small letters a to z
}

// parsed reads the cultures once.
var parsed = sync.OnceValue(func() []people {
	all := make([]people, len(cultures))
	for i, c := range cultures {
		all[i] = people{culture: c}
		for sex, listed := range [2]string{c.women, c.men} {
			all[i].given[sex] = names(listed, sex)
			all[i].family[sex] = names(c.family, sex)
			all[i].middle[sex] = names(c.middle[sex], sex)
		}
	}
	return all
})

func names(listed string, sex int) []name {
	fields := strings.Fields(listed)
	read := make([]name, len(fields))
	for i, f := range fields {
		ofMen, ofWomen, differ := strings.Cut(f, "|")
		if differ && sex == 0 {
			ofMen = ofWomen
		}
		written, latin, given := strings.Cut(ofMen, "=")
		read[i].written = strings.ReplaceAll(written, "_", " ")
		if read[i].latin = latin; !given {
			read[i].latin = plain(read[i].written)
		}
	}
	return read
}

// handle is a name as it can stand in a user name or address: without spaces and what only guides the eye. The Armenian ligature
// is two letters there, since PRECIS takes no ligatures (RFC 8264, section 9.17).
func (n name) handle() string {
	return handles.Replace(strings.ToLower(n.written))
}

var handles = strings.NewReplacer(" ", "", "-", "", "’", "", "'", "", "\u200c", "", "և", "եւ")

// plain is a Latin name in small letters a to z.
func plain(written string) string {
	return strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' {
			return r
		}
		return -1
	}, strings.ToLower(norm.NFD.String(letters.Replace(written))))
}

// letters are those that have no mark to be taken off.
var letters = strings.NewReplacer("ß", "ss", "ø", "o", "Ø", "O", "ł", "l", "Ł", "L", "đ", "d", "Đ", "D", "ı", "i", "æ", "ae", "Æ", "Ae",
	"þ", "th", "Þ", "Th", "ð", "d", "Ð", "D")
