package main

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"cardinal"
	"cardinal/internal/access"
)

// grants returns all grants of a user.
func (k desk) grants(ctx context.Context, userID uuid.UUID) ([]cardinal.Grant, error) {
	found, err := paginate(pageFlags{limit: noLimit}, false, func(g cardinal.Grant) uuid.UUID { return g.RoleID },
		func(p cardinal.Page) (cardinal.List[cardinal.Grant], error) {
			return access.Grants(ctx, k.Desk, userID, p)
		})
	return found.Data, err
}

// grantOf returns the grant of a role to a user; nil when there is none.
func (k desk) grantOf(ctx context.Context, userID, roleID uuid.UUID) (*cardinal.Grant, error) {
	grants, err := k.grants(ctx, userID)
	for _, g := range grants {
		if g.RoleID == roleID {
			return &g, err
		}
	}
	return nil, err
}

// grantCommand returns the command that creates a grant again.
func (a *app) grantCommand(g cardinal.Grant) string {
	words := []string{"roles", "grant", g.UserID.String(), g.RoleName}
	if g.ExpiresAt != nil {
		words = append(words, "--until", g.ExpiresAt.Format(time.RFC3339Nano))
	}
	return a.rerunCommand(words...)
}

func (a *app) rolesGrant() *cobra.Command {
	var until string
	c := command("grant USER ROLE", "Grant a role, or change its expiry",
		"  cardinal roles grant bob@example.com support --until 30d",
		func(ctx context.Context, args []string) error {
			k, err := a.open(ctx)
			if err != nil {
				return err
			}
			user, err := k.findUser(ctx, args[0])
			if err != nil {
				return err
			}
			role, err := k.findRole(ctx, args[1])
			if err != nil {
				return err
			}
			in := cardinal.NewGrant{RoleID: role.ID}
			suffix := ""
			if until != "" {
				end, err := parseTime("until", until, 1)
				if err != nil {
					return err
				}
				in.ExpiresAt = &end
				suffix = " until " + end.Format(time.DateTime) + "Z"
			}
			before, err := k.grantOf(ctx, user.ID, role.ID)
			if err != nil {
				return err
			}
			grant, err := access.GrantRole(ctx, k.Desk, user.ID, in)
			if err != nil {
				return err
			}
			undo := a.rerunCommand("roles", "revoke", user.ID.String(), role.Name)
			if before != nil {
				undo = a.grantCommand(*before)
			}
			return printChanged(a, grant, undo, "granted %s to %s%s", role.Name, sanitize(args[0]), suffix)
		})
	c.Flags().StringVar(&until, "until", "", "expiry: a day, RFC 3339, or a `DURATION` like 30d")
	c.ValidArgsFunction = a.completeSecondRole
	return c
}

func (a *app) rolesRevoke() *cobra.Command {
	c := command("revoke USER ROLE", "Revoke a role from a user",
		"  cardinal roles revoke bob@example.com support",
		func(ctx context.Context, args []string) error {
			k, err := a.open(ctx)
			if err != nil {
				return err
			}
			user, err := k.findUser(ctx, args[0])
			if err != nil {
				return err
			}
			role, err := k.findRole(ctx, args[1])
			if err != nil {
				return err
			}
			before, err := k.grantOf(ctx, user.ID, role.ID)
			if err != nil {
				return err
			}
			if before == nil {
				return notFoundError("grant of "+role.Name+" to", args[0],
					"`cardinal users get "+user.ID.String()+"` shows the roles.")
			}
			if err := access.RevokeGrant(ctx, k.Desk, user.ID, role.ID); err != nil {
				return err
			}
			return printChanged(a, *before, a.grantCommand(*before), "revoked %s from %s", role.Name, sanitize(args[0]))
		})
	c.ValidArgsFunction = a.completeSecondRole
	return c
}
