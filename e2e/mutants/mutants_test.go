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

// checkTests checks that the package has each test that the pattern names.
func checkTests(t *testing.T, root string, m mutant) {
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
				t.Errorf("%s has no test %s", m.pkg, name)
			}
		}
	}
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
		{`store/setup_links\.go$`, func(m mutant) bool { return m.file == "internal/store/setup_links.go" }},
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
