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
	c := command("list", "List audit events, newest first", "  cardinal audit list --user bob@example.com\n  cardinal audit list --action user.suspend --from 7d --csv",
		func(ctx context.Context, _ []string) error {
			k, err := a.open(ctx)
			if err != nil {
				return err
			}
			for _, who := range []struct {
				named string
				into  *uuid.UUID
			}{{user, &f.SubjectID}, {actor, &f.ActorID}} {
				if who.named != "" {
					found, err := k.findUser(ctx, who.named)
					if err != nil {
						return err
					}
					*who.into = found.ID
				}
			}
			if request != "" {
				if f.RequestID, err = uuid.Parse(request); err != nil {
					return usageError("It is the id in the answer's Request-Id.", "--request is not an id")
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
			found, err := paginate(page, !oldestFirst, func(e cardinal.AuditEvent) uuid.UUID { return e.ID }, func(p cardinal.Page) (cardinal.List[cardinal.AuditEvent], error) {
				f.Page = p
				return k.Audit(ctx, f)
			})
			if err != nil {
				return err
			}
			return printList(a, found, "occurred_at", "action", "is_refused", "actor_id", "subject_id", "changes", "id")
		})
	c.Flags().StringVar(&user, "user", "", "only what was done to this `USER`")
	c.Flags().StringVar(&actor, "actor", "", "only what this `USER` did")
	c.Flags().StringVar(&f.Action, "action", "", "only this `ACTION`, like user.suspend")
	c.Flags().StringVar(&request, "request", "", "only what the request with this `ID` did")
	c.Flags().StringVar(&from, "from", "", "only since this `TIME`: a day, RFC 3339, or 12h or 7d ago")
	c.Flags().StringVar(&until, "until", "", "only before this `TIME`")
	c.Flags().BoolVar(&oldestFirst, "oldest-first", false, "start with what happened first")
	return a.withPageFlags(c, &page)
}
