package directory_test

import (
	"testing"

	"cardinal"
	"cardinal/internal/directory/directorytest"
)

func TestCountries(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		admin, _ := w.NewPerson(t, "administrator")
		desk := w.DeskOf(admin)
		u := value(desk.CreateUser(ctx, cardinal.NewUser{Country: "DE"}))(t)
		before := value(desk.Country(ctx, "DE"))(t)
		w.ResetEvents(t)
		after := value(desk.UpdateCountry(ctx, "DE", before.Version, cardinal.CountryChange{
			TaxRatePPM: cardinal.Set(int64(190000)),
		}))(t)
		w.ExpectEvents(t, event{
			Action: "country.update", Actor: admin.ID, Subject: cardinal.SystemID,
			Changes: []string{"countries.DE.tax_rate_ppm 0>190000"},
			Rows:    []string{"countries"},
		})
		v := w.User(t, u.ID).Version
		if after.TaxRatePPM != 190000 || v != u.Version || value(desk.Profile(ctx, u.ID))(t).Version != 1 {
			t.Error("the new tax rate changed a user or a profile")
		}
		value(desk.UpdateCountry(ctx, "DE", after.Version, cardinal.CountryChange{
			TaxRatePPM: cardinal.Set(int64(190000)),
		}))(t)
		value(desk.UpdateCountry(ctx, "DE", after.Version, cardinal.CountryChange{}))(t)
		for _, change := range []cardinal.CountryChange{{TaxRatePPM: cardinal.Set(int64(-1))},
			{TaxRatePPM: cardinal.Set(int64(1000001))}, {TaxRatePPM: cardinal.Clear[int64]()}} {
			_, err := desk.UpdateCountry(ctx, "DE", after.Version, change)
			expectRefusal(t, err, "/tax_rate_ppm tax_rate_range")
		}
		_, err := desk.UpdateCountry(ctx, "DE", before.Version, cardinal.CountryChange{
			TaxRatePPM: cardinal.Set(int64(1)),
		})
		expectRefusal(t, err, "stale 2")
		_, err = desk.UpdateCountry(ctx, "XX", 1, cardinal.CountryChange{TaxRatePPM: cardinal.Set(int64(1))})
		expectRefusal(t, err, "not_found")
		w.ExpectEvents(t)
	})
}
