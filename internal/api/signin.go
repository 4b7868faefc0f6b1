package api

import (
	"context"
	"net/http"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/signin"
)

// signedIn is an opened session with its token.
type signedIn struct {
	Token              string           `json:"token" doc:"Bearer token; shown this once"`
	MustChangePassword bool             `json:"must_change_password" doc:"Nothing else works until PUT /v1/me/password"`
	Session            cardinal.Session `json:"session"`
}

func opened(s cardinal.SignedIn) *plain[signedIn] {
	return &plain[signedIn]{Body: signedIn{Token: s.Token.Reveal(), MustChangePassword: s.MustChangePassword, Session: s.Session}}
}

func (a *API) signInRoutes() {
	register(a, alsoBy(created(op(http.MethodPost, "/v1/sign-up", "sign-up", "Sign-in", "Make an account, where the setting sign_up.mode allows it", public)), func(k directory.Desk, ctx context.Context, in cardinal.SignUp) []cardinal.Fault {
		return signin.SignUpFaults(ctx, k, in)
	}),
		func(ctx context.Context, k directory.Desk, in *posted[cardinal.SignUp]) (*plain[cardinal.User], error) {
			user, err := signin.SignUp(ctx, k, in.Body)
			return &plain[cardinal.User]{Body: user}, err
		})
	register(a, created(op(http.MethodPost, "/v1/sign-in", "sign-in", "Sign-in", "Open a session with an identifier and a password", public, noReplays)),
		func(ctx context.Context, k directory.Desk, in *body[cardinal.SignIn]) (*plain[signedIn], error) {
			s, err := signin.WithPassword(ctx, k, in.Body)
			if err != nil {
				return nil, err
			}
			return opened(s), nil
		})
	register(a, created(op(http.MethodPost, "/v1/set-up", "set-up", "Sign-in", "Become the first administrator, with the token of a set-up link", public, noReplays)),
		func(ctx context.Context, k directory.Desk, in *body[cardinal.SetUp]) (*plain[signedIn], error) {
			s, err := signin.SetUp(ctx, k, in.Body)
			if err != nil {
				return nil, err
			}
			return opened(s), nil
		})
	signOut := op(http.MethodPost, "/v1/sign-out", "sign-out", "Sign-in", "End the session that asks")
	signOut.DefaultStatus = http.StatusNoContent
	register(a, signOut, func(ctx context.Context, k directory.Desk, in *bare) (*empty, error) {
		return nil, k.SignOut(ctx)
	})
}
