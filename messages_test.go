package cardinal_test

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden file")

// messageCalls are the functions whose texts a person reads: on the command line, in the log, or in an error.
var messageCalls = regexp.MustCompile(`^(Debug|Info|Warn|Error)(Context)?$|^(Errorf|New|usageError|notFoundError)$|` +
	`^(print|Fprint|Sprint)`)

// messageFields are the fields whose texts a person reads.
var messageFields = []string{"message", "fix"}

// TestMessagesGolden lists every text of the log, of errors and of the command line, so that each change of one is read
// before it lands. The texts of error codes and of help pages have golden files of their own.
func TestMessagesGolden(t *testing.T) {
	const golden = "testdata/messages.txt"
	var got strings.Builder
	for _, folder := range []string{"cmd", "internal"} {
		err := filepath.WalkDir(folder, func(name string, d fs.DirEntry, err error) error {
			if err != nil || !d.IsDir() || strings.HasSuffix(name, "test") {
				return err
			}
			if messages := messagesIn(t, name); len(messages) > 0 {
				fmt.Fprintf(&got, "%s\n  %s\n\n", filepath.ToSlash(name), strings.Join(messages, "\n  "))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if *update {
		if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(readFile(t, golden), got.String()); diff != "" {
		t.Errorf("run `make update` and read the difference (-golden +source)\n%s", diff)
	}
}

// messagesIn returns the messages in the files of a folder, sorted.
func messagesIn(t *testing.T, folder string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				if messageCalls.MatchString(calledName(n.Fun)) {
					for _, arg := range n.Args {
						addMessage(found, arg)
					}
				}
			case *ast.KeyValueExpr:
				if key, ok := n.Key.(*ast.Ident); ok && slices.Contains(messageFields, key.Name) {
					addMessage(found, n.Value)
				}
			}
			return true
		})
	}
	return slices.Sorted(maps.Keys(found))
}

// addMessage adds the text of an expression: literals, with … for each part that is known only at run time. A single
// word is left out: it is a name.
func addMessage(found map[string]bool, e ast.Expr) {
	if text := messageText(e); strings.Contains(strings.Trim(text, " …\n"), " ") {
		found[strings.Trim(strconv.Quote(text), `"`)] = true
	}
}

func messageText(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		if text, err := strconv.Unquote(e.Value); e.Kind == token.STRING && err == nil {
			return text
		}
	case *ast.BinaryExpr:
		return messageText(e.X) + messageText(e.Y)
	}
	return "…"
}
