// Package common knows the passwords that attackers try first. It has three lists, as fingerprints in the binary: the
// passwords of 8 to 14 characters, those of 15 and more, and words. README.md says where they come from; the program in
// make writes them.
package common

import (
	"crypto/sha256"
	_ "embed"
	"encoding/binary"
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The lists are sorted fingerprints. They are strings, which stay in the binary and need no memory of their own. A text
// that is not in a list of n entries is found by chance once in 2^32/n times: 1 in 43,000 for a list of 100,000.
var (
	//go:embed short.bin
	short string // 8 to 14 characters
	//go:embed long.bin
	long string // 15 characters and more
	//go:embed words.bin
	words string // letters only
)

// The bounds of the lists, in characters.
const (
	MinShort = 8
	MinLong  = 15
	MinWord  = 3
)

const fingerprintBytes = 4

// Contains reports whether a folded text of at least eight characters is a common password.
func Contains(folded string) bool {
	switch n := utf8.RuneCountInString(folded); {
	case n >= MinLong:
		return has(long, folded)
	case n >= MinShort:
		return has(short, folded)
	}
	return false
}

// IsWord reports whether a folded text is a word that common passwords consist of.
func IsWord(folded string) bool { return has(words, folded) }

func has(list, folded string) bool {
	want := Fingerprint(folded)
	n := len(list) / fingerprintBytes
	at := func(i int) uint32 {
		return binary.BigEndian.Uint32([]byte(list[i*fingerprintBytes : (i+1)*fingerprintBytes]))
	}
	i := sort.Search(n, func(i int) bool { return at(i) >= want })
	return i < n && at(i) == want
}

// Fingerprint is the first four bytes of the SHA-256 of a folded text.
func Fingerprint(folded string) uint32 {
	sum := sha256.Sum256([]byte(folded))
	return binary.BigEndian.Uint32(sum[:fingerprintBytes])
}

// Fold maps all case variants of a text to one form, in lower case, by Unicode's simple case folding, which
// strings.EqualFold also uses.
func Fold(s string) string {
	return strings.Map(func(r rune) rune {
		smallest := r
		for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
			smallest = min(smallest, next)
		}
		return unicode.ToLower(smallest)
	}, s)
}
