package api_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
)

// FuzzFilters: for any query, a list answers with a page or with the errors of the query, as it is described.
func FuzzFilters(f *testing.F) {
	h := open(f, "sqlite")
	next := h.do(f, "GET", "/v1/users?limit=1&built_in=true", h.admin, nil).text("next")
	after, err := url.Parse(next)
	if err != nil {
		f.Fatal(err)
	}
	for _, query := range []string{"", after.RawQuery, "limit=0", "limit=1e3", "limit=-1", "limit=%31",
		"email=ada%40example.com", "email=%00", "email=%ff", "status=active&kind=person",
		"role=0198c0de-0000-7000-8000-000000000000",
		"role=x", "role", "created%5Bgte%5D=2026-01-01T00:00:00Z", "created%5Blt%5D=0000-01-01T00:00:00Z",
		"created[gte]=9999-12-31T23:59:59.999999999%2B23:59", "sort=-created_at&sort=created_at", "sort=x",
		"expand=profile", "built_in=1", "actor=x", "action=user.create", "action=%25", "from=x", "until=2026-01-01",
		"a;b", "%", "&&&", "=", "after=AAAA", "q[]=1", "email=a&email=b"} {
		f.Add(query)
	}
	lists := []string{"/v1/users", "/v1/audit", "/v1/roles", "/v1/api-keys", "/v1/attributes"}
	f.Fuzz(func(t *testing.T, query string) {
		for _, path := range lists {
			r := httptest.NewRequest(http.MethodGet, path, nil)
			r.URL.RawQuery = query
			r.Header.Set("Authorization", "Bearer "+h.admin)
			if got := h.send(t, r); got.Code != http.StatusOK && got.Code != http.StatusBadRequest {
				t.Errorf("GET %s?%q: status %d: %s", path, query, got.Code, got.Body)
			}
		}
	})
}
