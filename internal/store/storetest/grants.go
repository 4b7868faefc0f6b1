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

func grants(t *testing.T, s *store.Store) {
	ctx, r := t.Context(), s.Read(t.Context())
	user, role, ends := newUser(t, s, "person"), newRole(t, s, "grantee"), baseTime.Add(48*time.Hour)
	want := cardinal.Grant{UserID: user, RoleID: role.ID, RoleName: "grantee", GrantedBy: cardinal.SystemID,
		CreatedAt: baseTime, ExpiresAt: &ends}
	wantEqual(t, "UpsertGrant", grant(t, s, user, role.ID, &ends), want)
	wantEqual(t, "Grant", must(r.Grant(ctx, user, role.ID))(t), want)
	_, err := r.Grant(ctx, user, cardinal.NewID())
	wantError(t, "Grant, unknown", cardinal.ErrNotFound, err)
	for at, want := range map[time.Time]bool{ends.Add(-time.Microsecond): false, ends: true} {
		if got := slices.ContainsFunc(must(r.ExpiredGrants(ctx, at, 100))(t), func(g cardinal.Grant) bool {
			return g.UserID == user
		}); got != want {
			t.Errorf("expired at %v: %v", at, got)
		}
	}
	grantOutlasts(t, s)
	early := baseTime.Add(time.Microsecond)
	first := newRole(t, s, "grantee_too")
	grant(t, s, user, first.ID, &early)
	if got := must(r.ExpiredGrants(ctx, ends, 1))(t); len(got) != 1 || got[0].RoleID != first.ID {
		t.Errorf("ExpiredGrants, first: %v", got)
	}
	wantEqual(t, "UpsertGrant, existing grant", inTx(t, s, func(tx store.Tx) (cardinal.Grant, error) {
		return tx.UpsertGrant(ctx, cardinal.Grant{UserID: user, RoleID: role.ID, GrantedBy: cardinal.OperatorID,
			CreatedAt: baseTime.Add(time.Hour)})
	}), cardinal.Grant{UserID: user, RoleID: role.ID, RoleName: "grantee", GrantedBy: cardinal.OperatorID,
		CreatedAt: baseTime})
	for i := range 3 {
		grant(t, s, user, newRole(t, s, "grantee-"+string(rune('a'+i))).ID, nil)
	}
	if all := readPages(t, func(g cardinal.Grant) uuid.UUID {
		return g.RoleID
	}, func(p cardinal.Page) ([]cardinal.Grant, error) {
		return r.Grants(ctx, user, p)
	}); len(all) != 5 {
		t.Errorf("Grants: %v", all)
	}
	put := func(g cardinal.Grant) error {
		return txError(t, s, func(tx store.Tx) (cardinal.Grant, error) { return tx.UpsertGrant(ctx, g) })
	}
	wantViolation(t, "user_roles_expires_ck", put(cardinal.Grant{UserID: user, RoleID: role.ID, GrantedBy: user,
		CreatedAt: baseTime, ExpiresAt: &baseTime}))
	wantViolation(t, foreignKey(s, "user_roles_granted_by_fk"),
		put(cardinal.Grant{UserID: user, RoleID: role.ID, GrantedBy: cardinal.NewID(), CreatedAt: baseTime}))
	wantViolation(t, foreignKey(s, "user_roles_role_fk"), s.Write(ctx, func(tx store.Tx) error {
		return tx.DeleteRole(ctx, role.ID, role.Version)
	}))
	write(t, s, func(tx store.Tx) error {
		for _, want := range []bool{true, false} {
			if deleted := must(tx.DeleteGrant(ctx, user, role.ID))(t); deleted != want {
				t.Errorf("DeleteGrant: %v, want %v", deleted, want)
			}
		}
		return nil
	})
	if deleted := store.DeletedRow("user_roles", user, role.ID); deleted.Key != store.DigestGrant(want).Key ||
		deleted.Digest != nil {
		t.Errorf("Gone: %+v", deleted)
	}
}

func lastAdministrator(t *testing.T, s *store.Store) {
	ctx, role := t.Context(), roleID(t, s, "administrator")
	admin := newUser(t, s, "person")
	grant(t, s, admin, role, nil)
	if !must(s.Read(ctx).HasAdministrator(ctx))(t) {
		t.Error("HasAdministrator: false")
	}
	wantViolation(t, "roles_min_holders", s.Write(ctx, func(tx store.Tx) error {
		if err := tx.LockGuardedRoles(ctx, admin); err != nil {
			return err
		}
		if s.Engine() == "postgres" {
			wantError(t, "LockRoleRow, locked by LockGuardedRoles", cardinal.ErrBusy,
				s.Write(ctx, func(other store.Tx) error {
					return errors.Join(other.SetLockTimeout(ctx, 20*time.Millisecond), other.LockRoleRow(ctx, role))
				}))
		}
		_, err := tx.DeleteGrant(ctx, admin, role)
		return err
	}))
	ends := baseTime.Add(time.Hour)
	wantViolation(t, "roles_min_holders", txError(t, s, func(tx store.Tx) (cardinal.Grant, error) {
		return tx.UpsertGrant(ctx, cardinal.Grant{UserID: admin, RoleID: role, GrantedBy: admin, CreatedAt: baseTime,
			ExpiresAt: &ends})
	}))
	for _, action := range []string{"suspend", "delete"} {
		wantViolation(t, "roles_min_holders", txError(t, s, func(tx store.Tx) (store.UserRecord, error) {
			return tx.ChangeUserStatus(ctx, admin, 1, action, baseTime)
		}))
	}
	// With a second administrator, the first can be suspended. A user with an expiring grant and a service account do
	// not count.
	second, temporary, service := newUser(t, s, "person"), newUser(t, s, "person"), newUser(t, s, "service")
	grant(t, s, second, role, nil)
	grant(t, s, temporary, role, &ends)
	grant(t, s, service, role, nil)
	inTx(t, s, func(tx store.Tx) (bool, error) { return tx.DeleteGrant(ctx, service, role) })
	inTx(t, s, func(tx store.Tx) (store.UserRecord, error) {
		return tx.ChangeUserStatus(ctx, admin, 1, "suspend", baseTime)
	})
	wantViolation(t, "roles_min_holders", txError(t, s, func(tx store.Tx) (bool, error) {
		return tx.DeleteGrant(ctx, second, role)
	}))

	if s.Engine() == "postgres" {
		concurrentRemovals(t, s, role, second)
	}
}

// concurrentRemovals: two transactions delete the grants of the last two administrators; one of them must fail.
func concurrentRemovals(t *testing.T, s *store.Store, role, first uuid.UUID) {
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
		t.Errorf("concurrent removals of the last two administrators: %v", errs)
	}
	for _, err := range errs {
		if err != nil {
			wantViolation(t, "roles_min_holders", err)
		}
	}
}

func grantOutlasts(t *testing.T, s *store.Store) {
	role, until := newRole(t, s, "ending"), baseTime.Add(time.Hour)
	expect := func(want bool) {
		t.Helper()
		if got := must(s.Read(t.Context()).GrantOutlasts(t.Context(), role.ID, until))(t); got != want {
			t.Errorf("GrantOutlasts: %v", got)
		}
	}
	late := until.Add(time.Microsecond)
	expect(false)
	grant(t, s, newUser(t, s, "person"), role.ID, &until)
	expect(false)
	user := newUser(t, s, "person")
	grant(t, s, user, role.ID, &late)
	expect(true)
	grant(t, s, user, role.ID, &until)
	expect(false)
	grant(t, s, user, role.ID, nil)
	expect(true)
}
