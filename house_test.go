package cardinal_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

// room is what a package may import. Packages are named by their path below the module; "." is the root, and "x/..." is
// x with all below it.
type room struct {
	may   string // packages of the module
	tests string // packages of the module that its tests may import, besides all that it reaches through may
	knows string // sql, http, or both; the tests may know either
	only  string // the packages from outside that it may import; "" is any, the standard library goes without saying
}

// house is the dependency rule, drawn in ARCHITECTURE.md: imports point down, never up or across.
var house = map[string]room{
	// The words.
	".": {only: "github.com/google/uuid"},

	// Leaves: no package of the module, no SQL, no HTTP.
	"internal/seal":       {},
	"internal/password":   {may: "."},
	"internal/normal":     {may: "."},
	"internal/nearest":    {},
	"internal/config":     {may: ". internal/nearest"},
	"internal/seed":       {may: ".", tests: "internal/normal"},
	"internal/importfile": {may: ". internal/nearest", tests: "internal/password"},

	// The floors, from the ground up.
	"internal/store":           {may: ".", tests: "internal/store/storetest internal/pgtest", knows: "sql"},
	"internal/store/storetest": {may: ". internal/store", tests: "internal/pgtest", knows: "sql"},
	"internal/directory": {may: ". internal/store internal/seal internal/ledger internal/password internal/normal internal/importfile",
		tests: "internal/directory/directorytest internal/pgtest"},
	"internal/directory/directorytest": {may: ". internal/directory internal/store internal/seal internal/password internal/pgtest"},
	"internal/jobs":                    {may: ". internal/directory internal/mail", tests: "internal/directory/directorytest internal/pgtest", knows: "http"},
	"internal/api":                     {may: ". internal/directory internal/nearest", tests: "internal/directory/directorytest internal/pgtest", knows: "http"},
	"internal/web":                     {may: ". internal/directory", tests: "internal/directory/directorytest internal/pgtest", knows: "http"},
	"internal/server":                  {may: ". internal/directory internal/api internal/web", tests: "internal/directory/directorytest internal/pgtest", knows: "http"},

	// The live database, read back.
	"internal/catalog":           {may: ". internal/store", tests: "internal/pgtest", knows: "sql"},
	"internal/catalog/check":     {may: ". internal/store internal/catalog", tests: "internal/pgtest", knows: "sql"},
	"internal/catalog/erd":       {may: "internal/catalog", tests: "internal/pgtest"},
	"internal/catalog/rehearsal": {may: ". internal/store internal/catalog", tests: "internal/pgtest", knows: "sql"},

	// The roof puts everything together, but for what exists for tests and for other people's programs.
	"cmd/cardinal": {may: ". internal/server internal/api internal/web internal/jobs internal/directory internal/store " +
		"internal/catalog/... internal/seal internal/ledger internal/password internal/normal internal/mail " +
		"internal/config internal/nearest internal/seed internal/importfile", tests: "internal/pgtest client", knows: "http"},

	// Outside.
	"client":              {may: ".", tests: "internal/server internal/pgtest", knows: "http"},
	"internal/pgtest":     {knows: "sql"},
	"internal/pgtest/cmd": {may: "internal/pgtest"},
	"e2e/...":             {may: ". client internal/pgtest internal/seed e2e/...", knows: "sql http"},
}

// knowledge is what gives away that a package knows SQL or HTTP. database/sql/driver is not in it: that a type has a
// form in the database (a Valuer) is no knowledge of SQL.
var knowledge = map[string]string{
	"sql":  "database/sql github.com/jackc/pgx/... modernc.org/sqlite/...",
	"http": "net/http/...",
}

func TestImportsPointDown(t *testing.T) {
	packages := listPackages(t)
	for _, fault := range faults(packages) {
		t.Error(fault)
	}
}

func TestForbiddenImportsAreFound(t *testing.T) {
	tests := []struct {
		name   string
		listed listed
		fault  string // a part of the only fault; "" is none
	}{
		{"Down", listed{ImportPath: "cardinal/internal/api", Imports: []string{"cardinal", "cardinal/internal/directory", "net/http"}}, ""},
		{"Up", listed{ImportPath: "cardinal/internal/store", Imports: []string{"cardinal/internal/directory"}},
			"cardinal/internal/store imports cardinal/internal/directory"},
		{"Across", listed{ImportPath: "cardinal/internal/api", Imports: []string{"cardinal/internal/web"}},
			"cardinal/internal/api imports cardinal/internal/web"},
		{"PastAFloor", listed{ImportPath: "cardinal/internal/api", Imports: []string{"cardinal/internal/store"}},
			"cardinal/internal/api imports cardinal/internal/store"},
		{"LeafToRoot", listed{ImportPath: "cardinal/internal/seal", Imports: []string{"cardinal"}},
			"cardinal/internal/seal imports cardinal"},
		{"LeafToSQL", listed{ImportPath: "cardinal/internal/seal", Imports: []string{"database/sql"}},
			"cardinal/internal/seal knows sql"},
		{"DirectoryToHTTP", listed{ImportPath: "cardinal/internal/directory", Imports: []string{"net/http"}},
			"cardinal/internal/directory knows http"},
		{"PagesToADriver", listed{ImportPath: "cardinal/internal/web", Imports: []string{"github.com/jackc/pgx/v5/stdlib"}},
			"cardinal/internal/web knows sql"},
		{"RootToAModule", listed{ImportPath: "cardinal", Imports: []string{"golang.org/x/text/cases", "github.com/google/uuid", "time"}},
			"cardinal imports golang.org/x/text/cases"},
		{"TestsReachBelow", listed{ImportPath: "cardinal/internal/api",
			TestImports:  []string{"cardinal/internal/store", "cardinal/internal/seal", "cardinal/internal/pgtest", "database/sql"},
			XTestImports: []string{"cardinal/internal/api"}}, ""},
		{"TestsReachUp", listed{ImportPath: "cardinal/internal/api", XTestImports: []string{"cardinal/internal/server"}},
			"the tests of cardinal/internal/api import cardinal/internal/server"},
		{"Pattern", listed{ImportPath: "cardinal/e2e/bench", Imports: []string{"cardinal/client", "cardinal/e2e"}}, ""},
		{"Unknown", listed{ImportPath: "cardinal/internal/util"}, "cardinal/internal/util has no place in the house"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.listed.Module.Path = "cardinal"
			found := faults([]listed{test.listed})
			switch {
			case test.fault == "" && len(found) > 0:
				t.Errorf("faults where there are none: %q", found)
			case test.fault != "" && (len(found) != 1 || !strings.Contains(found[0], test.fault)):
				t.Errorf("faults %q, want one with %q", found, test.fault)
			}
		})
	}
}

// listed is what this test needs of the output of `go list -json`.
type listed struct {
	ImportPath   string
	Module       struct{ Path string }
	Imports      []string
	TestImports  []string
	XTestImports []string
}

func listPackages(t *testing.T) []listed {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Module,Imports,TestImports,XTestImports", "./...")
	var complaint strings.Builder
	cmd.Stderr = &complaint
	output, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, complaint.String())
	}
	var packages []listed
	for decoder := json.NewDecoder(strings.NewReader(string(output))); ; {
		var p listed
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
	if len(packages) == 0 {
		t.Fatal("go list names no package")
	}
	return packages
}

// faults compares packages with the house, a sentence for each import that breaks the rule.
func faults(packages []listed) []string {
	var found []string
	report := func(format string, arguments ...any) { found = append(found, fmt.Sprintf(format, arguments...)) }
	for _, p := range packages {
		module := p.Module.Path
		name := below(module, p.ImportPath)
		r, ok := roomOf(name)
		if !ok {
			report("%s has no place in the house: add it to the table in house_test.go, saying what it may import, "+
				"and to ARCHITECTURE.md, saying what it is for", p.ImportPath)
			continue
		}
		for _, imported := range p.Imports {
			if local := below(module, imported); local != "" {
				if !within(r.may, local) {
					report("%s imports %s; the house lets it import %s", p.ImportPath, imported, list(r.may))
				}
				continue
			}
			for what, packages := range knowledge {
				if within(packages, imported) && !within(r.knows, what) {
					report("%s knows %s, by importing %s; its place in the house forbids that", p.ImportPath, what, imported)
				}
			}
			if r.only != "" && !isStandard(imported) && !within(r.only, imported) {
				report("%s imports %s; the house lets it import %s from outside", p.ImportPath, imported, list(r.only))
			}
		}
		reached := reach(name)
		for _, imported := range slices.Concat(p.TestImports, p.XTestImports) {
			if local := below(module, imported); local != "" && !within(reached, local) {
				report("the tests of %s import %s; the house lets them import %s", p.ImportPath, imported, list(reached))
			}
		}
	}
	return found
}

// roomOf finds a package's row: its own, or that of a pattern.
func roomOf(name string) (room, bool) {
	if r, ok := house[name]; ok {
		return r, true
	}
	for pattern, r := range house {
		if within(pattern, name) {
			return r, true
		}
	}
	return room{}, false
}

// reach is all that the tests of a package may import: itself, what it may import, what that may import and so on, and
// the same for what is there for tests alone.
func reach(name string) string {
	var seen []string
	var visit func(names string)
	visit = func(names string) {
		for _, n := range strings.Fields(names) {
			if !slices.Contains(seen, n) {
				seen = append(seen, n)
				visit(house[n].may)
			}
		}
	}
	r, _ := roomOf(name)
	visit(name + " " + r.may + " " + r.tests)
	return strings.Join(seen, " ")
}

// below is a package's path below the module, "." for the root and "" for a package of another module.
func below(module, importPath string) string {
	if importPath == module {
		return "."
	}
	local, ok := strings.CutPrefix(importPath, module+"/")
	if !ok {
		return ""
	}
	return local
}

// within reports whether one of the patterns names a package.
func within(patterns, name string) bool {
	return slices.ContainsFunc(strings.Fields(patterns), func(pattern string) bool {
		top, isTree := strings.CutSuffix(pattern, "/...")
		return name == pattern || isTree && (name == top || strings.HasPrefix(name, top+"/"))
	})
}

// isStandard goes by the dot that the first element of every other module's path has.
func isStandard(importPath string) bool {
	for path.Dir(importPath) != "." {
		importPath = path.Dir(importPath)
	}
	return !strings.Contains(importPath, ".")
}

func list(names string) string {
	if names == "" {
		return "nothing of the module"
	}
	return strings.Join(strings.Fields(names), ", ")
}
