package api

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"cardinal"
)

const input = "Zq9kanari7|x"

// TestMessages compares the table of messages with huma's source: huma must neither have a message that is not in the
// table, nor format one in another way.
func TestMessages(t *testing.T) {
	formats := humaFormats(t)
	inTable := tableMessages(t)
	if names := namesOf(formats); len(names) < 40 || !slices.Equal(names, namesOf(inTable)) {
		t.Fatalf("huma has the messages\n%q,\nthe table has\n%q", names, namesOf(inTable))
	}
	verb := regexp.MustCompile(`%[vds]`)
	for i, m := range messages {
		code, ok := cardinal.FindCode(m.code)
		if !ok || len(code.Placeholders()) > 1 {
			t.Errorf("message %d: the code %q has the placeholders %q", i, m.code, code.Placeholders())
		}
	}
	for name, format := range formats {
		var args []any
		for _, v := range verb.FindAllString(format, -1) {
			switch {
			case v == "%d":
				args = append(args, 7)
			case v == "%v" && !strings.Contains(format, "number"):
				args = append(args, errors.New(input)) // an error of a parser
			default:
				args = append(args, "rule")
			}
		}
		message := fmt.Sprintf(inTable[name], args...)
		code, value := readMessage(message)
		if strings.Contains(message, "%!") || strings.Contains(message, input) {
			t.Errorf("%s is formatted to %q", name, message)
		}
		if want, _, _ := strings.Cut(inTable[name], messageSeparator); code != want ||
			strings.Contains(value, "kanari") {
			t.Errorf("%s: %q is read as %q, %q", name, message, code, value)
		}
	}
}

// TestUnknownMessages: a message that is not in the table is not shown, even when it looks like one.
func TestUnknownMessages(t *testing.T) {
	for _, message := range []string{"", input, "invalid value: " + input,
		"expected value to match exactly one schema but matched multiple",
		"expected string to be RFC 4122 uuid: " + input, "json: cannot unmarshal number 1e400|" + input} {
		if code, value := readMessage(message); code != "field_format" || value != undescribedForm {
			t.Errorf("%q is read as %q, %q", message, code, value)
		}
	}
	p := decodingProblem([]error{errors.New(input)})
	if p.Status != 422 || len(p.Errors) != 1 || strings.Contains(fmt.Sprint(p.Errors), "kanari") {
		t.Errorf("an error of decoding is the problem %+v", p)
	}
}

func namesOf(m map[string]string) []string {
	var names []string
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// humaFormats returns the names and the values of all exported variables of huma's package validation.
func humaFormats(t *testing.T) map[string]string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/danielgtaylor/huma/v2").Output()
	if err != nil {
		t.Fatal(err)
	}
	formats := map[string]string{}
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(out)), "validation", "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no source of huma: %v", err)
	}
	for _, path := range files {
		for _, spec := range specs(t, path) {
			for i, name := range spec.Names {
				if literal, ok := spec.Values[i].(*ast.BasicLit); ok && name.IsExported() {
					formats[name.Name], _ = strconv.Unquote(literal.Value)
				}
			}
		}
	}
	return formats
}

// tableMessages returns the names in the table of messages, from the source, with the texts that are set.
func tableMessages(t *testing.T) map[string]string {
	t.Helper()
	texts := map[string]string{}
	for _, spec := range specs(t, "huma.go") {
		if spec.Names[0].Name != "messages" {
			continue
		}
		for i, row := range spec.Values[0].(*ast.CompositeLit).Elts {
			name := row.(*ast.CompositeLit).Elts[0].(*ast.UnaryExpr).X.(*ast.SelectorExpr).Sel.Name
			texts[name] = *messages[i].text
		}
	}
	return texts
}

func specs(t *testing.T, path string) []*ast.ValueSpec {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var found []*ast.ValueSpec
	for _, d := range file.Decls {
		if d, ok := d.(*ast.GenDecl); ok && d.Tok == token.VAR {
			for _, s := range d.Specs {
				found = append(found, s.(*ast.ValueSpec))
			}
		}
	}
	return found
}
