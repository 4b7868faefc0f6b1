package password

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"cardinal/internal/password/common"
)

// serviceName is a word that attackers try first.
const serviceName = "cardinal"

// minOwnRunes is the length of the shortest own word that is looked for: shorter ones are in many other words.
const minOwnRunes = 3

// isGuessable reports whether a password is one of those that attackers try first.
func isGuessable(password string, minRunes int, own []string) bool {
	folded := common.Fold(password)
	if isSequence(folded) {
		return true
	}
	own = ownWords(own)
	for _, form := range []string{folded, unleet(folded)} {
		if isCommon(form) || isCommon(lettersAndDigits(form)) || isPattern(form, minRunes, own) {
			return true
		}
	}
	return isCommon(replaceSigns(folded))
}

// isCommon reports whether a text is in the list, with or without the digits and signs around it.
func isCommon(text string) bool {
	return common.Contains(text) || common.Contains(trim(text))
}

func trim(text string) string {
	return strings.TrimFunc(text, func(r rune) bool { return !unicode.IsLetter(r) })
}

func lettersAndDigits(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return -1
	}, text)
}

// signLetters are the digits and signs that people write for letters.
var signLetters = strings.NewReplacer(
	"0", "o", "1", "i", "!", "i", "|", "l", "3", "e", "4", "a", "@", "a", "5", "s", "$", "s", "7", "t", "+", "t")

func replaceSigns(text string) string { return signLetters.Replace(text) }

// insideWord is one or two of them between two letters.
var insideWord = regexp.MustCompile(`(\pL)([0134@57$!|+]{1,2})(\pL)`)

// unleet replaces digits and signs inside words: p@ssw0rd becomes password, and summer2026!summer stays as it is.
func unleet(text string) string {
	// Matches do not overlap, so that a second pass finds those that share a letter.
	for range 2 {
		text = insideWord.ReplaceAllStringFunc(text, replaceSigns)
	}
	return text
}

// isSequence reports whether a text consists of a few runs in which each character is the same as the one before it, or
// the next one up or down: three characters or more per run, on average.
func isSequence(text string) bool {
	runs, n, previous, step := 1, 0, rune(0), rune(2)
	for _, r := range text {
		if n > 0 {
			next := r - previous
			if step == 2 && next >= -1 && next <= 1 {
				step = next
			} else if next != step {
				runs, step = runs+1, 2
			}
		}
		previous = r
		n++
	}
	return runs*3 <= n
}

// ownWords returns what is known about the user as words: a name, an address, and the parts of both, the longest first.
func ownWords(known []string) []string {
	words := []string{serviceName}
	for _, text := range known {
		folded := common.Fold(text)
		words = append(words, folded, lettersAndDigits(folded))
		words = append(words, strings.FieldsFunc(folded, isSign)...)
	}
	words = slices.DeleteFunc(words, func(w string) bool { return utf8.RuneCountInString(w) < minOwnRunes })
	slices.SortStableFunc(words, func(a, b string) int { return len(b) - len(a) })
	return words
}

// isPattern reports whether a text consists of at most one word, however often, and of years, short or regular numbers,
// signs and own words. Such a word is common, or it is repeated, or a year would make it long enough.
func isPattern(text string, minRunes int, own []string) bool {
	if unit := unitOf(text); unit != text && utf8.RuneCountInString(unit) < minRunes {
		return true
	}
	if parts := strings.FieldsFunc(text, isSign); len(parts) > 1 && len(slices.Compact(parts)) == 1 &&
		utf8.RuneCountInString(parts[0]) < minRunes {
		return true
	}
	for _, word := range own {
		text = strings.ReplaceAll(text, word, ownMark)
	}
	var words, numbers []string
	repeated, hasYear := false, false
	for _, token := range tokens.FindAllString(text, -1) {
		first, _ := utf8.DecodeRuneInString(token)
		switch {
		case unicode.IsLetter(first):
			unit := unitOf(token)
			repeated = repeated || unit != token || slices.Contains(words, unit)
			words = appendNew(words, unit)
		case years.MatchString(token):
			hasYear = true
		case unicode.IsDigit(first):
			if isSequence(token) {
				continue
			}
			if len(token) > 4 && !dates.MatchString(token) {
				return false
			}
			numbers = appendNew(numbers, token)
		case len(token) > 4 && unitOf(token) == token:
			return false
		}
	}
	switch {
	case len(words) > 1 || len(numbers) > 1:
		return false
	case len(words) == 0:
		return true
	}
	word := words[0]
	return repeated || common.IsWord(word) || common.Contains(word) ||
		hasYear && utf8.RuneCountInString(word) < minRunes
}

// ownMark stands for an own word: it is no token, and separates the signs around it. No password has this character of
// private use in its normal form (RFC 8264 section 9.11).
const ownMark = "\uE000"

func isSign(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }

var (
	tokens = regexp.MustCompile(`\pL+|\p{Nd}+|[^\pL\p{Nd}\x{E000}]+`)
	years  = regexp.MustCompile(`^(19|20)\d\d$`)
	dates  = regexp.MustCompile(`^(\d\d){1,2}(19|20)?\d\d$|^(19|20)\d\d(\d\d){1,2}$`)
)

func appendNew(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}

// unitOf returns the shortest text of which a text is a repetition; the text itself when it is none.
func unitOf(text string) string {
	for n := 1; n <= len(text)/2; n++ {
		if part := text[:n]; len(text)%n == 0 && utf8.ValidString(part) && text == strings.Repeat(part, len(text)/n) {
			return part
		}
	}
	return text
}
