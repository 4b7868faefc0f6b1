package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"testing"

	"cardinal/internal/directory/directorytest"
)

// TestLargeNumbers: a number gets the same answer on both databases, whatever its size.
func TestLargeNumbers(t *testing.T) {
	answers := map[string]string{}
	for _, engine := range directorytest.Engines {
		t.Run(engine, func(t *testing.T) {
			h := open(t, engine)
			h.do(t, "POST", "/v1/attributes", h.admin, object{"name": "n", "value_type": "number",
				"is_searchable": true, "description": "x"}).want(t, http.StatusCreated)
			for _, number := range []string{
				"1e300", "1e400", "-1e400", "1e15", "1e16", "1e21", "123456789012345678", "0.1",
				"1e-300", "1e-400", "1.0", "100000000000000000000000", "9007199254740993",
			} {
				user := h.do(t, "POST", "/v1/users", h.admin, object{"kind": "person"}).want(t, http.StatusCreated)
				path := "/v1/users/" + user.text("id") + "/profile"
				body := json.RawMessage(`{"preferences":{"n":` + number + `}}`)
				got := h.do(t, "PATCH", path, h.admin, body, "If-Match", `"1"`)
				answer := got.Result().Status
				if got.Code == http.StatusOK {
					read := h.do(t, "GET", path, h.admin, nil)
					answer += fmt.Sprint(" ", read.at("preferences", "n"))
				}
				version := h.do(t, "GET", path, h.admin, nil).Header().Get("ETag")
				attribute := h.do(t, "PATCH", path, h.admin, json.RawMessage(`{"attributes":{"n":`+number+`}}`),
					"If-Match", version)
				answer += " attribute " + attribute.Result().Status
				if attribute.Code == http.StatusOK {
					answer += fmt.Sprint(" ", h.do(t, "GET", path, h.admin, nil).at("attributes", "n"))
				}
				found := h.do(t, "GET", "/v1/users?attributes="+url.QueryEscape(`{"n":`+number+`}`), h.admin, nil)
				answer += " found " + found.Result().Status
				if found.Code == http.StatusOK {
					answer += fmt.Sprint(" ", len(found.items()))
				}
				setting := h.do(t, "GET", "/v1/settings/sign_in.failures_per_address", h.admin, nil)
				answer += " setting " + h.do(t, "PATCH", "/v1/settings/sign_in.failures_per_address", h.admin,
					json.RawMessage(`{"value":`+number+`}`), "If-Match", setting.Header().Get("ETag")).Result().Status
				if engine == "sqlite" {
					answers[number] = answer
				} else if answers[number] != answer {
					t.Errorf("%s: %s on %s, %s on SQLite", number, answer, engine, answers[number])
				}
			}
		})
	}
}
