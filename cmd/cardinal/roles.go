package main

import (
	"context"
	"strings"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"cardinal"
)

// roleDetails is a role with what it permits.
type roleDetails struct {
	cardinal.Role
	Permissions []string `json:"permissions"`
}

// findRole returns the role that somebody named by name or id.
func (k desk) findRole(ctx context.Context, name string) (cardinal.Role, error) {
	fix := "`cardinal roles list` shows what there is."
	if id, err := uuid.Parse(name); err == nil {
		role, err := k.Role(ctx, id)
		return role, notFoundAs(err, "role", name, fix)
	}
	role, err := k.RoleByName(ctx, name)
	return role, notFoundAs(err, "role", name, fix)
}

// detailsOf adds the names of all permissions that a role holds by name.
func (k desk) detailsOf(ctx context.Context, role cardinal.Role) (roleDetails, error) {
	held, err := k.rolePermissions(ctx, role, pageFlags{limit: noLimit})
	full := roleDetails{Role: role, Permissions: []string{}}
	for _, p := range held.Data {
		full.Permissions = append(full.Permissions, p.Name)
	}
	return full, err
}

const noLimit = 1 << 30 // as a --limit

func (k desk) rolePermissions(ctx context.Context, role cardinal.Role, page pageFlags) (listPage[cardinal.Permission], error) {
	return paginate(page, false, func(p cardinal.Permission) uuid.UUID { return p.ID }, func(p cardinal.Page) (cardinal.List[cardinal.Permission], error) {
		return k.RolePermissions(ctx, role.ID, p)
	})
}

// completeRoles offers the names of roles to a shell.
func (a *app) completeRoles(c *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	k, err := a.open(c.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	defer a.close()
	found, err := k.Roles(c.Context(), cardinal.Page{Limit: maxPageSize})
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
		found, err := paginate(page, false, func(r cardinal.Role) uuid.UUID { return r.ID }, func(p cardinal.Page) (cardinal.List[cardinal.Role], error) {
			return k.Roles(ctx, p)
		})
		if err != nil {
			return err
		}
		return printList(a, found, "name", "description", "is_system", "is_assignable", "id")
	}), &page)
}

func (a *app) rolesGet() *cobra.Command {
	c := command("get ROLE", "Show a role and what it permits", "  cardinal roles get support", func(ctx context.Context, args []string) error {
		k, err := a.open(ctx)
		if err != nil {
			return err
		}
		role, err := k.findRole(ctx, args[0])
		if err != nil {
			return err
		}
		full, err := k.detailsOf(ctx, role)
		if err != nil {
			return err
		}
		return printItem(a, full, "id", "name", "description", "is_system", "is_assignable", "holds_all", "min_holders", "permissions", "created_at", "updated_at")
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
	c := command("create NAME", "Make a role", "  cardinal roles create editor --description 'Changes profiles.' --permission users.read,users.update",
		func(ctx context.Context, args []string) error {
			k, err := a.open(ctx)
			if err != nil {
				return err
			}
			in.Name = args[0]
			role, err := k.CreateRole(ctx, in)
			if err != nil {
				return err
			}
			return printChanged(a, role, a.rerunCommand("roles", "delete", role.Name), "created the role %s: %s", role.Name, role.ID)
		})
	c.Flags().StringVar(&in.Description, "description", "", "what it is for")
	c.Flags().StringSliceVar(&in.Permissions, "permission", nil, "`NAMES` of permissions it holds, separated by commas")
	return c
}

func (a *app) rolesDelete() *cobra.Command {
	c := command("delete ROLE", "Delete a role that nobody holds", "", func(ctx context.Context, args []string) error {
		k, err := a.open(ctx)
		if err != nil {
			return err
		}
		role, err := k.findRole(ctx, args[0])
		if err != nil {
			return err
		}
		full, err := k.detailsOf(ctx, role)
		if err != nil {
			return err
		}
		if err := k.DeleteRole(ctx, role.ID, role.Version); err != nil {
			return err
		}
		undo := []string{"roles", "create", role.Name, "--description", role.Description}
		if len(full.Permissions) > 0 {
			undo = append(undo, "--permission", strings.Join(full.Permissions, ","))
		}
		return printChanged(a, full, a.rerunCommand(undo...), "deleted the role %s", role.Name)
	})
	c.ValidArgsFunction = a.completeFirstRole
	return c
}

func (a *app) rolesPermissions() *cobra.Command {
	var page pageFlags
	c := command("permissions [ROLE]", "List all permissions, or those of a role", "", func(ctx context.Context, args []string) error {
		k, err := a.open(ctx)
		if err != nil {
			return err
		}
		var found listPage[cardinal.Permission]
		if len(args) == 0 {
			found, err = paginate(page, false, func(p cardinal.Permission) uuid.UUID { return p.ID }, func(p cardinal.Page) (cardinal.List[cardinal.Permission], error) {
				return k.Permissions(ctx, p)
			})
		} else {
			var role cardinal.Role
			if role, err = k.findRole(ctx, args[0]); err != nil {
				return err
			}
			if role.HoldsAll {
				a.printNote("%s holds every permission", role.Name)
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
	// A catalogue is read whole, unless somebody has declared very many.
	page.limit = maxPageSize
	c.Flags().Lookup("limit").DefValue = "200"
	return c
}
