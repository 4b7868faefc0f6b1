package catalog

import "strings"

// token is a lexical token of SQL.
type token struct {
	kind  tokenKind
	text  string // of a name: without quotes; of a comment: without delimiters
	start int    // offset in the source
	end   int    // offset after the last byte
	line  int
}

type tokenKind byte

const (
	word    tokenKind = 'w' // a keyword or a name without quotes
	quoted  tokenKind = 'q' // a name in quotes
	literal tokenKind = 'l'
	symbol  tokenKind = 's'
	comment tokenKind = 'c'
)

// tokenize splits SQL into tokens. An unclosed quote extends to the end.
func tokenize(source string) []token {
	var found []token
	line := 1
	for i := 0; i < len(source); {
		t := token{start: i, line: line}
		rest := source[i:]
		switch c := source[i]; {
		case c == '\n' || c == ' ' || c == '\t' || c == '\r' || c == '\f':
			if c == '\n' {
				line++
			}
			i++
			continue
		case strings.HasPrefix(rest, "--"):
			t.kind, t.end = comment, i+lengthUntil(rest, "\n", false)
			t.text = strings.TrimSpace(source[i+2 : t.end])
		case strings.HasPrefix(rest, "/*"):
			t.kind, t.end = comment, i+lengthUntil(rest, "*/", true)
			t.text = strings.TrimSpace(strings.TrimSuffix(source[i+2:t.end], "*/"))
		case c == '\'':
			t.kind, t.end = literal, i+lengthQuoted(rest, '\'')
			t.text = source[i:t.end]
		case c == '"' || c == '`':
			t.kind, t.end = quoted, i+lengthQuoted(rest, c)
			t.text = strings.ReplaceAll(strings.TrimSuffix(source[i+1:t.end], string(c)), string([]byte{c, c}),
				string(c))
		case c == '[':
			t.kind, t.end = quoted, i+lengthUntil(rest, "]", true)
			t.text = strings.TrimSuffix(source[i+1:t.end], "]")
		case isWordByte(c):
			for t.end = i; t.end < len(source) && isWordByte(source[t.end]); t.end++ {
			}
			t.kind, t.text = word, source[i:t.end]
			if t.end < len(source) && source[t.end] == '\'' && strings.EqualFold(t.text, "x") { // x'00'
				t.kind, t.end = literal, t.end+lengthQuoted(source[t.end:], '\'')
				t.text = source[i:t.end]
			} else if c >= '0' && c <= '9' {
				t.kind = literal
			}
		default:
			t.kind, t.end, t.text = symbol, i+1, string(c)
		}
		line += strings.Count(source[i:t.end], "\n")
		found, i = append(found, t), t.end
	}
	return found
}

func isWordByte(c byte) bool {
	return c == '_' || c == '$' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

// lengthUntil returns the length of text up to a mark, including the mark if inclusive.
func lengthUntil(text, mark string, inclusive bool) int {
	i := strings.Index(text, mark)
	switch {
	case i < 0:
		return len(text)
	case inclusive:
		return i + len(mark)
	}
	return i
}

// lengthQuoted returns the length of a quoted token; a doubled quote inside it is an escaped quote.
func lengthQuoted(text string, quote byte) int {
	for i := 1; i < len(text); i++ {
		if text[i] == quote {
			if i+1 < len(text) && text[i+1] == quote {
				i++
				continue
			}
			return i + 1
		}
	}
	return len(text)
}

// is reports whether the token is this keyword (in upper case) or symbol.
func (t token) is(keyword string) bool {
	return t.kind == word && strings.EqualFold(t.text, keyword) || t.kind == symbol && t.text == keyword
}

func (t token) isName() bool { return t.kind == word || t.kind == quoted }
