package api

import (
	"context"
	"net/http"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory"
)

// AuditInput is what every list of events can be narrowed by.
type AuditInput struct {
	Paging
	Sorting
	Actor   uuid.UUID `query:"actor" format:"uuid" doc:"Who acted"`
	Action  string    `query:"action" maxLength:"64" doc:"What was done, like user.suspend"`
	Request uuid.UUID `query:"request" format:"uuid" doc:"Request that caused it"`
	From    time.Time `query:"occurred[gte]" doc:"Then or later (RFC 3339)"`
	Until   time.Time `query:"occurred[lt]" doc:"Before then (RFC 3339)"`
}

// list asks for a page of events.
func (in *AuditInput) list(a *API, ask func(cardinal.AuditFilter) (cardinal.List[cardinal.AuditEvent], error)) (*listed[cardinal.AuditEvent], error) {
	page, err := in.page(a.directory, in.descending())
	if err != nil {
		return nil, err
	}
	found, err := ask(cardinal.AuditFilter{Page: page, ActorID: in.Actor, Action: in.Action, RequestID: in.Request, From: in.From, Until: in.Until})
	if err != nil {
		return nil, err
	}
	return list(a.directory, &in.Paging, found, func(e cardinal.AuditEvent) uuid.UUID { return e.ID }), nil
}

func (a *API) auditRoutes() {
	register(a, readBy("audit.read", op(http.MethodGet, "/v1/audit", "list-audit", "Audit", "List what was done, by whom, to whom and when")),
		func(ctx context.Context, k directory.Desk, in *struct {
			Strict
			AuditInput
			User uuid.UUID `query:"user" format:"uuid" doc:"Whom it was about"`
		}) (*listed[cardinal.AuditEvent], error) {
			return in.list(a, func(f cardinal.AuditFilter) (cardinal.List[cardinal.AuditEvent], error) {
				f.SubjectID = in.User
				return k.Audit(ctx, f)
			})
		})
}
