package directory_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/signin"
	"cardinal/internal/store"
)

func TestRoles(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		admin, _ := w.person(t, "administrator")
		desk := w.as(admin)
		t.Run("AreMadeWithPermissions", func(t *testing.T) {
			w.forget(t)
			role := must(desk.CreateRole(ctx, cardinal.NewRole{Name: "billing.clerk", Description: "Bills.", Permissions: []string{"users.read", "users.update", "users.read"}}))(t)
			if role.IsSystem || !role.IsAssignable || role.HoldsAll || role.MinHolders != 0 || role.Version != 1 {
				t.Errorf("made %+v", role)
			}
			w.tells(t, told{action: "role.create", actor: admin.ID, subject: cardinal.SystemID,
				changes: []string{"role_permissions.users.read >added", "role_permissions.users.update >added", "roles.name >billing.clerk"}, rows: []string{"role_permissions", "role_permissions", "roles"}})
			held := must(desk.RolePermissions(ctx, role.ID, cardinal.Page{Limit: 10}))(t)
			if len(held.Data) != 2 || held.Data[0].Name != "users.read" {
				t.Errorf("holds %+v", held)
			}
		})
		t.Run("RefuseBadInput", func(t *testing.T) {
			w.forget(t)
			_, err := desk.CreateRole(ctx, cardinal.NewRole{Name: "No Good", Description: ""})
			refuses(t, err, "/description text_empty, /name role_name_format")
			_, err = desk.CreateRole(ctx, cardinal.NewRole{Name: "good", Description: "Good.", Permissions: []string{"users.read", "nothing.known", "nor.this"}})
			refuses(t, err, "/permissions/1 permission_unknown, /permissions/2 permission_unknown")
			_, err = desk.CreateRole(ctx, cardinal.NewRole{Name: "support", Description: "Twice."})
			refuses(t, err, "role_name_taken")
			w.tells(t)
			_, err = desk.RoleByName(ctx, "good")
			refuses(t, err, "not_found")
		})
		t.Run("Change", func(t *testing.T) {
			role := w.role(t, w.holding(t))
			name := role.Name + "-new"
			w.forget(t)
			after := must(desk.UpdateRole(ctx, role.ID, role.Version, cardinal.RoleChange{Name: cardinal.Set(name), Description: cardinal.Set("New.")}))(t)
			w.tells(t, told{action: "role.update", actor: admin.ID, subject: cardinal.SystemID, changes: []string{"roles.description", "roles.name " + role.Name + ">" + name}, rows: []string{"roles"}})
			must(desk.UpdateRole(ctx, role.ID, after.Version, cardinal.RoleChange{Name: cardinal.Set(name)}))(t)
			w.tells(t)
			_, err := desk.UpdateRole(ctx, role.ID, role.Version, cardinal.RoleChange{Name: cardinal.Set("other")})
			refuses(t, err, "stale 2")
			_, err = desk.UpdateRole(ctx, role.ID, after.Version, cardinal.RoleChange{Name: cardinal.Clear[string](), Description: cardinal.Clear[string]()})
			refuses(t, err, "/description text_empty, /name role_name_format")
		})
		t.Run("GainAndLosePermissions", func(t *testing.T) {
			role := w.role(t, w.holding(t))
			w.forget(t)
			after := must(desk.AddRolePermission(ctx, role.ID, role.Version, "users.read"))(t)
			w.tells(t, told{action: "role.permission_add", actor: admin.ID, subject: cardinal.SystemID, changes: []string{"role_permissions.users.read >added"}, rows: []string{"role_permissions", "roles"}})
			same := must(desk.AddRolePermission(ctx, role.ID, after.Version, "users.read"))(t)
			if same.Version != after.Version {
				t.Error("no change raised the version")
			}
			w.tells(t)
			_, err := desk.AddRolePermission(ctx, role.ID, after.Version, "nothing.known")
			refuses(t, err, "/permission permission_unknown")
			_, err = desk.AddRolePermission(ctx, role.ID, role.Version, "users.create")
			refuses(t, err, "stale 2")
			id := must(desk.RolePermissions(ctx, role.ID, cardinal.Page{Limit: 1}))(t).Data[0].ID
			u, _ := w.person(t, role.Name)
			must(w.as(u).Users(ctx, cardinal.UserFilter{Page: cardinal.Page{Limit: 1}}, false))(t)
			w.forget(t)
			after = must(desk.RemoveRolePermission(ctx, role.ID, after.Version, id))(t)
			w.tells(t, told{action: "role.permission_remove", actor: admin.ID, subject: cardinal.SystemID, changes: []string{"role_permissions.users.read >removed"}, rows: []string{"-role_permissions", "roles"}})
			_, err = w.as(u).Users(ctx, cardinal.UserFilter{Page: cardinal.Page{Limit: 1}}, false)
			refuses(t, err, "permission_missing")
			_, err = desk.RemoveRolePermission(ctx, role.ID, after.Version, id)
			refuses(t, err, "not_found")
		})
		t.Run("GoOnlyWhenNobodyHoldsThem", func(t *testing.T) {
			role := w.role(t, w.holding(t, "users.read", "users.update"))
			u, _ := w.person(t, role.Name)
			w.forget(t)
			refuses(t, desk.DeleteRole(ctx, role.ID, role.Version), "role_in_use")
			w.tells(t)
			ok(t, desk.RevokeGrant(ctx, u.ID, role.ID))
			refuses(t, desk.DeleteRole(ctx, role.ID, role.Version+1), "stale 1")
			w.forget(t)
			ok(t, desk.DeleteRole(ctx, role.ID, role.Version))
			w.tells(t, told{action: "role.delete", actor: admin.ID, subject: cardinal.SystemID, changes: []string{"roles.name " + role.Name + ">"}, rows: []string{"-role_permissions", "-role_permissions", "-roles"}})
		})
		t.Run("BuiltInOnesStay", func(t *testing.T) {
			w.forget(t)
			for _, name := range []string{"administrator", "cardinal", "stranger"} {
				role := w.role(t, name)
				_, err := desk.UpdateRole(ctx, role.ID, role.Version, cardinal.RoleChange{Name: cardinal.Set("mine")})
				refuses(t, err, "built_in")
				refuses(t, desk.DeleteRole(ctx, role.ID, role.Version), "built_in")
				_, err = desk.AddRolePermission(ctx, role.ID, role.Version, "users.read")
				refuses(t, err, "built_in")
			}
			u, _ := w.person(t)
			w.forget(t)
			for _, name := range []string{"cardinal", "stranger"} {
				_, err := desk.GrantRole(ctx, u.ID, cardinal.NewGrant{RoleID: w.role(t, name).ID})
				refuses(t, err, "role_not_assignable")
			}
			w.tells(t)
		})
		t.Run("AreListedInPages", func(t *testing.T) {
			page := must(desk.Roles(ctx, cardinal.Page{Limit: 2}))(t)
			if len(page.Data) != 2 || !page.HasMore || page.Data[0].Name != "administrator" {
				t.Errorf("page %+v", page)
			}
			next := must(desk.Roles(ctx, cardinal.Page{Limit: 2, After: page.Data[1].ID}))(t)
			if next.Data[0].Name != "stranger" {
				t.Errorf("next %+v", next)
			}
		})
	})
}

func TestPermissions(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		admin, _ := w.person(t, "administrator")
		desk := w.as(admin)
		w.forget(t)
		p := must(desk.CreatePermission(ctx, cardinal.NewPermission{Name: "invoices.approve", Description: "Approve invoices."}))(t)
		w.tells(t, told{action: "permission.create", actor: admin.ID, subject: cardinal.SystemID, changes: []string{"permissions.name >invoices.approve"}, rows: []string{"permissions"}})
		t.Run("RefuseBadInput", func(t *testing.T) {
			_, err := desk.CreatePermission(ctx, cardinal.NewPermission{Name: "Invoices", Description: " "})
			refuses(t, err, "/description text_empty, /name permission_name_format")
			_, err = desk.CreatePermission(ctx, cardinal.NewPermission{Name: "a." + strings.Repeat("b", 63), Description: "Long."})
			refuses(t, err, "/name permission_name_format")
			_, err = desk.CreatePermission(ctx, cardinal.NewPermission{Name: "users.read", Description: "Twice."})
			refuses(t, err, "permission_name_taken")
			w.tells(t)
		})
		t.Run("Change", func(t *testing.T) {
			_, err := desk.UpdatePermission(ctx, p.ID, 7, cardinal.PermissionChange{Description: cardinal.Set("New.")})
			refuses(t, err, "stale 1")
			p = must(desk.UpdatePermission(ctx, p.ID, p.Version, cardinal.PermissionChange{Description: cardinal.Set("New.")}))(t)
			w.tells(t, told{action: "permission.update", actor: admin.ID, subject: cardinal.SystemID, changes: []string{"permissions.description"}, rows: []string{"permissions"}})
			must(desk.UpdatePermission(ctx, p.ID, p.Version, cardinal.PermissionChange{Description: cardinal.Set("New.")}))(t)
			must(desk.UpdatePermission(ctx, p.ID, p.Version, cardinal.PermissionChange{}))(t)
			w.tells(t)
		})
		t.Run("GoFromEveryRole", func(t *testing.T) {
			a, b := w.role(t, w.holding(t, "invoices.approve")), w.role(t, w.holding(t, "invoices.approve", "users.read"))
			u, _ := w.person(t, a.Name)
			q := cardinal.AccessQuestion{UserID: u.ID, Permission: "invoices.approve"}
			if !must(desk.CheckAccess(ctx, q))(t).Allowed {
				t.Error("not allowed before")
			}
			w.forget(t)
			refuses(t, desk.DeletePermission(ctx, p.ID, p.Version-1), "stale 2")
			ok(t, desk.DeletePermission(ctx, p.ID, p.Version))
			w.tells(t, told{action: "permission.delete", actor: admin.ID, subject: cardinal.SystemID, changes: []string{"permissions.name invoices.approve>"}, rows: []string{"-permissions", "-role_permissions", "-role_permissions"}})
			if held := must(desk.RolePermissions(ctx, b.ID, cardinal.Page{Limit: 5}))(t); len(held.Data) != 1 {
				t.Errorf("holds %+v", held)
			}
			_, err := desk.CheckAccess(ctx, q)
			refuses(t, err, "/permission permission_unknown")
		})
		t.Run("BuiltInOnesStay", func(t *testing.T) {
			first := must(desk.Permissions(ctx, cardinal.Page{Limit: 1}))(t).Data[0]
			refuses(t, desk.DeletePermission(ctx, first.ID, first.Version), "built_in")
			sameJSON(t, first, must(desk.Permission(ctx, first.ID))(t))
		})
	})
}

func TestGrants(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		admin, _ := w.person(t, "administrator")
		desk := w.as(admin)
		role := w.role(t, "auditor")
		t.Run("AreGivenAndTaken", func(t *testing.T) {
			u, _ := w.person(t)
			w.forget(t)
			g := must(desk.GrantRole(ctx, u.ID, cardinal.NewGrant{RoleID: role.ID}))(t)
			if g.GrantedBy != admin.ID || g.RoleName != "auditor" || g.ExpiresAt != nil {
				t.Errorf("granted %+v", g)
			}
			w.tells(t, told{action: "role.grant", actor: admin.ID, subject: u.ID, changes: []string{"user_roles.auditor >granted"}, rows: []string{"user_roles"}})
			must(w.as(u).Settings(ctx))(t)
			until := w.Clock.Now().Add(time.Hour)
			must(desk.GrantRole(ctx, u.ID, cardinal.NewGrant{RoleID: role.ID, ExpiresAt: &until}))(t)
			w.tells(t, told{action: "role.grant", actor: admin.ID, subject: u.ID, changes: []string{"user_roles.auditor >granted", "user_roles.expires_at >time"}, rows: []string{"user_roles"}})
			ok(t, desk.RevokeGrant(ctx, u.ID, role.ID))
			w.tells(t, told{action: "role.revoke", actor: admin.ID, subject: u.ID, changes: []string{"user_roles.auditor >revoked"}, rows: []string{"-user_roles"}})
			refuses(t, desk.RevokeGrant(ctx, u.ID, role.ID), "not_found")
			w.tells(t)
			_, err := w.as(u).Settings(ctx)
			refuses(t, err, "permission_missing")
		})
		t.Run("RefuseBadInput", func(t *testing.T) {
			u, _ := w.person(t)
			past := w.Clock.Now()
			w.forget(t)
			_, err := desk.GrantRole(ctx, u.ID, cardinal.NewGrant{RoleID: role.ID, ExpiresAt: &past})
			refuses(t, err, "/expires_at time_in_past")
			_, err = desk.GrantRole(ctx, u.ID, cardinal.NewGrant{RoleID: cardinal.NewID()})
			refuses(t, err, "/role_id role_unknown")
			_, err = desk.GrantRole(ctx, cardinal.NewID(), cardinal.NewGrant{RoleID: role.ID})
			refuses(t, err, "not_found")
			refuses(t, desk.RevokeGrant(ctx, u.ID, cardinal.NewID()), "not_found")
			w.tells(t)
		})
		t.Run("ExpireInTheLogOnce", func(t *testing.T) {
			u, _ := w.person(t)
			kept, _ := w.person(t)
			until, later := w.Clock.Now().Add(time.Minute), w.Clock.Now().Add(time.Hour)
			w.grant(t, u, "auditor", &until)
			w.grant(t, kept, "auditor", &later)
			w.forget(t)
			w.run(t, "grants.expire")
			w.tells(t)
			w.Clock.Add(time.Minute)
			w.run(t, "grants.expire")
			w.tells(t, told{action: "role.expire", actor: cardinal.SystemID, subject: u.ID, changes: []string{"user_roles.auditor >expired"}, rows: []string{"-user_roles"}})
			w.run(t, "grants.expire")
			w.tells(t)
			if g := must(desk.Grants(ctx, kept.ID, cardinal.Page{Limit: 5}))(t); len(g.Data) != 1 {
				t.Errorf("grants %+v", g)
			}
		})
		t.Run("ProlongedMeanwhileTheyStay", func(t *testing.T) {
			if w.engine == "sqlite" {
				return // its transactions take turns
			}
			u, _ := w.person(t)
			until, later := w.Clock.Now().Add(time.Minute), w.Clock.Now().Add(time.Hour)
			grant := w.grant(t, u, "auditor", &until)
			w.Clock.Add(time.Minute)
			var job sync.WaitGroup
			var err error
			ok(t, w.Store.Write(ctx, func(tx store.Tx) error {
				if err := tx.LockRole(ctx, role.ID); err != nil {
					return err
				}
				grant.ExpiresAt = &later
				if _, err := tx.PutGrant(ctx, grant); err != nil {
					return err
				}
				job.Go(func() { err = w.As(cardinal.System()).RunJob(ctx, jobOf(t, "grants.expire"), uuid.Nil) })
				w.waitForLock(t)
				return nil
			}))
			job.Wait()
			ok(t, err)
			if g := must(desk.Grants(ctx, u.ID, cardinal.Page{Limit: 5}))(t); len(g.Data) != 1 {
				t.Errorf("grants %+v", g)
			}
		})
		t.Run("TakeTheKeysUseWithThem", func(t *testing.T) {
			svc := w.service(t, "auditor", "support")
			key := must(desk.CreateAPIKey(ctx, cardinal.NewAPIKey{UserID: svc.ID, Name: "k", RoleIDs: []uuid.UUID{role.ID, w.role(t, "support").ID}, ExpiresAt: w.Clock.Now().Add(time.Hour)}))(t)
			caller := w.As(must(signin.Authenticate(ctx, w.Directory, key.Token.Reveal(), noID, cardinal.Client{}))(t))
			must(caller.Settings(ctx))(t)
			w.forget(t)
			ok(t, desk.RevokeGrant(ctx, svc.ID, role.ID))
			w.tells(t, told{action: "role.revoke", actor: admin.ID, subject: svc.ID, changes: []string{"user_roles.auditor >revoked"}, rows: []string{"-api_key_roles", "-user_roles"}})
			_, err := caller.Settings(ctx)
			refuses(t, err, "permission_missing")
		})
	})
}

func TestAPIKeys(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		admin, _ := w.person(t, "administrator")
		desk := w.as(admin)
		svc := w.service(t, "auditor")
		auditor := w.role(t, "auditor")
		in := cardinal.NewAPIKey{UserID: svc.ID, Name: "Nightly", RoleIDs: []uuid.UUID{auditor.ID, auditor.ID}, ExpiresAt: w.Clock.Now().Add(time.Hour)}
		w.forget(t)
		key := must(desk.CreateAPIKey(ctx, in))(t)
		w.tells(t, told{action: "api_key.create", actor: admin.ID, subject: svc.ID, changes: []string{"api_keys.expires_at >time"}, rows: []string{"api_key_roles", "api_keys"}})
		use := func(k cardinal.APIKey) error {
			_, err := signin.Authenticate(ctx, w.Directory, k.Token.Reveal(), noID, cardinal.Client{})
			return err
		}
		t.Run("AreShownOnce", func(t *testing.T) {
			if key.Name != "Nightly" || !strings.HasSuffix(key.Token.Reveal(), key.Hint) || len(key.RoleIDs) != 1 {
				t.Errorf("made %+v", key)
			}
			again := must(desk.APIKey(ctx, key.ID))(t)
			if again.Token != "" || again.Name != "Nightly" {
				t.Errorf("read %+v", again)
			}
			if page := must(desk.APIKeys(ctx, svc.ID, cardinal.Page{Limit: 5}))(t); len(page.Data) != 1 || page.Data[0].Token != "" || page.Data[0].Name != "Nightly" {
				t.Errorf("listed %+v", page)
			}
		})
		t.Run("AreNoSession", func(t *testing.T) {
			ok(t, use(key))
			_, err := signin.CheckSession(ctx, w.Directory, key.Token.Reveal())
			refuses(t, err, "not_signed_in")
			_, err = signin.Authenticate(ctx, w.Directory, otherSecret(key.Token), noID, cardinal.Client{})
			refuses(t, err, "not_signed_in")
		})
		t.Run("RefuseBadInput", func(t *testing.T) {
			w.forget(t)
			_, err := desk.CreateAPIKey(ctx, cardinal.NewAPIKey{UserID: svc.ID, ExpiresAt: w.Clock.Now().Add(3 * 366 * 24 * time.Hour)})
			refuses(t, err, "/expires_at expiry_range, /name text_empty, /role_ids roles_missing")
			_, err = desk.CreateAPIKey(ctx, cardinal.NewAPIKey{UserID: svc.ID, Name: "k", RoleIDs: []uuid.UUID{auditor.ID, w.role(t, "support").ID}, ExpiresAt: w.Clock.Now().Add(-time.Hour)})
			refuses(t, err, "/expires_at expiry_range, /role_ids/1 role_not_granted")
			for _, id := range []uuid.UUID{admin.ID, cardinal.NewID()} {
				_, err = desk.CreateAPIKey(ctx, cardinal.NewAPIKey{UserID: id, Name: "k", RoleIDs: []uuid.UUID{auditor.ID}, ExpiresAt: w.Clock.Now().Add(time.Hour)})
				refuses(t, err, "/user_id service_unknown")
			}
			w.tells(t)
		})
		t.Run("EndWithTheirService", func(t *testing.T) {
			s := must(desk.SuspendUser(ctx, svc.ID, svc.Version))(t)
			refuses(t, use(key), "not_signed_in")
			_, err := desk.CreateAPIKey(ctx, in)
			refuses(t, err, "/user_id service_unknown")
			must(desk.ReactivateUser(ctx, svc.ID, s.Version))(t)
			ok(t, use(key))
		})
		t.Run("AreRevokedOnce", func(t *testing.T) {
			other := must(desk.CreateAPIKey(ctx, in))(t)
			w.forget(t)
			ended := must(desk.RevokeAPIKey(ctx, other.ID))(t)
			if ended.RevokedAt == nil || len(ended.RoleIDs) != 1 {
				t.Errorf("ended %+v", ended)
			}
			w.tells(t, told{action: "api_key.revoke", actor: admin.ID, subject: svc.ID, changes: []string{"api_keys.revoked_at >time"}, rows: []string{"api_keys"}})
			refuses(t, use(other), "not_signed_in")
			must(desk.RevokeAPIKey(ctx, other.ID))(t)
			w.tells(t)
			_, err := desk.RevokeAPIKey(ctx, cardinal.NewID())
			refuses(t, err, "not_found")
		})
		t.Run("Expire", func(t *testing.T) {
			w.Clock.Add(time.Hour)
			refuses(t, use(key), "not_signed_in")
		})
	})
}

func TestExplainAccess(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		desk := w.operator()
		role := w.holding(t, "settings.read")
		ask := func(u cardinal.User) cardinal.AccessExplained {
			return must(desk.ExplainAccess(ctx, cardinal.AccessQuestion{UserID: u.ID, Permission: "settings.read"}))(t)
		}
		day := w.Clock.Now().UTC().Format(time.DateOnly)
		t.Run("Yes", func(t *testing.T) {
			u, _ := w.person(t, role)
			if a := ask(u); !a.Allowed || a.Reason != "yes, by the role "+role+", granted on "+day || len(a.Grants) != 1 || !a.Grants[0].InForce || a.Grants[0].GrantedBy != cardinal.OperatorID {
				t.Errorf("explained %+v", a)
			}
		})
		t.Run("YesForAWhile", func(t *testing.T) {
			u, _ := w.person(t)
			until := w.Clock.Now().Add(time.Hour)
			w.grant(t, u, role, &until)
			if a := ask(u); !a.Allowed || a.Reason != "yes, by the role "+role+", granted on "+day+", ends "+until.UTC().Format(time.DateTime) {
				t.Errorf("explained %+v", a)
			}
			w.Clock.Add(time.Hour)
			if a := ask(u); a.Allowed || a.Reason != "no: the grants that would give it have expired" || a.Grants[0].InForce {
				t.Errorf("explained %+v", a)
			}
		})
		t.Run("No", func(t *testing.T) {
			u, _ := w.person(t)
			if a := ask(u); a.Allowed || a.Reason != "no: none of the user's roles holds it" || len(a.Grants) != 0 {
				t.Errorf("explained %+v", a)
			}
		})
		t.Run("NotWhileSuspended", func(t *testing.T) {
			u, _ := w.person(t, role, "administrator")
			w.person(t, "administrator")
			must(desk.SuspendUser(ctx, u.ID, u.Version))(t)
			if a := ask(u); a.Allowed || a.Reason != "no: the account is suspended" || len(a.Grants) != 2 || a.Grants[0].InForce {
				t.Errorf("explained %+v", a)
			}
		})
		t.Run("NotByThisKey", func(t *testing.T) {
			empty := w.holding(t)
			svc := w.service(t, role, empty)
			key := must(desk.CreateAPIKey(ctx, cardinal.NewAPIKey{UserID: svc.ID, Name: "k", RoleIDs: []uuid.UUID{w.role(t, empty).ID}, ExpiresAt: w.Clock.Now().Add(time.Hour)}))(t)
			caller := w.As(must(signin.Authenticate(ctx, w.Directory, key.Token.Reveal(), noID, cardinal.Client{}))(t))
			a := must(caller.ExplainAccess(ctx, cardinal.AccessQuestion{Permission: "settings.read"}))(t)
			if a.Allowed || a.Reason != "no: this API key may not use the role that holds it" {
				t.Errorf("explained %+v", a)
			}
			if a := ask(svc); !a.Allowed {
				t.Errorf("explained %+v", a)
			}
			_, err := caller.CheckAccess(ctx, cardinal.AccessQuestion{Permission: "nothing.known"})
			refuses(t, err, "/permission permission_unknown")
		})
		t.Run("RefusesBadQuestions", func(t *testing.T) {
			_, err := desk.ExplainAccess(ctx, cardinal.AccessQuestion{UserID: cardinal.NewID(), Permission: "settings.read"})
			refuses(t, err, "not_found")
			_, err = desk.ExplainAccess(ctx, cardinal.AccessQuestion{Permission: "nothing.known"})
			refuses(t, err, "/permission permission_unknown")
		})
	})
}
