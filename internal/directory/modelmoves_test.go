package directory_test

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/signin"
)

var moves = map[string]func(directory.Desk, context.Context, uuid.UUID, int64) (cardinal.User, error){
	"suspend": directory.Desk.SuspendUser, "reactivate": directory.Desk.ReactivateUser, "delete": directory.Desk.DeleteUser, "restore": directory.Desk.RestoreUser,
}

// may says what is in the way of somebody who changes somebody: the operator and administrators may everything, others
// nothing.
func (p *play) may(who, whom *modelPerson, own bool, action string) string {
	if who == nil || who.holds("administrator", p.model.now) || own && who == whom {
		return ""
	}
	p.model.told = append(p.model.told, modelEvent{action, who.id, whom.id, true})
	return "permission_missing"
}

func (p *play) moveSomebody() (what, got, want string) {
	desk, actor, who := p.actor()
	m, action := p.person(), p.pick("suspend", "suspend", "reactivate", "delete", "restore")
	version := p.version(m.version)
	_, err := moves[action](desk, p.t.Context(), m.id, version)
	what = fmt.Sprintf("%s %s, who is %s, at %d by %s", action, m.id, m.status, version, actor)
	if want = p.may(who, m, action == "delete", "user."+action); want != "" {
		return what, errorCode(err), want
	}
	switch status := m.transition(action); {
	case version != m.version:
		want = fmt.Sprintf("stale %d", m.version)
	case status == "":
		want = "status_not_allowed"
	case status != "active" && p.model.isLastAdministrator(m):
		want = "last_user_with_role"
	default:
		m.move(status)
		p.model.tell("user."+action, actor, m.id)
	}
	return what, errorCode(err), want
}

func (p *play) grantOrRevoke() (what, got, want string) {
	desk, actor, who := p.actor()
	m, role := p.person(), p.pick("administrator", "auditor")
	id := p.roles()[role]
	if p.random.IntN(2) == 0 {
		var until *time.Time
		if p.random.IntN(3) == 0 {
			at := p.Clock.Now().Add(time.Hour)
			until = &at
		}
		_, err := desk.GrantRole(p.t.Context(), m.id, cardinal.NewGrant{RoleID: id, ExpiresAt: until})
		what = fmt.Sprintf("grant %s to %s until %v by %s", role, m.id, until, actor)
		if want = p.may(who, m, false, "role.grant"); want != "" {
			return what, errorCode(err), want
		}
		switch {
		case m.status == "deleted":
			want = "role_not_assignable"
		case role == "administrator" && until != nil && p.model.isLastAdministrator(m):
			want = "last_user_with_role"
		default:
			m.grants[role] = until
			p.model.tell("role.grant", actor, m.id)
		}
		return what, errorCode(err), want
	}
	err := desk.RevokeGrant(p.t.Context(), m.id, id)
	what = fmt.Sprintf("revoke %s of %s by %s", role, m.id, actor)
	if want = p.may(who, m, false, "role.revoke"); want != "" {
		return what, errorCode(err), want
	}
	_, held := m.grants[role]
	switch {
	case !held:
		want = "not_found"
	case role == "administrator" && p.model.isLastAdministrator(m):
		want = "last_user_with_role"
	default:
		delete(m.grants, role)
		p.model.tell("role.revoke", actor, m.id)
	}
	return what, errorCode(err), want
}

// roles are the ids of those that are granted.
func (p *play) roles() map[string]uuid.UUID {
	return map[string]uuid.UUID{"administrator": p.Role(p.t, "administrator").ID, "auditor": p.Role(p.t, "auditor").ID}
}

func (p *play) openSession() (what, got, want string) {
	name, password := p.address(), goodPassword
	if m := p.person(); m.username != "" {
		name = m.username
	} else if len(m.contacts) > 0 {
		name = m.contacts[p.random.IntN(len(m.contacts))].address
	}
	if p.random.IntN(6) == 0 {
		password = "not this one, surely"
	}
	in, err := signin.WithPassword(p.t.Context(), p.Anonymous(""), cardinal.SignIn{
		Identifier: name, Password: cardinal.Secret(password),
	})
	claim := p.model.claims[name]
	switch {
	case claim == nil || claim.holder.password == 0 || password != goodPassword:
		want = "invalid_credentials"
	case claim.holder.status != "active":
		want = "account_" + claim.holder.status
	case err == nil:
		m := claim.holder
		m.sessions = append(m.sessions, &modelSession{in: in, opened: p.model.now, seen: p.model.now})
		p.model.tell("session.create", m.id, m.id)
	}
	return "sign-in " + name, errorCode(err), want
}

func (p *play) useSession() (what, got, want string) {
	m := p.personWith(func(m *modelPerson) bool { return len(m.sessions) > 0 })
	if m == nil {
		return p.openSession()
	}
	s := m.sessions[p.random.IntN(len(m.sessions))]
	if p.random.IntN(3) == 0 {
		err := p.Operator().EndSession(p.t.Context(), m.id, s.in.Session.ID)
		if s.ended {
			want = "not_found"
		} else {
			s.ended = true
			p.model.tell("session.end", cardinal.OperatorID, m.id)
		}
		return fmt.Sprintf("end a session of %s", m.id), errorCode(err), want
	}
	_, err := signin.CheckSession(p.t.Context(), p.Directory, s.in.Token.Reveal())
	if !s.alive(m, p.model.now) {
		want = "not_signed_in"
	} else if p.model.now.Sub(s.seen) >= time.Minute {
		s.used = p.model.now
	}
	return fmt.Sprintf("check a session of %s", m.id), errorCode(err), want
}

func (p *play) setPassword() (what, got, want string) {
	m := p.person()
	_, err := p.Operator().SetPassword(p.t.Context(), m.id, m.password, cardinal.PasswordSet{New: goodPassword})
	switch {
	case m.status == "deleted":
		want = "status_not_allowed"
	case m.password == 0 && p.model.claimsOf(m) == 0:
		want = "last_sign_in_identifier"
	default:
		m.password++
		m.endSessions()
		p.model.tell("password.set", cardinal.OperatorID, m.id)
	}
	return fmt.Sprintf("set the password of %s", m.id), errorCode(err), want
}

func (p *play) rename() (what, got, want string) {
	m, name := p.person(), p.username()
	change := cardinal.Set(name)
	if p.random.IntN(3) == 0 {
		name, change = "", cardinal.Clear[string]()
	}
	version := p.version(m.profile)
	_, err := p.Operator().UpdateProfile(p.t.Context(), m.id, version, cardinal.ProfileChange{Username: change})
	what = fmt.Sprintf("rename %s from %q to %q at %d", m.id, m.username, name, version)
	switch {
	case version != m.profile:
		want = fmt.Sprintf("stale %d", m.profile)
	case name == m.username:
	case name == "" && m.password > 0 && p.model.claimsOf(m) == 1:
		want = "last_sign_in_identifier"
	default:
		if name != "" {
			want = p.model.wayIsFree(m, name, true)
		}
		if want == "" {
			delete(p.model.claims, m.username)
			if m.username = name; name != "" {
				p.model.claims[name] = &modelClaim{holder: m}
			}
			m.profile++
			p.model.tell("profile.update", cardinal.OperatorID, m.id)
		}
	}
	return what, errorCode(err), want
}

// pass lets time pass, or writes down which sessions were used.
func (p *play) pass() (what, got, want string) {
	if p.random.IntN(3) == 0 {
		err := p.FlushLastSeen(p.t.Context())
		for _, m := range p.model.people {
			for _, s := range m.sessions {
				if s.used.After(s.seen) && !s.ended {
					s.seen = s.used
				}
			}
		}
		return "flush", errorCode(err), ""
	}
	d := []time.Duration{2 * time.Minute, time.Hour, 3 * 24 * time.Hour, 8 * 24 * time.Hour}[p.random.IntN(4)]
	p.Clock.Add(d)
	if d > time.Hour {
		p.last = nil // replies are kept for a day
	}
	return "pass " + d.String(), "", ""
}
