package api_test

import (
	"net/http"
	"testing"
	"time"

	"cardinal/internal/directory/directorytest"
)

// notAsked are the operations that change something and need no recent sign-in, each with the reason. A new operation
// is either refused to an old session or listed here.
var notAsked = map[string]string{
	"sign-out":            "ends access",
	"confirm-session":     "is how a session becomes recent",
	"update-user":         "a profile; asked only for a new user name",
	"update-user-profile": "a profile; asked only for a new user name",
	"update-me":           "a profile; asked only for a new user name",
	"update-me-profile":   "a profile; asked only for a new user name",
	"suspend-user":        "ends access, and can be urgent",
	"unlock-user":         "ends a wait; the password is still needed",
	"end-user-session":    "ends access",
	"end-user-sessions":   "ends access",
	"end-me-session":      "ends access",
	"end-me-sessions":     "ends access",
	"create-permission":   "no role has it yet",
	"update-permission":   "only its description",
	"delete-permission":   "takes access away",
	"check-access":        "changes nothing",
	"search-users":        "changes nothing",
	"explain-access":      "changes nothing",
	"update-country":      "a tax rate",
	"create-attribute":    "a definition",
	"delete-attribute":    "a definition",
	"upload-import":       "creates no user; asked with start=true",
}

// TestRecentSignInOfEveryOperation sends every operation that changes something with a session that was opened longer
// ago than the setting allows.
func TestRecentSignInOfEveryOperation(t *testing.T) {
	for _, engine := range directorytest.Engines {
		t.Run(engine, func(t *testing.T) {
			h := open(t, engine)
			h.setSetting(t, "sessions.recent_sign_in_seconds", 60)
			asked := 0
			for _, o := range h.operations() {
				if o.Method == http.MethodGet || o.Security != nil && len(o.Security) == 0 {
					continue
				}
				t.Run(o.OperationID, func(t *testing.T) {
					h.confirm(t, h.admin)
					c := refusalSpecs[o.OperationID].call(t, h)
					send := func() answer {
						return h.do(t, o.Method, c.fill(o.Path), c.token, c.content(), c.headers()...)
					}
					h.Clock.Add(time.Minute)
					if notAsked[o.OperationID] == "" {
						send().wantProblem(t, http.StatusForbidden, "reauthentication_required")
						h.confirm(t, c.token)
						asked++
					}
					if a := send(); a.Code >= 300 {
						t.Errorf("refused: %d %s", a.Code, a.Body)
					}
				})
			}
			if asked < 20 {
				t.Errorf("only %d operations need a recent sign-in", asked)
			}
			h.confirm(t, h.admin)
			role := h.newRole(t, unique("role"))
			_, _, key := h.newServiceKey(t, administrator)
			h.Clock.Add(time.Minute)
			h.do(t, "PATCH", "/v1/roles/"+role, key, object{"description": "changed"}, "If-Match", `"1"`).
				want(t, http.StatusOK)
		})
	}
}

// confirm confirms a session of a user with the usual password.
func (h *testAPI) confirm(t testing.TB, token string) {
	t.Helper()
	h.do(t, "POST", "/v1/session/confirm", token, object{"password": goodPassword}).want(t, http.StatusOK)
}
