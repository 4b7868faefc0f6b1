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

// marker is a unique text that was sent, and its place. A personal or secret one must be found nowhere. One that the
// documentation calls plaintext must be found in the database: otherwise the search does not work.
type marker struct {
	what  string
	text  string
	clear bool
}

// logBuffer keeps everything that is logged, at every level.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logBuffer) logger() *slog.Logger {
	return slog.New(slog.NewJSONHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// encodings returns the forms of a text in bytes: in lower case, in hexadecimal, and in base64 at each of the three
// offsets where it can begin.
func encodings(text string) [][]byte {
	out := [][]byte{[]byte(strings.ToLower(text)), []byte(hex.EncodeToString([]byte(text)))}
	for at := range 3 {
		encoded := base64.RawStdEncoding.EncodeToString(append(make([]byte, at), text...))
		whole := encoded[(at*8+5)/6:]
		out = append(out, []byte(strings.ToLower(whole[:len(text)*8/6-1])))
	}
	return out
}

// findMarkers searches the logs, the refusals and the bytes of the database for markers. It reports those in a place
// where they must not be, and those that are missing.
func findMarkers(t *testing.T, h *testAPI, r *rawDB, logs *logBuffer, markers []marker) []string {
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
			r.eachRow(t, table, "", func(_ []string, values []any) {
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
	for _, p := range markers {
		var where []string
		for name, text := range places {
			if slices.ContainsFunc(encodings(p.text), func(form []byte) bool { return bytes.Contains(text, form) }) {
				where = append(where, name)
			}
		}
		slices.Sort(where)
		switch {
		case !p.clear && len(where) > 0:
			out = append(out, fmt.Sprintf("%s is found in %q", p.what, where))
		case p.clear && !slices.ContainsFunc(where, func(name string) bool { return slices.Contains(database, name) }):
			out = append(out, fmt.Sprintf("%s is stored as plaintext and is not found: the search does not work",
				p.what))
		case p.clear && (slices.Contains(where, "the logs")):
			out = append(out, fmt.Sprintf("%s is found in %q", p.what, where))
		}
	}
	return out
}

// markerSet creates markers.
type markerSet struct {
	sent   []marker
	n      int
	digits string // of this run, so that no other number contains them
}

// word returns a unique text of lowercase letters.
func (g *markerSet) word(what string) string {
	g.n++
	text := fmt.Sprintf("kanari%cqx%czw", 'a'+g.n/26, 'a'+g.n%26)
	g.sent = append(g.sent, marker{what: what, text: text})
	return text
}

func (g *markerSet) plaintext(what string) string {
	text := g.word(what)
	g.sent[len(g.sent)-1].clear = true
	return text
}

func (g *markerSet) number(what string) string {
	g.n++
	text := fmt.Sprintf("30%s%03d", g.digits, g.n)
	g.sent = append(g.sent, marker{what: what, text: text})
	return "+49" + text
}

func (g *markerSet) secret(what, text string) string {
	g.sent = append(g.sent, marker{what: what, text: text})
	return text
}

// How the text of each field of every body is stored. TestMarkers fails for a field that is not here, so that each new
// field is decided.
const (
	encrypted = "encrypted" // personal or secret: found nowhere
	plaintext = "plaintext" // documented as plaintext: found in the database
	fixed     = "fixed"     // one of few values, an id, a time or a number: it cannot be a marker
	transient = "transient" // not stored: found nowhere
)

var fieldStorage = map[string]string{
	"sign-in/identifier": transient, "sign-in/password": transient,
	"sign-in/device_token": transient,
	"sign-up/email":        encrypted, "sign-up/password": encrypted, "sign-up/display_name": encrypted,
	"sign-up/locale": plaintext, "sign-up/time_zone": fixed,
	"set-up/token": encrypted, "set-up/email": encrypted, "set-up/password": encrypted,
	"set-up/display_name": encrypted,
	"create-user/kind":    fixed, "create-user/display_name": encrypted, "create-user/username": encrypted,
	"create-user/email": encrypted, "create-user/phone": encrypted,
	"create-user/password": encrypted, "create-user/avatar_url": encrypted, "create-user/country": fixed,
	"create-user/locale": plaintext, "create-user/time_zone": fixed,
	"create-user/preferences": plaintext, "create-user/attributes": encrypted,
	"update-user/profile/display_name": encrypted, "update-user/profile/username": encrypted,
	"update-user/profile/avatar_url": encrypted, "update-user/profile/country": fixed,
	"update-user/profile/locale": plaintext, "update-user/profile/time_zone": fixed,
	"update-user/profile/preferences": plaintext, "update-user/profile/attributes": encrypted,
	"update-me/profile/display_name": encrypted, "update-me/profile/username": encrypted,
	"update-me/profile/avatar_url": encrypted, "update-me/profile/country": fixed,
	"update-me/profile/locale": plaintext, "update-me/profile/time_zone": fixed,
	"update-me/profile/preferences": plaintext, "update-me/profile/attributes": encrypted,
	"update-user-profile/display_name": encrypted, "update-user-profile/username": encrypted,
	"update-user-profile/avatar_url": encrypted, "update-user-profile/country": fixed,
	"update-user-profile/locale": plaintext, "update-user-profile/time_zone": fixed,
	"update-user-profile/preferences": plaintext, "update-user-profile/attributes": encrypted,
	"update-me-profile/display_name": encrypted, "update-me-profile/username": encrypted,
	"update-me-profile/avatar_url": encrypted, "update-me-profile/country": fixed,
	"update-me-profile/locale": plaintext, "update-me-profile/time_zone": fixed,
	"update-me-profile/preferences": plaintext, "update-me-profile/attributes": encrypted,
	"confirm-session/password":  transient,
	"set-password/new_password": encrypted, "set-password/current_password": transient,
	"change-my-password/current_password": encrypted,
	"change-my-password/new_password":     encrypted,
	"add-user-contact/kind":               fixed, "add-user-contact/value": encrypted, "add-me-contact/kind": fixed,
	"add-me-contact/value": encrypted,
	"create-role/name":     plaintext, "create-role/description": plaintext, "create-role/permissions/0": plaintext,
	"update-role/name": plaintext, "update-role/description": plaintext, "add-role-permission/permission": plaintext,
	"create-permission/name": plaintext, "create-permission/description": plaintext,
	"update-permission/description": plaintext,
	"create-attribute/name":         plaintext, "create-attribute/description": plaintext,
	"create-attribute/value_type": fixed,
	"create-api-key/user_id":      fixed, "create-api-key/name": encrypted, "create-api-key/role_ids/0": fixed,
	"create-api-key/expires_at": fixed,
	"grant-role/role_id":        fixed, "grant-role/expires_at": fixed,
	"check-access/permission": transient, "check-access/user_id": fixed, "explain-access/permission": transient,
	"explain-access/user_id": fixed,
	"search-users/email":     transient, "search-users/q": transient,
	"search-users/attributes": fixed, // declared names
	"update-setting/value":    fixed, // one of a few choices, so it is found in any case
}

// field returns a marker for a field, by the table.
func (g *markerSet) field(t *testing.T, field string) string {
	t.Helper()
	switch fieldStorage[field] {
	case encrypted, transient:
		return g.word(field)
	case plaintext:
		return g.plaintext(field)
	}
	t.Fatalf("the table has no marker for %s", field)
	return ""
}

// TestMarkers sends a marker in every field and header of valid requests, and searches for them afterwards.
// TestRefusals does the same for refused requests.
func TestMarkers(t *testing.T) {
	for _, engine := range directorytest.Engines {
		t.Run(engine, func(t *testing.T) {
			var logs logBuffer
			h := openLogging(t, engine, logs.logger())
			g := &markerSet{digits: fmt.Sprintf("%06d", time.Now().UnixNano()%1_000_000)}
			g.sendAll(t, h)
			r := openRaw(t, h)
			for _, found := range findMarkers(t, h, r, &logs, g.sent) {
				t.Error(found)
			}
			for _, o := range h.operations() {
				if o.RequestBody == nil || takesFile(o) {
					continue
				}
				for _, f := range (&refusalTester{testAPI: h}).fieldsOf(
					o.RequestBody.Content["application/json"].Schema, nil) {
					free := f.schema.Type == huma.TypeObject && len(f.schema.Properties) == 0
					field := o.OperationID + f.pointer()
					if how := fieldStorage[field]; how == "" &&
						(f.schema.Type == huma.TypeString || f.schema.Type == "" || free) {
						t.Errorf("the field %s is not in the table: is it encrypted or plaintext?", field)
					} else if how != "" && how != fixed &&
						!slices.ContainsFunc(g.sent, func(p marker) bool { return p.what == field }) {
						t.Errorf("no marker was sent in %s", field)
					}
				}
			}

			// The search fails when a field is logged, and when it is stored as plaintext.
			one := g.sent[slices.IndexFunc(g.sent, func(p marker) bool { return p.what == "create-user/email" })]
			var leak logBuffer
			leak.logger().Debug("created", "email", one.text+"@example.com")
			if found := findMarkers(t, h, r, &leak, g.sent); len(found) != 1 ||
				!strings.Contains(found[0], "the logs") {
				t.Errorf("a logged address is not found: %q", found)
			}
			_, err := r.Exec(`UPDATE roles SET description = $1, version = version + 1, updated_at = updated_at + $2
				 WHERE name = 'auditor'`, "of "+one.text, later(r))
			if err != nil {
				t.Fatal(err)
			}
			if found := findMarkers(t, h, r, &logs, g.sent); len(found) != 1 || !strings.Contains(found[0], one.what) {
				t.Errorf("an address in plaintext is not found: %q", found)
			}
			var encoded logBuffer
			fmt.Fprint(&encoded, base64.StdEncoding.EncodeToString([]byte("x"+one.text+"@example.com")))
			if found := findMarkers(t, h, r, &encoded, []marker{one}); len(found) != 1 ||
				!strings.Contains(found[0], "the logs") {
				t.Errorf("an encoded address is not found: %q", found)
			}
		})
	}
}

// later returns a second in the form that the engine adds to a time.
func later(r *rawDB) any {
	if r.engine == "postgres" {
		return "1 second"
	}
	return 1_000_000
}

// sendAll sends a valid request of every operation that stores something.
func (g *markerSet) sendAll(t *testing.T, h *testAPI) {
	headers := func() []string {
		return []string{"User-Agent", g.word("User-Agent"), "Idempotency-Key",
			g.word("Idempotency-Key") + "-0123456789abcdef", "Traceparent", "00-" + g.word("traceparent"), "Cookie",
			g.word("Cookie"),
			"X-Forwarded-For", g.word("X-Forwarded-For"), "Forwarded", "for=" + g.word("Forwarded"), "Referer",
			"https://" + g.word("Referer"), "X-Request-Id", g.word("X-Request-Id")}
	}
	send := func(status int, method, path, token string, body any, more ...string) answer {
		t.Helper()
		g.n++
		address := fmt.Sprintf("2001:db8:%x:%x::%x", 0xbeef, g.n, 0xfeed)
		g.sent = append(g.sent, marker{what: "the address of " + method + " " + path, text: address})
		h.from = cardinal.Client{Address: address, UserAgent: g.word("the agent of " + method + " " + path)}
		return h.do(t, method, path, token, body, append(headers(), more...)...).want(t, status)
	}
	// A response with status 2xx contains decrypted fields, so it is not searched.
	session := func(a answer) string { return g.secret("a session's token", a.text("token")) }

	attribute := g.field(t, "create-attribute/name")
	send(http.StatusCreated, "POST", "/v1/attributes", h.admin,
		object{"name": attribute, "description": g.field(t, "create-attribute/description"), "value_type": "string"})
	permission := g.field(t, "create-permission/name") + ".do"
	p := send(http.StatusCreated, "POST", "/v1/permissions", h.admin,
		object{"name": permission, "description": "first"})
	other := g.plaintext("add-role-permission/permission") + ".do"
	send(http.StatusCreated, "POST", "/v1/permissions", h.admin,
		object{"name": other, "description": g.field(t, "create-permission/description")})
	send(http.StatusOK, "PATCH", "/v1/permissions/"+p.text("id"), h.admin,
		object{"description": g.field(t, "update-permission/description")}, "If-Match", `"1"`)
	listed := g.field(t, "create-role/permissions/0") + ".do"
	send(http.StatusCreated, "POST", "/v1/permissions", h.admin, object{"name": listed, "description": "third"})
	role := send(http.StatusCreated, "POST", "/v1/roles", h.admin,
		object{"name": g.field(t, "create-role/name"), "description": g.field(t, "create-role/description"),
			"permissions": []string{listed}}).text("id")
	second := send(http.StatusCreated, "POST", "/v1/roles", h.admin,
		object{"name": "second", "description": "second"}).text("id")
	send(http.StatusOK, "PATCH", "/v1/roles/"+second, h.admin,
		object{"name": g.field(t, "update-role/name"), "description": g.field(t, "update-role/description")},
		"If-Match", `"1"`)
	send(http.StatusOK, "POST", "/v1/roles/"+second+"/permissions", h.admin, object{"permission": other}, "If-Match",
		`"2"`)

	profile := func(at string) object {
		preference := g.field(t, at+"/preferences")
		return object{"display_name": g.field(t, at+"/display_name"), "username": g.field(t, at+"/username"),
			"avatar_url": "https://example.com/" + g.field(t, at+"/avatar_url"), "country": "DE",
			"locale": "de-x-" + g.short(at+"/locale"), "time_zone": "Pacific/Chatham",
			"preferences": object{preference: object{"deep": preference}},
			"attributes":  object{attribute: g.field(t, at+"/attributes")}}
	}
	user := profile("create-user")
	address, number, password := g.field(t, "create-user/email")+"@example.com", g.number("create-user/phone"),
		g.field(t, "create-user/password")+" and more"
	user["email"], user["phone"], user["password"], user["email_verified"] = address, number, password, true
	user["chosen_by_user"] = true
	id := send(http.StatusCreated, "POST", "/v1/users", h.admin, user).text("id")
	in := send(http.StatusCreated, "POST", "/v1/sign-in", "", object{"identifier": address, "password": password})
	me := session(in)
	for i := range 3 {
		send(http.StatusUnauthorized, "POST", "/v1/sign-in", "",
			object{"identifier": g.field(t, "sign-in/identifier") + []string{"@example.com", "", "@@"}[i],
				"password":     g.field(t, "sign-in/password"),
				"device_token": g.field(t, "sign-in/device_token")})
	}
	// Each for another user: a text that is overwritten could not be found.
	first, _ := h.newUser(t, unique("first"))
	send(http.StatusOK, "PATCH", "/v1/users/"+first, h.admin, object{"profile": profile("update-user/profile")},
		"If-Match", `"1"`)
	then, _ := h.newUser(t, unique("then"))
	send(http.StatusOK, "PATCH", "/v1/users/"+then+"/profile", h.admin, profile("update-user-profile"), "If-Match",
		`"1"`)
	_, they := h.newUser(t, unique("they"))
	send(http.StatusOK, "PATCH", "/v1/me", they, object{"profile": profile("update-me/profile")}, "If-Match", `"1"`)
	_, them := h.newUser(t, unique("them"))
	send(http.StatusOK, "PATCH", "/v1/me/profile", them, profile("update-me-profile"), "If-Match", `"1"`)
	send(http.StatusCreated, "POST", "/v1/me/contacts", me,
		object{"kind": "email", "value": g.field(t, "add-me-contact/value") + "@example.com"})
	send(http.StatusCreated, "POST", "/v1/me/contacts", me,
		object{"kind": "phone", "value": g.number("add-me-contact/value as a number")})
	send(http.StatusCreated, "POST", "/v1/users/"+id+"/contacts", h.admin,
		object{"kind": "email", "value": g.field(t, "add-user-contact/value") + "@" + g.word("a domain") + ".example",
			"verified": true})
	send(http.StatusUnprocessableEntity, "POST", "/v1/session/confirm", me,
		object{"password": g.field(t, "confirm-session/password")})
	send(http.StatusUnprocessableEntity, "PUT", "/v1/users/"+id+"/password", h.admin,
		object{"new_password": password, "current_password": g.field(t, "set-password/current_password")},
		"If-Match", `"2"`)
	next := g.field(t, "change-my-password/new_password") + " and more"
	g.sent = append(g.sent, marker{what: "change-my-password/current_password", text: password})
	send(http.StatusOK, "PUT", "/v1/me/password", me, object{"current_password": password, "new_password": next})
	send(http.StatusUnprocessableEntity, "PUT", "/v1/me/password", me,
		object{"current_password": g.field(t, "change-my-password/current_password"), "new_password": next})
	send(http.StatusOK, "PUT", "/v1/users/"+id+"/password", h.admin,
		object{"new_password": g.field(t, "set-password/new_password") + " and more"}, "If-Match", `"2"`)
	send(http.StatusOK, "POST", "/v1/users/"+id+"/roles", h.admin, object{"role_id": role})

	h.setSetting(t, "sign_up.mode", "open")
	signUp := object{"email": g.field(t, "sign-up/email") + "@example.com",
		"password": g.field(t, "sign-up/password") + " and more", "display_name": g.field(t, "sign-up/display_name"),
		"locale": "de-x-" + g.short("sign-up/locale"), "time_zone": "Europe/Berlin"}
	send(http.StatusCreated, "POST", "/v1/sign-up", "", signUp)
	send(http.StatusCreated, "POST", "/v1/sign-up", "",
		object{"email": address, "password": g.field(t, "sign-up/password") + " and more"})
	link := g.secret("set-up/token", h.setupLink(t))
	session(send(http.StatusCreated, "POST", "/v1/set-up", "",
		object{"token": link, "email": g.field(t, "set-up/email") + "@example.com",
			"password":     g.field(t, "set-up/password") + " and more",
			"display_name": g.field(t, "set-up/display_name")}))

	service := send(http.StatusCreated, "POST", "/v1/users", h.admin,
		object{"kind": "service", "display_name": g.field(t, "create-user/display_name")}).text("id")
	send(http.StatusOK, "POST", "/v1/users/"+service+"/roles", h.admin, object{"role_id": role})
	key := g.secret("an API key", send(http.StatusCreated, "POST", "/v1/api-keys", h.admin,
		object{"user_id": service, "name": g.field(t, "create-api-key/name"), "role_ids": []string{role},
			"expires_at": time.Now().Add(time.Hour)}).text("key"))
	send(http.StatusForbidden, "GET", "/v1/users", key, nil)
	send(http.StatusForbidden, "POST", "/v1/users", key,
		object{"email": g.field(t, "create-user/email") + "@example.com"})
	h.do(t, "POST", "/v1/users/search", h.admin, object{"email": g.field(t, "search-users/email") + "@example.com",
		"q": g.field(t, "search-users/q")}).want(t, http.StatusOK)
	for _, path := range []string{"check", "explain"} {
		send(http.StatusUnprocessableEntity, "POST", "/v1/access/"+path, h.admin,
			object{"permission": g.field(t, path+"-access/permission")})
	}
	file := "email," + g.word("a column of a file") + "," + g.word("another column") + "\n" +
		g.word("an address in a file") + "@example.com," + g.word("a value in a file") + ",x\n" +
		g.word("an invalid address in a file") + "@,,\n"
	csv := []string{"Content-Type", "text/csv", "Import-Hash-Config", ""}
	upload := send(http.StatusAccepted, "POST", "/v1/imports?name="+g.word("the name of a file"), h.admin, file,
		csv...).text("id")
	h.runImportJobs(t)
	send(http.StatusOK, "GET", "/v1/imports/"+upload+"/problems", h.admin, nil)
	send(http.StatusConflict, "POST", "/v1/imports", h.admin, g.word("a second file"), csv...)
	_, importer := h.newUser(t, "importer")
	h.grant(t, importer, "users.import")
	send(http.StatusUnprocessableEntity, "POST", "/v1/imports?map="+g.word("a missing column")+"=email", importer,
		"email,"+g.word("a column of a bad file")+"\n", csv...)
	send(http.StatusUnprocessableEntity, "POST", "/v1/imports", importer, g.word("an invalid file")+"\n", csv...)
	send(http.StatusBadRequest, "POST", "/v1/imports", importer, "email\nx@example.com\n", "Content-Type", "text/csv",
		"Import-Hash-Config", g.word("a hash configuration"))
	send(http.StatusBadRequest, "GET", "/v1/users?email="+g.word("?email="), h.admin, nil)
	send(http.StatusOK, "GET", "/v1/users?email="+g.word("?email=")+"@example.com", h.admin, nil)
	send(http.StatusNotFound, "GET", "/v1/settings/"+g.word("the name of a setting"), h.admin, nil)
	send(http.StatusUnauthorized, "GET", "/v1/me", g.word("an invalid token"), nil)

	g.sent = append(g.sent, marker{what: "the administrator's token", text: h.admin},
		marker{what: "the good password", text: goodPassword})
}

// short returns a marker of eight letters, for the private part of a language tag.
func (g *markerSet) short(what string) string {
	g.n++
	text := fmt.Sprintf("kan%c%cqxz", 'a'+g.n/26, 'a'+g.n%26)
	g.sent = append(g.sent, marker{what: what, text: text, clear: true})
	return text
}
