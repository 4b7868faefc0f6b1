package api_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"cardinal"
	"cardinal/internal/directory/directorytest"
)

// canary is part of every invalid value: no response must contain it.
const canary = "Zq9kanari7"

// call is a valid request.
type call struct {
	token  string
	params map[string]string // of the path
	etag   string            // for If-Match
	body   map[string]any
}

// refusalSpec has the calls of an operation for TestRefusals.
type refusalSpec struct {
	call      func(t *testing.T, h *testAPI) call // creates what the operation needs, and returns a valid call
	anyCaller bool                                // every authenticated caller is allowed: no permission is needed
	extra     func(t *testing.T, h *testAPI, c call) []refusal
}

// refusal is a request that must be refused, with the expected response.
type refusal struct {
	kind        string // on PostgreSQL only some of each kind are sent
	name        string
	method      string   // empty for that of the operation
	path        string   // empty for that of the call
	token       *string  // the call's when nil
	headers     []string // in addition to those of the call; an empty value removes one
	body        any      // the call's when nil
	send        *http.Request
	status      int
	code        string
	fieldErrors []string // "place code"; the response must have all of them
	says        string   // a part of the response
	check       func(t *testing.T, a answer)
}

// TestRefusals sends requests to all described operations: a valid call, generated refusals of that call, and the own
// refusals of the operation. After each refusal the database must be unchanged.
func TestRefusals(t *testing.T) {
	for _, engine := range directorytest.Engines {
		t.Run(engine, func(t *testing.T) {
			var logs logBuffer
			h := openLogging(t, engine, logs.logger())
			b := newRefusalTester(t, h)
			total := 0
			all := h.operations()
			for _, o := range all {
				spec, ok := refusalSpecs[o.OperationID]
				if !ok {
					t.Errorf("%s has no cases in refusalcases_test.go", o.OperationID)
					continue
				}
				t.Run(o.OperationID, func(t *testing.T) { total += b.run(t, o, spec) })
			}
			for id := range refusalSpecs {
				if !slices.ContainsFunc(all, func(o *huma.Operation) bool { return o.OperationID == id }) {
					t.Errorf("there are cases for %s, which is not an operation", id)
				}
				if !h.answered[id] {
					t.Errorf("no call of %s succeeded", id)
				}
			}
			for _, found := range findMarkers(t, h, b.raw, &logs,
				[]marker{{what: "the canary of refused requests", text: canary}}) {
				t.Error(found)
			}
			t.Logf("%d refusals", total)
		})
	}
}

// refusalTester has what the cases of all operations need.
type refusalTester struct {
	*testAPI
	raw                  *rawDB
	invalidTokens        map[string]string // tokens that are not valid, by the reason
	withoutRole          string            // token of a user without a role
	keyWithoutPermission string            // API key of a service with a role with no permission
	mustChangePassword   string            // session of a user who must change the password
	contact              string            // of another user than that of the call
	session              string            // likewise
	checkedPages         map[string]bool   // pages of problems that were requested
	calls                int
}

func newRefusalTester(t *testing.T, h *testAPI) *refusalTester {
	b := &refusalTester{testAPI: h, raw: openRaw(t, h), invalidTokens: map[string]string{},
		checkedPages: map[string]bool{}}
	h.setSetting(t, "sessions.absolute_seconds", 300)
	_, b.invalidTokens["expired session"] = h.newUser(t, "expired")
	h.setSetting(t, "sessions.absolute_seconds", 30*24*3600)
	nothing := h.newRole(t, "nothing")
	_, _, b.invalidTokens["expired API key"] = h.newServiceKey(t, nothing, h.Clock.Now().Add(time.Minute))
	h.Clock.Add(6 * time.Minute)
	_, b.invalidTokens["ended session"] = h.newUser(t, "ended")
	h.do(t, "POST", "/v1/sign-out", b.invalidTokens["ended session"], nil).want(t, http.StatusNoContent)
	suspended, token := h.newUser(t, "suspended")
	b.invalidTokens["session of a suspended user"] = token
	h.do(t, "POST", "/v1/users/"+suspended+"/suspend", h.admin, nil, "If-Match", `"1"`).want(t, http.StatusOK)
	_, keyID, key := h.newServiceKey(t, nothing)
	b.invalidTokens["revoked API key"] = key
	h.do(t, "DELETE", "/v1/api-keys/"+keyID, h.admin, nil).want(t, http.StatusNoContent)
	_, _, b.keyWithoutPermission = h.newServiceKey(t, nothing)
	_, b.withoutRole = h.newUser(t, "idle")
	_, other := h.newUser(t, "other")
	b.contact, _ = h.do(t, "GET", "/v1/me/contacts", other, nil).want(t, http.StatusOK).items()[0]["id"].(string)
	b.session, _ = h.do(t, "GET", "/v1/me/sessions", other, nil).want(t, http.StatusOK).items()[0]["id"].(string)
	h.do(t, "POST", "/v1/users", h.admin,
		map[string]any{"email": "must@example.com", "password": goodPassword, "must_change_password": true}).
		want(t, http.StatusCreated)
	b.mustChangePassword = h.signIn(t, "must@example.com")
	h.setSetting(t, "sign_up.mode", "open") // a change by an anonymous caller creates the key of the month
	h.do(t, "POST", "/v1/sign-up", "",
		map[string]any{"email": "admin@example.com", "password": goodPassword}).want(t, http.StatusCreated)
	for why, text := range map[string]string{"no token": "", "an invalid token": canary,
		"an incomplete token": h.admin[:len(h.admin)-1], "a longer token": h.admin + "A",
		"another secret": h.admin[:len(h.admin)-4] + "AAAA", "a token of another kind": "ck_" + h.admin[3:],
		"a set-up link": h.setupLink(t)} {
		b.invalidTokens[why] = text
	}
	return b
}

func (h *testAPI) setSetting(t testing.TB, name string, value any) {
	t.Helper()
	got := h.do(t, "GET", "/v1/settings/"+name, h.admin, nil).want(t, http.StatusOK)
	h.do(t, "PATCH", "/v1/settings/"+name, h.admin, map[string]any{"value": value}, "If-Match",
		got.Header().Get("ETag")).want(t, http.StatusOK)
}

func (b *refusalTester) run(t *testing.T, o *huma.Operation, spec refusalSpec) int {
	c := spec.call(t, b.testAPI)
	cases := b.generate(t, o, spec, c)
	if spec.extra != nil {
		cases = append(cases, spec.extra(t, b.testAPI, c)...)
	}
	if b.raw.engine == "postgres" {
		tried := map[string]int{}
		cases = slices.DeleteFunc(cases, func(r refusal) bool {
			tried[r.kind]++
			most := map[string]int{"path": 12, "query": 12, "": 20}[r.kind]
			return tried[r.kind] > max(most, 2)
		})
	}
	w := b.raw.watch(t)
	for _, r := range cases {
		b.runCase(t, o, c, r, w)
	}
	w.seen = -1
	if changed := w.changed(t); changed != nil {
		t.Errorf("after all refusals: %q changed", changed)
	}
	b.checkGranted(t, o, c)
	if changed := w.changed(t); o.Method == http.MethodGet && changed != nil {
		t.Errorf("a GET changed %q", changed)
	}
	return len(cases)
}

func (c call) fill(path string) string {
	for name, value := range c.params {
		path = strings.ReplaceAll(path, "{"+name+"}", value)
	}
	return path
}

func (c call) headers() []string {
	if c.etag == "" {
		return nil
	}
	return []string{"If-Match", c.etag}
}

func (c call) content() any {
	if c.body == nil {
		return nil
	}
	return c.body
}

// runCase sends a request, checks the refusal, and checks that the database is unchanged.
func (b *refusalTester) runCase(t *testing.T, o *huma.Operation, c call, r refusal, w *changeWatch) {
	t.Helper()
	b.calls++
	b.from.Address = fmt.Sprintf("10.%d.%d.%d", b.calls>>16&255, b.calls>>8&255,
		b.calls&255) // attempts are counted by address
	method, path, token, body := o.Method, c.fill(o.Path), c.token, c.content()
	if r.method != "" {
		method = r.method
	}
	if r.path != "" {
		path = r.path
	}
	if r.token != nil {
		token = *r.token
	}
	if r.body != nil {
		body = r.body
	}
	var a answer
	if r.send != nil {
		a = b.send(t, r.send)
	} else {
		a = b.do(t, method, path, token, body, append(c.headers(), r.headers...)...)
	}
	b.checkRefusal(t, r.name, a, r.status, r.code, r.fieldErrors, r.says)
	if r.check != nil {
		r.check(t, a)
	}
	if changed := w.changed(t); changed != nil {
		t.Errorf("%s: refused, but %q changed", r.name, changed)
	}
}

func (b *refusalTester) checkRefusal(t *testing.T, name string, a answer, status int, code string, fieldErrors []string,
	says string) {
	t.Helper()
	fail := func(format string, args ...any) {
		t.Helper()
		t.Errorf("%s: %s\n%d %s", name, fmt.Sprintf(format, args...), a.Code, a.Body)
	}
	if a.Code != status || a.text("code") != code {
		fail("want %d %s", status, code)
		return
	}
	if a.Header().Get("Content-Type") != "application/problem+json" {
		fail("the media type is %q", a.Header().Get("Content-Type"))
	}
	if a.body["status"] != float64(status) || a.text("title") == "" || a.text("detail") == "" {
		fail("the status, the title or the detail is missing")
	}
	if a.text("request_id") != a.request.String() {
		fail("the request id is wrong")
	}
	if placeholder.MatchString(a.Body.String()) {
		fail("a placeholder has no value")
	}
	codes := []string{code}
	have := a.fieldErrors()
	for _, f := range have {
		codes = append(codes, f[strings.LastIndexByte(f, ' ')+1:])
	}
	for _, c := range codes {
		if _, ok := cardinal.FindCode(c); !ok {
			fail("the code %s is not in the catalogue", c)
		}
	}
	for _, f := range fieldErrors {
		if !slices.Contains(have, f) {
			fail("the error %q is missing", f)
		}
	}
	if len(slices.Compact(slices.Clone(have))) != len(have) {
		fail("an error is repeated")
	}
	if !b.checkedPages[code] {
		b.checkedPages[code] = true
		if page := b.do(t, "GET", a.text("type"), "", nil); page.Code != http.StatusOK ||
			!strings.Contains(page.Body.String(), code) {
			fail("the type %s has no page", a.text("type"))
		}
	}
	shown := a.Body.String() + fmt.Sprint(a.Header())
	if strings.Contains(strings.ToLower(shown), strings.ToLower(canary[:9])) {
		fail("the response repeats the input")
	}
	if says != "" && !strings.Contains(a.Body.String(), says) {
		fail("the response does not contain %q", says)
	}
	if status == http.StatusUnauthorized && a.Header().Get("WWW-Authenticate") == "" {
		fail("401 without WWW-Authenticate")
	}
}

// checkGranted sends the valid call: no case was refused for another reason. A call with an Idempotency-Key is
// repeated, and sent again with another body.
func (b *refusalTester) checkGranted(t *testing.T, o *huma.Operation, c call) {
	path := c.fill(o.Path)
	if o.Method == http.MethodGet {
		b.do(t, "GET", path, c.token, nil).want(t, http.StatusOK)
		b.do(t, "HEAD", path, c.token, nil).want(t, http.StatusOK)
		upper := c
		upper.params = map[string]string{}
		for name, value := range c.params {
			if upper.params[name] = value; strings.Count(value, "-") == 4 {
				upper.params[name] = strings.ToUpper(value)
			}
		}
		b.do(t, "GET", upper.fill(o.Path), c.token, nil).want(t, http.StatusOK)
		return
	}
	if !has(o, "header", "Idempotency-Key") || o.OperationID == "sign-out" {
		if a := b.do(t, o.Method, path, c.token, c.content(), c.headers()...); a.Code >= 300 {
			t.Fatalf("the call is refused: %d %s", a.Code, a.Body)
		}
		return
	}
	key := append(c.headers(), "Idempotency-Key", cardinal.NewID().String())
	first := b.do(t, o.Method, path, c.token, c.content(), key...)
	if first.Code >= 300 {
		t.Fatalf("the call is refused: %d %s", first.Code, first.Body)
	}
	w := b.raw.watch(t)
	again := b.do(t, o.Method, path, c.token, c.content(), key...)
	if again.Code != first.Code || again.Header().Get("Idempotent-Replayed") != "true" ||
		first.Header().Get("Idempotent-Replayed") != "" {
		t.Errorf("the replay: %d %v %s", again.Code, again.Header(), again.Body)
	}
	if o.OperationID != "create-api-key" && again.Body.String() != first.Body.String() {
		t.Errorf("the replay differs: %s, was %s", again.Body, first.Body)
	}
	for _, header := range []string{"ETag", "Location"} {
		if again.Header().Get(header) != first.Header().Get(header) {
			t.Errorf("the replay's %s is %q, was %q", header, again.Header().Get(header), first.Header().Get(header))
		}
	}
	if c.body != nil {
		text, _ := json.Marshal(c.body)
		a := b.do(t, o.Method, path, c.token, string(text)+" ", key...)
		b.checkRefusal(t, "the key with another body", a, http.StatusUnprocessableEntity, "idempotency_mismatch", nil,
			"")
	}
	if changed := w.changed(t); changed != nil {
		t.Errorf("replays changed %q", changed)
	}
}

var placeholder = regexp.MustCompile(`\{[a-z_]+\}`)

func has(o *huma.Operation, in, name string) bool {
	return slices.ContainsFunc(o.Parameters, func(p *huma.Param) bool { return p.In == in && p.Name == name })
}

// badIDs returns invalid forms of an id.
func badIDs(id string) map[string]string {
	return map[string]string{
		"none":             canary,
		"urn":              "urn:uuid:" + id,
		"braces":           "{" + id + "}",
		"no hyphens":       strings.ReplaceAll(id, "-", ""),
		"longer":           id + "0",
		"shorter":          id[:35],
		"trailing space":   id + " ",
		"of its length":    (canary + canary + canary + canary)[:36],
		"of a urn's":       canary[:9] + id,
		"the nil UUID":     "00000000-0000-0000-0000-000000000000",
		"the max UUID":     "ffffffff-ffff-ffff-ffff-ffffffffffff",
		"trailing newline": id + "\n",
	}
}

// generate returns the refusals that follow from the description of an operation.
func (b *refusalTester) generate(t *testing.T, o *huma.Operation, spec refusalSpec, c call) []refusal {
	var out []refusal
	out = append(out, b.callers(o, spec, c)...)
	out = append(out, b.paths(o, spec, c)...)
	out = append(out, b.queries(o, c)...)
	out = append(out, b.versions(o, c)...)
	out = append(out, b.negotiation(o, c)...)
	if o.RequestBody != nil && !takesFile(o) {
		out = append(out, b.bodies(t, o, c)...)
	}
	return out
}

func (b *refusalTester) callers(o *huma.Operation, spec refusalSpec, c call) []refusal {
	if o.Security != nil && len(o.Security) == 0 {
		return nil
	}
	var out []refusal
	for why, token := range b.invalidTokens {
		out = append(out, refusal{kind: "caller", name: why, token: &token, status: 401, code: "not_signed_in"})
	}
	for _, scheme := range []string{"Basic " + canary, canary, "Bearer", "Bearer  ", c.token} {
		out = append(out, refusal{kind: "caller", name: "scheme", headers: []string{"Authorization", scheme},
			status: 401, code: "not_signed_in"})
	}
	if !slices.Contains([]string{"sign-out", "change-my-password"}, o.OperationID) {
		out = append(out, refusal{kind: "", name: "must change the password first", token: &b.mustChangePassword,
			status: 403, code: "password_change_required"})
	}
	if spec.anyCaller {
		return out
	}
	out = append(out, refusal{name: "an API key without the permission", token: &b.keyWithoutPermission, status: 403,
		code: "permission_missing"})
	var first string
	out = append(out, refusal{name: "a user without the permission", token: &b.withoutRole, status: 403,
		code: "permission_missing", check: func(t *testing.T, a answer) {
			first = strings.ReplaceAll(a.Body.String(), a.request.String(), "")
		}})
	if len(c.params) > 0 {
		nowhere := c
		nowhere.params = maps.Clone(c.params)
		for name, value := range c.params {
			if strings.Count(value, "-") == 4 {
				nowhere.params[name] = cardinal.NewID().String()
			}
		}
		out = append(out, refusal{name: "a user without the permission, about an unknown id", token: &b.withoutRole,
			path: nowhere.fill(o.Path), status: 403, code: "permission_missing",
			check: func(t *testing.T, a answer) {
				if strings.ReplaceAll(a.Body.String(), a.request.String(), "") != first {
					t.Errorf("the response differs for an id that exists: %s and %s", first, a.Body)
				}
			}})
	}
	return out
}

func (b *refusalTester) paths(o *huma.Operation, spec refusalSpec, c call) []refusal {
	var out []refusal
	with := func(name, value string) string {
		changed := c
		changed.params = maps.Clone(c.params)
		changed.params[name] = value
		return changed.fill(o.Path)
	}
	for _, p := range o.Parameters {
		if p.In != "path" {
			continue
		}
		place := []string{p.Name + " parameter_format"}
		for why, text := range map[string]string{"NUL": "%00", "invalid UTF-8": "%FF%FE",
			"NUL after it": url.PathEscape(c.params[p.Name]) + "%00"} {
			out = append(out, refusal{kind: "path", name: p.Name + ": " + why, path: with(p.Name, text), status: 400,
				code: "validation_failed", fieldErrors: place})
		}
		if p.Schema.Format != "uuid" {
			out = append(out, refusal{kind: "path", name: p.Name + ": too long",
				path: with(p.Name, strings.Repeat(canary, 7)), status: 400, code: "validation_failed",
				fieldErrors: place},
				refusal{kind: "path", name: p.Name + ": unknown", path: with(p.Name, "zz"), status: 404,
					code: "not_found"})
			continue
		}
		for why, text := range badIDs(c.params[p.Name]) {
			out = append(out, refusal{kind: "path", name: p.Name + ": " + why, path: with(p.Name, url.PathEscape(text)),
				status: 400, code: "validation_failed", fieldErrors: place})
		}
		out = append(out, refusal{kind: "path", name: p.Name + ": unknown",
			path: with(p.Name, cardinal.NewID().String()), status: 404, code: "not_found"})
		switch {
		case p.Name == "contact_id":
			out = append(out, refusal{kind: "path", name: "the contact of another user", path: with(p.Name, b.contact),
				status: 404, code: "not_found"})
		case p.Name == "session_id":
			out = append(out, refusal{kind: "path", name: "the session of another user", path: with(p.Name, b.session),
				status: 404, code: "not_found"})
		}
	}
	return out
}

func (b *refusalTester) queries(o *huma.Operation, c call) []refusal {
	path := c.fill(o.Path) + "?"
	var out []refusal
	bad := func(name, query string, fieldErrors ...string) {
		out = append(out, refusal{kind: "query", name: "query: " + name, path: path + query, status: 400,
			code: "validation_failed", fieldErrors: fieldErrors})
	}
	bad("unknown", "zzqx="+canary, "zzqx parameter_unknown")
	bad("unknown, odd", "z%0Az="+canary, "* parameter_unknown")
	bad("badly encoded", "%zz="+canary, "query parameter_format")
	bad("two unknown", "zzqx=1&zzqy=2", "zzqx parameter_unknown", "zzqy parameter_unknown")
	for _, p := range o.Parameters {
		if p.In != "query" {
			continue
		}
		name := url.QueryEscape(p.Name)
		out = append(out, refusal{kind: "query", name: "query: nearly " + p.Name, path: path + name + "x=1",
			status: 400, code: "validation_failed",
			fieldErrors: []string{p.Name + "x parameter_unknown"}, says: "Did you mean " + p.Name + "?"})
		place := p.Name + " parameter_format"
		bad(p.Name+" NUL", name+"=a%00"+canary, place)
		bad(p.Name+" invalid UTF-8", name+"=%ff"+canary, place)
		if p.Explode == nil || !*p.Explode {
			bad(p.Name+" given twice", name+"="+canary+"&"+name+"="+canary, p.Name+" parameter_repeated")
		}
		var values []string
		switch {
		case p.Schema.Type == "integer":
			values = []string{"0", "201", "-1", "1.5", "99999999999999999999", "0x10", canary}
		case p.Schema.Type == "boolean":
			values = []string{"yes", "2", canary}
		case p.Schema.Format == "uuid":
			for _, text := range badIDs(cardinal.NewID().String()) {
				values = append(values, text)
			}
		case p.Schema.Format == "date-time":
			values = []string{"2026-01-01", "2026-13-01T00:00:00Z", "2026-01-01T00:00:00", "1", canary}
		case len(p.Schema.Enum) > 0:
			values = []string{canary, fmt.Sprint(p.Schema.Enum[0]) + "x"}
		case p.Schema.MaxLength != nil:
			values = []string{strings.Repeat(canary, *p.Schema.MaxLength/len(canary)+1)}
		}
		for _, value := range values {
			bad(p.Name+"="+value, name+"="+url.QueryEscape(value), place)
		}
		if p.Name == "after" {
			scope := c.fill(o.Path) + "?"
			good := b.Cursor(scope, cardinal.NewID())
			for why, text := range map[string]string{"of nothing": canary, "changed": flip(good),
				"cut": good[:len(good)-2], "of another list": b.Cursor("/v1/elsewhere?", cardinal.NewID()),
				"of other filters": b.Cursor(scope+"zz=1", cardinal.NewID()), "padded": good + "="} {
				bad("cursor "+why, "after="+url.QueryEscape(text), "after cursor_invalid")
			}
		}
	}
	return out
}

// flip changes the first character of a cursor.
func flip(cursor string) string {
	if cursor[0] == 'A' {
		return "B" + cursor[1:]
	}
	return "A" + cursor[1:]
}

func (b *refusalTester) versions(o *huma.Operation, c call) []refusal {
	var out []refusal
	if has(o, "header", "If-Match") {
		out = append(out, refusal{name: "no version", headers: []string{"If-Match", ""}, status: 428,
			code: "version_required"})
		for _, text := range []string{"7", `W/` + c.etag, c.etag + "x", `"` + canary + `"`, "*", c.etag + ", " + c.etag,
			`"-1"`, `"01"`, `"99999999999999999999"`, `""`, canary, `"1`, `"+1"`, `"0x1"`} {
			out = append(out, refusal{kind: "version", name: "If-Match: " + text, headers: []string{"If-Match", text},
				status: 400, code: "validation_failed", fieldErrors: []string{"If-Match version_format"}})
		}
		out = append(out, refusal{name: "stale", headers: []string{"If-Match", `"999"`}, status: 412,
			code: "version_stale", check: func(t *testing.T, a answer) {
				if a.Header().Get("ETag") != c.etag {
					t.Errorf("412 with the ETag %s, want %s", a.Header().Get("ETag"), c.etag)
				}
			}})
	}
	if has(o, "header", "Idempotency-Key") {
		for why, key := range map[string]string{"too long": strings.Repeat("k", 246) + canary,
			"with a space": canary + " " + canary + canary, "not ASCII": canary + canary + canary + "é",
			"with a tab": canary + canary + "\t" + canary} {
			out = append(out, refusal{kind: "key", name: "Idempotency-Key " + why,
				headers: []string{"Idempotency-Key", key}, status: 400, code: "validation_failed",
				fieldErrors: []string{"Idempotency-Key idempotency_key_format"}})
		}
		if o.Security != nil && len(o.Security) == 0 {
			out = append(out, refusal{name: "the short key of an anonymous caller",
				headers: []string{"Idempotency-Key", "k1"}, status: 400, code: "validation_failed",
				fieldErrors: []string{"Idempotency-Key idempotency_key_format"}})
		}
	}
	return out
}

// failing is a body that does not arrive.
type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("time-out") }

// takesFile reports whether the body of an operation is a file. TestUploads has the refusals of files.
func takesFile(o *huma.Operation) bool {
	return o.RequestBody != nil && o.RequestBody.Content["application/json"].Schema.Format == "binary"
}

func (b *refusalTester) negotiation(o *huma.Operation, c call) []refusal {
	var out []refusal
	for _, accept := range []string{"text/html", "application/json;q=0", "application/json;q=0.0, text/*",
		"image/png, */*;q=0", canary, "application/json;q=0, */*"} {
		if ok := o.Responses["200"]; ok != nil && ok.Content["application/x-ndjson"] != nil {
			break // the response is a file; TestUploads has its refusals
		}
		out = append(out, refusal{kind: "accept", name: "Accept: " + accept, headers: []string{"Accept", accept},
			status: 406, code: "not_acceptable"})
	}
	if o.RequestBody == nil {
		for _, body := range []string{"{}", canary, " "} {
			out = append(out, refusal{kind: "unexpected", name: "a body", body: body, status: 400,
				code: "body_unexpected"})
		}
		return out
	}
	for _, kind := range []string{"", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data",
		"application/xml", canary, "application/jsonx"} {
		out = append(out, refusal{kind: "media", name: "Content-Type: " + kind, headers: []string{"Content-Type", kind},
			status: 415, code: "media_type"})
	}
	if takesFile(o) {
		return out
	}
	slow := httptest.NewRequest(o.Method, "/", failing{})
	slow.URL, _ = slow.URL.Parse(c.fill(o.Path))
	slow.Header.Set("Content-Type", "application/json")
	slow.Header.Set("Authorization", "Bearer "+c.token)
	return append(out, refusal{kind: "slow", name: "a body that stops", send: slow, status: 408,
		code: "body_incomplete"})
}
