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

// packageRule is what a package is allowed to import. Packages are named by their path below the module; "." is the
// root, and "x/..." is x and all packages below it.
type packageRule struct {
	imports     string // packages of the module
	testImports string // packages of the module that only its tests import, next to all that imports reaches
	allows      string // sql, http, or both; tests are not limited
	external    string // packages of other modules; "" allows all. The standard library is always allowed.
}

// packageRules is the dependency rule that ARCHITECTURE.md shows: a package imports packages of lower layers, never of
// higher ones or of its own layer.
var packageRules = map[string]packageRule{
	// The types that all packages share.
	".": {external: "github.com/google/uuid"},

	// Leaves: no SQL, no HTTP, and no package of the module except the root and other leaves.
	"internal/seal":          {},
	"internal/password":      {imports: ". internal/password/common"},
	"internal/normal":        {imports: "."},
	"internal/nearest":       {},
	"internal/rowdigest":     {imports: "."},
	"internal/store/schema":  {imports: "."},
	"internal/store/dberror": {imports: ". internal/store/schema", allows: "sql"}, // types of errors, no connections
	"internal/config":        {imports: ". internal/nearest"},
	"internal/searchindex":   {testImports: "internal/seed internal/normal"},
	"internal/seed":          {imports: ".", testImports: "internal/normal"},
	"internal/importfile":    {imports: ". internal/nearest", testImports: "internal/password"},

	"internal/password/common/...": {imports: "internal/password/common"},

	// The layers, from the lowest to the highest.
	"internal/store": {
		imports:     ". internal/store/schema internal/store/dberror internal/rowdigest",
		testImports: "internal/store/storetest internal/pgtest internal/catalog internal/catalog/check",
		allows:      "sql",
	},
	"internal/store/storetest": {
		imports:     ". internal/store internal/store/schema internal/store/dberror",
		testImports: "internal/pgtest",
		allows:      "sql",
	},
	"internal/throttle": {imports: ". internal/store internal/seal", testImports: "internal/pgtest"},
	"internal/directory": {
		imports: ". internal/searchindex internal/store internal/store/schema internal/store/dberror " +
			"internal/throttle internal/seal internal/password internal/normal",
		testImports: "internal/directory/directorytest internal/pgtest",
	},
	"internal/access": {
		imports:     ". internal/store internal/store/dberror internal/directory internal/seal internal/normal",
		testImports: "internal/directory/directorytest internal/pgtest",
	},
	"internal/signin": {
		imports: ". internal/store internal/throttle internal/directory internal/seal internal/password " +
			"internal/normal",
		testImports: "internal/directory/directorytest internal/pgtest",
	},
	"internal/importing": {
		imports: ". internal/store internal/store/dberror internal/directory internal/seal internal/password " +
			"internal/normal internal/importfile",
		testImports: "internal/directory/directorytest internal/pgtest",
	},
	"internal/hashes": {
		imports:     ". internal/store internal/directory internal/password",
		testImports: "internal/directory/directorytest internal/pgtest",
	},
	"internal/reencrypt": {
		imports:     ". internal/store internal/directory internal/seal",
		testImports: "internal/directory/directorytest internal/pgtest",
	},
	"internal/directory/directorytest": {
		imports: ". internal/access internal/hashes internal/signin internal/importing internal/reencrypt " +
			"internal/directory internal/store internal/seal internal/password internal/pgtest",
		allows: "sql", // to read tables without the store
	},
	"internal/jobs": {
		imports:     ". internal/directory",
		testImports: "internal/directory/directorytest internal/pgtest",
	},
	"internal/api": {
		imports:     ". internal/access internal/signin internal/importing internal/directory internal/nearest",
		testImports: "internal/directory/directorytest internal/pgtest",
		allows:      "http",
	},
	"internal/server": {
		imports:     ". internal/api internal/access internal/signin internal/importing internal/directory",
		testImports: "internal/directory/directorytest internal/pgtest",
		allows:      "http",
	},

	// What reads the schema of a live database.
	"internal/catalog": {imports: ". internal/store", testImports: "internal/pgtest", allows: "sql"},
	"internal/catalog/check": {
		imports:     ". internal/store internal/store/schema internal/catalog",
		testImports: "internal/pgtest",
		allows:      "sql",
	},
	"internal/catalog/erd": {imports: "internal/catalog", testImports: "internal/pgtest"},
	"internal/catalog/rehearsal": {
		imports:     ". internal/store internal/store/schema internal/catalog",
		testImports: "internal/pgtest",
		allows:      "sql",
	},

	// The program: it imports all packages except those that only tests import.
	"cmd/cardinal": {
		imports: ". internal/server internal/api internal/jobs internal/access internal/hashes internal/signin " +
			"internal/importing internal/reencrypt internal/directory internal/store internal/store/schema " +
			"internal/catalog/... " +
			"internal/seal internal/password internal/normal internal/config internal/nearest internal/seed " +
			"internal/importfile",
		testImports: "internal/pgtest",
		allows:      "http",
	},

	// Test programs.
	"internal/searchindex/leakage": {
		imports: "internal/searchindex internal/seed internal/normal",
	},
	"internal/pgtest":     {allows: "sql"},
	"internal/pgtest/cmd": {imports: "internal/pgtest"},
	"e2e/...": {
		imports: ". internal/pgtest internal/seed internal/store/schema e2e/...", allows: "sql http",
	},
}

// restrictedImports are the packages that only packages which allow SQL or HTTP can import. database/sql/driver is not
// among them: a type that has a form in the database (a Valuer) contains no SQL.
var restrictedImports = map[string]string{
	"sql":  "database/sql github.com/jackc/pgx/... modernc.org/sqlite/...",
	"http": "net/http/...",
}

func TestImportsPointDown(t *testing.T) {
	for _, violation := range importViolations(listPackages(t)) {
		t.Error(violation)
	}
}

func TestForbiddenImportsAreFound(t *testing.T) {
	// pkg is a package with its imports, named by full paths.
	pkg := func(path string, imports ...string) listedPackage {
		return listedPackage{ImportPath: "cardinal/" + path, Imports: imports}
	}
	tests := []struct {
		name      string
		pkg       listedPackage
		violation string // a part of the only violation; "" for none
	}{
		{"LowerLayer", pkg("internal/api", "cardinal", "cardinal/internal/directory", "net/http"), ""},
		{"HigherLayer", pkg("internal/store", "cardinal/internal/directory"),
			"cardinal/internal/store imports cardinal/internal/directory"},
		{"DirectoryToSignin", pkg("internal/directory", "cardinal/internal/signin"),
			"cardinal/internal/directory imports cardinal/internal/signin"},
		{"AccessToSignin", pkg("internal/access", "cardinal/internal/signin"),
			"cardinal/internal/access imports cardinal/internal/signin"},
		{"SigninToImporting", pkg("internal/signin", "cardinal/internal/importing"),
			"cardinal/internal/signin imports cardinal/internal/importing"},
		{"ImportingToSignin", pkg("internal/importing", "cardinal/internal/signin"),
			"cardinal/internal/importing imports cardinal/internal/signin"},
		{"SkippedLayer", pkg("internal/api", "cardinal/internal/store"),
			"cardinal/internal/api imports cardinal/internal/store"},
		{"LeafToRoot", pkg("internal/seal", "cardinal"),
			"cardinal/internal/seal imports cardinal"},
		{"LeafToSQL", pkg("internal/seal", "database/sql"),
			"cardinal/internal/seal imports database/sql"},
		{"DirectoryToHTTP", pkg("internal/directory", "net/http"),
			"cardinal/internal/directory imports net/http"},
		{"APIToDriver", pkg("internal/api", "github.com/jackc/pgx/v5/stdlib"),
			"cardinal/internal/api imports github.com/jackc/pgx/v5/stdlib"},
		{"RootToModule", listedPackage{
			ImportPath: "cardinal",
			Imports:    []string{"golang.org/x/text/cases", "github.com/google/uuid", "time"},
		}, "cardinal imports golang.org/x/text/cases"},
		{"TestsToLowerLayer", listedPackage{
			ImportPath: "cardinal/internal/api",
			TestImports: []string{
				"cardinal/internal/store", "cardinal/internal/seal", "cardinal/internal/pgtest", "database/sql",
			},
			XTestImports: []string{"cardinal/internal/api"},
		}, ""},
		{"TestsToHigherLayer", listedPackage{
			ImportPath:   "cardinal/internal/api",
			XTestImports: []string{"cardinal/internal/server"},
		}, "the tests of cardinal/internal/api import cardinal/internal/server"},
		{"Pattern", pkg("e2e/bench", "cardinal/internal/seed", "cardinal/e2e"), ""},
		{"UnknownPackage", pkg("internal/util"), "cardinal/internal/util has no rule"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.pkg.Module.Path = "cardinal"
			found := importViolations([]listedPackage{test.pkg})
			switch {
			case test.violation == "" && len(found) > 0:
				t.Errorf("violations %q, want none", found)
			case test.violation != "" && (len(found) != 1 || !strings.Contains(found[0], test.violation)):
				t.Errorf("violations %q, want one with %q", found, test.violation)
			}
		})
	}
}

// TestEveryRuleHasAPackage finds rules of packages that were removed.
func TestEveryRuleHasAPackage(t *testing.T) {
	packages := listPackages(t)
	for pattern := range packageRules {
		exists := slices.ContainsFunc(packages, func(p listedPackage) bool {
			return matches(pattern, relativePath(p.Module.Path, p.ImportPath))
		})
		if !exists {
			t.Errorf("%s has a rule and does not exist", pattern)
		}
	}
}

// listedPackage is what this test needs of the output of `go list -json`.
type listedPackage struct {
	ImportPath   string
	Module       struct{ Path string }
	Imports      []string
	TestImports  []string
	XTestImports []string
}

func listPackages(t *testing.T) []listedPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Module,Imports,TestImports,XTestImports", "./...")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	output, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	var packages []listedPackage
	for decoder := json.NewDecoder(strings.NewReader(string(output))); ; {
		var p listedPackage
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
	if len(packages) == 0 {
		t.Fatal("go list lists no package")
	}
	return packages
}

// importViolations returns a message for each import that breaks a rule.
func importViolations(packages []listedPackage) []string {
	var found []string
	report := func(format string, arguments ...any) { found = append(found, fmt.Sprintf(format, arguments...)) }
	for _, p := range packages {
		module := p.Module.Path
		name := relativePath(module, p.ImportPath)
		rule, ok := ruleOf(name)
		if !ok {
			report("%s has no rule: add to packageRules in house_test.go what it is allowed to import, and to "+
				"ARCHITECTURE.md what it is for", p.ImportPath)
			continue
		}
		for _, imported := range p.Imports {
			if local := relativePath(module, imported); local != "" {
				if !matches(rule.imports, local) {
					report("%s imports %s; it is allowed to import %s", p.ImportPath, imported, commaList(rule.imports))
				}
				continue
			}
			for what, restricted := range restrictedImports {
				if matches(restricted, imported) && !matches(rule.allows, what) {
					report("%s imports %s; it is not allowed to use %s", p.ImportPath, imported, what)
				}
			}
			if rule.external != "" && !isStandard(imported) && !matches(rule.external, imported) {
				report("%s imports %s; of other modules, it is allowed to import %s",
					p.ImportPath, imported, commaList(rule.external))
			}
		}
		reachable := reachableByTests(name)
		for _, imported := range slices.Concat(p.TestImports, p.XTestImports) {
			if local := relativePath(module, imported); local != "" && !matches(reachable, local) {
				report("the tests of %s import %s; they are allowed to import %s",
					p.ImportPath, imported, commaList(reachable))
			}
		}
	}
	return found
}

// ruleOf returns the rule of a package: its own, or that of a pattern.
func ruleOf(name string) (packageRule, bool) {
	if rule, ok := packageRules[name]; ok {
		return rule, true
	}
	for pattern, rule := range packageRules {
		if matches(pattern, name) {
			return rule, true
		}
	}
	return packageRule{}, false
}

// reachableByTests returns all packages that the tests of a package are allowed to import: the package, what it is
// allowed to import, what those are allowed to import and so on, and the same for what only the tests import.
func reachableByTests(name string) string {
	var seen []string
	var visit func(names string)
	visit = func(names string) {
		for _, n := range strings.Fields(names) {
			if !slices.Contains(seen, n) {
				seen = append(seen, n)
				visit(packageRules[n].imports)
			}
		}
	}
	rule, _ := ruleOf(name)
	visit(name + " " + rule.imports + " " + rule.testImports)
	return strings.Join(seen, " ")
}

// relativePath returns a package's path below the module: "." for the root, and "" for a package of another module.
func relativePath(module, importPath string) string {
	if importPath == module {
		return "."
	}
	local, ok := strings.CutPrefix(importPath, module+"/")
	if !ok {
		return ""
	}
	return local
}

// matches reports whether one of the patterns names a package.
func matches(patterns, name string) bool {
	return slices.ContainsFunc(strings.Fields(patterns), func(pattern string) bool {
		top, isTree := strings.CutSuffix(pattern, "/...")
		return name == pattern || isTree && (name == top || strings.HasPrefix(name, top+"/"))
	})
}

// isStandard reports whether a package is of the standard library: the first element of the path of every other module
// has a dot.
func isStandard(importPath string) bool {
	for path.Dir(importPath) != "." {
		importPath = path.Dir(importPath)
	}
	return !strings.Contains(importPath, ".")
}

func commaList(names string) string {
	if names == "" {
		return "no package of the module"
	}
	return strings.Join(strings.Fields(names), ", ")
}

// maxPackageLines is the size above which a package is split: one reader can still know all of it.
const maxPackageLines = 6400

// TestPackageSizes counts the lines of each package, without tests.
func TestPackageSizes(t *testing.T) {
	lines := map[string]int{}
	for _, file := range textFiles(t) {
		if strings.HasSuffix(file, ".go") && !strings.HasSuffix(file, "_test.go") {
			lines[path.Dir(file)] += strings.Count(readFile(t, file), "\n")
		}
	}
	if len(lines) < 20 {
		t.Fatalf("only %d packages were found", len(lines))
	}
	for folder, n := range lines {
		if n > maxPackageLines {
			t.Errorf("%s has %d lines, more than %d: move a part to another package", folder, n, maxPackageLines)
		}
	}
}
