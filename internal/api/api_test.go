package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/api"
	"cardinal/internal/directory/directorytest"
	"cardinal/internal/pgtest"
	"cardinal/internal/signin"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// testAPI is an API with a new database and an administrator.
type testAPI struct {
	*directorytest.Fixture
	api      *api.API
	admin    string // bearer token
	from     cardinal.Client
	answered map[string]bool // ids of the operations that answered with success
	refused  strings.Builder // the bodies and headers of all refusals
	mu       sync.Mutex      // protects the last two: a test can send from several goroutines
}

func open(t testing.TB, engine string) *testAPI { return openLogging(t, engine, nil) }

func openLogging(t testing.TB, engine string, logs *slog.Logger) *testAPI {
	t.Helper()
	h := &testAPI{Fixture: directorytest.Open(t, engine),
		from: cardinal.Client{Address: "192.0.2.1", UserAgent: "test"}, answered: map[string]bool{}}
	h.api = api.New(h.Directory, api.Options{Version: "test", Logger: logs})
	got := h.do(t, "POST", "/v1/set-up", "",
		map[string]any{"token": h.setupLink(t), "email": "admin@example.com", "password": goodPassword,
			"display_name": "Ada"})
	got.want(t, http.StatusCreated)
	h.admin = got.text("token")
	return h
}

func (h *testAPI) setupLink(t testing.TB) string {
	t.Helper()
	link, err := signin.NewSetupLink(context.Background(), h.As(cardinal.Operator()))
	if err != nil {
		t.Fatal(err)
	}
	return link.Token.Reveal()
}

const goodPassword = "seven lanterns by the river"

// answer is a response, with its JSON body.
type answer struct {
	*httptest.ResponseRecorder
	body    map[string]any
	request uuid.UUID // id of the request
}

// do sends a request. headers are pairs of name and value. Every response is compared with the description of the API.
func (h *testAPI) do(t testing.TB, method, path, token string, body any, headers ...string) answer {
	t.Helper()
	var text []byte
	switch b := body.(type) {
	case nil:
	case string:
		text = []byte(b)
	case []byte:
		text = b
	default:
		var err error
		if text, err = json.Marshal(b); err != nil {
			t.Fatal(err)
		}
	}
	r := httptest.NewRequest(method, "/", bytes.NewReader(text))
	var err error
	if r.URL, err = r.URL.Parse(path); err != nil {
		t.Fatal(err)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
		if method == http.MethodPatch {
			r.Header.Set("Content-Type", "application/merge-patch+json")
		}
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i+1] == "" {
			r.Header.Del(headers[i])
			continue
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	return h.send(t, r)
}

func (h *testAPI) send(t testing.TB, r *http.Request) answer {
	t.Helper()
	id := cardinal.NewID()
	r = r.WithContext(api.WithRequest(r.Context(), id, h.from))
	w := httptest.NewRecorder()
	h.api.ServeHTTP(w, r)
	a := answer{ResponseRecorder: w, request: id}
	h.mu.Lock()
	defer h.mu.Unlock()
	if a.Code >= 400 {
		fmt.Fprintln(&h.refused, w.Body, w.Header())
	}
	if strings.Contains(w.Header().Get("Content-Type"), "json") &&
		w.Header().Get("Content-Type") != "application/x-ndjson" && w.Code != http.StatusNotModified {
		if err := json.Unmarshal(w.Body.Bytes(), &a.body); err != nil {
			t.Fatalf("%s %s: the response is not JSON: %v", r.Method, r.URL.Path, err)
		}
	}
	for _, problem := range h.undescribed(r, a) {
		t.Errorf("%s %s: the response does not match /openapi.json: %s\n%s", r.Method, r.URL.Path, problem, w.Body)
	}
	return a
}

// undescribed lists the parts of a response that the description of the API does not have.
func (h *testAPI) undescribed(r *http.Request, a answer) []string {
	o := h.operation(r.Pattern)
	if strings.HasPrefix(a.Header().Get("Content-Type"), "application/problem+json") {
		if a.Code < 400 {
			return []string{"a problem with a 2xx or 3xx status"}
		}
		return h.schemaErrors(&huma.Schema{Ref: "#/components/schemas/Problem"}, a.body)
	}
	if o == nil {
		return nil
	}
	described := o.Responses[fmt.Sprint(a.Code)]
	if described == nil {
		return []string{fmt.Sprintf("status %d of %s", a.Code, o.OperationID)}
	}
	if a.Code < 300 {
		h.answered[o.OperationID] = true
	}
	if len(described.Content) == 0 {
		if a.Body.Len() > 0 {
			return []string{"a body that is not described"}
		}
		return nil
	}
	media := described.Content[a.Header().Get("Content-Type")]
	if media == nil {
		return []string{"the media type " + a.Header().Get("Content-Type")}
	}
	if r.Method == http.MethodHead || media.Schema.Format == "binary" {
		return nil
	}
	return h.schemaErrors(media.Schema, a.body)
}

func (h *testAPI) schemaErrors(schema *huma.Schema, value any) []string {
	found := &huma.ValidateResult{}
	huma.Validate(h.api.OpenAPI().Components.Schemas, schema, huma.NewPathBuffer(nil, 0), huma.ModeReadFromServer,
		value, found)
	var out []string
	for _, err := range found.Errors {
		out = append(out, err.Error())
	}
	return out
}

// operation returns the operation of a pattern of the mux, or nil for a pattern that is not described.
func (h *testAPI) operation(pattern string) *huma.Operation {
	method, path, _ := strings.Cut(pattern, " ")
	item := h.api.OpenAPI().Paths[path]
	if item == nil {
		return nil
	}
	return operationsOf(item)[method]
}

func operationsOf(item *huma.PathItem) map[string]*huma.Operation {
	all := map[string]*huma.Operation{"GET": item.Get, "PUT": item.Put, "POST": item.Post, "DELETE": item.Delete,
		"PATCH": item.Patch}
	for method, o := range all {
		if o == nil {
			delete(all, method)
		}
	}
	return all
}

// operations returns all described operations, sorted by id.
func (h *testAPI) operations() []*huma.Operation {
	var all []*huma.Operation
	for _, item := range h.api.OpenAPI().Paths {
		for _, o := range operationsOf(item) {
			all = append(all, o)
		}
	}
	slices.SortFunc(all, func(a, b *huma.Operation) int { return strings.Compare(a.OperationID, b.OperationID) })
	return all
}

func (a answer) want(t testing.TB, status int) answer {
	t.Helper()
	if a.Code != status {
		t.Fatalf("status %d, want %d: %s", a.Code, status, a.Body)
	}
	return a
}

// wantProblem checks the status and the code of a problem.
func (a answer) wantProblem(t testing.TB, status int, code string) answer {
	t.Helper()
	a.want(t, status)
	if a.text("code") != code {
		t.Fatalf("code %q, want %q: %s", a.text("code"), code, a.Body)
	}
	return a
}

func (a answer) text(path ...string) string {
	s, _ := a.at(path...).(string)
	return s
}

func (a answer) at(path ...string) any {
	var v any = a.body
	for _, p := range path {
		m, _ := v.(map[string]any)
		v = m[p]
	}
	return v
}

// items returns the data of a list.
func (a answer) items() []map[string]any {
	var out []map[string]any
	data, _ := a.body["data"].([]any)
	for _, item := range data {
		out = append(out, item.(map[string]any))
	}
	return out
}

// fieldErrors returns the errors of a problem as "place code".
func (a answer) fieldErrors() []string {
	var out []string
	list, _ := a.body["errors"].([]any)
	for _, item := range list {
		f := item.(map[string]any)
		pointer, _ := f["pointer"].(string)
		parameter, _ := f["parameter"].(string)
		out = append(out, fmt.Sprint(pointer, parameter, " ", f["code"]))
	}
	slices.Sort(out)
	return out
}

// newUser creates a user and a session of the user.
func (h *testAPI) newUser(t testing.TB, name string) (id, token string) {
	t.Helper()
	id = h.do(t, "POST", "/v1/users", h.admin,
		map[string]any{"email": name + "@example.com", "email_verified": true, "chosen_by_user": true,
			"password":     goodPassword,
			"display_name": name}).
		want(t, http.StatusCreated).text("id")
	return id, h.signIn(t, name+"@example.com")
}

func (h *testAPI) signIn(t testing.TB, identifier string) string {
	t.Helper()
	return h.do(t, "POST", "/v1/sign-in", "",
		map[string]any{"identifier": identifier, "password": goodPassword}).want(t, http.StatusCreated).text("token")
}

// newRole creates a role with permissions.
func (h *testAPI) newRole(t testing.TB, name string, permissions ...string) (id string) {
	t.Helper()
	return h.do(t, "POST", "/v1/roles", h.admin,
		map[string]any{"name": name, "description": "for a test", "permissions": permissions}).
		want(t, http.StatusCreated).text("id")
}

// newServiceKey creates a service account with a role, and an API key for it.
func (h *testAPI) newServiceKey(t testing.TB, role string, ends ...any) (service, keyID, key string) {
	t.Helper()
	service = h.do(t, "POST", "/v1/users", h.admin, map[string]any{"kind": "service", "display_name": "worker"}).
		want(t, http.StatusCreated).text("id")
	h.do(t, "POST", "/v1/users/"+service+"/roles", h.admin, map[string]any{"role_id": role}).want(t, http.StatusOK)
	var until any = h.Clock.Now().AddDate(1, 0, 0)
	if len(ends) > 0 {
		until = ends[0]
	}
	created := h.do(t, "POST", "/v1/api-keys", h.admin,
		map[string]any{"user_id": service, "name": "worker", "role_ids": []string{role}, "expires_at": until}).
		want(t, http.StatusCreated)
	return service, created.text("id"), created.text("key")
}

func TestFirstSteps(t *testing.T) {
	for _, engine := range directorytest.Engines {
		t.Run(engine, func(t *testing.T) {
			h := open(t, engine)
			grace := map[string]any{"email": "Grace@Example.COM", "email_verified": true, "chosen_by_user": true,
				"password":     goodPassword,
				"display_name": "Grace"}
			created := h.do(t, "POST", "/v1/users", h.admin, grace, "Idempotency-Key", "k1").want(t, http.StatusCreated)
			again := h.do(t, "POST", "/v1/users", h.admin, grace, "Idempotency-Key", "k1").want(t, http.StatusCreated)
			if again.text("id") != created.text("id") || again.Header().Get("Idempotent-Replayed") != "true" {
				t.Fatalf("the replay differs: %s %v", again.Body, again.Header())
			}
			id := created.text("id")
			if created.Header().Get("Location") != "/v1/users/"+id || created.Header().Get("ETag") != `"1"` ||
				created.text("status") != "active" {
				t.Fatalf("created: %v %s", created.Header(), created.Body)
			}
			token := h.signIn(t, "grace@example.com")
			if check := h.do(t, "GET", "/v1/session", token, nil).want(t, http.StatusOK); check.text("user_id") != id ||
				check.text("kind") != "person" {
				t.Fatalf("session: %s", check.Body)
			}
			got := h.do(t, "GET", "/v1/me?expand=profile", token, nil).want(t, http.StatusOK)
			if got.text("id") != id || got.text("profile", "display_name") != "Grace" {
				t.Fatalf("me: %s", got.Body)
			}
			h.do(t, "GET", "/v1/users", token, nil).wantProblem(t, http.StatusForbidden, "permission_missing")
			patched := h.do(t, "PATCH", "/v1/me/profile", token, map[string]any{"display_name": "Grace H."}, "If-Match",
				`"1"`).want(t, http.StatusOK)
			if patched.text("display_name") != "Grace H." || patched.Header().Get("ETag") != `"2"` {
				t.Fatalf("patched: %v %s", patched.Header(), patched.Body)
			}
			if allowed := h.do(t, "POST", "/v1/access/check", token, map[string]any{"permission": "users.read"}).
				want(t, http.StatusOK); allowed.at("allowed") != false {
				t.Fatalf("a user without a role is allowed: %s", allowed.Body)
			}
			h.do(t, "POST", "/v1/users/"+id+"/suspend", h.admin, nil, "If-Match", `"1"`).want(t, http.StatusOK)
			h.do(t, "GET", "/v1/session", token, nil).wantProblem(t, http.StatusUnauthorized, "not_signed_in")
			var actions []string
			for _, event := range h.do(t, "GET", "/v1/users/"+id+"/audit?sort=created_at", h.admin, nil).
				want(t, http.StatusOK).items() {
				actions = append(actions, fmt.Sprint(event["action"]))
			}
			if want := []string{"user.create", "session.create", "profile.update",
				"user.suspend"}; !slices.Equal(actions, want) {
				t.Fatalf("events %q, want %q", actions, want)
			}
		})
	}
}
