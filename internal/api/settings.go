package api

import (
	"context"
	"net/http"

	"cardinal"
	"cardinal/internal/directory"
)

// OfSetting is the setting that a path names.
type OfSetting struct {
	Name string `path:"name" maxLength:"64" doc:"Name of the setting"`
}

func (a *API) settingRoutes() {
	register(a, op(http.MethodGet, "/v1/settings", "list-settings", "Settings", "List all settings"),
		func(ctx context.Context, desk directory.Desk, _ *noInput) (*listed[cardinal.Setting], error) {
			found, err := desk.Settings(ctx)
			return unpagedList(found), err
		})
	register(a, op(http.MethodGet, "/v1/settings/{name}", "get-setting", "Settings", "Read a setting"),
		func(ctx context.Context, desk directory.Desk, in *struct {
			Conditional
			OfSetting
		}) (*etagResponse[cardinal.Setting], error) {
			setting, err := desk.Setting(ctx, in.Name)
			return okIfModified(in.Conditional, setting, setting.Version, err)
		})
	register(a, op(http.MethodPatch, "/v1/settings/{name}", "update-setting", "Settings", "Change a setting"),
		func(ctx context.Context, desk directory.Desk, in *struct {
			Versioned
			OfSetting
			Body cardinal.SettingChange
		}) (*etagResponse[cardinal.Setting], error) {
			setting, err := desk.UpdateSetting(ctx, in.Name, in.version(), in.Body)
			return okWithETag(setting, setting.Version), err
		})
}
