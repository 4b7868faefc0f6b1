package main

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"cardinal"
)

func (a *app) auditList() *cobra.Command {
	var (
		page                 pageFlags
		f                    cardinal.AuditFilter
		user, actor, request string
		from, until          string
		oldestFirst          bool
	)
	c := command("list", "List audit events, newest first",
		"  cardinal audit list --user bob@example.com\n  cardinal audit list --action user.suspend --from 7d --csv",
		func(ctx context.Context, _ []string) error {
			k, err := a.open(ctx)
			if err != nil {
				return err
			}
			for _, filter := range []struct {
				name string
				into *uuid.UUID
			}{{user, &f.SubjectID}, {actor, &f.ActorID}} {
				if filter.name != "" {
					found, err := k.lookUpUser(ctx, filter.name)
					if err != nil {
						return err
					}
					*filter.into = found.ID
				}
			}
			if request != "" {
				if f.RequestID, err = uuid.Parse(request); err != nil {
					return usageError("Give the id in the Request-Id of the response.", "--request is not a valid id")
				}
			}
			for _, bound := range []struct {
				flag, text string
				into       *time.Time
			}{{"from", from, &f.From}, {"until", until, &f.Until}} {
				if bound.text != "" {
					if *bound.into, err = parseTime(bound.flag, bound.text, -1); err != nil {
						return err
					}
				}
			}
			found, err := paginate(page, !oldestFirst, func(e cardinal.AuditEvent) uuid.UUID { return e.ID },
				func(p cardinal.Page) (cardinal.List[cardinal.AuditEvent], error) {
					f.Page = p
					return k.Audit(ctx, f)
				})
			if err != nil {
				return err
			}
			return printList(a, found,
				"occurred_at", "action", "is_refused", "actor_id", "subject_id", "changes", "id")
		})
	c.Flags().StringVar(&user, "user", "", "only events about this `USER`")
	c.Flags().StringVar(&actor, "actor", "", "only events of this `USER` as the actor")
	c.Flags().StringVar(&f.Action, "action", "", "only events of this `ACTION`, like user.suspend")
	c.Flags().StringVar(&request, "request", "", "only events of the request with this `ID`")
	c.Flags().StringVar(&from, "from", "",
		"only events since this `TIME`: a day, RFC 3339, or a duration like 7d before now")
	c.Flags().StringVar(&until, "until", "", "only events before this `TIME`")
	c.Flags().BoolVar(&oldestFirst, "oldest-first", false, "list the oldest events first")
	return a.withPageFlags(c, &page)
}
