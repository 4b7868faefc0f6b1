package storetest

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/store"
)

func sessions(t *testing.T, s *store.Store) {
	ctx, r := t.Context(), s.Read(t.Context())
	user, other := newUser(t, s, "person"), newUser(t, s, "person")
	open := func(change func(x *store.SessionRecord)) (store.SessionRecord, error) {
		x := store.SessionRecord{UserID: user, ID: cardinal.NewID(), TokenHash: make([]byte, 32), Method: "password", Assurance: 1, CreatedAt: moment,
			LastSeenAt: moment, IdleSeconds: 604800, ExpiresAt: moment.Add(400 * 24 * time.Hour), SchemaVersion: 1}
		change(&x)
		return x, s.Write(ctx, func(tx store.Tx) error { return tx.InsertSession(ctx, x) })
	}
	plain := must(open(func(*store.SessionRecord) {}))(t)
	full := must(open(func(x *store.SessionRecord) {
		x.AddressSealed, x.UserAgentSealed, x.RevokedAt, x.EndReason, x.Assurance = sealed(128), sealed(600), ptr(moment.Add(time.Second)), ptr("signed_out"), 0
	}))(t)
	third := must(open(func(x *store.SessionRecord) { x.Method = "setup_link" }))(t)
	must(open(func(x *store.SessionRecord) { x.UserID = other }))(t)
	for _, x := range []store.SessionRecord{plain, full, third} {
		same(t, "Session", must(r.Session(ctx, user, x.ID))(t), x)
	}
	_, err := r.Session(ctx, other, plain.ID)
	refused(t, "Session of another user", cardinal.ErrNotFound, err)
	same(t, "Sessions", walk(t, func(x store.SessionRecord) uuid.UUID { return x.ID }, func(p cardinal.Page) ([]store.SessionRecord, error) {
		return r.Sessions(ctx, user, p)
	}), []store.SessionRecord{plain, full, third})

	for constraint, change := range map[string]func(x *store.SessionRecord){
		"sessions_pk":                       func(x *store.SessionRecord) { x.ID = plain.ID },
		"sessions_id_ck":                    func(x *store.SessionRecord) { x.ID = uuid.New() },
		"sessions_user_ck":                  func(x *store.SessionRecord) { x.UserID = cardinal.AnonymousID },
		"sessions_token_hash_ck":            func(x *store.SessionRecord) { x.TokenHash = []byte("token") },
		"sessions_life_ck":                  func(x *store.SessionRecord) { x.ExpiresAt = x.ExpiresAt.Add(time.Microsecond) },
		"sessions_idle_ck":                  func(x *store.SessionRecord) { x.IdleSeconds = 59 },
		"sessions_assurance_ck":             func(x *store.SessionRecord) { x.Assurance = 4 },
		"sessions_last_seen_ck":             func(x *store.SessionRecord) { x.LastSeenAt = moment.Add(-time.Microsecond) },
		"sessions_address_ck":               func(x *store.SessionRecord) { x.AddressSealed = []byte("2001:db8::1, 2001:db8::2, 2001:db8::3") },
		"sessions_user_agent_ck":            func(x *store.SessionRecord) { x.UserAgentSealed = []byte("Mozilla/5.0 (X11; Linux x86_64; rv:1)") },
		foreignKey(s, "sessions_method_fk"): func(x *store.SessionRecord) { x.Method = "telepathy" },
	} {
		_, err := open(change)
		violated(t, constraint, err)
	}

	auth := must(r.AuthenticateSession(ctx, user, plain.ID))(t)
	same(t, "AuthenticateSession", auth, store.SessionAuth{Kind: "person", Status: "active", CanSignIn: true, SessionRecord: store.SessionRecord{
		UserID: user, ID: plain.ID, TokenHash: plain.TokenHash, Assurance: 1, LastSeenAt: moment, IdleSeconds: 604800, ExpiresAt: plain.ExpiresAt}})
	if auth := must(r.AuthenticateSession(ctx, user, full.ID))(t); auth.RevokedAt == nil || !auth.RevokedAt.Equal(*full.RevokedAt) || auth.Assurance != 0 {
		t.Errorf("AuthenticateSession of an ended one: %+v", auth)
	}
	withAccess, known, allowed, err := r.SessionAccess(ctx, user, plain.ID, "users.read", moment)
	same(t, "SessionAccess", must(withAccess, err)(t), auth)
	if !known || allowed {
		t.Errorf("SessionAccess of a permission not held: %v %v", known, allowed)
	}
	grant(t, s, user, must(r.RoleByName(ctx, "auditor"))(t).ID, nil)
	if _, known, allowed, err = r.SessionAccess(ctx, user, plain.ID, "users.read", moment); err != nil || !known || !allowed {
		t.Errorf("SessionAccess of one that is: %v %v %v", known, allowed, err)
	}
	if _, known, allowed, err = r.SessionAccess(ctx, user, plain.ID, "users.levitate", moment); err != nil || known || allowed {
		t.Errorf("SessionAccess of one that is not there: %v %v %v", known, allowed, err)
	}
	_, _, _, err = r.SessionAccess(ctx, other, plain.ID, "users.read", moment)
	refused(t, "SessionAccess of another user", cardinal.ErrNotFound, err)
	_, err = r.AuthenticateSession(ctx, other, plain.ID)
	refused(t, "AuthenticateSession of another user", cardinal.ErrNotFound, err)
	if !plain.Live(moment) || full.Live(moment) || plain.Live(plain.IdleEndsAt()) {
		t.Error("Live")
	}

	raised := written(t, s, func(tx store.Tx) (store.SessionRecord, error) { return tx.RaiseSession(ctx, user, plain.ID, 2) })
	plain.Assurance = 2
	same(t, "RaiseSession", raised, plain)
	refused(t, "RaiseSession of an ended one", cardinal.ErrNotFound, try(t, s, func(tx store.Tx) (store.SessionRecord, error) {
		return tx.RaiseSession(ctx, user, full.ID, 2)
	}))
	// Seen later, then earlier, and never once it has ended.
	for _, at := range []time.Duration{time.Minute, time.Second} {
		write(t, s, func(tx store.Tx) error { return tx.SeeSession(ctx, user, plain.ID, moment.Add(at)) })
	}
	plain.LastSeenAt = moment.Add(time.Minute)
	same(t, "Session after SeeSession", must(r.Session(ctx, user, plain.ID))(t), plain)
	write(t, s, func(tx store.Tx) error { return tx.SeeSession(ctx, user, full.ID, moment.Add(time.Hour)) })
	same(t, "an ended session after SeeSession", must(r.Session(ctx, user, full.ID))(t), full)

	end := func(tx store.Tx) (store.SessionRecord, error) {
		return tx.RevokeSession(ctx, user, third.ID, "signed_out", moment.Add(time.Hour))
	}
	third.RevokedAt, third.EndReason = ptr(moment.Add(time.Hour)), ptr("signed_out")
	same(t, "RevokeSession", written(t, s, end), third)
	refused(t, "RevokeSession twice", cardinal.ErrNotFound, try(t, s, end))
	fourth, fifth := must(open(func(*store.SessionRecord) {}))(t), must(open(func(*store.SessionRecord) {}))(t)
	revoke := func(spare uuid.UUID) []uuid.UUID {
		var ended []uuid.UUID
		for _, x := range written(t, s, func(tx store.Tx) ([]store.SessionRecord, error) {
			return tx.RevokeSessions(ctx, user, spare, "account_stopped", moment.Add(2*time.Hour))
		}) {
			if x.RevokedAt == nil || !x.RevokedAt.Equal(moment.Add(2*time.Hour)) || *x.EndReason != "account_stopped" {
				t.Errorf("RevokeSessions: %+v", x)
			}
			ended = append(ended, x.ID)
		}
		return ended
	}
	if ended := revoke(fourth.ID); len(ended) != 2 {
		t.Errorf("all but one: %v", ended)
	}
	if live := must(r.Session(ctx, user, fourth.ID))(t); live.RevokedAt != nil {
		t.Error("the session that was to be spared has ended")
	}
	same(t, "RevokeSessions of the rest", revoke(uuid.Nil), []uuid.UUID{fourth.ID})
	same(t, "the end of a session that had ended", must(r.Session(ctx, user, third.ID))(t), third)

	// Whoever ends a session may have looked at the clock before it began.
	early, last := must(open(func(*store.SessionRecord) {}))(t), must(open(func(*store.SessionRecord) {}))(t)
	one := written(t, s, func(tx store.Tx) (store.SessionRecord, error) {
		return tx.RevokeSession(ctx, user, early.ID, "signed_out", moment.Add(-time.Second))
	})
	all := written(t, s, func(tx store.Tx) ([]store.SessionRecord, error) {
		return tx.RevokeSessions(ctx, user, uuid.Nil, "account_stopped", moment.Add(-time.Second))
	})
	same(t, "the end of a session before it began", *one.RevokedAt, early.CreatedAt)
	same(t, "the end of all sessions before they began", *all[0].RevokedAt, last.CreatedAt)

	// Only what ended before is removed, so many at once.
	for i := range 3 {
		must(open(func(x *store.SessionRecord) { x.ExpiresAt = moment.Add(time.Duration(i+1) * time.Second) }))(t)
	}
	for _, want := range []int64{1, 1, 0} {
		if n := written(t, s, func(tx store.Tx) (int64, error) { return tx.DeleteDeadSessions(ctx, moment.Add(3*time.Second), 1) }); n != want {
			t.Errorf("DeleteDeadSessions: %d, want %d", n, want)
		}
	}
	same(t, "a session of no interest to DeleteDeadSessions", must(r.Session(ctx, user, fifth.ID))(t).ID, fifth.ID)
}
