package api

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory"
)

func sessionRoutes[O owner](a *API, prefix, name string) {
	register(a, op(http.MethodGet, prefix+"/sessions", "list-"+name+"-sessions", "Sessions", "List sessions, ended ones too"),
		func(ctx context.Context, k directory.Desk, in *struct {
			Strict
			Paging
			Sorting
			Owner O
		}) (*listed[cardinal.Session], error) {
			page, err := in.page(a.directory, in.descending())
			if err != nil {
				return nil, err
			}
			found, err := k.Sessions(ctx, in.Owner.of(k), page)
			if err != nil {
				return nil, err
			}
			return list(a.directory, &in.Paging, found, func(s cardinal.Session) uuid.UUID { return s.ID }), nil
		})
	register(a, op(http.MethodDelete, prefix+"/sessions/{session_id}", "end-"+name+"-session", "Sessions", "End one session"),
		func(ctx context.Context, k directory.Desk, in *struct {
			Strict
			Owner     O
			SessionID uuid.UUID `path:"session_id" format:"uuid"`
		}) (*empty, error) {
			return nil, k.EndSession(ctx, in.Owner.of(k), in.SessionID)
		})
	register(a, op(http.MethodDelete, prefix+"/sessions", "end-"+name+"-sessions", "Sessions", "End all sessions; the caller's own stays unless everywhere=true"),
		func(ctx context.Context, k directory.Desk, in *struct {
			Strict
			Owner      O
			Everywhere bool `query:"everywhere" doc:"End the session that asks, too"`
		}) (*empty, error) {
			return nil, k.EndSessions(ctx, in.Owner.of(k), in.Everywhere)
		})
}
