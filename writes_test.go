package cardinal_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestWritesOutsideChange compares the functions that write to the store without directory.Change with the list in
// ARCHITECTURE.md.
func TestWritesOutsideChange(t *testing.T) {
	listed, found := listedWrites(t), writesInSource(t)
	if len(found) < 10 {
		t.Fatalf("only %d writes found in the source: %v", len(found), slices.Sorted(maps.Keys(found)))
	}
	for function, position := range found {
		if !listed[function] {
			t.Errorf(
				"%s: %s writes without directory.Change: use it, or list the function with a reason in ARCHITECTURE.md",
				position,
				function,
			)
		}
	}
	for function := range listed {
		if _, ok := found[function]; !ok {
			t.Errorf("ARCHITECTURE.md lists %s, which does not write without directory.Change", function)
		}
	}
}

var writeRow = regexp.MustCompile("(?m)^\\| `([a-z]+/[a-z]+\\.go)` \\| (.+?) \\| (.+) \\|$")

// listedWrites reads the table of ARCHITECTURE.md: a file, its functions, the reason.
func listedWrites(t *testing.T) map[string]bool {
	t.Helper()
	text, err := os.ReadFile("ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for _, row := range writeRow.FindAllStringSubmatch(string(text), -1) {
		for function := range strings.SplitSeq(row[2], ", ") {
			listed[row[1]+" "+strings.Trim(function, "`")] = true
		}
	}
	return listed
}

// writesInSource returns the functions, by file and name, that call Store.Write: a call of Write whose last argument is
// a function of a store.Tx.
func writesInSource(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	files := token.NewFileSet()
	for _, folder := range []string{
		"internal/directory", "internal/access", "internal/hashes", "internal/signin", "internal/importing",
		"internal/throttle", "internal/directory", "internal/access", "internal/signin", "internal/importing",
		"internal/jobs", "cmd/cardinal",
	} {
		err := filepath.WalkDir(folder, func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") ||
				strings.HasSuffix(filepath.Dir(name), "test") {
				return err
			}
			file, err := parser.ParseFile(files, name, nil, 0)
			if err != nil {
				return err
			}
			for _, declaration := range file.Decls {
				function, ok := declaration.(*ast.FuncDecl)
				if !ok || function.Name.Name == "Change" {
					continue
				}
				ast.Inspect(function, func(n ast.Node) bool {
					if call, ok := n.(*ast.CallExpr); ok && isStoreWrite(call) {
						key := filepath.ToSlash(strings.TrimPrefix(name, "internal/")) + " " + function.Name.Name
						found[key] = files.Position(call.Pos()).String()
					}
					return true
				})
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return found
}

func isStoreWrite(call *ast.CallExpr) bool {
	called, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || called.Sel.Name != "Write" || len(call.Args) != 2 {
		return false
	}
	function, ok := call.Args[1].(*ast.FuncLit)
	if !ok || function.Type.Params.NumFields() != 1 {
		return false
	}
	parameter, ok := function.Type.Params.List[0].Type.(*ast.SelectorExpr)
	return ok && parameter.Sel.Name == "Tx"
}
