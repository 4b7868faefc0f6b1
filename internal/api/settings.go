package api

import (
	"context"
	"net/http"

	"cardinal"
	"cardinal/internal/directory"
)

type OfSetting struct {
	Name string `path:"name" maxLength:"64" doc:"Name of the setting"`
}

func (a *API) settingRoutes() {
	register(a, op(http.MethodGet, "/v1/settings", "list-settings", "Settings", "List all settings"),
		func(ctx context.Context, k directory.Desk, in *nothing) (*listed[cardinal.Setting], error) {
			found, err := k.Settings(ctx)
			return whole(found), err
		})
	register(a, op(http.MethodGet, "/v1/settings/{name}", "get-setting", "Settings", "Read a setting"),
		func(ctx context.Context, k directory.Desk, in *struct {
			Strict
			Conditional
			OfSetting
		}) (*one[cardinal.Setting], error) {
			setting, err := k.Setting(ctx, in.Name)
			if err != nil {
				return nil, err
			}
			if err := in.seen(setting.Version); err != nil {
				return nil, err
			}
			return single(setting, setting.Version), nil
		})
	register(a, op(http.MethodPatch, "/v1/settings/{name}", "update-setting", "Settings", "Change a setting"),
		func(ctx context.Context, k directory.Desk, in *struct {
			Strict
			Versioned
			OfSetting
			Body cardinal.SettingChange
		}) (*one[cardinal.Setting], error) {
			setting, err := k.UpdateSetting(ctx, in.Name, in.version(), in.Body)
			return single(setting, setting.Version), err
		})
}
