package main

import (
	"context"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"cardinal"
	"cardinal/internal/directory"
)

// statusAction is an action that moves a user to another status.
type statusAction func(directory.Desk, context.Context, uuid.UUID, int64) (cardinal.User, error)

// statusCommand is the command of such an action; undo names the one that takes it back.
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

func (a *app) changeStatus(ctx context.Context, k desk, user cardinal.User, named, done, undo string, do statusAction) error {
	after, err := do(k.Desk, ctx, user.ID, user.Version)
	if err != nil {
		return err
	}
	line := a.rerunCommand("users", undo, user.ID.String())
	return printChanged(a, after, line, "%s %s: %s, was %s", done, sanitize(named), after.Status, user.Status)
}

func (a *app) usersSuspend() *cobra.Command {
	return a.statusCommand("suspend USER", "Lock a user out and end their sessions", "suspended", "reactivate", directory.Desk.SuspendUser)
}

func (a *app) usersReactivate() *cobra.Command {
	return a.statusCommand("reactivate USER", "Let a suspended user in again", "reactivated", "suspend", directory.Desk.ReactivateUser)
}

func (a *app) usersRestore() *cobra.Command {
	return a.statusCommand("restore USER", "Take a deletion back", "restored", "delete", directory.Desk.RestoreUser)
}

func (a *app) usersDelete() *cobra.Command {
	var yes bool
	c := command("delete USER", "Delete a user; can be taken back", "  cardinal users delete bob@example.com", func(ctx context.Context, args []string) error {
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

func (a *app) usersSetPassword() *cobra.Command {
	var from passwordFlags
	var in cardinal.PasswordSet
	var keep bool
	c := command("set-password USER", "Set a user's password and end their sessions",
		"  cardinal users set-password bob@example.com --password-stdin --must-change < password\n  cardinal users set-password bob@example.com --keep",
		func(ctx context.Context, args []string) error {
			k, err := a.open(ctx)
			if err != nil {
				return err
			}
			user, err := k.findUser(ctx, args[0])
			if err != nil {
				return err
			}
			done := "set the password of"
			switch {
			case keep && from.isSet():
				return usageError("Leave one of them out.", "--keep keeps the present password, and a new one is given")
			case keep:
				in.MustChange, done = true, "required a change of the password of"
			default:
				if in.New, err = from.read(a); err != nil {
					return err
				}
			}
			now, err := k.PasswordState(ctx, user.ID)
			if err != nil {
				return err
			}
			after, err := k.SetPassword(ctx, user.ID, now.Version, in)
			if err != nil {
				return err
			}
			return printChanged(a, after, "", "%s %s, ended their sessions", done, sanitize(args[0]))
		})
	c.Flags().BoolVar(&in.MustChange, "must-change", false, "it must be changed at the next sign-in")
	c.Flags().BoolVar(&keep, "keep", false, "keep the present password, only require a change of it")
	return from.addTo(c)
}
