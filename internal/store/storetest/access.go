package storetest

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/store"
)

func noAdministratorInitially(t *testing.T, s *store.Store) {
	if must(s.Read(t.Context()).HasAdministrator(t.Context()))(t) {
		t.Error("HasAdministrator: true")
	}
}

func hasPermission(t *testing.T, s *store.Store) {
	ctx, r := t.Context(), s.Read(t.Context())
	user, reader := newUser(t, s, "person"), newRole(t, s, "may_read", "users.read")
	ends := baseTime.Add(time.Minute)
	grant(t, s, user, reader.ID, &ends)
	_, _, err := r.MayWithKey(ctx, store.Caller{UserID: user}, "users.read", baseTime)
	wantError(t, "MayWithKey without a key", cardinal.ErrNotFound, err)
	key := store.UserKeyRecord{UserID: user, KEKID: uuid.NullUUID{UUID: must(r.KEKs(ctx))(t)[0].ID, Valid: true}, WrappedKey: append([]byte{1}, make([]byte, 60)...), CreatedAt: baseTime, WrappedAt: baseTime}
	write(t, s, func(tx store.Tx) error { return tx.InsertUserKey(ctx, key) })
	for _, c := range []struct {
		permission     string
		at             time.Time
		known, allowed bool
	}{
		{"users.read", ends.Add(-time.Microsecond), true, true},
		{"users.read", ends, true, false},
		{"users.delete", baseTime, true, false},
		{"no.such", baseTime, false, false},
	} {
		if may := must(r.May(ctx, store.Caller{UserID: user}, c.permission, c.at))(t); may != c.allowed {
			t.Errorf("May %v: %v", c, may)
		}
		if may, got, err := r.MayWithKey(ctx, store.Caller{UserID: user}, c.permission, c.at); err != nil || may != c.allowed || got.KEKID != key.KEKID || string(got.WrappedKey) != string(key.WrappedKey) {
			t.Errorf("MayWithKey %v: %v, %v, %v", c, may, got, err)
		}
		known, allowed, err := r.CheckAccess(ctx, user, c.permission, c.at)
		if must(known, err)(t) != c.known || allowed != c.allowed {
			t.Errorf("CheckAccess %v: %v, %v", c, known, allowed)
		}
	}
	if !must(r.May(ctx, store.Caller{UserID: cardinal.SystemID}, "users.delete", baseTime))(t) {
		t.Error("the System may not delete users")
	}
	wantEqual(t, "ExplainAccess", must(r.ExplainAccess(ctx, user, "users.read"))(t), []cardinal.AccessGrant{
		{RoleID: reader.ID, RoleName: "may_read", GrantedBy: cardinal.SystemID, GrantedAt: baseTime, ExpiresAt: &ends}})
	if why := must(r.ExplainAccess(ctx, cardinal.SystemID, "users.delete"))(t); len(why) != 1 || why[0].RoleName != "cardinal" {
		t.Errorf("ExplainAccess of who holds all: %v", why)
	}
	wantEqual(t, "ExplainAccess of what nobody declared", must(r.ExplainAccess(ctx, cardinal.SystemID, "no.such"))(t), []cardinal.AccessGrant{})
	if known, allowed, err := r.CheckAccess(ctx, cardinal.SystemID, "no.such", baseTime); must(known, err)(t) || allowed {
		t.Error("who holds all holds what does not exist")
	}
	_, _, err = r.CheckAccess(ctx, cardinal.NewID(), "users.read", baseTime)
	wantError(t, "CheckAccess of nobody", cardinal.ErrNotFound, err)
	inTx(t, s, func(tx store.Tx) (cardinal.User, error) { return tx.SetUserStatus(ctx, user, 1, "suspend", baseTime) })
	if known, allowed, err := r.CheckAccess(ctx, user, "users.read", baseTime); !must(known, err)(t) || allowed {
		t.Errorf("CheckAccess of a suspended user: %v, %v", known, allowed)
	}
}

func hasAllPermissions(t *testing.T, s *store.Store) {
	ctx, r := t.Context(), s.Read(t.Context())
	nothing, empty, one, two := newUser(t, s, "person"), newUser(t, s, "person"), newUser(t, s, "person"), newUser(t, s, "person")
	none, small, large := newRole(t, s, "none"), newRole(t, s, "small", "users.read"), newRole(t, s, "large", "users.read", "users.update")
	ends := baseTime.Add(time.Minute)
	grant(t, s, empty, none.ID, nil)
	grant(t, s, one, small.ID, nil)
	grant(t, s, one, large.ID, &ends)
	grant(t, s, two, large.ID, nil)
	all, administrator := cardinal.SystemID, roleID(t, s, "administrator")
	names := map[uuid.UUID]string{nothing: "nothing", empty: "empty", one: "one", two: "two", all: "all"}
	for _, actor := range []struct {
		id       uuid.UUID
		outranks []uuid.UUID
		roles    []uuid.UUID
	}{
		{nothing, []uuid.UUID{nothing, empty}, []uuid.UUID{none.ID}},
		{empty, []uuid.UUID{nothing, empty}, []uuid.UUID{none.ID}},
		{one, []uuid.UUID{nothing, empty, one}, []uuid.UUID{none.ID, small.ID}},
		{two, []uuid.UUID{nothing, empty, one, two}, []uuid.UUID{none.ID, small.ID, large.ID}},
		{all, []uuid.UUID{nothing, empty, one, two, all}, []uuid.UUID{none.ID, small.ID, large.ID, administrator}},
	} {
		for target, name := range names {
			got := must(r.Outranks(ctx, store.Caller{UserID: actor.id}, target, ends))(t)
			if want := slices.Contains(actor.outranks, target); got != want {
				t.Errorf("%s outranks %s: %v", names[actor.id], name, got)
			}
		}
		for _, role := range []uuid.UUID{none.ID, small.ID, large.ID, administrator} {
			got := must(r.HoldsAllOf(ctx, store.Caller{UserID: actor.id}, role, ends))(t)
			if want := slices.Contains(actor.roles, role); got != want {
				t.Errorf("%s holds all of %s: %v", names[actor.id], role, got)
			}
		}
	}
	peer := newUser(t, s, "person")
	grant(t, s, peer, small.ID, nil)
	for at, want := range map[time.Time][2]bool{baseTime: {true, false}, ends: {false, true}} {
		above := must(r.Outranks(ctx, store.Caller{UserID: one}, two, at))(t)
		below := must(r.Outranks(ctx, store.Caller{UserID: peer}, one, at))(t)
		if above != want[0] || below != want[1] {
			t.Errorf("with a grant that ends at %v, at %v: %v, %v", ends, at, above, below)
		}
	}
	if must(r.HoldsAllOf(ctx, store.Caller{UserID: all}, cardinal.NewID(), baseTime))(t) {
		t.Error("HoldsAllOf a role that is not there")
	}
}
