package api_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

// filterPermissions are the permissions of what the filters of lists reveal, next to that of the list: by operation and
// parameter. A filter that reveals nothing more than the list has "".
var filterPermissions = map[string]string{
	"list-api-keys user_id":         "",
	"list-audit action":             "",
	"list-audit actor":              "",
	"list-audit occurred[gte]":      "",
	"list-audit occurred[lt]":       "",
	"list-audit request":            "",
	"list-audit user":               "",
	"list-me-audit action":          "",
	"list-me-audit actor":           "",
	"list-me-audit occurred[gte]":   "",
	"list-me-audit occurred[lt]":    "",
	"list-me-audit request":         "",
	"list-user-audit action":        "",
	"list-user-audit actor":         "",
	"list-user-audit occurred[gte]": "",
	"list-user-audit occurred[lt]":  "",
	"list-user-audit request":       "",
	"list-users attributes":         "",
	"list-users built_in":           "",
	"list-users created[gte]":       "",
	"list-users created[lt]":        "",
	"list-users email":              "",
	"list-users kind":               "",
	"list-users q":                  "",
	"list-users role":               "roles.read",
	"list-users status":             "",
}

// noFilters are the parameters of lists that do not select rows by their content.
var noFilters = []string{"limit", "after", "cursor", "sort", "count", "expand"}

// TestFiltersNeedPermission goes through all filters of all lists.
func TestFiltersNeedPermission(t *testing.T) {
	h := open(t, "sqlite")
	known := map[string]bool{}
	for _, o := range h.operations() {
		if o.Method != http.MethodGet || !strings.HasPrefix(o.OperationID, "list-") {
			continue
		}
		for _, p := range o.Parameters {
			if p.In != "query" || slices.Contains(noFilters, p.Name) {
				continue
			}
			filter := o.OperationID + " " + p.Name
			known[filter] = true
			if _, ok := filterPermissions[filter]; !ok {
				t.Errorf("%s has no permission in filterPermissions: say what it reveals", filter)
			}
		}
	}
	for filter := range filterPermissions {
		if !known[filter] {
			t.Errorf("%s is not a filter", filter)
		}
	}
	_, token := h.newUser(t, "reader")
	h.grant(t, token, "users.read")
	role := "/v1/users?role=" + support
	h.do(t, "GET", "/v1/users", token, nil).want(t, http.StatusOK)
	h.do(t, "GET", role, token, nil).wantProblem(t, http.StatusForbidden, "permission_missing")
	h.do(t, "GET", role+"&count=true", token, nil).wantProblem(t, http.StatusForbidden, "permission_missing")
	h.grant(t, token, "roles.read")
	h.do(t, "GET", role, token, nil).want(t, http.StatusOK)
}
