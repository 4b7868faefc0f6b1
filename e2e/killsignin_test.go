package e2e

import (
	"fmt"
	"net/http"
)

// signInWriter signs in and out, which no Idempotency-Key repeats: what nobody answered may have happened or not.
type signInWriter struct {
	*crashTest
	created bool
	count   int
	tokens  map[string]bool // whether the session must be in force
}

// write signs in and out until nobody answers.
func (g *signInWriter) write() {
	if !g.created {
		got, err := g.send("POST", "/v1/users", g.admin, map[string]any{"email": "guest@example.com", "email_verified": true, "password": secret}, "Idempotency-Key", "the-guest")
		if g.created = err == nil && got.status == http.StatusCreated; !g.created {
			return
		}
	}
	for {
		got, err := g.send("POST", "/v1/sign-in", "", map[string]any{"identifier": "guest@example.com", "password": secret})
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
			delete(g.tokens, token) // either
			return
		case got.status != http.StatusNoContent:
			g.t.Errorf("sign-out: status %d: %s", got.status, got.text)
			return
		}
		g.tokens[token] = false
	}
}

// verify asks for every session.
func (g *signInWriter) verify() {
	g.t.Helper()
	for token, alive := range g.tokens {
		want := http.StatusUnauthorized
		if alive {
			want = http.StatusOK
		}
		if got, err := g.send("GET", "/v1/session", token, nil); err != nil || got.status != want {
			g.t.Error(fmt.Errorf("a session that must be in force %t: status %d, %v", alive, got.status, err))
		}
	}
}
