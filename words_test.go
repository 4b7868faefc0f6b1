package cardinal_test

import (
	"fmt"
	"go/scanner"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// plainWords are phrases that are not used in this repository, with what to write instead. Most readers are not native
// speakers: see docs/glossary.md. A pattern is a regular expression for whole words, in lower case; the words of an
// identifier count as words.
var plainWords = []struct{ pattern, instead string }{
	{`a time to come`, "a time in the future"},
	{`anew`, "again"},
	{`any(body|one) else s`, "another user's"},
	{`anybody|everybody|nobody|somebody`, "a user, every user, no user, a caller"},
	{`at fault`, "invalid"},
	{`beside(s)?`, "next to, in addition to"},
	{`(among the )?commonest`, "too common"},
	{`dead (link|session|letter|setup|reply|claim)s?`, "expired, ended, failed"},
	{`decides? anew`, "read it again, then retry"},
	{`e mails?`, "email"},
	{`go(es)? on with|going on with`, "continue, resume"},
	{`in words`, "as text"},
	{`laps(e|es|ed|ing)`, "expire"},
	{`last way in|ways? in(to)? (the|an) account`, "last sign-in identifier"},
	{`lull|ward|complaints`, "the field's term"},
	{`mind the`, "see the"},
	{`one an? (line|kind|user|table|person)`, "one per line, per kind, per user"},
	{`outrank(s|ed|ing)?`, "has permissions that you do not have"},
	{`shall`, "must, will"},
	{`shell of the operator|operator s shell`, "command line"},
	{`strangers?`, "anonymous caller"},
	{`take(s|n)? (it |them |that )?back|took back`, "undo, restore"},
	{`telephones?`, "phone"},
	{`tells? apart|told apart|told`, "distinguish, report, return"},
	{`that is no [a-z]+`, "not a valid …"},
	{`the house|floors?|the roof`, "the structure, a layer"},
	{`the present (password|state)`, "the current …"},
	{`there is no such`, "not found, unknown"},
	{`unproved|proved|disproved`, "unverified, verified"},
	{`vouch(es|ed|ing)?`, "verify, mark as verified"},
	{`who(so)?ever|whom(ever)?`, "the user who, a caller who"},
}

// plainWordExceptions are the places where a phrase stands all the same, each with the reason. path is a pattern of
// path.Match, or a folder with /... at the end.
var plainWordExceptions = []struct{ path, phrase, reason string }{
	{"words_test.go", "", "lists the phrases"},
	{"CHANGELOG.md", "stranger", "names what was renamed"},
	{"CHANGELOG.md", "outrank", "names what was renamed"},
	{"CHANGELOG.md", "last way in", "names what was renamed"},
	{"CHANGELOG.md", "dead setup", "names what was renamed"},
	{"internal/store/caller_test.go", "floor", "uuid_v7_floor, a function of a migration"},
	{"internal/store/schema/...", "floor", "uuid_v7_floor, a function of a migration, which is not edited any more"},
	{"internal/store/schema/...", "telephone", "comments of migrations, which are not edited any more"},
	{"internal/catalog/check/point_*.go", "e mail", "patterns for names of columns"},
	{"internal/importfile/columns.go", "telephone", "a name of a column in files of other systems"},
	{"internal/importfile/importfile_test.go", "e mail", "a name of a column in files of other systems"},
	{"internal/importing/upload_test.go", "e mail", "a name of a column in files of other systems"},
	{"internal/pgtest/process_unix.go", "nobody", "a user of the operating system"},
}

// plainWordFiles are the kinds of file whose text is checked.
var plainWordFiles = []string{".go", ".sql", ".md", ".sh", ".txt", ".yaml", ".toml", ""}

// skippedFolders hold text of other people, or generated data.
var skippedFolders = []string{".git", "node_modules", "bin", "fuzz"}

// TestPlainWords holds comments, messages, documents, SQL and identifiers to plainWords.
func TestPlainWords(t *testing.T) {
	patterns := make([]*regexp.Regexp, len(plainWords))
	for i, w := range plainWords {
		patterns[i] = regexp.MustCompile(`\b(` + w.pattern + `)\b`)
	}
	used := make([]bool, len(plainWordExceptions))
	checked := 0
	for _, file := range textFiles(t) {
		checked++
		for _, line := range linesOfWords(t, file) {
			for i, pattern := range patterns {
				found := pattern.FindString(line.text)
				if found == "" || isException(file, found, used) {
					continue
				}
				t.Errorf("%s:%d: %q: write %s", file, line.number, found, plainWords[i].instead)
			}
		}
	}
	if checked < 300 {
		t.Errorf("only %d files were checked", checked)
	}
	for i, e := range plainWordExceptions {
		if !used[i] {
			t.Errorf("the exception for %q in %s is not needed any more", e.phrase, e.path)
		}
	}
}

func isException(file, found string, used []bool) bool {
	excepted := false
	for i, e := range plainWordExceptions {
		folder, isFolder := strings.CutSuffix(e.path, "/...")
		matches := isFolder && strings.HasPrefix(file, folder+"/")
		if ok, _ := path.Match(e.path, file); ok {
			matches = true
		}
		if matches && strings.Contains(found, e.phrase) {
			used[i], excepted = true, true
		}
	}
	return excepted
}

func textFiles(t *testing.T) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if slices.Contains(skippedFolders, d.Name()) {
				return filepath.SkipDir
			}
			return nil
		}
		extension := filepath.Ext(name)
		isText := extension != "" || strings.HasPrefix(name, "scripts/") || name == "Makefile"
		if slices.Contains(plainWordFiles, extension) && isText {
			files = append(files, filepath.ToSlash(name))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// wordLine is a line of a file as words in lower case.
type wordLine struct {
	number  int
	text    string
	comment bool // of Go
}

func linesOfWords(t *testing.T, file string) []wordLine {
	t.Helper()
	source, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if filepath.Ext(file) == ".go" {
		return goWords(t, file, source)
	}
	var lines []wordLine
	for i, line := range strings.Split(string(source), "\n") {
		lines = append(lines, wordLine{number: i + 1, text: words(line)})
	}
	return lines
}

// goWords returns the comments, strings and identifiers of a Go file. The lines of a comment stand together, so that a
// phrase is found across them.
func goWords(t *testing.T, file string, source []byte) []wordLine {
	t.Helper()
	var s scanner.Scanner
	files := token.NewFileSet()
	handle := files.AddFile(file, files.Base(), len(source))
	report := func(_ token.Position, message string) { t.Errorf("%s: %s", file, message) }
	s.Init(handle, source, report, scanner.ScanComments)
	var lines []wordLine
	for {
		position, kind, text := s.Scan()
		number := files.Position(position).Line
		switch kind {
		case token.EOF:
			return lines
		case token.COMMENT:
			if last := len(lines) - 1; last >= 0 && lines[last].comment && lines[last].number == number-1 {
				lines[last] = wordLine{number, lines[last].text + " " + words(text), true}
				continue
			}
			lines = append(lines, wordLine{number, words(text), true})
		case token.IDENT, token.STRING:
			lines = append(lines, wordLine{number: number, text: words(text)})
		}
	}
}

// words returns the words of a text in lower case, with one space between them. camelCase and snake_case are several
// words.
func words(text string) string {
	var b strings.Builder
	var previous rune
	for _, r := range text {
		switch {
		case unicode.IsLetter(r):
			if unicode.IsUpper(r) && unicode.IsLower(previous) {
				b.WriteByte(' ')
			}
			b.WriteRune(unicode.ToLower(r))
		default:
			b.WriteByte(' ')
		}
		previous = r
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

func TestWords(t *testing.T) {
	for text, want := range map[string]string{
		"tellVersion":          "tell version",
		"// Whoever has it.":   "whoever has it",
		"no_such_thing":        "no such thing",
		"HTTPServer at once":   "httpserver at once",
		"the user's own (two)": "the user s own two",
	} {
		if got := words(text); got != want {
			t.Errorf("words of %q are %q, want %q", text, got, want)
		}
	}
	if !strings.Contains(fmt.Sprint(plainWords), "vouch") {
		t.Error("the list of phrases is empty")
	}
}
