package api

import (
	"context"
	"net/http"

	"cardinal"
	"cardinal/internal/directory"
)

func profileRoutes[O owner](a *API, prefix, name string) {
	register(a, op(http.MethodGet, prefix+"/profile", "get-"+name+"-profile", "Profiles", "Read the profile"),
		func(ctx context.Context, desk directory.Desk, in *struct {
			Conditional
			Owner O
		}) (*etagResponse[cardinal.Profile], error) {
			profile, err := desk.Profile(ctx, in.Owner.userID(desk))
			return okIfModified(in.Conditional, profile, profile.Version, err)
		})
	register(a, op(http.MethodPatch, prefix+"/profile", "update-"+name+"-profile", "Profiles", "Change the profile"),
		func(ctx context.Context, desk directory.Desk, in *struct {
			Versioned
			Owner O
			Body  cardinal.ProfileChange
		}) (*etagResponse[cardinal.Profile], error) {
			profile, err := desk.UpdateProfile(ctx, in.Owner.userID(desk), in.version(), in.Body)
			return okWithETag(profile, profile.Version), err
		})
}
