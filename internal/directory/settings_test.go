package directory_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/signin"
)

func TestSettings(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		admin, _ := w.person(t, "administrator")
		desk := w.as(admin)
		t.Run("KeepTheirBounds", func(t *testing.T) {
			w.forget(t)
			bounds := map[string][2]float64{"passwords.min_length": {8, 128}, "sessions.absolute_seconds": {300, 34560000}, "sessions.idle_seconds": {60, 34560000},
				"claims.lifetime_seconds": {60, 31536000}, "sign_in.failures_per_identifier": {3, 1000}, "sign_in.failures_per_address": {10, 1000000}, "sign_in.window_seconds": {60, 86400}}
			for _, s := range must(desk.Settings(ctx))(t) {
				b, isNumber := bounds[s.Name]
				if !isNumber && s.Name != "sign_up.mode" && s.Name != "search.mode" {
					t.Errorf("the test does not know the setting %s", s.Name)
				}
				bad, code := []any{b[0] - 1, b[1] + 1, b[0] + 0.5, "15", true, nil, map[string]any{}, []any{1.0}}, "/value setting_range"
				if !isNumber {
					bad, code = []any{"ajar", "", 1.0, true, nil, map[string]any{}}, "/value setting_choice"
				}
				for _, value := range bad {
					_, err := desk.UpdateSetting(ctx, s.Name, s.Version, cardinal.SettingChange{Value: value})
					if said(err) != code {
						t.Errorf("%s = %v said %q", s.Name, value, said(err))
					}
				}
			}
			w.tells(t)
			for name, b := range bounds {
				for _, value := range b {
					w.set(t, name, value)
					if got := must(desk.Setting(ctx, name))(t).Value; got != value {
						t.Errorf("%s is %v, want %v", name, got, value)
					}
				}
			}
		})
		t.Run("Change", func(t *testing.T) {
			s := must(desk.Setting(ctx, "sign_up.mode"))(t)
			w.forget(t)
			after := must(desk.UpdateSetting(ctx, s.Name, s.Version, cardinal.SettingChange{Value: "open"}))(t)
			w.tells(t, told{action: "setting.update", actor: admin.ID, subject: cardinal.SystemID, changes: []string{"settings.sign_up.mode closed>open"}, rows: []string{"settings"}})
			must(desk.UpdateSetting(ctx, s.Name, after.Version, cardinal.SettingChange{Value: "open"}))(t)
			w.tells(t)
			_, err := desk.UpdateSetting(ctx, s.Name, s.Version, cardinal.SettingChange{Value: "closed"})
			refuses(t, err, "stale 2")
			_, err = desk.UpdateSetting(ctx, "no.such", 1, cardinal.SettingChange{Value: "closed"})
			refuses(t, err, "not_found")
		})
	})
}

func TestCountries(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		admin, _ := w.person(t, "administrator")
		desk := w.as(admin)
		u := must(desk.CreateUser(ctx, cardinal.NewUser{Country: "DE"}))(t)
		before := must(desk.Country(ctx, "DE"))(t)
		w.forget(t)
		after := must(desk.UpdateCountry(ctx, "DE", before.Version, cardinal.CountryChange{TaxRatePPM: cardinal.Set(int64(190000))}))(t)
		w.tells(t, told{action: "country.update", actor: admin.ID, subject: cardinal.SystemID, changes: []string{"countries.DE.tax_rate_ppm 0>190000"}, rows: []string{"countries"}})
		if v := w.user(t, u.ID).Version; after.TaxRatePPM != 190000 || v != u.Version || must(desk.Profile(ctx, u.ID))(t).Version != 1 {
			t.Error("a tax rate changes in more than one place")
		}
		must(desk.UpdateCountry(ctx, "DE", after.Version, cardinal.CountryChange{TaxRatePPM: cardinal.Set(int64(190000))}))(t)
		must(desk.UpdateCountry(ctx, "DE", after.Version, cardinal.CountryChange{}))(t)
		for _, change := range []cardinal.CountryChange{{TaxRatePPM: cardinal.Set(int64(-1))}, {TaxRatePPM: cardinal.Set(int64(1000001))}, {TaxRatePPM: cardinal.Clear[int64]()}} {
			_, err := desk.UpdateCountry(ctx, "DE", after.Version, change)
			refuses(t, err, "/tax_rate_ppm tax_rate_range")
		}
		_, err := desk.UpdateCountry(ctx, "DE", before.Version, cardinal.CountryChange{TaxRatePPM: cardinal.Set(int64(1))})
		refuses(t, err, "stale 2")
		_, err = desk.UpdateCountry(ctx, "XX", 1, cardinal.CountryChange{TaxRatePPM: cardinal.Set(int64(1))})
		refuses(t, err, "not_found")
		w.tells(t)
	})
}

func TestAttributes(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		admin, _ := w.person(t, "administrator")
		desk := w.as(admin)
		declare := func(name, kind string) cardinal.AttributeDefinition {
			return must(desk.CreateAttributeDefinition(ctx, cardinal.NewAttributeDefinition{Name: name, Description: "What it is.", ValueType: kind}))(t)
		}
		w.forget(t)
		text := declare("motto", "string")
		w.tells(t, told{action: "attribute.create", actor: admin.ID, subject: cardinal.SystemID, changes: []string{"attribute_definitions.name >motto"}, rows: []string{"attribute_definitions"}})
		declare("height", "number")
		declare("vegan", "boolean")
		set := func(u cardinal.User, version int64, values map[string]any) (cardinal.Profile, error) {
			return desk.UpdateProfile(ctx, u.ID, version, cardinal.ProfileChange{Attributes: cardinal.Set(values)})
		}
		t.Run("AreDeclaredAndTyped", func(t *testing.T) {
			u, _ := w.person(t)
			p := must(set(u, 1, map[string]any{"motto": "Onward", "height": 1.8, "vegan": true}))(t)
			_, err := set(u, p.Version, map[string]any{"motto": 1.0, "height": "tall", "vegan": map[string]any{}, "colour": "red", "a/b~c": 1.0})
			refuses(t, err, "/attributes/a~1b~0c attribute_unknown, /attributes/colour attribute_unknown, /attributes/height attribute_type, /attributes/motto attribute_type, /attributes/vegan attribute_type")
			p = must(set(u, p.Version, map[string]any{"motto": nil, "height": 1.9}))(t)
			if len(p.Attributes) != 2 || p.Attributes["height"] != 1.9 {
				t.Errorf("attributes %+v", p.Attributes)
			}
		})
		t.Run("RefuseBadInput", func(t *testing.T) {
			_, err := desk.CreateAttributeDefinition(ctx, cardinal.NewAttributeDefinition{Name: "Bad Name", ValueType: "list"})
			refuses(t, err, "/description text_empty, /name attribute_name_format, /value_type value_type_unknown")
			_, err = desk.CreateAttributeDefinition(ctx, cardinal.NewAttributeDefinition{Name: "motto", Description: "Twice.", ValueType: "string"})
			refuses(t, err, "attribute_name_taken")
		})
		t.Run("CanBeTakenBackAndTheirValuesAfterThem", func(t *testing.T) {
			u, _ := w.person(t)
			p := must(set(u, 1, map[string]any{"motto": "Onward", "vegan": true}))(t)
			refuses(t, desk.DeleteAttributeDefinition(ctx, text.ID, text.Version+1), "stale 1")
			w.forget(t)
			ok(t, desk.DeleteAttributeDefinition(ctx, text.ID, text.Version))
			w.tells(t, told{action: "attribute.delete", actor: admin.ID, subject: cardinal.SystemID, changes: []string{"attribute_definitions.name motto>"}, rows: []string{"-attribute_definitions"}})
			_, err := set(u, p.Version, map[string]any{"motto": "Backward"})
			refuses(t, err, "/attributes/motto attribute_unknown")
			p = must(set(u, p.Version, map[string]any{"vegan": false}))(t)
			if p.Attributes["motto"] != "Onward" {
				t.Errorf("attributes %+v", p.Attributes)
			}
			p = must(set(u, p.Version, map[string]any{"motto": nil}))(t)
			if _, there := p.Attributes["motto"]; there {
				t.Errorf("attributes %+v", p.Attributes)
			}
		})
	})
}

func TestUpdateProfile(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		t.Run("MasksWhatChanged", func(t *testing.T) {
			u, _ := w.person(t)
			w.forget(t)
			p := must(w.as(u).UpdateProfile(ctx, u.ID, 1, cardinal.ProfileChange{DisplayName: cardinal.Set("Ada"), Username: cardinal.Set(" Ada.L "), Locale: cardinal.Set("en-GB"),
				TimeZone: cardinal.Set("Europe/London"), AvatarURL: cardinal.Set("https://example.com/a.png"), Preferences: cardinal.Set(map[string]any{"theme": "dark", "deep": map[string]any{"a": 1.0, "b": 2.0}})}))(t)
			w.tells(t, told{action: "profile.update", actor: u.ID, subject: u.ID, changes: []string{"profiles.avatar_url_sealed", "profiles.display_name_sealed", "profiles.locale",
				"profiles.preferences", "profiles.time_zone", "profiles.username_sealed"}, rows: []string{"identifiers", "profiles"}})
			if p.Username != "Ada.L" {
				t.Errorf("user name %q", p.Username)
			}
			p = must(w.as(u).UpdateProfile(ctx, u.ID, p.Version, cardinal.ProfileChange{Preferences: cardinal.Set(map[string]any{"theme": nil, "deep": map[string]any{"a": nil}}), AvatarURL: cardinal.Clear[string]()}))(t)
			sameJSON(t, map[string]any{"deep": map[string]any{"b": 2.0}}, p.Preferences)
			sameJSON(t, p, must(w.as(u).Profile(ctx, u.ID))(t))
			if p.AvatarURL != "" {
				t.Errorf("profile %+v", p)
			}
		})
		t.Run("MovesTheUserName", func(t *testing.T) {
			u, _ := w.person(t)
			other, _ := w.person(t)
			p := must(w.as(u).UpdateProfile(ctx, u.ID, 1, cardinal.ProfileChange{Username: cardinal.Set("Mover")}))(t)
			w.forget(t)
			p = must(w.as(u).UpdateProfile(ctx, u.ID, p.Version, cardinal.ProfileChange{Username: cardinal.Set("MOVER")}))(t)
			w.tells(t, told{action: "profile.update", actor: u.ID, subject: u.ID, changes: []string{"profiles.username_sealed"}, rows: []string{"profiles"}})
			_, err := w.as(other).UpdateProfile(ctx, other.ID, 1, cardinal.ProfileChange{Username: cardinal.Set("mover")})
			refuses(t, err, "identifier_taken")
			p = must(w.as(u).UpdateProfile(ctx, u.ID, p.Version, cardinal.ProfileChange{Username: cardinal.Set("Moved")}))(t)
			w.tells(t, told{action: "profile.update", actor: u.ID, subject: u.ID, changes: []string{"profiles.username_sealed"}, rows: []string{"-identifiers", "identifiers", "profiles"}})
			must(w.as(other).UpdateProfile(ctx, other.ID, 1, cardinal.ProfileChange{Username: cardinal.Set("mover")}))(t)
			in := w.signIn(t, "moved", goodPassword)
			if in.Session.UserID != u.ID {
				t.Error("the user name did not move")
			}
		})
		t.Run("NamesAllFaultsAtOnce", func(t *testing.T) {
			u, _ := w.person(t)
			_, err := w.operator().UpdateUser(ctx, u.ID, u.Version, cardinal.UserChange{Profile: cardinal.ProfileChange{DisplayName: cardinal.Set("\x01"), Username: cardinal.Set("x"),
				AvatarURL: cardinal.Set("javascript:x"), Country: cardinal.Set("XX"), Locale: cardinal.Set("!"), TimeZone: cardinal.Set("!"), Attributes: cardinal.Set(map[string]any{"x": 1.0})}})
			refuses(t, err, "/profile/attributes/x attribute_unknown, /profile/avatar_url url_format, /profile/country country_unknown, /profile/display_name text_format, "+
				"/profile/locale locale_format, /profile/time_zone time_zone_format, /profile/username username_format")
		})
	})
}

func TestAudit(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		u, email := w.person(t)
		must(signin.WithPassword(ctx, w.stranger("203.0.113.3"), cardinal.SignIn{Identifier: email, Password: goodPassword}))(t)
		helper, _ := w.person(t, "support")
		requested := cardinal.Actor{UserID: helper.ID, Assurance: 1, RequestID: uuid.NullUUID{UUID: cardinal.NewID(), Valid: true}, ClientFrom: cardinal.Client{Address: "203.0.113.4"}}
		suspended := must(w.As(requested).SuspendUser(ctx, u.ID, u.Version))(t)
		must(w.operator().ReactivateUser(ctx, u.ID, suspended.Version))(t)
		auditor, _ := w.person(t, "auditor")
		all := cardinal.AuditFilter{Page: cardinal.Page{Limit: 50}}
		t.Run("ShowsPeopleWhatWasDoneToThem", func(t *testing.T) {
			page := must(w.as(u).UserAudit(ctx, u.ID, all))(t)
			var got []string
			for _, e := range page.Data {
				got = append(got, e.Action+" "+e.Address)
			}
			// Their own address, and nobody else's.
			want := []string{"user.create ", "session.create 203.0.113.3", "user.suspend ", "user.reactivate "}
			sameJSON(t, want, got)
			_, err := w.as(u).UserAudit(ctx, helper.ID, all)
			refuses(t, err, "permission_missing")
		})
		t.Run("ShowsAuditorsWhereItCameFrom", func(t *testing.T) {
			page := must(w.as(auditor).Audit(ctx, cardinal.AuditFilter{Page: cardinal.Page{Limit: 50}, RequestID: requested.RequestID.UUID}))(t)
			if len(page.Data) != 1 || page.Data[0].Action != "user.suspend" || page.Data[0].Address != "203.0.113.4" || page.Data[0].ActorID != helper.ID {
				t.Errorf("found %+v", page)
			}
		})
		t.Run("Narrows", func(t *testing.T) {
			for _, c := range []struct {
				f    cardinal.AuditFilter
				want int
			}{
				{cardinal.AuditFilter{Action: "user.suspend"}, 1},
				{cardinal.AuditFilter{SubjectID: u.ID}, 4},
				{cardinal.AuditFilter{ActorID: u.ID, From: time.Now().Add(-time.Hour)}, 1},
				{cardinal.AuditFilter{Until: time.Now().Add(-time.Hour)}, 0},
			} {
				c.f.Limit = 50
				if n := len(must(w.as(auditor).Audit(ctx, c.f))(t).Data); n != c.want {
					t.Errorf("%+v found %d, want %d", c.f, n, c.want)
				}
			}
		})
	})
}

func TestJobs(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		t.Run("AllRun", func(t *testing.T) {
			w.forget(t)
			for _, job := range must(w.Store.Read(ctx).Jobs(ctx))(t) {
				w.run(t, job.Kind)
			}
			w.tells(t)
		})
		t.Run("AreLeasedToOne", func(t *testing.T) {
			a, b := cardinal.NewID(), cardinal.NewID()
			var kinds []string
			for _, job := range directory.Jobs() {
				kinds = append(kinds, job.Kind)
			}
			seen := map[uuid.UUID]bool{}
			for range 4 {
				for _, node := range []uuid.UUID{a, b} {
					job, err := w.ClaimJob(ctx, node, time.Minute, kinds...)
					if errors.Is(err, cardinal.ErrNotFound) {
						continue
					}
					ok(t, err)
					if seen[job.ID] {
						t.Errorf("%s is leased twice", job.Kind)
					}
					seen[job.ID] = true
					if len(seen) == 1 {
						ok(t, w.EndJob(ctx, job, node, nil))
					}
				}
			}
			if len(seen) < 7 {
				t.Errorf("%d jobs", len(seen))
			}
		})
		t.Run("SweepWhatIsOver", func(t *testing.T) {
			w.set(t, "sessions.absolute_seconds", 300)
			_, email := w.person(t)
			w.signIn(t, email, goodPassword)
			_, err := signin.WithPassword(ctx, w.stranger("192.0.2.1"), cardinal.SignIn{Identifier: email, Password: "wrong wrong wrong"})
			refuses(t, err, "invalid_credentials")
			count := func(table string) (n int) {
				ok(t, w.raw(t).QueryRowContext(ctx, `SELECT count(*) FROM `+table).Scan(&n))
				return n
			}
			w.run(t, "sessions.purge")
			w.run(t, "throttles.purge")
			if count("sessions") != 1 || count("sign_in_throttles") == 0 {
				t.Error("swept too early")
			}
			w.Clock.Add(29 * 24 * time.Hour)
			w.run(t, "sessions.purge")
			w.run(t, "throttles.purge")
			if count("sessions") != 1 || count("sign_in_throttles") != 0 {
				t.Errorf("%d sessions, %d throttles", count("sessions"), count("sign_in_throttles"))
			}
			w.Clock.Add(2 * 24 * time.Hour)
			w.run(t, "sessions.purge")
			if count("sessions") != 0 {
				t.Error("a dead session is left")
			}
		})
		t.Run("MakeMonthsAhead", func(t *testing.T) {
			if why := w.Ready(ctx); len(why) != 0 {
				t.Errorf("not ready: %v", why)
			}
			if w.engine == "sqlite" {
				return
			}
			w.Clock.Add(365 * 24 * time.Hour)
			if why := w.Ready(ctx); len(why) != 1 {
				t.Errorf("ready: %v", why)
			}
			w.run(t, "audit.months")
			if why := w.Ready(ctx); len(why) != 0 {
				t.Errorf("not ready: %v", why)
			}
		})
	})
}

func TestCursors(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		id := cardinal.NewID()
		cursor := w.Cursor("users", id)
		if got, good := w.ParseCursor("users", cursor); !good || got != id {
			t.Errorf("read %s, %t", got, good)
		}
		if _, good := w.ParseCursor("roles", cursor); good {
			t.Error("it moves to another list")
		}
		for i := range cursor {
			changed := []byte(cursor)
			changed[i] ^= 1
			if changed[i] == '@' || changed[i] == '`' {
				changed[i] = 'x'
			}
			if _, good := w.ParseCursor("users", string(changed)); good {
				t.Errorf("changed at %d it is taken", i)
			}
		}
		for _, bad := range []string{"", cursor + "A", cursor[1:], cursor + "=", "\x00"} {
			if _, good := w.ParseCursor("users", bad); good {
				t.Errorf("%q is taken", bad)
			}
		}
	})
}
