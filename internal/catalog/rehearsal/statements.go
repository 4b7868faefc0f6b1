package rehearsal

import "strings"

// statements splits a PostgreSQL script at semicolons. Semicolons in quotes, dollar quotes, comments and the body of an
// SQL function (BEGIN ATOMIC ... END) do not count. Comments before a statement are removed.
func statements(script string) []string {
	var found []string
	start, part := 0, 0 // of the statement, and of the part of it after the last semicolon
	add := func(end int) {
		if text := strings.TrimSpace(script[start:end]); text != "" {
			found = append(found, text)
		}
	}
	for i := 0; i < len(script); {
		rest := script[i:]
		switch {
		case strings.HasPrefix(rest, "--"):
			end := i + lengthThrough(rest, "\n")
			if strings.TrimSpace(script[start:i]) == "" {
				start = end
			}
			i = end
		case rest[0] == '\'' || rest[0] == '"':
			i += 1 + lengthThrough(rest[1:], rest[:1])
		case rest[0] == '$' && strings.Contains(rest[1:], "$") && isDollarTag(rest[1:1+strings.Index(rest[1:], "$")]):
			tag := rest[:strings.Index(rest[1:], "$")+2]
			i += len(tag) + lengthThrough(rest[len(tag):], tag)
		case rest[0] == ';' && strings.Contains(script[start:i], "BEGIN ATOMIC") &&
			strings.TrimSpace(script[part:i]) != "END":
			i++
			part = i
		case rest[0] == ';':
			add(i)
			i++
			start, part = i, i
		default:
			i++
		}
	}
	add(len(script))
	return found
}

// lengthThrough returns the length of text up to and including a delimiter, or of all text if it does not contain it.
func lengthThrough(text, delimiter string) int {
	if i := strings.Index(text, delimiter); i >= 0 {
		return i + len(delimiter)
	}
	return len(text)
}

func isDollarTag(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool {
		return r != '_' && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9')
	}) < 0
}

// heading returns the first line of a statement for messages.
func heading(statement string) string {
	line, more, cut := strings.Cut(statement, "\n")
	if cut && strings.TrimSpace(more) != "" {
		line = strings.TrimRight(line, " (") + " …"
	}
	return line
}
