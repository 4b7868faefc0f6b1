package directory_test

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/signin"
)

// randomOperation runs a random operation in the directory and in the model. It returns the operation, the result of
// the directory and the result of the model.
func (seq *sequence) randomOperation() (operation, got, want string) {
	switch n := seq.random.IntN(30); {
	case n < 4 || len(seq.model.users) < 3:
		return seq.createUser()
	case n < 6:
		return seq.signUp()
	case n < 8:
		return seq.addContact()
	case n < 9:
		return seq.addOwnContact()
	case n < 11:
		return seq.updateContact()
	case n < 13:
		return seq.removeContact()
	case n < 17:
		return seq.changeStatus()
	case n < 19:
		return seq.grantOrRevoke()
	case n < 22:
		return seq.signIn()
	case n < 24:
		return seq.useSession()
	case n < 25:
		return seq.setPassword()
	case n < 27:
		return seq.changeUsername()
	case n < 28:
		return seq.repeatRequest()
	default:
		return seq.passTime()
	}
}

// createRequest is a request that had an Idempotency-Key.
type createRequest struct {
	in   cardinal.NewUser
	once directory.IdempotentRequest
	id   uuid.UUID
}

func (seq *sequence) createUser() (operation, got, want string) {
	in := cardinal.NewUser{Email: seq.randomEmail(), EmailVerified: seq.random.IntN(2) == 0}
	if seq.random.IntN(3) == 0 {
		in.Username = seq.randomUsername()
	}
	if seq.random.IntN(2) == 0 {
		in.Password, in.ChosenByUser = goodPassword, true
	}
	r := &createRequest{
		in: in,
		once: directory.IdempotentRequest{
			Key: uuid.NewString(), Route: "POST /v1/users", Path: "/v1/users",
			Body: fmt.Append(nil, in.Email, in.Username),
		},
	}
	user, err := seq.Operator().Idempotent(&r.once).CreateUser(seq.t.Context(), in)
	operation = fmt.Sprintf("create %s verified %t, name %q, password %t", in.Email, in.EmailVerified, in.Username,
		in.Password != "")
	if in.Username != "" {
		want = seq.model.claimError(nil, in.Username, true)
	}
	if want == "" {
		want = seq.model.claimError(nil, in.Email, in.EmailVerified)
	}
	if err == nil && want == "" {
		r.id, seq.lastRequest = user.ID, r
		m := seq.addUser(user, cardinal.OperatorID, "user.create", in.Password != "",
			&modelContact{address: in.Email, verified: in.EmailVerified})
		if m.username = in.Username; in.Username != "" {
			seq.model.claims[in.Username] = &modelClaim{owner: m}
		}
	}
	return operation, errorCode(err), want
}

func (seq *sequence) signUp() (operation, got, want string) {
	email := seq.randomEmail()
	in := cardinal.SignUp{Email: email, Password: goodPassword}
	user, err := signin.SignUp(seq.t.Context(), seq.Anonymous(""), in)
	if err == nil { // whether another user has the address makes no difference
		contact := &modelContact{address: email, typed: true, signedUp: true}
		seq.addUser(user, cardinal.AnonymousID, "user.sign_up", true, contact).status = "pending"
	}
	return "sign-up " + email, errorCode(err), want
}

// addUser adds a user that was created to the model.
func (seq *sequence) addUser(
	user cardinal.User, actor uuid.UUID, action string, password bool, contact *modelContact,
) *modelUser {
	m := &modelUser{id: user.ID, status: "active", version: 1, profile: 1, grants: map[string]*time.Time{}}
	if contact.reserves() {
		seq.model.release(contact.address, actor)
	}
	seq.model.record(action, actor, user.ID)
	contacts, err := seq.Operator().Contacts(seq.t.Context(), user.ID)
	if err != nil || len(contacts) != 1 {
		seq.t.Fatalf("the contacts of a new user: %v, %v", contacts, err)
	}
	contact.id = contacts[0].ID
	seq.model.addContact(m, contact)
	if password {
		m.password = 1
	}
	seq.model.users = append(seq.model.users, m)
	return m
}

func (seq *sequence) repeatRequest() (operation, got, want string) {
	if seq.lastRequest == nil {
		return seq.createUser()
	}
	once := seq.lastRequest.once
	user, err := seq.Operator().Idempotent(&once).CreateUser(seq.t.Context(), seq.lastRequest.in)
	if err == nil && (user.ID != seq.lastRequest.id || !once.Replayed) {
		seq.t.Errorf("the repeated request returned %s, want %s; replayed %t",
			user.ID, seq.lastRequest.id, once.Replayed)
	}
	return "repeat " + seq.lastRequest.in.Email, errorCode(err), want
}

func (seq *sequence) addContact() (operation, got, want string) {
	m, email, verified := seq.randomUser(), seq.randomEmail(), seq.random.IntN(2) == 0
	contact, err := seq.Operator().AddContact(seq.t.Context(), m.id, cardinal.NewContact{
		Kind: "email", Value: email, Verified: verified,
	})
	if want = seq.model.contactError(m, email, false, verified); m.status == "deleted" {
		want = "status_not_allowed"
	}
	if err == nil && want == "" {
		seq.model.release(email, cardinal.OperatorID)
		seq.model.record("contact.add", cardinal.OperatorID, m.id)
		seq.model.addContact(m, &modelContact{id: contact.ID, address: email, verified: verified})
		if verified {
			m.verified()
		}
	}
	return fmt.Sprintf("add %s verified %t to %s", email, verified, m.id), errorCode(err), want
}

// addOwnContact adds an address that the user types: whether another user has it makes no difference.
func (seq *sequence) addOwnContact() (operation, got, want string) {
	m, email := seq.randomUser(), seq.randomEmail()
	contact, err := seq.As(cardinal.Actor{UserID: m.id, Assurance: 1}).AddContact(seq.t.Context(), m.id,
		cardinal.NewContact{Kind: "email", Value: email})
	if want = seq.model.contactError(m, email, true, false); m.status == "deleted" {
		want = "status_not_allowed"
	}
	if err == nil && want == "" {
		seq.model.record("contact.add", m.id, m.id)
		seq.model.addContact(m, &modelContact{id: contact.ID, address: email, typed: true})
	}
	return fmt.Sprintf("add the own %s to %s", email, m.id), errorCode(err), want
}

func (seq *sequence) updateContact() (operation, got, want string) {
	m := seq.randomUserWith(func(m *modelUser) bool { return len(m.contacts) > 0 })
	if m == nil {
		return seq.addContact()
	}
	c := m.contacts[seq.random.IntN(len(m.contacts))]
	version := seq.randomVersion(c.version)
	var in cardinal.ContactChange
	verify := seq.random.IntN(2) == 0
	if verify {
		in.Verified = cardinal.Set(true)
	} else {
		in.IsPrimary = cardinal.Set(true)
	}
	_, err := seq.Operator().UpdateContact(seq.t.Context(), m.id, c.id, version, in)
	operation = fmt.Sprintf("update %s of %s verify %t at %d", c.address, m.id, verify, version)
	if version != c.version {
		return operation, errorCode(err), fmt.Sprintf("stale %d", c.version)
	}
	if verify && c.verified || !verify && c.primary {
		return operation, errorCode(err), ""
	}
	if verify && !c.reserves() {
		if want = seq.model.claimError(m, c.address, true); want != "" {
			return operation, errorCode(err), want
		}
		seq.model.release(c.address, cardinal.OperatorID)
		seq.model.claims[c.address] = &modelClaim{owner: m, contact: c}
	}
	seq.model.record("contact.update", cardinal.OperatorID, m.id)
	c.version++
	if !verify {
		for _, other := range m.contacts {
			if other.primary {
				other.primary = false
				other.version++
			}
		}
		c.primary = true
		return operation, errorCode(err), ""
	}
	c.verified = true
	m.verified()
	return operation, errorCode(err), ""
}

func (seq *sequence) removeContact() (operation, got, want string) {
	m := seq.randomUserWith(func(m *modelUser) bool { return len(m.contacts) > 0 })
	if m == nil {
		return seq.addContact()
	}
	c := m.contacts[seq.random.IntN(len(m.contacts))]
	version := seq.randomVersion(c.version)
	err := seq.Operator().RemoveContact(seq.t.Context(), m.id, c.id, version)
	switch {
	case version != c.version:
		want = fmt.Sprintf("stale %d", c.version)
	case c.reserves() && m.password > 0 && seq.model.countClaims(m) == 1:
		want = "last_sign_in_identifier"
	default:
		seq.model.removeContact(m, c)
		seq.model.record("contact.remove", cardinal.OperatorID, m.id)
	}
	return fmt.Sprintf("remove %s of %s at %d", c.address, m.id, version), errorCode(err), want
}

// randomVersion returns the current version, or sometimes another one.
func (seq *sequence) randomVersion(current int64) int64 {
	if seq.random.IntN(6) == 0 {
		return current + 1 - 2*seq.random.Int64N(2)
	}
	return current
}
