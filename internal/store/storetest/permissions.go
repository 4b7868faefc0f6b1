package storetest

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/store"
)

func permissions(t *testing.T, s *store.Store) {
	ctx, r := t.Context(), s.Read(t.Context())
	read := must(r.PermissionByName(ctx, "users.read"))(t)
	p := cardinal.Permission{ID: cardinal.NewID(), Name: "reports.print", Description: "Print.", CreatedAt: baseTime,
		UpdatedAt: baseTime, Version: 1}
	write(t, s, func(tx store.Tx) error {
		wantEqual(t, "InsertPermission", must(tx.InsertPermission(ctx, p))(t), p)
		wantEqual(t, "LockPermission", must(tx.LockPermission(ctx, p.ID))(t), p)
		got := must(tx.UpdatePermission(ctx, p.ID, 1, "Print reports.", baseTime.Add(time.Second)))(t)
		p.Version, p.Description, p.UpdatedAt = 2, "Print reports.", baseTime.Add(time.Second)
		wantEqual(t, "UpdatePermission", got, p)
		return nil
	})
	wantEqual(t, "Permission", must(r.Permission(ctx, p.ID))(t), p)
	all := readPages(t, func(p cardinal.Permission) uuid.UUID { return p.ID },
		func(p cardinal.Page) ([]cardinal.Permission, error) { return r.Permissions(ctx, p) })
	if len(all) < 20 || all[0] != read || all[len(all)-1] != p {
		t.Errorf("Permissions: %v", all)
	}
	for name, change := range map[string]func(store.Tx) (cardinal.Permission, error){
		"UpdatePermission": func(tx store.Tx) (cardinal.Permission, error) {
			return tx.UpdatePermission(ctx, p.ID, 1, "x", baseTime.Add(time.Hour))
		},
		"DeletePermission": func(tx store.Tx) (cardinal.Permission, error) {
			return p, tx.DeletePermission(ctx, p.ID, 1)
		},
	} {
		wantError(t, name+", stale version", cardinal.ErrNotFound, txError(t, s, change))
	}
	insert := func(name string) error {
		twin := p
		twin.ID, twin.Name, twin.Version = cardinal.NewID(), name, 1
		return txError(t, s, func(tx store.Tx) (cardinal.Permission, error) { return tx.InsertPermission(ctx, twin) })
	}
	wantViolation(t, "permissions_name_uq", insert("reports.print"))
	for _, name := range []string{"reports", "Reports.print", "reports..print", "a.b.c.d.e", ".print", "reports.",
		"reports.1"} {
		wantViolation(t, "permissions_name_ck", insert(name))
	}
	wantViolation(t, "permissions_built_in_kept", s.Write(ctx, func(tx store.Tx) error {
		return tx.DeletePermission(ctx, read.ID, read.Version)
	}))
	role := newRole(t, s, "printer", "reports.print")
	write(t, s, func(tx store.Tx) error { return tx.DeletePermission(ctx, p.ID, 2) })
	_, err := r.Permission(ctx, p.ID)
	wantError(t, "Permission after DeletePermission", cardinal.ErrNotFound, err)
	_, err = r.PermissionByName(ctx, p.Name)
	wantError(t, "PermissionByName after DeletePermission", cardinal.ErrNotFound, err)
	wantEqual(t, "RolePermissionIDs after DeletePermission", must(r.RolePermissionIDs(ctx, role.ID))(t), []uuid.UUID{})
}
