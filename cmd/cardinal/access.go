package main

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"cardinal"
	"cardinal/internal/access"
)

func (a *app) accessCheck() *cobra.Command {
	c := command("check USER PERMISSION", "Check whether a user has a permission; exits 0 for yes, 4 for no",
		"  cardinal access check bob@example.com users.read && echo yes",
		func(ctx context.Context, args []string) error {
			k, err := a.open(ctx)
			if err != nil {
				return err
			}
			user, err := k.lookUpUser(ctx, args[0])
			if err != nil {
				return err
			}
			answer, err := access.Check(ctx, k.Desk, cardinal.AccessQuestion{UserID: user.ID, Permission: args[1]})
			if err != nil {
				return err
			}
			if a.json || len(a.fields) > 0 {
				err = printItem(a, answer, "allowed")
			} else {
				_, err = fmt.Fprintln(a.out, cellText(answer.Allowed, false))
			}
			if err == nil && !answer.Allowed {
				return silentError{cardinal.ErrForbidden}
			}
			return err
		})
	c.ValidArgsFunction = a.completeSecondPermission
	return c
}

func (a *app) accessExplain() *cobra.Command {
	c := command("explain USER PERMISSION", "Explain which role gives a user a permission, or why none does",
		"  cardinal access explain bob@example.com users.read",
		func(ctx context.Context, args []string) error {
			k, err := a.open(ctx)
			if err != nil {
				return err
			}
			user, err := k.lookUpUser(ctx, args[0])
			if err != nil {
				return err
			}
			answer, err := access.Explain(ctx, k.Desk, cardinal.AccessQuestion{UserID: user.ID, Permission: args[1]})
			if err != nil {
				return err
			}
			if a.json || len(a.fields) > 0 {
				return printItem(a, answer, "reason")
			}
			fmt.Fprintln(a.out, answer.Reason)
			if len(answer.Grants) == 0 {
				return nil
			}
			grants := listPage[cardinal.AccessGrant]{Data: answer.Grants}
			return printList(a, grants, "role_name", "granted_by", "granted_at", "expires_at", "in_force")
		})
	c.ValidArgsFunction = a.completeSecondPermission
	return c
}

func (k desk) allPermissions(ctx context.Context, page pageFlags) (listPage[cardinal.Permission], error) {
	return paginate(page, false, permissionID, func(p cardinal.Page) (cardinal.List[cardinal.Permission], error) {
		return access.Permissions(ctx, k.Desk, p)
	})
}

// permissionIDs returns the ids of all permissions, by name.
func (k desk) permissionIDs(ctx context.Context) (map[string]uuid.UUID, error) {
	found, err := k.allPermissions(ctx, pageFlags{limit: noLimit})
	ids := map[string]uuid.UUID{}
	for _, p := range found.Data {
		ids[p.Name] = p.ID
	}
	return ids, err
}

// completeSecondPermission completes the second argument with a permission.
func (a *app) completeSecondPermission(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) != 1 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	k, err := a.open(c.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	defer a.close()
	found, err := k.permissionIDs(c.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	names := make([]string, 0, len(found))
	for name := range found {
		names = append(names, name)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
