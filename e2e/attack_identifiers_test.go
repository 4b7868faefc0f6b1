package e2e

import (
	"net/http"
	"os/exec"
	"strings"
	"testing"
)

// refusedCommand runs a command that must fail, and returns its output.
func (s *service) refusedCommand(args ...string) string {
	s.t.Helper()
	c := exec.Command(s.path(), append(args, "--db", s.db)...)
	c.Dir = s.folder
	text, err := c.CombinedOutput()
	if err == nil {
		s.t.Errorf("cardinal %v succeeded:\n%s", args, text)
	}
	return string(text)
}

// TestUnverifiedAddressIdentifiesNoUser: a user types the address of another person, and a caller signs up with it.
// Neither becomes administrator, neither keeps the owner out, and neither keeps the password when the address is
// verified.
func TestUnverifiedAddressIdentifiesNoUser(t *testing.T) {
	for _, engine := range engines {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			r := &harness{service: start(t, engine)}
			r.admin = r.must(http.StatusCreated, "POST", "/v1/set-up", "",
				fields{"token": r.setupToken, "email": "admin@example.com", "password": password}).str("token")
			r.must(http.StatusOK, "PATCH", "/v1/settings/sign_up.mode", r.admin, fields{"value": "open"},
				"If-Match", `"1"`)
			create := func(status int, email string, verified bool) string {
				return r.must(status, "POST", "/v1/users", r.admin,
					fields{"email": email, "email_verified": verified,
						"chosen_by_user": true, "password": password}).str("id")
			}
			signIn := func(status int, email string) string {
				in := fields{"identifier": email, "password": password}
				return r.must(status, "POST", "/v1/sign-in", "", in).str("token")
			}
			mallory := create(http.StatusCreated, "mallory@example.com", true)
			token := signIn(http.StatusCreated, "mallory@example.com")
			r.must(http.StatusCreated, "POST", "/v1/me/contacts", token,
				fields{"kind": "email", "value": "ada@example.com"})

			// The command line refuses the address, and shows who has it.
			for _, args := range [][]string{
				{"admin", "add", "ada@example.com"}, {"roles", "grant", "ada@example.com", "administrator"},
				{"contacts", "verify", "ada@example.com", "ada@example.com"},
			} {
				if text := r.refusedCommand(args...); !strings.Contains(text, mallory) ||
					!strings.Contains(text, "given by user") {
					t.Errorf("cardinal %v:\n%s", args, text)
				}
			}
			r.must(http.StatusForbidden, "GET", "/v1/settings", token, nil)
			found := r.must(http.StatusOK, "GET", "/v1/users?email=ada@example.com", r.admin, nil).data()
			if len(found) != 1 || found[0]["email_verified"] != false {
				t.Errorf("the look-up returns %v", found)
			}

			// The owner is not kept out, and whether an address is in use makes no difference.
			pending := r.must(http.StatusCreated, "POST", "/v1/sign-up", "",
				fields{"email": "ada@example.com", "password": password}).str("id")
			signIn(http.StatusUnauthorized, "ada@example.com")
			for _, email := range []string{"admin@example.com", "free@example.com"} {
				r.must(http.StatusCreated, "POST", "/v1/me/contacts", token, fields{"kind": "email", "value": email})
			}
			contacts := r.must(http.StatusOK, "GET", "/v1/users/"+pending+"/contacts", r.admin, nil).data()
			id, _ := contacts[0]["id"].(string)
			after := r.must(http.StatusOK, "PATCH", "/v1/users/"+pending+"/contacts/"+id, r.admin,
				fields{"verified": true}, "If-Match", `"1"`)
			if after.field("removed", "password") != true {
				t.Errorf("the verification removed %v", after.field("removed"))
			}
			signIn(http.StatusUnauthorized, "ada@example.com")
			r.command("roles", "grant", "ada@example.com", "support")
			create(http.StatusConflict, "ada@example.com", true)

			// The only address of an administrator is not displaced.
			boss := create(http.StatusCreated, "boss@example.com", false)
			session := signIn(http.StatusCreated, "boss@example.com")
			r.must(http.StatusConflict, "POST", "/v1/users/"+mallory+"/contacts", r.admin,
				fields{"kind": "email", "value": "boss@example.com", "verified": true})
			if got := r.must(http.StatusOK, "GET", "/v1/session", session, nil).str("user_id"); got != boss {
				t.Errorf("the session is of %s", got)
			}
		})
	}
}
