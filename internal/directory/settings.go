package directory

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"time"

	"cardinal"
	"cardinal/internal/store"
)

// settings are the settings that the rules go by, as they are at one moment.
type settings struct {
	signUpOpen            bool
	passwordMinLength     int
	sessionAbsolute       time.Duration
	sessionIdle           time.Duration
	claimLifetime         time.Duration
	failuresPerIdentifier int64
	failuresPerAddress    int64
	failureWindow         time.Duration
	searchOn              bool
}

// settingRule says what a setting may be.
type settingRule struct {
	choices   []string // of a text
	low, high int64    // of a number
	into      func(*settings, string, int64)
}

var settingRules = map[string]settingRule{
	"sign_up.mode":                         {choices: []string{"closed", "open"}, into: func(s *settings, v string, _ int64) { s.signUpOpen = v == "open" }},
	"passwords.min_length":                 {low: 8, high: 128, into: func(s *settings, _ string, n int64) { s.passwordMinLength = int(n) }},
	"sessions.absolute_seconds":            {low: 300, high: 34_560_000, into: func(s *settings, _ string, n int64) { s.sessionAbsolute = seconds(n) }},
	"sessions.idle_seconds":                {low: 60, high: 34_560_000, into: func(s *settings, _ string, n int64) { s.sessionIdle = seconds(n) }},
	"contacts.unverified_lifetime_seconds": {low: 60, high: 31_536_000, into: func(s *settings, _ string, n int64) { s.claimLifetime = seconds(n) }},
	"sign_in.failures_per_identifier":      {low: 3, high: 1000, into: func(s *settings, _ string, n int64) { s.failuresPerIdentifier = n }},
	"sign_in.failures_per_address":         {low: 10, high: 1_000_000, into: func(s *settings, _ string, n int64) { s.failuresPerAddress = n }},
	"search.mode":                          {choices: []string{"on", "off"}, into: func(s *settings, v string, _ int64) { s.searchOn = v == "on" }},
	"sign_in.window_seconds":               {low: 60, high: 86_400, into: func(s *settings, _ string, n int64) { s.failureWindow = seconds(n) }},
}

func seconds(n int64) time.Duration { return time.Duration(n) * time.Second }

// settings reads all settings at once.
func (d *Directory) settings(ctx context.Context, r store.Reader) (settings, error) {
	var s settings
	rows, err := r.Settings(ctx)
	if err != nil {
		return s, fmt.Errorf("read the settings: %w", err)
	}
	for _, row := range rows {
		if rule, ok := settingRules[row.Name]; ok {
			text, _ := row.Value.(string)
			number, _ := row.Value.(float64)
			rule.into(&s, text, int64(number))
		}
	}
	return s, nil
}

// check returns the faults of a value.
func (r settingRule) check(value any) error {
	var faults cardinal.Faults
	if r.choices != nil {
		text, _ := value.(string)
		for _, c := range r.choices {
			if c == text {
				return nil
			}
		}
		faults.Add("/value", "setting_choice", fmt.Sprintf("Choose one of %q", r.choices))
		return faults.Err()
	}
	if n, ok := value.(float64); !ok || n != math.Trunc(n) || n < float64(r.low) || n > float64(r.high) {
		faults.Add("/value", "setting_range", "Enter a whole number from "+strconv.FormatInt(r.low, 10)+" to "+strconv.FormatInt(r.high, 10))
	}
	return faults.Err()
}

// Settings lists all settings.
func (k Desk) Settings(ctx context.Context) ([]cardinal.Setting, error) {
	r, err := k.read(ctx, rule{permission: "settings.read"})
	if err != nil {
		return nil, err
	}
	return r.Settings(ctx)
}

// Setting returns one setting.
func (k Desk) Setting(ctx context.Context, name string) (cardinal.Setting, error) {
	r, err := k.read(ctx, rule{permission: "settings.read"})
	if err != nil {
		return cardinal.Setting{}, err
	}
	return r.Setting(ctx, name)
}

// UpdateSetting sets a setting.
func (k Desk) UpdateSetting(ctx context.Context, name string, version int64, in cardinal.SettingChange) (cardinal.Setting, error) {
	defer k.d.searchMode.known.Store(nil)
	return change(ctx, k, rule{action: "setting.update", permission: "settings.update"}, func(c *changing) (cardinal.Setting, error) {
		before, err := c.SettingForChange(ctx, name)
		if err != nil {
			return before, err
		}
		if err := fresh(before.Version, version); err != nil {
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
		after, err := c.Tx.UpdateSetting(ctx, name, version, in.Value, c.now)
		if err != nil {
			return before, err
		}
		row, err := store.StampSetting(after)
		c.wrote(row)
		c.changed("settings."+name, before.Value, after.Value)
		return after, err
	})
}
