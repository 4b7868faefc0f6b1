package api

import (
	"context"
	"net/http"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/signin"
)

func (a *API) signUpRoutes() {
	o := created(op(http.MethodPost, "/v1/sign-up", "sign-up", "Sign-in",
		"Create an account, where the setting sign_up.mode allows it", public))
	register(a, withRules(o, signin.SignUpErrors),
		func(ctx context.Context, desk directory.Desk, in *postInput[cardinal.SignUp],
		) (*response[cardinal.User], error) {
			user, err := signin.SignUp(ctx, desk, in.Body)
			return &response[cardinal.User]{Body: user}, err
		})
}
