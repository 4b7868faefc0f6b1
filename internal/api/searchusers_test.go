package api_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"cardinal/internal/directory/directorytest"
)

// TestSearchUsers: personal data of a search is in the body, and not in what becomes part of logs of URLs: neither in
// the path of the next page nor, for a search by GET, in the cursor.
func TestSearchUsers(t *testing.T) {
	for _, engine := range directorytest.Engines {
		t.Run(engine, func(t *testing.T) {
			h := open(t, engine)
			var want []string
			for _, name := range []string{"zelda.one", "zelda.two", "zelda.three"} {
				want = append(want, h.do(t, "POST", "/v1/users", h.admin, object{"email": name + "@example.com",
					"email_verified": true, "display_name": "Zelda"}).want(t, http.StatusCreated).text("id"))
			}
			h.do(t, "POST", "/v1/users", h.admin, object{"display_name": "Other"}).want(t, http.StatusCreated)

			check := func(next string) {
				t.Helper()
				values, err := url.ParseQuery(next[strings.IndexByte(next, '?')+1:])
				if err != nil {
					t.Fatal(err)
				}
				id, sealed, _ := strings.Cut(values.Get("after"), ".")
				for _, text := range []string{next, id, sealed} {
					raw, _ := base64.RawURLEncoding.DecodeString(text)
					if strings.Contains(strings.ToLower(text+string(raw)), "zelda") {
						t.Errorf("the next page names a person: %s", next)
					}
				}
			}
			pages := func(method, path string, body any) (ids []string) {
				for path != "" {
					page := h.do(t, method, path, h.admin, body).want(t, http.StatusOK)
					for _, item := range page.items() {
						ids = append(ids, item["id"].(string))
					}
					path = ""
					if page.at("has_more") == true {
						path = page.text("next")
						check(path)
					}
				}
				return ids
			}
			for _, c := range []struct {
				method, path string
				body         any
				want         int
			}{
				{"POST", "/v1/users/search?limit=1", object{"q": "zelda"}, 3},
				{"POST", "/v1/users/search?limit=1&status=active&sort=created_at", object{"q": "zelda"}, 3},
				{"POST", "/v1/users/search", object{"email": "ZELDA.two@example.com"}, 1},
				{"GET", "/v1/users?limit=1&q=zelda", nil, 3},
				{"GET", "/v1/users?limit=1&status=active&q=zelda", nil, 3},
				{"GET", "/v1/users?email=zelda.two@example.com", nil, 1},
			} {
				if ids := pages(c.method, c.path, c.body); len(ids) != c.want {
					t.Errorf("%s %s: %d of %d users, want %d", c.method, c.path, len(ids), len(want), c.want)
				}
			}
			first := h.do(t, "POST", "/v1/users/search?limit=1", h.admin, object{"q": "zelda"}).want(t, http.StatusOK)
			h.do(t, "POST", first.text("next"), h.admin, object{"q": "other"}).want(t, http.StatusBadRequest)
			byQuery := h.do(t, "GET", "/v1/users?limit=1&q=zelda", h.admin, nil).want(t, http.StatusOK).text("next")
			h.do(t, "GET", byQuery+"&q=other", h.admin, nil).want(t, http.StatusBadRequest)
			h.do(t, "GET", byQuery+"x", h.admin, nil).want(t, http.StatusBadRequest)
		})
	}
}
