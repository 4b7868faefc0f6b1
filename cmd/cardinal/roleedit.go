package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"cardinal"
	"cardinal/internal/access"
)

func (a *app) rolesEdit() *cobra.Command {
	var name, description string
	var add, remove []string
	c := command("edit ROLE", "Change the name, description and permissions of a role",
		"  cardinal roles edit editor --add-permission sessions.read --remove-permission users.update", nil)
	c.Flags().StringVar(&name, "name", "", "new `NAME`")
	c.Flags().StringVar(&description, "description", "", "purpose of the role")
	c.Flags().StringSliceVar(&add, "add-permission", nil, "`NAMES` of permissions to add")
	c.Flags().StringSliceVar(&remove, "remove-permission", nil, "`NAMES` of permissions to remove")
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
		permissions, err := k.permissionIDs(ctx)
		if err != nil {
			return err
		}
		// Each permission is a separate change, so unknown names are reported before the first one.
		for _, p := range slices.Concat(add, remove) {
			if _, ok := permissions[p]; !ok {
				return notFoundError("permission", p,
					"Nothing was changed. `cardinal roles permissions` lists the permissions.")
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
			if role, err = access.UpdateRole(ctx, k.Desk, role.ID, role.Version, in); err != nil {
				return err
			}
		}
		var done []string
		for _, p := range add {
			if slices.Contains(before.Permissions, p) {
				continue
			}
			if role, err = access.AddRolePermission(ctx, k.Desk, role.ID, role.Version, p); err != nil {
				return partlyDone(done, err)
			}
			undo = append(undo, "--remove-permission", p)
			done = append(done, "added "+p)
		}
		for _, p := range remove {
			if !slices.Contains(before.Permissions, p) {
				continue
			}
			if role, err = access.RemoveRolePermission(ctx, k.Desk, role.ID, role.Version, permissions[p]); err != nil {
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
		rerun := a.rerunCommand(append([]string{"roles", "edit", role.ID.String()}, undo...)...)
		return printChanged(a, after, rerun, "changed the role %s", role.Name)
	}
	return c
}

// partlyDone adds the changes that were already made to an error.
func partlyDone(done []string, err error) error {
	if len(done) == 0 {
		return err
	}
	return &commandError{kind: err, code: "partly_done", message: err.Error(),
		fix: "These changes were already made: " + strings.Join(done, ", ") + "."}
}
