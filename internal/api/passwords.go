package api

import (
	"context"
	"net/http"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/signin"
)

// changedPassword is the state of a password after a change, with the new session if there is one.
type changedPassword struct {
	cardinal.PasswordState
	Token   string            `json:"token,omitempty" doc:"Of a new session: the old password had to be changed"`
	Session *cardinal.Session `json:"session,omitempty" doc:"The new session"`
	Device  string            `json:"device_token,omitempty" doc:"Of the new session, for the next sign-in"`
}

// changedResponse answers with a changed password. It passes on err.
func changedResponse(changed cardinal.PasswordChanged, err error) (*etagResponse[changedPassword], error) {
	body := changedPassword{PasswordState: changed.PasswordState}
	if changed.SignedIn != nil {
		body.Token, body.Session = changed.SignedIn.Token.Reveal(), &changed.SignedIn.Session
		body.Device = changed.SignedIn.Device.Reveal()
	}
	return okWithETag(body, changed.Version), err
}

func (a *API) passwordRoutes() {
	register(a, op(http.MethodPut, "/v1/users/{id}/password", "set-password", "Passwords",
		"Set the password of a user or require a change, and end all sessions of the user. "+
			"For the own account this is the same as PUT /v1/me/password"),
		func(ctx context.Context, desk directory.Desk, in *struct {
			Versioned
			Owner ByID
			Body  cardinal.PasswordSet
		}) (*etagResponse[changedPassword], error) {
			return changedResponse(signin.SetPassword(ctx, desk, in.Owner.UserID, in.version(), in.Body))
		})
	register(a, op(http.MethodPut, "/v1/me/password", "change-my-password", "Passwords",
		"Change the password of the caller, and end all other sessions. "+
			"A user who had to change the password gets a new session"),
		func(ctx context.Context, desk directory.Desk, in *bodyInput[cardinal.PasswordChange],
		) (*etagResponse[changedPassword], error) {
			return changedResponse(signin.ChangePassword(ctx, desk, in.Body))
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
