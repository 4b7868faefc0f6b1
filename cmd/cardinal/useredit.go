package main

import (
	"github.com/spf13/cobra"

	"cardinal"
)

func (a *app) usersEdit() *cobra.Command {
	var displayName, username, avatarURL, country, locale, timeZone, preferences, attributes string
	c := command("edit USER", "Change the profile of a user; an empty value clears a field",
		"  cardinal users edit bob@example.com --country DE --time-zone Europe/Berlin\n"+
			"  cardinal users edit bob@example.com --avatar-url ''", nil)
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
		before := user.Profile
		if before == nil {
			before = &cardinal.Profile{}
		}
		var in cardinal.ProfileChange
		var undo []string
		for _, f := range []struct {
			flag, value, before string
			into                *cardinal.Change[string]
		}{
			{"display-name", displayName, before.DisplayName, &in.DisplayName},
			{"username", username, before.Username, &in.Username},
			{"avatar-url", avatarURL, before.AvatarURL, &in.AvatarURL},
			{"country", country, before.Country, &in.Country},
			{"locale", locale, before.Locale, &in.Locale},
			{"time-zone", timeZone, before.TimeZone, &in.TimeZone},
		} {
			if !c.Flags().Changed(f.flag) {
				continue
			}
			*f.into = cardinal.Set(f.value)
			if f.value == "" {
				*f.into = cardinal.Clear[string]()
			}
			undo = append(undo, "--"+f.flag, f.before)
		}
		for _, f := range []struct {
			flag, value string
			before      map[string]any
			into        *cardinal.Change[map[string]any]
		}{
			{"preferences", preferences, before.Preferences, &in.Preferences},
			{"attributes", attributes, before.Attributes, &in.Attributes},
		} {
			if !c.Flags().Changed(f.flag) {
				continue
			}
			patch, err := a.jsonObject(f.flag, f.value)
			if err != nil {
				return err
			}
			*f.into = cardinal.Set(patch)
			text, err := encodeJSON(reversePatch(patch, f.before))
			if err != nil {
				return err
			}
			undo = append(undo, "--"+f.flag, string(text))
		}
		if len(undo) == 0 {
			return usageError("`cardinal users edit --help` lists the fields.", "no change was given")
		}
		after, err := k.UpdateUser(ctx, user.ID, user.Version, cardinal.UserChange{Profile: in})
		if err != nil {
			return err
		}
		rerun := a.rerunCommand(append([]string{"users", "edit", user.ID.String()}, undo...)...)
		return printChanged(a, after, rerun, "changed the profile of %s", sanitize(args[0]))
	}
	return c
}

// reversePatch returns the merge patch that undoes a merge patch.
func reversePatch(patch, before map[string]any) map[string]any {
	reverse := map[string]any{}
	for key := range patch {
		reverse[key] = before[key] // nil removes a key that did not exist
	}
	return reverse
}
