package directory

import (
	"context"

	"cardinal"
	"cardinal/internal/store"
)

// Countries lists all countries with their tax rates; anyone who is known may read them.
func (k Desk) Countries(ctx context.Context) ([]cardinal.Country, error) {
	if err := k.known(); err != nil {
		return nil, err
	}
	return k.d.store.Read(ctx).Countries(ctx)
}

// Country returns a country by its code.
func (k Desk) Country(ctx context.Context, code string) (cardinal.Country, error) {
	if err := k.known(); err != nil {
		return cardinal.Country{}, err
	}
	return k.d.store.Read(ctx).Country(ctx, code)
}

// UpdateCountry sets a country's tax rate: in one row, for everyone who lives there.
func (k Desk) UpdateCountry(ctx context.Context, code string, version int64, in cardinal.CountryChange) (cardinal.Country, error) {
	return change(ctx, k, rule{action: "country.update", permission: "countries.update"}, func(c *changing) (cardinal.Country, error) {
		before, err := c.CountryForChange(ctx, code)
		if err != nil {
			return before, err
		}
		if err := fresh(before.Version, version); err != nil {
			return before, err
		}
		if !in.TaxRatePPM.Present() {
			return before, nil
		}
		rate := or(in.TaxRatePPM.Value(), -1)
		if rate < 0 || rate > 1_000_000 {
			var check input
			check.Add("/tax_rate_ppm", "tax_rate_range")
			return before, check.Err()
		}
		if rate == before.TaxRatePPM {
			return before, nil
		}
		after, err := c.Tx.UpdateCountry(ctx, code, version, rate, c.now)
		if err != nil {
			return before, err
		}
		c.wrote(store.StampCountry(after))
		c.changed("countries."+code+".tax_rate_ppm", before.TaxRatePPM, after.TaxRatePPM)
		return after, nil
	})
}
