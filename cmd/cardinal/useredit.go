package main

import (
	"github.com/spf13/cobra"

	"cardinal"
)

func (a *app) usersEdit() *cobra.Command {
	var displayName, username, avatarURL, country, locale, timeZone, preferences, attributes string
	c := command("edit USER", "Change a user's profile; an empty value clears",
		"  cardinal users edit bob@example.com --country DE --time-zone Europe/Berlin\n  cardinal users edit bob@example.com --avatar-url ''", nil)
	profileFlags(c, &displayName, &username, &avatarURL, &country, &locale, &timeZone, &preferences, &attributes)
	c.RunE = func(c *cobra.Command, args []string) error {
		ctx := c.Context()
		k, err := a.open(ctx)
		if err != nil {
			return err
		}
		user, err := k.findUser(ctx, args[0])
		if err != nil {
			return err
		}
		was := user.Profile
		if was == nil {
			was = &cardinal.Profile{}
		}
		var in cardinal.ProfileChange
		var undo []string
		for _, f := range []struct {
			flag, value, was string
			into             *cardinal.Change[string]
		}{
			{"display-name", displayName, was.DisplayName, &in.DisplayName},
			{"username", username, was.Username, &in.Username},
			{"avatar-url", avatarURL, was.AvatarURL, &in.AvatarURL},
			{"country", country, was.Country, &in.Country},
			{"locale", locale, was.Locale, &in.Locale},
			{"time-zone", timeZone, was.TimeZone, &in.TimeZone},
		} {
			if !c.Flags().Changed(f.flag) {
				continue
			}
			*f.into = cardinal.Set(f.value)
			if f.value == "" {
				*f.into = cardinal.Clear[string]()
			}
			undo = append(undo, "--"+f.flag, f.was)
		}
		for _, f := range []struct {
			flag, value string
			was         map[string]any
			into        *cardinal.Change[map[string]any]
		}{
			{"preferences", preferences, was.Preferences, &in.Preferences},
			{"attributes", attributes, was.Attributes, &in.Attributes},
		} {
			if !c.Flags().Changed(f.flag) {
				continue
			}
			patch, err := a.jsonObject(f.flag, f.value)
			if err != nil {
				return err
			}
			*f.into = cardinal.Set(patch)
			text, err := encodeJSON(reversePatch(patch, f.was))
			if err != nil {
				return err
			}
			undo = append(undo, "--"+f.flag, string(text))
		}
		if len(undo) == 0 {
			return usageError("`cardinal users edit --help` lists what can be changed.", "nothing to change was given")
		}
		after, err := k.UpdateUser(ctx, user.ID, user.Version, cardinal.UserChange{Profile: in})
		if err != nil {
			return err
		}
		return printChanged(a, after, a.rerunCommand(append([]string{"users", "edit", user.ID.String()}, undo...)...), "changed the profile of %s", sanitize(args[0]))
	}
	return c
}

// reversePatch is the merge patch that takes a merge patch back.
func reversePatch(patch, was map[string]any) map[string]any {
	back := map[string]any{}
	for key := range patch {
		back[key] = was[key] // nil takes away what was not there
	}
	return back
}
