package api_test

import (
	"cardinal/internal/importing"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"cardinal"
)

var uniqueNames atomic.Int64

// unique returns a name that is not used yet.
func unique(prefix string) string { return fmt.Sprintf("%s%d", prefix, uniqueNames.Add(1)) }

const (
	administrator = "00000000-0000-7000-8007-000000000001"
	support       = "00000000-0000-7000-8007-000000000004"
	anonymousRole = "00000000-0000-7000-8007-000000000003"
	usersRead     = "00000000-0000-7000-8006-000000000001"
	operatorID    = "00000000-0000-7000-8000-000000000001"
)

type object = map[string]any

// Calls. Each creates what it needs, so that calls do not depend on each other.

func asAdmin(body object) func(*testing.T, *testAPI) call {
	return func(_ *testing.T, h *testAPI) call { return call{token: h.admin, body: body} }
}

func adminCall(_ *testing.T, h *testAPI) call { return call{token: h.admin} }

// otherUser returns a call of an administrator about another user.
func otherUser(etag string, body object) func(*testing.T, *testAPI) call {
	return func(t *testing.T, h *testAPI) call {
		id, _ := h.newUser(t, unique("someone"))
		return call{token: h.admin, params: map[string]string{"id": id}, etag: etag, body: body}
	}
}

// ownAccount returns a call of a user about itself.
func ownAccount(etag string, body object) func(*testing.T, *testAPI) call {
	return func(t *testing.T, h *testAPI) call {
		_, token := h.newUser(t, unique("myself"))
		return call{token: token, etag: etag, body: body}
	}
}

// afterAction returns a call about a user after an action.
func afterAction(action, etag string) func(*testing.T, *testAPI) call {
	return func(t *testing.T, h *testAPI) call {
		id, _ := h.newUser(t, unique("moved"))
		method, path := http.MethodPost, "/v1/users/"+id+"/"+action
		if action == "delete" {
			method, path = http.MethodDelete, "/v1/users/"+id
		}
		h.do(t, method, path, h.admin, nil, "If-Match", `"1"`)
		return call{token: h.admin, params: map[string]string{"id": id}, etag: etag}
	}
}

// secondContact returns a call about the second contact of a user.
func secondContact(mine bool, etag string, body object) func(*testing.T, *testAPI) call {
	return func(t *testing.T, h *testAPI) call {
		id, token := h.newUser(t, unique("contact"))
		c := h.do(t, "POST", "/v1/users/"+id+"/contacts", h.admin,
			object{"kind": "email", "value": unique("second") + "@example.com"}).want(t, http.StatusCreated).text("id")
		if mine {
			return call{token: token, params: map[string]string{"contact_id": c}, etag: etag, body: body}
		}
		return call{token: h.admin, params: map[string]string{"id": id, "contact_id": c}, etag: etag, body: body}
	}
}

// secondSession returns a call about the second session of a user.
func secondSession(mine bool) func(*testing.T, *testAPI) call {
	return func(t *testing.T, h *testAPI) call {
		name := unique("session")
		id, token := h.newUser(t, name)
		h.signIn(t, name+"@example.com")
		s, _ := h.do(t, "GET", "/v1/users/"+id+"/sessions", h.admin, nil).
			want(t, http.StatusOK).items()[0]["id"].(string)
		if mine {
			return call{token: token, params: map[string]string{"session_id": s}}
		}
		return call{token: h.admin, params: map[string]string{"id": id, "session_id": s}}
	}
}

func roleCall(etag string, body object) func(*testing.T, *testAPI) call {
	return func(t *testing.T, h *testAPI) call {
		return call{token: h.admin, params: map[string]string{"id": h.newRole(t, unique("role"), "users.read")},
			etag: etag, body: body}
	}
}

func permissionCall(etag string, body object) func(*testing.T, *testAPI) call {
	return func(t *testing.T, h *testAPI) call {
		id := h.do(t, "POST", "/v1/permissions", h.admin,
			object{"name": unique("things") + ".do", "description": "for a test"}).
			want(t, http.StatusCreated).text("id")
		return call{token: h.admin, params: map[string]string{"id": id}, etag: etag, body: body}
	}
}

func apiKeyCall(t *testing.T, h *testAPI) call {
	_, id, _ := h.newServiceKey(t, h.newRole(t, unique("keyed")))
	return call{token: h.admin, params: map[string]string{"id": id}}
}

func attributeCall(t *testing.T, h *testAPI) call {
	id := h.do(t, "POST", "/v1/attributes", h.admin,
		object{"name": unique("attribute"), "description": "for a test", "value_type": "string"}).
		want(t, http.StatusCreated).text("id")
	return call{token: h.admin, params: map[string]string{"id": id}, etag: `"1"`}
}

func countryCall(etag string, body object) func(*testing.T, *testAPI) call {
	return func(_ *testing.T, h *testAPI) call {
		return call{token: h.admin, params: map[string]string{"code": "DE"}, etag: etag, body: body}
	}
}

func settingCall(body object) func(*testing.T, *testAPI) call {
	return func(t *testing.T, h *testAPI) call {
		c := call{token: h.admin, params: map[string]string{"name": "passwords.min_length"}, body: body}
		if body != nil {
			c.etag = h.do(t, "GET", "/v1/settings/passwords.min_length", h.admin, nil).
				want(t, http.StatusOK).Header().Get("ETag")
		}
		return c
	}
}

// Refusals of single operations.

func invalid(name string, body any, fieldErrors ...string) refusal {
	return refusal{name: name, body: body, status: 422, code: "validation_failed", fieldErrors: fieldErrors}
}

func conflict(name, code string, body any) refusal {
	return refusal{name: name, body: body, status: 409, code: code}
}

func extraCases(refusals ...refusal) func(*testing.T, *testAPI, call) []refusal {
	return func(*testing.T, *testAPI, call) []refusal { return refusals }
}

// profileCases are the refusals of the fields of a profile, at a place of the body.
func profileCases(at string) []refusal {
	wrap := func(o object) object {
		if at != "" {
			return object{"profile": o}
		}
		return o
	}
	deep := object{"a": canary}
	for range 9 {
		deep = object{"a": deep}
	}
	out := []refusal{invalid("many errors at once",
		wrap(object{"display_name": canary + "\u202e", "username": "a b " + canary, "avatar_url": "http://" + canary,
			"country": canary, "locale": "??" + canary, "time_zone": "Nowhere/" + canary,
			"attributes": object{"nosuch": canary}}),
		at+"/display_name text_format", at+"/username username_format", at+"/avatar_url url_format",
		at+"/country country_unknown", at+"/locale locale_format", at+"/time_zone time_zone_format",
		at+"/attributes/nosuch attribute_unknown"),
		invalid("a deep document", wrap(object{"preferences": deep}), at+"/preferences document_format"),
		invalid("a long document", wrap(object{"preferences": object{"a": strings.Repeat(canary, 900)}}),
			at+"/preferences document_too_long"),
		invalid("a long name", wrap(object{"display_name": strings.Repeat(canary, 21)}),
			at+"/display_name text_too_long"),
		invalid("a long user name", wrap(object{"username": strings.Repeat(canary, 9)}),
			at+"/username username_too_long"),
		invalid("a long link", wrap(object{"avatar_url": "https://example.com/" + strings.Repeat(canary, 210)}),
			at+"/avatar_url url_too_long"),
		invalid("an attribute's name that is long", wrap(object{"attributes": object{strings.Repeat(canary, 8): 1}}),
			at+"/attributes/* attribute_unknown"),
	}
	return out
}

// contactCases are the refusals of a new contact.
func contactCases() []refusal {
	return []refusal{
		invalid("an unknown kind of contact", object{"kind": canary, "value": canary}, "/kind contact_kind_unknown"),
		invalid("an invalid address", object{"kind": "email", "value": canary + "@@example.com"},
			"/value email_format"),
		invalid("a long address", object{"kind": "email", "value": strings.Repeat(canary, 26) + "@example.com"},
			"/value email_too_long"),
		invalid("an invalid number", object{"kind": "phone", "value": canary}, "/value phone_format"),
	}
}

var passwordCases = []struct{ name, password, code string }{
	{"a short password", "Zq9kanari7", "password_too_short"},
	{"a common password", "passwordpassword", "password_too_common"},
	{"an empty password", "", "password_empty"},
	{"a long password", strings.Repeat(canary, 103), "password_too_long"},
	{"a password with a control character", "seven lanterns by\u0007" + canary, "password_format"},
}

// refusalSpecs has every operation: a valid call, and its own refusals. TestRefusals fails for an operation that is not
// here.
var refusalSpecs = map[string]refusalSpec{
	"check-session": {anyCaller: true, call: ownAccount("", nil),
		extra: func(t *testing.T, h *testAPI, c call) []refusal {
			_, _, key := h.newServiceKey(t, h.newRole(t, unique("keyed")))
			return []refusal{{name: "an API key", token: &key, status: 401, code: "not_signed_in"}}
		}},
	"confirm-session": {anyCaller: true, call: ownAccount("", object{"password": goodPassword}),
		extra: func(t *testing.T, h *testAPI, c call) []refusal {
			_, _, key := h.newServiceKey(t, h.newRole(t, unique("keyed")))
			return []refusal{
				invalid("a wrong password", object{"password": canary}, "/password password_wrong"),
				{name: "an API key", token: &key, status: 409, code: "no_session"},
			}
		}},
	"sign-in": {call: func(t *testing.T, h *testAPI) call {
		name := unique("signin")
		h.newUser(t, name)
		return call{body: object{"identifier": name + "@example.com", "password": goodPassword}}
	}, extra: func(t *testing.T, h *testAPI, c call) []refusal {
		known, _ := c.body["identifier"].(string)
		out := []refusal{
			{name: "another password", body: object{"identifier": known, "password": canary + canary}, status: 401,
				code: "invalid_credentials"},
			{name: "an unknown user", body: object{"identifier": canary + "@example.com", "password": goodPassword},
				status: 401, code: "invalid_credentials"},
			{name: "no identifier at all", body: object{"identifier": "", "password": canary}, status: 401,
				code: "invalid_credentials"},
			{name: "an invalid identifier", body: object{"identifier": canary + "@@\u202e", "password": canary},
				status: 401, code: "invalid_credentials"},
			{name: "no password", body: object{"identifier": known, "password": ""}, status: 401,
				code: "invalid_credentials"},
		}
		for _, move := range []string{"suspend", "delete"} {
			name := unique("gone")
			id, _ := h.newUser(t, name)
			code := "account_suspended"
			if move == "suspend" {
				h.do(t, "POST", "/v1/users/"+id+"/suspend", h.admin, nil, "If-Match", `"1"`).want(t, http.StatusOK)
			} else {
				code = "account_deleted"
				h.do(t, "DELETE", "/v1/users/"+id, h.admin, nil, "If-Match", `"1"`).want(t, http.StatusNoContent)
			}
			out = append(out, refusal{name: move,
				body: object{"identifier": name + "@example.com", "password": goodPassword}, status: 403, code: code},
				refusal{name: move + ", another password",
					body: object{"identifier": name + "@example.com", "password": canary}, status: 401,
					code: "invalid_credentials"})
		}
		return out
	}},
	"sign-up": {call: func(t *testing.T, h *testAPI) call {
		h.setSetting(t, "sign_up.mode", "open")
		return call{body: object{"email": unique("signup") + "@example.com", "password": goodPassword}}
	}, extra: func(t *testing.T, h *testAPI, c call) []refusal {
		out := []refusal{
			invalid("many errors at once", object{"email": canary, "password": canary,
				"display_name": "\u202e" + canary, "locale": "??" + canary, "time_zone": canary},
				"/email email_format", "/password password_too_short", "/display_name text_format",
				"/locale locale_format", "/time_zone time_zone_format"),
			invalid("errors of form and of rules", object{"email": canary, "password": canary, "locale": 5},
				"/email email_format", "/password password_too_short", "/locale field_type"),
		}
		for _, p := range passwordCases {
			out = append(out, invalid(p.name, object{"email": "a@example.com", "password": p.password},
				"/password "+p.code))
		}
		return out
	}},
	"set-up": {call: func(t *testing.T, h *testAPI) call {
		return call{body: object{"token": h.setupLink(t), "email": unique("setup") + "@example.com",
			"password": goodPassword}}
	}, extra: func(t *testing.T, h *testAPI, c call) []refusal {
		used := h.setupLink(t)
		h.do(t, "POST", "/v1/set-up", "",
			object{"token": used, "email": unique("setup") + "@example.com", "password": goodPassword}).
			want(t, http.StatusCreated)
		token, _ := c.body["token"].(string)
		return []refusal{
			{name: "no link", body: object{"token": canary, "email": "a@example.com", "password": goodPassword},
				status: 401, code: "setup_link_expired"},
			{name: "a used link", body: object{"token": used, "email": "a@example.com", "password": goodPassword},
				status: 401, code: "setup_link_expired"},
			{name: "a session's token", body: object{"token": h.admin, "email": "a@example.com",
				"password": goodPassword}, status: 401, code: "setup_link_expired"},
			invalid("many errors at once", object{"token": token, "email": canary, "password": canary,
				"display_name": "\u202e" + canary}, "/email email_format", "/password password_too_short",
				"/display_name text_format"),
			conflict("a taken address", "identifier_taken",
				object{"token": token, "email": "admin@example.com", "password": goodPassword}),
		}
	}},
	"sign-out": {anyCaller: true, call: ownAccount("", nil), extra: func(t *testing.T, h *testAPI, c call) []refusal {
		_, _, key := h.newServiceKey(t, h.newRole(t, unique("keyed")))
		return []refusal{{name: "an API key", token: &key, status: 409, code: "no_session"}}
	}},

	"list-users": {call: adminCall, extra: func(t *testing.T, h *testAPI, c call) []refusal {
		return []refusal{
			{name: "many errors at once", path: "/v1/users?status=" + canary + "&kind=" + canary + "&email=" + canary,
				status: 400, code: "validation_failed",
				fieldErrors: []string{"status status_unknown", "kind kind_unknown", "email email_format"}},
			{name: "errors of form", path: "/v1/users?statu=" + canary + "&limit=0&role=" + canary, status: 400,
				code: "validation_failed", fieldErrors: []string{"statu parameter_unknown", "limit parameter_format",
					"role parameter_format"}},
			{name: "a filter without an index", path: "/v1/users?locale=" + canary + "&sort=locale", status: 400,
				code: "validation_failed", fieldErrors: []string{"locale parameter_unknown", "sort parameter_format"},
				says: "This list has the filters status, kind, role"},
			{name: "invalid attributes", path: "/v1/users?q=x&attributes=[]&status=" + canary, status: 400,
				code: "validation_failed", fieldErrors: []string{"attributes parameter_format"}},
			{name: "a search that is too short", path: "/v1/users?q=x&status=" + canary, status: 400,
				code: "validation_failed", fieldErrors: []string{"q search_too_short", "status status_unknown"}},
			{name: "an attribute that is not searchable",
				path: "/v1/users?attributes=" + url.QueryEscape(`{"`+canary+`":"x"}`), status: 400,
				code: "validation_failed", fieldErrors: []string{"attributes attribute_not_searchable"}},
		}
	}},
	"search-users": {call: asAdmin(object{"q": "ada"}), extra: func(*testing.T, *testAPI, call) []refusal {
		return []refusal{
			invalid("many errors at once", object{"email": canary, "q": "x", "attributes": object{canary: "x"}},
				"/email email_format", "/q search_too_short", "/attributes attribute_not_searchable"),
			invalid("errors of form", object{"emai": canary, "q": 5}, "/emai field_unknown", "/q field_type"),
			{name: "a cursor of another search", path: "/v1/users/search?after=" + canary, status: 400,
				code: "validation_failed", fieldErrors: []string{"after cursor_invalid"}},
		}
	}},
	"create-user": {call: asAdmin(object{"kind": "person"}), extra: func(t *testing.T, h *testAPI, c call) []refusal {
		out := append(profileCases(""),
			conflict("a taken address", "identifier_taken", object{"email": "ADMIN@example.com"}),
			invalid("an unknown kind of account", object{"kind": canary}, "/kind kind_unknown"),
			invalid("a built-in kind", object{"kind": "system"}, "/kind kind_unknown"),
			invalid("a service with sign-in data",
				object{"kind": "service", "email": canary + "@example.com", "password": goodPassword},
				"/email kind_cannot_sign_in", "/password kind_cannot_sign_in"),
			invalid("no sign-in identifier", object{"password": goodPassword}, "/password password_without_identifier"),
			invalid("no password to change", object{"must_change_password": true},
				"/must_change_password password_missing"),
			invalid("errors of form and of rules",
				object{"emai": canary, "phone": canary, "kind": 5, "password": canary, "email": "a@example.com"},
				"/emai field_unknown", "/kind field_type", "/phone phone_format", "/password password_too_short"),
		)
		for _, p := range passwordCases {
			if p.password != "" {
				out = append(out, invalid(p.name, object{"email": "a@example.com", "password": p.password},
					"/password "+p.code))
			}
		}
		h.do(t, "POST", "/v1/users", h.admin, object{"username": "taken.name"})
		return append(out, conflict("a taken user name", "identifier_taken", object{"username": "TAKEN.name"}))
	}},
	"get-user": {call: otherUser("", nil)},
	"update-user": {call: otherUser(`"1"`, object{"profile": object{"display_name": "Changed"}}),
		extra: func(*testing.T, *testAPI, call) []refusal { return profileCases("/profile") }},
	"delete-user": {call: otherUser(`"1"`, nil), extra: func(t *testing.T, h *testAPI, c call) []refusal {
		return []refusal{{name: "a built-in user", path: "/v1/users/" + operatorID, status: 409, code: "built_in"}}
	}},
	"suspend-user": {call: otherUser(`"1"`, nil), extra: func(t *testing.T, h *testAPI, c call) []refusal {
		gone := afterAction("suspend", "")(t, h)
		return []refusal{
			{name: "suspended already", path: gone.fill("/v1/users/{id}/suspend"), headers: []string{"If-Match", `"2"`},
				status: 409, code: "status_not_allowed"},
			{name: "a built-in user", path: "/v1/users/" + operatorID + "/suspend", status: 409, code: "built_in"},
		}
	}},
	"reactivate-user": {call: afterAction("suspend", `"2"`), extra: func(t *testing.T, h *testAPI, c call) []refusal {
		active := otherUser("", nil)(t, h)
		return []refusal{{name: "active already", path: active.fill("/v1/users/{id}/reactivate"),
			headers: []string{"If-Match", `"1"`}, status: 409, code: "status_not_allowed"}}
	}},
	"restore-user": {call: afterAction("delete", `"2"`), extra: func(t *testing.T, h *testAPI, c call) []refusal {
		active := otherUser("", nil)(t, h)
		return []refusal{{name: "not deleted", path: active.fill("/v1/users/{id}/restore"),
			headers: []string{"If-Match", `"1"`}, status: 409, code: "status_not_allowed"}}
	}},
	"set-password": {call: otherUser(`"1"`, object{"new_password": goodPassword + "!"}),
		extra: func(t *testing.T, h *testAPI, c call) []refusal {
			id := h.do(t, "POST", "/v1/users", h.admin, object{}).want(t, http.StatusCreated).text("id")
			out := []refusal{
				invalid("an empty body", object{}, "/new_password password_missing"),
				{name: "no password to change", path: "/v1/users/" + id + "/password",
					headers: []string{"If-Match", `"0"`},
					body:    object{"must_change": true}, status: 409, code: "no_password"},
				{name: "no sign-in identifier", path: "/v1/users/" + id + "/password",
					headers: []string{"If-Match", `"0"`},
					status:  409, code: "last_sign_in_identifier"},
			}
			for _, p := range passwordCases {
				if p.password != "" {
					out = append(out, invalid(p.name, object{"new_password": p.password}, "/new_password "+p.code))
				}
			}
			return out
		}},
	"get-user-password": {call: otherUser("", nil)},
	"get-user-profile":  {call: otherUser("", nil)},
	"update-user-profile": {call: otherUser(`"1"`, object{"display_name": "Changed"}),
		extra: func(*testing.T, *testAPI, call) []refusal { return profileCases("") }},
	"list-user-contacts": {call: otherUser("", nil)},
	"add-user-contact": {call: func(t *testing.T, h *testAPI) call {
		return otherUser("", object{"kind": "email", "value": unique("added") + "@example.com"})(t, h)
	}, extra: extraCases(append(contactCases(), conflict("the address of another user", "identifier_taken",
		object{"kind": "email", "value": "ADMIN@example.com"}))...)},
	"get-user-contact": {call: secondContact(false, "", nil)},
	"update-user-contact": {call: secondContact(false, `"1"`, object{"is_primary": true}), extra: extraCases(
		invalid("set to false", object{"is_primary": false, "verified": false}, "/is_primary must_be_true",
			"/verified must_be_true"),
		invalid("clear", object{"verified": nil}, "/verified must_be_true"))},
	"remove-user-contact": {call: secondContact(false, `"1"`, nil),
		extra: func(t *testing.T, h *testAPI, c call) []refusal {
			id, token := h.newUser(t, unique("lastway"))
			last, _ := h.do(t, "GET", "/v1/me/contacts", token, nil).items()[0]["id"].(string)
			return []refusal{{name: "the last sign-in identifier", path: "/v1/users/" + id + "/contacts/" + last,
				status: 409, code: "last_sign_in_identifier"}}
		}},
	"list-user-sessions": {call: otherUser("", nil)},
	"end-user-session":   {call: secondSession(false)},
	"end-user-sessions":  {call: otherUser("", nil)},
	"unlock-user":        {call: otherUser("", nil)},
	"list-user-roles":    {call: otherUser("", nil)},
	"grant-role": {call: func(t *testing.T, h *testAPI) call {
		return otherUser("", object{"role_id": h.newRole(t, unique("granted")),
			"expires_at": time.Now().Add(time.Hour)})(t, h)
	}, extra: func(t *testing.T, h *testAPI, c call) []refusal {
		_, token := h.newUser(t, unique("granter"))
		who := h.do(t, "GET", "/v1/me", token, nil).text("id")
		h.do(t, "POST", "/v1/users/"+who+"/roles", h.admin,
			object{"role_id": h.newRole(t, unique("granter"), "roles.grant")}).want(t, http.StatusOK)
		return []refusal{
			invalid("an unknown role", object{"role_id": cardinal.NewID()}, "/role_id role_unknown"),
			invalid("an expiry in the past", object{"role_id": support, "expires_at": "2020-01-01T00:00:00Z"},
				"/expires_at time_in_past"),
			conflict("a role that cannot be granted", "role_not_assignable", object{"role_id": anonymousRole}),
			{name: "a role with permissions that the caller does not have", token: &token,
				body: object{"role_id": administrator}, status: 403, code: "role_has_more_permissions"},
		}
	}},
	"revoke-role": {call: func(t *testing.T, h *testAPI) call {
		c := otherUser("", nil)(t, h)
		c.params["role_id"] = h.newRole(t, unique("revoked"))
		h.do(t, "POST", c.fill("/v1/users/{id}/roles"), h.admin, object{"role_id": c.params["role_id"]}).
			want(t, http.StatusOK)
		return c
	}, extra: func(t *testing.T, h *testAPI, c call) []refusal {
		return []refusal{
			{name: "a role that the user does not have", path: c.fill("/v1/users/{id}/roles/" + support), status: 404,
				code: "not_found"},
			{name: "a role of a built-in user",
				path: "/v1/users/" + operatorID + "/roles/00000000-0000-7000-8007-000000000002", status: 409,
				code: "built_in"},
		}
	}},
	"list-user-audit": {call: otherUser("", nil)},

	"get-me": {anyCaller: true, call: ownAccount("", nil)},
	"update-me": {anyCaller: true, call: ownAccount(`"1"`, object{"profile": object{"display_name": "Changed"}}),
		extra: func(*testing.T, *testAPI, call) []refusal {
			return profileCases("/profile")
		}},
	"delete-me":       {anyCaller: true, call: ownAccount(`"1"`, nil)},
	"get-me-password": {anyCaller: true, call: ownAccount("", nil)},
	"change-my-password": {anyCaller: true,
		call: ownAccount("", object{"current_password": goodPassword, "new_password": goodPassword + "!"}),
		extra: func(t *testing.T, h *testAPI, c call) []refusal {
			out := []refusal{invalid("a wrong current password",
				object{"current_password": canary, "new_password": goodPassword + "!"},
				"/current_password password_wrong")}
			for _, p := range passwordCases {
				out = append(out, invalid(p.name, object{"current_password": goodPassword, "new_password": p.password},
					"/new_password "+p.code))
			}
			return out
		}},
	"get-me-profile": {anyCaller: true, call: ownAccount("", nil)},
	"update-me-profile": {anyCaller: true, call: ownAccount(`"1"`, object{"display_name": "Changed"}),
		extra: func(*testing.T, *testAPI, call) []refusal {
			return profileCases("")
		}},
	"list-me-contacts": {anyCaller: true, call: ownAccount("", nil)},
	"add-me-contact": {anyCaller: true, call: func(t *testing.T, h *testAPI) call {
		return ownAccount("", object{"kind": "email", "value": unique("added") + "@example.com"})(t, h)
	}, extra: extraCases(append(contactCases(),
		refusal{name: "marking the own address as verified",
			body: object{"kind": "email", "value": canary + "@example.com", "verified": true}, status: 403,
			code: "permission_missing"})...)},
	"get-me-contact": {anyCaller: true, call: secondContact(true, "", nil)},
	"update-me-contact": {anyCaller: true, call: secondContact(true, `"1"`, object{"is_primary": true}),
		extra: extraCases(
			invalid("set to false", object{"is_primary": false}, "/is_primary must_be_true"),
			refusal{name: "marking the own address as verified", body: object{"verified": true}, status: 403,
				code: "permission_missing"})},
	"remove-me-contact": {anyCaller: true, call: secondContact(true, `"1"`, nil)},
	"list-me-sessions":  {anyCaller: true, call: ownAccount("", nil)},
	"end-me-session":    {anyCaller: true, call: secondSession(true)},
	"end-me-sessions":   {anyCaller: true, call: ownAccount("", nil)},
	"list-me-roles":     {anyCaller: true, call: ownAccount("", nil)},
	"list-me-audit":     {anyCaller: true, call: ownAccount("", nil)},

	"list-roles": {call: adminCall},
	"create-role": {call: func(t *testing.T, h *testAPI) call {
		return asAdmin(object{"name": unique("made"), "description": "for a test",
			"permissions": []string{"users.read"}})(t, h)
	}, extra: func(t *testing.T, h *testAPI, c call) []refusal {
		who, token := h.newUser(t, unique("maker"))
		h.do(t, "POST", "/v1/users/"+who+"/roles", h.admin,
			object{"role_id": h.newRole(t, unique("maker"), "roles.create")}).want(t, http.StatusOK)
		return []refusal{
			invalid("no name, no description", object{"name": "Zq9 Kanari7", "description": ""},
				"/name role_name_format", "/description text_empty"),
			invalid("unknown permissions", object{"name": unique("role"), "description": "x",
				"permissions": []string{"users.read", canary, canary + "2"}}, "/permissions/1 permission_unknown",
				"/permissions/2 permission_unknown"),
			invalid("a description with a formatting character",
				object{"name": unique("role"), "description": "\u202e" + canary}, "/description text_format"),
			conflict("a taken name", "role_name_taken", object{"name": "support", "description": "x"}),
			{name: "a permission that the caller does not have", token: &token, status: 403,
				code: "permission_not_granted_to_you"},
		}
	}},
	"get-role": {call: roleCall("", nil)},
	"update-role": {call: roleCall(`"1"`, object{"description": "changed"}),
		extra: func(t *testing.T, h *testAPI, c call) []refusal {
			return []refusal{
				invalid("cleared", object{"name": nil, "description": nil}, "/name role_name_format",
					"/description text_empty"),
				conflict("a taken name", "role_name_taken", object{"name": "support"}),
				{name: "the name of a built-in role", path: "/v1/roles/" + support, body: object{"name": "helpers"},
					headers: []string{"If-Match", `"2"`}, status: 409, code: "built_in"},
			}
		}},
	"delete-role": {call: roleCall(`"1"`, nil), extra: func(t *testing.T, h *testAPI, c call) []refusal {
		held := h.newRole(t, unique("held"))
		who, _ := h.newUser(t, unique("holder"))
		h.do(t, "POST", "/v1/users/"+who+"/roles", h.admin, object{"role_id": held}).want(t, http.StatusOK)
		return []refusal{
			{name: "a user has it", path: "/v1/roles/" + held, status: 409, code: "role_in_use"},
			{name: "a built-in role", path: "/v1/roles/" + support, headers: []string{"If-Match", `"2"`}, status: 409,
				code: "built_in"},
		}
	}},
	"list-role-permissions": {call: roleCall("", nil)},
	"add-role-permission": {call: roleCall(`"1"`, object{"permission": "users.create"}),
		extra: func(t *testing.T, h *testAPI, c call) []refusal {
			return []refusal{
				invalid("an unknown permission", object{"permission": canary}, "/permission permission_unknown"),
				{name: "the role with all permissions", path: "/v1/roles/" + administrator + "/permissions",
					headers: []string{"If-Match", `"2"`}, status: 409, code: "built_in"},
			}
		}},
	"remove-role-permission": {call: func(t *testing.T, h *testAPI) call {
		c := roleCall(`"1"`, nil)(t, h)
		c.params["permission_id"] = usersRead
		return c
	}},
	"list-permissions": {call: adminCall},
	"create-permission": {call: func(t *testing.T, h *testAPI) call {
		return asAdmin(object{"name": unique("invoices") + ".approve", "description": "for a test"})(t, h)
	}, extra: extraCases(
		invalid("no name, no description", object{"name": canary, "description": "\n"}, "/name permission_name_format",
			"/description text_empty"),
		conflict("a taken name", "permission_name_taken", object{"name": "users.read", "description": "x"}))},
	"get-permission": {call: permissionCall("", nil)},
	"update-permission": {call: permissionCall(`"1"`, object{"description": "changed"}), extra: extraCases(
		invalid("cleared", object{"description": nil}, "/description text_empty"),
		invalid("a long description", object{"description": strings.Repeat(canary, 101)},
			"/description text_too_long"))},
	"delete-permission": {call: permissionCall(`"1"`, nil),
		extra: extraCases(refusal{name: "a built-in permission", path: "/v1/permissions/" + usersRead, status: 409,
			code: "built_in"})},

	"check-access": {anyCaller: true, call: asAdmin(object{"permission": "users.read"}),
		extra: accessCases("/v1/access/check")},
	"explain-access": {anyCaller: true, call: asAdmin(object{"permission": "users.read"}),
		extra: accessCases("/v1/access/explain")},

	"list-audit":    {call: adminCall},
	"list-api-keys": {call: adminCall},
	"create-api-key": {call: func(t *testing.T, h *testAPI) call {
		role := h.newRole(t, unique("keyed"))
		service, _, _ := h.newServiceKey(t, role)
		return asAdmin(object{"user_id": service, "name": "worker", "role_ids": []any{role},
			"expires_at": time.Now().Add(time.Hour)})(t, h)
	}, extra: func(t *testing.T, h *testAPI, c call) []refusal {
		person, _ := h.newUser(t, unique("nokeys"))
		role := c.body["role_ids"]
		return []refusal{
			invalid("many errors at once", object{"user_id": c.body["user_id"], "name": "\u202e" + canary,
				"role_ids": []any{role.([]any)[0], support}, "expires_at": "2020-01-01T00:00:00Z"},
				"/name text_format", "/expires_at expiry_range", "/role_ids/1 role_not_granted"),
			invalid("not a service", with(c.body, []string{"user_id"}, person), "/user_id service_unknown"),
			invalid("an unknown user", with(c.body, []string{"user_id"}, cardinal.NewID().String()),
				"/user_id service_unknown"),
			invalid("three years", with(c.body, []string{"expires_at"}, time.Now().AddDate(3, 0, 0)),
				"/expires_at expiry_range"),
		}
	}},
	"get-api-key":    {call: apiKeyCall},
	"revoke-api-key": {call: apiKeyCall},

	"list-settings": {call: adminCall},
	"get-setting":   {call: settingCall(nil)},
	"update-setting": {call: settingCall(object{"value": 16}), extra: func(t *testing.T, h *testAPI, c call) []refusal {
		var out []refusal
		for _, value := range []any{7, 129, 15.5, canary, nil, true, []any{canary}, object{"a": canary}, -1, 1e30} {
			out = append(out, invalid(fmt.Sprint("the value ", value), object{"value": value}, "/value setting_range"))
		}
		mode := h.do(t, "GET", "/v1/settings/sign_up.mode", h.admin, nil).Header().Get("ETag")
		for _, value := range []any{canary, "Open", "", 1, nil} {
			out = append(out, refusal{name: fmt.Sprint("the mode ", value), path: "/v1/settings/sign_up.mode",
				headers: []string{"If-Match", mode}, body: object{"value": value}, status: 422,
				code: "validation_failed", fieldErrors: []string{"/value setting_choice"}})
		}
		return out
	}},
	"list-countries": {anyCaller: true, call: adminCall},
	"get-country":    {anyCaller: true, call: countryCall("", nil)},
	"update-country": {call: countryCall(`"1"`, object{"tax_rate_ppm": 190000}), extra: extraCases(
		invalid("too much", object{"tax_rate_ppm": 1_000_001}, "/tax_rate_ppm tax_rate_range"),
		invalid("negative", object{"tax_rate_ppm": -1}, "/tax_rate_ppm tax_rate_range"),
		invalid("cleared", object{"tax_rate_ppm": nil}, "/tax_rate_ppm tax_rate_range"))},
	"list-statuses":   {anyCaller: true, call: adminCall},
	"list-attributes": {anyCaller: true, call: adminCall},
	"create-attribute": {call: func(t *testing.T, h *testAPI) call {
		return asAdmin(object{"name": unique("shoe_size"), "description": "for a test", "value_type": "number"})(t, h)
	}, extra: func(t *testing.T, h *testAPI, c call) []refusal {
		h.do(t, "POST", "/v1/attributes", h.admin, object{"name": "taken", "description": "x", "value_type": "string"})
		return []refusal{
			invalid("no name, no description", object{"name": canary, "description": "", "value_type": "string"},
				"/name attribute_name_format", "/description text_empty"),
			conflict("a taken name", "attribute_name_taken",
				object{"name": "taken", "description": "x", "value_type": "string"}),
		}
	}},
	"delete-attribute": {call: attributeCall},

	"list-imports": {call: adminCall},
	"upload-import": {call: func(t *testing.T, h *testAPI) call {
		return call{token: h.newImporter(t), body: object{"email": "imported@example.com"}}
	}, extra: func(t *testing.T, h *testAPI, c call) []refusal {
		token := h.newImporter(t)
		h.do(t, "POST", "/v1/imports", token, `{"email":"first@example.com"}`).want(t, http.StatusAccepted)
		return []refusal{
			{name: "a second one", token: &token, body: `{"email":"x@example.com"}`, status: 409,
				code: "import_unfinished"},
			{name: "compressed", headers: []string{"Content-Encoding", "gzip"}, status: 415, code: "media_type"},
			{name: "many errors at once", path: "/v1/imports?format=zz&start=maybe&map=x&map=y", status: 400,
				code:        "validation_failed",
				fieldErrors: []string{"format parameter_format", "start parameter_format", "map parameter_format"}},
		}
	}},
	"get-import":           {call: importCall("checked")},
	"list-import-problems": {call: importCall("checked"), extra: otherImporter},
	"start-import": {call: importCall("checked"), extra: func(t *testing.T, h *testAPI, c call) []refusal {
		unchecked := importCall("checking")(t, h)
		return append(otherImporter(t, h, c),
			refusal{name: "not checked yet", path: unchecked.fill("/v1/imports/{id}/start"), token: &unchecked.token,
				status: 409, code: "import_unchecked"})
	}},
	"undo-import": {call: importCall("checked")},
}

// newImporter creates a user who is allowed to import, and returns a token.
func (h *testAPI) newImporter(t *testing.T) string {
	t.Helper()
	_, token := h.newUser(t, unique("importer"))
	h.grant(t, token, "users.import")
	return token
}

// grant grants permissions to the user of a token.
func (h *testAPI) grant(t *testing.T, token string, permissions ...string) {
	t.Helper()
	id := h.do(t, "GET", "/v1/me", token, nil).want(t, http.StatusOK).text("id")
	h.do(t, "POST", "/v1/users/"+id+"/roles", h.admin,
		object{"role_id": h.newRole(t, unique("importers"), permissions...)}).want(t, http.StatusOK)
}

// runImportJobs runs the jobs of imports that the service would run.
func (h *testAPI) runImportJobs(t testing.TB) {
	t.Helper()
	node, run := cardinal.NewID(), importing.Jobs()[0]
	for {
		job, err := h.ClaimJob(t.Context(), node, time.Minute, run.Kind)
		if errors.Is(err, cardinal.ErrNotFound) {
			return
		}
		if err == nil {
			err = h.As(cardinal.System()).RunJob(t.Context(), run, job.ID)
		}
		if err == nil {
			err = h.EndJob(t.Context(), job, node, nil)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// importCall returns a call about an uploaded file.
func importCall(state string) func(*testing.T, *testAPI) call {
	return func(t *testing.T, h *testAPI) call {
		token := h.newImporter(t)
		id := h.do(t, "POST", "/v1/imports", token, `{"email":"faulty"}`).want(t, http.StatusAccepted).text("id")
		if state == "checked" {
			h.runImportJobs(t)
		}
		return call{token: token, params: map[string]string{"id": id}}
	}
}

func otherImporter(t *testing.T, h *testAPI, _ call) []refusal {
	token := h.newImporter(t)
	return []refusal{{name: "of another user", token: &token, status: 403, code: "import_not_yours"}}
}

func accessCases(path string) func(*testing.T, *testAPI, call) []refusal {
	return func(t *testing.T, h *testAPI, c call) []refusal {
		id, token := h.newUser(t, unique("asker"))
		other, _ := h.newUser(t, unique("asked"))
		_ = id
		return []refusal{
			invalid("an unknown permission", object{"permission": canary}, "/permission permission_unknown"),
			{name: "about another user", token: &token, body: object{"permission": "users.read", "user_id": other},
				status: 403, code: "permission_missing"},
			{name: "about an unknown user", token: &token,
				body: object{"permission": "users.read", "user_id": cardinal.NewID()}, status: 403,
				code: "permission_missing"},
		}
	}
}
