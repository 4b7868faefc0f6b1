package normal

import (
	"bytes"
	"strings"
	"unicode"
)

// Phone returns the normal form of a phone number in international form: E.164, a plus sign and 7 to 15 digits.
// A leading 00 means the plus sign, and digits of any script become ASCII. Spaces, dots, hyphens and parentheses are
// removed.
func Phone(s string) (string, error) {
	if len(s) > maxInput || !wellFormed(s) {
		return refuse("phone_format")
	}
	s = foldWidth(strings.TrimSpace(s))
	var digits, trunk []byte
	plus := false
	for _, r := range s {
		d, isDigit := digit(r)
		switch {
		case isDigit:
			digits = append(digits, '0'+d)
			trunk = append(trunk, '0'+d)
		case r == '+' && !plus && len(digits) == 0:
			plus = true
		case isSeparator(r):
			if r == '(' || r == ')' {
				trunk = append(trunk, byte(r))
			}
		default:
			return refuse("phone_format")
		}
	}
	// "+44 (0)20 …" is a common spelling with a zero that is not dialled from abroad. Without the parentheses it would
	// be the number of another person.
	if bytes.Contains(trunk, []byte("(0)")) {
		return refuse("phone_format")
	}
	number := string(digits)
	if !plus {
		var ok bool
		if number, ok = strings.CutPrefix(number, "00"); !ok {
			return refuse("phone_format")
		}
	}
	if len(number) < 7 || len(number) > 15 || number[0] == '0' {
		return refuse("phone_format")
	}
	return "+" + number, nil
}

// looksLikePhone reports whether s, after foldWidth, could be a phone number. Such a user name would make the kinds
// of identifier overlap.
func looksLikePhone(s string) bool {
	if strings.HasPrefix(strings.TrimLeftFunc(s, isSeparator), "+") {
		return true
	}
	hasDigit := false
	for _, r := range s {
		_, isDigit := digit(r)
		if !isDigit && !isSeparator(r) {
			return false
		}
		hasDigit = hasDigit || isDigit
	}
	return hasDigit
}

// foldWidth replaces the full-width forms of @ and +, which distinguish the kinds of identifier, and of parentheses.
func foldWidth(s string) string {
	return fullWidth.Replace(s)
}

var fullWidth = strings.NewReplacer("＠", "@", "＋", "+", "（", "(", "）", ")")

// digit returns the value of a decimal digit of any script.
func digit(r rune) (byte, bool) {
	if '0' <= r && r <= '9' {
		return byte(r - '0'), true
	}
	if r < 0x80 || !unicode.Is(unicode.Nd, r) {
		return 0, false
	}
	// Unicode encodes the digits of a script as ten consecutive code points from zero (the standard, section 4.6). A
	// range of the table has one or more such groups of ten; TestDigit checks that.
	for _, t := range unicode.Nd.R16 {
		if lo := rune(t.Lo); lo <= r && r <= rune(t.Hi) {
			return byte((r - lo) % 10), true // #nosec G115 -- below ten
		}
	}
	for _, t := range unicode.Nd.R32 {
		if lo := rune(t.Lo); lo <= r && r <= rune(t.Hi) { // #nosec G115 -- a code point
			return byte((r - lo) % 10), true // #nosec G115 -- below ten
		}
	}
	return 0, false
}

// isSeparator reports whether r is commonly written between the digits of a phone number.
func isSeparator(r rune) bool {
	switch r {
	case '.', '．', '-', '－', '−', '(', ')':
		return true
	}
	return unicode.IsSpace(r) || '\u2010' <= r && r <= '\u2015'
}
