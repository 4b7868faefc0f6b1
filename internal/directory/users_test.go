package directory_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/signin"
)

func TestCreateUser(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		t.Run("MakesAnActivePersonOfNothing", func(t *testing.T) {
			w.forget(t)
			u := must(w.operator().CreateUser(ctx, cardinal.NewUser{}))(t)
			if u.Kind != "person" || u.Status != "active" || u.Version != 1 || u.DeletedAt != nil || u.CreatedAt.IsZero() {
				t.Errorf("made %+v", u)
			}
			w.tells(t, told{action: "user.create", actor: cardinal.OperatorID, subject: u.ID,
				changes: []string{"users.kind >person", "users.status >active"}, rows: []string{"profiles", "user_keys", "users"}})
			p := must(w.operator().Profile(ctx, u.ID))(t)
			if p.Locale != "und" || p.TimeZone != "UTC" || p.Version != 1 || p.DisplayName != "" || len(p.Preferences) != 0 || len(p.Attributes) != 0 {
				t.Errorf("profile %+v", p)
			}
		})
		t.Run("KeepsEveryField", func(t *testing.T) {
			must(w.operator().CreateAttributeDefinition(ctx, cardinal.NewAttributeDefinition{Name: "shoe_size", Description: "Of the left foot.", ValueType: "number"}))(t)
			w.forget(t)
			in := cardinal.NewUser{Kind: "person", DisplayName: "Zoë Ångström", Username: "ZoeA", Email: "Zoe@Example.COM", EmailVerified: true,
				Phone: "+44 20 7946 0018", Password: goodPassword, MustChangePassword: true, AvatarURL: "https://img.example.com/z.png", Country: "SE",
				Locale: "sv-SE", TimeZone: "Europe/Stockholm", Preferences: map[string]any{"theme": "dark"}, Attributes: map[string]any{"shoe_size": 38.0}}
			u := must(w.operator().CreateUser(ctx, in))(t)
			w.tells(t, told{action: "user.create", actor: cardinal.OperatorID, subject: u.ID,
				changes: []string{"contacts.value_sealed", "credentials.hash", "users.kind >person", "users.status >active"},
				rows:    []string{"contacts", "contacts", "credentials", "identifiers", "identifiers", "identifiers", "profiles", "user_keys", "users"}})
			p := must(w.operator().Profile(ctx, u.ID))(t)
			want := cardinal.Profile{UserID: u.ID, DisplayName: in.DisplayName, Username: in.Username, AvatarURL: in.AvatarURL, Country: "SE", Locale: "sv-SE",
				TimeZone: in.TimeZone, Preferences: in.Preferences, Attributes: in.Attributes, CreatedAt: u.CreatedAt, UpdatedAt: u.CreatedAt, Version: 1}
			if diff := cmp.Diff(want, p); diff != "" {
				t.Errorf("profile (-want +got)\n%s", diff)
			}
			contacts := must(w.operator().Contacts(ctx, u.ID))(t)
			if len(contacts) != 2 || contacts[0].Value != in.Email || contacts[0].VerifiedAt == nil || !contacts[0].IsPrimary ||
				contacts[1].Value != in.Phone || contacts[1].VerifiedAt != nil || !contacts[1].IsPrimary {
				t.Errorf("contacts %+v", contacts)
			}
			if s := must(w.operator().PasswordState(ctx, u.ID))(t); !s.HasPassword || !s.MustChange || s.Version != 1 {
				t.Errorf("password %+v", s)
			}
		})
		t.Run("FindsTheSamePersonHoweverTheAddressIsTyped", func(t *testing.T) {
			u := must(w.operator().CreateUser(ctx, cardinal.NewUser{Email: "Märta@Bücher.Example", EmailVerified: true, Phone: "+46 8 123 456 78", PhoneVerified: true,
				Username: "Å.Öberg", Password: goodPassword}))(t)
			for _, typed := range []string{"märta@bücher.example", " MÄRTA@BÜCHER.EXAMPLE ", "Ma\u0308rta@xn--bcher-kva.example", "märta@bücher.example.",
				"+46812345678", "0046 8 123-456.78", "Å.ÖBERG", "a\u030a.o\u0308berg", "Ａ\u030a.Öberg"} {
				in := w.signIn(t, typed, goodPassword)
				if in.Session.UserID != u.ID {
					t.Errorf("%q signs %s in, want %s", typed, in.Session.UserID, u.ID)
				}
			}
		})
		t.Run("RefusesTakenIdentifiersInAnySpelling", func(t *testing.T) {
			must(w.operator().CreateUser(ctx, cardinal.NewUser{Email: "taken@example.org", EmailVerified: true, Phone: "+4930123456", PhoneVerified: true, Username: "Taken"}))(t)
			w.forget(t)
			for _, in := range []cardinal.NewUser{{Email: "TAKEN@Example.org"}, {Email: "taken@example.org", EmailVerified: true}, {Phone: "0049 30 123456"}, {Username: "tAKEN"}} {
				_, err := w.operator().CreateUser(ctx, in)
				refuses(t, err, "identifier_taken")
				if !errors.Is(err, cardinal.ErrConflict) {
					t.Errorf("%v is no conflict", err)
				}
			}
			w.tells(t)
		})
		t.Run("NamesAllFaultsAtOnce", func(t *testing.T) {
			w.forget(t)
			_, err := w.operator().CreateUser(ctx, cardinal.NewUser{DisplayName: "a\u0000b", Username: "x", Email: "nobody", Phone: "12", Password: "short", AvatarURL: "http://x",
				Country: "XX", Locale: "!!", TimeZone: "Mars/Base", Preferences: map[string]any{"a": "\x00"}, Attributes: map[string]any{"undeclared": 1.0}})
			refuses(t, err, "/attributes/undeclared attribute_unknown, /avatar_url url_format, /country country_unknown, /display_name text_format, /email email_format, "+
				"/locale locale_format, /password password_too_short, /phone phone_format, /preferences document_format, /time_zone time_zone_format, /username username_format")
			w.tells(t)
		})
		t.Run("RefusesBadKinds", func(t *testing.T) {
			for _, kind := range []string{"operator", "system", "stranger", "robot"} {
				_, err := w.operator().CreateUser(ctx, cardinal.NewUser{Kind: kind})
				refuses(t, err, "/kind kind_unknown")
			}
			_, err := w.operator().CreateUser(ctx, cardinal.NewUser{Kind: "service", Email: "s@example.com", Phone: "+49301234567", Username: "svc", Password: goodPassword})
			refuses(t, err, "/email kind_cannot_sign_in, /password kind_cannot_sign_in, /phone kind_cannot_sign_in, /username kind_cannot_sign_in")
		})
		t.Run("RefusesPasswordsThatOpenNothing", func(t *testing.T) {
			_, err := w.operator().CreateUser(ctx, cardinal.NewUser{Password: goodPassword})
			refuses(t, err, "/password password_without_identifier")
			_, err = w.operator().CreateUser(ctx, cardinal.NewUser{MustChangePassword: true})
			refuses(t, err, "/must_change_password password_missing")
		})
		t.Run("BoundsDocuments", func(t *testing.T) {
			deep := map[string]any{}
			for range 9 {
				deep = map[string]any{"a": deep}
			}
			_, err := w.operator().CreateUser(ctx, cardinal.NewUser{Preferences: deep})
			refuses(t, err, "/preferences document_format")
			_, err = w.operator().CreateUser(ctx, cardinal.NewUser{Preferences: map[string]any{"a": strings.Repeat("x", 8192)}})
			refuses(t, err, "/preferences document_too_long")
		})
		t.Run("KeepsTheLongestTexts", func(t *testing.T) {
			// What was typed is kept, and may be longer than its normal form.
			u := must(w.operator().CreateUser(ctx, cardinal.NewUser{DisplayName: strings.Repeat("😀", 200), Username: "  " + strings.Repeat("\u1112\u1161\u11ab", 64) + "  ",
				Phone: "+49 30 9" + strings.Repeat(" ", 600) + "87654", PhoneVerified: true, AvatarURL: "https://example.com/" + strings.Repeat("a", 2028)}))(t)
			p := must(w.operator().Profile(ctx, u.ID))(t)
			if p.Username != strings.TrimSpace(p.Username) {
				t.Errorf("user name %q keeps its white space", p.Username)
			}
		})
	})
}

func TestMoveUser(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		admin, _ := w.person(t, "administrator")
		desk := w.as(admin)
		t.Run("SuspendsAndReactivates", func(t *testing.T) {
			u, email := w.person(t)
			in := w.signIn(t, email, goodPassword)
			w.forget(t)
			u = must(desk.SuspendUser(ctx, u.ID, u.Version))(t)
			if u.Status != "suspended" || u.Version != 2 {
				t.Errorf("suspended: %+v", u)
			}
			w.tells(t, told{action: "user.suspend", actor: admin.ID, subject: u.ID,
				changes: []string{"sessions.ended >1", "users.status active>suspended"}, rows: []string{"sessions", "users"}})
			if w.alive(t, in) {
				t.Error("the session lives on")
			}
			u = must(desk.ReactivateUser(ctx, u.ID, u.Version))(t)
			w.tells(t, told{action: "user.reactivate", actor: admin.ID, subject: u.ID, changes: []string{"users.status suspended>active"}, rows: []string{"users"}})
			if w.alive(t, in) {
				t.Error("the session came back")
			}
		})
		t.Run("DeletesAndRestoresToTheStatusBefore", func(t *testing.T) {
			w.set(t, "sign_up.mode", "open")
			active, email := w.person(t)
			suspended, _ := w.person(t)
			suspended = must(desk.SuspendUser(ctx, suspended.ID, suspended.Version))(t)
			pending := must(signin.SignUp(ctx, w.stranger("192.0.2.7"), cardinal.SignUp{Email: anEmail(), Password: goodPassword}))(t)
			in := w.signIn(t, email, goodPassword)
			for _, u := range []cardinal.User{active, suspended, pending} {
				w.forget(t)
				deleted := must(desk.DeleteUser(ctx, u.ID, u.Version))(t)
				if deleted.Status != "deleted" || deleted.DeletedAt == nil {
					t.Errorf("deleted: %+v", deleted)
				}
				want := told{action: "user.delete", actor: admin.ID, subject: u.ID, changes: []string{"users.status " + u.Status + ">deleted"}, rows: []string{"users"}}
				if u.ID == active.ID {
					want.changes, want.rows = append([]string{"sessions.ended >1"}, want.changes...), []string{"sessions", "users"}
				}
				w.tells(t, want)
				restored := must(desk.RestoreUser(ctx, u.ID, deleted.Version))(t)
				if restored.Status != u.Status || restored.DeletedAt != nil {
					t.Errorf("restored from %s: %+v", u.Status, restored)
				}
				w.tells(t, told{action: "user.restore", actor: admin.ID, subject: u.ID, changes: []string{"users.status deleted>" + u.Status}, rows: []string{"users"}})
			}
			if w.alive(t, in) {
				t.Error("the session came back with the restored user")
			}
		})
		t.Run("RefusesForbiddenMoves", func(t *testing.T) {
			u, _ := w.person(t)
			w.forget(t)
			_, err := desk.ReactivateUser(ctx, u.ID, u.Version)
			refuses(t, err, "status_not_allowed")
			_, err = desk.RestoreUser(ctx, u.ID, u.Version)
			refuses(t, err, "status_not_allowed")
			w.tells(t)
			u = must(desk.DeleteUser(ctx, u.ID, u.Version))(t)
			_, err = desk.SuspendUser(ctx, u.ID, u.Version)
			refuses(t, err, "status_not_allowed")
			_, err = desk.DeleteUser(ctx, u.ID, u.Version)
			refuses(t, err, "status_not_allowed")
			_, err = desk.SetPassword(ctx, u.ID, 1, cardinal.PasswordSet{MustChange: true})
			refuses(t, err, "status_not_allowed")
			_, err = desk.AddContact(ctx, u.ID, cardinal.NewContact{Kind: "email", Value: anEmail()})
			refuses(t, err, "status_not_allowed")
			_, err = desk.GrantRole(ctx, u.ID, cardinal.NewGrant{RoleID: w.role(t, "auditor").ID})
			refuses(t, err, "role_not_assignable")
		})
		t.Run("RefusesStaleVersion", func(t *testing.T) {
			u, _ := w.person(t)
			w.forget(t)
			_, err := desk.SuspendUser(ctx, u.ID, u.Version+1)
			refuses(t, err, "stale 1")
			_, err = desk.DeleteUser(ctx, u.ID, 0)
			refuses(t, err, "stale 1")
			_, err = desk.UpdateUser(ctx, u.ID, 9, cardinal.UserChange{Profile: cardinal.ProfileChange{DisplayName: cardinal.Set("X")}})
			refuses(t, err, "stale 1")
			_, err = desk.UpdateProfile(ctx, u.ID, 9, cardinal.ProfileChange{DisplayName: cardinal.Set("X")})
			refuses(t, err, "stale 1")
			w.tells(t)
		})
		t.Run("KnowsNobodyByAMadeUpID", func(t *testing.T) {
			_, err := desk.SuspendUser(ctx, cardinal.NewID(), 1)
			refuses(t, err, "not_found")
			_, err = desk.User(ctx, cardinal.NewID(), true)
			refuses(t, err, "not_found")
		})
		t.Run("KeepsIdentifiersReservedAfterDeletion", func(t *testing.T) {
			email := anEmail()
			u := must(desk.CreateUser(ctx, cardinal.NewUser{Email: email, EmailVerified: true, Username: "Reserved", Password: goodPassword}))(t)
			must(desk.DeleteUser(ctx, u.ID, u.Version))(t)
			_, err := desk.CreateUser(ctx, cardinal.NewUser{Email: email, EmailVerified: true})
			refuses(t, err, "identifier_taken")
			_, err = desk.CreateUser(ctx, cardinal.NewUser{Username: "reserved"})
			refuses(t, err, "identifier_taken")
		})
		t.Run("LetsPeopleDeleteThemselvesAndNoOneElse", func(t *testing.T) {
			u, email := w.person(t)
			other, _ := w.person(t)
			in := w.signIn(t, email, goodPassword)
			w.forget(t)
			_, err := w.session(t, in).DeleteUser(ctx, other.ID, other.Version)
			refuses(t, err, "permission_missing")
			if e := w.events(t); len(e) != 1 || !e[0].IsRefused || e[0].SubjectID != other.ID || e[0].ActorID != u.ID || *e[0].SessionID != in.Session.ID {
				t.Errorf("refusal told as %+v", e)
			}
			must(w.session(t, in).DeleteUser(ctx, u.ID, u.Version))(t)
			e := w.events(t)
			if len(e) != 1 || e[0].ActorID != u.ID || e[0].SubjectID != u.ID || *e[0].SessionID != in.Session.ID {
				t.Errorf("told as %+v", e)
			}
			if w.alive(t, in) {
				t.Error("the session lives on")
			}
		})
		t.Run("LeavesBuiltInActorsAlone", func(t *testing.T) {
			w.forget(t)
			for _, id := range []uuid.UUID{cardinal.OperatorID, cardinal.SystemID, cardinal.StrangerID} {
				version := w.user(t, id).Version
				for name, try := range map[string]func() error{
					"suspend": func() error { _, err := desk.SuspendUser(ctx, id, version); return err },
					"delete":  func() error { _, err := desk.DeleteUser(ctx, id, version); return err },
					"update": func() error {
						_, err := desk.UpdateUser(ctx, id, version, cardinal.UserChange{Profile: cardinal.ProfileChange{DisplayName: cardinal.Set("X")}})
						return err
					},
					"profile": func() error {
						_, err := desk.UpdateProfile(ctx, id, 1, cardinal.ProfileChange{Locale: cardinal.Set("de")})
						return err
					},
					"revoke": func() error {
						return desk.RevokeGrant(ctx, id, must(w.operator().Grants(ctx, id, cardinal.Page{Limit: 1}))(t).Data[0].RoleID)
					},
				} {
					if err := try(); said(err) != "built_in" {
						t.Errorf("%s of %s said %q", name, id, said(err))
					}
				}
				_, err := desk.SetPassword(ctx, id, 0, cardinal.PasswordSet{New: goodPassword})
				refuses(t, err, "status_not_allowed")
				_, err = desk.AddContact(ctx, id, cardinal.NewContact{Kind: "email", Value: anEmail()})
				refuses(t, err, "status_not_allowed")
				_, err = desk.GrantRole(ctx, id, cardinal.NewGrant{RoleID: w.role(t, "administrator").ID})
				refuses(t, err, "role_not_assignable")
				_, err = desk.CreateAPIKey(ctx, cardinal.NewAPIKey{UserID: id, Name: "k", RoleIDs: []uuid.UUID{w.role(t, "cardinal").ID}, ExpiresAt: time.Now().Add(time.Hour)})
				refuses(t, err, "/user_id service_unknown")
			}
			w.tells(t)
		})
	})
}

func TestUpdateUser(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		t.Run("ChangesTheProfileUnderTheUsersVersion", func(t *testing.T) {
			u, _ := w.person(t)
			w.forget(t)
			after := must(w.operator().UpdateUser(ctx, u.ID, u.Version, cardinal.UserChange{Profile: cardinal.ProfileChange{DisplayName: cardinal.Set("Ada"), Country: cardinal.Set("GB")}}))(t)
			if after.Version != 2 || after.Profile.DisplayName != "Ada" || after.Profile.Country != "GB" || after.Profile.Version != 2 {
				t.Errorf("after: %+v %+v", after, after.Profile)
			}
			w.tells(t, told{action: "user.update", actor: cardinal.OperatorID, subject: u.ID,
				changes: []string{"profiles.country_code", "profiles.display_name_sealed"}, rows: []string{"profiles", "users"}})
		})
		t.Run("TellsNothingOfNoChange", func(t *testing.T) {
			u, _ := w.person(t)
			w.forget(t)
			after := must(w.operator().UpdateUser(ctx, u.ID, u.Version, cardinal.UserChange{Profile: cardinal.ProfileChange{Locale: cardinal.Set("und")}}))(t)
			if after.Version != 1 {
				t.Errorf("version %d", after.Version)
			}
			must(w.operator().UpdateProfile(ctx, u.ID, 1, cardinal.ProfileChange{}))(t)
			w.tells(t)
		})
	})
}

func TestListUsers(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		list := func(t *testing.T, f cardinal.UserFilter) (ids []uuid.UUID) {
			t.Helper()
			if f.Limit == 0 {
				f.Limit = 200
			}
			for _, u := range must(w.operator().Users(ctx, f, false))(t).Data {
				ids = append(ids, u.ID)
			}
			return ids
		}
		var people []uuid.UUID
		for range 7 {
			u, _ := w.person(t)
			people = append(people, u.ID)
		}
		svc := w.service(t)
		suspended := must(w.operator().SuspendUser(ctx, people[2], 1))(t)
		all := append(append([]uuid.UUID{}, people...), svc.ID)
		same := func(t *testing.T, want, got []uuid.UUID) {
			t.Helper()
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		}
		t.Run("HidesBuiltInActors", func(t *testing.T) {
			same(t, all, list(t, cardinal.UserFilter{}))
			same(t, append([]uuid.UUID{cardinal.OperatorID, cardinal.SystemID, cardinal.StrangerID}, all...), list(t, cardinal.UserFilter{BuiltIn: true}))
		})
		t.Run("Narrows", func(t *testing.T) {
			same(t, []uuid.UUID{svc.ID}, list(t, cardinal.UserFilter{Kind: "service"}))
			same(t, []uuid.UUID{suspended.ID}, list(t, cardinal.UserFilter{Status: "suspended"}))
			same(t, nil, list(t, cardinal.UserFilter{Status: "suspended", Kind: "service"}))
			same(t, all, list(t, cardinal.UserFilter{CreatedFrom: cardinal.TimeOf(people[0])}))
			same(t, nil, list(t, cardinal.UserFilter{CreatedUntil: cardinal.TimeOf(people[0])}))
			same(t, nil, list(t, cardinal.UserFilter{CreatedFrom: time.Now().Add(time.Hour)}))
		})
		t.Run("RefusesUnknownChoices", func(t *testing.T) {
			_, err := w.operator().Users(ctx, cardinal.UserFilter{Page: cardinal.Page{Limit: 1}, Status: "sleepy", Kind: "robot", Email: "nobody"}, false)
			refuses(t, err, "email email_format, kind kind_unknown, status status_unknown")
		})
		t.Run("WalksPagesBothWays", func(t *testing.T) {
			for _, descending := range []bool{false, true} {
				var got []uuid.UUID
				f := cardinal.UserFilter{Page: cardinal.Page{Limit: 3, Descending: descending}}
				for pages := 1; ; pages++ {
					page := must(w.operator().Users(ctx, f, false))(t)
					for _, u := range page.Data {
						got = append(got, u.ID)
					}
					if !page.HasMore {
						if pages != 3 {
							t.Errorf("%d pages", pages)
						}
						break
					}
					f.After = got[len(got)-1]
				}
				want := append([]uuid.UUID{}, all...)
				if descending {
					for i := range want {
						want[i] = all[len(all)-1-i]
					}
				}
				same(t, want, got)
			}
		})
		t.Run("FindsAnAddressInAnySpelling", func(t *testing.T) {
			u := must(w.operator().CreateUser(ctx, cardinal.NewUser{Email: "Søren@Blåbær.example", EmailVerified: true}))(t)
			for _, typed := range []string{"søren@blåbær.example", "SØREN@BLÅBÆR.EXAMPLE", " søren@xn--blbr-roah.example "} {
				same(t, []uuid.UUID{u.ID}, list(t, cardinal.UserFilter{Email: typed}))
			}
			same(t, nil, list(t, cardinal.UserFilter{Email: "other@blåbær.example"}))
			same(t, nil, list(t, cardinal.UserFilter{Email: "søren@blåbær.example", Status: "suspended"}))
		})
		t.Run("FindsHoldersButNotOfExpiredGrants", func(t *testing.T) {
			soon := w.Clock.Now().Add(time.Minute)
			w.grant(t, w.user(t, people[0]), "auditor", nil)
			w.grant(t, w.user(t, people[1]), "auditor", &soon)
			f := cardinal.UserFilter{RoleID: w.role(t, "auditor").ID}
			same(t, people[:2], list(t, f))
			w.Clock.Add(time.Minute + time.Second)
			same(t, people[:1], list(t, f))
		})
		t.Run("ExpandsProfiles", func(t *testing.T) {
			must(w.operator().UpdateProfile(ctx, people[0], 1, cardinal.ProfileChange{DisplayName: cardinal.Set("First")}))(t)
			must(w.operator().UpdateProfile(ctx, people[1], 1, cardinal.ProfileChange{DisplayName: cardinal.Set("Second")}))(t)
			page := must(w.operator().Users(ctx, cardinal.UserFilter{Page: cardinal.Page{Limit: 50}, BuiltIn: true}, true))(t)
			names := map[uuid.UUID]string{}
			for _, u := range page.Data {
				if u.Profile == nil || u.Profile.UserID != u.ID {
					t.Fatalf("profile of %s: %+v", u.ID, u.Profile)
				}
				names[u.ID] = u.Profile.DisplayName
			}
			if names[people[0]] != "First" || names[people[1]] != "Second" || names[people[2]] != "" {
				t.Errorf("names %v", names)
			}
			if u := must(w.operator().Users(ctx, cardinal.UserFilter{Page: cardinal.Page{Limit: 1}}, false))(t).Data[0]; u.Profile != nil {
				t.Error("a profile that nobody asked for")
			}
		})
	})
}
