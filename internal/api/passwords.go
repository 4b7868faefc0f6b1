package api

import (
	"context"
	"net/http"

	"cardinal"
	"cardinal/internal/directory"
)

func (a *API) passwordRoutes() {
	register(a, op(http.MethodPut, "/v1/users/{id}/password", "set-password", "Passwords",
		"Set the password of a user or require a change, and end all sessions of the user"),
		func(ctx context.Context, desk directory.Desk, in *struct {
			Versioned
			Owner ByID
			Body  cardinal.PasswordSet
		}) (*etagResponse[cardinal.PasswordState], error) {
			state, err := desk.SetPassword(ctx, in.Owner.UserID, in.version(), in.Body)
			return okWithETag(state, state.Version), err
		})
	register(a, op(http.MethodPut, "/v1/me/password", "change-my-password", "Passwords",
		"Change the password of the caller, and end all other sessions"),
		func(ctx context.Context, desk directory.Desk, in *bodyInput[cardinal.PasswordChange],
		) (*etagResponse[cardinal.PasswordState], error) {
			state, err := desk.ChangePassword(ctx, in.Body)
			return okWithETag(state, state.Version), err
		})
}

func userPasswordRoutes[O owner](a *API, prefix, name string) {
	register(a, op(http.MethodGet, prefix+"/password", "get-"+name+"-password", "Passwords",
		"Read the state of the password, without the password"),
		func(ctx context.Context, desk directory.Desk, in *struct{ Owner O },
		) (*etagResponse[cardinal.PasswordState], error) {
			state, err := desk.PasswordState(ctx, in.Owner.userID(desk))
			return okWithETag(state, state.Version), err
		})
}
