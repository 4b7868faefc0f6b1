package api

import (
	"context"
	"net/http"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory"
)

// AuditInput has the filters of all lists of audit events.
type AuditInput struct {
	Paging
	Sorting
	Actor   uuid.UUID `query:"actor" format:"uuid" doc:"Events of this actor"`
	Action  string    `query:"action" maxLength:"64" doc:"Events of this action, like user.suspend"`
	Request uuid.UUID `query:"request" format:"uuid" doc:"Events of this request"`
	From    time.Time `query:"occurred[gte]" doc:"Events at this time or later (RFC 3339)"`
	Until   time.Time `query:"occurred[lt]" doc:"Events before this time (RFC 3339)"`
}

// list answers with a page of events.
func (in *AuditInput) list(ctx context.Context, a *API,
	read func(context.Context, cardinal.AuditFilter) (cardinal.List[cardinal.AuditEvent], error),
) (*listed[cardinal.AuditEvent], error) {
	readPage := func(ctx context.Context, page cardinal.Page) (cardinal.List[cardinal.AuditEvent], error) {
		return read(ctx, cardinal.AuditFilter{Page: page, ActorID: in.Actor, Action: in.Action, RequestID: in.Request,
			From: in.From, Until: in.Until})
	}
	eventID := func(e cardinal.AuditEvent) uuid.UUID { return e.ID }
	return listPage(ctx, a, &in.Paging, in.descending(), readPage, eventID)
}

func (a *API) auditRoutes() {
	register(a, withReadPermission("audit.read", op(http.MethodGet, "/v1/audit", "list-audit", "Audit",
		"List audit events: who did what, to which user, and when")),
		func(ctx context.Context, desk directory.Desk, in *struct {
			AuditInput
			User uuid.UUID `query:"user" format:"uuid" doc:"Events about this user"`
		}) (*listed[cardinal.AuditEvent], error) {
			read := func(ctx context.Context, f cardinal.AuditFilter) (cardinal.List[cardinal.AuditEvent], error) {
				f.SubjectID = in.User
				return desk.Audit(ctx, f)
			}
			return in.list(ctx, a, read)
		})
}

func userAuditRoutes[O owner](a *API, prefix, name string) {
	register(a, op(http.MethodGet, prefix+"/audit", "list-"+name+"-audit", "Audit",
		"List the audit events about the user"),
		func(ctx context.Context, desk directory.Desk, in *struct {
			AuditInput
			Owner O
		}) (*listed[cardinal.AuditEvent], error) {
			read := func(ctx context.Context, f cardinal.AuditFilter) (cardinal.List[cardinal.AuditEvent], error) {
				return desk.UserAudit(ctx, in.Owner.userID(desk), f)
			}
			return in.list(ctx, a, read)
		})
}
