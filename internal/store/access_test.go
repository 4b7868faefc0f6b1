package store_test

import (
	"bytes"
	"context"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"cardinal"
	"cardinal/internal/pgtest"
	"cardinal/internal/store"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// moment is when the tests happen, at the precision that both engines keep.
var moment = time.Now().UTC().Truncate(time.Microsecond)

func TestAccess(t *testing.T) {
	onBothEngines(t, func(t *testing.T, s *store.Store) {
		for _, sub := range []struct {
			name string
			test func(*testing.T, *store.Store)
		}{
			{"NobodyIsAdministratorAtFirst", nobodyIsAdministrator},
			{"Roles", roles},
			{"Permissions", permissions},
			{"Grants", grants},
			{"MayFollowsGrants", mayFollowsGrants},
			{"OutranksComparesPermissions", outranksComparesPermissions},
			{"TheLastAdministratorStays", lastAdministratorStays},
			{"APIKeys", apiKeys},
			{"Attributes", attributes},
			{"Settings", settings},
			{"Countries", countries},
			{"Jobs", jobs},
			{"Replies", replies},
			{"SetupLinks", setupLinks},
		} {
			t.Run(sub.name, func(t *testing.T) { sub.test(t, s) })
		}
	})
}

func nobodyIsAdministrator(t *testing.T, s *store.Store) {
	if has, err := s.Read(t.Context()).HasAdministrator(t.Context()); has || err != nil {
		t.Errorf("HasAdministrator: %v, %v", has, err)
	}
}

func roles(t *testing.T, s *store.Store) {
	ctx := t.Context()
	role := newRole(t, s, "writer", "users.read")
	page, err := s.Read(ctx).Roles(ctx, cardinal.Page{Limit: 2, Descending: true})
	if must(t, page, err); len(page) != 3 || page[0] != role {
		t.Errorf("newest roles: %v", page)
	}
	write(t, s, func(tx store.Tx) error {
		locked, err := tx.RoleForChange(ctx, role.ID)
		if must(t, locked, err) != role {
			t.Errorf("RoleForChange: %v", locked)
		}
		if err := tx.LockRole(ctx, role.ID); err != nil {
			t.Error(err)
		}
		refused(t, "LockRole of none", cardinal.ErrNotFound, tx.LockRole(ctx, cardinal.NewID()))
		if s.Engine() == "postgres" {
			refused(t, "LockRole of a locked one", cardinal.ErrBusy, s.Write(ctx, func(other store.Tx) error {
				return errors.Join(other.WaitAtMost(ctx, 20*time.Millisecond), other.LockRole(ctx, role.ID))
			}))
		}
		touched, err := tx.TouchRole(ctx, role.ID, 1, moment.Add(time.Second))
		if must(t, touched, err).Version != 2 {
			t.Errorf("TouchRole: %v", touched)
		}
		role, err = tx.UpdateRole(ctx, role.ID, 2, "author", "Writes.", moment.Add(2*time.Second))
		if must(t, role, err).Version != 3 || role.Name != "author" || role.UpdatedAt != moment.Add(2*time.Second) {
			t.Errorf("UpdateRole: %v", role)
		}
		return nil
	})
	if found, err := s.Read(ctx).RoleByName(ctx, "author"); must(t, found, err) != role {
		t.Errorf("RoleByName: %v", found)
	}
	for name, change := range map[string]func(store.Tx) error{
		"UpdateRole": func(tx store.Tx) error {
			_, err := tx.UpdateRole(ctx, role.ID, 2, "x", "x", moment)
			return err
		},
		"TouchRole":  func(tx store.Tx) error { _, err := tx.TouchRole(ctx, role.ID, 2, moment); return err },
		"DeleteRole": func(tx store.Tx) error { return tx.DeleteRole(ctx, role.ID, 2) },
	} {
		refused(t, name+" of a stale version", cardinal.ErrNotFound, s.Write(ctx, change))
	}
	violated(t, "roles_name_uq", s.Write(ctx, func(tx store.Tx) error {
		twin := role
		twin.ID = cardinal.NewID()
		_, err := tx.InsertRole(ctx, twin)
		return err
	}))
	write(t, s, func(tx store.Tx) error { return tx.DeleteRole(ctx, role.ID, 3) })
	_, err = s.Read(ctx).Role(ctx, role.ID)
	refused(t, "Role after DeleteRole", cardinal.ErrNotFound, err)
	stamped(t, store.StampRole(role), store.Gone("roles", role.ID))
}

func permissions(t *testing.T, s *store.Store) {
	ctx := t.Context()
	read, err := s.Read(ctx).PermissionByName(ctx, "users.read")
	must(t, read, err)
	p := cardinal.Permission{ID: cardinal.NewID(), Name: "reports.print", Description: "Print.", CreatedAt: moment, UpdatedAt: moment, Version: 1}
	write(t, s, func(tx store.Tx) error {
		if got, err := tx.InsertPermission(ctx, p); must(t, got, err) != p {
			t.Errorf("InsertPermission: %v", got)
		}
		if got, err := tx.PermissionForChange(ctx, p.ID); must(t, got, err) != p {
			t.Errorf("PermissionForChange: %v", got)
		}
		p, err = tx.UpdatePermission(ctx, p.ID, 1, "Print reports.", moment.Add(time.Second))
		if must(t, p, err).Version != 2 {
			t.Errorf("UpdatePermission: %v", p)
		}
		return nil
	})
	if got, err := s.Read(ctx).Permission(ctx, p.ID); must(t, got, err) != p {
		t.Errorf("Permission: %v", got)
	}
	named, err := s.Read(ctx).PermissionsByName(ctx, []string{"reports.print", "no.such", "users.read"})
	if !slices.Equal(must(t, named, err), []cardinal.Permission{read, p}) {
		t.Errorf("PermissionsByName: %v", named)
	}
	newest, err := s.Read(ctx).Permissions(ctx, cardinal.Page{Limit: 1, Descending: true})
	if must(t, newest, err); len(newest) != 2 || newest[0] != p {
		t.Errorf("Permissions: %v", newest)
	}

	role := newRole(t, s, "printer", "users.read", "reports.print")
	write(t, s, func(tx store.Tx) error {
		if added, err := tx.AddRolePermission(ctx, role.ID, p.ID, moment); must(t, added, err) {
			t.Error("AddRolePermission added it twice")
		}
		return nil
	})
	names, err := s.Read(ctx).AllRolePermissionNames(ctx, role.ID)
	if !slices.Equal(must(t, names, err), []string{"reports.print", "users.read"}) {
		t.Errorf("AllRolePermissionNames: %v", names)
	}
	page, err := s.Read(ctx).RolePermissions(ctx, role.ID, cardinal.Page{Limit: 5, After: read.ID})
	if !slices.Equal(must(t, page, err), []cardinal.Permission{p}) {
		t.Errorf("RolePermissions: %v", page)
	}
	write(t, s, func(tx store.Tx) error {
		for _, want := range []bool{true, false} {
			if removed, err := tx.RemoveRolePermission(ctx, role.ID, read.ID); must(t, removed, err) != want {
				t.Errorf("RemoveRolePermission: %v, want %v", removed, want)
			}
		}
		return tx.DeletePermission(ctx, p.ID, 2)
	})
	if names, err = s.Read(ctx).AllRolePermissionNames(ctx, role.ID); len(must(t, names, err)) != 0 {
		t.Errorf("a deleted permission is still held: %v", names)
	}
	violated(t, "permissions_built_in_kept", s.Write(ctx, func(tx store.Tx) error { return tx.DeletePermission(ctx, read.ID, read.Version) }))
	refused(t, "DeletePermission of none", cardinal.ErrNotFound, s.Write(ctx, func(tx store.Tx) error { return tx.DeletePermission(ctx, p.ID, 2) }))
	stamped(t, store.StampPermission(p), store.StampRolePermission(role.ID, p.ID, moment))
}

func grants(t *testing.T, s *store.Store) {
	ctx := t.Context()
	user, role := newUser(t, s, "person"), newRole(t, s, "grantee")
	ends := moment.Add(time.Minute)
	first := grant(t, s, user, role.ID, &ends)
	if first.RoleName != "grantee" || !first.ExpiresAt.Equal(ends) {
		t.Errorf("PutGrant: %v", first)
	}
	for at, want := range map[time.Time]int{ends.Add(-time.Microsecond): 1, ends: 0} {
		if holders, err := s.Read(ctx).HoldersOf(ctx, role.ID, 10, at); len(must(t, holders, err)) != want {
			t.Errorf("holders at %v: %v", at, holders)
		}
		if expired, err := s.Read(ctx).ExpiredGrants(ctx, at, 10); len(must(t, expired, err)) != 1-want {
			t.Errorf("expired at %v: %v", at, expired)
		}
	}
	write(t, s, func(tx store.Tx) error {
		again, err := tx.PutGrant(ctx, cardinal.Grant{UserID: user, RoleID: role.ID, GrantedBy: cardinal.OperatorID, CreatedAt: moment.Add(time.Hour)})
		if must(t, again, err); again.CreatedAt != moment || again.ExpiresAt != nil || again.GrantedBy != cardinal.OperatorID {
			t.Errorf("PutGrant again: %v", again)
		}
		return nil
	})
	if got, err := s.Read(ctx).Grant(ctx, user, role.ID); must(t, got, err).RoleName != "grantee" {
		t.Errorf("Grant: %v", got)
	}
	if page, err := s.Read(ctx).Grants(ctx, user, cardinal.Page{Limit: 1}); len(must(t, page, err)) != 1 {
		t.Errorf("Grants: %v", page)
	}
	if err := s.Write(ctx, func(tx store.Tx) error { return tx.DeleteRole(ctx, role.ID, role.Version) }); !errors.Is(err, cardinal.ErrConflict) {
		t.Errorf("DeleteRole of a held one: %v", err)
	}
	write(t, s, func(tx store.Tx) error {
		for _, want := range []bool{true, false} {
			if ended, err := tx.DeleteGrant(ctx, user, role.ID); must(t, ended, err) != want {
				t.Errorf("DeleteGrant: %v, want %v", ended, want)
			}
		}
		return nil
	})
	stamped(t, store.StampGrant(first), store.Gone("user_roles", user, role.ID))
}

func mayFollowsGrants(t *testing.T, s *store.Store) {
	ctx, r := t.Context(), s.Read(t.Context())
	user, reader := newUser(t, s, "person"), newRole(t, s, "may_read", "users.read")
	ends := moment.Add(time.Minute)
	grant(t, s, user, reader.ID, &ends)
	for _, c := range []struct {
		permission     string
		at             time.Time
		known, allowed bool
	}{
		{"users.read", moment, true, true},
		{"users.read", ends, true, false},
		{"users.delete", moment, true, false},
		{"no.such", moment, false, false},
	} {
		if may, err := r.May(ctx, store.Caller{UserID: user}, c.permission, c.at); must(t, may, err) != c.allowed {
			t.Errorf("May %v: %v", c, may)
		}
		known, allowed, err := r.CheckAccess(ctx, user, c.permission, c.at)
		if must(t, known, err) != c.known || allowed != c.allowed {
			t.Errorf("CheckAccess %v: %v, %v", c, known, allowed)
		}
	}
	if may, err := r.May(ctx, store.Caller{UserID: cardinal.SystemID}, "users.delete", moment); !must(t, may, err) {
		t.Error("the System may not delete users")
	}
	why, err := r.ExplainAccess(ctx, user, "users.read")
	if must(t, why, err); len(why) != 1 || why[0].RoleName != "may_read" || !why[0].ExpiresAt.Equal(ends) || why[0].GrantedAt != moment {
		t.Errorf("ExplainAccess: %v", why)
	}
	if known, allowed, err := r.CheckAccess(ctx, cardinal.SystemID, "no.such", moment); must(t, known, err) || allowed {
		t.Error("who holds all holds what does not exist")
	}
	_, _, err = r.CheckAccess(ctx, cardinal.NewID(), "users.read", moment)
	refused(t, "CheckAccess of nobody", cardinal.ErrNotFound, err)
	write(t, s, func(tx store.Tx) error {
		_, err := tx.SetUserStatus(ctx, user, 1, "suspend", moment)
		return err
	})
	if known, allowed, err := r.CheckAccess(ctx, user, "users.read", moment); !must(t, known, err) || allowed {
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
	users := map[uuid.UUID]string{nothing: "nothing", empty: "empty", one: "one", two: "two", all: "all"}
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
		for target, name := range users {
			got, err := r.Outranks(ctx, store.Caller{UserID: actor.id}, target, ends)
			if want := slices.Contains(actor.outranks, target); must(t, got, err) != want {
				t.Errorf("%s outranks %s: %v", users[actor.id], name, got)
			}
		}
		for _, role := range []uuid.UUID{none.ID, small.ID, large.ID, administrator} {
			got, err := r.HoldsAllOf(ctx, store.Caller{UserID: actor.id}, role, ends)
			if want := slices.Contains(actor.roles, role); must(t, got, err) != want {
				t.Errorf("%s holds all of %s: %v", users[actor.id], role, got)
			}
		}
	}
	peer := newUser(t, s, "person")
	grant(t, s, peer, small.ID, nil)
	for at, want := range map[time.Time][2]bool{moment: {true, false}, ends: {false, true}} {
		above, err := r.Outranks(ctx, store.Caller{UserID: one}, two, at)
		must(t, above, err)
		below, err := r.Outranks(ctx, store.Caller{UserID: peer}, one, at)
		if must(t, below, err); above != want[0] || below != want[1] {
			t.Errorf("with a grant that ends at %v, at %v: %v, %v", ends, at, above, below)
		}
	}
	if got, err := r.HoldsAllOf(ctx, store.Caller{UserID: all}, cardinal.NewID(), moment); must(t, got, err) {
		t.Error("HoldsAllOf a role that is not there")
	}
}

func lastAdministratorStays(t *testing.T, s *store.Store) {
	ctx, role := t.Context(), roleNamed(t, s, "administrator")
	admin := newUser(t, s, "person")
	grant(t, s, admin, role, nil)
	if has, err := s.Read(ctx).HasAdministrator(ctx); !must(t, has, err) {
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
	violated(t, "roles_min_holders", s.Write(ctx, func(tx store.Tx) error {
		_, err := tx.PutGrant(ctx, cardinal.Grant{UserID: admin, RoleID: role, GrantedBy: admin, CreatedAt: moment, ExpiresAt: &ends})
		return err
	}))
}

func apiKeys(t *testing.T, s *store.Store) {
	ctx, r := t.Context(), s.Read(t.Context())
	service := newUser(t, s, "service")
	reader, deleter, other := newRole(t, s, "key_reader", "users.read"), newRole(t, s, "key_deleter", "users.delete"), newRole(t, s, "key_other")
	grant(t, s, service, reader.ID, nil)
	grant(t, s, service, deleter.ID, nil)
	key := func(roles ...uuid.UUID) store.APIKeyRecord {
		return store.APIKeyRecord{UserID: service, ID: cardinal.NewID(), NameSealed: sealed(), TokenHash: make([]byte, 32), Hint: "abcd",
			RoleIDs: roles, CreatedAt: moment, ExpiresAt: moment.Add(time.Hour), SchemaVersion: 1}
	}
	narrow, wide, bare := key(reader.ID), key(reader.ID, deleter.ID), key()
	write(t, s, func(tx store.Tx) error {
		return errors.Join(tx.InsertAPIKey(ctx, narrow), tx.InsertAPIKey(ctx, wide), tx.InsertAPIKey(ctx, bare))
	})
	if err := s.Write(ctx, func(tx store.Tx) error { return tx.InsertAPIKey(ctx, key(other.ID)) }); !errors.Is(err, cardinal.ErrConflict) {
		t.Errorf("a key of a role that its service does not hold: %v", err)
	}
	for k, want := range map[*store.APIKeyRecord][3]bool{&narrow: {true, false, false}, &wide: {true, true, true}, &bare: {false, false, false}} {
		c := store.Caller{UserID: service, APIKeyID: uuid.NullUUID{UUID: k.ID, Valid: true}}
		read, err := r.May(ctx, c, "users.read", moment)
		must(t, read, err)
		holds, err := r.HoldsAllOf(ctx, c, deleter.ID, moment)
		must(t, holds, err)
		outranks, err := r.Outranks(ctx, c, service, moment)
		if must(t, outranks, err); [3]bool{read, holds, outranks} != want {
			t.Errorf("key of %d roles: %v %v %v", len(k.RoleIDs), read, holds, outranks)
		}
		if got, err := r.APIKey(ctx, k.ID); !slices.Equal(must(t, got, err).RoleIDs, k.RoleIDs) || got.Hint != k.Hint || got.ExpiresAt != k.ExpiresAt {
			t.Errorf("APIKey: %v", got)
		}
	}
	for _, owner := range []uuid.UUID{uuid.Nil, service} {
		page, err := r.APIKeys(ctx, owner, cardinal.Page{Limit: 1, Descending: true})
		if must(t, page, err); len(page) != 2 || page[0].ID != bare.ID || page[1].ID != wide.ID || len(page[1].RoleIDs) != 2 {
			t.Errorf("newest keys of %s: %v", owner, page)
		}
	}
	_, err := r.APIKey(ctx, cardinal.NewID())
	refused(t, "APIKey of none", cardinal.ErrNotFound, err)
	revoke := func(tx store.Tx) error {
		got, err := tx.RevokeAPIKey(ctx, service, narrow.ID, moment)
		if err == nil && (got.RevokedAt == nil || !got.RevokedAt.Equal(moment) || len(got.RoleIDs) != 1) {
			t.Errorf("RevokeAPIKey: %v", got)
		}
		return err
	}
	write(t, s, revoke)
	refused(t, "RevokeAPIKey twice", cardinal.ErrNotFound, s.Write(ctx, revoke))
	auth, err := r.AuthenticateAPIKey(ctx, service, narrow.ID)
	if must(t, auth, err); auth.RevokedAt == nil || auth.Status != "active" || !auth.CanHoldAPIKeys || !auth.CanSignIn || len(auth.TokenHash) != 32 {
		t.Errorf("AuthenticateAPIKey: %v", auth)
	}
	stamped(t, store.StampAPIKey(narrow), store.StampAPIKeyRole(service, narrow.ID, reader.ID))
}

func attributes(t *testing.T, s *store.Store) {
	ctx, r := t.Context(), s.Read(t.Context())
	d := cardinal.AttributeDefinition{ID: cardinal.NewID(), Name: "shoe_size", Description: "Shoe size.", ValueType: "number", CreatedAt: moment, UpdatedAt: moment, Version: 1}
	write(t, s, func(tx store.Tx) error {
		if got, err := tx.InsertAttributeDefinition(ctx, d); must(t, got, err) != d {
			t.Errorf("InsertAttributeDefinition: %v", got)
		}
		return nil
	})
	if got, err := r.AttributeDefinition(ctx, d.ID); must(t, got, err) != d {
		t.Errorf("AttributeDefinition: %v", got)
	}
	if page, err := r.AttributeDefinitions(ctx, cardinal.Page{Limit: 1}); len(must(t, page, err)) != 1 {
		t.Errorf("AttributeDefinitions: %v", page)
	}
	if every, err := r.AllAttributeDefinitions(ctx); len(must(t, every, err)) != 1 {
		t.Errorf("AllAttributeDefinitions: %v", every)
	}
	remove := func(version int64) error {
		return s.Write(ctx, func(tx store.Tx) error { return tx.DeleteAttributeDefinition(ctx, d.ID, version) })
	}
	refused(t, "DeleteAttributeDefinition of a stale version", cardinal.ErrNotFound, remove(2))
	if err := remove(1); err != nil {
		t.Error(err)
	}
	stamped(t, store.StampAttributeDefinition(d), store.Gone("attribute_definitions", d.ID))
}

func settings(t *testing.T, s *store.Store) {
	ctx, r := t.Context(), s.Read(t.Context())
	every, err := r.Settings(ctx)
	if !slices.IsSortedFunc(must(t, every, err), func(a, b cardinal.Setting) int { return strings.Compare(a.Name, b.Name) }) || len(every) == 0 {
		t.Errorf("Settings: %v", every)
	}
	var stamps []cardinal.RowStamp
	for i, value := range []any{20.0, "x<é", true, 1.5} {
		write(t, s, func(tx store.Tx) error {
			before, err := tx.SettingForChange(ctx, "passwords.min_length")
			if must(t, before, err).Version != int64(i+1) {
				t.Errorf("SettingForChange: %v", before)
			}
			after, err := tx.UpdateSetting(ctx, before.Name, before.Version, value, moment)
			if must(t, after, err).Value != value {
				t.Errorf("UpdateSetting to %v: %v", value, after)
			}
			read, err := tx.Setting(ctx, before.Name)
			if must(t, read, err) != after {
				t.Errorf("Setting: %v, want %v", read, after)
			}
			stamp, err := store.StampSetting(after)
			stamps = append(stamps, must(t, stamp, err))
			return nil
		})
	}
	violated(t, "settings_value_ck", s.Write(ctx, func(tx store.Tx) error {
		_, err := tx.UpdateSetting(ctx, "passwords.min_length", 5, []string{"x"}, moment)
		return err
	}))
	stamped(t, stamps...)
}

func countries(t *testing.T, s *store.Store) {
	ctx, r := t.Context(), s.Read(t.Context())
	every, err := r.Countries(ctx)
	if must(t, every, err); len(every) < 200 || every[0].Code != "AC" && every[0].Code != "AD" {
		t.Errorf("Countries: %d", len(every))
	}
	write(t, s, func(tx store.Tx) error {
		c, err := tx.CountryForChange(ctx, "DE")
		must(t, c, err)
		after, err := tx.UpdateCountry(ctx, "DE", c.Version, 190_000, moment)
		if must(t, after, err).TaxRatePPM != 190_000 || after.Version != c.Version+1 {
			t.Errorf("UpdateCountry: %v", after)
		}
		stamped(t, store.StampCountry(c), store.StampCountry(after))
		return nil
	})
	if c, err := r.Country(ctx, "DE"); must(t, c, err).TaxRatePPM != 190_000 {
		t.Errorf("Country: %v", c)
	}
}

func jobs(t *testing.T, s *store.Store) {
	ctx, node := t.Context(), cardinal.NewID()
	every, err := s.Read(ctx).Jobs(ctx)
	must(t, every, err)
	claim := func(tx store.Tx, at time.Time) (cardinal.Job, error) { return tx.ClaimJob(ctx, node, at, time.Minute) }
	for i := range every {
		write(t, s, func(tx store.Tx) error {
			job, err := claim(tx, moment)
			if must(t, job, err).ID != every[i].ID {
				t.Errorf("ClaimJob: %v, want %v", job, every[i])
			}
			if i == 0 && s.Engine() == "postgres" {
				// Another transaction passes over the row that this one holds.
				errUndo := errors.New("undo")
				refused(t, "a claim beside", errUndo, s.Write(ctx, func(other store.Tx) error {
					if beside, err := claim(other, moment); must(t, beside, err).ID != every[1].ID {
						t.Errorf("ClaimJob beside: %v, want %v", beside, every[1])
					}
					return errUndo
				}))
			}
			return nil
		})
	}
	refused(t, "ClaimJob while all are leased", cardinal.ErrNotFound, s.Write(ctx, func(tx store.Tx) error {
		_, err := claim(tx, moment.Add(59*time.Second))
		return err
	}))
	stranger := cardinal.NewID()
	refused(t, "FinishJob of another's", cardinal.ErrNotFound, s.Write(ctx, func(tx store.Tx) error { return tx.FinishJob(ctx, every[0].ID, stranger, moment) }))
	refused(t, "FailJob of another's", cardinal.ErrNotFound, s.Write(ctx, func(tx store.Tx) error {
		return tx.FailJob(ctx, every[0].ID, stranger, moment, moment, "busy")
	}))
	write(t, s, func(tx store.Tx) error {
		return errors.Join(tx.FinishJob(ctx, every[0].ID, node, moment), tx.FailJob(ctx, every[1].ID, node, moment, moment.Add(time.Second), "busy"))
	})
	write(t, s, func(tx store.Tx) error {
		// A lease that ran out is due again, the longest waiting first.
		job, err := claim(tx, moment.Add(time.Minute))
		if must(t, job, err).ID != every[2].ID {
			t.Errorf("ClaimJob after a lease: %v", job)
		}
		return nil
	})
	after, err := s.Read(ctx).Jobs(ctx)
	must(t, after, err)
	for _, job := range after {
		switch job.ID {
		case every[0].ID:
			if job.LastRunAt == nil || !job.RunAt.Equal(moment.Add(time.Duration(*job.RepeatSeconds)*time.Second)) {
				t.Errorf("a finished job: %v", job)
			}
		case every[1].ID:
			if job.LastError == nil || *job.LastError != "busy" || job.Attempts != 1 || !job.RunAt.Equal(moment.Add(time.Second)) {
				t.Errorf("a failed job: %v", job)
			}
		}
	}
}

func replies(t *testing.T, s *store.Store) {
	ctx, r := t.Context(), s.Read(t.Context())
	reply := func(key byte) store.ReplyRecord {
		return store.ReplyRecord{ID: cardinal.NewID(), CallerID: cardinal.OperatorID, Route: "POST /v1/users", KeyHash: bytes.Repeat([]byte{key}, 32),
			Fingerprint: make([]byte, 32), ReplySealed: sealed(), CreatedAt: moment, ExpiresAt: moment.Add(time.Hour)}
	}
	first := reply(1)
	write(t, s, func(tx store.Tx) error { return tx.InsertReply(ctx, first) })
	violated(t, "idempotency_keys_key_uq", s.Write(ctx, func(tx store.Tx) error { return tx.InsertReply(ctx, reply(1)) }))

	// A duplicate waits for the one before it, for so long and no longer, and then finds its reply.
	claimed, done := reply(2), make(chan error)
	write(t, s, func(tx store.Tx) error {
		if ok, err := tx.ClaimReply(ctx, claimed); !must(t, ok, err) {
			t.Error("ClaimReply: false")
		}
		impatient, stop := context.WithTimeout(ctx, 50*time.Millisecond)
		defer stop()
		err := s.Write(impatient, func(tx store.Tx) error {
			if err := tx.WaitAtMost(ctx, 20*time.Millisecond); err != nil {
				return err
			}
			_, err := tx.ClaimReply(ctx, reply(2))
			return err
		})
		want := cardinal.ErrBusy
		if s.Engine() == "sqlite" {
			want = context.DeadlineExceeded
		}
		refused(t, "ClaimReply beside another", want, err)
		go func() {
			done <- s.Write(ctx, func(tx store.Tx) error {
				if ok, err := tx.ClaimReply(ctx, reply(2)); ok || err != nil {
					t.Errorf("ClaimReply after another: %v, %v", ok, err)
				}
				got, err := tx.Reply(ctx, claimed.CallerID, claimed.Route, claimed.KeyHash)
				if got.ID != claimed.ID || len(got.ReplySealed) != 40 {
					t.Errorf("Reply after another: %v", got)
				}
				return err
			})
		}()
		return tx.CompleteReply(ctx, claimed.ID, append(sealed(), make([]byte, 10)...))
	})
	if err := <-done; err != nil {
		t.Error(err)
	}
	refused(t, "CompleteReply of none", cardinal.ErrNotFound, s.Write(ctx, func(tx store.Tx) error { return tx.CompleteReply(ctx, cardinal.NewID(), sealed()) }))
	if got, err := r.Reply(ctx, first.CallerID, first.Route, first.KeyHash); must(t, got, err).ID != first.ID || got.ExpiresAt != first.ExpiresAt {
		t.Errorf("Reply: %v", got)
	}
	for _, want := range []int64{1, 1, 0} {
		write(t, s, func(tx store.Tx) error {
			if n, err := tx.DeleteExpiredReplies(ctx, moment.Add(time.Hour), 1); must(t, n, err) != want {
				t.Errorf("DeleteExpiredReplies: %d, want %d", n, want)
			}
			return nil
		})
	}
}

func setupLinks(t *testing.T, s *store.Store) {
	ctx := t.Context()
	link := store.SetupLinkRecord{ID: cardinal.NewID(), TokenHash: make([]byte, 32), CreatedAt: moment, ExpiresAt: moment.Add(30 * time.Minute)}
	write(t, s, func(tx store.Tx) error { return tx.InsertSetupLink(ctx, link) })
	write(t, s, func(tx store.Tx) error {
		if err := tx.DeleteDeadSetupLinks(ctx, moment); err != nil {
			return err
		}
		got, err := tx.SetupLinkForChange(ctx, link.TokenHash)
		if must(t, got, err).ID != link.ID || got.UsedAt != nil || got.ExpiresAt != link.ExpiresAt {
			t.Errorf("SetupLinkForChange: %v", got)
		}
		return tx.UseSetupLink(ctx, link.ID, moment)
	})
	refused(t, "UseSetupLink twice", cardinal.ErrNotFound, s.Write(ctx, func(tx store.Tx) error { return tx.UseSetupLink(ctx, link.ID, moment) }))
	refused(t, "SetupLinkForChange of a deleted one", cardinal.ErrNotFound, s.Write(ctx, func(tx store.Tx) error {
		if err := tx.DeleteDeadSetupLinks(ctx, moment); err != nil {
			return err
		}
		_, err := tx.SetupLinkForChange(ctx, link.TokenHash)
		return err
	}))
}

// onBothEngines runs a test on a migrated store of each kind, on PostgreSQL with the rights of the service's role only.
func onBothEngines(t *testing.T, test func(t *testing.T, s *store.Store)) {
	t.Run("sqlite", func(t *testing.T) {
		s := open(t, filepath.Join(t.TempDir(), "cardinal.db"))
		if _, err := s.Migrate(t.Context(), moment, ""); err != nil {
			t.Fatal(err)
		}
		test(t, s)
	})
	t.Run("postgres", func(t *testing.T) {
		role := serviceRole(t)
		owner := pgtest.Database(t)
		if _, err := open(t, owner).Migrate(t.Context(), moment, role); err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(owner)
		if err != nil {
			t.Fatal(err)
		}
		u.User = url.UserPassword(role, role)
		test(t, open(t, u.String()))
	})
}

func open(t *testing.T, database string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// serviceRole makes a role with a password like its name. It is dropped last, after the databases that give it rights.
func serviceRole(t *testing.T) string {
	t.Helper()
	server, role := pgtest.Server(t), "cardinal_service_"+strings.ReplaceAll(uuid.NewString(), "-", "")
	run := func(statement string) {
		t.Helper()
		ctx := context.Background() // the test's own has ended when it cleans up
		conn, err := pgx.Connect(ctx, server)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(ctx)
		if _, err := conn.Exec(ctx, statement); err != nil {
			t.Error(err)
		}
	}
	run(`CREATE ROLE ` + role + ` LOGIN PASSWORD '` + role + `'`)
	t.Cleanup(func() { run(`DROP ROLE ` + role) })
	return role
}

func write(t *testing.T, s *store.Store, fn func(store.Tx) error) {
	t.Helper()
	if err := s.Write(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

// must returns what a method returned, unless it failed.
func must[T any](t *testing.T, got T, err error) T {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func refused(t *testing.T, what string, want, err error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

func violated(t *testing.T, constraint string, err error) {
	t.Helper()
	if !store.Violates(err, constraint) {
		t.Errorf("%v, want a violation of %s", err, constraint)
	}
}

// stamped checks that stamps of different rows differ and name them.
func stamped(t *testing.T, stamps ...cardinal.RowStamp) {
	t.Helper()
	for i, s := range stamps {
		if s.Table == "" || s.Key == "" || (s.Digest == nil) != (s.Columns == 0) {
			t.Errorf("stamp: %+v", s)
		}
		if i > 0 && bytes.Equal(s.Digest, stamps[i-1].Digest) {
			t.Errorf("two rows, one digest: %+v", s)
		}
	}
}

func sealed() []byte { return append([]byte{1}, make([]byte, 29)...) }

func newUser(t *testing.T, s *store.Store, kind string) uuid.UUID {
	t.Helper()
	id := cardinal.NewID()
	write(t, s, func(tx store.Tx) error {
		_, err := tx.InsertUser(t.Context(), id, kind, "create", moment)
		return errors.Join(err, tx.InsertProfile(t.Context(), store.ProfileRecord{UserID: id, Locale: "und", TimeZone: "UTC",
			Preferences: map[string]any{}, CreatedAt: moment, UpdatedAt: moment, Version: 1, SchemaVersion: 1}))
	})
	return id
}

func newRole(t *testing.T, s *store.Store, name string, permissions ...string) cardinal.Role {
	t.Helper()
	role := cardinal.Role{ID: cardinal.NewID(), Name: name, Description: "A role.", IsAssignable: true, CreatedAt: moment, UpdatedAt: moment, Version: 1}
	write(t, s, func(tx store.Tx) error {
		got, err := tx.InsertRole(t.Context(), role)
		if must(t, got, err) != role {
			t.Errorf("InsertRole: %v, want %v", got, role)
		}
		held, err := tx.PermissionsByName(t.Context(), permissions)
		for _, p := range must(t, held, err) {
			if added, err := tx.AddRolePermission(t.Context(), role.ID, p.ID, moment); !must(t, added, err) {
				t.Errorf("AddRolePermission of %s: false", p.Name)
			}
		}
		return nil
	})
	return role
}

func roleNamed(t *testing.T, s *store.Store, name string) uuid.UUID {
	t.Helper()
	role, err := s.Read(t.Context()).RoleByName(t.Context(), name)
	return must(t, role, err).ID
}

func grant(t *testing.T, s *store.Store, userID, roleID uuid.UUID, expires *time.Time) (g cardinal.Grant) {
	t.Helper()
	write(t, s, func(tx store.Tx) (err error) {
		g, err = tx.PutGrant(t.Context(), cardinal.Grant{UserID: userID, RoleID: roleID, GrantedBy: cardinal.SystemID, CreatedAt: moment, ExpiresAt: expires})
		return err
	})
	return g
}
