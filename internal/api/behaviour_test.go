package api_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"cardinal/internal/directory/directorytest"
)

func TestNotModified(t *testing.T) {
	h := open(t, "sqlite")
	tried := 0
	for _, o := range h.operations() {
		if !has(o, "header", "If-None-Match") {
			continue
		}
		tried++
		c := refusalSpecs[o.OperationID].call(t, h)
		path := c.fill(o.Path)
		tag := h.do(t, "GET", path, c.token, nil).want(t, http.StatusOK).Header().Get("ETag")
		if _, err := strconv.Unquote(tag); err != nil {
			t.Errorf("%s: the ETag %q", o.OperationID, tag)
		}
		for _, has := range []string{tag, "W/" + tag, `"x", ` + tag, "*"} {
			got := h.do(t, "GET", path, c.token, nil, "If-None-Match", has)
			if got.Code != http.StatusNotModified || got.Body.Len() > 0 || got.Header().Get("ETag") != tag {
				t.Errorf("%s with %s: %d %q %q", o.OperationID, has, got.Code, got.Header().Get("ETag"), got.Body)
			}
		}
		for _, has := range []string{`"0"`, strings.Trim(tag, `"`), "canary"} {
			h.do(t, "GET", path, c.token, nil, "If-None-Match", has).want(t, http.StatusOK)
		}
	}
	if tried < 8 {
		t.Errorf("only %d operations are conditional", tried)
	}
	// The version of the user does not show a change of the profile, so an answer with the profile is never a 304.
	h.do(t, "GET", "/v1/me?expand=profile", h.admin, nil, "If-None-Match", `"1"`).want(t, http.StatusOK)
	// A caller who is not allowed to see an object does not learn that it is unchanged.
	c := refusalSpecs["get-user"].call(t, h)
	_, token := h.newUser(t, "curious")
	h.do(t, "GET", c.fill("/v1/users/{id}"), token, nil, "If-None-Match", "*").wantProblem(t, http.StatusForbidden,
		"permission_missing")
}

func TestMergePatch(t *testing.T) {
	h := open(t, "sqlite")
	h.do(t, "POST", "/v1/attributes", h.admin,
		object{"name": "shoe_size", "description": "x", "value_type": "number"}).want(t, http.StatusCreated)
	_, token := h.newUser(t, "grace")
	version := 1
	patch := func(body any) answer {
		t.Helper()
		got := h.do(t, "PATCH", "/v1/me/profile", token, body, "If-Match", fmt.Sprintf(`"%d"`, version)).
			want(t, http.StatusOK)
		version, _ = strconv.Atoi(strings.Trim(got.Header().Get("ETag"), `"`))
		return got
	}
	all := patch(object{"display_name": "Grace", "username": "Grace.H", "avatar_url": "https://example.com/a.png",
		"country": "DE", "locale": "de", "time_zone": "Europe/Berlin",
		"preferences": object{"theme": "dark", "table": object{"columns": 3, "dense": true}},
		"attributes":  object{"shoe_size": 38.5}})
	if all.text("username") != "Grace.H" || all.text("country") != "DE" || all.at("attributes", "shoe_size") != 38.5 {
		t.Fatalf("set: %s", all.Body)
	}
	// Absent leaves, null deletes, an object is merged, anything else replaces (RFC 7396).
	merged := patch(object{"preferences": object{"theme": nil, "table": object{"columns": 4}, "lang": []string{"de"}}})
	if want := any(object{"table": object{"columns": 4.0, "dense": true}, "lang": []any{"de"}}); !reflect.DeepEqual(
		merged.at("preferences"), want) {
		t.Errorf("preferences %v, want %v", merged.at("preferences"), want)
	}
	if merged.text("display_name") != "Grace" {
		t.Errorf("an absent field changed: %s", merged.Body)
	}
	cleared := patch(object{"display_name": nil, "username": nil, "avatar_url": nil, "country": nil, "locale": nil,
		"time_zone": nil, "preferences": nil, "attributes": nil})
	for name, want := range map[string]any{"display_name": nil, "username": nil, "avatar_url": nil, "country": nil,
		"locale": "und", "time_zone": "UTC", "preferences": object{}, "attributes": object{}} {
		if got := cleared.at(name); !reflect.DeepEqual(got, want) {
			t.Errorf("%s is %v after null, want %v", name, got, want)
		}
	}
	before := version
	if patch(object{}); version != before {
		t.Errorf("an empty patch changed the version from %d to %d", before, version)
	}
	if plain := h.do(t, "PATCH", "/v1/me/profile", token, object{"display_name": "G"}, "If-Match",
		fmt.Sprintf(`"%d"`, version), "Content-Type", "application/json; charset=utf-8"); plain.Code != http.StatusOK {
		t.Errorf("a patch as application/json: %d %s", plain.Code, plain.Body)
	}
}

// allPages follows next from page to page and returns the ids of all items.
func (h *testAPI) allPages(t *testing.T, path, token, key string, between func()) (ids []string) {
	t.Helper()
	for pages := 0; path != ""; pages++ {
		got := h.do(t, "GET", path, token, nil).want(t, http.StatusOK)
		for _, item := range got.items() {
			ids = append(ids, fmt.Sprint(item[key]))
		}
		path = got.text("next")
		link := got.Header().Get("Link")
		if more := got.at("has_more") == true; more != (path != "") || more && link != "<"+path+`>; rel="next"` ||
			!more && link != "" {
			t.Fatalf("has_more %t, next %q, Link %q", more, path, link)
		}
		if pages > 200 {
			t.Fatal("the list does not end")
		}
		if between != nil {
			between()
		}
	}
	return ids
}

func TestPages(t *testing.T) {
	for _, engine := range directorytest.Engines {
		t.Run(engine, func(t *testing.T) {
			h := open(t, engine)
			var existing []string
			for range 23 {
				existing = append(existing, h.do(t, "POST", "/v1/users", h.admin, object{}).
					want(t, http.StatusCreated).text("id"))
			}
			for _, sort := range []string{"created_at", "-created_at"} {
				ids := h.allPages(t, "/v1/users?limit=4&sort="+sort, h.admin, "id",
					func() { h.do(t, "POST", "/v1/users", h.admin, object{}).want(t, http.StatusCreated) })
				if unique := slices.Compact(slices.Sorted(slices.Values(ids))); len(unique) != len(ids) {
					t.Errorf("%s: %d of %d are repeated", sort, len(ids)-len(unique), len(ids))
				}
				for _, id := range existing {
					if !slices.Contains(ids, id) {
						t.Errorf("%s: %s is missing", sort, id)
					}
				}
				ordered := slices.IsSorted(ids)
				if slices.Reverse(ids); sort != "created_at" {
					ordered = slices.IsSorted(ids)
				}
				if !ordered {
					t.Errorf("%s: the order is wrong", sort)
				}
			}

			// Every other list has the same items in pages of one item and in one page.
			role := h.newRole(t, "many", "users.read", "users.create", "roles.read")
			person, token := h.newUser(t, "lists")
			h.signIn(t, "lists@example.com")
			service, _, _ := h.newServiceKey(t, role)
			h.do(t, "POST", "/v1/api-keys", h.admin,
				object{"user_id": service, "name": "second", "role_ids": []string{role},
					"expires_at": h.Clock.Now().Add(time.Hour)}).want(t, http.StatusCreated)
			for i, id := range []string{role, support} {
				h.do(t, "POST", "/v1/users/"+person+"/roles", h.admin, object{"role_id": id}).want(t, http.StatusOK)
				h.do(t, "POST", "/v1/attributes", h.admin,
					object{"name": fmt.Sprint("a", i), "description": "x", "value_type": "string"}).
					want(t, http.StatusCreated)
			}
			for path, key := range map[string]string{"/v1/roles": "id", "/v1/permissions": "id",
				"/v1/roles/" + role + "/permissions": "id", "/v1/api-keys": "id", "/v1/attributes": "id",
				"/v1/audit":                      "id",
				"/v1/users/" + person + "/roles": "role_id", "/v1/users/" + person + "/sessions": "id",
				"/v1/users/" + person + "/audit": "id", "/v1/users?role=" + role: "id"} {
				mark := "?"
				if strings.Contains(path, "?") {
					mark = "&"
				}
				whole, single := h.allPages(t, path+mark+"limit=200", h.admin, key, nil),
					h.allPages(t, path+mark+"limit=1", h.admin, key, nil)
				if len(whole) < 2 || !slices.Equal(whole, single) {
					t.Errorf("%s: in one page %q, in pages of one %q", path, whole, single)
				}
			}
			for _, path := range []string{"/v1/me/roles", "/v1/me/sessions", "/v1/me/audit"} {
				if whole, single := h.allPages(t, path, token, "created_at", nil),
					h.allPages(t, path+"?limit=1", token, "created_at", nil); len(whole) < 2 ||
					!slices.Equal(whole, single) {
					t.Errorf("%s: in one page %q, in pages of one %q", path, whole, single)
				}
			}

			// A cursor is valid for its list with the same filters. The size of the page can differ.
			next := h.do(t, "GET", "/v1/users?limit=2&kind=person", h.admin, nil).text("next")
			target, err := url.Parse(next)
			if err != nil {
				t.Fatal(err)
			}
			after := target.Query().Get("after")
			h.do(t, "GET", "/v1/users?limit=3&kind=person&after="+after, h.admin, nil).want(t, http.StatusOK)
			for _, other := range []string{"/v1/users?after=", "/v1/users?kind=service&after=",
				"/v1/users?kind=person&sort=created_at&after=", "/v1/roles?after=",
				"/v1/users?kind=person&status=active&after="} {
				h.do(t, "GET", other+after, h.admin, nil).wantProblem(t, http.StatusBadRequest, "validation_failed")
			}
		})
	}
}

func TestUserFilters(t *testing.T) {
	for _, engine := range directorytest.Engines {
		t.Run(engine, func(t *testing.T) {
			h := open(t, engine)
			ada, _ := h.newUser(t, "Jörg.ada") // an address with letters that are not ASCII
			time.Sleep(3 * time.Millisecond)
			between := h.Clock.Now()
			time.Sleep(3 * time.Millisecond)
			bob, _ := h.newUser(t, "bob")
			h.do(t, "POST", "/v1/users/"+bob+"/suspend", h.admin, nil, "If-Match", `"1"`).want(t, http.StatusOK)
			role := h.newRole(t, "filtered")
			service, _, _ := h.newServiceKey(t, role)
			ends := h.Clock.Now().Add(time.Minute)
			h.do(t, "POST", "/v1/users/"+ada+"/roles", h.admin, object{"role_id": role, "expires_at": ends}).
				want(t, http.StatusOK)
			ask := func(query string, want ...string) {
				t.Helper()
				var got []string
				for _, user := range h.do(t, "GET", "/v1/users?"+query, h.admin, nil).want(t, http.StatusOK).items() {
					got = append(got, fmt.Sprint(user["id"]))
				}
				slices.Sort(got)
				if slices.Sort(want); !slices.Equal(got, want) {
					t.Errorf("%s: %q, want %q", query, got, want)
				}
			}
			admin := h.do(t, "GET", "/v1/me", h.admin, nil).text("id")
			ask("", admin, ada, bob, service)
			ask("email=BOB@EXAMPLE.com", bob)
			ask("email="+url.QueryEscape(" bob@example.com "), bob)
			ask("email="+url.QueryEscape("JO\u0308RG.Ada@example.COM"), ada) // decomposed, and in upper case
			ask("email=unknown@example.com")
			ask("status=suspended", bob)
			ask("status=active&kind=person", admin, ada)
			ask("kind=service", service)
			ask("role="+role, ada, service)
			ask("role="+strings.ToUpper(role), ada, service)
			ask("created%5Bgte%5D="+url.QueryEscape(between.UTC().Format(time.RFC3339Nano)), bob, service)
			ask("created%5Blt%5D="+url.QueryEscape(between.UTC().Format(time.RFC3339Nano)), admin, ada)
			ask("created%5Blt%5D="+url.QueryEscape(between.In(time.FixedZone("", 7*3600)).Format(time.RFC3339Nano)),
				admin, ada)
			h.Clock.Add(2 * time.Minute)
			ask("role="+role, service) // Ada's grant has expired
			if n := len(h.do(t, "GET", "/v1/users?built_in=true", h.admin, nil).items()); n != 7 {
				t.Errorf("%d users with the built-in ones, want 7", n)
			}
			for _, user := range h.do(t, "GET", "/v1/users?expand=profile", h.admin, nil).items() {
				profile, _ := user["profile"].(object)
				if profile["user_id"] != user["id"] {
					t.Errorf("the profile of %v is that of %v", user["id"], profile["user_id"])
				}
			}
			if got := h.do(t, "GET", "/v1/users", h.admin, nil); strings.Contains(got.Body.String(), "profile") {
				t.Errorf("profiles that were not requested: %s", got.Body)
			}
		})
	}
}

func TestSignUpAndSignIn(t *testing.T) {
	h := open(t, "sqlite")
	mail := object{"email": "new@example.com", "password": goodPassword}
	h.do(t, "POST", "/v1/sign-up", "", mail).wantProblem(t, http.StatusForbidden, "sign_up_closed")
	h.do(t, "POST", "/v1/sign-up", "", object{"email": 5}).wantProblem(t, http.StatusUnprocessableEntity,
		"validation_failed")
	h.setSetting(t, "sign_up.mode", "open")
	created := h.do(t, "POST", "/v1/sign-up", "", mail).want(t, http.StatusCreated)
	if created.text("status") != "pending" {
		t.Errorf("signed up: %s", created.Body)
	}
	// Another sign-up with the address gets the same answer, and the address signs no user in.
	h.do(t, "POST", "/v1/sign-up", "", object{"email": "NEW@example.com", "password": goodPassword}).
		want(t, http.StatusCreated)
	h.do(t, "POST", "/v1/sign-in", "", object{"identifier": "new@example.com", "password": goodPassword}).
		wantProblem(t, http.StatusUnauthorized, "invalid_credentials")
	contact := h.do(t, "GET", "/v1/users/"+created.text("id")+"/contacts", h.admin, nil).items()[0]
	h.do(t, "PATCH", fmt.Sprint("/v1/users/", created.text("id"), "/contacts/", contact["id"]), h.admin,
		object{"verified": true, "password_confirmed": true}, "If-Match", `"1"`).want(t, http.StatusOK)
	token := h.signIn(t, " New@Example.com ")

	// Sign-in ignores an Idempotency-Key: a token is never stored for a replay, and each sign-in creates a session.
	key := []string{"Idempotency-Key", "0123456789abcdef0123456789"}
	in := object{"identifier": "new@example.com", "password": goodPassword}
	first := h.do(t, "POST", "/v1/sign-in", "", in, key...).want(t, http.StatusCreated)
	again := h.do(t, "POST", "/v1/sign-in", "", in, key...).want(t, http.StatusCreated)
	if first.text("token") == again.text("token") || again.Header().Get("Idempotent-Replayed") != "" {
		t.Error("sign-in was replayed")
	}
	h.do(t, "POST", "/v1/sign-in", "", in, "Idempotency-Key", "a short one that would be refused").
		want(t, http.StatusCreated)
	for _, path := range []string{"/v1/access/check", "/v1/access/explain"} {
		for _, permission := range []string{"users.read", "users.create"} { // a different body each time
			if got := h.do(t, "POST", path, token, object{"permission": permission}, key...).
				want(t, http.StatusOK); got.Header().Get("Idempotent-Replayed") != "" {
				t.Errorf("%s was replayed", path)
			}
		}
	}

	h.do(t, "POST", "/v1/sign-out", token, nil).want(t, http.StatusNoContent)
	h.do(t, "POST", "/v1/sign-out", token, nil).wantProblem(t, http.StatusUnauthorized, "not_signed_in")

	link := h.setupLink(t)
	setUp := object{"token": link, "email": "second@example.com", "password": goodPassword}
	admin := h.do(t, "POST", "/v1/set-up", "", setUp).want(t, http.StatusCreated)
	if admin.text("session", "method") != "setup_link" {
		t.Errorf("set up: %s", admin.Body)
	}
	h.do(t, "GET", "/v1/users", admin.text("token"), nil).want(t, http.StatusOK)
	h.do(t, "POST", "/v1/set-up", "",
		object{"token": link, "email": "third@example.com", "password": goodPassword}).
		wantProblem(t, http.StatusUnauthorized, "setup_link_expired")
	late := h.setupLink(t)
	h.Clock.Add(31 * time.Minute)
	h.do(t, "POST", "/v1/set-up", "",
		object{"token": late, "email": "third@example.com", "password": goodPassword}).
		wantProblem(t, http.StatusUnauthorized, "setup_link_expired")
}

func TestPasswordChangeRequired(t *testing.T) {
	h := open(t, "sqlite")
	h.do(t, "POST", "/v1/users", h.admin,
		object{"email": "new@example.com", "password": goodPassword, "must_change_password": true}).
		want(t, http.StatusCreated)
	in := h.do(t, "POST", "/v1/sign-in", "", object{"identifier": "new@example.com", "password": goodPassword}).
		want(t, http.StatusCreated)
	token := in.text("token")
	if in.at("must_change_password") != true || in.at("password_set_by_other") != true {
		t.Errorf("signed in: %s", in.Body)
	}
	h.do(t, "POST", "/v1/sign-in", "", object{"identifier": "new@example.com", "password": goodPassword}).
		wantProblem(t, http.StatusUnauthorized, "invalid_credentials")
	// TestRefusals sends every operation with such a session.
	h.do(t, "GET", "/v1/session", token, nil).wantProblem(t, http.StatusForbidden, "password_change_required")
	h.do(t, "GET", "/v1/statuses", token, nil).wantProblem(t, http.StatusForbidden, "password_change_required")
	h.do(t, "PUT", "/v1/me/password", token,
		object{"current_password": goodPassword, "new_password": goodPassword}).
		wantProblem(t, http.StatusUnprocessableEntity, "validation_failed")
	changed := h.do(t, "PUT", "/v1/me/password", token,
		object{"current_password": goodPassword, "new_password": goodPassword + "!"}).want(t, http.StatusOK)
	h.do(t, "GET", "/v1/session", token, nil).wantProblem(t, http.StatusUnauthorized, "not_signed_in")
	token = changed.text("token")
	h.do(t, "GET", "/v1/session", token, nil).want(t, http.StatusOK)
	h.do(t, "GET", "/v1/me", token, nil).want(t, http.StatusOK)
	version := h.do(t, "GET", "/v1/me/password", token, nil).want(t, http.StatusOK).Header().Get("ETag")
	id, _ := in.at("session", "user_id").(string)
	h.do(t, "PUT", "/v1/users/"+id+"/password", h.admin, object{"new_password": goodPassword + "?"},
		"If-Match", version).
		want(t, http.StatusOK)
	in = h.do(t, "POST", "/v1/sign-in", "", object{"identifier": "new@example.com", "password": goodPassword + "?"}).
		want(t, http.StatusCreated)
	token = h.do(t, "PUT", "/v1/me/password", in.text("token"),
		object{"current_password": goodPassword + "?", "new_password": goodPassword}).
		want(t, http.StatusOK).text("token")
	listed := 0
	for _, event := range h.do(t, "GET", "/v1/me/audit", token, nil).want(t, http.StatusOK).items() {
		if event["action"] == "password.set" || event["action"] == "user.create" {
			listed++
		}
	}
	if listed != 2 {
		t.Errorf("/v1/me/audit lists %d of the 2 times that another user set the password", listed)
	}

	h.do(t, "POST", "/v1/users", h.admin,
		object{"email": "other@example.com", "password": goodPassword, "must_change_password": true}).
		want(t, http.StatusCreated)
	h.do(t, "POST", "/v1/sign-out", h.signIn(t, "other@example.com"), nil).want(t, http.StatusNoContent)
}

func TestAPIKeys(t *testing.T) {
	h := open(t, "sqlite")
	reader, maker := h.newRole(t, "reader", "users.read"), h.newRole(t, "maker", "users.create")
	service, id, key := h.newServiceKey(t, reader)
	h.do(t, "POST", "/v1/users/"+service+"/roles", h.admin, object{"role_id": maker}).want(t, http.StatusOK)
	h.do(t, "GET", "/v1/users", key, nil).want(t, http.StatusOK)
	// The service has the other role, but the key does not.
	h.do(t, "POST", "/v1/users", key, object{}).wantProblem(t, http.StatusForbidden, "permission_missing")
	if got := h.do(t, "POST", "/v1/access/check", key, object{"permission": "users.create"}).
		want(t, http.StatusOK); got.at("allowed") != false || got.text("user_id") != service {
		t.Errorf("the key is allowed: %s", got.Body)
	}
	h.do(t, "GET", "/v1/session", key, nil).wantProblem(t, http.StatusUnauthorized, "not_signed_in")
	if got := h.do(t, "GET", "/v1/me", key, nil).want(t, http.StatusOK); got.text("id") != service {
		t.Errorf("me is %s", got.Body)
	}
	if shown := h.do(t, "GET", "/v1/api-keys/"+id, h.admin, nil).want(t, http.StatusOK); shown.text("key") != "" ||
		!strings.HasSuffix(key, shown.text("hint")) || strings.Contains(shown.Body.String(), key) {
		t.Errorf("the key is shown again: %s", shown.Body)
	}

	body := object{"user_id": service, "name": "once", "role_ids": []string{reader},
		"expires_at": h.Clock.Now().Add(time.Hour)}
	first := h.do(t, "POST", "/v1/api-keys", h.admin, body, "Idempotency-Key", "once").want(t, http.StatusCreated)
	again := h.do(t, "POST", "/v1/api-keys", h.admin, body, "Idempotency-Key", "once").want(t, http.StatusCreated)
	if first.text("key") == "" || again.text("id") != first.text("id") {
		t.Fatalf("created %s, then %s", first.Body, again.Body)
	}
	if _, shown := again.body["key"]; shown {
		t.Errorf("the replay shows the key: %s", again.Body)
	}
	h.do(t, "DELETE", "/v1/api-keys/"+id, h.admin, nil).want(t, http.StatusNoContent)
	h.do(t, "GET", "/v1/users", key, nil).wantProblem(t, http.StatusUnauthorized, "not_signed_in")
	// A role that is revoked from the service is revoked from its keys.
	h.do(t, "DELETE", "/v1/users/"+service+"/roles/"+reader, h.admin, nil).want(t, http.StatusNoContent)
	h.do(t, "GET", "/v1/users", first.text("key"), nil).wantProblem(t, http.StatusForbidden, "permission_missing")
}

func TestAccess(t *testing.T) {
	h := open(t, "sqlite")
	ada, token := h.newUser(t, "ada")
	role := h.newRole(t, "reader", "users.read")
	ends := h.Clock.Now().Add(time.Hour).UTC().Truncate(time.Second)
	h.do(t, "POST", "/v1/users/"+ada+"/roles", h.admin, object{"role_id": role, "expires_at": ends}).
		want(t, http.StatusOK)
	ask := func(token string, body object, allowed bool, reason string) answer {
		t.Helper()
		check := h.do(t, "POST", "/v1/access/check", token, body).want(t, http.StatusOK)
		explained := h.do(t, "POST", "/v1/access/explain", token, body).want(t, http.StatusOK)
		if check.at("allowed") != allowed || explained.at("allowed") != allowed || check.text("user_id") != ada ||
			explained.text("user_id") != ada {
			t.Errorf("%v: %s %s, want %t", body, check.Body, explained.Body, allowed)
		}
		if !strings.HasPrefix(explained.text("reason"), reason) {
			t.Errorf("reason %q, want %q", explained.text("reason"), reason)
		}
		return explained
	}
	ask(token, object{"permission": "users.read"}, true, "yes, by the role reader, granted on ")
	ask(token, object{"permission": "users.read", "user_id": nil}, true, "yes")
	ask(token, object{"permission": "users.create"}, false, "no: none of the user's roles has it")
	other := ask(h.admin, object{"permission": "users.read", "user_id": ada}, true, "yes, by the role reader")
	grants, _ := other.at("grants").([]any)
	if len(grants) != 1 {
		t.Fatalf("grants: %s", other.Body)
	}
	grant := grants[0].(object)
	if admin := h.do(t, "GET", "/v1/me", h.admin, nil).text("id"); grant["role_id"] != role ||
		grant["granted_by"] != admin || grant["expires_at"] != ends.Format(time.RFC3339) || grant["in_force"] != true {
		t.Errorf("the grant: %v", grant)
	}
	h.Clock.Add(2 * time.Hour)
	ask(h.admin, object{"permission": "users.read", "user_id": ada}, false,
		"no: the grants that would give it have expired")
	h.do(t, "POST", "/v1/users/"+ada+"/suspend", h.admin, nil, "If-Match", `"1"`).want(t, http.StatusOK)
	ask(h.admin, object{"permission": "users.read", "user_id": ada}, false, "no: the account is suspended")
	// The nil UUID does not mean the caller: otherwise it would return the permissions of the caller.
	h.do(t, "POST", "/v1/access/check", h.admin,
		object{"permission": "users.read", "user_id": "00000000-0000-0000-0000-000000000000"}).
		wantProblem(t, http.StatusUnprocessableEntity, "validation_failed")
}

func TestCountriesAndSettings(t *testing.T) {
	h := open(t, "sqlite")
	changed := h.do(t, "PATCH", "/v1/countries/DE", h.admin, object{"tax_rate_ppm": 190000}, "If-Match", `"1"`).
		want(t, http.StatusOK)
	if changed.at("tax_rate_ppm") != 190000.0 || changed.Header().Get("ETag") != `"2"` {
		t.Errorf("changed: %s", changed.Body)
	}
	if again := h.do(t, "PATCH", "/v1/countries/DE", h.admin, object{"tax_rate_ppm": 190000}, "If-Match", `"2"`).
		want(t, http.StatusOK); again.Header().Get("ETag") != `"2"` {
		t.Errorf("nothing changed, but the version did: %s", again.Body)
	}
	if list := h.do(t, "GET", "/v1/countries", h.admin, nil).want(t, http.StatusOK).items(); len(list) < 240 ||
		!slices.ContainsFunc(list, func(c object) bool { return c["code"] == "DE" && c["tax_rate_ppm"] == 190000.0 }) {
		t.Errorf("%d countries", len(list))
	}
	for name, bounds := range map[string][2]int{"passwords.min_length": {8, 128},
		"sessions.idle_seconds": {60, 34_560_000}, "sign_in.failures_per_identifier": {3, 1000}} {
		for _, n := range bounds {
			h.setSetting(t, name, n)
			if got := h.do(t, "GET", "/v1/settings/"+name, h.admin, nil); got.at("value") != float64(n) {
				t.Errorf("%s is %v, want %d", name, got.at("value"), n)
			}
		}
		for _, n := range []int{bounds[0] - 1, bounds[1] + 1} {
			tag := h.do(t, "GET", "/v1/settings/"+name, h.admin, nil).Header().Get("ETag")
			h.do(t, "PATCH", "/v1/settings/"+name, h.admin, object{"value": n}, "If-Match", tag).
				wantProblem(t, http.StatusUnprocessableEntity, "validation_failed")
		}
	}
}

func TestTooManyAttempts(t *testing.T) {
	h := open(t, "sqlite")
	h.newUser(t, "ada")
	wrong := object{"identifier": "ada@example.com", "password": "not the right one"}
	for range 5 {
		h.do(t, "POST", "/v1/sign-in", "", wrong).wantProblem(t, http.StatusUnauthorized, "invalid_credentials")
	}
	// Also with the right password, and from another address.
	h.from.Address = "198.51.100.7"
	for _, password := range []string{"not the right one", goodPassword} {
		got := h.do(t, "POST", "/v1/sign-in", "",
			object{"identifier": "ADA@example.com", "password": password}).wantProblem(t, http.StatusTooManyRequests,
			"too_many_attempts")
		if wait, err := strconv.Atoi(got.Header().Get("Retry-After")); err != nil || wait != 1 {
			t.Errorf("Retry-After %q", got.Header().Get("Retry-After"))
		}
	}
	h.Clock.Add(time.Second)
	h.signIn(t, "ada@example.com")
}

func TestDeadlineExceeded(t *testing.T) {
	h := open(t, "sqlite")
	ctx, cancel := context.WithDeadline(context.Background(), time.Now().Add(-time.Second))
	defer cancel()
	r := httptest.NewRequest("GET", "/v1/users", nil).WithContext(ctx)
	r.Header.Set("Authorization", "Bearer "+h.admin)
	w := httptest.NewRecorder()
	h.api.ServeHTTP(w, r)
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" ||
		!strings.Contains(w.Body.String(), `"busy"`) {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
}

// TestServiceErrors: an error of the database is logged, and the answer does not describe it.
func TestServiceErrors(t *testing.T) {
	var logs logBuffer
	h := openLogging(t, "sqlite", logs.logger())
	if _, err := openRaw(t, h).Exec(`ALTER TABLE profiles RENAME TO elsewhere`); err != nil {
		t.Fatal(err)
	}
	got := h.do(t, "GET", "/v1/users?expand=profile&kind=person", h.admin, nil).
		wantProblem(t, http.StatusInternalServerError, "internal")
	if text := got.Body.String(); strings.Contains(text, "profiles") || strings.Contains(text, "SQL") {
		t.Errorf("the answer contains internal details: %s", text)
	}
	h.do(t, "PATCH", "/v1/me/profile", h.admin, object{"display_name": canary}, "If-Match", `"1"`).
		wantProblem(t, http.StatusInternalServerError, "internal")
	h.do(t, "POST", "/v1/users", h.admin, object{"email": canary + "@example.com", "password": goodPassword},
		"Idempotency-Key", canary).wantProblem(t, http.StatusInternalServerError, "internal")
	// An error of the database during validation is not a shorter list of errors.
	if _, err := openRaw(t, h).Exec(`ALTER TABLE countries RENAME TO nowhere`); err != nil {
		t.Fatal(err)
	}
	invalid := object{"emai": canary, "email": canary, "country": "DE"}
	h.do(t, "POST", "/v1/users", h.admin, invalid).wantProblem(t, http.StatusInternalServerError, "internal")
	logText := logs.text.String()
	for _, secret := range []string{canary, goodPassword, h.admin} {
		if slices.ContainsFunc(encodings(secret),
			func(form []byte) bool { return strings.Contains(strings.ToLower(logText), string(form)) }) {
			t.Errorf("the log repeats the input: %s", logText)
		}
	}
	if !strings.Contains(logText, got.request.String()) {
		t.Errorf("the log: %s", logText)
	}
}

func TestIdempotencyKey(t *testing.T) {
	for _, engine := range directorytest.Engines {
		t.Run(engine, func(t *testing.T) {
			h := open(t, engine)
			before := len(h.do(t, "GET", "/v1/users", h.admin, nil).items())
			var all sync.WaitGroup
			answers := make([]answer, 8)
			for i := range answers {
				all.Go(func() {
					answers[i] = h.do(t, "POST", "/v1/users", h.admin,
						object{"email": "once@example.com", "display_name": "Once"}, "Idempotency-Key", "the-same")
				})
			}
			all.Wait()
			id, created := "", 0
			for _, a := range answers {
				switch {
				case a.Code == http.StatusConflict && a.text("code") == "idempotency_in_flight":
				case a.Code != http.StatusCreated || id != "" && a.text("id") != id:
					t.Errorf("%d %s", a.Code, a.Body)
				default:
					id = a.text("id")
					if a.Header().Get("Idempotent-Replayed") == "" {
						created++
					}
				}
			}
			if now := len(h.do(t, "GET", "/v1/users", h.admin, nil).items()); created != 1 || now != before+1 {
				t.Errorf("%d responses are not replays, and there are %d new users", created, now-before)
			}
			// A key belongs to the caller, the route and the path. It expires after a day.
			_, token := h.newUser(t, "other")
			h.do(t, "POST", "/v1/me/contacts", token, object{"kind": "email", "value": "x1@example.com"},
				"Idempotency-Key", "the-same").want(t, http.StatusCreated)
			h.do(t, "POST", "/v1/me/contacts", h.admin, object{"kind": "email", "value": "x2@example.com"},
				"Idempotency-Key", "the-same").want(t, http.StatusCreated)
			h.do(t, "POST", "/v1/users", h.admin, object{}, "Idempotency-Key", "the-same").
				wantProblem(t, http.StatusUnprocessableEntity, "idempotency_mismatch")
			h.Clock.Add(25 * time.Hour)
			h.confirm(t, h.admin)
			h.do(t, "POST", "/v1/users", h.admin, object{}, "Idempotency-Key", "the-same").want(t, http.StatusCreated)
			// A refused request stores no response: the key can be used for the corrected request.
			h.do(t, "POST", "/v1/users", h.admin, object{"email": "bad"}, "Idempotency-Key", "corrected").
				wantProblem(t, http.StatusUnprocessableEntity, "validation_failed")
			h.do(t, "POST", "/v1/users", h.admin, object{"email": "good@example.com"}, "Idempotency-Key",
				"corrected").want(t, http.StatusCreated)
		})
	}
}

// TestRepeatedHeaders: no value of a repeated header is used.
func TestRepeatedHeaders(t *testing.T) {
	h := open(t, "sqlite")
	id, _ := h.newUser(t, "ada")
	for name, want := range map[string]string{"If-Match": "If-Match version_format",
		"Idempotency-Key": "Idempotency-Key idempotency_key_format"} {
		r := httptest.NewRequest("POST", "/v1/users/"+id+"/suspend", nil)
		r.Header.Set("Authorization", "Bearer "+h.admin)
		r.Header.Set("If-Match", `"1"`)
		r.Header.Set("Idempotency-Key", "one")
		r.Header.Add(name, `"1"`)
		if got := h.send(t, r).wantProblem(t, http.StatusBadRequest,
			"validation_failed"); !slices.Contains(got.fieldErrors(), want) {
			t.Errorf("%s twice: %q", name, got.fieldErrors())
		}
	}
}

func TestProblemPages(t *testing.T) {
	h := open(t, "sqlite")
	index := h.do(t, "GET", "/problems", "", nil).want(t, http.StatusOK).Body.String()
	for line := range strings.Lines(index) {
		code, _, _ := strings.Cut(line, " ")
		if page := h.do(t, "GET", "/problems/"+code, "", nil).
			want(t, http.StatusOK); !strings.HasPrefix(page.Body.String(), code+"\n") {
			t.Errorf("the page of %s: %s", code, page.Body)
		}
	}
	h.do(t, "GET", "/problems/nonsense", "", nil).want(t, http.StatusNotFound)
}

// TestWithoutRequest: the API answers a request without an id and an origin, too.
func TestWithoutRequest(t *testing.T) {
	h := open(t, "sqlite")
	w := httptest.NewRecorder()
	h.api.ServeHTTP(w, httptest.NewRequest("GET", "/v1/me", nil))
	if w.Code != http.StatusUnauthorized || strings.Contains(w.Body.String(), "request_id") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
