package api

import (
	"context"
	"net/http"

	"cardinal"
	"cardinal/internal/directory"
)

type OfCountry struct {
	Code string `path:"code" maxLength:"2" doc:"ISO 3166-1 alpha-2 code"`
}

func (a *API) countryRoutes() {
	register(a, op(http.MethodGet, "/v1/countries", "list-countries", "Countries", "List all countries with their tax rates"),
		func(ctx context.Context, k directory.Desk, in *nothing) (*listed[cardinal.Country], error) {
			found, err := k.Countries(ctx)
			return whole(found), err
		})
	register(a, op(http.MethodGet, "/v1/countries/{code}", "get-country", "Countries", "Read a country"),
		func(ctx context.Context, k directory.Desk, in *struct {
			Strict
			Conditional
			OfCountry
		}) (*one[cardinal.Country], error) {
			country, err := k.Country(ctx, in.Code)
			if err != nil {
				return nil, err
			}
			if err := in.seen(country.Version); err != nil {
				return nil, err
			}
			return single(country, country.Version), nil
		})
	register(a, op(http.MethodPatch, "/v1/countries/{code}", "update-country", "Countries", "Set a country's tax rate, in one place for everyone there"),
		func(ctx context.Context, k directory.Desk, in *struct {
			Strict
			Versioned
			OfCountry
			Body cardinal.CountryChange
		}) (*one[cardinal.Country], error) {
			country, err := k.UpdateCountry(ctx, in.Code, in.version(), in.Body)
			return single(country, country.Version), err
		})
}
