package directory_test

import (
	"context"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/importing"
	"cardinal/internal/signin"
)

// deskCall is a call of one method of a desk about somebody else, and what is recorded when it is refused.
type deskCall struct {
	call   func(context.Context, directory.Desk) error
	action string // of the refused event; "" for what only reads, or is done before anyone is known
	about  uuid.UUID
}

// The methods that need no permission: each with who may call it.
var openMethods = map[string]string{
	"Actor":                "says who is asking",
	"Idempotent":           "does nothing by itself",
	"NewUserFaults":        "tells who may not nothing, tested below",
	"ChangePassword":       "own data",
	"SignOut":              "own data",
	"Statuses":             "anyone known",
	"Countries":            "anyone known",
	"Country":              "anyone known",
	"AttributeDefinitions": "anyone known",
}

// kernelMethods are no operations: other packages build operations from them, and these check the permission.
var kernelMethods = map[string]string{
	"Directory":     "returns the directory, which has no operations of an actor",
	"Read":          "is the check itself, for reads",
	"HasPermission": "only reports a permission of the actor",
	"Caller":        "only names the actor in statements about permissions",
	"NewEvent":      "only fills an event; Change appends it",
	"EncryptClient": "only encrypts the actor's own address",
	"WithoutReply":  "returns a desk of the same actor",
	"NewThrottle":   "only names the counters of an attempt",
	"CountAttempt":  "counts against the actor's own address",
	"RecordFailure": "counts against the actor's own address",
	"PrepareUser":   "writes nothing; with a password, it checks the permission of the rule first",
}

// The methods of strangers.
var strangersMethods = []string{"SignIn", "SignUp", "SetUp"}

// deskCalls calls every other method so that nothing but the permission is in its way.
func (w *world) deskCalls(t *testing.T) map[string]deskCall {
	ctx := t.Context()
	target, _ := w.person(t)
	gone, _ := w.person(t)
	gone = must(w.operator().DeleteUser(ctx, gone.ID, gone.Version))(t)
	locked, _ := w.person(t)
	locked = must(w.operator().SuspendUser(ctx, locked.ID, locked.Version))(t)
	in := w.signIn(t, must(w.operator().Contacts(ctx, target.ID))(t)[0].Value, goodPassword)
	contact := must(w.operator().Contacts(ctx, target.ID))(t)[0]
	role := w.role(t, w.holding(t, "users.read"))
	w.grant(t, target, role.Name, nil)
	declared := must(w.operator().CreatePermission(ctx, cardinal.NewPermission{Name: "invoices.approve", Description: "Approve invoices."}))(t)
	attribute := must(w.operator().CreateAttributeDefinition(ctx, cardinal.NewAttributeDefinition{Name: "team", Description: "Team.", ValueType: "string"}))(t)
	svc := w.service(t, role.Name)
	key := must(w.operator().CreateAPIKey(ctx, cardinal.NewAPIKey{UserID: svc.ID, Name: "k", RoleIDs: []uuid.UUID{role.ID}, ExpiresAt: w.Clock.Now().Add(time.Hour)}))(t)
	setting := must(w.operator().Setting(ctx, "sign_up.mode"))(t)
	people := lines(`{"email":"imported@example.com"}`)
	run := w.imports(t, people)
	page := cardinal.Page{Limit: 10}
	none := cardinal.SystemID
	return map[string]deskCall{
		"AddAdministrator": {func(ctx context.Context, k directory.Desk) error {
			_, err := signin.AddAdministrator(ctx, k, cardinal.NewUser{Email: "new@example.com"})
			return err
		}, "user.create", none},
		"AddContact": {func(ctx context.Context, k directory.Desk) error {
			_, err := k.AddContact(ctx, target.ID, cardinal.NewContact{Kind: "email", Value: "more@example.com"})
			return err
		}, "contact.add", target.ID},
		"AddRolePermission": {func(ctx context.Context, k directory.Desk) error {
			_, err := k.AddRolePermission(ctx, role.ID, role.Version, "users.create")
			return err
		}, "role.permission_add", none},
		"APIKey":         {func(ctx context.Context, k directory.Desk) error { _, err := k.APIKey(ctx, key.ID); return err }, "", none},
		"APIKeys":        {func(ctx context.Context, k directory.Desk) error { _, err := k.APIKeys(ctx, svc.ID, page); return err }, "", none},
		"Administrators": {func(ctx context.Context, k directory.Desk) error { _, err := signin.Administrators(ctx, k); return err }, "", none},
		"Audit": {func(ctx context.Context, k directory.Desk) error {
			_, err := k.Audit(ctx, cardinal.AuditFilter{Page: page})
			return err
		}, "", none},
		"CheckAccess": {func(ctx context.Context, k directory.Desk) error {
			_, err := k.CheckAccess(ctx, cardinal.AccessQuestion{UserID: target.ID, Permission: "users.read"})
			return err
		}, "", none},
		"Contact": {func(ctx context.Context, k directory.Desk) error {
			_, err := k.Contact(ctx, target.ID, contact.ID)
			return err
		}, "", none},
		"Contacts": {func(ctx context.Context, k directory.Desk) error { _, err := k.Contacts(ctx, target.ID); return err }, "", none},
		"CreateAPIKey": {func(ctx context.Context, k directory.Desk) error {
			_, err := k.CreateAPIKey(ctx, cardinal.NewAPIKey{UserID: svc.ID, Name: "k2", RoleIDs: []uuid.UUID{role.ID}, ExpiresAt: time.Now().Add(time.Hour)})
			return err
		}, "api_key.create", svc.ID},
		"CreateAttributeDefinition": {func(ctx context.Context, k directory.Desk) error {
			_, err := k.CreateAttributeDefinition(ctx, cardinal.NewAttributeDefinition{Name: "other", Description: "Other.", ValueType: "string"})
			return err
		}, "attribute.create", none},
		"CreatePermission": {func(ctx context.Context, k directory.Desk) error {
			_, err := k.CreatePermission(ctx, cardinal.NewPermission{Name: "invoices.pay", Description: "Pay."})
			return err
		}, "permission.create", none},
		"CreateRole": {func(ctx context.Context, k directory.Desk) error {
			_, err := k.CreateRole(ctx, cardinal.NewRole{Name: "another", Description: "Another."})
			return err
		}, "role.create", none},
		"CreateUser": {func(ctx context.Context, k directory.Desk) error {
			_, err := k.CreateUser(ctx, cardinal.NewUser{})
			return err
		}, "user.create", none},
		"DeleteAttributeDefinition": {func(ctx context.Context, k directory.Desk) error {
			return k.DeleteAttributeDefinition(ctx, attribute.ID, attribute.Version)
		}, "attribute.delete", none},
		"DeletePermission": {func(ctx context.Context, k directory.Desk) error {
			return k.DeletePermission(ctx, declared.ID, declared.Version)
		}, "permission.delete", none},
		"DeleteRole": {func(ctx context.Context, k directory.Desk) error { return k.DeleteRole(ctx, role.ID, role.Version) }, "role.delete", none},
		"DeleteUser": {func(ctx context.Context, k directory.Desk) error {
			_, err := k.DeleteUser(ctx, target.ID, target.Version)
			return err
		}, "user.delete", target.ID},
		"EndSession":  {func(ctx context.Context, k directory.Desk) error { return k.EndSession(ctx, target.ID, in.Session.ID) }, "session.end", target.ID},
		"EndSessions": {func(ctx context.Context, k directory.Desk) error { return k.EndSessions(ctx, target.ID, true) }, "session.end_all", target.ID},
		"ExplainAccess": {func(ctx context.Context, k directory.Desk) error {
			_, err := k.ExplainAccess(ctx, cardinal.AccessQuestion{UserID: target.ID, Permission: "users.read"})
			return err
		}, "", none},
		"GrantRole": {func(ctx context.Context, k directory.Desk) error {
			_, err := k.GrantRole(ctx, target.ID, cardinal.NewGrant{RoleID: role.ID})
			return err
		}, "role.grant", target.ID},
		"Grants": {func(ctx context.Context, k directory.Desk) error {
			_, err := k.Grants(ctx, target.ID, page)
			return err
		}, "", none},
		"NewSetupLink": {func(ctx context.Context, k directory.Desk) error { _, err := signin.NewSetupLink(ctx, k); return err }, "setup_link.create", none},
		"PasswordState": {func(ctx context.Context, k directory.Desk) error {
			_, err := k.PasswordState(ctx, target.ID)
			return err
		}, "", none},
		"Permission": {func(ctx context.Context, k directory.Desk) error {
			_, err := k.Permission(ctx, declared.ID)
			return err
		}, "", none},
		"Permissions": {func(ctx context.Context, k directory.Desk) error { _, err := k.Permissions(ctx, page); return err }, "", none},
		"Profile":     {func(ctx context.Context, k directory.Desk) error { _, err := k.Profile(ctx, target.ID); return err }, "", none},
		"ReactivateUser": {func(ctx context.Context, k directory.Desk) error {
			_, err := k.ReactivateUser(ctx, locked.ID, locked.Version)
			return err
		}, "user.reactivate", locked.ID},
		"CountUsers": {func(ctx context.Context, k directory.Desk) error {
			_, err := k.CountUsers(ctx, cardinal.UserFilter{})
			return err
		}, "", none},
		"Export": {func(ctx context.Context, k directory.Desk) error {
			return importing.Export(ctx, k, false, func(cardinal.ImportRow) error { return nil })
		}, "export.start", none},
		"Imports": {func(ctx context.Context, k directory.Desk) error { _, err := importing.List(ctx, k, page); return err }, "", none},
		"Import":  {func(ctx context.Context, k directory.Desk) error { _, err := importing.Get(ctx, k, run.ID); return err }, "", none},
		"CheckImport": {func(ctx context.Context, k directory.Desk) error {
			_, err := importing.Check(ctx, k, people, importing.Options{}, nil, func(int64) {})
			return err
		}, "import.start", none},
		"RunImport": {func(ctx context.Context, k directory.Desk) error {
			_, err := importing.Run(ctx, k, people, importing.Options{}, importing.Plan{Format: "ndjson"}, func(cardinal.ImportRun) {})
			return err
		}, "import.start", none},
		"ResumeImport": {func(ctx context.Context, k directory.Desk) error {
			_, err := importing.Resume(ctx, k, run.ID, people, nil, func(int64) {}, func(cardinal.ImportRun) {})
			return err
		}, "", none},
		"UploadImport": {func(ctx context.Context, k directory.Desk) error {
			_, err := importing.Upload(ctx, k, cardinal.NewImport{}, must(people.Open())(t))
			return err
		}, "import.upload", none},
		"StartImport": {func(ctx context.Context, k directory.Desk) error {
			_, err := importing.Start(ctx, k, run.ID)
			return err
		}, "import.start", none},
		"StartUndo": {func(ctx context.Context, k directory.Desk) error {
			_, err := importing.StartUndo(ctx, k, run.ID)
			return err
		}, "import.undo", none},
		"ImportProblems": {func(ctx context.Context, k directory.Desk) error {
			_, err := importing.Problems(ctx, k, run.ID)
			return err
		}, "", none},
		"UndoImport": {func(ctx context.Context, k directory.Desk) error {
			_, err := importing.Undo(ctx, k, run.ID, func(cardinal.ImportRun) {})
			return err
		}, "import.undo", none},
		"RemoveContact": {func(ctx context.Context, k directory.Desk) error {
			return k.RemoveContact(ctx, target.ID, contact.ID, contact.Version)
		}, "contact.remove", target.ID},
		"RemoveRolePermission": {func(ctx context.Context, k directory.Desk) error {
			_, err := k.RemoveRolePermission(ctx, role.ID, role.Version, declared.ID)
			return err
		}, "role.permission_remove", none},
		"RestoreUser": {func(ctx context.Context, k directory.Desk) error {
			_, err := k.RestoreUser(ctx, gone.ID, gone.Version)
			return err
		}, "user.restore", gone.ID},
		"RevokeAPIKey": {func(ctx context.Context, k directory.Desk) error { _, err := k.RevokeAPIKey(ctx, key.ID); return err }, "api_key.revoke", none},
		"RevokeGrant":  {func(ctx context.Context, k directory.Desk) error { return k.RevokeGrant(ctx, target.ID, role.ID) }, "role.revoke", target.ID},
		"Role":         {func(ctx context.Context, k directory.Desk) error { _, err := k.Role(ctx, role.ID); return err }, "", none},
		"RoleByName":   {func(ctx context.Context, k directory.Desk) error { _, err := k.RoleByName(ctx, "support"); return err }, "", none},
		"RolePermissions": {func(ctx context.Context, k directory.Desk) error {
			_, err := k.RolePermissions(ctx, role.ID, page)
			return err
		}, "", none},
		"Roles": {func(ctx context.Context, k directory.Desk) error { _, err := k.Roles(ctx, page); return err }, "", none},
		"RunJob": {func(ctx context.Context, k directory.Desk) error {
			return k.RunJob(ctx, jobOf(t, "grants.expire"), uuid.Nil)
		}, "", none},
		"Sessions": {func(ctx context.Context, k directory.Desk) error {
			_, err := k.Sessions(ctx, target.ID, page)
			return err
		}, "", none},
		"SetPassword": {func(ctx context.Context, k directory.Desk) error {
			_, err := k.SetPassword(ctx, target.ID, 1, cardinal.PasswordSet{New: goodPassword})
			return err
		}, "password.set", target.ID},
		"SetUp": {func(ctx context.Context, k directory.Desk) error {
			_, err := signin.SetUp(ctx, k, cardinal.SetUp{Token: "cl_x", Email: "a@example.com", Password: goodPassword})
			return err
		}, "", none},
		"Setting": {func(ctx context.Context, k directory.Desk) error {
			_, err := k.Setting(ctx, "sign_up.mode")
			return err
		}, "", none},
		"Settings": {func(ctx context.Context, k directory.Desk) error { _, err := k.Settings(ctx); return err }, "", none},
		"SignIn": {func(ctx context.Context, k directory.Desk) error {
			_, err := signin.WithPassword(ctx, k, cardinal.SignIn{Identifier: contact.Value, Password: goodPassword})
			return err
		}, "", none},
		"SignUp": {func(ctx context.Context, k directory.Desk) error {
			_, err := signin.SignUp(ctx, k, cardinal.SignUp{Email: "up@example.com", Password: goodPassword})
			return err
		}, "", none},
		"SuspendUser": {func(ctx context.Context, k directory.Desk) error {
			_, err := k.SuspendUser(ctx, target.ID, target.Version)
			return err
		}, "user.suspend", target.ID},
		"UpdateContact": {func(ctx context.Context, k directory.Desk) error {
			_, err := k.UpdateContact(ctx, target.ID, contact.ID, contact.Version, cardinal.ContactChange{IsPrimary: cardinal.Set(true)})
			return err
		}, "contact.update", target.ID},
		"UpdateCountry": {func(ctx context.Context, k directory.Desk) error {
			_, err := k.UpdateCountry(ctx, "SE", 1, cardinal.CountryChange{TaxRatePPM: cardinal.Set(int64(1))})
			return err
		}, "country.update", none},
		"UpdatePermission": {func(ctx context.Context, k directory.Desk) error {
			_, err := k.UpdatePermission(ctx, declared.ID, declared.Version, cardinal.PermissionChange{Description: cardinal.Set("X.")})
			return err
		}, "permission.update", none},
		"UpdateProfile": {func(ctx context.Context, k directory.Desk) error {
			_, err := k.UpdateProfile(ctx, target.ID, 1, cardinal.ProfileChange{DisplayName: cardinal.Set("X")})
			return err
		}, "profile.update", target.ID},
		"UpdateRole": {func(ctx context.Context, k directory.Desk) error {
			_, err := k.UpdateRole(ctx, role.ID, role.Version, cardinal.RoleChange{Description: cardinal.Set("X.")})
			return err
		}, "role.update", none},
		"UpdateSetting": {func(ctx context.Context, k directory.Desk) error {
			_, err := k.UpdateSetting(ctx, setting.Name, setting.Version, cardinal.SettingChange{Value: "open"})
			return err
		}, "setting.update", none},
		"UpdateUser": {func(ctx context.Context, k directory.Desk) error {
			_, err := k.UpdateUser(ctx, target.ID, target.Version, cardinal.UserChange{Profile: cardinal.ProfileChange{DisplayName: cardinal.Set("X")}})
			return err
		}, "user.update", target.ID},
		"User": {func(ctx context.Context, k directory.Desk) error { _, err := k.User(ctx, target.ID, true); return err }, "", none},
		"UserAudit": {func(ctx context.Context, k directory.Desk) error {
			_, err := k.UserAudit(ctx, target.ID, cardinal.AuditFilter{Page: page})
			return err
		}, "", none},
		"Users": {func(ctx context.Context, k directory.Desk) error {
			_, err := k.Users(ctx, cardinal.UserFilter{Page: page}, true)
			return err
		}, "", none},
	}
}

func TestDefaultDeny(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		calls := w.deskCalls(t)
		nobody, _ := w.person(t)
		empty := w.role(t, w.holding(t))
		mighty := w.service(t, "administrator", empty.Name)
		key := must(w.operator().CreateAPIKey(ctx, cardinal.NewAPIKey{UserID: mighty.ID, Name: "weak", RoleIDs: []uuid.UUID{empty.ID}, ExpiresAt: w.Clock.Now().Add(time.Hour)}))(t)

		t.Run("HasACaseForEveryMethod", func(t *testing.T) {
			desk := reflect.TypeFor[directory.Desk]()
			want := map[string]bool{}
			for i := range desk.NumMethod() {
				if name := desk.Method(i).Name; openMethods[name] == "" && kernelMethods[name] == "" {
					want[name] = true
				}
			}
			for name := range want {
				if _, ok := calls[name]; !ok {
					t.Errorf("Desk.%s has no case here, and is not listed as open", name)
				}
			}
			functions := map[string]bool{}
			for _, name := range strings.Fields("AddAdministrator Administrators CheckImport Export Import ImportProblems Imports " +
				"NewSetupLink ResumeImport RunImport SetUp SignIn SignUp StartImport StartUndo UndoImport UploadImport") {
				functions[name] = true
			}
			for name := range calls {
				if !want[name] && !functions[name] {
					t.Errorf("%s is no method of Desk, or an open one", name)
				}
			}
		})
		for _, name := range slices.Sorted(maps.Keys(calls)) {
			c := calls[name]
			t.Run(name, func(t *testing.T) {
				w.forget(t)
				err := c.call(ctx, w.as(nobody))
				refuses(t, err, "permission_missing")
				if !errors.Is(err, cardinal.ErrForbidden) {
					t.Errorf("%v is not forbidden", err)
				}
				if c.action == "" {
					w.tells(t)
				} else {
					w.tells(t, told{action: c.action, actor: nobody.ID, subject: c.about, refused: true})
				}
				// A key is limited to its roles although its service may do everything.
				weak := w.As(must(signin.Authenticate(ctx, w.Directory, key.Token.Reveal(), uuid.NullUUID{}, cardinal.Client{}))(t))
				refuses(t, c.call(ctx, weak), "permission_missing")
				if e := w.events(t); c.action != "" && (len(e) != 1 || e[0].APIKeyID == nil || *e[0].APIKeyID != key.ID) {
					t.Errorf("the key's refusal is told as %+v", e)
				}
				// An administrator who must change the password first may do nothing else.
				refuses(t, c.call(ctx, w.As(cardinal.Actor{UserID: mighty.ID, Assurance: 0})), "password_change_required")
				w.forget(t)
				if slices.Contains(strangersMethods, name) {
					return
				}
				err = c.call(ctx, w.stranger("192.0.2.9"))
				if !errors.Is(err, cardinal.ErrForbidden) && !errors.Is(err, cardinal.ErrUnauthenticated) {
					t.Errorf("a stranger is told %v", err)
				}
				w.tells(t)
			})
		}
		t.Run("LetsTheMightyDoIt", func(t *testing.T) {
			// The calls above are good ones: what refused them was the permission. Two exclude each other, so each runs on its own desk.
			for _, name := range []string{"UpdateCountry", "CreateUser", "Audit", "UpdateSetting", "EndSessions", "NewSetupLink", "RunJob", "AddRolePermission", "Export", "Imports", "UndoImport"} {
				if err := calls[name].call(ctx, w.as(mighty)); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		})
		t.Run("LetsAnyoneKnownReadTheLookUps", func(t *testing.T) {
			for name, call := range map[string]func(directory.Desk) error{
				"Statuses":  func(k directory.Desk) error { _, err := k.Statuses(ctx); return err },
				"Countries": func(k directory.Desk) error { _, err := k.Countries(ctx); return err },
				"Country":   func(k directory.Desk) error { _, err := k.Country(ctx, "SE"); return err },
				"AttributeDefinitions": func(k directory.Desk) error {
					_, err := k.AttributeDefinitions(ctx, cardinal.Page{Limit: 5})
					return err
				},
			} {
				if err := call(w.as(nobody)); err != nil {
					t.Errorf("%s: %v", name, err)
				}
				if got := said(call(w.stranger(""))); got != "not_signed_in" {
					t.Errorf("%s tells a stranger %q", name, got)
				}
				if got := said(call(w.As(cardinal.Actor{UserID: nobody.ID}))); got != "password_change_required" {
					t.Errorf("%s tells who must change the password %q", name, got)
				}
			}
		})
		t.Run("LetsPeopleSeeAndChangeTheirOwn", func(t *testing.T) {
			me, email := w.person(t)
			in := w.signIn(t, email, goodPassword)
			desk := w.session(t, in)
			page := cardinal.Page{Limit: 10}
			for name, call := range map[string]func() error{
				"User":          func() error { _, err := desk.User(ctx, me.ID, true); return err },
				"Profile":       func() error { _, err := desk.Profile(ctx, me.ID); return err },
				"Contacts":      func() error { _, err := desk.Contacts(ctx, me.ID); return err },
				"Grants":        func() error { _, err := desk.Grants(ctx, me.ID, page); return err },
				"Sessions":      func() error { _, err := desk.Sessions(ctx, me.ID, page); return err },
				"PasswordState": func() error { _, err := desk.PasswordState(ctx, me.ID); return err },
				"UserAudit":     func() error { _, err := desk.UserAudit(ctx, me.ID, cardinal.AuditFilter{Page: page}); return err },
				"CheckAccess": func() error {
					_, err := desk.CheckAccess(ctx, cardinal.AccessQuestion{Permission: "users.read"})
					return err
				},
				"UpdateProfile": func() error {
					_, err := desk.UpdateProfile(ctx, me.ID, 1, cardinal.ProfileChange{DisplayName: cardinal.Set("Me")})
					return err
				},
				"AddContact": func() error {
					_, err := desk.AddContact(ctx, me.ID, cardinal.NewContact{Kind: "email", Value: anEmail()})
					return err
				},
				"EndSessions": func() error { return desk.EndSessions(ctx, me.ID, false) },
			} {
				if err := call(); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
			// But not vouch for themselves, nor set a password without the present one.
			_, err := desk.AddContact(ctx, me.ID, cardinal.NewContact{Kind: "email", Value: anEmail(), Verified: true})
			refuses(t, err, "permission_missing")
			all := must(desk.Contacts(ctx, me.ID))(t)
			_, err = desk.UpdateContact(ctx, me.ID, all[1].ID, all[1].Version, cardinal.ContactChange{Verified: cardinal.Set(true)})
			refuses(t, err, "permission_missing")
			_, err = desk.SetPassword(ctx, me.ID, 1, cardinal.PasswordSet{New: goodPassword})
			refuses(t, err, "permission_missing")
		})
		t.Run("TellsFaultsOnlyToWhoMayCreate", func(t *testing.T) {
			if faults := w.as(nobody).NewUserFaults(ctx, cardinal.NewUser{Email: "x"}); faults != nil {
				t.Errorf("told %v", faults)
			}
			if faults := w.as(mighty).NewUserFaults(ctx, cardinal.NewUser{Email: "x"}); len(faults) != 1 {
				t.Errorf("told %v", faults)
			}
			w.set(t, "sign_up.mode", "closed")
			if faults := signin.SignUpFaults(ctx, w.stranger(""), cardinal.SignUp{}); faults != nil {
				t.Errorf("told %v", faults)
			}
			w.set(t, "sign_up.mode", "open")
			if faults := signin.SignUpFaults(ctx, w.stranger(""), cardinal.SignUp{}); len(faults) != 2 {
				t.Errorf("told %v", faults)
			}
		})
		t.Run("KeepsMadeUpIDsOutOfTheLog", func(t *testing.T) {
			w.forget(t)
			_, err := w.as(nobody).SuspendUser(ctx, cardinal.NewID(), 1)
			refuses(t, err, "permission_missing")
			w.tells(t, told{action: "user.suspend", actor: nobody.ID, subject: cardinal.SystemID, refused: true})
		})
	})
}

func TestEscalation(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		admin, adminEmail := w.person(t, "administrator")
		helper, _ := w.person(t, "support", w.holding(t, "roles.grant", "roles.create", "roles.update", "roles.delete", "users.delete", "api_keys.create", "api_keys.revoke"))
		desk := w.as(helper)
		in := w.signIn(t, adminEmail, goodPassword)
		contact := must(w.operator().Contacts(ctx, admin.ID))(t)[0]
		w.grant(t, admin, "auditor", nil)

		t.Run("SupportCannotTouchAnAdministrator", func(t *testing.T) {
			for name, c := range map[string]struct {
				action string
				try    func() error
			}{
				"password": {"password.set", func() error {
					_, err := desk.SetPassword(ctx, admin.ID, 1, cardinal.PasswordSet{New: goodPassword})
					return err
				}},
				"require": {"password.set", func() error {
					_, err := desk.SetPassword(ctx, admin.ID, 1, cardinal.PasswordSet{MustChange: true})
					return err
				}},
				"add contact": {"contact.add", func() error {
					_, err := desk.AddContact(ctx, admin.ID, cardinal.NewContact{Kind: "email", Value: anEmail(), Verified: true})
					return err
				}},
				"change contact": {"contact.update", func() error {
					_, err := desk.UpdateContact(ctx, admin.ID, contact.ID, contact.Version, cardinal.ContactChange{IsPrimary: cardinal.Set(true)})
					return err
				}},
				"remove contact": {"contact.remove", func() error { return desk.RemoveContact(ctx, admin.ID, contact.ID, contact.Version) }},
				"session":        {"session.end", func() error { return desk.EndSession(ctx, admin.ID, in.Session.ID) }},
				"sessions":       {"session.end_all", func() error { return desk.EndSessions(ctx, admin.ID, true) }},
				"suspend":        {"user.suspend", func() error { _, err := desk.SuspendUser(ctx, admin.ID, admin.Version); return err }},
				"delete":         {"user.delete", func() error { _, err := desk.DeleteUser(ctx, admin.ID, admin.Version); return err }},
				"profile": {"profile.update", func() error {
					_, err := desk.UpdateProfile(ctx, admin.ID, 1, cardinal.ProfileChange{Username: cardinal.Set("mine")})
					return err
				}},
				"user": {"user.update", func() error {
					_, err := desk.UpdateUser(ctx, admin.ID, admin.Version, cardinal.UserChange{Profile: cardinal.ProfileChange{Username: cardinal.Set("mine")}})
					return err
				}},
				"grant": {"role.grant", func() error {
					_, err := desk.GrantRole(ctx, admin.ID, cardinal.NewGrant{RoleID: w.role(t, "support").ID})
					return err
				}},
				"revoke": {"role.revoke", func() error { return desk.RevokeGrant(ctx, admin.ID, w.role(t, "auditor").ID) }},
			} {
				w.forget(t)
				if err := c.try(); said(err) != "target_has_more_permissions" {
					t.Errorf("%s said %q", name, said(err))
				}
				w.tells(t, told{action: c.action, actor: helper.ID, subject: admin.ID, refused: true})
			}
			if !w.alive(t, in) {
				t.Error("the administrator's session ended")
			}
		})
		t.Run("SupportCanHelpOthers", func(t *testing.T) {
			u, email := w.person(t)
			signedIn := w.signIn(t, email, goodPassword)
			ok(t, desk.EndSession(ctx, u.ID, signedIn.Session.ID))
			must(desk.SetPassword(ctx, u.ID, 1, cardinal.PasswordSet{New: "eight blue bicycles"}))(t)
			must(desk.SuspendUser(ctx, u.ID, u.Version))(t)
		})
		t.Run("NobodyGrantsWhatTheyDoNotHold", func(t *testing.T) {
			u, _ := w.person(t)
			for _, name := range []string{"administrator", "auditor", w.holding(t, "users.read", "settings.update")} {
				for _, to := range []uuid.UUID{u.ID, helper.ID} {
					_, err := desk.GrantRole(ctx, to, cardinal.NewGrant{RoleID: w.role(t, name).ID})
					refuses(t, err, "role_has_more_permissions")
				}
			}
			must(desk.GrantRole(ctx, u.ID, cardinal.NewGrant{RoleID: w.role(t, "support").ID}))(t)
		})
		t.Run("NobodyPutsIntoARoleWhatTheyDoNotHold", func(t *testing.T) {
			_, err := desk.CreateRole(ctx, cardinal.NewRole{Name: "sneaky", Description: "Sneaky.", Permissions: []string{"users.read", "settings.update"}})
			refuses(t, err, "permission_not_granted_to_you")
			_, err = w.operator().RoleByName(ctx, "sneaky")
			refuses(t, err, "not_found")
			mine := must(desk.CreateRole(ctx, cardinal.NewRole{Name: "honest", Description: "Honest.", Permissions: []string{"users.read"}}))(t)
			_, err = desk.AddRolePermission(ctx, mine.ID, mine.Version, "settings.update")
			refuses(t, err, "permission_not_granted_to_you")
		})
		t.Run("NobodyChangesARoleAboveThem", func(t *testing.T) {
			role := w.role(t, w.holding(t, "settings.update"))
			_, err := desk.UpdateRole(ctx, role.ID, role.Version, cardinal.RoleChange{Name: cardinal.Set("mine")})
			refuses(t, err, "role_has_more_permissions")
			_, err = desk.AddRolePermission(ctx, role.ID, role.Version, "users.read")
			refuses(t, err, "role_has_more_permissions")
			refuses(t, desk.DeleteRole(ctx, role.ID, role.Version), "role_has_more_permissions")
		})
		t.Run("NobodyMakesAKeyForAServiceAboveThem", func(t *testing.T) {
			weak := w.holding(t, "users.read")
			svc := w.service(t, "administrator", weak)
			new := cardinal.NewAPIKey{UserID: svc.ID, Name: "k", RoleIDs: []uuid.UUID{w.role(t, weak).ID}, ExpiresAt: w.Clock.Now().Add(time.Hour)}
			_, err := desk.CreateAPIKey(ctx, new)
			refuses(t, err, "target_has_more_permissions")
			key := must(w.as(admin).CreateAPIKey(ctx, new))(t)
			_, err = desk.RevokeAPIKey(ctx, key.ID)
			refuses(t, err, "target_has_more_permissions")
		})
		t.Run("AKeyCannotMakeAMightierOneForItsService", func(t *testing.T) {
			maker := w.holding(t, "api_keys.create", "roles.grant", "users.update")
			svc := w.service(t, "administrator", maker)
			key := must(w.operator().CreateAPIKey(ctx, cardinal.NewAPIKey{UserID: svc.ID, Name: "maker", RoleIDs: []uuid.UUID{w.role(t, maker).ID}, ExpiresAt: w.Clock.Now().Add(time.Hour)}))(t)
			weak := w.As(must(signin.Authenticate(ctx, w.Directory, key.Token.Reveal(), uuid.NullUUID{}, cardinal.Client{}))(t))
			_, err := weak.CreateAPIKey(ctx, cardinal.NewAPIKey{UserID: svc.ID, Name: "all", RoleIDs: []uuid.UUID{w.role(t, "administrator").ID}, ExpiresAt: w.Clock.Now().Add(time.Hour)})
			refuses(t, err, "target_has_more_permissions")
			refuses(t, weak.RevokeGrant(ctx, svc.ID, w.role(t, "administrator").ID), "target_has_more_permissions")
			_, err = weak.UpdateProfile(ctx, svc.ID, 1, cardinal.ProfileChange{DisplayName: cardinal.Set("X")})
			refuses(t, err, "target_has_more_permissions")
		})
		t.Run("AKeyDoesNotDeleteItsServiceByRightOfOwnership", func(t *testing.T) {
			role := w.role(t, w.holding(t))
			svc := w.service(t, role.Name)
			key := must(w.operator().CreateAPIKey(ctx, cardinal.NewAPIKey{UserID: svc.ID, Name: "weak", RoleIDs: []uuid.UUID{role.ID}, ExpiresAt: w.Clock.Now().Add(time.Hour)}))(t)
			weak := w.As(must(signin.Authenticate(ctx, w.Directory, key.Token.Reveal(), uuid.NullUUID{}, cardinal.Client{}))(t))
			_, err := weak.DeleteUser(ctx, svc.ID, svc.Version)
			refuses(t, err, "permission_missing")
			must(weak.User(ctx, svc.ID, true))(t)
		})
		t.Run("AnExpiredGrantGivesNothingAtOnce", func(t *testing.T) {
			u, _ := w.person(t)
			until := w.Clock.Now().Add(time.Minute)
			w.grant(t, u, "auditor", &until)
			must(w.as(u).Settings(ctx))(t)
			w.Clock.Add(time.Minute)
			_, err := w.as(u).Settings(ctx)
			refuses(t, err, "permission_missing")
		})
	})
}
