package e2e

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"
)

// writer creates and changes users, one request at a time. It knows the expected state of each.
type writer struct {
	*crashTest
	number  int
	random  *rand.Rand
	current *person
	touched []*person // changed since the last verify
	pending *change   // sent, without a response
	last    *change   // acknowledged; repeated after the next kill

	created, acknowledged, repeated int
}

// person is the expected state of a user.
type person struct {
	ID, Status, Name string
	Version          int
	Contacts         map[string]string // id by address
	IsReader         bool
	Actions          []string // of the audit log, in order
}

// change is a request that changes data.
type change struct {
	method, path string
	body         any
	headers      []string
	statuses     []int // of success: first that of the request, then those of a repetition
	action       string
	apply        func(*person, reply)
	replyText    string
}

// write sends changes until a request fails.
func (w *writer) write() {
	for w.pending == nil {
		c := w.next()
		got, err := w.send(c.method, c.path, w.admin, c.body, c.headers...)
		switch {
		case err != nil || got.status >= 500:
			w.pending = c
			return
		case got.status != c.statuses[0]:
			w.t.Errorf("%s %s: status %d: %s", c.method, c.path, got.status, got.text)
			return
		}
		w.complete(c, got)
	}
}

func (w *writer) complete(c *change, got reply) {
	w.acknowledged++
	if c.apply(w.current, got); c.action != "" {
		w.current.Actions = append(w.current.Actions, c.action)
	}
	if c.replyText = got.text; c.method == http.MethodPost {
		w.last = c
	}
	if !slices.Contains(w.touched, w.current) {
		w.touched = append(w.touched, w.current)
	}
}

// resolvePending repeats the last acknowledged change, which must return the same response, and the change without a
// response, which must succeed now or have succeeded before.
func (w *writer) resolvePending() {
	w.t.Helper()
	if c := w.last; c != nil {
		got, err := w.send(c.method, c.path, w.admin, c.body, c.headers...)
		if err != nil || got.text != c.replyText || got.header.Get("Idempotent-Replayed") != "true" {
			w.t.Errorf("%s %s repeated: %v, status %d, %s; first response: %s",
				c.method, c.path, err, got.status, got.text, c.replyText)
		}
		w.repeated++
	}
	c := w.pending
	if c == nil {
		return
	}
	w.pending = nil
	got, err := w.send(c.method, c.path, w.admin, c.body, c.headers...)
	if err != nil || !slices.Contains(c.statuses, got.status) {
		w.t.Errorf("%s %s: %v, status %d: %s", c.method, c.path, err, got.status, got.text)
		return
	}
	w.complete(c, got)
}

// verify compares the changed users with the state that the service returns.
func (w *writer) verify() {
	w.t.Helper()
	for _, want := range w.touched {
		base := "/v1/users/" + want.ID
		user := w.must(http.StatusOK, "GET", base+"?expand=profile", w.admin, nil)
		got := person{ID: user.str("id"), Status: user.str("status"), Name: user.str("profile", "display_name"),
			Contacts: map[string]string{}}
		version, _ := user.field("version").(float64)
		got.Version = int(version)
		for _, c := range w.must(http.StatusOK, "GET", base+"/contacts", w.admin, nil).data() {
			got.Contacts[fmt.Sprint(c["value"])] = fmt.Sprint(c["id"])
		}
		got.IsReader = len(w.must(http.StatusOK, "GET", base+"/roles", w.admin, nil).data()) == 1
		for _, e := range w.must(http.StatusOK, "GET", base+"/audit?sort=created_at&limit=200", w.admin, nil).data() {
			got.Actions = append(got.Actions, fmt.Sprint(e["action"]))
		}
		if diff := cmp.Diff(*want, got); diff != "" {
			w.t.Errorf("user %s has the wrong state (-want +got)\n%s", want.ID, diff)
		}
	}
	w.touched = nil
}

// next returns a random change of the current user, or the creation of a new one.
func (w *writer) next() *change {
	if w.current == nil || len(w.current.Actions) > 12 {
		return w.newPerson()
	}
	p, base := w.current, "/v1/users/"+w.current.ID
	key := []string{"Idempotency-Key", fmt.Sprintf("w%d-%d-%d", w.number, w.created, len(p.Actions))}
	version := []string{"If-Match", fmt.Sprintf(`"%d"`, p.Version)}
	switch w.random.IntN(6) {
	case 0, 1:
		name := fmt.Sprintf("Name %d", w.random.Uint32())
		return &change{method: "PATCH", path: base, headers: version,
			body:     fields{"profile": fields{"display_name": name}},
			statuses: []int{200, 412}, action: "user.update",
			apply: func(p *person, _ reply) { p.Name = name; p.Version++ }}
	case 2:
		transition, status := "suspend", "suspended"
		if p.Status == status {
			transition, status = "reactivate", "active"
		}
		return &change{method: "POST", path: base + "/" + transition, headers: append(version, key...),
			statuses: []int{200}, action: "user." + transition,
			apply: func(p *person, _ reply) { p.Status = status; p.Version++ }}
	case 3:
		if !p.IsReader {
			return &change{method: "POST", path: base + "/roles", body: fields{"role_id": w.reader}, headers: key,
				statuses: []int{200}, action: "role.grant",
				apply: func(p *person, _ reply) { p.IsReader = true }}
		}
		return &change{method: "DELETE", path: base + "/roles/" + w.reader,
			statuses: []int{204, 404}, action: "role.revoke",
			apply: func(p *person, _ reply) { p.IsReader = false }}
	case 4:
		// The newest contact. If the primary one were removed, another would become primary and its version would
		// increase.
		byID := func(a, b string) int { return strings.Compare(p.Contacts[a], p.Contacts[b]) }
		if addresses := slices.SortedFunc(maps.Keys(p.Contacts), byID); len(addresses) > 0 {
			address := addresses[len(addresses)-1]
			return &change{method: "DELETE", path: base + "/contacts/" + p.Contacts[address],
				headers:  []string{"If-Match", `"1"`},
				statuses: []int{204, 404}, action: "contact.remove",
				apply: func(p *person, _ reply) { delete(p.Contacts, address) }}
		}
		fallthrough
	default:
		address := fmt.Sprintf("w%d-%d-%d@example.com", w.number, w.created, len(p.Actions))
		return &change{method: "POST", path: base + "/contacts", headers: key,
			body:     fields{"kind": "email", "value": address, "verified": true},
			statuses: []int{201}, action: "contact.add",
			apply: func(p *person, got reply) { p.Contacts[address] = got.str("id") }}
	}
}

func (w *writer) newPerson() *change {
	w.created++
	name := fmt.Sprintf("w%d-%d", w.number, w.created)
	return &change{method: "POST", path: "/v1/users", headers: []string{"Idempotency-Key", name},
		body:     fields{"username": name, "display_name": name},
		statuses: []int{201},
		apply: func(_ *person, got reply) {
			w.current = &person{ID: got.str("id"), Status: "active", Name: name, Version: 1,
				Contacts: map[string]string{}, Actions: []string{"user.create"}}
		}}
}
