package cardinal_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"cardinal"
)

// codeUse is a place in the source that raises an error with a code.
type codeUse struct {
	position string
	code     string
	values   int // how many values it gives for the placeholders; -1 when the source does not show it
}

// TestCodesInSource compares the catalogue with the source: each code that the source raises is in the catalogue, with
// a value for each placeholder, and each code of the catalogue is raised.
func TestCodesInSource(t *testing.T) {
	uses := codeUses(t)
	raised := map[string]bool{}
	for _, u := range uses {
		raised[u.code] = true
		c, ok := cardinal.FindCode(u.code)
		if !ok {
			t.Errorf("%s: the code %q is not in the catalogue (code.go)", u.position, u.code)
			continue
		}
		if u.values >= 0 && u.values != len(c.Placeholders()) {
			t.Errorf(
				"%s: %q has the placeholders %v, the call gives %d values",
				u.position,
				u.code,
				c.Placeholders(),
				u.values,
			)
		}
	}
	for _, c := range cardinal.Codes {
		if !raised[c.Name] {
			t.Errorf("nothing raises %q: remove it from the catalogue (code.go)", c.Name)
		}
	}
	if len(raised) < 100 {
		t.Errorf("only %d codes found in the source: %v", len(raised), slices.Sorted(maps.Keys(raised)))
	}
}

func TestCatalogue(t *testing.T) {
	name := regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`)
	for i, c := range cardinal.Codes {
		if !name.MatchString(c.Name) {
			t.Errorf("%q is not a valid name of a code", c.Name)
		}
		if i > 0 && cardinal.Codes[i-1].Name >= c.Name {
			t.Errorf(
				"%q is not after %q: the catalogue must be sorted, without duplicates",
				c.Name,
				cardinal.Codes[i-1].Name,
			)
		}
		if c.Title == "" || strings.HasSuffix(c.Title, ".") {
			t.Errorf("%s: the title %q must be a text without a full stop", c.Name, c.Title)
		}
		if !strings.HasSuffix(c.Fix, ".") && !strings.HasSuffix(c.Fix, "}") {
			t.Errorf("%s: the fix %q must be a sentence", c.Name, c.Fix)
		}
		if c.Explanation != "" && !strings.HasSuffix(c.Explanation, ".") {
			t.Errorf("%s: the explanation %q must be a sentence", c.Name, c.Explanation)
		}
		if found, ok := cardinal.FindCode(c.Name); !ok || found != c {
			t.Errorf("%s is not found", c.Name)
		}
	}
	if _, ok := cardinal.FindCode("nonsense"); ok {
		t.Error("an unknown code is found")
	}
}

func TestCodeExpand(t *testing.T) {
	c := cardinal.Code{Explanation: "{low} is low.", Fix: "Use {low} to {high}."}
	if explanation, fix := c.Expand(1, 9); explanation != "1 is low." || fix != "Use 1 to 9." {
		t.Errorf("expanded to %q, %q", explanation, fix)
	}
	if _, fix := c.Expand("{high}", 9); fix != "Use {high} to 9." {
		t.Errorf("a value is expanded again: %q", fix)
	}
}

// codeCalls are the functions that take a code: the position of the code among the arguments. The values follow it.
var codeCalls = map[string]int{
	"Refuse":         0, // cardinal.Refuse(code, values…)
	"NewFieldError":  0,
	"ParameterError": 1, // (parameter, code, values…)
	"Add":            1, // FieldErrors.Add(pointer, code, values…)
	"AddParameter":   1,
	"NewProblem":     0, // api
	"fieldError":     1, // api
	"writeProblem":   0, // server
}

// codeTables are the tables of errors, by the position of the code in a row.
var codeTables = map[string]int{"kinds": 2, "constraintCodes": 1, "messages": 1}

func codeUses(t *testing.T) []codeUse {
	t.Helper()
	var uses []codeUse
	files := token.NewFileSet()
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			// Packages for tests raise no errors. The command line has codes of its own.
			if name := d.Name(); name == "testdata" || name == "cmd" || name == "e2e" || name == "bin" ||
				strings.HasSuffix(name, "test") || strings.HasPrefix(name, ".") && path != "." {
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
		uses = append(uses, codeUsesIn(files, file)...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return uses
}

func codeUsesIn(files *token.FileSet, file *ast.File) []codeUse {
	var uses []codeUse
	add := func(e ast.Expr, values int) {
		if code, ok := stringLiteral(e); ok && !strings.Contains(code, " ") {
			uses = append(uses, codeUse{files.Position(e.Pos()).String(), code, values})
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			name := calledName(n.Fun)
			at, ok := codeCalls[name]
			isNormal := file.Name.Name == "normal"
			switch {
			case name == "refuse" && isNormal: // refuse(code, values…)
				for _, argument := range n.Args[:min(len(n.Args), 2)] {
					add(argument, -1)
				}
			case ok && len(n.Args) > at:
				values := len(n.Args) - at - 1
				if n.Ellipsis.IsValid() {
					values = -1
				}
				add(n.Args[at], values)
			}
		case *ast.ValueSpec:
			for i, name := range n.Names {
				at, isTable := codeTables[name.Name]
				if !isTable || i >= len(n.Values) {
					continue
				}
				table, _ := n.Values[i].(*ast.CompositeLit)
				for _, row := range table.Elts {
					if row, ok := row.(*ast.CompositeLit); ok && len(row.Elts) > at {
						add(row.Elts[at], -1)
					}
				}
			}
		}
		return true
	})
	return uses
}

func stringLiteral(e ast.Expr) (string, bool) {
	literal, ok := e.(*ast.BasicLit)
	if !ok || literal.Kind != token.STRING {
		return "", false
	}
	text, err := strconv.Unquote(literal.Value)
	return text, err == nil && text != ""
}

func calledName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}
