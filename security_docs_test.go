package cardinal_test

import (
	"bytes"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// laterSteps are what a requirement that is not met can wait for.
var laterSteps = regexp.MustCompile(`^(mail|factors|sessions|personal data|archives|pages)\b`)

// TestASVS checks docs/security/asvs.md: it judges each requirement of testdata/asvs.txt once, in the right level. What
// is met names a test or a page, or is a fact that needs none; what is not met names the step that it waits for.
func TestASVS(t *testing.T) {
	row := regexp.MustCompile(`(?m)^\| (V[0-9.]+) \| ([12]) \| [^|]+ \| ([^|]+) \| ([^|]+) \|$`)
	var judged []string
	for _, m := range row.FindAllStringSubmatch(readFile(t, "docs/security/asvs.md"), -1) {
		judged = append(judged, m[1]+" "+m[2])
		switch reason := m[4]; m[3] {
		case "met", "not applicable":
		case "not met":
			if !laterSteps.MatchString(reason) {
				t.Errorf("%s is not met, and does not say which step it waits for: %s", m[1], reason)
			}
		default:
			t.Errorf("%s: %q is no judgement", m[1], m[3])
		}
	}
	want := strings.Split(strings.TrimSpace(readFile(t, "testdata/asvs.txt")), "\n")
	if len(want) != 253 {
		t.Errorf("testdata/asvs.txt has %d requirements, want 253", len(want))
	}
	if !slices.Equal(judged, want) {
		for _, id := range want {
			if n := count(judged, id); n != 1 {
				t.Errorf("%s is judged %d times", id, n)
			}
		}
		t.Error("the requirements are not those of testdata/asvs.txt in their order")
	}
}

func count(all []string, one string) (n int) {
	for _, s := range all {
		if s == one {
			n++
		}
	}
	return n
}

// TestSecurityDocumentsNameTests checks that every test that a security document names exists.
func TestSecurityDocumentsNameTests(t *testing.T) {
	exists := map[string]bool{}
	function := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark)\w+)\(`)
	var documents []string
	for _, file := range textFiles(t) {
		switch {
		case strings.HasSuffix(file, "_test.go"):
			for _, m := range function.FindAllStringSubmatch(readFile(t, file), -1) {
				exists[m[1]] = true
			}
		case file == "SECURITY.md", strings.HasPrefix(file, "docs/security/"):
			documents = append(documents, file)
		}
	}
	if len(documents) < 8 {
		t.Fatalf("only %d documents were found", len(documents))
	}
	named := regexp.MustCompile(`\b(?:Test|Fuzz|Benchmark)[A-Z]\w+`)
	for _, document := range documents {
		for _, name := range named.FindAllString(readFile(t, document), -1) {
			if !exists[name] {
				t.Errorf("%s names %s, which does not exist", document, name)
			}
		}
	}
}

// TestDependencies checks docs/security/dependencies.md: it lists the direct dependencies of go.mod, and no others.
func TestDependencies(t *testing.T) {
	const direct = "{{if not (or .Indirect .Main)}}{{.Path}}{{end}}"
	out, err := exec.Command("go", "list", "-m", "-f", direct, "all").Output()
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Fields(string(bytes.TrimSpace(out)))
	var listed []string
	row := regexp.MustCompile("(?m)^\\| `([^`]+)` \\|")
	for _, m := range row.FindAllStringSubmatch(readFile(t, "docs/security/dependencies.md"), -1) {
		listed = append(listed, m[1])
	}
	slices.Sort(listed)
	slices.Sort(want)
	if !slices.Equal(listed, want) {
		t.Errorf("listed are %q, go.mod has %q", listed, want)
	}
}
