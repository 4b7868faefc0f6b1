package directory

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"cardinal"
	"cardinal/internal/store"
	"cardinal/internal/throttle"
)

// Settings are the values of the settings that the rules use, read at one time.
type Settings struct {
	SignUpOpen                bool
	PasswordMinLength         int
	TemporaryPasswordLifetime time.Duration
	SessionAbsolute           time.Duration
	SessionIdle               time.Duration
	RecentSignIn              time.Duration
	UnverifiedLifetime        time.Duration // of contacts
	UnverifiedAccountLifetime time.Duration
	FailuresPerIdentifier     int64
	FailuresPerAddress        int64
	FailureWindow             time.Duration
	SearchOn                  bool
	SearchDomains             bool
}

// ThrottleLimits are the limits of attempts.
func (s Settings) ThrottleLimits() throttle.Limits {
	return throttle.Limits{
		Failures: s.FailuresPerIdentifier, FailuresPerAddress: s.FailuresPerAddress, Window: s.FailureWindow,
	}
}

// settingRule says which values a setting can have, and how it is set in Settings.
type settingRule struct {
	choices  []string // of a text
	min, max int64    // of a number
	assign   func(s *Settings, text string, number int64)
}

var settingRules = map[string]settingRule{
	"sign_up.mode": {
		choices: []string{"closed", "open"},
		assign:  func(s *Settings, text string, _ int64) { s.SignUpOpen = text == "open" },
	},
	"passwords.min_length": {
		min: 8, max: 128,
		assign: func(s *Settings, _ string, n int64) { s.PasswordMinLength = int(n) },
	},
	"passwords.temporary_lifetime_seconds": {
		min: 300, max: 2_592_000,
		assign: func(s *Settings, _ string, n int64) { s.TemporaryPasswordLifetime = seconds(n) },
	},
	"sessions.absolute_seconds": {
		min: 300, max: 34_560_000,
		assign: func(s *Settings, _ string, n int64) { s.SessionAbsolute = seconds(n) },
	},
	"sessions.idle_seconds": {
		min: 60, max: 34_560_000,
		assign: func(s *Settings, _ string, n int64) { s.SessionIdle = seconds(n) },
	},
	"sessions.recent_sign_in_seconds": {
		min: 10, max: 86_400,
		assign: func(s *Settings, _ string, n int64) { s.RecentSignIn = seconds(n) },
	},
	"contacts.unverified_lifetime_seconds": {
		min: 60, max: 31_536_000,
		assign: func(s *Settings, _ string, n int64) { s.UnverifiedLifetime = seconds(n) },
	},
	"accounts.unverified_lifetime_seconds": {
		min: 3600, max: 31_536_000,
		assign: func(s *Settings, _ string, n int64) { s.UnverifiedAccountLifetime = seconds(n) },
	},
	"sign_in.failures_per_identifier": {
		min: 3, max: 1000,
		assign: func(s *Settings, _ string, n int64) { s.FailuresPerIdentifier = n },
	},
	"sign_in.failures_per_address": {
		min: 10, max: 1_000_000,
		assign: func(s *Settings, _ string, n int64) { s.FailuresPerAddress = n },
	},
	"search.mode": {
		choices: []string{"on", "off"},
		assign:  func(s *Settings, text string, _ int64) { s.SearchOn = text == "on" },
	},
	"search.domains": {
		choices: []string{"on", "off"},
		assign:  func(s *Settings, text string, _ int64) { s.SearchDomains = text == "on" },
	},
	"sign_in.window_seconds": {
		min: 60, max: 86_400,
		assign: func(s *Settings, _ string, n int64) { s.FailureWindow = seconds(n) },
	},
}

func seconds(n int64) time.Duration { return time.Duration(n) * time.Second }

// CurrentSettings reads all settings with one statement.
func (d *Directory) CurrentSettings(ctx context.Context, r store.Reader) (Settings, error) {
	var s Settings
	rows, err := r.Settings(ctx)
	if err != nil {
		return s, fmt.Errorf("read the settings: %w", err)
	}
	for _, row := range rows {
		if rule, ok := settingRules[row.Name]; ok {
			text, _ := row.Value.(string)
			number, _ := row.Value.(float64)
			rule.assign(&s, text, int64(number))
		}
	}
	return s, nil
}

// check returns the error of a value that the setting cannot have; nil for a valid one.
func (r settingRule) check(value any) error {
	var fieldErrors cardinal.FieldErrors
	if r.choices != nil {
		text, _ := value.(string)
		for _, c := range r.choices {
			if c == text {
				return nil
			}
		}
		fieldErrors.Add("/value", "setting_choice", strings.Join(r.choices, ", "))
		return fieldErrors.Err()
	}
	if n, ok := value.(float64); !ok || n != math.Trunc(n) || n < float64(r.min) || n > float64(r.max) {
		fieldErrors.Add("/value", "setting_range", r.min, r.max)
	}
	return fieldErrors.Err()
}

// Settings lists all settings.
func (k Desk) Settings(ctx context.Context) ([]cardinal.Setting, error) {
	r, err := k.Read(ctx, Rule{Permission: "settings.read"})
	if err != nil {
		return nil, err
	}
	return r.Settings(ctx)
}

// Setting returns one setting.
func (k Desk) Setting(ctx context.Context, name string) (cardinal.Setting, error) {
	r, err := k.Read(ctx, Rule{Permission: "settings.read"})
	if err != nil {
		return cardinal.Setting{}, err
	}
	return r.Setting(ctx, name)
}

// UpdateSetting changes the value of a setting.
func (k Desk) UpdateSetting(
	ctx context.Context, name string, version int64, in cardinal.SettingChange,
) (cardinal.Setting, error) {
	defer k.d.searchForms.cached.Store(nil)
	r := Rule{Action: "setting.update", Permission: "settings.update", RecentSignIn: true}
	return Change(ctx, k, r, func(tx *Tx) (cardinal.Setting, error) {
		before, err := tx.LockSetting(ctx, name)
		if err != nil {
			return before, err
		}
		if err := CheckVersion(before.Version, version); err != nil {
			return before, err
		}
		if n, ok := in.Value.(int); ok {
			in.Value = float64(n)
		}
		if err := settingRules[name].check(in.Value); err != nil {
			return before, err
		}
		if before.Value == in.Value {
			return before, nil
		}
		after, err := tx.Tx.UpdateSetting(ctx, name, version, in.Value, tx.Now)
		if err != nil {
			return before, err
		}
		row, err := store.DigestSetting(after)
		tx.RecordRows(row)
		tx.RecordChange("settings."+name, before.Value, after.Value)
		return after, err
	})
}
