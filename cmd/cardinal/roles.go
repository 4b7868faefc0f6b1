package main

import (
	"context"
	"strings"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"cardinal"
	"cardinal/internal/access"
)

// roleDetails is a role with the names of its permissions.
type roleDetails struct {
	cardinal.Role
	Permissions []string `json:"permissions"`
}

// findRole returns a role by name or id.
func (k desk) findRole(ctx context.Context, name string) (cardinal.Role, error) {
	fix := "`cardinal roles list` lists the roles."
	if id, err := uuid.Parse(name); err == nil {
		role, err := access.Role(ctx, k.Desk, id)
		return role, notFoundAs(err, "role", name, fix)
	}
	role, err := access.RoleByName(ctx, k.Desk, name)
	return role, notFoundAs(err, "role", name, fix)
}

// detailsOf adds the names of the permissions that were granted to a role.
func (k desk) detailsOf(ctx context.Context, role cardinal.Role) (roleDetails, error) {
	found, err := k.rolePermissions(ctx, role, pageFlags{limit: noLimit})
	details := roleDetails{Role: role, Permissions: []string{}}
	for _, p := range found.Data {
		details.Permissions = append(details.Permissions, p.Name)
	}
	return details, err
}

const noLimit = 1 << 30 // a limit of pageFlags that no list reaches

func (k desk) rolePermissions(
	ctx context.Context, role cardinal.Role, page pageFlags,
) (listPage[cardinal.Permission], error) {
	return paginate(page, false, permissionID, func(p cardinal.Page) (cardinal.List[cardinal.Permission], error) {
		return access.RolePermissions(ctx, k.Desk, role.ID, p)
	})
}

func permissionID(p cardinal.Permission) uuid.UUID { return p.ID }

// completeRoles completes the name of a role.
func (a *app) completeRoles(c *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	k, err := a.open(c.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	defer a.close()
	found, err := access.Roles(c.Context(), k.Desk, cardinal.Page{Limit: maxPageSize})
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var names []string
	for _, role := range found.Data {
		if role.IsAssignable {
			names = append(names, role.Name+"\t"+role.Description)
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

func (a *app) rolesList() *cobra.Command {
	var page pageFlags
	return a.withPageFlags(command("list", "List the roles", "", func(ctx context.Context, _ []string) error {
		k, err := a.open(ctx)
		if err != nil {
			return err
		}
		found, err := paginate(page, false, func(r cardinal.Role) uuid.UUID { return r.ID },
			func(p cardinal.Page) (cardinal.List[cardinal.Role], error) { return access.Roles(ctx, k.Desk, p) })
		if err != nil {
			return err
		}
		return printList(a, found, "name", "description", "is_system", "is_assignable", "id")
	}), &page)
}

func (a *app) rolesGet() *cobra.Command {
	c := command("get ROLE", "Show a role and its permissions",
		"  cardinal roles get support",
		func(ctx context.Context, args []string) error {
			k, err := a.open(ctx)
			if err != nil {
				return err
			}
			role, err := k.findRole(ctx, args[0])
			if err != nil {
				return err
			}
			details, err := k.detailsOf(ctx, role)
			if err != nil {
				return err
			}
			return printItem(a, details, "id", "name", "description", "is_system", "is_assignable", "holds_all",
				"min_holders", "permissions", "created_at", "updated_at")
		})
	c.ValidArgsFunction = a.completeFirstRole
	return c
}

// completeFirstRole completes the first argument with a role.
func (a *app) completeFirstRole(c *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.completeRoles(c, args, typed)
}

// completeSecondRole completes the second argument with a role.
func (a *app) completeSecondRole(c *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	if len(args) != 1 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.completeRoles(c, args, typed)
}

func (a *app) rolesCreate() *cobra.Command {
	var in cardinal.NewRole
	c := command("create NAME", "Create a role",
		"  cardinal roles create editor --description 'Changes profiles.' --permission users.read,users.update",
		func(ctx context.Context, args []string) error {
			k, err := a.open(ctx)
			if err != nil {
				return err
			}
			in.Name = args[0]
			role, err := access.CreateRole(ctx, k.Desk, in)
			if err != nil {
				return err
			}
			undo := a.rerunCommand("roles", "delete", role.Name)
			return printChanged(a, role, undo, "created the role %s: %s", role.Name, role.ID)
		})
	c.Flags().StringVar(&in.Description, "description", "", "purpose of the role")
	c.Flags().StringSliceVar(&in.Permissions, "permission", nil, "`NAMES` of its permissions, separated by commas")
	return c
}

func (a *app) rolesDelete() *cobra.Command {
	c := command("delete ROLE", "Delete a role that no user has", "", func(ctx context.Context, args []string) error {
		k, err := a.open(ctx)
		if err != nil {
			return err
		}
		role, err := k.findRole(ctx, args[0])
		if err != nil {
			return err
		}
		details, err := k.detailsOf(ctx, role)
		if err != nil {
			return err
		}
		if err := access.DeleteRole(ctx, k.Desk, role.ID, role.Version); err != nil {
			return err
		}
		undo := []string{"roles", "create", role.Name, "--description", role.Description}
		if len(details.Permissions) > 0 {
			undo = append(undo, "--permission", strings.Join(details.Permissions, ","))
		}
		return printChanged(a, details, a.rerunCommand(undo...), "deleted the role %s", role.Name)
	})
	c.ValidArgsFunction = a.completeFirstRole
	return c
}

func (a *app) rolesPermissions() *cobra.Command {
	var page pageFlags
	c := command("permissions [ROLE]", "List all permissions, or the permissions of a role", "",
		func(ctx context.Context, args []string) error {
			k, err := a.open(ctx)
			if err != nil {
				return err
			}
			var found listPage[cardinal.Permission]
			if len(args) == 0 {
				found, err = k.allPermissions(ctx, page)
			} else {
				var role cardinal.Role
				if role, err = k.findRole(ctx, args[0]); err != nil {
					return err
				}
				if role.HoldsAll {
					a.printNote("%s has every permission", role.Name)
				}
				found, err = k.rolePermissions(ctx, role, page)
			}
			if err != nil {
				return err
			}
			return printList(a, found, "name", "description", "is_system")
		})
	c.ValidArgsFunction = a.completeFirstRole
	a.withPageFlags(c, &page)
	// The default shows all permissions of an ordinary catalogue.
	page.limit = maxPageSize
	c.Flags().Lookup("limit").DefValue = "200"
	return c
}
