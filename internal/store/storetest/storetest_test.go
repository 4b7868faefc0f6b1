package storetest

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestCoverageProblems(t *testing.T) {
	some := []testCase{{name: "Users", covers: "User Users"}, {name: "Roles", covers: "Role"}, {name: "Nothing"}}
	for _, c := range []struct {
		methods []string
		want    []string
	}{
		{[]string{"User", "Users", "Role"}, nil},
		{[]string{"User", "Users", "Role", "Roles"}, []string{"no case covers Roles"}},
		{[]string{"User", "Users"}, []string{"case Roles covers Role, which is not a method of Reader or Tx"}},
	} {
		if got := coverageProblems(c.methods, some); !slices.Equal(got, c.want) {
			t.Errorf("of %v: %v, want %v", c.methods, got, c.want)
		}
	}
	if all := methodNames(); len(all) < 100 || !slices.Contains(all, "User") || !slices.Contains(all,
		"ChangeUserStatus") {
		t.Errorf("methods: %v", all)
	}
}

// TestCoveredMethodsAreCalled checks that the suite calls each method, because the lists of covered methods alone prove
// nothing.
func TestCoveredMethodsAreCalled(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		text.Write(b)
	}
	for _, name := range methodNames() {
		if !strings.Contains(text.String(), "."+name+"(") {
			t.Errorf("the suite never calls %s", name)
		}
	}
}
