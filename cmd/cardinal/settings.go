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
	c := command("set NAME VALUE", "Change a setting",
		"  cardinal settings set sign_up.mode open\n  cardinal settings set passwords.min_length 12",
		func(ctx context.Context, args []string) error {
			k, err := a.open(ctx)
			if err != nil {
				return err
			}
			before, err := k.Setting(ctx, args[0])
			if err != nil {
				return notFoundAs(err, "setting", args[0], "`cardinal settings list` lists the settings.")
			}
			in := cardinal.SettingChange{Value: parseSetting(args[1])}
			after, err := k.UpdateSetting(ctx, before.Name, before.Version, in)
			if err != nil {
				return err
			}
			undo := a.rerunCommand("settings", "set", before.Name, formatSetting(before.Value))
			return printChanged(a, after, undo, "%s is %s, was %s",
				after.Name, formatSetting(after.Value), formatSetting(before.Value))
		})
	c.ValidArgsFunction = a.completeFirstSetting
	return c
}

// parseSetting parses a number or a boolean as in JSON. Everything else is a text.
func parseSetting(text string) any {
	var v any
	if json.Unmarshal([]byte(text), &v) == nil {
		switch v.(type) {
		case float64, bool:
			return v
		}
	}
	return text
}

// formatSetting returns a value as it is given to `settings set`.
func formatSetting(value any) string {
	if text, ok := value.(string); ok {
		return text
	}
	text, _ := json.Marshal(value) // always a number or a boolean
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
