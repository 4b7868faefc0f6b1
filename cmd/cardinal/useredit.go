package main

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"cardinal"
	"cardinal/internal/directory"
)

func (a *app) usersEdit() *cobra.Command {
	var texts cardinal.NewUser
	var preferences, attributes string
	c := command("edit USER", "Change the profile of a user; an empty value clears a field",
		"  cardinal users edit bob@example.com --country DE --time-zone Europe/Berlin\n"+
			"  cardinal users edit bob@example.com --avatar-url ''", nil)
	profileFlags(c, &texts, &preferences, &attributes)
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
		undo := setTexts(c.Flags(), &texts, before, &in)
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

// setTexts sets the texts of a profile whose flags were given. It returns the flags that undo this.
func setTexts(
	flags *pflag.FlagSet, texts *cardinal.NewUser, before *cardinal.Profile, in *cardinal.ProfileChange,
) (undo []string) {
	for _, f := range directory.ProfileFields {
		name := profileFlag(f)
		if f.Doc == "" || !flags.Changed(name) {
			continue
		}
		change, value := f.Change(in), *f.Text(texts)
		*change = cardinal.Set(value)
		if value == "" {
			*change = cardinal.Clear[string]()
		}
		undo = append(undo, "--"+name, *f.Text(before))
	}
	return undo
}

// reversePatch returns the merge patch that undoes a merge patch.
func reversePatch(patch, before map[string]any) map[string]any {
	reverse := map[string]any{}
	for key := range patch {
		reverse[key] = before[key] // nil removes a key that did not exist
	}
	return reverse
}
