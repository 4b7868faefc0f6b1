package api_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"cardinal"
	"cardinal/internal/importing"
)

var made atomic.Int64

// fresh is a name that nothing has yet.
func fresh(prefix string) string { return fmt.Sprintf("%s%d", prefix, made.Add(1)) }

const (
	administrator = "00000000-0000-7000-8007-000000000001"
	support       = "00000000-0000-7000-8007-000000000004"
	stranger      = "00000000-0000-7000-8007-000000000003"
	usersRead     = "00000000-0000-7000-8006-000000000001"
	operatorID    = "00000000-0000-7000-8000-000000000001"
)

type object = map[string]any

// What calls are made of. Each makes anew what it needs, so that one call leaves nothing to the next.

func asAdmin(body object) func(*testing.T, *house) call {
	return func(_ *testing.T, h *house) call { return call{token: h.admin, body: body} }
}

func listed(_ *testing.T, h *house) call { return call{token: h.admin} }

// someone is about another person, whom an administrator looks at or changes.
func someone(etag string, body object) func(*testing.T, *house) call {
	return func(t *testing.T, h *house) call {
		id, _ := h.person(t, fresh("someone"))
		return call{token: h.admin, params: map[string]string{"id": id}, etag: etag, body: body}
	}
}

// myself is about the caller.
func myself(etag string, body object) func(*testing.T, *house) call {
	return func(t *testing.T, h *house) call {
		_, token := h.person(t, fresh("myself"))
		return call{token: token, etag: etag, body: body}
	}
}

// after is about somebody to whom something happened before.
func after(action, etag string) func(*testing.T, *house) call {
	return func(t *testing.T, h *house) call {
		id, _ := h.person(t, fresh("moved"))
		method, path := http.MethodPost, "/v1/users/"+id+"/"+action
		if action == "delete" {
			method, path = http.MethodDelete, "/v1/users/"+id
		}
		h.do(t, method, path, h.admin, nil, "If-Match", `"1"`)
		return call{token: h.admin, params: map[string]string{"id": id}, etag: etag}
	}
}

// contact is about a second contact of somebody.
func contact(mine bool, etag string, body object) func(*testing.T, *house) call {
	return func(t *testing.T, h *house) call {
		id, token := h.person(t, fresh("contact"))
		c := h.do(t, "POST", "/v1/users/"+id+"/contacts", h.admin, object{"kind": "email", "value": fresh("second") + "@example.com"}).want(t, http.StatusCreated).text("id")
		if mine {
			return call{token: token, params: map[string]string{"contact_id": c}, etag: etag, body: body}
		}
		return call{token: h.admin, params: map[string]string{"id": id, "contact_id": c}, etag: etag, body: body}
	}
}

// session is about a second session of somebody.
func session(mine bool) func(*testing.T, *house) call {
	return func(t *testing.T, h *house) call {
		name := fresh("session")
		id, token := h.person(t, name)
		h.signIn(t, name+"@example.com")
		s, _ := h.do(t, "GET", "/v1/users/"+id+"/sessions", h.admin, nil).want(t, http.StatusOK).items()[0]["id"].(string)
		if mine {
			return call{token: token, params: map[string]string{"session_id": s}}
		}
		return call{token: h.admin, params: map[string]string{"id": id, "session_id": s}}
	}
}

func aRole(etag string, body object) func(*testing.T, *house) call {
	return func(t *testing.T, h *house) call {
		return call{token: h.admin, params: map[string]string{"id": h.role(t, fresh("role"), "users.read")}, etag: etag, body: body}
	}
}

func aPermission(etag string, body object) func(*testing.T, *house) call {
	return func(t *testing.T, h *house) call {
		id := h.do(t, "POST", "/v1/permissions", h.admin, object{"name": fresh("things") + ".do", "description": "for a test"}).want(t, http.StatusCreated).text("id")
		return call{token: h.admin, params: map[string]string{"id": id}, etag: etag, body: body}
	}
}

func anAPIKey(t *testing.T, h *house) call {
	_, id, _ := h.serviceKey(t, h.role(t, fresh("keyed")))
	return call{token: h.admin, params: map[string]string{"id": id}}
}

func anAttribute(t *testing.T, h *house) call {
	id := h.do(t, "POST", "/v1/attributes", h.admin, object{"name": fresh("attribute"), "description": "for a test", "value_type": "string"}).want(t, http.StatusCreated).text("id")
	return call{token: h.admin, params: map[string]string{"id": id}, etag: `"1"`}
}

func aCountry(etag string, body object) func(*testing.T, *house) call {
	return func(_ *testing.T, h *house) call {
		return call{token: h.admin, params: map[string]string{"code": "DE"}, etag: etag, body: body}
	}
}

func aSetting(body object) func(*testing.T, *house) call {
	return func(t *testing.T, h *house) call {
		c := call{token: h.admin, params: map[string]string{"name": "passwords.min_length"}, body: body}
		if body != nil {
			c.etag = h.do(t, "GET", "/v1/settings/passwords.min_length", h.admin, nil).want(t, http.StatusOK).Header().Get("ETag")
		}
		return c
	}
}

// Refusals that are an operation's own.

func faulty(name string, body any, faults ...string) refusal {
	return refusal{name: name, body: body, status: 422, code: "validation_failed", faults: faults}
}

func conflict(name, code string, body any) refusal {
	return refusal{name: name, body: body, status: 409, code: code}
}

func own(refusals ...refusal) func(*testing.T, *house, call) []refusal {
	return func(*testing.T, *house, call) []refusal { return refusals }
}

// profileFaults are what the rules refuse in the fields of a profile, at a place of the body.
func profileFaults(at string) []refusal {
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
	out := []refusal{faulty("many faults at once",
		wrap(object{"display_name": canary + "\u202e", "username": "a b " + canary, "avatar_url": "http://" + canary, "country": canary, "locale": "??" + canary, "time_zone": "Nowhere/" + canary, "attributes": object{"nosuch": canary}}),
		at+"/display_name text_format", at+"/username username_format", at+"/avatar_url url_format", at+"/country country_unknown", at+"/locale locale_format", at+"/time_zone time_zone_format", at+"/attributes/nosuch attribute_unknown"),
		faulty("a deep document", wrap(object{"preferences": deep}), at+"/preferences document_format"),
		faulty("a long document", wrap(object{"preferences": object{"a": strings.Repeat(canary, 900)}}), at+"/preferences document_too_long"),
		faulty("a long name", wrap(object{"display_name": strings.Repeat(canary, 21)}), at+"/display_name text_too_long"),
		faulty("a long user name", wrap(object{"username": strings.Repeat(canary, 9)}), at+"/username username_too_long"),
		faulty("a long link", wrap(object{"avatar_url": "https://example.com/" + strings.Repeat(canary, 210)}), at+"/avatar_url url_too_long"),
		faulty("an attribute's name that is long", wrap(object{"attributes": object{strings.Repeat(canary, 8): 1}}), at+"/attributes/* attribute_unknown"),
	}
	return out
}

// contactFaults are what the rules refuse in a new contact.
func contactFaults() []refusal {
	return []refusal{
		faulty("no kind of contact", object{"kind": canary, "value": canary}, "/kind contact_kind_unknown"),
		faulty("no address", object{"kind": "email", "value": canary + "@@example.com"}, "/value email_format"),
		faulty("a long address", object{"kind": "email", "value": strings.Repeat(canary, 26) + "@example.com"}, "/value email_too_long"),
		faulty("no number", object{"kind": "phone", "value": canary}, "/value phone_format"),
		conflict("somebody else's address", "identifier_taken", object{"kind": "email", "value": "ADMIN@example.com"}),
	}
}

var passwordFaults = []struct{ name, password, code string }{
	{"a short password", "Zq9kanari7", "password_too_short"},
	{"a common password", "passwordpassword", "password_too_common"},
	{"an empty password", "", "password_empty"},
	{"a long password", strings.Repeat(canary, 103), "password_too_long"},
	{"a password with a control character", "seven lanterns by\u0007" + canary, "password_format"},
}

// refusables says for every operation how it is granted and how it refuses. There are no exceptions: TestRefusals fails on an
// operation that is not here.
var refusables = map[string]refusable{
	"check-session": {known: true, ready: myself("", nil), more: func(t *testing.T, h *house, c call) []refusal {
		_, _, key := h.serviceKey(t, h.role(t, fresh("keyed")))
		return []refusal{{name: "an API key", token: &key, status: 401, code: "not_signed_in"}}
	}},
	"sign-in": {ready: func(t *testing.T, h *house) call {
		name := fresh("signin")
		h.person(t, name)
		return call{body: object{"identifier": name + "@example.com", "password": goodPassword}}
	}, more: func(t *testing.T, h *house, c call) []refusal {
		known, _ := c.body["identifier"].(string)
		out := []refusal{
			{name: "another password", body: object{"identifier": known, "password": canary + canary}, status: 401, code: "invalid_credentials"},
			{name: "nobody", body: object{"identifier": canary + "@example.com", "password": goodPassword}, status: 401, code: "invalid_credentials"},
			{name: "no identifier at all", body: object{"identifier": "", "password": canary}, status: 401, code: "invalid_credentials"},
			{name: "a text that is no identifier", body: object{"identifier": canary + "@@\u202e", "password": canary}, status: 401, code: "invalid_credentials"},
			{name: "no password", body: object{"identifier": known, "password": ""}, status: 401, code: "invalid_credentials"},
		}
		for _, move := range []string{"suspend", "delete"} {
			name := fresh("gone")
			id, _ := h.person(t, name)
			code := "account_suspended"
			if move == "suspend" {
				h.do(t, "POST", "/v1/users/"+id+"/suspend", h.admin, nil, "If-Match", `"1"`).want(t, http.StatusOK)
			} else {
				code = "account_deleted"
				h.do(t, "DELETE", "/v1/users/"+id, h.admin, nil, "If-Match", `"1"`).want(t, http.StatusNoContent)
			}
			out = append(out, refusal{name: move, body: object{"identifier": name + "@example.com", "password": goodPassword}, status: 403, code: code},
				refusal{name: move + ", another password", body: object{"identifier": name + "@example.com", "password": canary}, status: 401, code: "invalid_credentials"})
		}
		return out
	}},
	"sign-up": {ready: func(t *testing.T, h *house) call {
		h.set(t, "sign_up.mode", "open")
		return call{body: object{"email": fresh("signup") + "@example.com", "password": goodPassword}}
	}, more: func(t *testing.T, h *house, c call) []refusal {
		out := []refusal{
			conflict("a taken address", "identifier_taken", object{"email": "Admin@EXAMPLE.com", "password": goodPassword}),
			faulty("many faults at once", object{"email": canary, "password": canary, "display_name": "\u202e" + canary, "locale": "??" + canary, "time_zone": canary},
				"/email email_format", "/password password_too_short", "/display_name text_format", "/locale locale_format", "/time_zone time_zone_format"),
			faulty("faults of form and of rules", object{"email": canary, "password": canary, "locale": 5}, "/email email_format", "/password password_too_short", "/locale field_type"),
		}
		for _, p := range passwordFaults {
			out = append(out, faulty(p.name, object{"email": "a@example.com", "password": p.password}, "/password "+p.code))
		}
		return out
	}},
	"set-up": {ready: func(t *testing.T, h *house) call {
		return call{body: object{"token": h.setupLink(t), "email": fresh("setup") + "@example.com", "password": goodPassword}}
	}, more: func(t *testing.T, h *house, c call) []refusal {
		used := h.setupLink(t)
		h.do(t, "POST", "/v1/set-up", "", object{"token": used, "email": fresh("setup") + "@example.com", "password": goodPassword}).want(t, http.StatusCreated)
		token, _ := c.body["token"].(string)
		return []refusal{
			{name: "no link", body: object{"token": canary, "email": "a@example.com", "password": goodPassword}, status: 401, code: "setup_link_expired"},
			{name: "a used link", body: object{"token": used, "email": "a@example.com", "password": goodPassword}, status: 401, code: "setup_link_expired"},
			{name: "a session's token", body: object{"token": h.admin, "email": "a@example.com", "password": goodPassword}, status: 401, code: "setup_link_expired"},
			faulty("many faults at once", object{"token": token, "email": canary, "password": canary, "display_name": "\u202e" + canary}, "/email email_format", "/password password_too_short", "/display_name text_format"),
			conflict("a taken address", "identifier_taken", object{"token": token, "email": "admin@example.com", "password": goodPassword}),
		}
	}},
	"sign-out": {known: true, ready: myself("", nil), more: func(t *testing.T, h *house, c call) []refusal {
		_, _, key := h.serviceKey(t, h.role(t, fresh("keyed")))
		return []refusal{{name: "an API key", token: &key, status: 409, code: "no_session"}}
	}},

	"list-users": {ready: listed, more: func(t *testing.T, h *house, c call) []refusal {
		return []refusal{
			{name: "many faults at once", path: "/v1/users?status=" + canary + "&kind=" + canary + "&email=" + canary, status: 400, code: "validation_failed", faults: []string{"status status_unknown", "kind kind_unknown", "email email_format"}},
			{name: "faults of form", path: "/v1/users?statu=" + canary + "&limit=0&role=" + canary, status: 400, code: "validation_failed", faults: []string{"statu parameter_unknown", "limit parameter_format", "role parameter_format"}},
			{name: "a filter that no index serves", path: "/v1/users?locale=" + canary + "&sort=locale", status: 400, code: "validation_failed", faults: []string{"locale parameter_unknown", "sort parameter_format"}, says: "This list has the filters email, status, kind, role"},
			{name: "searches that cannot be", path: "/v1/users?q=x&attributes=[]&status=" + canary, status: 400, code: "validation_failed", faults: []string{"attributes parameter_format"}},
			{name: "a search for too little", path: "/v1/users?q=x&status=" + canary, status: 400, code: "validation_failed", faults: []string{"q search_too_short", "status status_unknown"}},
			{name: "an attribute that cannot be searched", path: "/v1/users?attributes=" + url.QueryEscape(`{"`+canary+`":"x"}`), status: 400, code: "validation_failed", faults: []string{"attributes attribute_not_searchable"}},
		}
	}},
	"create-user": {ready: asAdmin(object{"kind": "person"}), more: func(t *testing.T, h *house, c call) []refusal {
		out := append(profileFaults(""),
			conflict("a taken address", "identifier_taken", object{"email": "ADMIN@example.com"}),
			faulty("no kind of account", object{"kind": canary}, "/kind kind_unknown"),
			faulty("a built-in kind", object{"kind": "system"}, "/kind kind_unknown"),
			faulty("a service that signs in", object{"kind": "service", "email": canary + "@example.com", "password": goodPassword}, "/email kind_cannot_sign_in", "/password kind_cannot_sign_in"),
			faulty("nothing to sign in with", object{"password": goodPassword}, "/password password_without_identifier"),
			faulty("no password to change", object{"must_change_password": true}, "/must_change_password password_missing"),
			faulty("faults of form and of rules", object{"emai": canary, "phone": canary, "kind": 5, "password": canary, "email": "a@example.com"}, "/emai field_unknown", "/kind field_type", "/phone phone_format", "/password password_too_short"),
		)
		for _, p := range passwordFaults {
			if p.password != "" {
				out = append(out, faulty(p.name, object{"email": "a@example.com", "password": p.password}, "/password "+p.code))
			}
		}
		h.do(t, "POST", "/v1/users", h.admin, object{"username": "taken.name"})
		return append(out, conflict("a taken user name", "identifier_taken", object{"username": "TAKEN.name"}))
	}},
	"get-user":    {ready: someone("", nil)},
	"update-user": {ready: someone(`"1"`, object{"profile": object{"display_name": "Changed"}}), more: func(*testing.T, *house, call) []refusal { return profileFaults("/profile") }},
	"delete-user": {ready: someone(`"1"`, nil), more: func(t *testing.T, h *house, c call) []refusal {
		return []refusal{{name: "a built-in actor", path: "/v1/users/" + operatorID, status: 409, code: "built_in"}}
	}},
	"suspend-user": {ready: someone(`"1"`, nil), more: func(t *testing.T, h *house, c call) []refusal {
		gone := after("suspend", "")(t, h)
		return []refusal{
			{name: "suspended already", path: gone.fill("/v1/users/{id}/suspend"), headers: []string{"If-Match", `"2"`}, status: 409, code: "status_not_allowed"},
			{name: "a built-in actor", path: "/v1/users/" + operatorID + "/suspend", status: 409, code: "built_in"},
		}
	}},
	"reactivate-user": {ready: after("suspend", `"2"`), more: func(t *testing.T, h *house, c call) []refusal {
		active := someone("", nil)(t, h)
		return []refusal{{name: "active already", path: active.fill("/v1/users/{id}/reactivate"), headers: []string{"If-Match", `"1"`}, status: 409, code: "status_not_allowed"}}
	}},
	"restore-user": {ready: after("delete", `"2"`), more: func(t *testing.T, h *house, c call) []refusal {
		active := someone("", nil)(t, h)
		return []refusal{{name: "not deleted", path: active.fill("/v1/users/{id}/restore"), headers: []string{"If-Match", `"1"`}, status: 409, code: "status_not_allowed"}}
	}},
	"set-password": {ready: someone(`"1"`, object{"new_password": goodPassword + "!"}), more: func(t *testing.T, h *house, c call) []refusal {
		id := h.do(t, "POST", "/v1/users", h.admin, object{}).want(t, http.StatusCreated).text("id")
		out := []refusal{
			faulty("nothing", object{}, "/new_password password_missing"),
			{name: "no password to change", path: "/v1/users/" + id + "/password", headers: []string{"If-Match", `"0"`}, body: object{"must_change": true}, status: 409, code: "no_password"},
			{name: "nothing to sign in with", path: "/v1/users/" + id + "/password", headers: []string{"If-Match", `"0"`}, status: 409, code: "last_sign_in_identifier"},
		}
		for _, p := range passwordFaults {
			if p.password != "" {
				out = append(out, faulty(p.name, object{"new_password": p.password}, "/new_password "+p.code))
			}
		}
		return out
	}},
	"get-user-password":   {ready: someone("", nil)},
	"get-user-profile":    {ready: someone("", nil)},
	"update-user-profile": {ready: someone(`"1"`, object{"display_name": "Changed"}), more: func(*testing.T, *house, call) []refusal { return profileFaults("") }},
	"list-user-contacts":  {ready: someone("", nil)},
	"add-user-contact": {ready: func(t *testing.T, h *house) call {
		return someone("", object{"kind": "email", "value": fresh("added") + "@example.com"})(t, h)
	}, more: own(contactFaults()...)},
	"get-user-contact": {ready: contact(false, "", nil)},
	"update-user-contact": {ready: contact(false, `"1"`, object{"is_primary": true}), more: own(
		faulty("take away", object{"is_primary": false, "verified": false}, "/is_primary must_be_true", "/verified must_be_true"),
		faulty("clear", object{"verified": nil}, "/verified must_be_true"))},
	"remove-user-contact": {ready: contact(false, `"1"`, nil), more: func(t *testing.T, h *house, c call) []refusal {
		id, token := h.person(t, fresh("lastway"))
		last, _ := h.do(t, "GET", "/v1/me/contacts", token, nil).items()[0]["id"].(string)
		return []refusal{{name: "the last way in", path: "/v1/users/" + id + "/contacts/" + last, status: 409, code: "last_sign_in_identifier"}}
	}},
	"list-user-sessions": {ready: someone("", nil)},
	"end-user-session":   {ready: session(false)},
	"end-user-sessions":  {ready: someone("", nil)},
	"list-user-roles":    {ready: someone("", nil)},
	"grant-role": {ready: func(t *testing.T, h *house) call {
		return someone("", object{"role_id": h.role(t, fresh("granted")), "expires_at": time.Now().Add(time.Hour)})(t, h)
	}, more: func(t *testing.T, h *house, c call) []refusal {
		_, token := h.person(t, fresh("granter"))
		who := h.do(t, "GET", "/v1/me", token, nil).text("id")
		h.do(t, "POST", "/v1/users/"+who+"/roles", h.admin, object{"role_id": h.role(t, fresh("granter"), "roles.grant")}).want(t, http.StatusOK)
		return []refusal{
			faulty("a role that is not there", object{"role_id": cardinal.NewID()}, "/role_id role_unknown"),
			faulty("an end that is past", object{"role_id": support, "expires_at": "2020-01-01T00:00:00Z"}, "/expires_at time_in_past"),
			conflict("a role that nobody can be granted", "role_not_assignable", object{"role_id": stranger}),
			{name: "a role that holds more than the granter", token: &token, body: object{"role_id": administrator}, status: 403, code: "role_has_more_permissions"},
		}
	}},
	"revoke-role": {ready: func(t *testing.T, h *house) call {
		c := someone("", nil)(t, h)
		c.params["role_id"] = h.role(t, fresh("revoked"))
		h.do(t, "POST", c.fill("/v1/users/{id}/roles"), h.admin, object{"role_id": c.params["role_id"]}).want(t, http.StatusOK)
		return c
	}, more: func(t *testing.T, h *house, c call) []refusal {
		return []refusal{
			{name: "a role that is not held", path: c.fill("/v1/users/{id}/roles/" + support), status: 404, code: "not_found"},
			{name: "a built-in actor's", path: "/v1/users/" + operatorID + "/roles/00000000-0000-7000-8007-000000000002", status: 409, code: "built_in"},
		}
	}},
	"list-user-audit": {ready: someone("", nil)},

	"get-me": {known: true, ready: myself("", nil)},
	"update-me": {known: true, ready: myself(`"1"`, object{"profile": object{"display_name": "Changed"}}), more: func(*testing.T, *house, call) []refusal {
		return profileFaults("/profile")
	}},
	"delete-me":       {known: true, ready: myself(`"1"`, nil)},
	"get-me-password": {known: true, ready: myself("", nil)},
	"change-my-password": {known: true, ready: myself("", object{"current_password": goodPassword, "new_password": goodPassword + "!"}), more: func(t *testing.T, h *house, c call) []refusal {
		out := []refusal{faulty("another present password", object{"current_password": canary, "new_password": goodPassword + "!"}, "/current_password password_wrong")}
		for _, p := range passwordFaults {
			out = append(out, faulty(p.name, object{"current_password": goodPassword, "new_password": p.password}, "/new_password "+p.code))
		}
		return out
	}},
	"get-me-profile": {known: true, ready: myself("", nil)},
	"update-me-profile": {known: true, ready: myself(`"1"`, object{"display_name": "Changed"}), more: func(*testing.T, *house, call) []refusal {
		return profileFaults("")
	}},
	"list-me-contacts": {known: true, ready: myself("", nil)},
	"add-me-contact": {known: true, ready: func(t *testing.T, h *house) call {
		return myself("", object{"kind": "email", "value": fresh("added") + "@example.com"})(t, h)
	}, more: own(append(contactFaults(),
		refusal{name: "vouching for oneself", body: object{"kind": "email", "value": canary + "@example.com", "verified": true}, status: 403, code: "permission_missing"})...)},
	"get-me-contact": {known: true, ready: contact(true, "", nil)},
	"update-me-contact": {known: true, ready: contact(true, `"1"`, object{"is_primary": true}), more: own(
		faulty("take away", object{"is_primary": false}, "/is_primary must_be_true"),
		refusal{name: "vouching for oneself", body: object{"verified": true}, status: 403, code: "permission_missing"})},
	"remove-me-contact": {known: true, ready: contact(true, `"1"`, nil)},
	"list-me-sessions":  {known: true, ready: myself("", nil)},
	"end-me-session":    {known: true, ready: session(true)},
	"end-me-sessions":   {known: true, ready: myself("", nil)},
	"list-me-roles":     {known: true, ready: myself("", nil)},
	"list-me-audit":     {known: true, ready: myself("", nil)},

	"list-roles": {ready: listed},
	"create-role": {ready: func(t *testing.T, h *house) call {
		return asAdmin(object{"name": fresh("made"), "description": "for a test", "permissions": []string{"users.read"}})(t, h)
	}, more: func(t *testing.T, h *house, c call) []refusal {
		who, token := h.person(t, fresh("maker"))
		h.do(t, "POST", "/v1/users/"+who+"/roles", h.admin, object{"role_id": h.role(t, fresh("maker"), "roles.create")}).want(t, http.StatusOK)
		return []refusal{
			faulty("no name, no description", object{"name": "Zq9 Kanari7", "description": ""}, "/name role_name_format", "/description text_empty"),
			faulty("permissions that are not there", object{"name": fresh("role"), "description": "x", "permissions": []string{"users.read", canary, canary + "2"}}, "/permissions/1 permission_unknown", "/permissions/2 permission_unknown"),
			faulty("a description that cannot be shown", object{"name": fresh("role"), "description": "\u202e" + canary}, "/description text_format"),
			conflict("a taken name", "role_name_taken", object{"name": "support", "description": "x"}),
			{name: "a permission that the maker lacks", token: &token, status: 403, code: "permission_not_granted_to_you"},
		}
	}},
	"get-role": {ready: aRole("", nil)},
	"update-role": {ready: aRole(`"1"`, object{"description": "changed"}), more: func(t *testing.T, h *house, c call) []refusal {
		return []refusal{
			faulty("cleared", object{"name": nil, "description": nil}, "/name role_name_format", "/description text_empty"),
			conflict("a taken name", "role_name_taken", object{"name": "support"}),
			{name: "a built-in role's name", path: "/v1/roles/" + support, body: object{"name": "helpers"}, status: 409, code: "built_in"},
		}
	}},
	"delete-role": {ready: aRole(`"1"`, nil), more: func(t *testing.T, h *house, c call) []refusal {
		held := h.role(t, fresh("held"))
		who, _ := h.person(t, fresh("holder"))
		h.do(t, "POST", "/v1/users/"+who+"/roles", h.admin, object{"role_id": held}).want(t, http.StatusOK)
		return []refusal{
			{name: "somebody holds it", path: "/v1/roles/" + held, status: 409, code: "role_in_use"},
			{name: "a built-in role", path: "/v1/roles/" + support, status: 409, code: "built_in"},
		}
	}},
	"list-role-permissions": {ready: aRole("", nil)},
	"add-role-permission": {ready: aRole(`"1"`, object{"permission": "users.create"}), more: func(t *testing.T, h *house, c call) []refusal {
		return []refusal{
			faulty("a permission that is not there", object{"permission": canary}, "/permission permission_unknown"),
			{name: "the role of all", path: "/v1/roles/" + administrator + "/permissions", status: 409, code: "built_in"},
		}
	}},
	"remove-role-permission": {ready: func(t *testing.T, h *house) call {
		c := aRole(`"1"`, nil)(t, h)
		c.params["permission_id"] = usersRead
		return c
	}},
	"list-permissions": {ready: listed},
	"create-permission": {ready: func(t *testing.T, h *house) call {
		return asAdmin(object{"name": fresh("invoices") + ".approve", "description": "for a test"})(t, h)
	}, more: own(
		faulty("no name, no description", object{"name": canary, "description": "\n"}, "/name permission_name_format", "/description text_empty"),
		conflict("a taken name", "permission_name_taken", object{"name": "users.read", "description": "x"}))},
	"get-permission": {ready: aPermission("", nil)},
	"update-permission": {ready: aPermission(`"1"`, object{"description": "changed"}), more: own(
		faulty("cleared", object{"description": nil}, "/description text_empty"),
		faulty("a long description", object{"description": strings.Repeat(canary, 101)}, "/description text_too_long"))},
	"delete-permission": {ready: aPermission(`"1"`, nil), more: own(refusal{name: "a built-in permission", path: "/v1/permissions/" + usersRead, status: 409, code: "built_in"})},

	"check-access":   {known: true, ready: asAdmin(object{"permission": "users.read"}), more: accessFaults("/v1/access/check")},
	"explain-access": {known: true, ready: asAdmin(object{"permission": "users.read"}), more: accessFaults("/v1/access/explain")},

	"list-audit":    {ready: listed},
	"list-api-keys": {ready: listed},
	"create-api-key": {ready: func(t *testing.T, h *house) call {
		role := h.role(t, fresh("keyed"))
		service, _, _ := h.serviceKey(t, role)
		return asAdmin(object{"user_id": service, "name": "worker", "role_ids": []any{role}, "expires_at": time.Now().Add(time.Hour)})(t, h)
	}, more: func(t *testing.T, h *house, c call) []refusal {
		person, _ := h.person(t, fresh("nokeys"))
		role := c.body["role_ids"]
		return []refusal{
			faulty("many faults at once", object{"user_id": c.body["user_id"], "name": "\u202e" + canary, "role_ids": []any{role.([]any)[0], support}, "expires_at": "2020-01-01T00:00:00Z"},
				"/name text_format", "/expires_at expiry_range", "/role_ids/1 role_not_granted"),
			faulty("a person", with(c.body, []string{"user_id"}, person), "/user_id service_unknown"),
			faulty("nobody", with(c.body, []string{"user_id"}, cardinal.NewID().String()), "/user_id service_unknown"),
			faulty("three years", with(c.body, []string{"expires_at"}, time.Now().AddDate(3, 0, 0)), "/expires_at expiry_range"),
		}
	}},
	"get-api-key":    {ready: anAPIKey},
	"revoke-api-key": {ready: anAPIKey},

	"list-settings": {ready: listed},
	"get-setting":   {ready: aSetting(nil)},
	"update-setting": {ready: aSetting(object{"value": 16}), more: func(t *testing.T, h *house, c call) []refusal {
		var out []refusal
		for _, value := range []any{7, 129, 15.5, canary, nil, true, []any{canary}, object{"a": canary}, -1, 1e30} {
			out = append(out, faulty(fmt.Sprint("the value ", value), object{"value": value}, "/value setting_range"))
		}
		mode := h.do(t, "GET", "/v1/settings/sign_up.mode", h.admin, nil).Header().Get("ETag")
		for _, value := range []any{canary, "Open", "", 1, nil} {
			out = append(out, refusal{name: fmt.Sprint("the mode ", value), path: "/v1/settings/sign_up.mode", headers: []string{"If-Match", mode}, body: object{"value": value}, status: 422, code: "validation_failed", faults: []string{"/value setting_choice"}})
		}
		return out
	}},
	"list-countries": {known: true, ready: listed},
	"get-country":    {known: true, ready: aCountry("", nil)},
	"update-country": {ready: aCountry(`"1"`, object{"tax_rate_ppm": 190000}), more: own(
		faulty("too much", object{"tax_rate_ppm": 1_000_001}, "/tax_rate_ppm tax_rate_range"),
		faulty("less than nothing", object{"tax_rate_ppm": -1}, "/tax_rate_ppm tax_rate_range"),
		faulty("cleared", object{"tax_rate_ppm": nil}, "/tax_rate_ppm tax_rate_range"))},
	"list-statuses":   {known: true, ready: listed},
	"list-attributes": {known: true, ready: listed},
	"create-attribute": {ready: func(t *testing.T, h *house) call {
		return asAdmin(object{"name": fresh("shoe_size"), "description": "for a test", "value_type": "number"})(t, h)
	}, more: func(t *testing.T, h *house, c call) []refusal {
		h.do(t, "POST", "/v1/attributes", h.admin, object{"name": "taken", "description": "x", "value_type": "string"})
		return []refusal{
			faulty("no name, no description", object{"name": canary, "description": "", "value_type": "string"}, "/name attribute_name_format", "/description text_empty"),
			conflict("a taken name", "attribute_name_taken", object{"name": "taken", "description": "x", "value_type": "string"}),
		}
	}},
	"delete-attribute": {ready: anAttribute},

	"list-imports": {ready: listed},
	"upload-import": {ready: func(t *testing.T, h *house) call {
		return call{token: h.importer(t), body: object{"email": "imported@example.com"}}
	}, more: func(t *testing.T, h *house, c call) []refusal {
		token := h.importer(t)
		h.do(t, "POST", "/v1/imports", token, `{"email":"first@example.com"}`).want(t, http.StatusAccepted)
		return []refusal{
			{name: "a second one", token: &token, body: `{"email":"x@example.com"}`, status: 409, code: "import_unfinished"},
			{name: "compressed", headers: []string{"Content-Encoding", "gzip"}, status: 415, code: "media_type"},
			{name: "many faults at once", path: "/v1/imports?format=zz&start=maybe&map=x&map=y", status: 400, code: "validation_failed",
				faults: []string{"format parameter_format", "start parameter_format", "map parameter_format"}},
		}
	}},
	"get-import":           {ready: anImport("checked")},
	"list-import-problems": {ready: anImport("checked"), more: ofAnother},
	"start-import": {ready: anImport("checked"), more: func(t *testing.T, h *house, c call) []refusal {
		unchecked := anImport("checking")(t, h)
		return append(ofAnother(t, h, c),
			refusal{name: "not checked yet", path: unchecked.fill("/v1/imports/{id}/start"), token: &unchecked.token, status: 409, code: "import_unchecked"})
	}},
	"undo-import": {ready: anImport("checked")},
}

// importer makes somebody who may import, and returns their token.
func (h *house) importer(t *testing.T) string {
	t.Helper()
	_, token := h.person(t, fresh("importer"))
	h.grant(t, token, "users.import")
	return token
}

// grant gives the bearer of a token permissions.
func (h *house) grant(t *testing.T, token string, permissions ...string) {
	t.Helper()
	id := h.do(t, "GET", "/v1/me", token, nil).want(t, http.StatusOK).text("id")
	h.do(t, "POST", "/v1/users/"+id+"/roles", h.admin, object{"role_id": h.role(t, fresh("importers"), permissions...)}).want(t, http.StatusOK)
}

// work does what the service has to do of imports.
func (h *house) work(t testing.TB) {
	t.Helper()
	node := cardinal.NewID()
	run := importing.Jobs()[0]
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

// anImport is about a file that somebody uploaded.
func anImport(state string) func(*testing.T, *house) call {
	return func(t *testing.T, h *house) call {
		token := h.importer(t)
		id := h.do(t, "POST", "/v1/imports", token, `{"email":"faulty"}`).want(t, http.StatusAccepted).text("id")
		if state == "checked" {
			h.work(t)
		}
		return call{token: token, params: map[string]string{"id": id}}
	}
}

func ofAnother(t *testing.T, h *house, _ call) []refusal {
	token := h.importer(t)
	return []refusal{{name: "of somebody else", token: &token, status: 403, code: "import_not_yours"}}
}

func accessFaults(path string) func(*testing.T, *house, call) []refusal {
	return func(t *testing.T, h *house, c call) []refusal {
		id, token := h.person(t, fresh("asker"))
		other, _ := h.person(t, fresh("asked"))
		_ = id
		return []refusal{
			faulty("a permission that is not there", object{"permission": canary}, "/permission permission_unknown"),
			{name: "about somebody else", token: &token, body: object{"permission": "users.read", "user_id": other}, status: 403, code: "permission_missing"},
			{name: "about nobody", token: &token, body: object{"permission": "users.read", "user_id": cardinal.NewID()}, status: 403, code: "permission_missing"},
		}
	}
}
