package api

import (
	"context"
	"net/http"

	"cardinal"
	"cardinal/internal/directory"
)

// OfCountry is the country that a path names.
type OfCountry struct {
	Code string `path:"code" maxLength:"2" doc:"ISO 3166-1 alpha-2 code"`
}

func (a *API) countryRoutes() {
	register(a, op(http.MethodGet, "/v1/countries", "list-countries", "Countries",
		"List all countries with their tax rates"),
		func(ctx context.Context, desk directory.Desk, _ *noInput) (*listed[cardinal.Country], error) {
			found, err := desk.Countries(ctx)
			return unpagedList(found), err
		})
	register(a, op(http.MethodGet, "/v1/countries/{code}", "get-country", "Countries", "Read a country"),
		func(ctx context.Context, desk directory.Desk, in *struct {
			Conditional
			OfCountry
		}) (*etagResponse[cardinal.Country], error) {
			country, err := desk.Country(ctx, in.Code)
			return okIfModified(in.Conditional, country, country.Version, err)
		})
	register(a, op(http.MethodPatch, "/v1/countries/{code}", "update-country", "Countries",
		"Set the tax rate of a country, for all its users"),
		func(ctx context.Context, desk directory.Desk, in *struct {
			Versioned
			OfCountry
			Body cardinal.CountryChange
		}) (*etagResponse[cardinal.Country], error) {
			country, err := desk.UpdateCountry(ctx, in.Code, in.version(), in.Body)
			return okWithETag(country, country.Version), err
		})
}
