package main

import (
	"context"
	"encoding/json"

	"github.com/spf13/cobra"

	"cardinal"
)

func (a *app) settingsList() *cobra.Command {
	return a.withListFlags(command("list", "List the settings", "", func(ctx context.Context, _ []string) error {
		k, err := a.open(ctx)
		if err != nil {
			return err
		}
		all, err := k.Settings(ctx)
		if err != nil {
			return err
		}
		return printList(a, listPage[cardinal.Setting]{Data: all}, "name", "value", "description")
	}))
}

func (a *app) settingsSet() *cobra.Command {
	c := command("set NAME VALUE", "Change a setting", "  cardinal settings set sign_up.mode open\n  cardinal settings set passwords.min_length 12",
		func(ctx context.Context, args []string) error {
			k, err := a.open(ctx)
			if err != nil {
				return err
			}
			before, err := k.Setting(ctx, args[0])
			if err != nil {
				return notFoundAs(err, "setting", args[0], "`cardinal settings list` shows what there is.")
			}
			after, err := k.UpdateSetting(ctx, before.Name, before.Version, cardinal.SettingChange{Value: settingValue(args[1])})
			if err != nil {
				return err
			}
			return printChanged(a, after, a.rerunCommand("settings", "set", before.Name, plain(before.Value)), "%s is %s, was %s", after.Name, plain(after.Value), plain(before.Value))
		})
	c.ValidArgsFunction = a.completeFirstSetting
	return c
}

// settingValue reads a number or a boolean as such and all else as text, as JSON would.
func settingValue(text string) any {
	var v any
	if json.Unmarshal([]byte(text), &v) == nil {
		switch v.(type) {
		case float64, bool:
			return v
		}
	}
	return text
}

// plain is a setting's value as it is typed.
func plain(value any) string {
	if text, ok := value.(string); ok {
		return text
	}
	text, _ := json.Marshal(value) // a number or a boolean
	return string(text)
}

// completeFirstSetting completes the first argument with a setting.
func (a *app) completeFirstSetting(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	k, err := a.open(c.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	defer a.close()
	all, err := k.Settings(c.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var names []string
	for _, s := range all {
		names = append(names, s.Name+"\t"+s.Description)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
