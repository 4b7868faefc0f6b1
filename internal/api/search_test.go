package api_test

import (
	"net/http"
	"strings"
	"testing"

	"cardinal/internal/directory/directorytest"
)

// TestShortPages: a search decrypts a limited number of users for a page. A page without matches is empty, and has the
// path of the next page.
func TestShortPages(t *testing.T) {
	for _, engine := range directorytest.Engines {
		t.Run(engine, func(t *testing.T) {
			h := open(t, engine)
			last := h.do(t, "POST", "/v1/users", h.admin, object{"display_name": "Mariana"}).
				want(t, http.StatusCreated).text("id")
			for range 405 {
				h.do(t, "POST", "/v1/users", h.admin, object{"display_name": "Marion"}).want(t, http.StatusCreated)
			}
			first := h.do(t, "GET", "/v1/users?q=maria&limit=50", h.admin, nil).want(t, http.StatusOK)
			if len(first.items()) != 0 || first.at("has_more") != true || first.text("next") == "" {
				t.Errorf("the first page is %s", first.Body)
			}
			if ids := h.allPages(t, "/v1/users?q=maria&limit=50", h.admin, "id", nil); len(ids) != 1 || ids[0] != last {
				t.Errorf("all pages have %v, want %s", ids, last)
			}
			counted := h.do(t, "GET", "/v1/users?q=maria&count=true&limit=1", h.admin, nil).want(t, http.StatusOK)
			if got := counted.at("count", "value"); got != 1.0 || counted.at("count", "is_exact") != false {
				t.Errorf("the count is %s", counted.Body)
			}
			if got := h.do(t, "GET", "/v1/users?count=true&limit=1", h.admin, nil).
				want(t, http.StatusOK); strings.Contains(got.text("next"), "count") {
				t.Errorf("the next page counts again: %s", got.text("next"))
			} else {
				h.do(t, "GET", got.text("next"), h.admin, nil).want(t, http.StatusOK)
			}
			if uncounted := h.do(t, "GET", "/v1/users?limit=1", h.admin, nil); uncounted.at("count") != nil {
				t.Error("a count that was not requested")
			}
		})
	}
}
