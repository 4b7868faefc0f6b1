package normal

import (
	"bytes"
	"strings"
	"unicode"
)

// Phone returns the normal form of a telephone number in international form: E.164, a plus sign and 7 to 15 digits.
// A leading 00 is read as the plus sign, digits of any script as ASCII; spaces, dots, hyphens and parentheses go.
func Phone(s string) (string, error) {
	if len(s) > maxInput || !wellFormed(s) {
		return refuse("phone_format")
	}
	s = foldSigns(strings.TrimSpace(s))
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
	// "+44 (0)20 …" is a common spelling whose zero is not dialled from abroad: dropping only the parentheses would
	// give somebody else's number.
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

// looksLikePhone reports whether s, signs folded, can be meant as a telephone number: a user name of that look would make
// the kinds of identifier overlap.
func looksLikePhone(s string) bool {
	if strings.HasPrefix(strings.TrimLeftFunc(s, isSeparator), "+") {
		return true
	}
	some := false
	for _, r := range s {
		_, isDigit := digit(r)
		if !isDigit && !isSeparator(r) {
			return false
		}
		some = some || isDigit
	}
	return some
}

// foldSigns maps the full-width forms of the two signs that tell the kinds of identifier apart, and the parentheses.
func foldSigns(s string) string {
	return signs.Replace(s)
}

var signs = strings.NewReplacer("＠", "@", "＋", "+", "（", "(", "）", ")")

// digit returns the value of a decimal digit of any script.
func digit(r rune) (byte, bool) {
	if '0' <= r && r <= '9' {
		return byte(r - '0'), true
	}
	if r < 0x80 || !unicode.Is(unicode.Nd, r) {
		return 0, false
	}
	// Unicode encodes each script's digits as a run of ten from zero (the standard, section 4.6), and a table's range
	// is one such run or several; the test holds the tables to it.
	for _, t := range unicode.Nd.R16 {
		if lo := rune(t.Lo); lo <= r && r <= rune(t.Hi) {
			return byte((r - lo) % 10), true
		}
	}
	for _, t := range unicode.Nd.R32 {
		if lo := rune(t.Lo); lo <= r && r <= rune(t.Hi) {
			return byte((r - lo) % 10), true
		}
	}
	return 0, false
}

// isSeparator reports what people write between the digits of a telephone number.
func isSeparator(r rune) bool {
	switch r {
	case '.', '．', '-', '－', '−', '(', ')':
		return true
	}
	return unicode.IsSpace(r) || '\u2010' <= r && r <= '\u2015'
}
