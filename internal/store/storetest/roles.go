package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/store"
)

func roles(t *testing.T, s *store.Store) {
	ctx, r := t.Context(), s.Read(t.Context())
	role := newRole(t, s, "writer", "users.read")
	all := readPages(t, func(r cardinal.Role) uuid.UUID { return r.ID },
		func(p cardinal.Page) ([]cardinal.Role, error) { return r.Roles(ctx, p) })
	if len(all) < 6 || all[0].Name != "administrator" || !all[0].HoldsAll || all[0].MinHolders != 1 ||
		all[len(all)-1] != role {
		t.Errorf("Roles: %v", all)
	}
	wantEqual(t, "Role", must(r.Role(ctx, role.ID))(t), role)
	wantEqual(t, "GuardedRoles", must(r.GuardedRoles(ctx))(t), all[:1])
	write(t, s, func(tx store.Tx) error {
		wantEqual(t, "LockRole", must(tx.LockRole(ctx, role.ID))(t), role)
		if err := tx.LockRoleRow(ctx, role.ID); err != nil {
			t.Error(err)
		}
		if s.Engine() == "postgres" {
			wantError(t, "LockRoleRow, locked", cardinal.ErrBusy, s.Write(ctx, func(other store.Tx) error {
				return errors.Join(other.SetLockTimeout(ctx, 20*time.Millisecond), other.LockRoleRow(ctx, role.ID))
			}))
		}
		touched := must(tx.TouchRole(ctx, role.ID, 1, baseTime.Add(time.Second)))(t)
		role.Version, role.UpdatedAt = 2, baseTime.Add(time.Second)
		wantEqual(t, "TouchRole", touched, role)
		updated := must(tx.UpdateRole(ctx, role.ID, 2, "author", "Writes: ✍.", baseTime.Add(2*time.Second)))(t)
		role.Version, role.UpdatedAt = 3, baseTime.Add(2*time.Second)
		role.Name, role.Description = "author", "Writes: ✍."
		wantEqual(t, "UpdateRole", updated, role)
		return nil
	})
	wantError(t, "LockRoleRow, unknown", cardinal.ErrNotFound, s.Write(ctx, func(tx store.Tx) error {
		return tx.LockRoleRow(ctx, cardinal.NewID())
	}))
	wantEqual(t, "RoleByName", must(r.RoleByName(ctx, "author"))(t), role)
	_, err := r.RoleByName(ctx, "Author")
	wantError(t, "RoleByName, other letter case", cardinal.ErrNotFound, err)
	for name, change := range map[string]func(store.Tx) (cardinal.Role, error){
		"UpdateRole": func(tx store.Tx) (cardinal.Role, error) {
			return tx.UpdateRole(ctx, role.ID, 2, "x", "x", baseTime)
		},
		"TouchRole":  func(tx store.Tx) (cardinal.Role, error) { return tx.TouchRole(ctx, role.ID, 2, baseTime) },
		"DeleteRole": func(tx store.Tx) (cardinal.Role, error) { return role, tx.DeleteRole(ctx, role.ID, 2) },
	} {
		wantError(t, name+", stale version", cardinal.ErrNotFound, txError(t, s, change))
	}
	insert := func(change func(r *cardinal.Role)) error {
		twin := role
		twin.ID, twin.Version = cardinal.NewID(), 1
		change(&twin)
		return txError(t, s, func(tx store.Tx) (cardinal.Role, error) { return tx.InsertRole(ctx, twin) })
	}
	wantViolation(t, "roles_name_uq", insert(func(*cardinal.Role) {}))
	wantViolation(t, "roles_name_ck", insert(func(r *cardinal.Role) { r.Name = "Größe" }))
	wantViolation(t, "roles_description_ck", insert(func(r *cardinal.Role) { r.Name, r.Description = "mute", "" }))
	administrator := all[0]
	wantViolation(t, "roles_built_in_fixed", txError(t, s, func(tx store.Tx) (cardinal.Role, error) {
		return tx.UpdateRole(ctx, administrator.ID, administrator.Version, "boss", "x", baseTime)
	}))
	wantViolation(t, "roles_built_in_kept", s.Write(ctx, func(tx store.Tx) error {
		return tx.DeleteRole(ctx, administrator.ID, administrator.Version)
	}))
	write(t, s, func(tx store.Tx) error { return tx.DeleteRole(ctx, role.ID, 3) })
	_, err = r.Role(ctx, role.ID)
	wantError(t, "Role after DeleteRole", cardinal.ErrNotFound, err)
	wantEqual(t, "RolePermissionIDs, deleted role", must(r.RolePermissionIDs(ctx, role.ID))(t), []uuid.UUID{})
}
