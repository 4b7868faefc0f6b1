package api

import (
	"context"
	"net/http"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/signin"
)

func (a *API) setUpRoutes() {
	register(a, created(op(http.MethodPost, "/v1/set-up", "set-up", "Sign-in",
		"Create an administrator with the token of a set-up link", public, noIdempotency)),
		func(ctx context.Context, desk directory.Desk, in *bodyInput[cardinal.SetUp]) (*response[signedIn], error) {
			return sessionResponse(signin.SetUp(ctx, desk, in.Body))
		})
}
