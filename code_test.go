package cardinal_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"cardinal"
)

// codesIn is what the source of the module says of codes.
type codesIn struct {
	given map[string]string // codes that something refuses with, and where one of these places is
}

// TestCodes holds the catalogue against the source: every code that something refuses with is in it, and nothing else is.
func TestCodes(t *testing.T) {
	found := readCodes(t)
	for _, code := range slices.Sorted(maps.Keys(found.given)) {
		prefix, open := strings.CutSuffix(code, "*")
		if _, ok := cardinal.FindCode(code); !ok && !open {
			t.Errorf("%s refuses with %q, which is not in the catalogue (code.go)", found.given[code], code)
		}
		if open && !slices.ContainsFunc(cardinal.Codes, func(c cardinal.Code) bool { return strings.HasPrefix(c.Name, prefix) }) {
			t.Errorf("%s refuses with codes that begin with %q, and none is in the catalogue (code.go)", found.given[code], prefix)
		}
	}
	for _, c := range cardinal.Codes {
		_, used := found.given[c.Name]
		for code := range found.given {
			prefix, open := strings.CutSuffix(code, "*")
			used = used || open && strings.HasPrefix(c.Name, prefix)
		}
		if !used {
			t.Errorf("nothing refuses with %q: take it out of the catalogue (code.go)", c.Name)
		}
	}
	if len(found.given) < 80 {
		t.Errorf("only %d codes found: the reader of the source misses some", len(found.given))
	}
}

func TestCatalogueIsTold(t *testing.T) {
	if !slices.IsSortedFunc(cardinal.Codes, func(a, b cardinal.Code) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("the catalogue is not sorted by name, and look-ups miss codes")
	}
	seen := map[string]bool{}
	for _, c := range cardinal.Codes {
		if seen[c.Name] {
			t.Errorf("%s is in the catalogue twice", c.Name)
		}
		seen[c.Name] = true
		if c.Title == "" || c.Fix == "" {
			t.Errorf("%s has no title or no fix", c.Name)
		}
		if strings.HasSuffix(c.Title, ".") || !strings.HasSuffix(c.Fix, ".") {
			t.Errorf("%s: a title has no full stop, a fix has one: %q, %q", c.Name, c.Title, c.Fix)
		}
		if got, ok := cardinal.FindCode(c.Name); !ok || got != c {
			t.Errorf("%s is not found", c.Name)
		}
		if cardinal.CodeTitle(c.Name) != c.Title {
			t.Errorf("%s has another title", c.Name)
		}
	}
	if _, ok := cardinal.FindCode("nonsense"); ok || cardinal.CodeTitle("nonsense") != "nonsense" {
		t.Error("a code that is not there is found")
	}
}

// places are where codes stand: as an argument of a call, by the name of what is called and how many arguments it has, …
var places = []struct {
	name string
	args int // at least so many
	at   int
}{
	{"Refuse", 3, 1},    // cardinal.Refuse(kind, code, format, …)
	{"Add", 3, 1},       // faults.Add(pointer, code, message)
	{"problem", 3, 1},   // problem(status, code, detail)
	{"parameter", 3, 1}, // directory's own for faults of a query
	{"refuse", 3, 1},    // server's refuse(status, code, detail)
	{"refuse", 2, 0},    // normal's and password's refuse(code, message)
}

// … as a part of the tables that turn errors into refusals, …
var tables = map[string]int{"kinds": 2, "explanations": 1}

// … as constants and fields that are called Code.
func readCodes(t *testing.T) codesIn {
	t.Helper()
	out := codesIn{map[string]string{}}
	files := token.NewFileSet()
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			// Packages for tests refuse nobody. The command line has codes of its own, for what only a shell meets.
			if d.Name() == "testdata" || d.Name() == "cmd" || d.Name() == "e2e" || strings.HasSuffix(d.Name(), "test") || strings.HasPrefix(d.Name(), ".") && path != "." {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || path == "code.go" {
			return nil
		}
		file, err := parser.ParseFile(files, path, nil, 0)
		if err != nil {
			return err
		}
		out.read(files, file)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (c codesIn) read(files *token.FileSet, file *ast.File) {
	give := func(e ast.Expr) {
		text, ok := textOf(e)
		if ok && text != "" && text != "*" && !strings.Contains(text, " ") {
			c.given[text] = files.Position(e.Pos()).String()
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			for _, p := range places {
				if nameOf(n.Fun) == p.name && len(n.Args) >= p.args {
					give(n.Args[p.at])
				}
			}
		case *ast.KeyValueExpr:
			if key, ok := n.Key.(*ast.Ident); ok && key.Name == "Code" {
				give(n.Value)
			}
		case *ast.ValueSpec:
			for i, name := range n.Names {
				if i >= len(n.Values) {
					break
				}
				if strings.HasPrefix(name.Name, "Code") && len(name.Name) > len("Code") {
					give(n.Values[i])
				}
				at, isTable := tables[name.Name]
				table, ok := n.Values[i].(*ast.CompositeLit)
				if !isTable || !ok {
					continue
				}
				for _, row := range table.Elts {
					if row, ok := row.(*ast.CompositeLit); ok && len(row.Elts) > at {
						give(row.Elts[at])
					}
				}
			}
		}
		return true
	})
}

// textOf is a text that is written out; one that something is added to ends with a star.
func textOf(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		return text, err == nil && e.Kind == token.STRING
	case *ast.BinaryExpr:
		text, ok := textOf(e.X)
		return text + "*", ok
	}
	return "", false
}

func nameOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}
