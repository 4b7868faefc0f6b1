package api

import (
	"context"
	"net/http"

	"cardinal"
	"cardinal/internal/directory"
)

func (a *API) statusRoutes() {
	register(a, op(http.MethodGet, "/v1/statuses", "list-statuses", "Users", "List the statuses that a user can have"),
		func(ctx context.Context, desk directory.Desk, _ *noInput) (*listed[cardinal.Status], error) {
			found, err := desk.Statuses(ctx)
			return unpagedList(found), err
		})
}
