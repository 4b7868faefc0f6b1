package e2e

import "net/http"

// signInWriter signs in and out. These requests have no Idempotency-Key, so a request without a response can be done or
// not.
type signInWriter struct {
	*crashTest
	created bool
	count   int
	tokens  map[string]bool // by token, whether the session must be active
}

// write signs in and out until a request fails.
func (g *signInWriter) write() {
	if !g.created {
		user := fields{"email": "guest@example.com", "email_verified": true,
			"chosen_by_user": true, "password": password}
		got, err := g.send("POST", "/v1/users", g.admin, user, "Idempotency-Key", "the-guest")
		if g.created = err == nil && got.status == http.StatusCreated; !g.created {
			return
		}
	}
	for {
		got, err := g.send("POST", "/v1/sign-in", "", fields{"identifier": "guest@example.com", "password": password})
		if err != nil || got.status >= 500 {
			return
		}
		if got.status != http.StatusCreated {
			g.t.Errorf("sign-in: status %d: %s", got.status, got.text)
			return
		}
		token := got.str("token")
		g.tokens[token] = true
		if g.count++; g.count%2 == 0 {
			continue
		}
		got, err = g.send("POST", "/v1/sign-out", token, nil)
		switch {
		case err != nil || got.status >= 500:
			delete(g.tokens, token) // unknown: active or ended
			return
		case got.status != http.StatusNoContent:
			g.t.Errorf("sign-out: status %d: %s", got.status, got.text)
			return
		}
		g.tokens[token] = false
	}
}

// verify checks each session.
func (g *signInWriter) verify() {
	g.t.Helper()
	for token, isActive := range g.tokens {
		want := http.StatusUnauthorized
		if isActive {
			want = http.StatusOK
		}
		if got, err := g.send("GET", "/v1/session", token, nil); err != nil || got.status != want {
			g.t.Errorf("session with active %t: status %d, %v", isActive, got.status, err)
		}
	}
}
