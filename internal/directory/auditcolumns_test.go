package directory

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"log/slog"
	"os"
	"path"
	"strconv"
	"strings"
	"testing"
)

// TestRecordedColumnsListed compares the calls that record a column with the table: an unlisted column would be masked
// at run time.
func TestRecordedColumnsListed(t *testing.T) {
	recorded := map[string]string{}
	for _, folder := range []string{".", "../access", "../jobs", "../signin", "../importing"} {
		for column, position := range recordedColumns(t, folder) {
			recorded[column] = position
		}
	}
	if len(recorded) < 20 {
		t.Fatalf("only %d columns found in the source: %v", len(recorded), recorded)
	}
	for column, position := range recorded {
		if !isListed(column) {
			t.Errorf("%s: %s is not in columnVisibility", position, column)
		}
	}
	for _, f := range ProfileFields {
		if column := "profiles." + f.Column; !isListed(column) {
			t.Errorf("%s is not in columnVisibility", column)
		}
	}
}

func isListed(column string) bool {
	if _, ok := columnVisibility[column]; ok {
		return true
	}
	for _, p := range columnPatterns {
		if ok, _ := path.Match(p.pattern, column); ok {
			return true
		}
	}
	return false
}

// recordedColumns returns the columns in the calls of RecordChange and RecordMasked, and in the maps for ColumnChanges,
// with their positions. A part that is not a literal is replaced by "any".
func recordedColumns(t *testing.T, folder string) map[string]string {
	t.Helper()
	files := token.NewFileSet()
	found := map[string]string{}
	entries, err := fs.Glob(os.DirFS(folder), "*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range entries {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(files, path.Join(folder, name), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				called, ok := n.Fun.(*ast.SelectorExpr)
				if ok && called.Sel.Name == "RecordChange" && len(n.Args) > 0 {
					found[columnName(n.Args[0])] = files.Position(n.Pos()).String()
				}
				if ok && called.Sel.Name == "RecordMasked" {
					for _, argument := range n.Args {
						found[columnName(argument)] = files.Position(n.Pos()).String()
					}
				}
			case *ast.CompositeLit:
				if kind, ok := n.Type.(*ast.MapType); !ok || types(kind) != "map[string]any" {
					return true
				}
				for _, e := range n.Elts {
					if pair, ok := e.(*ast.KeyValueExpr); ok && strings.Contains(columnName(pair.Key), ".") {
						found[columnName(pair.Key)] = files.Position(n.Pos()).String()
					}
				}
			}
			return true
		})
	}
	delete(found, "any") // a variable: its values come from ProfileFields, or from RecordMasked itself
	return found
}

func types(m *ast.MapType) string {
	key, _ := m.Key.(*ast.Ident)
	value, _ := m.Value.(*ast.Ident)
	if key == nil || value == nil {
		return ""
	}
	return "map[" + key.Name + "]" + value.Name
}

func columnName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, _ := strconv.Unquote(e.Value)
		return text
	case *ast.BinaryExpr:
		return columnName(e.X) + columnName(e.Y)
	}
	return "any"
}

func TestUnlistedColumnMaskedAndLogged(t *testing.T) {
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	change := columnChange(logger, "users.shoe_size", "canary-before", "canary-after")
	if !change.Masked || change.From != nil || change.To != nil {
		t.Errorf("the change is %+v", change)
	}
	if !strings.Contains(log.String(), "users.shoe_size") || strings.Contains(log.String(), "canary") {
		t.Errorf("logged %q", log.String())
	}
	log.Reset()
	if change := columnChange(logger, "users.status", "active", "suspended"); change.Masked ||
		change.To != "suspended" {
		t.Errorf("the change of a listed column is %+v", change)
	}
	if log.Len() > 0 {
		t.Errorf("logged %q for a listed column", log.String())
	}
}
