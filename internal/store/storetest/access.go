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
	user, reader := newUser(t, s, "person"), newRole(t, s, "permission_reader", "users.read")
	ends := baseTime.Add(time.Minute)
	grant(t, s, user, reader.ID, &ends)
	_, _, err := r.HasPermissionWithKey(ctx, store.Caller{UserID: user}, "users.read", baseTime)
	wantError(t, "HasPermissionWithKey, user without key", cardinal.ErrNotFound, err)
	key := store.UserKeyRecord{UserID: user, KEKID: uuid.NullUUID{UUID: must(r.KEKs(ctx))(t)[0].ID, Valid: true},
		WrappedKey: append([]byte{1}, make([]byte, 60)...), CreatedAt: baseTime, WrappedAt: baseTime}
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
		if allowed := must(r.HasPermission(ctx, store.Caller{UserID: user}, c.permission,
			c.at))(t); allowed != c.allowed {
			t.Errorf("HasPermission %v: %v", c, allowed)
		}
		allowed, got, err := r.HasPermissionWithKey(ctx, store.Caller{UserID: user}, c.permission, c.at)
		if err != nil || allowed != c.allowed || got.KEKID != key.KEKID ||
			string(got.WrappedKey) != string(key.WrappedKey) {
			t.Errorf("HasPermissionWithKey %v: %v, %v, %v", c, allowed, got, err)
		}
		known, allowed, err := r.CheckAccess(ctx, user, c.permission, c.at)
		if must(known, err)(t) != c.known || allowed != c.allowed {
			t.Errorf("CheckAccess %v: %v, %v", c, known, allowed)
		}
	}
	if !must(r.HasPermission(ctx, store.Caller{UserID: cardinal.SystemID}, "users.delete", baseTime))(t) {
		t.Error("the built-in actor System cannot delete users")
	}
	wantEqual(t, "ExplainAccess", must(r.ExplainAccess(ctx, user, "users.read"))(t), []cardinal.AccessGrant{
		{RoleID: reader.ID, RoleName: "permission_reader", GrantedBy: cardinal.SystemID, GrantedAt: baseTime,
			ExpiresAt: &ends}})
	found := must(r.ExplainAccess(ctx, cardinal.SystemID, "users.delete"))(t)
	if len(found) != 1 || found[0].RoleName != "cardinal" {
		t.Errorf("ExplainAccess, role with all permissions: %v", found)
	}
	wantEqual(t, "ExplainAccess, unknown permission", must(r.ExplainAccess(ctx, cardinal.SystemID, "no.such"))(t),
		[]cardinal.AccessGrant{})
	known, allowed, err := r.CheckAccess(ctx, cardinal.SystemID, "no.such", baseTime)
	if must(known, err)(t) || allowed {
		t.Error("CheckAccess, unknown permission, role with all permissions: allowed")
	}
	_, _, err = r.CheckAccess(ctx, cardinal.NewID(), "users.read", baseTime)
	wantError(t, "CheckAccess, unknown user", cardinal.ErrNotFound, err)
	inTx(t, s, func(tx store.Tx) (store.UserRecord, error) {
		return tx.ChangeUserStatus(ctx, user, 1, "suspend", baseTime)
	})
	if known, allowed, err := r.CheckAccess(ctx, user, "users.read", baseTime); !must(known, err)(t) || allowed {
		t.Errorf("CheckAccess of a suspended user: %v, %v", known, allowed)
	}
}

func hasAllPermissions(t *testing.T, s *store.Store) {
	ctx, r := t.Context(), s.Read(t.Context())
	noRole, emptyRole := newUser(t, s, "person"), newUser(t, s, "person")
	one, two := newUser(t, s, "person"), newUser(t, s, "person")
	none, small := newRole(t, s, "none"), newRole(t, s, "small", "users.read")
	large := newRole(t, s, "large", "users.read", "users.update")
	ends := baseTime.Add(time.Minute)
	grant(t, s, emptyRole, none.ID, nil)
	grant(t, s, one, small.ID, nil)
	grant(t, s, one, large.ID, &ends)
	grant(t, s, two, large.ID, nil)
	all, administrator := cardinal.SystemID, roleID(t, s, "administrator")
	names := map[uuid.UUID]string{noRole: "noRole", emptyRole: "emptyRole", one: "one", two: "two", all: "all"}
	for _, actor := range []struct {
		id    uuid.UUID
		users []uuid.UUID // whose permissions the actor has
		roles []uuid.UUID // likewise
	}{
		{noRole, []uuid.UUID{noRole, emptyRole}, []uuid.UUID{none.ID}},
		{emptyRole, []uuid.UUID{noRole, emptyRole}, []uuid.UUID{none.ID}},
		{one, []uuid.UUID{noRole, emptyRole, one}, []uuid.UUID{none.ID, small.ID}},
		{two, []uuid.UUID{noRole, emptyRole, one, two}, []uuid.UUID{none.ID, small.ID, large.ID}},
		{all, []uuid.UUID{noRole, emptyRole, one, two, all}, []uuid.UUID{none.ID, small.ID, large.ID, administrator}},
	} {
		for target, name := range names {
			got := must(r.HasAllPermissionsOfUser(ctx, store.Caller{UserID: actor.id}, target, ends))(t)
			if want := slices.Contains(actor.users, target); got != want {
				t.Errorf("%s has all permissions of %s: %v", names[actor.id], name, got)
			}
		}
		for _, role := range []uuid.UUID{none.ID, small.ID, large.ID, administrator} {
			got := must(r.HasAllPermissionsOfRole(ctx, store.Caller{UserID: actor.id}, role, ends))(t)
			if want := slices.Contains(actor.roles, role); got != want {
				t.Errorf("%s has all permissions of role %s: %v", names[actor.id], role, got)
			}
		}
	}
	for at, want := range map[time.Time][]string{
		ends.Add(-time.Microsecond): {"users.read", "users.read until", "users.update until"}, ends: {"users.read"},
	} {
		wantEqual(t, "CallerPermissions", callerPermissions(t, s, store.Caller{UserID: one}, at), want)
	}
	wantEqual(t, "CallerPermissions, all", callerPermissions(t, s, store.Caller{UserID: all}, ends), []string{"all"})
	empty := callerPermissions(t, s, store.Caller{UserID: emptyRole}, ends)
	wantEqual(t, "CallerPermissions, none", empty, []string{""})
	peer := newUser(t, s, "person")
	grant(t, s, peer, small.ID, nil)
	for at, want := range map[time.Time][2]bool{baseTime: {true, false}, ends: {false, true}} {
		above := must(r.HasAllPermissionsOfUser(ctx, store.Caller{UserID: one}, two, at))(t)
		below := must(r.HasAllPermissionsOfUser(ctx, store.Caller{UserID: peer}, one, at))(t)
		if above != want[0] || below != want[1] {
			t.Errorf("grant expires at %v, at %v: %v, %v", ends, at, above, below)
		}
	}
	if must(r.HasAllPermissionsOfRole(ctx, store.Caller{UserID: all}, cardinal.NewID(), baseTime))(t) {
		t.Error("HasAllPermissionsOfRole, unknown role: true")
	}
}

// callerPermissions returns the permissions of a caller as texts.
func callerPermissions(t *testing.T, s *store.Store, c store.Caller, at time.Time) []string {
	t.Helper()
	texts := []string{}
	for _, p := range must(s.Read(t.Context()).CallerPermissions(t.Context(), c, at))(t) {
		text := ""
		if p.HoldsAll {
			text = "all"
		}
		if p.PermissionID != nil {
			text = *p.Name
		}
		if p.ExpiresAt != nil {
			text += " until"
		}
		texts = append(texts, text)
	}
	slices.Sort(texts)
	return texts
}
