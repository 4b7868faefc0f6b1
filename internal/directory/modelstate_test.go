package directory_test

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"cardinal"
)

// model is the expected state of a directory after a sequence of operations: a second implementation, as simple as
// possible, without a database, locks and encryption.
type model struct {
	now    time.Time
	users  []*modelUser
	claims map[string]*modelClaim // by identifier in its normal form
	events []modelEvent           // of the current operation
}

type modelEvent struct {
	Action         string
	Actor, Subject uuid.UUID
	Refused        bool
}

type modelUser struct {
	id             uuid.UUID
	status, before string
	version        int64
	profile        int64 // its version
	password       int64 // its version; 0 for none
	username       string
	contacts       []*modelContact // oldest first
	sessions       []*modelSession
	grants         map[string]*time.Time // their ends, by role
}

type modelContact struct {
	id       uuid.UUID
	address  string
	primary  bool
	verified bool
	typed    bool // by its user
	signedUp bool // it came with the account
	version  int64
}

// reserves reports whether the contact has a claim.
func (c *modelContact) reserves() bool { return c.verified || !c.typed }

type modelClaim struct {
	owner   *modelUser
	contact *modelContact // nil for a user name
}

type modelSession struct {
	in             cardinal.SignedIn
	ended          bool
	createdAt      time.Time
	storedLastSeen time.Time // in the database
	lastSeen       time.Time // noted since, and written by the next flush
}

const (
	modelIdleTimeout     = 7 * 24 * time.Hour
	modelAbsoluteTimeout = 30 * 24 * time.Hour
)

func (m *model) record(action string, actor, subject uuid.UUID) {
	m.events = append(m.events, modelEvent{Action: action, Actor: actor, Subject: subject})
}

func (m *model) countClaims(u *modelUser) (n int) {
	for _, c := range m.claims {
		if c.owner == u {
			n++
		}
	}
	return n
}

// claimError returns the error code of a claim to an identifier; "" when it is allowed.
func (m *model) claimError(u *modelUser, name string, verified bool) string {
	current := m.claims[name]
	switch {
	case current == nil:
		return ""
	case current.owner == u:
		return "identifier_already_yours"
	case !verified || current.contact == nil || current.contact.verified:
		return "identifier_taken"
	case m.countClaims(current.owner) == 1:
		return "identifier_needed"
	}
	return ""
}

// contactError returns the error code of a new contact; "" when it is allowed.
func (m *model) contactError(u *modelUser, address string, typed, verified bool) string {
	unverified := 0
	for _, c := range u.contacts {
		if c.address == address {
			return "identifier_already_yours"
		}
		if !c.reserves() {
			unverified++
		}
	}
	switch {
	case verified || !typed:
		return m.claimError(u, address, verified)
	case unverified == cardinal.MaxUnverifiedContacts:
		return "too_many_unverified_contacts"
	}
	return ""
}

// release removes an unverified claim and its contact from the user who has it.
func (m *model) release(name string, actor uuid.UUID) {
	current := m.claims[name]
	if current == nil {
		return
	}
	m.record("contact.displace", actor, current.owner.id)
	m.removeContact(current.owner, current.contact)
	current.owner.endSessions()
}

// removeContact removes a contact and its claim. The oldest of the other contacts becomes primary.
func (m *model) removeContact(u *modelUser, contact *modelContact) {
	if contact.reserves() {
		delete(m.claims, contact.address)
	}
	u.contacts = slices.DeleteFunc(u.contacts, func(c *modelContact) bool { return c == contact })
	if contact.primary && len(u.contacts) > 0 {
		u.contacts[0].primary = true
		u.contacts[0].version++
	}
}

// addContact adds a contact to a user, with its claim if it reserves the address.
func (m *model) addContact(u *modelUser, contact *modelContact) {
	contact.primary, contact.version = len(u.contacts) == 0, 1
	u.contacts = append(u.contacts, contact)
	if contact.reserves() {
		m.claims[contact.address] = &modelClaim{owner: u, contact: contact}
	}
}

// verified is what the verification of an address by the operator does to the account.
func (u *modelUser) verified() {
	if slices.ContainsFunc(u.contacts, func(c *modelContact) bool { return c.signedUp }) {
		u.endSessions()
		u.password = 0
	}
	if u.status == "pending" {
		u.setStatus("active")
	}
}

func (u *modelUser) endSessions() {
	for _, s := range u.sessions {
		s.ended = true
	}
}

// setStatus changes the status and the version.
func (u *modelUser) setStatus(status string) {
	if status == "deleted" {
		u.before = u.status
	} else {
		u.before = ""
	}
	if u.status = status; status != "active" {
		u.endSessions()
	}
	u.version++
}

// transition returns the status after an action; "" when the action is not allowed.
func (u *modelUser) transition(action string) string {
	switch {
	case action == "suspend" && (u.status == "active" || u.status == "pending"):
		return "suspended"
	case action == "reactivate" && u.status == "suspended":
		return "active"
	case action == "delete" && u.status != "deleted":
		return "deleted"
	case action == "restore" && u.status == "deleted":
		return u.before
	}
	return ""
}

func (u *modelUser) hasRole(role string, at time.Time) bool {
	until, granted := u.grants[role]
	return granted && (until == nil || at.Before(*until))
}

// isLastAdministrator reports whether no other administrator can sign in and has a grant without an end.
func (m *model) isLastAdministrator(u *modelUser) bool {
	counts := func(u *modelUser) bool {
		until, granted := u.grants["administrator"]
		return granted && until == nil && u.status == "active"
	}
	return counts(u) && !slices.ContainsFunc(m.users, func(other *modelUser) bool {
		return other != u && counts(other)
	})
}

func (s *modelSession) isActive(u *modelUser, now time.Time) bool {
	return !s.ended && u.status == "active" && now.Before(s.createdAt.Add(modelAbsoluteTimeout)) &&
		now.Before(s.storedLastSeen.Add(modelIdleTimeout))
}
