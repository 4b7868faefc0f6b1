package main

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestEachMutantFits checks that each mutant can be applied to the current code and that its tests exist. It does not
// run the mutants; `make mutants` does.
func TestEachMutantFits(t *testing.T) {
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, m := range all() {
		t.Run(m.name, func(t *testing.T) {
			if names[m.name] {
				t.Error("duplicate name")
			}
			names[m.name] = true
			overlay, err := m.overlay(root, t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			var list struct{ Replace map[string]string }
			text, err := os.ReadFile(overlay)
			if err == nil {
				err = json.Unmarshal(text, &list)
			}
			if err != nil {
				t.Fatal(err)
			}
			for original, changed := range list.Replace {
				if filepath.Ext(original) == ".go" {
					_, err := parser.ParseFile(token.NewFileSet(), changed, nil, parser.SkipObjectResolution)
					if err != nil {
						t.Errorf("the changed file is not valid Go: %v", err)
					}
				}
			}
			checkTests(t, root, m)
		})
	}
	if len(names) < 40 {
		t.Errorf("only %d mutants", len(names))
	}
}

// checkTests checks that each alternative of the pattern names a test of the package, and each part after a slash one
// of its subtests.
func checkTests(t *testing.T, root string, m mutant) {
	t.Helper()
	tests, texts, err := testsOf(filepath.Join(root, m.pkg))
	if err != nil {
		t.Fatal(err)
	}
	for alternative := range strings.SplitSeq(m.run, "|") {
		for i, name := range strings.Split(alternative, "/") {
			name = strings.Trim(name, "^$")
			switch {
			case i == 0 && !tests[name]:
				t.Errorf("%s has no test %q", m.pkg, name)
			case i > 0 && name != "sqlite" && name != "postgres" && !texts[name]:
				t.Errorf("%s has no subtest %q", m.pkg, name)
			}
		}
	}
}

// testsOf returns the top-level tests of a package, and what its subtests can be called: the texts in its tests and the
// names of its scripts.
func testsOf(folder string) (tests, texts map[string]bool, err error) {
	tests, texts = map[string]bool{}, map[string]bool{}
	files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	if err != nil {
		return nil, nil, err
	}
	for _, path := range files {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, nil, err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				tests[n.Name.Name] = n.Recv == nil && isTest.MatchString(n.Name.Name)
			case *ast.BasicLit:
				if text, err := strconv.Unquote(n.Value); err == nil {
					texts[text] = true
				}
			}
			return true
		})
	}
	scripts, err := filepath.Glob(filepath.Join(folder, "testdata", "script", "*.txt"))
	for _, path := range scripts {
		texts[strings.TrimSuffix(filepath.Base(path), ".txt")] = true
	}
	return tests, texts, err
}

// isTest matches the names of functions that go test runs.
var isTest = regexp.MustCompile(`^(Test|Fuzz)[^a-z]`)

func TestTestsOf(t *testing.T) {
	tests, texts, err := testsOf(".")
	if err != nil || !tests["TestTestsOf"] || !texts["a subtest"] {
		t.Errorf("tests %v, texts %v, %v", tests, texts, err)
	}
	for _, name := range []string{"", "checkTests", "TestOfNoPackage", "TestTests"} {
		if tests[name] {
			t.Errorf("%q is a test", name)
		}
	}
	t.Run("a subtest", func(t *testing.T) {})
}

// TestBrokenRunIsNotFailure checks that a failure to compile or to create the schema does not count as a failed test.
func TestBrokenRunIsNotFailure(t *testing.T) {
	for _, output := range []string{"FAIL\tcardinal/internal/seal [build failed]", "FAIL\tcardinal [setup failed]",
		"testing: warning: no tests to run", "signal: terminated\nFAIL\tcardinal 22.4s"} {
		if !notRun.MatchString(output) {
			t.Errorf("%q counts as a test result", output)
		}
	}
	output := "prepare the template database x: migration 0001 identity: PostgreSQL refused a statement"
	if !schemaFailure.MatchString(output) {
		t.Errorf("%q does not count as a failure of the schema", output)
	}
	if output = "--- FAIL: TestSeal (0.00s)\nFAIL"; notRun.MatchString(output) {
		t.Errorf("%q does not count as a test result", output)
	}
	if !regexp.MustCompile(`^[a-z]`).MatchString(all()[0].name) {
		t.Error("names begin with a lower-case letter")
	}
}

func TestMatching(t *testing.T) {
	for _, test := range []struct {
		pattern string
		want    func(m mutant) bool
	}{
		{"^a set-up link ", func(m mutant) bool { return strings.HasPrefix(m.name, "a set-up link ") }},
		{`store/setup\.go$`, func(m mutant) bool { return m.file == "internal/store/setup.go" }},
		{"", func(mutant) bool { return true }},
	} {
		chosen, err := matching(test.pattern)
		if err != nil {
			t.Errorf("%q: %v", test.pattern, err)
		}
		want := 0
		for _, m := range all() {
			if test.want(m) {
				want++
			}
		}
		if len(chosen) != want || want == 0 {
			t.Errorf("%q matches %d mutants, want %d", test.pattern, len(chosen), want)
		}
	}
	for _, pattern := range []string{"(", "no such mutant"} {
		if _, err := matching(pattern); err == nil {
			t.Errorf("%q: no error", pattern)
		}
	}
}
