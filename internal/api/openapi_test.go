package api_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
)

var update = flag.Bool("update", false, "write the golden files")

const golden = "testdata/openapi.json"

const howToUpdate = "Run go test ./internal/api -run Golden -update, and review the difference"

// TestOpenAPIGolden compares the description of the API with a golden file, so that each change is in the diff of a
// review.
func TestOpenAPIGolden(t *testing.T) {
	h := open(t, "sqlite")
	got := h.do(t, "GET", "/openapi.json", "", nil).want(t, http.StatusOK)
	var text bytes.Buffer
	if err := json.Indent(&text, got.Body.Bytes(), "", "  "); err != nil {
		t.Fatal(err)
	}
	text.WriteByte('\n')
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(golden, text.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(text.Bytes(), want) {
		t.Errorf("/openapi.json is not %s any more (%s). %s", golden, firstDifference(text.Bytes(), want), howToUpdate)
	}
	h.do(t, "GET", "/openapi.yaml", "", nil).want(t, http.StatusOK)
}

func firstDifference(got, want []byte) string {
	g, w := bytes.Split(got, []byte("\n")), bytes.Split(want, []byte("\n"))
	for i := range min(len(g), len(w)) {
		if !bytes.Equal(g[i], w[i]) {
			return fmt.Sprintf("line %d: %q, was %q", i+1, g[i], w[i])
		}
	}
	return fmt.Sprintf("%d lines, were %d", len(g), len(w))
}

// TestOpenAPIValid checks that the description is valid OpenAPI 3.1, and complete.
func TestOpenAPIValid(t *testing.T) {
	h := open(t, "sqlite")
	var doc map[string]any
	if err := json.Unmarshal(h.do(t, "GET", "/openapi.json", "", nil).Body.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	if doc["openapi"] != "3.1.0" {
		t.Errorf("openapi %v", doc["openapi"])
	}
	var refs func(at string, v any)
	refs = func(at string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for name, item := range v {
				if ref, ok := item.(string); ok && name == "$ref" {
					if resolve(doc, ref) == nil {
						t.Errorf("%s: %s does not exist", at, ref)
					}
				}
				refs(at+"/"+name, item)
			}
		case []any:
			for i, item := range v {
				refs(at+"/"+strconv.Itoa(i), item)
			}
		}
	}
	refs("", doc)
	public := []string{"set-up", "sign-in", "sign-up"}
	seen := map[string]bool{}
	inPath := regexp.MustCompile(`\{(\w+)\}`)
	for _, o := range h.operations() {
		at := o.Method + " " + o.Path
		if o.OperationID == "" || seen[o.OperationID] {
			t.Errorf("%s: the operation id %q is not unique", at, o.OperationID)
		}
		seen[o.OperationID] = true
		if o.Summary == "" || len(o.Tags) == 0 {
			t.Errorf("%s: no summary or no tag", at)
		}
		success := false
		for code, response := range o.Responses {
			success = success || strings.HasPrefix(code, "2")
			if response.Description == "" {
				t.Errorf("%s: the response %s has no description", at, code)
			}
		}
		if !success {
			t.Errorf("%s: no 2xx response", at)
		}
		if d := o.Responses["default"]; d == nil || d.Content["application/problem+json"] == nil ||
			d.Content["application/problem+json"].Schema.Ref != "#/components/schemas/Problem" {
			t.Errorf("%s: the other responses are not problems", at)
		}
		var declared, used []string
		for _, p := range o.Parameters {
			if p.In == "path" {
				declared = append(declared, p.Name)
				if !p.Required {
					t.Errorf("%s: the parameter %s of the path is not required", at, p.Name)
				}
			}
			if p.Schema == nil {
				t.Errorf("%s: the parameter %s has no schema", at, p.Name)
			}
			if p.Name == "If-Match" && !p.Required {
				t.Errorf("%s: If-Match is not described as required", at)
			}
		}
		for _, m := range inPath.FindAllStringSubmatch(o.Path, -1) {
			used = append(used, m[1])
		}
		slices.Sort(declared)
		slices.Sort(used)
		if !slices.Equal(declared, used) {
			t.Errorf("%s: the parameters in the path are %q, the description has %q", at, used, declared)
		}
		if o.RequestBody != nil {
			for kind, media := range o.RequestBody.Content {
				if media.Schema == nil {
					t.Errorf("%s: the body as %s has no schema", at, kind)
				}
			}
			if !o.RequestBody.Required {
				t.Errorf("%s: the body is not required", at)
			}
		}
		open := o.Security != nil && len(o.Security) == 0
		if open != slices.Contains(public, o.OperationID) {
			t.Errorf("%s: public is %t", at, open)
		}
		status := h.do(t, o.Method, somePath(o), "", nil).Code
		if !open && status != http.StatusUnauthorized {
			t.Errorf("%s answers %d without a token", at, status)
		}
	}
	if doc["security"] == nil || resolve(doc, "#/components/securitySchemes/bearer") == nil {
		t.Error("bearer is not required by default")
	}
}

func resolve(doc map[string]any, ref string) any {
	path, ok := strings.CutPrefix(ref, "#/")
	if !ok {
		return nil
	}
	var v any = doc
	for token := range strings.SplitSeq(path, "/") {
		m, _ := v.(map[string]any)
		v = m[token]
	}
	return v
}

// somePath fills a path with valid values.
func somePath(o *huma.Operation) string {
	path := o.Path
	for _, p := range o.Parameters {
		if p.In != "path" {
			continue
		}
		value := "DE"
		if p.Schema.Format == "uuid" {
			value = "0198c0de-0000-7000-8000-000000000000"
		}
		path = strings.ReplaceAll(path, "{"+p.Name+"}", value)
	}
	return path
}

// undescribedRoutes are the routes that the description does not have: the pages about problems, and the route for
// unknown paths.
var undescribedRoutes = []string{"GET /problems/{code}", "GET /problems", "/"}

// TestRoutesDescribed requests every method of every described path, and reads the patterns of plain handlers from the
// source: huma registers and describes a route in one step.
func TestRoutesDescribed(t *testing.T) {
	h := open(t, "sqlite")
	for path, item := range h.api.OpenAPI().Paths {
		described := operationsOf(item)
		var some *huma.Operation
		var allowed []string
		for method, o := range described {
			some = o
			allowed = append(allowed, method)
			if method == http.MethodGet {
				allowed = append(allowed, http.MethodHead)
			}
		}
		slices.Sort(allowed)
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"} {
			got := h.do(t, method, somePath(some), "", nil)
			if slices.Contains(allowed, method) {
				if got.Code == http.StatusNotFound || got.Code == http.StatusMethodNotAllowed {
					t.Errorf("%s %s is described but answers %d", method, path, got.Code)
				}
				continue
			}
			got.wantProblem(t, http.StatusMethodNotAllowed, "method_not_allowed")
			allow := strings.Split(got.Header().Get("Allow"), ", ")
			if slices.Sort(allow); !slices.Equal(allow, allowed) {
				t.Errorf("%s %s: Allow %q, want %q", method, path, allow, allowed)
			}
		}
	}
	h.do(t, "GET", "/v1/nothing", h.admin, nil).wantProblem(t, http.StatusNotFound, "route_unknown")
	h.do(t, "GET", "/v1/users/", h.admin, nil).wantProblem(t, http.StatusNotFound, "route_unknown")

	// A path that is not clean is redirected. Only a route that exists gives its pattern to metrics and logs.
	for _, test := range []struct {
		path          string
		status        int
		location      string
		recordedRoute string
	}{
		{"//v1//statuses", http.StatusTemporaryRedirect, "/v1/statuses", "GET /v1/statuses"},
		{"//v1/nothing", http.StatusTemporaryRedirect, "/v1/nothing", ""},
		{"/v1/nothing", http.StatusNotFound, "", ""},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.URL.Path = test.path
		w := httptest.NewRecorder()
		h.api.ServeHTTP(w, r)
		if location := w.Header().Get("Location"); w.Code != test.status || location != test.location {
			t.Errorf("GET %s: %d to %q", test.path, w.Code, location)
		}
		if r.Pattern != test.recordedRoute {
			t.Errorf("GET %s: the pattern is %q, want %q", test.path, r.Pattern, test.recordedRoute)
		}
	}
	options := httptest.NewRequest("OPTIONS", "*", nil)
	h.send(t, options).wantProblem(t, http.StatusNotFound, "route_unknown")

	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	inspect := func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		if f, ok := call.Fun.(*ast.SelectorExpr); !ok || f.Sel.Name != "HandleFunc" && f.Sel.Name != "Handle" {
			return true
		}
		literal, ok := call.Args[0].(*ast.BasicLit)
		if !ok {
			t.Errorf("a pattern of a route that is not a literal")
			return true
		}
		found++
		pattern, _ := strconv.Unquote(literal.Value)
		if h.operation(pattern) == nil && !slices.Contains(undescribedRoutes, pattern) {
			t.Errorf("the route %s is not described", pattern)
		}
		return true
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, inspect)
	}
	if found < len(undescribedRoutes) {
		t.Errorf("%d routes found in the source", found)
	}
}

// TestFieldsStateBounds: maxLength is what the API accepts. The description of each field states the bound of what
// can be stored, or the values to choose from.
func TestFieldsStateBounds(t *testing.T) {
	h := open(t, "sqlite")
	b := &refusalTester{testAPI: h}
	states := regexp.MustCompile(`(?i)(?:at most|exactly) (\d+)|^\w+( \(default\))? or \w+$`)
	fields := 0
	for _, o := range h.operations() {
		if o.RequestBody == nil || takesFile(o) {
			continue
		}
		for _, f := range b.fieldsOf(o.RequestBody.Content["application/json"].Schema, nil) {
			if f.schema.MaxLength == nil {
				continue
			}
			fields++
			found := states.FindStringSubmatch(f.schema.Description)
			if found == nil {
				t.Errorf("%s%s: the description %q states no bound", o.OperationID, f.pointer(), f.schema.Description)
				continue
			}
			if bound, err := strconv.Atoi(found[1]); err == nil && bound > *f.schema.MaxLength {
				t.Errorf("%s%s: the bound is %d, but maxLength is %d", o.OperationID, f.pointer(), bound,
					*f.schema.MaxLength)
			}
		}
	}
	if fields < 50 {
		t.Errorf("only %d fields with a maxLength", fields)
	}
}
