package access_test

import (
	"strings"
	"testing"

	"cardinal"
	"cardinal/internal/access"
	"cardinal/internal/directory/directorytest"
)

// phrases are the parts of a built-in role's description that state a permission.
var phrases = map[string]string{
	"access.check":    "checks permissions of users",
	"accounts.create": "sign up",
	"api_keys.read":   "API keys",
	"audit.read":      "the audit log",
	"contacts.update": "adds and removes contacts",
	"roles.read":      "roles",
	"sessions.create": "sign in",
	"sessions.read":   "sessions",
	"sessions.revoke": "ends sessions",
	"settings.read":   "settings",
	"users.read":      "Reads users",
	"users.suspend":   "suspends and reactivates users",
	"users.update":    "changes profiles",
}

func TestBuiltInRoleDescribed(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx, k := t.Context(), w.Operator()
		for _, role := range value(access.Roles(ctx, k, cardinal.Page{Limit: 50}))(t).Data {
			held := value(access.RolePermissions(ctx, k, role.ID, cardinal.Page{Limit: 100}))(t).Data
			if role.HoldsAll && !strings.Contains(role.Description, "all permissions") {
				t.Errorf("%s: the description %q does not say that it has all permissions", role.Name, role.Description)
			}
			for _, p := range held {
				if phrase := phrases[p.Name]; phrase == "" || !strings.Contains(role.Description, phrase) {
					t.Errorf("%s: the description %q does not state %s", role.Name, role.Description, p.Name)
				}
			}
		}
	})
}

// TestSupportCannotTakeOverAccounts: a password and a verified address are ways to sign in as another user.
func TestSupportCannotTakeOverAccounts(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx, k := t.Context(), w.Operator()
		for _, permission := range []string{"credentials.update", "contacts.verify", "imports.manage", "users.import"} {
			for _, name := range []string{"support", "auditor", "anonymous"} {
				user := w.NewService(t)
				if name != "anonymous" {
					w.Grant(t, user, name, nil)
				}
				q := cardinal.AccessQuestion{UserID: user.ID, Permission: permission}
				if value(access.Check(ctx, k, q))(t).Allowed {
					t.Errorf("%s has the permission %s", name, permission)
				}
			}
			administrator := w.NewService(t, "administrator")
			q := cardinal.AccessQuestion{UserID: administrator.ID, Permission: permission}
			if !value(access.Check(ctx, k, q))(t).Allowed {
				t.Errorf("an administrator does not have the permission %s", permission)
			}
		}
	})
}
