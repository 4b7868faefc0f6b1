package e2e

import (
	"database/sql"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestNoAnswerNamesServerPath asks for everything that a file on the server takes part in: an import by the command
// line, every operation without parameters, and then all of it on a database that is broken. No answer names a folder
// of the server, on either listener.
func TestNoAnswerNamesServerPath(t *testing.T) {
	for _, engine := range engines {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			v := pathVisit{harness: &harness{service: start(t, engine)}}
			v.admin = v.must(http.StatusCreated, "POST", "/v1/set-up", "",
				fields{"token": v.setupToken, "email": "admin@example.com", "password": password}).str("token")
			file := filepath.Join(v.folder, "people.csv")
			if err := os.WriteFile(file, []byte("email\nana@example.com\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			v.command("import", file, "--yes")
			imports := v.must(http.StatusOK, "GET", "/v1/imports", v.admin, nil).data()
			if len(imports) != 1 || imports[0]["name"] != "people.csv" {
				t.Fatalf("the imports are %v", imports)
			}
			id, _ := imports[0]["id"].(string)
			v.paths = append(v.getPaths(), "/v1/imports/"+id, "/v1/imports/"+id+"/problems", "/nothing")

			v.askEverything()
			v.failures = 0
			breakDatabase(t, v.service, engine)
			v.askEverything()
			if v.failures == 0 {
				t.Error("no request failed on the broken database")
			}
		})
	}
}

// pathVisit sends requests and looks for paths of the server in the answers.
type pathVisit struct {
	*harness
	paths    []string
	failures int // answers that the service blames on itself
}

// getPaths returns the paths of the operations that read and need no parameter.
func (v *pathVisit) getPaths() []string {
	var description struct {
		Paths map[string]map[string]any
	}
	text := v.must(http.StatusOK, "GET", "/openapi.json", "", nil).text
	if err := json.Unmarshal([]byte(text), &description); err != nil {
		v.t.Fatal(err)
	}
	var out []string
	for path, operations := range description.Paths {
		if operations["get"] != nil && !strings.Contains(path, "{") {
			out = append(out, path)
		}
	}
	if len(out) < 10 {
		v.t.Errorf("only %d operations read without parameters", len(out))
	}
	return out
}

// askEverything sends the requests.
func (v *pathVisit) askEverything() {
	v.t.Helper()
	for _, path := range v.paths {
		v.ask("GET", path, nil)
	}
	v.ask("POST", "/v1/users", fields{"email": "bo@example.com"})
	v.ask("POST", "/v1/sign-in", fields{"identifier": "admin@example.com", "password": password})
	v.ask("POST", "/v1/imports?format=excel&map=x", nil)
	v.ask("POST", "/v1/imports?name=upload.csv", nil, "Content-Type", "text/csv")
	api := v.base
	for _, base := range []string{api, v.monitor} {
		v.base = base
		for _, path := range []string{"/", "/livez", "/readyz", "/version", "/metrics"} {
			v.ask("GET", path, nil)
		}
	}
	v.base = api
}

// ask sends a request and fails the test if the answer contains a folder of the server.
func (v *pathVisit) ask(method, path string, body any, headers ...string) {
	v.t.Helper()
	got, err := v.send(method, path, v.admin, body, headers...)
	if err != nil {
		v.t.Errorf("%s %s: %v", method, path, err)
	}
	if got.status >= http.StatusInternalServerError {
		v.failures++
	}
	text := got.text
	for _, values := range got.header {
		text += "\n" + strings.Join(values, "\n")
	}
	source, err := filepath.Abs("..")
	if err != nil {
		v.t.Fatal(err)
	}
	for _, secret := range []string{v.folder, filepath.Dir(v.path()), source, os.TempDir() + "/", "cardinal-data",
		"cardinal-keys"} {
		if strings.Contains(text, secret) {
			v.t.Errorf("%s %s: %d names %s:\n%.500s", method, path, got.status, secret, text)
		}
	}
}

// breakDatabase makes every statement fail while the service runs.
func breakDatabase(t *testing.T, s *service, engine string) {
	t.Helper()
	if engine == "postgres" {
		db, err := sql.Open("pgx", s.db)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if _, err := db.Exec(`ALTER SCHEMA cardinal RENAME TO gone`); err != nil {
			t.Fatal(err)
		}
		return
	}
	path := strings.TrimPrefix(s.db, "sqlite:")
	for _, suffix := range []string{"", "-wal"} {
		info, err := os.Stat(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		f, err := os.OpenFile(path+suffix, os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(strings.Repeat("!", int(info.Size())))); err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
}
