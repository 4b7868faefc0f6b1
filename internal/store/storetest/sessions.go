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
		x := store.SessionRecord{UserID: user, ID: cardinal.NewID(), TokenHash: keyedToken(0), Method: "password",
			Assurance: 1, CreatedAt: baseTime, LastSeenAt: baseTime, IdleSeconds: 604800,
			ExpiresAt: baseTime.Add(400 * 24 * time.Hour), SchemaVersion: 1}
		change(&x)
		return x, s.Write(ctx, func(tx store.Tx) error { return tx.InsertSession(ctx, x) })
	}
	plain := must(open(func(*store.SessionRecord) {}))(t)
	full := must(open(func(x *store.SessionRecord) {
		x.AddressSealed, x.UserAgentSealed, x.Assurance = ciphertext(128), ciphertext(600), 0
		x.RevokedAt, x.EndReason = ptr(baseTime.Add(time.Second)), ptr("signed_out")
	}))(t)
	third := must(open(func(x *store.SessionRecord) { x.Method = "setup_link" }))(t)
	must(open(func(x *store.SessionRecord) { x.UserID = other }))(t)
	for _, x := range []store.SessionRecord{plain, full, third} {
		wantEqual(t, "Session", must(r.Session(ctx, user, x.ID))(t), x)
	}
	_, err := r.Session(ctx, other, plain.ID)
	wantError(t, "Session, other user", cardinal.ErrNotFound, err)
	wantEqual(t, "Sessions", readPages(t, func(x store.SessionRecord) uuid.UUID {
		return x.ID
	}, func(p cardinal.Page) ([]store.SessionRecord, error) {
		return r.Sessions(ctx, user, p)
	}), []store.SessionRecord{plain, full, third})

	for constraint, change := range map[string]func(x *store.SessionRecord){
		"sessions_pk":            func(x *store.SessionRecord) { x.ID = plain.ID },
		"sessions_id_ck":         func(x *store.SessionRecord) { x.ID = uuid.New() },
		"sessions_user_ck":       func(x *store.SessionRecord) { x.UserID = cardinal.AnonymousID },
		"sessions_token_hash_ck": func(x *store.SessionRecord) { x.TokenHash = []byte("token") },
		"sessions_life_ck": func(x *store.SessionRecord) {
			x.ExpiresAt = x.ExpiresAt.Add(time.Microsecond)
		},
		"sessions_idle_ck":      func(x *store.SessionRecord) { x.IdleSeconds = 59 },
		"sessions_assurance_ck": func(x *store.SessionRecord) { x.Assurance = 4 },
		"sessions_last_seen_ck": func(x *store.SessionRecord) {
			x.LastSeenAt = baseTime.Add(-time.Microsecond)
		},
		"sessions_address_ck": func(x *store.SessionRecord) {
			x.AddressSealed = []byte("2001:db8::1, 2001:db8::2, 2001:db8::3")
		},
		"sessions_user_agent_ck": func(x *store.SessionRecord) {
			x.UserAgentSealed = []byte("Mozilla/5.0 (X11; Linux x86_64; rv:1)")
		},
		foreignKey(s, "sessions_method_fk"): func(x *store.SessionRecord) { x.Method = "unknown" },
	} {
		_, err := open(change)
		wantViolation(t, constraint, err)
	}

	auth := must(r.AuthenticateSession(ctx, user, plain.ID))(t)
	wantEqual(t, "AuthenticateSession", auth, store.SessionAuth{Kind: "person", Status: "active", CanSignIn: true,
		SessionRecord: store.SessionRecord{UserID: user, ID: plain.ID, TokenHash: plain.TokenHash, Assurance: 1,
			LastSeenAt: baseTime, IdleSeconds: 604800, ExpiresAt: plain.ExpiresAt}})
	revoked := must(r.AuthenticateSession(ctx, user, full.ID))(t)
	if revoked.RevokedAt == nil || !revoked.RevokedAt.Equal(*full.RevokedAt) || revoked.Assurance != 0 {
		t.Errorf("AuthenticateSession, revoked: %+v", revoked)
	}
	withAccess, known, allowed, err := r.CheckSessionAccess(ctx, user, plain.ID, "users.read", baseTime)
	wantEqual(t, "CheckSessionAccess", must(withAccess, err)(t), auth)
	if !known || allowed {
		t.Errorf("CheckSessionAccess, permission missing: %v %v", known, allowed)
	}
	grant(t, s, user, must(r.RoleByName(ctx, "auditor"))(t).ID, nil)
	_, known, allowed, err = r.CheckSessionAccess(ctx, user, plain.ID, "users.read", baseTime)
	if err != nil || !known || !allowed {
		t.Errorf("CheckSessionAccess, permission granted: %v %v %v", known, allowed, err)
	}
	_, known, allowed, err = r.CheckSessionAccess(ctx, user, plain.ID, "users.unknown", baseTime)
	if err != nil || known || allowed {
		t.Errorf("CheckSessionAccess, unknown permission: %v %v %v", known, allowed, err)
	}
	_, _, _, err = r.CheckSessionAccess(ctx, other, plain.ID, "users.read", baseTime)
	wantError(t, "CheckSessionAccess, other user", cardinal.ErrNotFound, err)
	_, err = r.AuthenticateSession(ctx, other, plain.ID)
	wantError(t, "AuthenticateSession, other user", cardinal.ErrNotFound, err)
	if !plain.IsActive(baseTime) || full.IsActive(baseTime) || plain.IsActive(plain.IdleEndsAt()) {
		t.Error("IsActive")
	}

	// The time of a confirmation may be earlier than the creation, and a revoked session cannot be confirmed.
	for at, want := range map[time.Duration]time.Time{time.Hour: baseTime.Add(time.Hour), -time.Second: baseTime} {
		confirmed := inTx(t, s, func(tx store.Tx) (store.SessionRecord, error) {
			return tx.ConfirmSession(ctx, user, plain.ID, baseTime.Add(at))
		})
		plain.ConfirmedAt = &want
		wantEqual(t, "ConfirmSession", confirmed, plain)
		wantEqual(t, "AuthenticatedAt", confirmed.AuthenticatedAt(), want)
	}
	wantEqual(t, "AuthenticatedAt, not confirmed", full.AuthenticatedAt(), full.CreatedAt)
	wantError(t, "ConfirmSession, revoked", cardinal.ErrNotFound,
		txError(t, s, func(tx store.Tx) (store.SessionRecord, error) {
			return tx.ConfirmSession(ctx, user, full.ID, baseTime)
		}))
	// An earlier time does not replace a later one, and a revoked session does not change.
	for _, at := range []time.Duration{time.Minute, time.Second} {
		write(t, s, func(tx store.Tx) error { return tx.SetSessionLastSeen(ctx, user, plain.ID, baseTime.Add(at)) })
	}
	plain.LastSeenAt = baseTime.Add(time.Minute)
	wantEqual(t, "Session after SetSessionLastSeen", must(r.Session(ctx, user, plain.ID))(t), plain)
	write(t, s, func(tx store.Tx) error { return tx.SetSessionLastSeen(ctx, user, full.ID, baseTime.Add(time.Hour)) })
	wantEqual(t, "revoked session after SetSessionLastSeen", must(r.Session(ctx, user, full.ID))(t), full)

	end := func(tx store.Tx) (store.SessionRecord, error) {
		return tx.RevokeSession(ctx, user, third.ID, "signed_out", baseTime.Add(time.Hour))
	}
	third.RevokedAt, third.EndReason = ptr(baseTime.Add(time.Hour)), ptr("signed_out")
	wantEqual(t, "RevokeSession", inTx(t, s, end), third)
	wantError(t, "RevokeSession, already revoked", cardinal.ErrNotFound, txError(t, s, end))
	fourth, fifth := must(open(func(*store.SessionRecord) {}))(t), must(open(func(*store.SessionRecord) {}))(t)
	revoke := func(except uuid.UUID) []uuid.UUID {
		var ended []uuid.UUID
		for _, x := range inTx(t, s, func(tx store.Tx) ([]store.SessionRecord, error) {
			return tx.RevokeSessions(ctx, user, except, "account_stopped", baseTime.Add(2*time.Hour))
		}) {
			if x.RevokedAt == nil || !x.RevokedAt.Equal(baseTime.Add(2*time.Hour)) ||
				*x.EndReason != "account_stopped" {
				t.Errorf("RevokeSessions: %+v", x)
			}
			ended = append(ended, x.ID)
		}
		return ended
	}
	if ended := revoke(fourth.ID); len(ended) != 2 {
		t.Errorf("RevokeSessions, all except one: %v", ended)
	}
	if live := must(r.Session(ctx, user, fourth.ID))(t); live.RevokedAt != nil {
		t.Error("RevokeSessions revoked the excepted session")
	}
	wantEqual(t, "RevokeSessions, rest", revoke(uuid.Nil), []uuid.UUID{fourth.ID})
	wantEqual(t, "revocation time of a session that was already revoked", must(r.Session(ctx, user, third.ID))(t),
		third)

	// The time of the revocation may be earlier than the creation.
	early, last := must(open(func(*store.SessionRecord) {}))(t), must(open(func(*store.SessionRecord) {}))(t)
	revokedOne := inTx(t, s, func(tx store.Tx) (store.SessionRecord, error) {
		return tx.RevokeSession(ctx, user, early.ID, "signed_out", baseTime.Add(-time.Second))
	})
	all := inTx(t, s, func(tx store.Tx) ([]store.SessionRecord, error) {
		return tx.RevokeSessions(ctx, user, uuid.Nil, "account_stopped", baseTime.Add(-time.Second))
	})
	wantEqual(t, "RevokeSession before creation", *revokedOne.RevokedAt, early.CreatedAt)
	wantEqual(t, "RevokeSessions before creation", *all[0].RevokedAt, last.CreatedAt)

	// Only sessions that expired before the time are deleted, up to the limit.
	for i := range 3 {
		must(open(func(x *store.SessionRecord) { x.ExpiresAt = baseTime.Add(time.Duration(i+1) * time.Second) }))(t)
	}
	for _, want := range []int64{1, 1, 0} {
		if n := inTx(t, s, func(tx store.Tx) (int64, error) {
			return tx.DeleteExpiredSessions(ctx, baseTime.Add(3*time.Second), 1)
		}); n != want {
			t.Errorf("DeleteExpiredSessions: %d, want %d", n, want)
		}
	}
	wantEqual(t, "an active session after DeleteExpiredSessions", must(r.Session(ctx, user, fifth.ID))(t).ID, fifth.ID)
}
