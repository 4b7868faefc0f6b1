package api

import (
	"context"
	"net/http"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/signin"
)

// signedIn is a new session with its token.
type signedIn struct {
	Token              string           `json:"token" doc:"Bearer token. It is shown only here"`
	MustChangePassword bool             `json:"must_change_password" doc:"Only PUT /v1/me/password works"`
	PasswordSetByOther bool             `json:"password_set_by_other" doc:"It worked this once; see /v1/me/audit"`
	Session            cardinal.Session `json:"session"`
	Device             string           `json:"device_token" doc:"Send it with the next sign-in on this device"`
}

// sessionResponse answers with a new session. It passes on err.
func sessionResponse(s cardinal.SignedIn, err error) (*response[signedIn], error) {
	if err != nil {
		return nil, err
	}
	body := signedIn{Token: s.Token.Reveal(), MustChangePassword: s.MustChangePassword,
		PasswordSetByOther: s.PasswordSetByOther, Session: s.Session,
		Device: s.Device.Reveal()}
	return &response[signedIn]{Body: body}, nil
}

func (a *API) signInRoutes() {
	register(a, created(op(http.MethodPost, "/v1/sign-in", "sign-in", "Sign-in",
		"Create a session with an identifier and a password", public, noIdempotency)),
		func(ctx context.Context, desk directory.Desk, in *bodyInput[cardinal.SignIn]) (*response[signedIn], error) {
			return sessionResponse(signin.WithPassword(ctx, desk, in.Body))
		})
	signOut := op(http.MethodPost, "/v1/sign-out", "sign-out", "Sign-in", "End the session of the caller")
	signOut.DefaultStatus = http.StatusNoContent
	register(a, signOut, func(ctx context.Context, desk directory.Desk, _ *emptyPost) (*noContent, error) {
		return nil, desk.SignOut(ctx)
	})
}
