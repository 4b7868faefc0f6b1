// Package searchindex says by which tokens a user is found. A token is a keyed hash of a prefix of a word, or of two
// prefixes; the words themselves are encrypted. What tokens leak to a reader of the database who has no key is measured
// by the program in leakage, and described in docs/security/search-leakage.md.
package searchindex

import (
	"encoding/binary"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Form is how words become tokens.
type Form struct {
	// Lengths and DenseLengths are the lengths, in characters, of the prefixes that are indexed, shortest first. Dense
	// are the scripts where one character has as much information as two letters.
	Lengths, DenseLengths []int
	// PrefixBuckets and PairBuckets are how many different tokens there are: prefixes share a token, so that a frequent
	// one is hidden among others. 0 gives each prefix its own token.
	PrefixBuckets, PairBuckets uint32
}

// Exact is the form of the first version: prefixes of five lengths, each with a token of its own.
var Exact = Form{Lengths: []int{2, 3, 4, 6, 8}, DenseLengths: []int{1, 2, 3, 4, 6}}

// Bucketed is the current form: one prefix per word, in buckets. Of the forms whose leakage was measured, it is the one
// that leaks least.
var Bucketed = Form{Lengths: []int{2}, DenseLengths: []int{1}, PrefixBuckets: 64, PairBuckets: 1024}

// MAC is a keyed hash of a purpose and parts.
type MAC func(purpose string, parts ...[]byte) [32]byte

// maxWords bounds how many different words of one user are indexed, the first ones.
const maxWords = 16

// denseScripts are the scripts where one character has as much information as two letters.
var denseScripts = []*unicode.RangeTable{unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul}

// prefixes returns the indexed prefixes of a word, shortest first; none for a single letter.
func (f Form) prefixes(word string) []string {
	first, _ := utf8.DecodeRuneInString(word)
	lengths := f.Lengths
	if unicode.In(first, denseScripts...) {
		lengths = f.DenseLengths
	}
	var found []string
	n := 0
	for at := range word {
		if slices.Contains(lengths, n) {
			found = append(found, word[:at])
		}
		n++
	}
	if slices.Contains(lengths, n) {
		found = append(found, word)
	}
	return found
}

// token returns the token of some parts: 16 bytes.
func (f Form) token(mac MAC, kind string, buckets uint32, parts ...string) []byte {
	texts := make([][]byte, len(parts))
	for i, part := range parts {
		texts[i] = []byte(part)
	}
	sum := mac("search "+kind, texts...)
	if buckets > 0 {
		bucket := binary.BigEndian.AppendUint32(nil, binary.BigEndian.Uint32(sum[:])%buckets)
		sum = mac("search bucket", []byte(kind), bucket)
	}
	return sum[:16]
}

// Tokens returns the tokens of the words of a user, without duplicates.
func (f Form) Tokens(mac MAC, words []string) [][]byte {
	var tokens [][]byte
	seen := map[string]bool{}
	add := func(token []byte) {
		if !seen[string(token)] {
			seen[string(token)] = true
			tokens = append(tokens, token)
		}
	}
	var indexed, shortest []string
	for _, word := range words {
		if slices.Contains(indexed, word) || len(indexed) == maxWords {
			continue
		}
		indexed = append(indexed, word)
		prefixes := f.prefixes(word)
		for _, prefix := range prefixes {
			add(f.token(mac, "prefix", f.PrefixBuckets, prefix))
		}
		if len(prefixes) > 0 && !slices.Contains(shortest, prefixes[0]) {
			shortest = append(shortest, prefixes[0])
		}
	}
	for i, a := range shortest {
		for _, b := range shortest[i+1:] {
			add(f.token(mac, "pair", f.PairBuckets, min(a, b), max(a, b)))
		}
	}
	return tokens
}

// maxQueryPrefixes bounds how many words of a search are combined to pairs: more pairs cost index scans and select
// hardly better.
const maxQueryPrefixes = 3

// Query returns the tokens that a user who matches all words of a search has. Pairs follow from the others and are
// rarer. A word that is too short has none: it can only be compared.
func (f Form) Query(mac MAC, words []string) (tokens, pairs [][]byte) {
	var shortest []string
	for _, word := range words {
		prefixes := f.prefixes(word)
		if len(prefixes) == 0 {
			continue
		}
		tokens = append(tokens, f.token(mac, "prefix", f.PrefixBuckets, prefixes[len(prefixes)-1]))
		if !slices.Contains(shortest, prefixes[0]) {
			shortest = append(shortest, prefixes[0])
		}
	}
	shortest = shortest[:min(len(shortest), maxQueryPrefixes)]
	for i, a := range shortest {
		for _, b := range shortest[i+1:] {
			pairs = append(pairs, f.token(mac, "pair", f.PairBuckets, min(a, b), max(a, b)))
		}
	}
	return tokens, pairs
}

// TextToken returns the token of a text that Texts returned.
func (f Form) TextToken(mac MAC, text string) []byte {
	fields := strings.Fields(text)
	buckets := f.PrefixBuckets
	if fields[0] == "pair" {
		buckets = f.PairBuckets
	}
	return f.token(mac, fields[0], buckets, fields[1:]...)
}

// Texts returns what the tokens of the words of a user are computed of, in clear text: the kind and its parts. It is
// for the measurement of what tokens leak.
func (f Form) Texts(words []string) []string {
	var texts []string
	f.PrefixBuckets, f.PairBuckets = 0, 0
	f.Tokens(func(purpose string, parts ...[]byte) [32]byte {
		text := strings.TrimPrefix(purpose, "search ")
		for _, part := range parts {
			text += " " + string(part)
		}
		if !slices.Contains(texts, text) {
			texts = append(texts, text)
		}
		return [32]byte{}
	}, words)
	return texts
}
