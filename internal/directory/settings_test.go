package directory_test

import (
	"slices"
	"testing"

	"cardinal"
	"cardinal/internal/directory/directorytest"
)

func TestSettings(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		admin, _ := w.NewPerson(t, "administrator")
		desk := w.DeskOf(admin)
		t.Run("Limits", func(t *testing.T) {
			w.ResetEvents(t)
			bounds := map[string][2]float64{"passwords.min_length": {8, 128},
				"passwords.temporary_lifetime_seconds": {300, 2592000},
				"sessions.absolute_seconds":            {300, 34560000}, "sessions.idle_seconds": {60, 34560000},
				"sessions.recent_sign_in_seconds":      {10, 86400},
				"contacts.unverified_lifetime_seconds": {60, 31536000},
				"accounts.unverified_lifetime_seconds": {3600, 31536000}, "sign_in.failures_per_identifier": {3, 1000},
				"sign_in.failures_per_address": {10, 1000000}, "sign_in.window_seconds": {60, 86400}}
			for _, s := range value(desk.Settings(ctx))(t) {
				b, isNumber := bounds[s.Name]
				if !isNumber && !slices.Contains([]string{"sign_up.mode", "search.mode", "search.domains"}, s.Name) {
					t.Errorf("the test has no limits of the setting %s", s.Name)
				}
				bad, code := []any{b[0] - 1, b[1] + 1, b[0] + 0.5, "15", true, nil, map[string]any{},
					[]any{1.0}}, "/value setting_range"
				if !isNumber {
					bad, code = []any{"ajar", "", 1.0, true, nil, map[string]any{}}, "/value setting_choice"
				}
				for _, v := range bad {
					_, err := desk.UpdateSetting(ctx, s.Name, s.Version, cardinal.SettingChange{Value: v})
					if errorCode(err) != code {
						t.Errorf("%s = %v: the error code is %q", s.Name, v, errorCode(err))
					}
				}
			}
			w.ExpectEvents(t)
			for name, b := range bounds {
				for _, v := range b {
					w.SetSetting(t, name, v)
					if got := value(desk.Setting(ctx, name))(t).Value; got != v {
						t.Errorf("%s is %v, want %v", name, got, v)
					}
				}
			}
		})
		t.Run("Update", func(t *testing.T) {
			s := value(desk.Setting(ctx, "sign_up.mode"))(t)
			w.ResetEvents(t)
			after := value(desk.UpdateSetting(ctx, s.Name, s.Version, cardinal.SettingChange{Value: "open"}))(t)
			w.ExpectEvents(t, event{
				Action: "setting.update", Actor: admin.ID, Subject: cardinal.SystemID,
				Changes: []string{"settings.sign_up.mode closed>open"},
				Rows:    []string{"settings"},
			})
			value(desk.UpdateSetting(ctx, s.Name, after.Version, cardinal.SettingChange{Value: "open"}))(t)
			w.ExpectEvents(t)
			_, err := desk.UpdateSetting(ctx, s.Name, s.Version, cardinal.SettingChange{Value: "closed"})
			expectRefusal(t, err, "stale 2")
			_, err = desk.UpdateSetting(ctx, "no.such", 1, cardinal.SettingChange{Value: "closed"})
			expectRefusal(t, err, "not_found")
		})
	})
}
