package api_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"cardinal"
	"cardinal/internal/directory/directorytest"
)

// plant is a text that was sent, and where. Personal and secret ones may be found nowhere; those that the
// documentation calls clear must be found in the database, or the search would be shown to be blind.
type plant struct {
	what  string
	text  string
	clear bool
}

// logged keeps all that is logged, at every level.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) logger() *slog.Logger {
	return slog.New(slog.NewJSONHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// forms are the ways in which a text can stand in bytes: as it is, in the other case, in hexadecimal, and in base64
// at each of the three places where it can begin.
func forms(text string) [][]byte {
	out := [][]byte{[]byte(strings.ToLower(text)), []byte(hex.EncodeToString([]byte(text)))}
	for at := range 3 {
		encoded := base64.RawStdEncoding.EncodeToString(append(make([]byte, at), text...))
		whole := encoded[(at*8+5)/6:]
		out = append(out, []byte(strings.ToLower(whole[:len(text)*8/6-1])))
	}
	return out
}

// search looks for plants in the logs, in the refusals and in the bytes of the database, and reports what is where it
// may not be, and what should be there and is not.
func search(t *testing.T, h *house, r *raw, logs *logged, plants []plant) []string {
	t.Helper()
	places := map[string][]byte{"the logs": logs.text.Bytes(), "the refusals": []byte(h.refused.String())}
	database := []string{"the database"}
	if path, ok := strings.CutPrefix(h.URL, "sqlite:"); ok {
		database = nil
		for _, suffix := range []string{"", "-wal", "-shm"} {
			text, err := os.ReadFile(path + suffix)
			if err != nil {
				t.Fatal(err)
			}
			places["the file "+suffix] = text
			database = append(database, "the file "+suffix)
		}
	} else {
		var all bytes.Buffer
		for _, table := range r.tables(t) {
			r.each(t, table, "", func(_ []string, values []any) {
				for _, v := range values {
					if b, ok := v.([]byte); ok {
						all.Write(b)
					} else {
						fmt.Fprint(&all, v)
					}
					all.WriteByte(0)
				}
			})
		}
		places["the database"] = all.Bytes()
	}
	for name, text := range places {
		places[name] = bytes.ToLower(text)
	}
	var out []string
	for _, p := range plants {
		var where []string
		for name, text := range places {
			if slices.ContainsFunc(forms(p.text), func(form []byte) bool { return bytes.Contains(text, form) }) {
				where = append(where, name)
			}
		}
		slices.Sort(where)
		switch {
		case !p.clear && len(where) > 0:
			out = append(out, fmt.Sprintf("%s is found in %q", p.what, where))
		case p.clear && !slices.ContainsFunc(where, func(name string) bool { return slices.Contains(database, name) }):
			out = append(out, fmt.Sprintf("%s, which is stored in clear, is not found: the search is blind", p.what))
		case p.clear && (slices.Contains(where, "the logs")):
			out = append(out, fmt.Sprintf("%s is found in %q", p.what, where))
		}
	}
	return out
}

// garden plants canaries.
type garden struct {
	planted []plant
	n       int
	digits  string // of this run, so that telephone numbers are found nowhere else
}

// word returns a text that is found nowhere else, of small letters.
func (g *garden) word(what string) string {
	g.n++
	text := fmt.Sprintf("kanari%cqx%czw", 'a'+g.n/26, 'a'+g.n%26)
	g.planted = append(g.planted, plant{what: what, text: text})
	return text
}

func (g *garden) clear(what string) string {
	text := g.word(what)
	g.planted[len(g.planted)-1].clear = true
	return text
}

func (g *garden) number(what string) string {
	g.n++
	text := fmt.Sprintf("30%s%03d", g.digits, g.n)
	g.planted = append(g.planted, plant{what: what, text: text})
	return "+49" + text
}

func (g *garden) secret(what, text string) string {
	g.planted = append(g.planted, plant{what: what, text: text})
	return text
}

// How each field of every body can hold a canary. TestCanaries fails on a field that is not here, so that a new one
// is thought about.
const (
	sealed = "sealed" // personal or secret: found nowhere
	clear_ = "clear"  // documented as clear: found in the database
	chosen = "chosen" // one of few values, an id, a time or a number: nothing can be planted
	asked  = "asked"  // a question that is stored nowhere: found nowhere
)

var soil = map[string]string{
	"sign-in/identifier": asked, "sign-in/password": asked,
	"sign-up/email": sealed, "sign-up/password": sealed, "sign-up/display_name": sealed, "sign-up/locale": clear_, "sign-up/time_zone": chosen,
	"set-up/token": sealed, "set-up/email": sealed, "set-up/password": sealed, "set-up/display_name": sealed,
	"create-user/kind": chosen, "create-user/display_name": sealed, "create-user/username": sealed, "create-user/email": sealed, "create-user/phone": sealed,
	"create-user/password": sealed, "create-user/avatar_url": sealed, "create-user/country": chosen, "create-user/locale": clear_, "create-user/time_zone": chosen,
	"create-user/preferences": clear_, "create-user/attributes": sealed,
	"update-user/profile/display_name": sealed, "update-user/profile/username": sealed, "update-user/profile/avatar_url": sealed, "update-user/profile/country": chosen,
	"update-user/profile/locale": clear_, "update-user/profile/time_zone": chosen, "update-user/profile/preferences": clear_, "update-user/profile/attributes": sealed,
	"update-me/profile/display_name": sealed, "update-me/profile/username": sealed, "update-me/profile/avatar_url": sealed, "update-me/profile/country": chosen,
	"update-me/profile/locale": clear_, "update-me/profile/time_zone": chosen, "update-me/profile/preferences": clear_, "update-me/profile/attributes": sealed,
	"update-user-profile/display_name": sealed, "update-user-profile/username": sealed, "update-user-profile/avatar_url": sealed, "update-user-profile/country": chosen,
	"update-user-profile/locale": clear_, "update-user-profile/time_zone": chosen, "update-user-profile/preferences": clear_, "update-user-profile/attributes": sealed,
	"update-me-profile/display_name": sealed, "update-me-profile/username": sealed, "update-me-profile/avatar_url": sealed, "update-me-profile/country": chosen,
	"update-me-profile/locale": clear_, "update-me-profile/time_zone": chosen, "update-me-profile/preferences": clear_, "update-me-profile/attributes": sealed,
	"set-password/new_password": sealed, "change-my-password/current_password": sealed, "change-my-password/new_password": sealed,
	"add-user-contact/kind": chosen, "add-user-contact/value": sealed, "add-me-contact/kind": chosen, "add-me-contact/value": sealed,
	"create-role/name": clear_, "create-role/description": clear_, "create-role/permissions/0": clear_,
	"update-role/name": clear_, "update-role/description": clear_, "add-role-permission/permission": clear_,
	"create-permission/name": clear_, "create-permission/description": clear_, "update-permission/description": clear_,
	"create-attribute/name": clear_, "create-attribute/description": clear_, "create-attribute/value_type": chosen,
	"create-api-key/user_id": chosen, "create-api-key/name": sealed, "create-api-key/role_ids/0": chosen, "create-api-key/expires_at": chosen,
	"grant-role/role_id": chosen, "grant-role/expires_at": chosen,
	"check-access/permission": asked, "check-access/user_id": chosen, "explain-access/permission": asked, "explain-access/user_id": chosen,
	"update-setting/value": chosen, // one of a few choices; found, but so it was before
}

// in plants a text in a field, the way the table says, or returns what fits where nothing can be planted.
func (g *garden) in(t *testing.T, field string) string {
	t.Helper()
	switch soil[field] {
	case sealed, asked:
		return g.word(field)
	case clear_:
		return g.clear(field)
	}
	t.Fatalf("nothing is planted in %s", field)
	return ""
}

// TestCanaries plants a text of its own in every field and header of valid requests, and looks for them afterwards.
// What refused requests held is looked for in TestRefusals.
func TestCanaries(t *testing.T) {
	for _, engine := range directorytest.Engines {
		t.Run(engine, func(t *testing.T) {
			var logs logged
			h := openLogging(t, engine, logs.logger())
			g := &garden{digits: fmt.Sprintf("%06d", time.Now().UnixNano()%1_000_000)}
			g.fill(t, h)
			r := openRaw(t, h)
			for _, found := range search(t, h, r, &logs, g.planted) {
				t.Error(found)
			}
			for _, o := range h.operations() {
				if o.RequestBody == nil || takesFile(o) {
					continue
				}
				for _, f := range (&bench{house: h}).fieldsOf(o.RequestBody.Content["application/json"].Schema, nil) {
					free := f.schema.Type == huma.TypeObject && len(f.schema.Properties) == 0
					field := o.OperationID + f.pointer()
					if how := soil[field]; how == "" && (f.schema.Type == huma.TypeString || f.schema.Type == "" || free) {
						t.Errorf("the field %s is not in the table: say whether it is sealed or clear", field)
					} else if how != "" && how != chosen && !slices.ContainsFunc(g.planted, func(p plant) bool { return p.what == field }) {
						t.Errorf("nothing was planted in %s", field)
					}
				}
			}

			// The search is shown to fail when one field is logged, and when one is stored in clear.
			one := g.planted[slices.IndexFunc(g.planted, func(p plant) bool { return p.what == "create-user/email" })]
			var told logged
			told.logger().Debug("made", "email", one.text+"@example.com")
			if found := search(t, h, r, &told, g.planted); len(found) != 1 || !strings.Contains(found[0], "the logs") {
				t.Errorf("a logged address is not found: %q", found)
			}
			if _, err := r.Exec(`UPDATE roles SET description = $1, version = version + 1, updated_at = updated_at + $2 WHERE name = 'auditor'`, "of "+one.text, later(r)); err != nil {
				t.Fatal(err)
			}
			if found := search(t, h, r, &logs, g.planted); len(found) != 1 || !strings.Contains(found[0], one.what) {
				t.Errorf("an address in clear is not found: %q", found)
			}
			var encoded logged
			fmt.Fprint(&encoded, base64.StdEncoding.EncodeToString([]byte("x"+one.text+"@example.com")))
			if found := search(t, h, r, &encoded, []plant{one}); len(found) != 1 || !strings.Contains(found[0], "the logs") {
				t.Errorf("an encoded address is not found: %q", found)
			}
		})
	}
}

// later is a moment's difference as the engine adds it to a time.
func later(r *raw) any {
	if r.engine == "postgres" {
		return "1 second"
	}
	return 1_000_000
}

// fill sends a valid request of every operation that stores something.
func (g *garden) fill(t *testing.T, h *house) {
	headers := func() []string {
		return []string{"User-Agent", g.word("User-Agent"), "Idempotency-Key", g.word("Idempotency-Key") + "-0123456789abcdef", "Traceparent", "00-" + g.word("traceparent"), "Cookie", g.word("Cookie"),
			"X-Forwarded-For", g.word("X-Forwarded-For"), "Forwarded", "for=" + g.word("Forwarded"), "Referer", "https://" + g.word("Referer"), "X-Request-Id", g.word("X-Request-Id")}
	}
	send := func(status int, method, path, token string, body any, more ...string) answer {
		t.Helper()
		g.n++
		address := fmt.Sprintf("2001:db8:%x:%x::%x", 0xbeef, g.n, 0xfeed)
		g.planted = append(g.planted, plant{what: "the address of " + method + " " + path, text: address})
		h.from = cardinal.Client{Address: address, UserAgent: g.word("the agent of " + method + " " + path)}
		return h.do(t, method, path, token, body, append(headers(), more...)...).want(t, status)
	}
	// The readers of the answer open what is sealed: the way in is not the way out.
	session := func(a answer) string { return g.secret("a session's token", a.text("token")) }

	attribute := g.in(t, "create-attribute/name")
	send(http.StatusCreated, "POST", "/v1/attributes", h.admin, object{"name": attribute, "description": g.in(t, "create-attribute/description"), "value_type": "string"})
	permission := g.in(t, "create-permission/name") + ".do"
	p := send(http.StatusCreated, "POST", "/v1/permissions", h.admin, object{"name": permission, "description": "first"})
	other := g.clear("add-role-permission/permission") + ".do"
	send(http.StatusCreated, "POST", "/v1/permissions", h.admin, object{"name": other, "description": g.in(t, "create-permission/description")})
	send(http.StatusOK, "PATCH", "/v1/permissions/"+p.text("id"), h.admin, object{"description": g.in(t, "update-permission/description")}, "If-Match", `"1"`)
	listed := g.in(t, "create-role/permissions/0") + ".do"
	send(http.StatusCreated, "POST", "/v1/permissions", h.admin, object{"name": listed, "description": "third"})
	role := send(http.StatusCreated, "POST", "/v1/roles", h.admin, object{"name": g.in(t, "create-role/name"), "description": g.in(t, "create-role/description"), "permissions": []string{listed}}).text("id")
	second := send(http.StatusCreated, "POST", "/v1/roles", h.admin, object{"name": "second", "description": "second"}).text("id")
	send(http.StatusOK, "PATCH", "/v1/roles/"+second, h.admin, object{"name": g.in(t, "update-role/name"), "description": g.in(t, "update-role/description")}, "If-Match", `"1"`)
	send(http.StatusOK, "POST", "/v1/roles/"+second+"/permissions", h.admin, object{"permission": other}, "If-Match", `"2"`)

	profile := func(at string) object {
		preference := g.in(t, at+"/preferences")
		return object{"display_name": g.in(t, at+"/display_name"), "username": g.in(t, at+"/username"), "avatar_url": "https://example.com/" + g.in(t, at+"/avatar_url"), "country": "DE",
			"locale": "de-x-" + g.short(at+"/locale"), "time_zone": "Pacific/Chatham", "preferences": object{preference: object{"deep": preference}}, "attributes": object{attribute: g.in(t, at+"/attributes")}}
	}
	user := profile("create-user")
	address, number, password := g.in(t, "create-user/email")+"@example.com", g.number("create-user/phone"), g.in(t, "create-user/password")+" and more"
	user["email"], user["phone"], user["password"], user["email_verified"] = address, number, password, true
	id := send(http.StatusCreated, "POST", "/v1/users", h.admin, user).text("id")
	in := send(http.StatusCreated, "POST", "/v1/sign-in", "", object{"identifier": address, "password": password})
	me := session(in)
	for i := range 3 {
		send(http.StatusUnauthorized, "POST", "/v1/sign-in", "", object{"identifier": g.in(t, "sign-in/identifier") + []string{"@example.com", "", "@@"}[i], "password": g.in(t, "sign-in/password")})
	}
	// Each on somebody else: what is overwritten could not be found.
	first, _ := h.person(t, fresh("first"))
	send(http.StatusOK, "PATCH", "/v1/users/"+first, h.admin, object{"profile": profile("update-user/profile")}, "If-Match", `"1"`)
	then, _ := h.person(t, fresh("then"))
	send(http.StatusOK, "PATCH", "/v1/users/"+then+"/profile", h.admin, profile("update-user-profile"), "If-Match", `"1"`)
	_, they := h.person(t, fresh("they"))
	send(http.StatusOK, "PATCH", "/v1/me", they, object{"profile": profile("update-me/profile")}, "If-Match", `"1"`)
	_, them := h.person(t, fresh("them"))
	send(http.StatusOK, "PATCH", "/v1/me/profile", them, profile("update-me-profile"), "If-Match", `"1"`)
	send(http.StatusCreated, "POST", "/v1/me/contacts", me, object{"kind": "email", "value": g.in(t, "add-me-contact/value") + "@example.com"})
	send(http.StatusCreated, "POST", "/v1/me/contacts", me, object{"kind": "phone", "value": g.number("add-me-contact/value as a number")})
	send(http.StatusCreated, "POST", "/v1/users/"+id+"/contacts", h.admin, object{"kind": "email", "value": g.in(t, "add-user-contact/value") + "@" + g.word("a domain") + ".example", "verified": true})
	next := g.in(t, "change-my-password/new_password") + " and more"
	g.planted = append(g.planted, plant{what: "change-my-password/current_password", text: password})
	send(http.StatusOK, "PUT", "/v1/me/password", me, object{"current_password": password, "new_password": next})
	send(http.StatusUnprocessableEntity, "PUT", "/v1/me/password", me, object{"current_password": g.in(t, "change-my-password/current_password"), "new_password": next})
	send(http.StatusOK, "PUT", "/v1/users/"+id+"/password", h.admin, object{"new_password": g.in(t, "set-password/new_password") + " and more"}, "If-Match", `"2"`)
	send(http.StatusOK, "POST", "/v1/users/"+id+"/roles", h.admin, object{"role_id": role})

	h.set(t, "sign_up.mode", "open")
	signUp := object{"email": g.in(t, "sign-up/email") + "@example.com", "password": g.in(t, "sign-up/password") + " and more", "display_name": g.in(t, "sign-up/display_name"), "locale": "de-x-" + g.short("sign-up/locale"), "time_zone": "Europe/Berlin"}
	send(http.StatusCreated, "POST", "/v1/sign-up", "", signUp)
	send(http.StatusConflict, "POST", "/v1/sign-up", "", object{"email": address, "password": g.in(t, "sign-up/password") + " and more"})
	link := g.secret("set-up/token", h.setupLink(t))
	session(send(http.StatusCreated, "POST", "/v1/set-up", "", object{"token": link, "email": g.in(t, "set-up/email") + "@example.com", "password": g.in(t, "set-up/password") + " and more", "display_name": g.in(t, "set-up/display_name")}))

	service := send(http.StatusCreated, "POST", "/v1/users", h.admin, object{"kind": "service", "display_name": g.in(t, "create-user/display_name")}).text("id")
	send(http.StatusOK, "POST", "/v1/users/"+service+"/roles", h.admin, object{"role_id": role})
	key := g.secret("an API key", send(http.StatusCreated, "POST", "/v1/api-keys", h.admin, object{"user_id": service, "name": g.in(t, "create-api-key/name"), "role_ids": []string{role}, "expires_at": time.Now().Add(time.Hour)}).text("key"))
	send(http.StatusForbidden, "GET", "/v1/users", key, nil)
	send(http.StatusForbidden, "POST", "/v1/users", key, object{"email": g.in(t, "create-user/email") + "@example.com"})
	for _, path := range []string{"check", "explain"} {
		send(http.StatusUnprocessableEntity, "POST", "/v1/access/"+path, h.admin, object{"permission": g.in(t, path+"-access/permission")})
	}
	file := "email," + g.word("a column of a file") + "," + g.word("another column") + "\n" + g.word("an address in a file") + "@example.com," + g.word("a value in a file") + ",x\n" + g.word("a faulty address in a file") + "@,,\n"
	csv := []string{"Content-Type", "text/csv", "Import-Hash-Config", ""}
	upload := send(http.StatusAccepted, "POST", "/v1/imports?name="+g.word("the name of a file"), h.admin, file, csv...).text("id")
	h.work(t)
	send(http.StatusOK, "GET", "/v1/imports/"+upload+"/problems", h.admin, nil)
	send(http.StatusConflict, "POST", "/v1/imports", h.admin, g.word("a file too many"), csv...)
	_, importer := h.person(t, "importer")
	h.grant(t, importer, "users.import")
	send(http.StatusUnprocessableEntity, "POST", "/v1/imports?map="+g.word("a column that is not there")+"=email", importer, "email,"+g.word("a column of a bad file")+"\n", csv...)
	send(http.StatusUnprocessableEntity, "POST", "/v1/imports", importer, g.word("no file at all")+"\n", csv...)
	send(http.StatusBadRequest, "POST", "/v1/imports", importer, "email\nx@example.com\n", "Content-Type", "text/csv", "Import-Hash-Config", g.word("a hash configuration"))
	send(http.StatusBadRequest, "GET", "/v1/users?email="+g.word("?email="), h.admin, nil)
	send(http.StatusOK, "GET", "/v1/users?email="+g.word("?email=")+"@example.com", h.admin, nil)
	send(http.StatusNotFound, "GET", "/v1/settings/"+g.word("the name of a setting"), h.admin, nil)
	send(http.StatusUnauthorized, "GET", "/v1/me", g.word("a token that is none"), nil)

	g.planted = append(g.planted, plant{what: "the administrator's token", text: h.admin}, plant{what: "the good password", text: goodPassword})
}

// short is a canary of eight letters, for the private part of a language tag.
func (g *garden) short(what string) string {
	g.n++
	text := fmt.Sprintf("kan%c%cqxz", 'a'+g.n/26, 'a'+g.n%26)
	g.planted = append(g.planted, plant{what: what, text: text, clear: true})
	return text
}
