package directory_test

import (
	"context"
	"reflect"
	"testing"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/access"
	"cardinal/internal/directory"
	"cardinal/internal/directory/directorytest"
)

// openMethods are the methods that need no permission, each with the reason.
var openMethods = map[string]string{
	"NewUserErrors":        "returns nothing to callers without the permission; tested below",
	"SignOut":              "ends the actor's own session",
	"Statuses":             "every authenticated user can read it",
	"Countries":            "every authenticated user can read it",
	"Country":              "every authenticated user can read it",
	"AttributeDefinitions": "every authenticated user can read it",

	// Methods that are not operations: other packages build operations from them, and those check the permission.
	"Actor":          "returns the actor",
	"HashCaller":     "returns the actor for the hashing queue",
	"WrapHash":       "works on what its caller read: an import or a job",
	"Idempotent":     "returns a desk of the same actor",
	"ReportRate":     "returns a desk of the same actor",
	"WithoutReply":   "returns a desk of the same actor",
	"Directory":      "returns the directory, which does nothing on behalf of an actor",
	"Read":           "is the permission check of reads",
	"HasPermission":  "reports a permission of the actor",
	"Caller":         "returns the ids of the actor for statements about permissions",
	"PermissionEnds": "reads the actor's own permissions",
	"NewEvent":       "fills in an event; only Change appends it",
	"EncryptClient":  "encrypts the actor's own address",
	"CountRefusal":   "counts a refused attempt of the actor",
	"RecordDenial":   "only records a refusal",
	"PrepareUser":    "writes nothing; with a password, it checks the permission of the rule",
}

// openFunctions are the functions with a desk as parameter that need no permission, each with the reason.
var openFunctions = map[string]string{
	"Change":       "checks the permission of the rule",
	"RecordDenied": "only records the refusal",
}

// deskCalls returns a call of every other method. The call is valid: only the permission is missing.
func deskCalls(t *testing.T, w *world) map[string]directorytest.DeniedCall {
	ctx, k := t.Context(), w.Operator()
	target, _ := w.NewPerson(t)
	gone, _ := w.NewPerson(t)
	gone = value(k.DeleteUser(ctx, gone.ID, gone.Version))(t)
	locked, _ := w.NewPerson(t)
	locked = value(k.SuspendUser(ctx, locked.ID, locked.Version))(t)
	contact := value(k.Contacts(ctx, target.ID))(t)[0]
	in := w.SignIn(t, contact.Value, goodPassword)
	role := w.Role(t, w.NewRole(t, "users.read"))
	w.Grant(t, target, role.Name, nil)
	attribute := value(k.CreateAttributeDefinition(ctx, cardinal.NewAttributeDefinition{
		Name: "team", Description: "Team.", ValueType: "string",
	}))(t)
	setting := value(k.Setting(ctx, "sign_up.mode"))(t)
	page := cardinal.Page{Limit: 10}
	none := cardinal.SystemID
	denied, read := directorytest.Denied, directorytest.DeniedRead
	return map[string]directorytest.DeniedCall{
		"AddContact": denied("contact.add", target.ID, func(ctx context.Context, k directory.Desk) error {
			in := cardinal.NewContact{Kind: "email", Value: "more@example.com"}
			return errorOf(k.AddContact(ctx, target.ID, in))
		}),
		"Audit": read(func(ctx context.Context, k directory.Desk) error {
			return errorOf(k.Audit(ctx, cardinal.AuditFilter{Page: page}))
		}),
		"Contact": read(func(ctx context.Context, k directory.Desk) error {
			return errorOf(k.Contact(ctx, target.ID, contact.ID))
		}),
		"Contacts": read(func(ctx context.Context, k directory.Desk) error {
			return errorOf(k.Contacts(ctx, target.ID))
		}),
		"ContactsOf": read(func(ctx context.Context, k directory.Desk) error {
			return errorOf(k.ContactsOf(ctx, []uuid.UUID{target.ID}))
		}),
		"CountUsers": read(func(ctx context.Context, k directory.Desk) error {
			return errorOf(k.CountUsers(ctx, cardinal.UserFilter{}))
		}),
		"CreateAttributeDefinition": denied("attribute.create", none,
			func(ctx context.Context, k directory.Desk) error {
				in := cardinal.NewAttributeDefinition{Name: "other", Description: "Other.", ValueType: "string"}
				return errorOf(k.CreateAttributeDefinition(ctx, in))
			}),
		"CreateUser": denied("user.create", none, func(ctx context.Context, k directory.Desk) error {
			return errorOf(k.CreateUser(ctx, cardinal.NewUser{}))
		}),
		"DeleteAttributeDefinition": denied("attribute.delete", none,
			func(ctx context.Context, k directory.Desk) error {
				return k.DeleteAttributeDefinition(ctx, attribute.ID, attribute.Version)
			}),
		"DeleteUser": denied("user.delete", target.ID, func(ctx context.Context, k directory.Desk) error {
			return errorOf(k.DeleteUser(ctx, target.ID, target.Version))
		}),
		"EndSession": denied("session.end", target.ID, func(ctx context.Context, k directory.Desk) error {
			return k.EndSession(ctx, target.ID, in.Session.ID)
		}),
		"EndSessions": denied("session.end_all", target.ID, func(ctx context.Context, k directory.Desk) error {
			return k.EndSessions(ctx, target.ID, true)
		}),
		"PasswordState": read(func(ctx context.Context, k directory.Desk) error {
			return errorOf(k.PasswordState(ctx, target.ID))
		}),
		"Profile": read(func(ctx context.Context, k directory.Desk) error {
			return errorOf(k.Profile(ctx, target.ID))
		}),
		"ReactivateUser": denied("user.reactivate", locked.ID, func(ctx context.Context, k directory.Desk) error {
			return errorOf(k.ReactivateUser(ctx, locked.ID, locked.Version))
		}),
		"RemoveContact": denied("contact.remove", target.ID, func(ctx context.Context, k directory.Desk) error {
			return k.RemoveContact(ctx, target.ID, contact.ID, contact.Version)
		}),
		"RestoreUser": denied("user.restore", gone.ID, func(ctx context.Context, k directory.Desk) error {
			return errorOf(k.RestoreUser(ctx, gone.ID, gone.Version))
		}),
		"RunJob": read(func(ctx context.Context, k directory.Desk) error {
			return k.RunJob(ctx, directorytest.JobOf(t, "grants.expire"), uuid.Nil)
		}),
		"Sessions": read(func(ctx context.Context, k directory.Desk) error {
			return errorOf(k.Sessions(ctx, target.ID, page))
		}),
		"SetPassword": denied("password.set", target.ID, func(ctx context.Context, k directory.Desk) error {
			return errorOf(k.SetPassword(ctx, target.ID, 1,
				cardinal.PasswordSet{ChosenByUser: true, New: goodPassword}))
		}),
		"Setting": read(func(ctx context.Context, k directory.Desk) error {
			return errorOf(k.Setting(ctx, "sign_up.mode"))
		}),
		"Settings": read(func(ctx context.Context, k directory.Desk) error {
			return errorOf(k.Settings(ctx))
		}),
		"UnlockUser": denied("user.unlock", target.ID, func(ctx context.Context, k directory.Desk) error {
			return k.UnlockUser(ctx, target.ID)
		}),
		"SuspendUser": denied("user.suspend", target.ID, func(ctx context.Context, k directory.Desk) error {
			return errorOf(k.SuspendUser(ctx, target.ID, target.Version))
		}),
		"UpdateContact": denied("contact.update", target.ID, func(ctx context.Context, k directory.Desk) error {
			in := cardinal.ContactChange{IsPrimary: cardinal.Set(true)}
			return errorOf(k.UpdateContact(ctx, target.ID, contact.ID, contact.Version, in))
		}),
		"UpdateCountry": denied("country.update", none, func(ctx context.Context, k directory.Desk) error {
			return errorOf(k.UpdateCountry(ctx, "SE", 1, cardinal.CountryChange{TaxRatePPM: cardinal.Set(int64(1))}))
		}),
		"UpdateProfile": denied("profile.update", target.ID, func(ctx context.Context, k directory.Desk) error {
			return errorOf(k.UpdateProfile(ctx, target.ID, 1, cardinal.ProfileChange{DisplayName: cardinal.Set("X")}))
		}),
		"UpdateSetting": denied("setting.update", none, func(ctx context.Context, k directory.Desk) error {
			return errorOf(k.UpdateSetting(ctx, setting.Name, setting.Version, cardinal.SettingChange{Value: "open"}))
		}),
		"UpdateUser": denied("user.update", target.ID, func(ctx context.Context, k directory.Desk) error {
			in := cardinal.UserChange{Profile: cardinal.ProfileChange{DisplayName: cardinal.Set("X")}}
			return errorOf(k.UpdateUser(ctx, target.ID, target.Version, in))
		}),
		"User": read(func(ctx context.Context, k directory.Desk) error {
			return errorOf(k.User(ctx, target.ID, true))
		}),
		"UserAudit": read(func(ctx context.Context, k directory.Desk) error {
			return errorOf(k.UserAudit(ctx, target.ID, cardinal.AuditFilter{Page: page}))
		}),
		"AddressOwners": read(func(ctx context.Context, k directory.Desk) error {
			return errorOf(k.AddressOwners(ctx, "ada@example.com"))
		}),
		"Users": read(func(ctx context.Context, k directory.Desk) error {
			return errorOf(k.Users(ctx, cardinal.UserFilter{Page: page}, true))
		}),
	}
}

func TestDefaultDeny(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		calls := deskCalls(t, w)
		t.Run("CaseForEveryMethod", func(t *testing.T) {
			var methods []string
			desk := reflect.TypeFor[*directory.Desk]() // with the methods of Desk
			for i := range desk.NumMethod() {
				methods = append(methods, desk.Method(i).Name)
			}
			directorytest.ExpectCaseForEach(t, methods, calls, openMethods)
		})
		t.Run("ReasonForEveryFunction", func(t *testing.T) {
			directorytest.ExpectCaseForEach(t, directorytest.DeskFunctions(t), nil, openFunctions)
		})
		w.ExpectDefaultDeny(t, calls)
		t.Run("AdministratorAllowed", func(t *testing.T) {
			w.ExpectAllowed(t, calls, "UpdateCountry", "CreateUser", "Audit", "UpdateSetting", "EndSessions", "RunJob")
		})
		user, _ := w.NewPerson(t)
		t.Run("LookupsForAuthenticated", func(t *testing.T) {
			for name, call := range map[string]func(directory.Desk) error{
				"Statuses":  func(k directory.Desk) error { return errorOf(k.Statuses(ctx)) },
				"Countries": func(k directory.Desk) error { return errorOf(k.Countries(ctx)) },
				"Country":   func(k directory.Desk) error { return errorOf(k.Country(ctx, "SE")) },
				"AttributeDefinitions": func(k directory.Desk) error {
					return errorOf(k.AttributeDefinitions(ctx, cardinal.Page{Limit: 5}))
				},
			} {
				if err := call(w.DeskOf(user)); err != nil {
					t.Errorf("%s: %v", name, err)
				}
				if got := errorCode(call(w.Anonymous(""))); got != "not_signed_in" {
					t.Errorf("%s: the code for an anonymous caller is %q", name, got)
				}
				mustChange := w.As(cardinal.Actor{UserID: user.ID})
				if got := errorCode(call(mustChange)); got != "password_change_required" {
					t.Errorf("%s: the code for a user who must change the password is %q", name, got)
				}
			}
		})
		t.Run("OwnData", func(t *testing.T) {
			me, email := w.NewPerson(t)
			desk := w.DeskOfToken(t, w.SignIn(t, email, goodPassword).Token)
			page := cardinal.Page{Limit: 10}
			for name, call := range map[string]func() error{
				"User":          func() error { return errorOf(desk.User(ctx, me.ID, true)) },
				"Profile":       func() error { return errorOf(desk.Profile(ctx, me.ID)) },
				"Contacts":      func() error { return errorOf(desk.Contacts(ctx, me.ID)) },
				"Grants":        func() error { return errorOf(access.Grants(ctx, desk, me.ID, page)) },
				"Sessions":      func() error { return errorOf(desk.Sessions(ctx, me.ID, page)) },
				"PasswordState": func() error { return errorOf(desk.PasswordState(ctx, me.ID)) },
				"UserAudit": func() error {
					return errorOf(desk.UserAudit(ctx, me.ID, cardinal.AuditFilter{Page: page}))
				},
				"CheckAccess": func() error {
					return errorOf(access.Check(ctx, desk, cardinal.AccessQuestion{Permission: "users.read"}))
				},
				"UpdateProfile": func() error {
					in := cardinal.ProfileChange{DisplayName: cardinal.Set("Me")}
					return errorOf(desk.UpdateProfile(ctx, me.ID, 1, in))
				},
				"AddContact": func() error {
					return errorOf(desk.AddContact(ctx, me.ID, cardinal.NewContact{Kind: "email", Value: newEmail()}))
				},
				"EndSessions": func() error { return desk.EndSessions(ctx, me.ID, false) },
			} {
				if err := call(); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
			// But users cannot verify their own contacts, nor set a password without the current one.
			verified := cardinal.NewContact{Kind: "email", Value: newEmail(), Verified: true}
			_, err := desk.AddContact(ctx, me.ID, verified)
			expectRefusal(t, err, "permission_missing")
			second := value(desk.Contacts(ctx, me.ID))(t)[1]
			verify := cardinal.ContactChange{Verified: cardinal.Set(true)}
			_, err = desk.UpdateContact(ctx, me.ID, second.ID, second.Version, verify)
			expectRefusal(t, err, "permission_missing")
			_, err = desk.SetPassword(ctx, me.ID, 1, cardinal.PasswordSet{ChosenByUser: true, New: goodPassword})
			expectRefusal(t, err, "permission_missing")
		})
		t.Run("ErrorsNeedPermission", func(t *testing.T) {
			in := cardinal.NewUser{Email: "x"}
			if fieldErrors, err := w.DeskOf(user).NewUserErrors(ctx, in); fieldErrors != nil || err != nil {
				t.Errorf("returned %v, %v without the permission", fieldErrors, err)
			}
			administrator := w.DeskOf(w.NewService(t, "administrator"))
			if fieldErrors := value(administrator.NewUserErrors(ctx, in))(t); len(fieldErrors) != 1 {
				t.Errorf("returned %v, want one error", fieldErrors)
			}
		})
		t.Run("UnknownIDNotRecorded", func(t *testing.T) {
			w.ResetEvents(t)
			_, err := w.DeskOf(user).SuspendUser(ctx, cardinal.NewID(), 1)
			expectRefusal(t, err, "permission_missing")
			w.ExpectEvents(t, event{
				Action: "user.suspend", Actor: user.ID, Subject: cardinal.SystemID, Refused: true,
			})
		})
	})
}

func TestEscalation(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		admin, adminEmail := w.NewPerson(t, "administrator")
		permissions := w.NewRole(t, "roles.grant", "roles.create", "roles.update", "roles.delete", "users.delete",
			"api_keys.create", "api_keys.revoke", "credentials.update", "contacts.verify")
		helper, _ := w.NewPerson(t, "support", permissions)
		desk := w.DeskOf(helper)
		in := w.SignIn(t, adminEmail, goodPassword)
		contact := value(w.Operator().Contacts(ctx, admin.ID))(t)[0]
		w.Grant(t, admin, "auditor", nil)

		t.Run("SupportCannotChangeAdministrator", func(t *testing.T) {
			username := cardinal.ProfileChange{Username: cardinal.Set("mine")}
			for name, c := range map[string]struct {
				action string
				call   func() error
			}{
				"SetPassword": {"password.set", func() error {
					return errorOf(desk.SetPassword(ctx, admin.ID, 1, cardinal.PasswordSet{New: goodPassword}))
				}},
				"MustChangePassword": {"password.set", func() error {
					return errorOf(desk.SetPassword(ctx, admin.ID, 1, cardinal.PasswordSet{MustChange: true}))
				}},
				"AddContact": {"contact.add", func() error {
					in := cardinal.NewContact{Kind: "email", Value: newEmail(), Verified: true}
					return errorOf(desk.AddContact(ctx, admin.ID, in))
				}},
				"UpdateContact": {"contact.update", func() error {
					primary := cardinal.ContactChange{IsPrimary: cardinal.Set(true)}
					return errorOf(desk.UpdateContact(ctx, admin.ID, contact.ID, contact.Version, primary))
				}},
				"RemoveContact": {"contact.remove", func() error {
					return desk.RemoveContact(ctx, admin.ID, contact.ID, contact.Version)
				}},
				"EndSession":  {"session.end", func() error { return desk.EndSession(ctx, admin.ID, in.Session.ID) }},
				"EndSessions": {"session.end_all", func() error { return desk.EndSessions(ctx, admin.ID, true) }},
				"SuspendUser": {"user.suspend", func() error {
					return errorOf(desk.SuspendUser(ctx, admin.ID, admin.Version))
				}},
				"DeleteUser": {"user.delete", func() error {
					return errorOf(desk.DeleteUser(ctx, admin.ID, admin.Version))
				}},
				"UpdateProfile": {"profile.update", func() error {
					return errorOf(desk.UpdateProfile(ctx, admin.ID, 1, username))
				}},
				"UpdateUser": {"user.update", func() error {
					return errorOf(desk.UpdateUser(ctx, admin.ID, admin.Version, cardinal.UserChange{
						Profile: username,
					}))
				}},
				"GrantRole": {"role.grant", func() error {
					support := cardinal.NewGrant{RoleID: w.Role(t, "support").ID}
					return errorOf(access.GrantRole(ctx, desk, admin.ID, support))
				}},
				"RevokeGrant": {"role.revoke", func() error {
					return access.RevokeGrant(ctx, desk, admin.ID, w.Role(t, "auditor").ID)
				}},
			} {
				w.Clock.Add(10 * time.Second) // more than ten refusals of an actor in a minute are only counted
				w.ResetEvents(t)
				if got := errorCode(c.call()); got != "target_has_more_permissions" {
					t.Errorf("%s: the error code is %q", name, got)
				}
				w.ExpectEvents(t, event{Action: c.action, Actor: helper.ID, Subject: admin.ID, Refused: true})
			}
			if !w.SessionActive(t, in) {
				t.Error("the session of the administrator ended")
			}
		})
		t.Run("SupportCanChangeUsers", func(t *testing.T) {
			u, email := w.NewPerson(t)
			signedIn := w.SignIn(t, email, goodPassword)
			noError(t, desk.EndSession(ctx, u.ID, signedIn.Session.ID))
			value(desk.SetPassword(ctx, u.ID, 1, cardinal.PasswordSet{New: "eight blue bicycles"}))(t)
			value(desk.SuspendUser(ctx, u.ID, u.Version))(t)
		})
		t.Run("GrantWithMorePermissions", func(t *testing.T) {
			u, _ := w.NewPerson(t)
			for _, name := range []string{"administrator", "auditor", w.NewRole(t, "users.read", "settings.update")} {
				for _, to := range []uuid.UUID{u.ID, helper.ID} {
					_, err := access.GrantRole(ctx, desk, to, cardinal.NewGrant{RoleID: w.Role(t, name).ID})
					expectRefusal(t, err, "role_has_more_permissions")
				}
			}
			value(access.GrantRole(ctx, desk, u.ID, cardinal.NewGrant{RoleID: w.Role(t, "support").ID}))(t)
		})
		t.Run("CreateRoleWithMorePermissions", func(t *testing.T) {
			_, err := access.CreateRole(ctx, desk, cardinal.NewRole{
				Name: "sneaky", Description: "Sneaky.", Permissions: []string{"users.read", "settings.update"},
			})
			expectRefusal(t, err, "permission_not_granted_to_you")
			_, err = access.RoleByName(ctx, w.Operator(), "sneaky")
			expectRefusal(t, err, "not_found")
			mine := value(access.CreateRole(ctx, desk, cardinal.NewRole{
				Name: "honest", Description: "Honest.", Permissions: []string{"users.read"},
			}))(t)
			_, err = access.AddRolePermission(ctx, desk, mine.ID, mine.Version, "settings.update")
			expectRefusal(t, err, "permission_not_granted_to_you")
		})
		t.Run("ChangeRoleWithMorePermissions", func(t *testing.T) {
			role := w.Role(t, w.NewRole(t, "settings.update"))
			_, err := access.UpdateRole(ctx, desk, role.ID, role.Version, cardinal.RoleChange{
				Name: cardinal.Set("mine"),
			})
			expectRefusal(t, err, "role_has_more_permissions")
			_, err = access.AddRolePermission(ctx, desk, role.ID, role.Version, "users.read")
			expectRefusal(t, err, "role_has_more_permissions")
			expectRefusal(t, access.DeleteRole(ctx, desk, role.ID, role.Version), "role_has_more_permissions")
		})
		t.Run("APIKeyOfServiceWithMorePermissions", func(t *testing.T) {
			weak := w.NewRole(t, "users.read")
			svc := w.NewService(t, "administrator", weak)
			new := cardinal.NewAPIKey{
				UserID: svc.ID, Name: "k", RoleIDs: []uuid.UUID{w.Role(t, weak).ID},
				ExpiresAt: w.Clock.Now().Add(time.Hour),
			}
			_, err := access.CreateAPIKey(ctx, desk, new)
			expectRefusal(t, err, "target_has_more_permissions")
			key := value(access.CreateAPIKey(ctx, w.DeskOf(admin), new))(t)
			_, err = access.RevokeAPIKey(ctx, desk, key.ID)
			expectRefusal(t, err, "target_has_more_permissions")
		})
		t.Run("APIKeyCannotGetMorePermissions", func(t *testing.T) {
			maker := w.NewRole(t, "api_keys.create", "roles.grant", "users.update")
			svc := w.NewService(t, "administrator", maker)
			key := w.NewAPIKey(t, svc, maker)
			weak := w.DeskOfToken(t, key.Token)
			_, err := access.CreateAPIKey(ctx, weak, cardinal.NewAPIKey{
				UserID: svc.ID, Name: "all", RoleIDs: []uuid.UUID{w.Role(t, "administrator").ID},
				ExpiresAt: w.Clock.Now().Add(time.Hour),
			})
			expectRefusal(t, err, "target_has_more_permissions")
			expectRefusal(t, access.RevokeGrant(ctx, weak, svc.ID, w.Role(t, "administrator").ID),
				"target_has_more_permissions")
			_, err = weak.UpdateProfile(ctx, svc.ID, 1, cardinal.ProfileChange{DisplayName: cardinal.Set("X")})
			expectRefusal(t, err, "target_has_more_permissions")
		})
		t.Run("APIKeyOwnsNoData", func(t *testing.T) {
			role := w.Role(t, w.NewRole(t))
			svc := w.NewService(t, role.Name)
			key := w.NewAPIKey(t, svc, role.Name)
			weak := w.DeskOfToken(t, key.Token)
			_, err := weak.DeleteUser(ctx, svc.ID, svc.Version)
			expectRefusal(t, err, "permission_missing")
			value(weak.User(ctx, svc.ID, true))(t)
		})
		t.Run("ExpiredGrant", func(t *testing.T) {
			u, _ := w.NewPerson(t)
			until := w.Clock.Now().Add(time.Minute)
			w.Grant(t, u, "auditor", &until)
			value(w.DeskOf(u).Settings(ctx))(t)
			w.Clock.Add(time.Minute)
			_, err := w.DeskOf(u).Settings(ctx)
			expectRefusal(t, err, "permission_missing")
		})
	})
}
