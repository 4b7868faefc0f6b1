package api

import (
	"context"
	"net/http"

	"cardinal"
	"cardinal/internal/directory"
)

func profileRoutes[O owner](a *API, prefix, name string) {
	register(a, op(http.MethodGet, prefix+"/profile", "get-"+name+"-profile", "Profiles", "Read the profile"),
		func(ctx context.Context, k directory.Desk, in *struct {
			Strict
			Conditional
			Owner O
		}) (*one[cardinal.Profile], error) {
			profile, err := k.Profile(ctx, in.Owner.of(k))
			if err != nil {
				return nil, err
			}
			if err := in.seen(profile.Version); err != nil {
				return nil, err
			}
			return single(profile, profile.Version), nil
		})
	register(a, op(http.MethodPatch, prefix+"/profile", "update-"+name+"-profile", "Profiles", "Change the profile"),
		func(ctx context.Context, k directory.Desk, in *struct {
			Strict
			Versioned
			Owner O
			Body  cardinal.ProfileChange
		}) (*one[cardinal.Profile], error) {
			profile, err := k.UpdateProfile(ctx, in.Owner.of(k), in.version(), in.Body)
			return single(profile, profile.Version), err
		})
}
