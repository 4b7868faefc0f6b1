package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"cardinal"
	"cardinal/internal/api"
	"cardinal/internal/directory/directorytest"
	"cardinal/internal/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// house is an API over a fresh database, with an administrator.
type house struct {
	*directorytest.Fixture
	api   *api.API
	admin string // bearer token
}

func open(t testing.TB, engine string) *house {
	t.Helper()
	h := &house{Fixture: directorytest.Open(t, engine)}
	h.api = api.New(h.Directory, api.Options{Version: "test"})
	link, err := h.As(cardinal.Operator()).NewSetupLink(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	got := h.do(t, "POST", "/v1/set-up", "", map[string]any{"token": link.Token.Reveal(), "email": "admin@example.com", "password": goodPassword, "display_name": "Ada"})
	got.want(t, http.StatusCreated)
	h.admin = got.text("token")
	return h
}

const goodPassword = "seven lanterns by the river"

// answer is what came back.
type answer struct {
	*httptest.ResponseRecorder
	body map[string]any
}

// do sends a request; headers are pairs of name and value.
func (h *house) do(t testing.TB, method, path, token string, body any, headers ...string) answer {
	t.Helper()
	var reader *bytes.Reader = bytes.NewReader(nil)
	switch b := body.(type) {
	case nil:
	case string:
		reader = bytes.NewReader([]byte(b))
	default:
		text, err := json.Marshal(b)
		if err != nil {
			t.Fatal(err)
		}
		reader = bytes.NewReader(text)
	}
	r := httptest.NewRequest(method, path, reader)
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
		r.Header.Set(headers[i], headers[i+1])
	}
	r = r.WithContext(api.WithRequest(r.Context(), cardinal.NewID(), cardinal.Client{Address: "192.0.2.1", UserAgent: "test"}))
	w := httptest.NewRecorder()
	h.api.ServeHTTP(w, r)
	a := answer{ResponseRecorder: w}
	if strings.Contains(w.Header().Get("Content-Type"), "json") {
		if err := json.Unmarshal(w.Body.Bytes(), &a.body); err != nil {
			t.Fatalf("%s %s: the answer is no JSON: %v", method, path, err)
		}
	}
	return a
}

func (a answer) want(t testing.TB, status int) {
	t.Helper()
	if a.Code != status {
		t.Fatalf("status %d, want %d: %s", a.Code, status, a.Body)
	}
}

func (a answer) text(path ...string) string {
	var v any = a.body
	for _, p := range path {
		m, _ := v.(map[string]any)
		v = m[p]
	}
	s, _ := v.(string)
	return s
}

func TestFirstSteps(t *testing.T) {
	for _, engine := range directorytest.Engines {
		t.Run(engine, func(t *testing.T) {
			h := open(t, engine)
			made := h.do(t, "POST", "/v1/users", h.admin, map[string]any{"email": "Grace@Example.COM", "email_verified": true, "password": goodPassword, "display_name": "Grace"}, "Idempotency-Key", "k1")
			made.want(t, http.StatusCreated)
			again := h.do(t, "POST", "/v1/users", h.admin, map[string]any{"email": "Grace@Example.COM", "email_verified": true, "password": goodPassword, "display_name": "Grace"}, "Idempotency-Key", "k1")
			again.want(t, http.StatusCreated)
			if again.text("id") != made.text("id") || again.Header().Get("Idempotent-Replayed") != "true" {
				t.Fatalf("the replay is another: %s %v", again.Body, again.Header())
			}
			id := made.text("id")
			in := h.do(t, "POST", "/v1/sign-in", "", map[string]any{"identifier": "grace@example.com", "password": goodPassword})
			in.want(t, http.StatusCreated)
			token := in.text("token")
			h.do(t, "GET", "/v1/session", token, nil).want(t, http.StatusOK)
			got := h.do(t, "GET", "/v1/me?expand=profile", token, nil)
			got.want(t, http.StatusOK)
			if got.text("profile", "display_name") != "Grace" {
				t.Fatalf("profile: %s", got.Body)
			}
			h.do(t, "GET", "/v1/users", token, nil).want(t, http.StatusForbidden)
			patched := h.do(t, "PATCH", "/v1/me/profile", token, map[string]any{"display_name": "Grace H."}, "If-Match", `"1"`)
			patched.want(t, http.StatusOK)
			h.do(t, "PATCH", "/v1/me/profile", token, map[string]any{"display_name": "x"}, "If-Match", `"1"`).want(t, http.StatusPreconditionFailed)
			h.do(t, "PATCH", "/v1/me/profile", token, map[string]any{"display_name": "x"}).want(t, http.StatusPreconditionRequired)
			h.do(t, "POST", "/v1/access/check", token, map[string]any{"permission": "users.read"}).want(t, http.StatusOK)
			ex := h.do(t, "POST", "/v1/access/explain", h.admin, map[string]any{"permission": "users.read"})
			ex.want(t, http.StatusOK)
			list := h.do(t, "GET", "/v1/users?limit=1&email=GRACE@example.com&expand=profile", h.admin, nil)
			list.want(t, http.StatusOK)
			h.do(t, "GET", "/v1/users?limit=1", h.admin, nil).want(t, http.StatusOK)
			h.do(t, "POST", "/v1/users/"+id+"/suspend", h.admin, nil, "If-Match", `"1"`).want(t, http.StatusOK)
			h.do(t, "GET", "/v1/session", token, nil).want(t, http.StatusUnauthorized)
			au := h.do(t, "GET", "/v1/users/"+id+"/audit", h.admin, nil)
			au.want(t, http.StatusOK)
			t.Log(au.Body.String())
			bad := h.do(t, "POST", "/v1/users", h.admin, `{"emai":"x","kind":5,"password":"short"}`)
			t.Log(bad.Body.String())
			bad.want(t, http.StatusUnprocessableEntity)
			t.Log(h.do(t, "GET", "/v1/users?statu=x&limit=0", h.admin, nil).Body.String())
			t.Log(h.do(t, "GET", "/v1/users/xyz", h.admin, nil).Body.String())
			t.Log(h.do(t, "PUT", "/v1/users", h.admin, nil).Body.String())
			t.Log(h.do(t, "GET", "/v1/nope", h.admin, nil).Body.String())
		})
	}
}
