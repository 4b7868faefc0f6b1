package rehearsal

import "strings"

// statements splits a PostgreSQL script at its semicolons, but for those in quotes, dollar quotes and comments. Comments before a
// statement are left out.
func statements(script string) []string {
	var found []string
	begin := 0
	add := func(end int) {
		if text := strings.TrimSpace(script[begin:end]); text != "" {
			found = append(found, text)
		}
	}
	for i := 0; i < len(script); {
		rest := script[i:]
		switch {
		case strings.HasPrefix(rest, "--"):
			end := i + until(rest, "\n")
			if strings.TrimSpace(script[begin:i]) == "" {
				begin = end
			}
			i = end
		case rest[0] == '\'' || rest[0] == '"':
			i += 1 + until(rest[1:], rest[:1])
		case rest[0] == '$' && strings.Contains(rest[1:], "$") && isTag(rest[1:1+strings.Index(rest[1:], "$")]):
			tag := rest[:strings.Index(rest[1:], "$")+2]
			i += len(tag) + until(rest[len(tag):], tag)
		case rest[0] == ';':
			add(i)
			i++
			begin = i
		default:
			i++
		}
	}
	add(len(script))
	return found
}

// until is the length of text up to and with a mark.
func until(text, mark string) int {
	if i := strings.Index(text, mark); i >= 0 {
		return i + len(mark)
	}
	return len(text)
}

func isTag(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool {
		return r != '_' && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9')
	}) < 0
}

// heading is the first line of a statement, for people.
func heading(statement string) string {
	line, more, cut := strings.Cut(statement, "\n")
	if cut && strings.TrimSpace(more) != "" {
		line = strings.TrimRight(line, " (") + " …"
	}
	return line
}
