package api

import (
	"context"
	"net/http"

	"cardinal"
	"cardinal/internal/directory"
)

func (a *API) statusRoutes() {
	register(a, op(http.MethodGet, "/v1/statuses", "list-statuses", "Users", "List the states a user can be in"),
		func(ctx context.Context, k directory.Desk, in *nothing) (*listed[cardinal.Status], error) {
			found, err := k.Statuses(ctx)
			return whole(found), err
		})
}
