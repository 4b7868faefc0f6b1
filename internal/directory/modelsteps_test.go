package directory_test

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/signin"
)

// operation does something that is chosen at random, in the directory and in the model. It returns what was done, and
// what each said.
func (p *play) operation() (what, got, want string) {
	switch n := p.random.IntN(30); {
	case n < 4 || len(p.model.people) < 3:
		return p.create()
	case n < 6:
		return p.signUp()
	case n < 9:
		return p.addContact()
	case n < 11:
		return p.updateContact()
	case n < 13:
		return p.removeContact()
	case n < 17:
		return p.moveSomebody()
	case n < 19:
		return p.grantOrRevoke()
	case n < 22:
		return p.openSession()
	case n < 24:
		return p.useSession()
	case n < 25:
		return p.setPassword()
	case n < 27:
		return p.rename()
	case n < 28:
		return p.repeat()
	default:
		return p.pass()
	}
}

// repeatable is a request that had an Idempotency-Key.
type repeatable struct {
	in   cardinal.NewUser
	once directory.IdempotentRequest
	id   uuid.UUID
}

func (p *play) create() (what, got, want string) {
	in := cardinal.NewUser{Email: p.address(), EmailVerified: p.random.IntN(2) == 0}
	if p.random.IntN(3) == 0 {
		in.Username = p.username()
	}
	if p.random.IntN(2) == 0 {
		in.Password = goodPassword
	}
	r := &repeatable{
		in: in,
		once: directory.IdempotentRequest{
			Key: uuid.NewString(), Route: "POST /v1/users", Path: "/v1/users",
			Body: fmt.Append(nil, in.Email, in.Username),
		},
	}
	user, err := p.Operator().Idempotent(&r.once).CreateUser(p.t.Context(), in)
	what = fmt.Sprintf("create %s verified %t, name %q, password %t", in.Email, in.EmailVerified, in.Username,
		in.Password != "")
	if in.Username != "" {
		want = p.model.wayIsFree(nil, in.Username, true)
	}
	if want == "" {
		want = p.model.wayIsFree(nil, in.Email, in.EmailVerified)
	}
	if err == nil && want == "" {
		r.id, p.last = user.ID, r
		m := p.newPerson(user, cardinal.OperatorID, "user.create", in.Email, in.EmailVerified, in.Password != "")
		if m.username = in.Username; in.Username != "" {
			p.model.claims[in.Username] = &modelClaim{holder: m}
		}
	}
	return what, errorCode(err), want
}

func (p *play) signUp() (what, got, want string) {
	email := p.address()
	user, err := signin.SignUp(p.t.Context(), p.Anonymous(""), cardinal.SignUp{Email: email, Password: goodPassword})
	if want = p.model.wayIsFree(nil, email, false); err == nil && want == "" {
		p.newPerson(user, cardinal.StrangerID, "user.sign_up", email, false, true).status = "pending"
	}
	return "sign-up " + email, errorCode(err), want
}

func (p *play) newPerson(
	user cardinal.User, actor uuid.UUID, action, email string, verified, password bool,
) *modelPerson {
	m := &modelPerson{id: user.ID, status: "active", version: 1, profile: 1, grants: map[string]*time.Time{}}
	p.model.displace(email, actor)
	p.model.tell(action, actor, user.ID)
	contacts, err := p.Operator().Contacts(p.t.Context(), user.ID)
	if err != nil || len(contacts) != 1 {
		p.t.Fatalf("the contacts of a new user: %v, %v", contacts, err)
	}
	p.model.add(m, contacts[0].ID, email, verified)
	if password {
		m.password = 1
	}
	p.model.people = append(p.model.people, m)
	return m
}

func (p *play) repeat() (what, got, want string) {
	if p.last == nil {
		return p.create()
	}
	once := p.last.once
	user, err := p.Operator().Idempotent(&once).CreateUser(p.t.Context(), p.last.in)
	if err == nil && (user.ID != p.last.id || !once.Replayed) {
		p.t.Errorf("repeated, it made %s, not %s; replayed %t", user.ID, p.last.id, once.Replayed)
	}
	return "repeat " + p.last.in.Email, errorCode(err), want
}

func (p *play) addContact() (what, got, want string) {
	m, email, verified := p.person(), p.address(), p.random.IntN(2) == 0
	contact, err := p.Operator().AddContact(p.t.Context(), m.id, cardinal.NewContact{
		Kind: "email", Value: email, Verified: verified,
	})
	if want = p.model.wayIsFree(m, email, verified); m.status == "deleted" {
		want = "status_not_allowed"
	}
	if err == nil && want == "" {
		p.model.displace(email, cardinal.OperatorID)
		p.model.tell("contact.add", cardinal.OperatorID, m.id)
		p.model.add(m, contact.ID, email, verified)
		if verified && m.status == "pending" {
			m.move("active")
		}
	}
	return fmt.Sprintf("add %s verified %t to %s", email, verified, m.id), errorCode(err), want
}

func (p *play) updateContact() (what, got, want string) {
	m := p.personWith(func(m *modelPerson) bool { return len(m.contacts) > 0 })
	if m == nil {
		return p.addContact()
	}
	c := m.contacts[p.random.IntN(len(m.contacts))]
	version := p.version(c.version)
	var in cardinal.ContactChange
	verify := p.random.IntN(2) == 0
	if verify {
		in.Verified = cardinal.Set(true)
	} else {
		in.IsPrimary = cardinal.Set(true)
	}
	_, err := p.Operator().UpdateContact(p.t.Context(), m.id, c.id, version, in)
	what = fmt.Sprintf("update %s of %s verify %t at %d", c.address, m.id, verify, version)
	if version != c.version {
		return what, errorCode(err), fmt.Sprintf("stale %d", c.version)
	}
	if verify && c.verified || !verify && c.primary {
		return what, errorCode(err), ""
	}
	p.model.tell("contact.update", cardinal.OperatorID, m.id)
	c.version++
	if !verify {
		for _, other := range m.contacts {
			if other.primary {
				other.primary = false
				other.version++
			}
		}
		c.primary = true
		return what, errorCode(err), ""
	}
	c.verified = true
	p.model.claims[c.address].expires = time.Time{}
	if m.status == "pending" {
		m.move("active")
	}
	return what, errorCode(err), ""
}

func (p *play) removeContact() (what, got, want string) {
	m := p.personWith(func(m *modelPerson) bool { return len(m.contacts) > 0 })
	if m == nil {
		return p.addContact()
	}
	c := m.contacts[p.random.IntN(len(m.contacts))]
	version := p.version(c.version)
	err := p.Operator().RemoveContact(p.t.Context(), m.id, c.id, version)
	switch {
	case version != c.version:
		want = fmt.Sprintf("stale %d", c.version)
	case m.password > 0 && p.model.claimsOf(m) == 1:
		want = "last_sign_in_identifier"
	default:
		p.model.drop(m, c)
		p.model.tell("contact.remove", cardinal.OperatorID, m.id)
	}
	return fmt.Sprintf("remove %s of %s at %d", c.address, m.id, version), errorCode(err), want
}

// version is the right one, or now and then another.
func (p *play) version(right int64) int64 {
	if p.random.IntN(6) == 0 {
		return right + 1 - 2*p.random.Int64N(2)
	}
	return right
}
