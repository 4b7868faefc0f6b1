package directory_test

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/access"
	"cardinal/internal/directory"
	"cardinal/internal/signin"
)

var statusActions = map[string]func(directory.Desk, context.Context, uuid.UUID, int64) (cardinal.User, error){
	"suspend":    directory.Desk.SuspendUser,
	"reactivate": directory.Desk.ReactivateUser,
	"delete":     directory.Desk.DeleteUser,
	"restore":    directory.Desk.RestoreUser,
}

// permissionError returns the error code when an actor changes a user; "" when it is allowed. The operator, which is
// nil, and administrators have all permissions; others can only change their own data.
func (seq *sequence) permissionError(actor, user *modelUser, own bool, action string) string {
	if actor == nil || actor.hasRole("administrator", seq.model.now) || own && actor == user {
		return ""
	}
	seq.model.events = append(seq.model.events, modelEvent{action, actor.id, user.id, true})
	return "permission_missing"
}

func (seq *sequence) changeStatus() (operation, got, want string) {
	desk, actorID, actor := seq.randomActor()
	m, action := seq.randomUser(), seq.randomOf("suspend", "suspend", "reactivate", "delete", "restore")
	version := seq.randomVersion(m.version)
	_, err := statusActions[action](desk, seq.t.Context(), m.id, version)
	operation = fmt.Sprintf("%s %s, who is %s, at %d by %s", action, m.id, m.status, version, actorID)
	if want = seq.permissionError(actor, m, action == "delete", "user."+action); want != "" {
		return operation, errorCode(err), want
	}
	switch status := m.transition(action); {
	case version != m.version:
		want = fmt.Sprintf("stale %d", m.version)
	case status == "":
		want = "status_not_allowed"
	case status != "active" && seq.model.isLastAdministrator(m):
		want = "last_user_with_role"
	default:
		m.setStatus(status)
		seq.model.record("user."+action, actorID, m.id)
	}
	return operation, errorCode(err), want
}

func (seq *sequence) grantOrRevoke() (operation, got, want string) {
	desk, actorID, actor := seq.randomActor()
	m, role := seq.randomUser(), seq.randomOf("administrator", "auditor")
	id := seq.roleIDs()[role]
	if seq.random.IntN(2) == 0 {
		var until *time.Time
		if seq.random.IntN(3) == 0 {
			at := seq.Clock.Now().Add(time.Hour)
			until = &at
		}
		_, err := access.GrantRole(seq.t.Context(), desk, m.id, cardinal.NewGrant{RoleID: id, ExpiresAt: until})
		operation = fmt.Sprintf("grant %s to %s until %v by %s", role, m.id, until, actorID)
		if want = seq.permissionError(actor, m, false, "role.grant"); want != "" {
			return operation, errorCode(err), want
		}
		switch {
		case m.status == "deleted":
			want = "role_not_assignable"
		case actor.outlasted(until):
			want = "outlasts_your_permissions"
			seq.model.events = append(seq.model.events, modelEvent{"role.grant", actorID, m.id, true})
		case role == "administrator" && until != nil && seq.model.isLastAdministrator(m):
			want = "last_user_with_role"
		default:
			m.grants[role] = until
			seq.model.record("role.grant", actorID, m.id)
		}
		return operation, errorCode(err), want
	}
	err := access.RevokeGrant(seq.t.Context(), desk, m.id, id)
	operation = fmt.Sprintf("revoke %s of %s by %s", role, m.id, actorID)
	if want = seq.permissionError(actor, m, false, "role.revoke"); want != "" {
		return operation, errorCode(err), want
	}
	_, granted := m.grants[role]
	switch {
	case !granted:
		want = "not_found"
	case role == "administrator" && seq.model.isLastAdministrator(m):
		want = "last_user_with_role"
	default:
		delete(m.grants, role)
		seq.model.record("role.revoke", actorID, m.id)
	}
	return operation, errorCode(err), want
}

// outlasted reports whether a grant would end later than the role administrator of an actor.
func (m *modelUser) outlasted(until *time.Time) bool {
	if m == nil || m.grants["administrator"] == nil {
		return false // the operator, or without an end
	}
	end := directory.TruncateTime(m.grants["administrator"])
	return until == nil || directory.TruncateTime(until).After(*end)
}

// roleIDs returns the roles that the sequence grants.
func (seq *sequence) roleIDs() map[string]uuid.UUID {
	return map[string]uuid.UUID{
		"administrator": seq.Role(seq.t, "administrator").ID, "auditor": seq.Role(seq.t, "auditor").ID,
	}
}

func (seq *sequence) signIn() (operation, got, want string) {
	name, password := seq.randomEmail(), goodPassword
	if m := seq.randomUser(); m.username != "" {
		name = m.username
	} else if len(m.contacts) > 0 {
		name = m.contacts[seq.random.IntN(len(m.contacts))].address
	}
	if seq.random.IntN(6) == 0 {
		password = wrongPassword
	}
	in, err := signin.WithPassword(seq.t.Context(), seq.Anonymous(""), cardinal.SignIn{
		Identifier: name, Password: cardinal.Secret(password),
	})
	claim := seq.model.claims[name]
	switch {
	case claim == nil || claim.owner.password == 0 || password != goodPassword:
		want = "invalid_credentials"
	case claim.owner.status != "active":
		want = "account_" + claim.owner.status
	case err == nil:
		m := claim.owner
		m.sessions = append(m.sessions, &modelSession{in: in, createdAt: seq.model.now, storedLastSeen: seq.model.now})
		seq.model.record("session.create", m.id, m.id)
	}
	return "sign-in " + name, errorCode(err), want
}

func (seq *sequence) useSession() (operation, got, want string) {
	m := seq.randomUserWith(func(m *modelUser) bool { return len(m.sessions) > 0 })
	if m == nil {
		return seq.signIn()
	}
	s := m.sessions[seq.random.IntN(len(m.sessions))]
	if seq.random.IntN(3) == 0 {
		err := seq.Operator().EndSession(seq.t.Context(), m.id, s.in.Session.ID)
		if s.ended {
			want = "not_found"
		} else {
			s.ended = true
			seq.model.record("session.end", cardinal.OperatorID, m.id)
		}
		return fmt.Sprintf("end a session of %s", m.id), errorCode(err), want
	}
	_, err := signin.CheckSession(seq.t.Context(), seq.Directory, s.in.Token.Reveal())
	if !s.isActive(m, seq.model.now) {
		want = "not_signed_in"
	} else if seq.model.now.Sub(s.storedLastSeen) >= time.Minute {
		s.lastSeen = seq.model.now
	}
	return fmt.Sprintf("check a session of %s", m.id), errorCode(err), want
}

func (seq *sequence) setPassword() (operation, got, want string) {
	m := seq.randomUser()
	set := cardinal.PasswordSet{ChosenByUser: true, New: goodPassword}
	_, err := seq.Operator().SetPassword(seq.t.Context(), m.id, m.password, set)
	switch {
	case m.status == "deleted":
		want = "status_not_allowed"
	case m.password == 0 && seq.model.countClaims(m) == 0:
		want = "last_sign_in_identifier"
	default:
		m.password++
		m.endSessions()
		seq.model.record("password.set", cardinal.OperatorID, m.id)
	}
	return fmt.Sprintf("set the password of %s", m.id), errorCode(err), want
}

func (seq *sequence) changeUsername() (operation, got, want string) {
	m, name := seq.randomUser(), seq.randomUsername()
	change := cardinal.Set(name)
	if seq.random.IntN(3) == 0 {
		name, change = "", cardinal.Clear[string]()
	}
	version := seq.randomVersion(m.profile)
	_, err := seq.Operator().UpdateProfile(seq.t.Context(), m.id, version, cardinal.ProfileChange{Username: change})
	operation = fmt.Sprintf("change the username of %s from %q to %q at %d", m.id, m.username, name, version)
	switch {
	case version != m.profile:
		want = fmt.Sprintf("stale %d", m.profile)
	case name == m.username:
	case name == "" && m.password > 0 && seq.model.countClaims(m) == 1:
		want = "last_sign_in_identifier"
	default:
		if name != "" {
			want = seq.model.claimError(m, name, true)
		}
		if want == "" {
			delete(seq.model.claims, m.username)
			if m.username = name; name != "" {
				seq.model.claims[name] = &modelClaim{owner: m}
			}
			m.profile++
			seq.model.record("profile.update", cardinal.OperatorID, m.id)
		}
	}
	return operation, errorCode(err), want
}

// passTime moves the clock, or flushes the last use of sessions.
func (seq *sequence) passTime() (operation, got, want string) {
	if seq.random.IntN(3) == 0 {
		err := seq.FlushLastSeen(seq.t.Context())
		for _, m := range seq.model.users {
			for _, s := range m.sessions {
				if s.lastSeen.After(s.storedLastSeen) && !s.ended {
					s.storedLastSeen = s.lastSeen
				}
			}
		}
		return "flush", errorCode(err), ""
	}
	d := []time.Duration{2 * time.Minute, time.Hour, 3 * 24 * time.Hour, 8 * 24 * time.Hour}[seq.random.IntN(4)]
	seq.Clock.Add(d)
	if d > time.Hour {
		seq.lastRequest = nil // replies are stored for a day
	}
	return "pass " + d.String(), "", ""
}
