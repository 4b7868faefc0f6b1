package storetest

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/store"
)

func nobodyIsAdministratorAtFirst(t *testing.T, s *store.Store) {
	if must(s.Read(t.Context()).HasAdministrator(t.Context()))(t) {
		t.Error("HasAdministrator: true")
	}
}

func grants(t *testing.T, s *store.Store) {
	ctx, r := t.Context(), s.Read(t.Context())
	user, role, ends := newUser(t, s, "person"), newRole(t, s, "grantee"), moment.Add(48*time.Hour)
	want := cardinal.Grant{UserID: user, RoleID: role.ID, RoleName: "grantee", GrantedBy: cardinal.SystemID, CreatedAt: moment, ExpiresAt: &ends}
	same(t, "PutGrant", grant(t, s, user, role.ID, &ends), want)
	same(t, "Grant", must(r.Grant(ctx, user, role.ID))(t), want)
	_, err := r.Grant(ctx, user, cardinal.NewID())
	refused(t, "Grant of none", cardinal.ErrNotFound, err)
	for at, there := range map[time.Time]bool{ends.Add(-time.Microsecond): false, ends: true} {
		if got := slices.ContainsFunc(must(r.ExpiredGrants(ctx, at, 100))(t), func(g cardinal.Grant) bool { return g.UserID == user }); got != there {
			t.Errorf("expired at %v: %v", at, got)
		}
	}
	early := moment.Add(time.Microsecond)
	first := newRole(t, s, "grantee_too")
	grant(t, s, user, first.ID, &early)
	if got := must(r.ExpiredGrants(ctx, ends, 1))(t); len(got) != 1 || got[0].RoleID != first.ID {
		t.Errorf("the first of ExpiredGrants: %v", got)
	}
	same(t, "PutGrant again", written(t, s, func(tx store.Tx) (cardinal.Grant, error) {
		return tx.PutGrant(ctx, cardinal.Grant{UserID: user, RoleID: role.ID, GrantedBy: cardinal.OperatorID, CreatedAt: moment.Add(time.Hour)})
	}), cardinal.Grant{UserID: user, RoleID: role.ID, RoleName: "grantee", GrantedBy: cardinal.OperatorID, CreatedAt: moment})
	for i := range 3 {
		grant(t, s, user, newRole(t, s, "grantee-"+string(rune('a'+i))).ID, nil)
	}
	if all := walk(t, func(g cardinal.Grant) uuid.UUID { return g.RoleID }, func(p cardinal.Page) ([]cardinal.Grant, error) {
		return r.Grants(ctx, user, p)
	}); len(all) != 5 {
		t.Errorf("Grants: %v", all)
	}
	put := func(g cardinal.Grant) error {
		return try(t, s, func(tx store.Tx) (cardinal.Grant, error) { return tx.PutGrant(ctx, g) })
	}
	violated(t, "user_roles_expires_ck", put(cardinal.Grant{UserID: user, RoleID: role.ID, GrantedBy: user, CreatedAt: moment, ExpiresAt: &moment}))
	violated(t, foreignKey(s, "user_roles_granted_by_fk"), put(cardinal.Grant{UserID: user, RoleID: role.ID, GrantedBy: cardinal.NewID(), CreatedAt: moment}))
	violated(t, foreignKey(s, "user_roles_role_fk"), s.Write(ctx, func(tx store.Tx) error { return tx.DeleteRole(ctx, role.ID, role.Version) }))
	write(t, s, func(tx store.Tx) error {
		for _, there := range []bool{true, false} {
			if ended := must(tx.DeleteGrant(ctx, user, role.ID))(t); ended != there {
				t.Errorf("DeleteGrant: %v, want %v", ended, there)
			}
		}
		return nil
	})
	if gone := store.Gone("user_roles", user, role.ID); gone.Key != store.StampGrant(want).Key || gone.Digest != nil {
		t.Errorf("Gone: %+v", gone)
	}
}

func mayFollowsGrants(t *testing.T, s *store.Store) {
	ctx, r := t.Context(), s.Read(t.Context())
	user, reader := newUser(t, s, "person"), newRole(t, s, "may_read", "users.read")
	ends := moment.Add(time.Minute)
	grant(t, s, user, reader.ID, &ends)
	_, _, err := r.MayWithKey(ctx, store.Caller{UserID: user}, "users.read", moment)
	refused(t, "MayWithKey without a key", cardinal.ErrNotFound, err)
	key := store.UserKeyRecord{UserID: user, KEKID: uuid.NullUUID{UUID: must(r.KEKs(ctx))(t)[0].ID, Valid: true}, WrappedKey: append([]byte{1}, make([]byte, 60)...), CreatedAt: moment, WrappedAt: moment}
	write(t, s, func(tx store.Tx) error { return tx.InsertUserKey(ctx, key) })
	for _, c := range []struct {
		permission     string
		at             time.Time
		known, allowed bool
	}{
		{"users.read", ends.Add(-time.Microsecond), true, true},
		{"users.read", ends, true, false},
		{"users.delete", moment, true, false},
		{"no.such", moment, false, false},
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
	if !must(r.May(ctx, store.Caller{UserID: cardinal.SystemID}, "users.delete", moment))(t) {
		t.Error("the System may not delete users")
	}
	same(t, "ExplainAccess", must(r.ExplainAccess(ctx, user, "users.read"))(t), []cardinal.AccessGrant{
		{RoleID: reader.ID, RoleName: "may_read", GrantedBy: cardinal.SystemID, GrantedAt: moment, ExpiresAt: &ends}})
	if why := must(r.ExplainAccess(ctx, cardinal.SystemID, "users.delete"))(t); len(why) != 1 || why[0].RoleName != "cardinal" {
		t.Errorf("ExplainAccess of who holds all: %v", why)
	}
	same(t, "ExplainAccess of what nobody declared", must(r.ExplainAccess(ctx, cardinal.SystemID, "no.such"))(t), []cardinal.AccessGrant{})
	if known, allowed, err := r.CheckAccess(ctx, cardinal.SystemID, "no.such", moment); must(known, err)(t) || allowed {
		t.Error("who holds all holds what does not exist")
	}
	_, _, err = r.CheckAccess(ctx, cardinal.NewID(), "users.read", moment)
	refused(t, "CheckAccess of nobody", cardinal.ErrNotFound, err)
	written(t, s, func(tx store.Tx) (cardinal.User, error) { return tx.SetUserStatus(ctx, user, 1, "suspend", moment) })
	if known, allowed, err := r.CheckAccess(ctx, user, "users.read", moment); !must(known, err)(t) || allowed {
		t.Errorf("CheckAccess of a suspended user: %v, %v", known, allowed)
	}
}

func outranksComparesPermissions(t *testing.T, s *store.Store) {
	ctx, r := t.Context(), s.Read(t.Context())
	nothing, empty, one, two := newUser(t, s, "person"), newUser(t, s, "person"), newUser(t, s, "person"), newUser(t, s, "person")
	none, small, large := newRole(t, s, "none"), newRole(t, s, "small", "users.read"), newRole(t, s, "large", "users.read", "users.update")
	ends := moment.Add(time.Minute)
	grant(t, s, empty, none.ID, nil)
	grant(t, s, one, small.ID, nil)
	grant(t, s, one, large.ID, &ends)
	grant(t, s, two, large.ID, nil)
	all, administrator := cardinal.SystemID, roleNamed(t, s, "administrator")
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
	for at, want := range map[time.Time][2]bool{moment: {true, false}, ends: {false, true}} {
		above := must(r.Outranks(ctx, store.Caller{UserID: one}, two, at))(t)
		below := must(r.Outranks(ctx, store.Caller{UserID: peer}, one, at))(t)
		if above != want[0] || below != want[1] {
			t.Errorf("with a grant that ends at %v, at %v: %v, %v", ends, at, above, below)
		}
	}
	if must(r.HoldsAllOf(ctx, store.Caller{UserID: all}, cardinal.NewID(), moment))(t) {
		t.Error("HoldsAllOf a role that is not there")
	}
}

func lastAdministratorStays(t *testing.T, s *store.Store) {
	ctx, role := t.Context(), roleNamed(t, s, "administrator")
	admin := newUser(t, s, "person")
	grant(t, s, admin, role, nil)
	if !must(s.Read(ctx).HasAdministrator(ctx))(t) {
		t.Error("HasAdministrator: false")
	}
	violated(t, "roles_min_holders", s.Write(ctx, func(tx store.Tx) error {
		if err := tx.LockGuardedRoles(ctx, admin); err != nil {
			return err
		}
		if s.Engine() == "postgres" {
			refused(t, "LockRole of a guarded one", cardinal.ErrBusy, s.Write(ctx, func(other store.Tx) error {
				return errors.Join(other.WaitAtMost(ctx, 20*time.Millisecond), other.LockRole(ctx, role))
			}))
		}
		_, err := tx.DeleteGrant(ctx, admin, role)
		return err
	}))
	ends := moment.Add(time.Hour)
	violated(t, "roles_min_holders", try(t, s, func(tx store.Tx) (cardinal.Grant, error) {
		return tx.PutGrant(ctx, cardinal.Grant{UserID: admin, RoleID: role, GrantedBy: admin, CreatedAt: moment, ExpiresAt: &ends})
	}))
	for _, action := range []string{"suspend", "delete"} {
		violated(t, "roles_min_holders", try(t, s, func(tx store.Tx) (cardinal.User, error) {
			return tx.SetUserStatus(ctx, admin, 1, action, moment)
		}))
	}
	// With a second one the first may go; a third whose grant ends, or who is a service, does not count.
	second, temporary, service := newUser(t, s, "person"), newUser(t, s, "person"), newUser(t, s, "service")
	grant(t, s, second, role, nil)
	grant(t, s, temporary, role, &ends)
	grant(t, s, service, role, nil)
	written(t, s, func(tx store.Tx) (bool, error) { return tx.DeleteGrant(ctx, service, role) })
	written(t, s, func(tx store.Tx) (cardinal.User, error) { return tx.SetUserStatus(ctx, admin, 1, "suspend", moment) })
	violated(t, "roles_min_holders", try(t, s, func(tx store.Tx) (bool, error) { return tx.DeleteGrant(ctx, second, role) }))

	if s.Engine() == "postgres" {
		twoAdministratorsLeaveAtOnce(t, s, role, second)
	}
}

// twoAdministratorsLeaveAtOnce: of two, each ends the other's grant in a transaction of its own; one of them must fail.
func twoAdministratorsLeaveAtOnce(t *testing.T, s *store.Store, role, first uuid.UUID) {
	ctx := t.Context()
	second := newUser(t, s, "person")
	grant(t, s, second, role, nil)
	deleted, other := make(chan struct{}), make(chan error)
	go func() {
		other <- s.Write(ctx, func(tx store.Tx) error {
			_, err := tx.DeleteGrant(ctx, second, role)
			select {
			case deleted <- struct{}{}:
			case <-time.After(10 * time.Second):
			}
			return err
		})
	}()
	err := s.Write(ctx, func(tx store.Tx) error {
		_, err := tx.DeleteGrant(ctx, first, role)
		<-deleted // both have deleted, neither has committed
		return err
	})
	errs := []error{err, <-other}
	if (errs[0] == nil) == (errs[1] == nil) {
		t.Errorf("two administrators left at once: %v", errs)
	}
	for _, err := range errs {
		if err != nil {
			violated(t, "roles_min_holders", err)
		}
	}
}
