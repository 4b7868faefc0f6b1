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

func roles(t *testing.T, s *store.Store) {
	ctx, r := t.Context(), s.Read(t.Context())
	role := newRole(t, s, "writer", "users.read")
	all := walk(t, func(r cardinal.Role) uuid.UUID { return r.ID }, func(p cardinal.Page) ([]cardinal.Role, error) { return r.Roles(ctx, p) })
	if len(all) < 6 || all[0].Name != "administrator" || !all[0].HoldsAll || all[0].MinHolders != 1 || all[len(all)-1] != role {
		t.Errorf("Roles: %v", all)
	}
	same(t, "Role", must(r.Role(ctx, role.ID))(t), role)
	same(t, "GuardedRoles", must(r.GuardedRoles(ctx))(t), all[:1])
	write(t, s, func(tx store.Tx) error {
		same(t, "RoleForChange", must(tx.RoleForChange(ctx, role.ID))(t), role)
		if err := tx.LockRole(ctx, role.ID); err != nil {
			t.Error(err)
		}
		if s.Engine() == "postgres" {
			refused(t, "LockRole of a locked one", cardinal.ErrBusy, s.Write(ctx, func(other store.Tx) error {
				return errors.Join(other.WaitAtMost(ctx, 20*time.Millisecond), other.LockRole(ctx, role.ID))
			}))
		}
		touched := must(tx.TouchRole(ctx, role.ID, 1, moment.Add(time.Second)))(t)
		role.Version, role.UpdatedAt = 2, moment.Add(time.Second)
		same(t, "TouchRole", touched, role)
		updated := must(tx.UpdateRole(ctx, role.ID, 2, "author", "Writes: ✍.", moment.Add(2*time.Second)))(t)
		role.Version, role.UpdatedAt, role.Name, role.Description = 3, moment.Add(2*time.Second), "author", "Writes: ✍."
		same(t, "UpdateRole", updated, role)
		return nil
	})
	refused(t, "LockRole of none", cardinal.ErrNotFound, s.Write(ctx, func(tx store.Tx) error { return tx.LockRole(ctx, cardinal.NewID()) }))
	same(t, "RoleByName", must(r.RoleByName(ctx, "author"))(t), role)
	_, err := r.RoleByName(ctx, "Author")
	refused(t, "RoleByName in another case", cardinal.ErrNotFound, err)
	for name, change := range map[string]func(store.Tx) (cardinal.Role, error){
		"UpdateRole": func(tx store.Tx) (cardinal.Role, error) { return tx.UpdateRole(ctx, role.ID, 2, "x", "x", moment) },
		"TouchRole":  func(tx store.Tx) (cardinal.Role, error) { return tx.TouchRole(ctx, role.ID, 2, moment) },
		"DeleteRole": func(tx store.Tx) (cardinal.Role, error) { return role, tx.DeleteRole(ctx, role.ID, 2) },
	} {
		refused(t, name+" of a stale version", cardinal.ErrNotFound, try(t, s, change))
	}
	insert := func(change func(r *cardinal.Role)) error {
		twin := role
		twin.ID, twin.Version = cardinal.NewID(), 1
		change(&twin)
		return try(t, s, func(tx store.Tx) (cardinal.Role, error) { return tx.InsertRole(ctx, twin) })
	}
	violated(t, "roles_name_uq", insert(func(*cardinal.Role) {}))
	violated(t, "roles_name_ck", insert(func(r *cardinal.Role) { r.Name = "Größe" }))
	violated(t, "roles_description_ck", insert(func(r *cardinal.Role) { r.Name, r.Description = "mute", "" }))
	violated(t, "roles_holds_all_ck", insert(func(r *cardinal.Role) { r.Name, r.HoldsAll = "root", true }))
	administrator := all[0]
	violated(t, "roles_built_in_fixed", try(t, s, func(tx store.Tx) (cardinal.Role, error) {
		return tx.UpdateRole(ctx, administrator.ID, administrator.Version, "boss", "x", moment)
	}))
	violated(t, "roles_built_in_kept", s.Write(ctx, func(tx store.Tx) error {
		return tx.DeleteRole(ctx, roleNamed(t, s, "auditor"), 1)
	}))
	write(t, s, func(tx store.Tx) error { return tx.DeleteRole(ctx, role.ID, 3) })
	_, err = r.Role(ctx, role.ID)
	refused(t, "Role after DeleteRole", cardinal.ErrNotFound, err)
	same(t, "permissions of a deleted role", must(r.RolePermissionIDs(ctx, role.ID))(t), []uuid.UUID{})
}

func permissions(t *testing.T, s *store.Store) {
	ctx, r := t.Context(), s.Read(t.Context())
	read := must(r.PermissionByName(ctx, "users.read"))(t)
	p := cardinal.Permission{ID: cardinal.NewID(), Name: "reports.print", Description: "Print.", CreatedAt: moment, UpdatedAt: moment, Version: 1}
	write(t, s, func(tx store.Tx) error {
		same(t, "InsertPermission", must(tx.InsertPermission(ctx, p))(t), p)
		same(t, "PermissionForChange", must(tx.PermissionForChange(ctx, p.ID))(t), p)
		got := must(tx.UpdatePermission(ctx, p.ID, 1, "Print reports.", moment.Add(time.Second)))(t)
		p.Version, p.Description, p.UpdatedAt = 2, "Print reports.", moment.Add(time.Second)
		same(t, "UpdatePermission", got, p)
		return nil
	})
	same(t, "Permission", must(r.Permission(ctx, p.ID))(t), p)
	all := walk(t, func(p cardinal.Permission) uuid.UUID { return p.ID }, func(p cardinal.Page) ([]cardinal.Permission, error) { return r.Permissions(ctx, p) })
	if len(all) < 20 || all[0] != read || all[len(all)-1] != p {
		t.Errorf("Permissions: %v", all)
	}
	for name, change := range map[string]func(store.Tx) (cardinal.Permission, error){
		"UpdatePermission": func(tx store.Tx) (cardinal.Permission, error) {
			return tx.UpdatePermission(ctx, p.ID, 1, "x", moment.Add(time.Hour))
		},
		"DeletePermission": func(tx store.Tx) (cardinal.Permission, error) { return p, tx.DeletePermission(ctx, p.ID, 1) },
	} {
		refused(t, name+" of a stale version", cardinal.ErrNotFound, try(t, s, change))
	}
	insert := func(name string) error {
		twin := p
		twin.ID, twin.Name, twin.Version = cardinal.NewID(), name, 1
		return try(t, s, func(tx store.Tx) (cardinal.Permission, error) { return tx.InsertPermission(ctx, twin) })
	}
	violated(t, "permissions_name_uq", insert("reports.print"))
	for _, name := range []string{"reports", "Reports.print", "reports..print", "a.b.c.d.e", ".print", "reports.", "reports.1"} {
		violated(t, "permissions_name_ck", insert(name))
	}
	violated(t, "permissions_built_in_kept", s.Write(ctx, func(tx store.Tx) error { return tx.DeletePermission(ctx, read.ID, read.Version) }))
	role := newRole(t, s, "printer", "reports.print")
	write(t, s, func(tx store.Tx) error { return tx.DeletePermission(ctx, p.ID, 2) })
	_, err := r.Permission(ctx, p.ID)
	refused(t, "Permission after DeletePermission", cardinal.ErrNotFound, err)
	_, err = r.PermissionByName(ctx, p.Name)
	refused(t, "PermissionByName after DeletePermission", cardinal.ErrNotFound, err)
	same(t, "what is left of a role", must(r.RolePermissionIDs(ctx, role.ID))(t), []uuid.UUID{})
}

func rolePermissions(t *testing.T, s *store.Store) {
	ctx, r := t.Context(), s.Read(t.Context())
	role := newRole(t, s, "clerk", "users.update", "users.read", "roles.read")
	want := []uuid.UUID{}
	for _, name := range []string{"users.read", "users.update", "roles.read"} { // by id, which is not by name
		want = append(want, must(r.PermissionByName(ctx, name))(t).ID)
	}
	same(t, "RolePermissionIDs", must(r.RolePermissionIDs(ctx, role.ID))(t), want)
	page := walk(t, func(p cardinal.Permission) uuid.UUID { return p.ID }, func(p cardinal.Page) ([]cardinal.Permission, error) {
		return r.RolePermissions(ctx, role.ID, p)
	})
	if len(page) != 3 || page[0] != must(r.Permission(ctx, want[0]))(t) {
		t.Errorf("RolePermissions: %v", page)
	}
	if !slices.Contains(must(r.RolesHolding(ctx, want[0]))(t), role.ID) || !slices.IsSortedFunc(must(r.RolesHolding(ctx, want[0]))(t), compareIDs) {
		t.Error("RolesHolding")
	}
	write(t, s, func(tx store.Tx) error {
		if must(tx.AddRolePermission(ctx, role.ID, want[0], moment.Add(time.Hour)))(t) {
			t.Error("AddRolePermission added it twice")
		}
		for _, there := range []bool{true, false} {
			if removed := must(tx.RemoveRolePermission(ctx, role.ID, want[0]))(t); removed != there {
				t.Errorf("RemoveRolePermission: %v, want %v", removed, there)
			}
		}
		return nil
	})
	same(t, "RolePermissionIDs after", must(r.RolePermissionIDs(ctx, role.ID))(t), want[1:])
	if slices.Contains(must(r.RolesHolding(ctx, want[0]))(t), role.ID) {
		t.Error("RolesHolding after RemoveRolePermission")
	}
	violated(t, foreignKey(s, "role_permissions_permission_fk"), try(t, s, func(tx store.Tx) (bool, error) {
		return tx.AddRolePermission(ctx, role.ID, cardinal.NewID(), moment)
	}))
}

func compareIDs(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) }
