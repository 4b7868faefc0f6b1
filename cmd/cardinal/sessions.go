package main

import (
	"context"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"cardinal"
)

func (a *app) sessionsList() *cobra.Command {
	var page pageFlags
	c := command("list USER", "List the sessions of a user, including ended ones, newest first", "",
		func(ctx context.Context, args []string) error {
			k, err := a.open(ctx)
			if err != nil {
				return err
			}
			user, err := k.lookUpUser(ctx, args[0])
			if err != nil {
				return err
			}
			found, err := paginate(page, true, func(s cardinal.Session) uuid.UUID { return s.ID },
				func(p cardinal.Page) (cardinal.List[cardinal.Session], error) { return k.Sessions(ctx, user.ID, p) })
			if err != nil {
				return err
			}
			return printList(a, found, "id", "method", "created_at", "last_seen_at", "expires_at", "revoked_at",
				"end_reason", "address", "user_agent")
		})
	return a.withPageFlags(c, &page)
}

func (a *app) sessionsRevoke() *cobra.Command {
	return command("revoke USER SESSION", "End one session; `users sign-out` ends all", "",
		func(ctx context.Context, args []string) error {
			k, err := a.open(ctx)
			if err != nil {
				return err
			}
			user, err := k.findUser(ctx, args[0])
			if err != nil {
				return err
			}
			fix := "`cardinal sessions list " + user.ID.String() + "` lists the sessions."
			id, err := uuid.Parse(args[1])
			if err != nil {
				return usageError(fix, "%q is not a valid id", args[1])
			}
			if err := k.EndSession(ctx, user.ID, id); err != nil {
				return notFoundAs(err, "session", args[1], fix)
			}
			ended := struct {
				UserID uuid.UUID `json:"user_id"`
				ID     uuid.UUID `json:"id"`
			}{user.ID, id}
			return printChanged(a, ended, "", "ended the session %s", id)
		})
}
