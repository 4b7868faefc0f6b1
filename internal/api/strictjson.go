package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"unicode/utf8"
)

// maxNesting limits the depth of a body. encoding/json would allow ten thousand levels.
const maxNesting = 32

// checkJSON returns why a text is ambiguous or cannot be stored, or "". encoding/json accepts or replaces what must be
// refused: invalid UTF-8, lone surrogates, NUL, a repeated name, and more than one value.
func checkJSON(text []byte) string {
	if !utf8.Valid(text) {
		return "it is not valid UTF-8"
	}
	if bad := checkEscapes(text); bad != "" {
		return bad
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	type level struct {
		names map[string]bool // of an object; nil for an array
		value bool            // the next token of an object is a value
	}
	var open []level
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			if len(open) == 0 && decoder.InputOffset() > 0 {
				return ""
			}
			return "it is incomplete"
		}
		if err != nil {
			return "it is not JSON"
		}
		top := len(open) - 1
		if delimiter, ok := token.(json.Delim); ok {
			switch delimiter {
			case '{', '[':
				if top >= 0 {
					open[top].value = false
				}
				if len(open) == maxNesting {
					return "it is nested too deeply"
				}
				var names map[string]bool
				if delimiter == '{' {
					names = map[string]bool{}
				}
				open = append(open, level{names: names})
			default:
				open = open[:top]
			}
		} else if top >= 0 && open[top].names != nil && !open[top].value {
			name := token.(string)
			if open[top].names[name] {
				return "an object has a name twice"
			}
			open[top].names[name], open[top].value = true, true
		} else if top >= 0 {
			open[top].value = false
		}
		if len(open) == 0 && len(bytes.TrimSpace(text[decoder.InputOffset():])) > 0 {
			return "there is text after its end"
		}
	}
}

// checkEscapes finds \u escapes of NUL, and of surrogates that are not a pair. A backslash outside of a string is not
// valid JSON, so strings need not be recognised.
func checkEscapes(text []byte) string {
	for i := 0; i < len(text); i++ {
		if text[i] == 0 {
			return "it has a NUL character"
		}
		if text[i] != '\\' {
			continue
		}
		i++
		if i >= len(text) || text[i] != 'u' {
			continue
		}
		unit, ok := hex4(text, i+1)
		i += 4
		switch {
		case !ok:
			return "it is not JSON"
		case unit == 0:
			return "it has a NUL character"
		case unit >= 0xdc00 && unit <= 0xdfff:
			return "it has half of a surrogate pair"
		case unit >= 0xd800 && unit <= 0xdbff:
			low, ok := hex4(text, i+3)
			if !ok || text[i+1] != '\\' || text[i+2] != 'u' || low < 0xdc00 || low > 0xdfff {
				return "it has half of a surrogate pair"
			}
			i += 6
		}
	}
	return ""
}

// hex4 reads four hexadecimal digits.
func hex4(text []byte, at int) (int, bool) {
	if at < 0 || at+4 > len(text) {
		return 0, false
	}
	n := 0
	for _, c := range text[at : at+4] {
		switch {
		case c >= '0' && c <= '9':
			n = n<<4 | int(c-'0')
		case c >= 'a' && c <= 'f':
			n = n<<4 | int(c-'a'+10)
		case c >= 'A' && c <= 'F':
			n = n<<4 | int(c-'A'+10)
		default:
			return 0, false
		}
	}
	return n, true
}
