package directory_test

import (
	"testing"

	"cardinal"
	"cardinal/internal/directory/directorytest"
)

func TestUpdateProfile(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		t.Run("ValuesMasked", func(t *testing.T) {
			u, _ := w.NewPerson(t)
			w.ResetEvents(t)
			p := value(w.DeskOf(u).UpdateProfile(ctx, u.ID, 1, cardinal.ProfileChange{
				DisplayName: cardinal.Set("Ada"),
				Username:    cardinal.Set(" Ada.L "),
				Locale:      cardinal.Set("en-GB"),
				TimeZone:    cardinal.Set("Europe/London"),
				AvatarURL:   cardinal.Set("https://example.com/a.png"),
				Preferences: cardinal.Set(map[string]any{"theme": "dark", "deep": map[string]any{"a": 1.0, "b": 2.0}}),
			}))(t)
			w.ExpectEvents(t, event{
				Action: "profile.update", Actor: u.ID, Subject: u.ID,
				Changes: []string{
					"profiles.avatar_url_sealed", "profiles.display_name_sealed", "profiles.locale",
					"profiles.preferences", "profiles.time_zone", "profiles.username_sealed",
				},
				Rows: []string{"identifiers", "profiles"},
			})
			if p.Username != "Ada.L" {
				t.Errorf("user name %q", p.Username)
			}
			p = value(w.DeskOf(u).UpdateProfile(ctx, u.ID, p.Version, cardinal.ProfileChange{
				Preferences: cardinal.Set(map[string]any{"theme": nil, "deep": map[string]any{"a": nil}}),
				AvatarURL:   cardinal.Clear[string](),
			}))(t)
			directorytest.ExpectSameJSON(t, map[string]any{"deep": map[string]any{"b": 2.0}}, p.Preferences)
			directorytest.ExpectSameJSON(t, p, value(w.DeskOf(u).Profile(ctx, u.ID))(t))
			if p.AvatarURL != "" {
				t.Errorf("profile %+v", p)
			}
		})
		t.Run("UsernameMoved", func(t *testing.T) {
			u, _ := w.NewPerson(t)
			other, _ := w.NewPerson(t)
			p := value(w.DeskOf(u).UpdateProfile(ctx, u.ID, 1, cardinal.ProfileChange{
				Username: cardinal.Set("Mover"),
			}))(t)
			w.ResetEvents(t)
			p = value(w.DeskOf(u).UpdateProfile(ctx, u.ID, p.Version, cardinal.ProfileChange{
				Username: cardinal.Set("MOVER"),
			}))(t)
			w.ExpectEvents(t, event{
				Action: "profile.update", Actor: u.ID, Subject: u.ID,
				Changes: []string{"profiles.username_sealed"},
				Rows:    []string{"profiles"},
			})
			_, err := w.DeskOf(other).UpdateProfile(ctx, other.ID, 1, cardinal.ProfileChange{
				Username: cardinal.Set("mover"),
			})
			expectRefusal(t, err, "identifier_taken")
			p = value(w.DeskOf(u).UpdateProfile(ctx, u.ID, p.Version, cardinal.ProfileChange{
				Username: cardinal.Set("Moved"),
			}))(t)
			w.ExpectEvents(t, event{
				Action: "profile.update", Actor: u.ID, Subject: u.ID,
				Changes: []string{"profiles.username_sealed"},
				Rows:    []string{"-identifiers", "identifiers", "profiles"},
			})
			value(w.DeskOf(other).UpdateProfile(ctx, other.ID, 1, cardinal.ProfileChange{
				Username: cardinal.Set("mover"),
			}))(t)
			in := w.SignIn(t, "moved", goodPassword)
			if in.Session.UserID != u.ID {
				t.Error("the user name belongs to another user")
			}
		})
		t.Run("AllErrorsAtOnce", func(t *testing.T) {
			u, _ := w.NewPerson(t)
			_, err := w.Operator().UpdateUser(ctx, u.ID, u.Version, cardinal.UserChange{Profile: cardinal.ProfileChange{
				DisplayName: cardinal.Set("\x01"),
				Username:    cardinal.Set("x"),
				AvatarURL:   cardinal.Set("javascript:x"),
				Country:     cardinal.Set("XX"),
				Locale:      cardinal.Set("!"),
				TimeZone:    cardinal.Set("!"),
				Attributes:  cardinal.Set(map[string]any{"x": 1.0}),
			}})
			expectRefusal(t, err,
				"/profile/attributes/x attribute_unknown, /profile/avatar_url url_format, "+
					"/profile/country country_unknown, /profile/display_name text_format, "+
					"/profile/locale locale_format, /profile/time_zone time_zone_format, "+
					"/profile/username username_format")
		})
	})
}

func TestUpdateUser(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		t.Run("VersionOfUser", func(t *testing.T) {
			u, _ := w.NewPerson(t)
			w.ResetEvents(t)
			after := value(w.Operator().UpdateUser(ctx, u.ID, u.Version, cardinal.UserChange{
				Profile: cardinal.ProfileChange{DisplayName: cardinal.Set("Ada"), Country: cardinal.Set("GB")},
			}))(t)
			if after.Version != 2 || after.Profile.DisplayName != "Ada" || after.Profile.Country != "GB" ||
				after.Profile.Version != 2 {
				t.Errorf("after: %+v %+v", after, after.Profile)
			}
			w.ExpectEvents(t, event{
				Action: "user.update", Actor: cardinal.OperatorID, Subject: u.ID,
				Changes: []string{"profiles.country_code", "profiles.display_name_sealed"},
				Rows:    []string{"profiles", "users"},
			})
		})
		t.Run("NoChangeNoEvent", func(t *testing.T) {
			u, _ := w.NewPerson(t)
			w.ResetEvents(t)
			after := value(w.Operator().UpdateUser(ctx, u.ID, u.Version, cardinal.UserChange{
				Profile: cardinal.ProfileChange{Locale: cardinal.Set("und")},
			}))(t)
			if after.Version != 1 {
				t.Errorf("version %d", after.Version)
			}
			value(w.Operator().UpdateProfile(ctx, u.ID, 1, cardinal.ProfileChange{}))(t)
			w.ExpectEvents(t)
		})
	})
}
