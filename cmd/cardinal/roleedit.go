package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"cardinal"
)

func (a *app) rolesEdit() *cobra.Command {
	var name, description string
	var add, remove []string
	c := command("edit ROLE", "Change a role's name, description and permissions",
		"  cardinal roles edit editor --add-permission sessions.read --remove-permission users.update", nil)
	c.Flags().StringVar(&name, "name", "", "new `NAME`")
	c.Flags().StringVar(&description, "description", "", "what it is for")
	c.Flags().StringSliceVar(&add, "add-permission", nil, "`NAMES` of permissions to give it")
	c.Flags().StringSliceVar(&remove, "remove-permission", nil, "`NAMES` of permissions to take from it")
	c.ValidArgsFunction = a.completeFirstRole
	c.RunE = func(c *cobra.Command, args []string) error {
		ctx := c.Context()
		k, err := a.open(ctx)
		if err != nil {
			return err
		}
		role, err := k.findRole(ctx, args[0])
		if err != nil {
			return err
		}
		before, err := k.detailsOf(ctx, role)
		if err != nil {
			return err
		}
		permissions, err := k.permissionsByName(ctx)
		if err != nil {
			return err
		}
		// Each permission is a change of its own, so a wrong name is found before the first of them.
		for _, p := range slices.Concat(add, remove) {
			if _, ok := permissions[p]; !ok {
				return notFoundError("permission", p, "Nothing was changed. `cardinal roles permissions` shows what there is.")
			}
		}
		var undo []string
		var in cardinal.RoleChange
		if c.Flags().Changed("name") {
			in.Name = cardinal.Set(name)
			undo = append(undo, "--name", role.Name)
		}
		if c.Flags().Changed("description") {
			in.Description = cardinal.Set(description)
			undo = append(undo, "--description", role.Description)
		}
		if len(undo) > 0 {
			if role, err = k.UpdateRole(ctx, role.ID, role.Version, in); err != nil {
				return err
			}
		}
		var done []string
		for _, p := range add {
			if slices.Contains(before.Permissions, p) {
				continue
			}
			if role, err = k.AddRolePermission(ctx, role.ID, role.Version, p); err != nil {
				return partlyDone(done, err)
			}
			undo = append(undo, "--remove-permission", p)
			done = append(done, "added "+p)
		}
		for _, p := range remove {
			if !slices.Contains(before.Permissions, p) {
				continue
			}
			if role, err = k.RemoveRolePermission(ctx, role.ID, role.Version, permissions[p]); err != nil {
				return partlyDone(done, err)
			}
			undo = append(undo, "--add-permission", p)
			done = append(done, "removed "+p)
		}
		if len(undo) == 0 {
			a.printNote("nothing to change")
			return nil
		}
		after, err := k.detailsOf(ctx, role)
		if err != nil {
			return err
		}
		return printChanged(a, after, a.rerunCommand(append([]string{"roles", "edit", role.ID.String()}, undo...)...), "changed the role %s", role.Name)
	}
	return c
}

// partlyDone says what was done before something failed.
func partlyDone(done []string, err error) error {
	if len(done) == 0 {
		return err
	}
	return &commandError{kind: err, code: "partly_done", message: err.Error(), fix: "Done before that: " + strings.Join(done, ", ") + "."}
}
