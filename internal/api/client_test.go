package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"cardinal/internal/directory/directorytest"
)

// TestClientAddress: failures of the users of a backend count for the addresses that it names. From all other callers
// the header is ignored.
func TestClientAddress(t *testing.T) {
	for _, engine := range directorytest.Engines {
		t.Run(engine, func(t *testing.T) {
			h := open(t, engine)
			h.setSetting(t, "sign_in.failures_per_address", 10)
			h.newUser(t, "ada")
			_, _, backend := h.newServiceKey(t, h.newRole(t, "backend", "clients.forward"))
			_, revokedID, revoked := h.newServiceKey(t, h.newRole(t, "earlier", "clients.forward"))
			h.do(t, "DELETE", "/v1/api-keys/"+revokedID, h.admin, nil).want(t, http.StatusNoContent)
			_, _, other := h.newServiceKey(t, h.newRole(t, "other", "users.read"))
			body := object{"identifier": "ada@example.com", "password": goodPassword}
			signIn := func(token string, headers ...string) answer {
				return h.do(t, "POST", "/v1/sign-in", token, body, headers...)
			}
			// guess makes ten wrong guesses, each at an account of its own.
			number := 0
			guess := func(token, address string) {
				t.Helper()
				for range 10 {
					number++
					wrong := object{"identifier": fmt.Sprintf("guess%d@example.com", number), "password": "wrong"}
					h.do(t, "POST", "/v1/sign-in", token, wrong, "Client-Address", address).
						wantProblem(t, http.StatusUnauthorized, "invalid_credentials")
				}
			}
			h.from.Address = "192.0.2.1"
			in := signIn(backend, "Client-Address", "::ffff:198.51.100.1").want(t, http.StatusCreated)
			if got := in.text("session", "address"); got != "198.51.100.1" {
				t.Errorf("the session has the address %q", got)
			}
			for _, headers := range [][]string{
				nil, {"Client-Address", ""}, {"Client-Address", "here"}, {"Client-Address", "192.0.2.1:80"},
				{"Client-Address", "192.0.2.1, 192.0.2.2"},
			} {
				signIn(backend, headers...).wantProblem(t, http.StatusBadRequest, "client_address_missing")
			}
			signIn(revoked, "Client-Address", "198.51.100.1").
				wantProblem(t, http.StatusUnauthorized, "not_signed_in")

			guess(backend, "198.51.100.1")
			signIn(backend, "Client-Address", "198.51.100.1").
				wantProblem(t, http.StatusTooManyRequests, "too_many_attempts")
			signIn(backend, "Client-Address", "198.51.100.2").want(t, http.StatusCreated)

			// Other callers cannot name an address: these count for their own.
			guess("", "198.51.100.3")
			signIn("", "Client-Address", "198.51.100.4").
				wantProblem(t, http.StatusTooManyRequests, "too_many_attempts")
			h.Clock.Add(time.Hour)
			guess(other, "198.51.100.3")
			signIn(other, "Client-Address", "198.51.100.4").
				wantProblem(t, http.StatusTooManyRequests, "too_many_attempts")
			signIn(backend, "Client-Address", "198.51.100.3").want(t, http.StatusCreated)
		})
	}
}

// TestRateLimitHeaders: a change of the own account says how many are left, and the refusal when they begin again.
func TestRateLimitHeaders(t *testing.T) {
	h := open(t, "sqlite")
	id, token := h.newUser(t, "ada")
	now := h.Clock.Now()
	h.Clock.Add(now.Truncate(10 * time.Minute).Add(10*time.Minute + time.Second).Sub(now))
	change := func(path, token string) answer {
		tag := h.do(t, "GET", path, h.admin, nil).Header().Get("ETag")
		if path == "/v1/me/profile" {
			tag = h.do(t, "GET", path, token, nil).Header().Get("ETag")
		}
		body := object{"preferences": object{"n": h.Clock.Now().UnixMicro()}}
		return h.do(t, "PATCH", path, token, body, "If-Match", tag)
	}
	for left := 119; left >= 0; left-- {
		path := []string{"/v1/me/profile", "/v1/users/" + id + "/profile"}[left%2]
		got := change(path, token).want(t, http.StatusOK).Header()
		if policy := got.Get("RateLimit-Policy"); policy != `"own-changes";q=120;w=600` {
			t.Fatalf("RateLimit-Policy: %s", policy)
		}
		if rate := got.Get("RateLimit"); !strings.HasPrefix(rate, fmt.Sprintf(`"own-changes";r=%d;t=59`, left)) {
			t.Fatalf("RateLimit: %s, want %d left", rate, left)
		}
	}
	got := change("/v1/me/profile", token).wantProblem(t, http.StatusTooManyRequests, "too_many_changes").Header()
	rate, wait := got.Get("RateLimit"), got.Get("Retry-After")
	if !strings.HasPrefix(rate, `"own-changes";r=0;t=59`) || wait == "" {
		t.Errorf("RateLimit: %s, Retry-After: %s", rate, wait)
	}
	byAdmin := change("/v1/users/"+id+"/profile", h.admin).want(t, http.StatusOK)
	if rate := byAdmin.Header().Get("RateLimit"); rate != "" {
		t.Errorf("the change of an administrator has RateLimit: %s", rate)
	}
}
