package directory_test

import (
	"testing"

	"cardinal"
	"cardinal/internal/seal"
)

// TestUnrecordedChangeIsNotMade: when the log takes no event, nothing changes.
func TestUnrecordedChangeIsNotMade(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		u, email := w.person(t)
		in := w.signIn(t, email, goodPassword)
		refuse := []string{`CREATE TRIGGER log_is_full BEFORE INSERT ON audit_logs BEGIN SELECT RAISE(ABORT, 'log_is_full: no event'); END`}
		if w.engine == "postgres" {
			refuse = []string{`CREATE FUNCTION log_is_full() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no event'; END $$`,
				`CREATE TRIGGER log_is_full BEFORE INSERT ON audit_logs FOR EACH ROW EXECUTE FUNCTION log_is_full()`}
		}
		for _, statement := range refuse {
			must(w.raw(t).ExecContext(ctx, statement))(t)
		}
		if _, err := w.operator().SuspendUser(ctx, u.ID, u.Version); err == nil {
			t.Error("a change was made that the log does not tell of")
		}
		another := anEmail()
		if _, err := w.operator().CreateUser(ctx, cardinal.NewUser{Email: another, EmailVerified: true}); err == nil {
			t.Error("a user was made that the log does not tell of")
		}
		sameJSON(t, u, w.user(t, u.ID))
		if !w.alive(t, in) {
			t.Error("the session has ended")
		}
		page := must(w.operator().Users(ctx, cardinal.UserFilter{Email: another, Page: cardinal.Page{Limit: 1}}, false))(t)
		if len(page.Data) != 0 {
			t.Error("the user is there")
		}
	})
}

// TestEachUserHasAKey: what is sealed under one user's key says nothing to who has another's.
func TestEachUserHasAKey(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		ctx, r := t.Context(), w.Store.Read(t.Context())
		ring := must(seal.LoadKeyring(w.Keys, ""))(t)
		kek, found := ring.ByCheckValue([32]byte(must(r.KEKs(ctx))(t)[0].CheckValue))
		if !found {
			t.Fatal("the key-encryption key is not in its folder")
		}
		var keys []seal.Key
		for range 2 {
			u, _ := w.person(t)
			keys = append(keys, must(kek.Unwrap(u.ID, must(r.UserKey(ctx, u.ID))(t).WrappedKey))(t))
		}
		if keys[0].Equal(keys[1]) {
			t.Error("two users have one key")
		}
	})
}
