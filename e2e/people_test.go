package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cardinal"
	"cardinal/internal/seed"
)

const (
	people  = 1000
	secret  = "seven lanterns by the river"
	secret2 = "nine kites over the harbour"

	anonymous = "00000000-0000-7000-8000-000000000003"
	system    = "00000000-0000-7000-8000-000000000002"
	operator  = "00000000-0000-7000-8000-000000000001"
)

// expected is an audit event that is written down before the call that makes it.
type expected struct {
	action  string
	actor   string // "self" for the person whom it is about
	refused bool
}

// walk is one person's way through the service.
type walk struct {
	*run
	i        int
	who      cardinal.NewUser
	id       string
	token    string
	version  string // ETag of the user
	events   []expected
	attempts int // strangers' refused attempts on this person, counted by the minute
	expires  int // grants that will end by themselves
	mine     []expected
}

// run is one run of the script over one service.
type run struct {
	*service
	admin, adminID string
	reader         string // id of a role with users.read
}

// TestPeople drives a thousand people in many scripts through the service and holds the audit log against what was written
// down before each call: none missing, none extra, none out of order for a user.
func TestPeople(t *testing.T) {
	for _, engine := range engines {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			r := &run{service: start(t, engine)}
			r.setUp()
			walks := make([]*walk, people)
			work := make(chan *walk)
			var wait sync.WaitGroup
			for range 8 {
				wait.Go(func() {
					for w := range work {
						w.goThrough()
					}
				})
			}
			for i := range walks {
				walks[i] = &walk{run: r, i: i, who: seed.Person(42, i)}
				work <- walks[i]
			}
			close(work)
			wait.Wait()
			if t.Failed() {
				t.Fatalf("the script failed; the service said:\n%s", r.output())
			}
			r.compare(walks)
		})
	}
}

// setUpEvents are those about the service itself, by who acted, in order.
var setUpEvents = []expected{
	{action: "setting.update"}, {action: "setting.update"}, {action: "setting.update"}, {action: "role.create"},
}

// setUp makes the administrator and opens the doors.
func (r *run) setUp() {
	r.t.Helper()
	got := r.must(http.StatusCreated, "POST", "/v1/set-up", "", map[string]any{"token": r.link, "email": "admin@example.com", "password": secret, "display_name": "Admin"})
	r.admin, r.adminID = got.str("token"), got.str("session", "user_id")
	r.must(http.StatusUnauthorized, "POST", "/v1/set-up", "", map[string]any{"token": r.link, "email": "second@example.com", "password": secret})
	for name, value := range map[string]any{"sign_up.mode": "open", "sign_in.failures_per_address": 1_000_000, "sign_in.failures_per_identifier": 5} {
		r.must(http.StatusOK, "PATCH", "/v1/settings/"+name, r.admin, map[string]any{"value": value}, "If-Match", `"1"`)
	}
	role := r.must(http.StatusCreated, "POST", "/v1/roles", r.admin, map[string]any{"name": "reader", "description": "Sees people.", "permissions": []string{"users.read"}})
	r.reader = role.str("id")
}

// must sends a request and fails the test on another status.
func (r *run) must(status int, method, path, token string, body any, headers ...string) reply {
	r.t.Helper()
	got, err := r.send(method, path, token, body, headers...)
	if err != nil {
		r.t.Errorf("%s %s: %v", method, path, err)
	} else if got.status != status {
		r.t.Errorf("%s %s: status %d, want %d: %s", method, path, got.status, status, got.text)
		if got.status >= http.StatusInternalServerError {
			r.t.Logf("the service said at last:\n%s", r.lastWords())
		}
	}
	return got
}

// expect writes an event down before the call that makes it.
func (w *walk) expect(action, actor string) {
	w.events = append(w.events, expected{action: action, actor: actor})
}

func (w *walk) password() bool { return w.i%5 < 2 }

// goThrough is the way of one person; what they do depends on their number, so that every way is gone by many.
func (w *walk) goThrough() {
	switch {
	case w.i%5 == 0:
		w.signUp()
	default:
		w.create()
	}
	if w.id == "" {
		return
	}
	if w.password() {
		w.useSession()
	}
	w.changes()
	if w.i%3 == 0 {
		w.roles()
	}
	if w.i%4 == 0 {
		w.suspendAndRestore()
	}
}

func (w *walk) signUp() {
	w.expect("user.sign_up", anonymous)
	body := map[string]any{"email": w.who.Email, "password": secret, "display_name": w.who.DisplayName}
	key := fmt.Sprintf("sign-up-of-person-number-%06d", w.i)
	got := w.must(http.StatusCreated, "POST", "/v1/sign-up", "", body, "Idempotency-Key", key)
	w.id = got.str("id")
	if again := w.must(http.StatusCreated, "POST", "/v1/sign-up", "", body, "Idempotency-Key", key); again.str("id") != w.id || again.header.Get("Idempotent-Replayed") != "true" {
		w.t.Errorf("person %d: a replayed sign-up made another account", w.i)
	}
	w.must(http.StatusConflict, "POST", "/v1/sign-up", "", body)
	w.attempts++ // pending: right password, but no way in yet
	w.must(http.StatusForbidden, "POST", "/v1/sign-in", "", map[string]any{"identifier": w.who.Email, "password": secret})
	contacts := w.must(http.StatusOK, "GET", "/v1/users/"+w.id+"/contacts", w.admin, nil).data()
	if len(contacts) != 1 {
		w.t.Errorf("person %d: %d contacts after signing up", w.i, len(contacts))
		return
	}
	w.expect("contact.update", w.adminID)
	w.must(http.StatusOK, "PATCH", "/v1/users/"+w.id+"/contacts/"+fmt.Sprint(contacts[0]["id"]), w.admin, map[string]any{"verified": true}, "If-Match", `"1"`)
}

func (w *walk) create() {
	body := map[string]any{"email": w.who.Email, "email_verified": true, "display_name": w.who.DisplayName, "locale": w.who.Locale, "time_zone": w.who.TimeZone, "country": w.who.Country}
	if w.who.Username != "" {
		body["username"] = w.who.Username
	}
	if w.who.Phone != "" {
		body["phone"] = w.who.Phone
	}
	if w.password() {
		body["password"] = secret
	}
	w.expect("user.create", w.adminID)
	key := fmt.Sprintf("create-%d", w.i)
	got := w.must(http.StatusCreated, "POST", "/v1/users", w.admin, body, "Idempotency-Key", key)
	w.id = got.str("id")
	if w.i%10 == 1 {
		if again := w.must(http.StatusCreated, "POST", "/v1/users", w.admin, body, "Idempotency-Key", key); again.str("id") != w.id {
			w.t.Errorf("person %d: a replayed request made another user", w.i)
		}
		body["display_name"] = "Somebody else"
		w.must(http.StatusUnprocessableEntity, "POST", "/v1/users", w.admin, body, "Idempotency-Key", key)
	}
	found := w.must(http.StatusOK, "GET", "/v1/users?expand=profile&email="+urlQuery(strings.ToUpper(w.who.Email)), w.admin, nil).data()
	if len(found) != 1 || found[0]["id"] != w.id {
		w.t.Errorf("person %d is not found by the address in capitals", w.i)
	} else if profile := found[0]["profile"].(map[string]any); profile["display_name"] == nil {
		w.t.Errorf("person %d lost the name", w.i)
	}
}

func (w *walk) signIn(identifier string) string {
	w.expect("session.create", "self")
	return w.must(http.StatusCreated, "POST", "/v1/sign-in", "", map[string]any{"identifier": identifier, "password": secret}).str("token")
}

func (w *walk) useSession() {
	if w.i%50 < 2 {
		w.attempts++
		w.must(http.StatusUnauthorized, "POST", "/v1/sign-in", "", map[string]any{"identifier": w.who.Email, "password": "not this one, surely"})
	}
	w.token = w.signIn(w.who.Email)
	w.must(http.StatusOK, "GET", "/v1/session", w.token, nil)
	w.mine = append(w.mine, expected{action: "user.create", actor: "self", refused: true})
	w.must(http.StatusForbidden, "POST", "/v1/users", w.token, map[string]any{"email": "nobody@example.com"})
	w.must(http.StatusForbidden, "GET", "/v1/users", w.token, nil)
	w.must(http.StatusForbidden, "GET", "/v1/users/"+w.adminID, w.token, nil)

	profile := w.must(http.StatusOK, "GET", "/v1/me/profile", w.token, nil)
	w.expect("profile.update", "self")
	w.must(http.StatusOK, "PATCH", "/v1/me/profile", w.token, map[string]any{"display_name": w.who.DisplayName + " Jr", "preferences": map[string]any{"theme": "dark"}}, "If-Match", profile.header.Get("ETag"))
	w.must(http.StatusPreconditionFailed, "PATCH", "/v1/me/profile", w.token, map[string]any{"display_name": "Stale"}, "If-Match", profile.header.Get("ETag"))
	w.must(http.StatusPreconditionRequired, "PATCH", "/v1/me/profile", w.token, map[string]any{"display_name": "Unversioned"})

	if w.i%25 == 1 {
		other := w.signIn(w.who.Email)
		w.expect("session.end_all", "self")
		w.must(http.StatusNoContent, "DELETE", "/v1/me/sessions", w.token, nil)
		w.must(http.StatusUnauthorized, "GET", "/v1/session", other, nil)
		w.must(http.StatusOK, "GET", "/v1/session", w.token, nil)
	}
	if w.i%25 == 6 {
		w.expect("password.change", "self")
		w.must(http.StatusOK, "PUT", "/v1/me/password", w.token, map[string]any{"current_password": secret, "new_password": secret2})
		w.attempts++
		w.must(http.StatusUnauthorized, "POST", "/v1/sign-in", "", map[string]any{"identifier": w.who.Email, "password": secret})
	}
	if w.i%7 == 0 {
		w.expect("session.end", "self")
		w.must(http.StatusNoContent, "POST", "/v1/sign-out", w.token, nil)
		w.must(http.StatusUnauthorized, "GET", "/v1/session", w.token, nil)
		w.token = ""
	}
}

// changes are an administrator's to contacts and profile.
func (w *walk) changes() {
	if w.i%2 == 0 {
		w.expect("contact.add", w.adminID)
		added := w.must(http.StatusCreated, "POST", "/v1/users/"+w.id+"/contacts", w.admin, map[string]any{"kind": "email", "value": fmt.Sprintf("second.%d@Example.NET", w.i), "verified": true})
		path := "/v1/users/" + w.id + "/contacts/" + added.str("id")
		w.expect("contact.update", w.adminID)
		primary := w.must(http.StatusOK, "PATCH", path, w.admin, map[string]any{"is_primary": true}, "If-Match", added.header.Get("ETag"))
		w.must(http.StatusPreconditionFailed, "DELETE", path, w.admin, nil, "If-Match", added.header.Get("ETag"))
		w.expect("contact.remove", w.adminID)
		w.must(http.StatusNoContent, "DELETE", path, w.admin, nil, "If-Match", primary.header.Get("ETag"))
	}
	user := w.must(http.StatusOK, "GET", "/v1/users/"+w.id, w.admin, nil)
	w.expect("user.update", w.adminID)
	changed := w.must(http.StatusOK, "PATCH", "/v1/users/"+w.id, w.admin, map[string]any{"profile": map[string]any{"time_zone": "Pacific/Auckland", "locale": "mi"}}, "If-Match", user.header.Get("ETag"))
	w.version = changed.header.Get("ETag")
}

func (w *walk) roles() {
	grant := map[string]any{"role_id": w.reader}
	if w.i%6 == 0 {
		grant["expires_at"] = time.Now().Add(3 * time.Second).UTC().Format(time.RFC3339Nano)
		w.expires++
	}
	w.expect("role.grant", w.adminID)
	w.must(http.StatusOK, "POST", "/v1/users/"+w.id+"/roles", w.admin, grant)
	question := map[string]any{"user_id": w.id, "permission": "users.read"}
	if got := w.must(http.StatusOK, "POST", "/v1/access/check", w.admin, question); got.field("allowed") != true {
		w.t.Errorf("person %d: the granted role gives nothing: %s", w.i, got.text)
	}
	explained := w.must(http.StatusOK, "POST", "/v1/access/explain", w.admin, question)
	if grants, _ := explained.body["grants"].([]any); len(grants) != 1 || grants[0].(map[string]any)["role_name"] != "reader" || grants[0].(map[string]any)["granted_by"] != w.adminID {
		w.t.Errorf("person %d: the explanation names another grant: %s", w.i, explained.text)
	}
	if w.i%6 == 3 {
		w.expect("role.revoke", w.adminID)
		w.must(http.StatusNoContent, "DELETE", "/v1/users/"+w.id+"/roles/"+w.reader, w.admin, nil)
		if got := w.must(http.StatusOK, "POST", "/v1/access/check", w.admin, question); got.field("allowed") != false {
			w.t.Errorf("person %d: the revoked role still gives", w.i)
		}
	}
}

func (w *walk) suspendAndRestore() {
	move := func(action, status string) {
		w.expect("user."+action, w.adminID)
		var got reply
		if action == "delete" {
			w.must(http.StatusNoContent, "DELETE", "/v1/users/"+w.id, w.admin, nil, "If-Match", w.version)
			got = w.must(http.StatusOK, "GET", "/v1/users/"+w.id, w.admin, nil)
		} else {
			got = w.must(http.StatusOK, "POST", "/v1/users/"+w.id+"/"+action, w.admin, nil, "If-Match", w.version)
			w.must(http.StatusPreconditionFailed, "POST", "/v1/users/"+w.id+"/"+action, w.admin, nil, "If-Match", w.version)
		}
		w.version = got.header.Get("ETag")
		if got.str("status") != status {
			w.t.Errorf("person %d is %q after %s", w.i, got.str("status"), action)
		}
	}
	move("suspend", "suspended")
	if w.token != "" {
		w.must(http.StatusUnauthorized, "GET", "/v1/session", w.token, nil)
	}
	move("delete", "deleted")
	w.must(http.StatusConflict, "POST", "/v1/users", w.admin, map[string]any{"email": w.who.Email}) // the address stays reserved
	move("restore", "suspended")
	move("reactivate", "active")
	w.version = w.must(http.StatusOK, "GET", "/v1/users/"+w.id, w.admin, nil).header.Get("ETag")
}

// compare holds the whole audit log against what was written down.
func (r *run) compare(walks []*walk) {
	r.t.Helper()
	wantExpired, wantAttempts := 0, 0
	for _, w := range walks {
		wantExpired += w.expires
		wantAttempts += w.attempts
	}
	// Expired grants and strangers' attempts are written by scheduled work: by the half-minute, and once their minute is over.
	var bySubject map[string][]map[string]any
	for deadline := time.Now().Add(150 * time.Second); ; time.Sleep(time.Second) {
		expired, attempts := 0, 0
		bySubject = r.readAudit()
		for _, events := range bySubject {
			for _, e := range events {
				if e["action"] == "role.expire" {
					expired++
				}
				if e["actor_id"] == anonymous && e["is_refused"] == true && e["subject_id"] != anonymous {
					attempts += int(e["attempts"].(float64))
				}
			}
		}
		if expired >= wantExpired && attempts >= wantAttempts {
			break
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("scheduled work wrote %d of %d expired grants and %d of %d attempts", expired, wantExpired, attempts, wantAttempts)
		}
	}
	for _, w := range walks {
		var got []expected
		attempts, expired := 0, 0
		for _, e := range bySubject[w.id] {
			refused := e["is_refused"] == true
			switch {
			case e["actor_id"] == anonymous && refused:
				attempts += int(e["attempts"].(float64))
			case e["action"] == "role.expire" && e["actor_id"] == system:
				expired++
			default:
				got = append(got, expected{e["action"].(string), e["actor_id"].(string), refused})
			}
		}
		want := slices.Clone(w.events)
		for i := range want {
			if want[i].actor == "self" {
				want[i].actor = w.id
			}
		}
		if !slices.Equal(got, want) || attempts != w.attempts || expired != w.expires {
			r.t.Errorf("person %d:\n got %v, %d attempts, %d expired\nwant %v, %d attempts, %d expired", w.i, got, attempts, expired, want, w.attempts, w.expires)
		}
		delete(bySubject, w.id)
	}
	r.compareRest(walks, bySubject)
}

// compareRest holds the events that are about nobody of the thousand: the administrator's own, the service's, strangers'.
func (r *run) compareRest(walks []*walk, bySubject map[string][]map[string]any) {
	byActor := map[string][]expected{}
	for _, e := range bySubject[system] {
		actor := e["actor_id"].(string)
		byActor[actor] = append(byActor[actor], expected{action: e["action"].(string), refused: e["is_refused"] == true})
	}
	want := map[string][]expected{r.adminID: setUpEvents, operator: {{action: "setup_link.create"}}}
	for _, w := range walks {
		for _, e := range w.mine {
			want[w.id] = append(want[w.id], expected{action: e.action, refused: e.refused})
		}
	}
	for actor, events := range byActor {
		if !slices.Equal(events, want[actor]) {
			r.t.Errorf("about the service, by %s: got %v, want %v", actor, events, want[actor])
		}
		delete(want, actor)
	}
	for actor, events := range want {
		r.t.Errorf("about the service, by %s: nothing, want %v", actor, events)
	}
	var about []expected
	for _, e := range bySubject[r.adminID] {
		about = append(about, expected{action: e["action"].(string), actor: e["actor_id"].(string)})
	}
	if wantAdmin := []expected{{action: "user.create", actor: operator}, {action: "session.create", actor: r.adminID}}; !slices.Equal(about, wantAdmin) {
		r.t.Errorf("about the administrator: got %v, want %v", about, wantAdmin)
	}
	for _, e := range bySubject[anonymous] {
		if e["action"] != "setup_link.use" || e["is_refused"] != true {
			r.t.Errorf("about nobody: %v", e)
		}
	}
	for _, known := range []string{system, anonymous, r.adminID} {
		delete(bySubject, known)
	}
	for subject, events := range bySubject {
		r.t.Errorf("events about %s, whom nobody made: %v", subject, events)
	}
}

// readAudit reads the whole log, oldest first, by subject.
func (r *run) readAudit() map[string][]map[string]any {
	out := map[string][]map[string]any{}
	last := ""
	for path := "/v1/audit?limit=200&sort=created_at"; path != ""; {
		page := r.must(http.StatusOK, "GET", path, r.admin, nil)
		for _, e := range page.data() {
			if id := e["id"].(string); id <= last {
				r.t.Fatalf("the audit log is out of order: %s after %s", id, last)
			} else {
				last = id
			}
			subject := e["subject_id"].(string)
			out[subject] = append(out[subject], e)
		}
		path = page.str("next")
	}
	return out
}

func urlQuery(s string) string {
	return strings.NewReplacer("%", "%25", "+", "%2B", "&", "%26", "#", "%23", " ", "%20").Replace(s)
}
