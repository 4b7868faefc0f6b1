package storetest

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/store"
)

func rolePermissions(t *testing.T, s *store.Store) {
	ctx, r := t.Context(), s.Read(t.Context())
	role := newRole(t, s, "clerk", "users.update", "users.read", "roles.read")
	want := []uuid.UUID{}
	for _, name := range []string{"users.read", "users.update", "roles.read"} { // by id, not by name
		want = append(want, must(r.PermissionByName(ctx, name))(t).ID)
	}
	wantEqual(t, "RolePermissionIDs", must(r.RolePermissionIDs(ctx, role.ID))(t), want)
	page := readPages(t, func(p cardinal.Permission) uuid.UUID {
		return p.ID
	}, func(p cardinal.Page) ([]cardinal.Permission, error) {
		return r.RolePermissions(ctx, role.ID, p)
	})
	if len(page) != 3 || page[0] != must(r.Permission(ctx, want[0]))(t) {
		t.Errorf("RolePermissions: %v", page)
	}
	roles := must(r.RoleIDsWithPermission(ctx, want[0]))(t)
	if !slices.Contains(roles, role.ID) || !slices.IsSortedFunc(roles, compareIDs) {
		t.Error("RoleIDsWithPermission")
	}
	write(t, s, func(tx store.Tx) error {
		if must(tx.AddRolePermission(ctx, role.ID, want[0], baseTime.Add(time.Hour)))(t) {
			t.Error("AddRolePermission, existing: true")
		}
		for _, existed := range []bool{true, false} {
			if removed := must(tx.RemoveRolePermission(ctx, role.ID, want[0]))(t); removed != existed {
				t.Errorf("RemoveRolePermission: %v, want %v", removed, existed)
			}
		}
		return nil
	})
	wantEqual(t, "RolePermissionIDs after", must(r.RolePermissionIDs(ctx, role.ID))(t), want[1:])
	if slices.Contains(must(r.RoleIDsWithPermission(ctx, want[0]))(t), role.ID) {
		t.Error("RoleIDsWithPermission after RemoveRolePermission")
	}
	wantViolation(t, foreignKey(s, "role_permissions_permission_fk"), txError(t, s, func(tx store.Tx) (bool, error) {
		return tx.AddRolePermission(ctx, role.ID, cardinal.NewID(), baseTime)
	}))
}

func compareIDs(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) }
