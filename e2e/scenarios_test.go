package e2e

import (
	"fmt"
	"maps"
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
	userCount   = 1000
	password    = "seven lanterns by the river"
	newPassword = "nine kites over the harbour"

	anonymousID = "00000000-0000-7000-8000-000000000003"
	systemID    = "00000000-0000-7000-8000-000000000002"
	operatorID  = "00000000-0000-7000-8000-000000000001"
)

// wantEvent is an expected audit event. It is recorded before the request that causes it.
type wantEvent struct {
	action  string
	actor   string // "self" for the user that the event is about
	refused bool
}

// scenario is the sequence of requests for one user.
type scenario struct {
	*harness
	i         int
	user      cardinal.NewUser
	id        string
	token     string
	version   string // ETag of the user
	events    []wantEvent
	attempts  int // denied attempts of anonymous callers on this user, which are counted per minute
	expires   int // grants that expire
	ownEvents []wantEvent
}

// harness is a service that is set up, with its administrator.
type harness struct {
	*service
	admin, adminID string
	reader         string // id of a role with users.read
}

// TestUserScenarios runs a scenario for each of a thousand users with names in many scripts, and compares the audit log
// with the expected events: no event is missing, none is unexpected, and those of a user are in order.
func TestUserScenarios(t *testing.T) {
	for _, engine := range engines {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			r := &harness{service: start(t, engine)}
			r.setUp()
			scenarios := make([]*scenario, userCount)
			work := make(chan *scenario)
			var wait sync.WaitGroup
			for range 8 {
				wait.Go(func() {
					for s := range work {
						s.perform()
					}
				})
			}
			for i := range scenarios {
				scenarios[i] = &scenario{harness: r, i: i, user: seed.Person(42, i)}
				work <- scenarios[i]
			}
			close(work)
			wait.Wait()
			if t.Failed() {
				t.Fatalf("the scenarios failed; output of the service:\n%s", r.output())
			}
			r.compareAudit(scenarios)
		})
	}
}

func (r *harness) setSetting(name string, value any) {
	r.t.Helper()
	version := r.must(http.StatusOK, "GET", "/v1/settings/"+name, r.admin, nil).header.Get("ETag")
	r.must(http.StatusOK, "PATCH", "/v1/settings/"+name, r.admin, fields{"value": value}, "If-Match", version)
}

// setUpEvents are the expected events of setUp about the service, in order.
var setUpEvents = []wantEvent{
	{action: "setting.update"}, {action: "setting.update"}, {action: "setting.update"}, {action: "role.create"},
}

// setUp creates the administrator and a role, opens sign-up and sets the limits of the throttle.
func (r *harness) setUp() {
	r.t.Helper()
	got := r.must(http.StatusCreated, "POST", "/v1/set-up", "",
		fields{"token": r.setupToken, "email": "admin@example.com", "password": password, "display_name": "Admin"})
	r.admin, r.adminID = got.str("token"), got.str("session", "user_id")
	r.must(http.StatusUnauthorized, "POST", "/v1/set-up", "",
		fields{"token": r.setupToken, "email": "second@example.com", "password": password})
	for name, value := range map[string]any{
		"sign_up.mode": "open", "sign_in.failures_per_address": 1_000_000,
		"sign_in.failures_per_identifier": 1000, // an attempt that a kill cuts off counts as failed
	} {
		r.setSetting(name, value)
	}
	role := r.must(http.StatusCreated, "POST", "/v1/roles", r.admin,
		fields{"name": "reader", "description": "Reads users.", "permissions": []string{"users.read"}})
	r.reader = role.str("id")
}

// must sends a request and reports an error if the response has another status.
func (r *harness) must(status int, method, path, token string, body any, headers ...string) reply {
	r.t.Helper()
	got, err := r.send(method, path, token, body, headers...)
	if err != nil {
		r.t.Errorf("%s %s: %v", method, path, err)
	} else if got.status != status {
		r.t.Errorf("%s %s: status %d, want %d: %s", method, path, got.status, status, got.text)
		if got.status >= http.StatusInternalServerError {
			r.t.Logf("last output of the service:\n%s", r.logTail())
		}
	}
	return got
}

// expect records an event before the request that causes it.
func (s *scenario) expect(action, actor string) {
	s.events = append(s.events, wantEvent{action: action, actor: actor})
}

func (s *scenario) hasPassword() bool { return s.i%5 < 2 }

// perform runs the scenario. The steps depend on the number of the user, so that many users take each path.
func (s *scenario) perform() {
	switch {
	case s.i%5 == 0:
		s.signUp()
	default:
		s.create()
	}
	if s.id == "" {
		return
	}
	if s.hasPassword() {
		s.useSession()
	}
	s.changeContactsAndProfile()
	if s.i%3 == 0 {
		s.grantAndRevokeRole()
	}
	if s.i%4 == 0 {
		s.suspendAndRestore()
	}
}

func (s *scenario) signUp() {
	s.expect("user.sign_up", anonymousID)
	body := fields{"email": s.user.Email, "password": password, "display_name": s.user.DisplayName}
	key := fmt.Sprintf("sign-up-of-person-number-%06d", s.i)
	got := s.must(http.StatusCreated, "POST", "/v1/sign-up", "", body, "Idempotency-Key", key)
	s.id = got.str("id")
	again := s.must(http.StatusCreated, "POST", "/v1/sign-up", "", body, "Idempotency-Key", key)
	if again.str("id") != s.id || again.header.Get("Idempotent-Replayed") != "true" {
		s.t.Errorf("user %d: a repeated sign-up created another account", s.i)
	}
	contacts := s.must(http.StatusOK, "GET", "/v1/users/"+s.id+"/contacts", s.admin, nil).data()
	if len(contacts) != 1 {
		s.t.Errorf("user %d: %d contacts after sign-up", s.i, len(contacts))
		return
	}
	s.expect("contact.update", s.adminID)
	s.must(http.StatusOK, "PATCH", "/v1/users/"+s.id+"/contacts/"+fmt.Sprint(contacts[0]["id"]), s.admin,
		fields{"verified": true, "password_confirmed": true}, "If-Match", `"1"`)
}

func (s *scenario) create() {
	body := fields{"email": s.user.Email, "email_verified": true, "display_name": s.user.DisplayName,
		"locale": s.user.Locale, "time_zone": s.user.TimeZone, "country": s.user.Country}
	if s.user.Username != "" {
		body["username"] = s.user.Username
	}
	if s.user.Phone != "" {
		body["phone"] = s.user.Phone
	}
	if s.hasPassword() {
		body["password"], body["chosen_by_user"] = password, true
	}
	s.expect("user.create", s.adminID)
	key := fmt.Sprintf("create-%d", s.i)
	got := s.must(http.StatusCreated, "POST", "/v1/users", s.admin, body, "Idempotency-Key", key)
	s.id = got.str("id")
	if s.i%10 == 1 {
		again := s.must(http.StatusCreated, "POST", "/v1/users", s.admin, body, "Idempotency-Key", key)
		if again.str("id") != s.id {
			s.t.Errorf("user %d: a repeated request created another user", s.i)
		}
		body["display_name"] = "Another name"
		s.must(http.StatusUnprocessableEntity, "POST", "/v1/users", s.admin, body, "Idempotency-Key", key)
	}
	query := "/v1/users?expand=profile&email=" + urlQuery(strings.ToUpper(s.user.Email))
	found := s.must(http.StatusOK, "GET", query, s.admin, nil).data()
	if len(found) != 1 || found[0]["id"] != s.id {
		s.t.Errorf("user %d is not found by the address in capital letters", s.i)
	} else if profile := found[0]["profile"].(map[string]any); profile["display_name"] == nil {
		s.t.Errorf("user %d has no name", s.i)
	}
}

func (s *scenario) signIn(identifier string) string {
	s.expect("session.create", "self")
	body := fields{"identifier": identifier, "password": password}
	return s.must(http.StatusCreated, "POST", "/v1/sign-in", "", body).str("token")
}

func (s *scenario) useSession() {
	if s.i%50 < 2 {
		s.attempts++
		s.must(http.StatusUnauthorized, "POST", "/v1/sign-in", "",
			fields{"identifier": s.user.Email, "password": "not this one, surely"})
	}
	s.token = s.signIn(s.user.Email)
	s.must(http.StatusOK, "GET", "/v1/session", s.token, nil)
	s.ownEvents = append(s.ownEvents, wantEvent{action: "user.create", actor: "self", refused: true},
		wantEvent{action: "user.read", actor: "self", refused: true})
	s.must(http.StatusForbidden, "POST", "/v1/users", s.token, fields{"email": "refused@example.com"})
	s.must(http.StatusForbidden, "GET", "/v1/users", s.token, nil)
	s.must(http.StatusForbidden, "GET", "/v1/users/"+s.adminID, s.token, nil)

	profile := s.must(http.StatusOK, "GET", "/v1/me/profile", s.token, nil)
	s.expect("profile.update", "self")
	s.must(http.StatusOK, "PATCH", "/v1/me/profile", s.token, fields{"display_name": s.user.DisplayName + " Jr",
		"preferences": fields{"theme": "dark"}}, "If-Match", profile.header.Get("ETag"))
	s.must(http.StatusPreconditionFailed, "PATCH", "/v1/me/profile", s.token, fields{"display_name": "Stale"},
		"If-Match", profile.header.Get("ETag"))
	s.must(http.StatusPreconditionRequired, "PATCH", "/v1/me/profile", s.token, fields{"display_name": "Unversioned"})

	if s.i%25 == 1 {
		other := s.signIn(s.user.Email)
		s.expect("session.end_all", "self")
		s.must(http.StatusNoContent, "DELETE", "/v1/me/sessions", s.token, nil)
		s.must(http.StatusUnauthorized, "GET", "/v1/session", other, nil)
		s.must(http.StatusOK, "GET", "/v1/session", s.token, nil)
	}
	if s.i%25 == 6 {
		s.expect("password.change", "self")
		s.must(http.StatusOK, "PUT", "/v1/me/password", s.token,
			fields{"current_password": password, "new_password": newPassword})
		s.attempts++
		s.must(http.StatusUnauthorized, "POST", "/v1/sign-in", "",
			fields{"identifier": s.user.Email, "password": password})
	}
	if s.i%7 == 0 {
		s.expect("session.end", "self")
		s.must(http.StatusNoContent, "POST", "/v1/sign-out", s.token, nil)
		s.must(http.StatusUnauthorized, "GET", "/v1/session", s.token, nil)
		s.token = ""
	}
}

// changeContactsAndProfile changes contacts and profile as the administrator.
func (s *scenario) changeContactsAndProfile() {
	if s.i%2 == 0 {
		s.expect("contact.add", s.adminID)
		added := s.must(http.StatusCreated, "POST", "/v1/users/"+s.id+"/contacts", s.admin,
			fields{"kind": "email", "value": fmt.Sprintf("second.%d@Example.NET", s.i), "verified": true})
		path := "/v1/users/" + s.id + "/contacts/" + added.str("id")
		s.expect("contact.update", s.adminID)
		primary := s.must(http.StatusOK, "PATCH", path, s.admin, fields{"is_primary": true}, "If-Match",
			added.header.Get("ETag"))
		s.must(http.StatusPreconditionFailed, "DELETE", path, s.admin, nil, "If-Match", added.header.Get("ETag"))
		s.expect("contact.remove", s.adminID)
		s.must(http.StatusNoContent, "DELETE", path, s.admin, nil, "If-Match", primary.header.Get("ETag"))
	}
	user := s.must(http.StatusOK, "GET", "/v1/users/"+s.id, s.admin, nil)
	s.expect("user.update", s.adminID)
	changed := s.must(http.StatusOK, "PATCH", "/v1/users/"+s.id, s.admin,
		fields{"profile": fields{"time_zone": "Pacific/Auckland", "locale": "mi"}}, "If-Match", user.header.Get("ETag"))
	s.version = changed.header.Get("ETag")
}

func (s *scenario) grantAndRevokeRole() {
	grant := fields{"role_id": s.reader}
	if s.i%6 == 0 {
		grant["expires_at"] = time.Now().Add(3 * time.Second).UTC().Format(time.RFC3339Nano)
		s.expires++
	}
	s.expect("role.grant", s.adminID)
	s.must(http.StatusOK, "POST", "/v1/users/"+s.id+"/roles", s.admin, grant)
	question := fields{"user_id": s.id, "permission": "users.read"}
	if got := s.must(http.StatusOK, "POST", "/v1/access/check", s.admin, question); got.field("allowed") != true {
		s.t.Errorf("user %d: the granted role has no effect: %s", s.i, got.text)
	}
	explained := s.must(http.StatusOK, "POST", "/v1/access/explain", s.admin, question)
	isGrant := func(g any) bool { return g.(fields)["role_name"] == "reader" && g.(fields)["granted_by"] == s.adminID }
	if grants, _ := explained.body["grants"].([]any); len(grants) != 1 || !isGrant(grants[0]) {
		s.t.Errorf("user %d: the explanation names another grant: %s", s.i, explained.text)
	}
	if s.i%6 == 3 {
		s.expect("role.revoke", s.adminID)
		s.must(http.StatusNoContent, "DELETE", "/v1/users/"+s.id+"/roles/"+s.reader, s.admin, nil)
		if got := s.must(http.StatusOK, "POST", "/v1/access/check", s.admin, question); got.field("allowed") != false {
			s.t.Errorf("user %d: the revoked role still has an effect", s.i)
		}
	}
}

func (s *scenario) suspendAndRestore() {
	transition := func(action, status string) {
		s.expect("user."+action, s.adminID)
		var got reply
		if action == "delete" {
			s.must(http.StatusNoContent, "DELETE", "/v1/users/"+s.id, s.admin, nil, "If-Match", s.version)
			got = s.must(http.StatusOK, "GET", "/v1/users/"+s.id, s.admin, nil)
		} else {
			got = s.must(http.StatusOK, "POST", "/v1/users/"+s.id+"/"+action, s.admin, nil, "If-Match", s.version)
			s.must(http.StatusPreconditionFailed, "POST", "/v1/users/"+s.id+"/"+action, s.admin, nil, "If-Match",
				s.version)
		}
		s.version = got.header.Get("ETag")
		if got.str("status") != status {
			s.t.Errorf("user %d is %q after %s", s.i, got.str("status"), action)
		}
	}
	transition("suspend", "suspended")
	if s.token != "" {
		s.must(http.StatusUnauthorized, "GET", "/v1/session", s.token, nil)
	}
	transition("delete", "deleted")
	s.must(http.StatusConflict, "POST", "/v1/users", s.admin, fields{"email": s.user.Email}) // still reserved
	transition("restore", "suspended")
	transition("reactivate", "active")
	s.version = s.must(http.StatusOK, "GET", "/v1/users/"+s.id, s.admin, nil).header.Get("ETag")
}

// compareAudit compares the audit log with the expected events.
func (r *harness) compareAudit(scenarios []*scenario) {
	r.t.Helper()
	wantExpired, wantAttempts := 0, 0
	for _, s := range scenarios {
		wantExpired += s.expires
		wantAttempts += s.attempts
	}
	// Scheduled jobs write the events of expired grants (every half minute) and of anonymous attempts (after the end of
	// a minute).
	var bySubject map[string][]map[string]any
	for deadline := time.Now().Add(150 * time.Second); ; time.Sleep(time.Second) {
		expired, attempts := 0, 0
		bySubject = r.readAudit()
		for _, events := range bySubject {
			for _, e := range events {
				if e["action"] == "role.expire" {
					expired++
				}
				if e["actor_id"] == anonymousID && e["is_refused"] == true && e["subject_id"] != anonymousID {
					attempts += int(e["attempts"].(float64))
				}
			}
		}
		if expired >= wantExpired && attempts >= wantAttempts {
			break
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("scheduled jobs wrote %d of %d expired grants and %d of %d attempts",
				expired, wantExpired, attempts, wantAttempts)
		}
	}
	for _, s := range scenarios {
		var got []wantEvent
		attempts, expired := 0, 0
		for _, e := range bySubject[s.id] {
			refused := e["is_refused"] == true
			switch {
			case e["actor_id"] == anonymousID && refused:
				attempts += int(e["attempts"].(float64))
			case e["action"] == "role.expire" && e["actor_id"] == systemID:
				expired++
			default:
				got = append(got, wantEvent{e["action"].(string), e["actor_id"].(string), refused})
			}
		}
		want := slices.Clone(s.events)
		for i := range want {
			if want[i].actor == "self" {
				want[i].actor = s.id
			}
		}
		if !slices.Equal(got, want) || attempts != s.attempts || expired != s.expires {
			r.t.Errorf("user %d:\n got %v, %d attempts, %d expired\nwant %v, %d attempts, %d expired",
				s.i, got, attempts, expired, want, s.attempts, s.expires)
		}
		delete(bySubject, s.id)
	}
	r.compareOtherEvents(scenarios, bySubject)
}

// compareOtherEvents compares the events that are not about the users of the scenarios: about the service, the
// administrator and anonymous callers.
func (r *harness) compareOtherEvents(scenarios []*scenario, bySubject map[string][]map[string]any) {
	byActor := map[string][]wantEvent{}
	for _, e := range bySubject[systemID] {
		actor := e["actor_id"].(string)
		event := wantEvent{action: e["action"].(string), refused: e["is_refused"] == true}
		byActor[actor] = append(byActor[actor], event)
	}
	want := map[string][]wantEvent{r.adminID: setUpEvents, operatorID: {{action: "setup_link.create"}}}
	for _, s := range scenarios {
		for _, e := range s.ownEvents {
			want[s.id] = append(want[s.id], wantEvent{action: e.action, refused: e.refused})
		}
	}
	for actor, events := range byActor {
		if !slices.Equal(events, want[actor]) {
			r.t.Errorf("about the service, by %s: got %v, want %v", actor, events, want[actor])
		}
		delete(want, actor)
	}
	for actor, events := range want {
		r.t.Errorf("about the service, by %s: no events, want %v", actor, events)
	}
	var about []wantEvent
	readers := map[string]int{} // the users who were refused to read the administrator
	for _, e := range bySubject[r.adminID] {
		if e["action"] == "user.read" && e["is_refused"] == true {
			readers[e["actor_id"].(string)]++
			continue
		}
		about = append(about, wantEvent{action: e["action"].(string), actor: e["actor_id"].(string)})
	}
	wantAdmin := []wantEvent{{action: "user.create", actor: operatorID}, {action: "session.create", actor: r.adminID}}
	if !slices.Equal(about, wantAdmin) {
		r.t.Errorf("about the administrator: got %v, want %v", about, wantAdmin)
	}
	wantReaders := map[string]int{}
	for _, s := range scenarios {
		if len(s.ownEvents) > 0 {
			wantReaders[s.id] = 1
		}
	}
	if !maps.Equal(readers, wantReaders) {
		r.t.Errorf("%d users were refused to read the administrator, want %d", len(readers), len(wantReaders))
	}
	for _, e := range bySubject[anonymousID] {
		if e["action"] != "setup_link.use" || e["is_refused"] != true {
			r.t.Errorf("about anonymous callers: %v", e)
		}
	}
	for _, known := range []string{systemID, anonymousID, r.adminID} {
		delete(bySubject, known)
	}
	for subject, events := range bySubject {
		r.t.Errorf("events about the unknown user %s: %v", subject, events)
	}
}

// readAudit reads the audit log from the oldest event, and returns the events by subject.
func (r *harness) readAudit() map[string][]map[string]any {
	out := map[string][]fields{}
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
