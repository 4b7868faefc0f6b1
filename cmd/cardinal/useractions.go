package main

import (
	"context"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"cardinal"
	"cardinal/internal/directory"
)

// statusAction is a method of directory.Desk that changes the status of a user.
type statusAction func(directory.Desk, context.Context, uuid.UUID, int64) (cardinal.User, error)

// statusCommand returns the command of a status action; undo names the opposite command.
func (a *app) statusCommand(use, short, done, undo string, do statusAction) *cobra.Command {
	return command(use, short, "", func(ctx context.Context, args []string) error {
		k, err := a.open(ctx)
		if err != nil {
			return err
		}
		user, err := k.findUser(ctx, args[0])
		if err != nil {
			return err
		}
		return a.changeStatus(ctx, k, user, args[0], done, undo, do)
	})
}

func (a *app) changeStatus(
	ctx context.Context, k desk, user cardinal.User, name, done, undo string, do statusAction,
) error {
	after, err := do(k.Desk, ctx, user.ID, user.Version)
	if err != nil {
		return err
	}
	line := a.rerunCommand("users", undo, user.ID.String())
	return printChanged(a, after, line, "%s %s: %s, was %s", done, sanitize(name), after.Status, user.Status)
}

func (a *app) usersSuspend() *cobra.Command {
	return a.statusCommand("suspend USER", "Suspend a user and end their sessions", "suspended", "reactivate",
		directory.Desk.SuspendUser)
}

func (a *app) usersReactivate() *cobra.Command {
	return a.statusCommand("reactivate USER", "Reactivate a suspended user", "reactivated", "suspend",
		directory.Desk.ReactivateUser)
}

func (a *app) usersRestore() *cobra.Command {
	return a.statusCommand("restore USER", "Restore a deleted user", "restored", "delete", directory.Desk.RestoreUser)
}

func (a *app) usersDelete() *cobra.Command {
	var yes bool
	c := command("delete USER", "Delete a user; can be undone", "  cardinal users delete bob@example.com",
		func(ctx context.Context, args []string) error {
			k, err := a.open(ctx)
			if err != nil {
				return err
			}
			user, err := k.findUser(ctx, args[0])
			if err != nil {
				return err
			}
			question := "Delete " + sanitize(args[0]) + " (" + user.Status + ") and end their sessions?"
			if err := a.confirm(yes, question, a.rerunCommand("users", "delete", args[0], "--yes")); err != nil {
				return err
			}
			return a.changeStatus(ctx, k, user, args[0], "deleted", "restore", directory.Desk.DeleteUser)
		})
	c.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return c
}

func (a *app) usersSignOut() *cobra.Command {
	return command("sign-out USER", "End all sessions of a user", "", func(ctx context.Context, args []string) error {
		k, err := a.open(ctx)
		if err != nil {
			return err
		}
		user, err := k.findUser(ctx, args[0])
		if err != nil {
			return err
		}
		if err := k.EndSessions(ctx, user.ID, true); err != nil {
			return err
		}
		return printChanged(a, user, "", "ended all sessions of %s", sanitize(args[0]))
	})
}

func (a *app) usersUnlock() *cobra.Command {
	return command("unlock USER", "Let a user sign in again after too many failed attempts", "",
		func(ctx context.Context, args []string) error {
			k, err := a.open(ctx)
			if err != nil {
				return err
			}
			user, err := k.findUser(ctx, args[0])
			if err != nil {
				return err
			}
			if err := k.UnlockUser(ctx, user.ID); err != nil {
				return err
			}
			return printChanged(a, user, "", "unlocked %s", sanitize(args[0]))
		})
}
