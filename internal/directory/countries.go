package directory

import (
	"context"

	"cardinal"
	"cardinal/internal/store"
)

// Countries lists all countries with their tax rates; anyone who is known may read them.
func (k Desk) Countries(ctx context.Context) ([]cardinal.Country, error) {
	if err := k.requireAuthenticated(); err != nil {
		return nil, err
	}
	return k.d.store.Read(ctx).Countries(ctx)
}

// Country returns a country by its code.
func (k Desk) Country(ctx context.Context, code string) (cardinal.Country, error) {
	if err := k.requireAuthenticated(); err != nil {
		return cardinal.Country{}, err
	}
	return k.d.store.Read(ctx).Country(ctx, code)
}

// UpdateCountry sets a country's tax rate: in one row, for everyone who lives there.
func (k Desk) UpdateCountry(ctx context.Context, code string, version int64, in cardinal.CountryChange) (cardinal.Country, error) {
	return Change(ctx, k, Rule{Action: "country.update", Permission: "countries.update"}, func(tx *Tx) (cardinal.Country, error) {
		before, err := tx.CountryForChange(ctx, code)
		if err != nil {
			return before, err
		}
		if err := CheckVersion(before.Version, version); err != nil {
			return before, err
		}
		if !in.TaxRatePPM.Present() {
			return before, nil
		}
		rate := valueOr(in.TaxRatePPM.Value(), -1)
		if rate < 0 || rate > 1_000_000 {
			var check Input
			check.Add("/tax_rate_ppm", "tax_rate_range")
			return before, check.Err()
		}
		if rate == before.TaxRatePPM {
			return before, nil
		}
		after, err := tx.Tx.UpdateCountry(ctx, code, version, rate, tx.Now)
		if err != nil {
			return before, err
		}
		tx.RecordRows(store.StampCountry(after))
		tx.RecordChange("countries."+code+".tax_rate_ppm", before.TaxRatePPM, after.TaxRatePPM)
		return after, nil
	})
}
