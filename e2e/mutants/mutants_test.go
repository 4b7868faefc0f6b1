package main

import (
	"encoding/json"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestEveryMutantFits: a list that no longer fits the code would switch off nothing. It runs no mutant; `make mutants` does.
func TestEveryMutantFits(t *testing.T) {
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, m := range all() {
		t.Run(m.name, func(t *testing.T) {
			if names[m.name] {
				t.Error("another mutant has the same name")
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
					if _, err := parser.ParseFile(token.NewFileSet(), changed, nil, parser.SkipObjectResolution); err != nil {
						t.Errorf("the changed file is no Go: %v", err)
					}
				}
			}
			hasTests(t, root, m)
		})
	}
	if len(names) < 40 {
		t.Errorf("only %d mutants", len(names))
	}
}

// hasTests fails unless each test that the pattern names is in the package.
func hasTests(t *testing.T, root string, m mutant) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, m.pkg, "*_test.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s has no tests: %v", m.pkg, err)
	}
	var source strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		source.Write(text)
	}
	for alternative := range strings.SplitSeq(m.run, "|") {
		for i, name := range strings.Split(alternative, "/") {
			name = strings.Trim(name, "^$")
			want := `"` + name + `"`
			switch {
			case i == 0:
				want = "func " + name + "("
			case name == "sqlite" || name == "postgres" || name == "":
				continue
			}
			if !strings.Contains(source.String(), want) {
				t.Errorf("no test of %s is called %s", m.pkg, name)
			}
		}
	}
}

// TestWhatDoesNotRunIsNotNoticed: a failure to compile must not pass for a test that failed.
func TestWhatDoesNotRunIsNotNoticed(t *testing.T) {
	for _, output := range []string{"FAIL\tcardinal/internal/seal [build failed]", "FAIL\tcardinal [setup failed]", "testing: warning: no tests to run",
		"signal: terminated\nFAIL\tcardinal 22.4s"} {
		if !didNotJudge.MatchString(output) {
			t.Errorf("%q counts as judged", output)
		}
	}
	if output := "prepare the template database x: migration 0001 identity: PostgreSQL refused a statement"; !unmade.MatchString(output) {
		t.Errorf("%q is taken for a schema", output)
	}
	if output := "--- FAIL: TestSeal (0.00s)\nFAIL"; didNotJudge.MatchString(output) {
		t.Errorf("%q does not count as judged", output)
	}
	if !regexp.MustCompile(`^[a-z]`).MatchString(all()[0].name) {
		t.Error("names begin with a small letter")
	}
}
