package cardinal_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestWhere checks each row of docs/where.md: the file is there and contains the name.
func TestWhere(t *testing.T) {
	rows := regexp.MustCompile("(?m)^\\| (.+) \\| `(.+)` \\| `(.+)` \\|$").
		FindAllStringSubmatch(readFile(t, "docs/where.md"), -1)
	if len(rows) < 20 {
		t.Fatalf("only %d questions are answered", len(rows))
	}
	for _, row := range rows {
		text, err := os.ReadFile(row[2])
		if err != nil {
			t.Errorf("%s %v", row[1], err)
		} else if !strings.Contains(string(text), row[3]) {
			t.Errorf("%s %s does not contain %s", row[1], row[2], row[3])
		}
	}
}

// TestDocumentLinks checks that every relative link in the documents leads to a file.
func TestDocumentLinks(t *testing.T) {
	documents, err := filepath.Glob("*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, pattern := range []string{"docs/*.md", "docs/*/*.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		documents = append(documents, found...)
	}
	link := regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)
	for _, document := range documents {
		for _, l := range link.FindAllStringSubmatch(readFile(t, document), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(document), l[1])); err != nil {
				t.Errorf("%s: the link to %s leads nowhere", document, l[1])
			}
		}
	}
}

// TestLineLength keeps lines readable: 120 columns, a tab counts four. Golden files and data are left out.
func TestLineLength(t *testing.T) {
	for _, file := range textFiles(t) {
		if strings.Contains(file, "testdata/") || filepath.Ext(file) == ".txt" || strings.HasPrefix(file, "LICENSE") {
			continue
		}
		for i, line := range strings.Split(readFile(t, file), "\n") {
			if n := columns(line); n > 120 && !strings.HasPrefix(line, "|") && !strings.Contains(line, "](http") {
				t.Errorf("%s:%d: %d columns", file, i+1, n)
			}
		}
	}
}

func columns(line string) int {
	n := 0
	for _, r := range line {
		if r == '\t' {
			n += 4
		} else {
			n++
		}
	}
	return n
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
