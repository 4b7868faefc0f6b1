package directory_test

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"cardinal"
)

// model is what a directory must hold after a sequence of operations, written down a second time and as simply as can
// be: no database, no locks, no seals.
type model struct {
	now    time.Time
	people []*modelPerson
	claims map[string]*modelClaim // by identifier in its normal form
	told   []modelEvent           // by the operation under way
}

type modelEvent struct {
	Action         string
	Actor, Subject uuid.UUID
	Refused        bool
}

type modelPerson struct {
	id             uuid.UUID
	status, before string
	version        int64
	profile        int64 // its version
	password       int64 // its version; 0 for none
	username       string
	contacts       []*modelContact // oldest first
	sessions       []*modelSession
	grants         map[string]*time.Time // when they end, by role
}

type modelContact struct {
	id       uuid.UUID
	address  string
	primary  bool
	verified bool
	version  int64
}

type modelClaim struct {
	holder  *modelPerson
	contact *modelContact // nil for a user name
	expires time.Time     // zero once proved
}

type modelSession struct {
	in         cardinal.SignedIn
	ended      bool
	opened     time.Time
	seen, used time.Time // as stored, and as noted since
}

const (
	modelClaimLife = 7 * 24 * time.Hour
	modelIdle      = 7 * 24 * time.Hour
	modelAbsolute  = 30 * 24 * time.Hour
)

func (m *model) tell(action string, actor, subject uuid.UUID) {
	m.told = append(m.told, modelEvent{Action: action, Actor: actor, Subject: subject})
}

func (m *model) claimsOf(p *modelPerson) (n int) {
	for _, c := range m.claims {
		if c.holder == p {
			n++
		}
	}
	return n
}

// wayIsFree says what stands in the way of a claim: nothing when it can be made.
func (m *model) wayIsFree(p *modelPerson, name string, proved bool) string {
	held := m.claims[name]
	switch {
	case held == nil:
		return ""
	case held.holder == p:
		return "identifier_already_yours"
	case held.expires.IsZero():
		return "identifier_taken"
	case proved:
		return ""
	case m.now.Before(held.expires):
		return "identifier_taken"
	}
	awaitsProof := held.holder.status == "pending" || held.holder.status == "deleted" && held.holder.before == "pending"
	if !awaitsProof && m.claimsOf(held.holder) == 1 {
		return "identifier_taken"
	}
	return ""
}

// displace takes an unproved claim, with its contact, from whoever has it.
func (m *model) displace(name string, actor uuid.UUID) {
	held := m.claims[name]
	if held == nil {
		return
	}
	m.tell("contact.displace", actor, held.holder.id)
	m.drop(held.holder, held.contact)
	held.holder.endSessions()
	if held.holder.status == "pending" && m.claimsOf(held.holder) == 0 {
		held.holder.move("deleted")
	}
}

// drop removes a contact with its claim; the oldest that is left takes its place as the primary one.
func (m *model) drop(p *modelPerson, contact *modelContact) {
	delete(m.claims, contact.address)
	p.contacts = slices.DeleteFunc(p.contacts, func(c *modelContact) bool { return c == contact })
	if contact.primary && len(p.contacts) > 0 {
		p.contacts[0].primary = true
		p.contacts[0].version++
	}
}

// add gives a person a contact.
func (m *model) add(p *modelPerson, id uuid.UUID, address string, verified bool) {
	contact := &modelContact{id: id, address: address, primary: len(p.contacts) == 0, verified: verified, version: 1}
	p.contacts = append(p.contacts, contact)
	claim := &modelClaim{holder: p, contact: contact}
	if !verified {
		claim.expires = m.now.Add(modelClaimLife)
	}
	m.claims[address] = claim
}

func (p *modelPerson) endSessions() {
	for _, s := range p.sessions {
		s.ended = true
	}
}

// move changes the status, and with it the version.
func (p *modelPerson) move(status string) {
	if status == "deleted" {
		p.before = p.status
	} else {
		p.before = ""
	}
	if p.status = status; status != "active" {
		p.endSessions()
	}
	p.version++
}

// transition is where an action leads from a person's status; "" when nowhere.
func (p *modelPerson) transition(action string) string {
	switch {
	case action == "suspend" && (p.status == "active" || p.status == "pending"):
		return "suspended"
	case action == "reactivate" && p.status == "suspended":
		return "active"
	case action == "delete" && p.status != "deleted":
		return "deleted"
	case action == "restore" && p.status == "deleted":
		return p.before
	}
	return ""
}

func (p *modelPerson) holds(role string, at time.Time) bool {
	until, granted := p.grants[role]
	return granted && (until == nil || at.Before(*until))
}

// isLastAdministrator reports whether nobody else would be left who can sign in and whose grant does not expire.
func (m *model) isLastAdministrator(p *modelPerson) bool {
	counts := func(p *modelPerson) bool {
		until, granted := p.grants["administrator"]
		return granted && until == nil && p.status == "active"
	}
	return counts(p) && !slices.ContainsFunc(m.people, func(other *modelPerson) bool {
		return other != p && counts(other)
	})
}

func (s *modelSession) alive(p *modelPerson, now time.Time) bool {
	return !s.ended && p.status == "active" && now.Before(s.opened.Add(modelAbsolute)) &&
		now.Before(s.seen.Add(modelIdle))
}
