package directory

import (
	"context"
	"errors"

	"cardinal"
	"cardinal/internal/store"
)

// Countries lists all countries with their tax rates. Every authenticated actor can read them.
func (k Desk) Countries(ctx context.Context) ([]cardinal.Country, error) {
	if err := k.requireAuthenticated(); err != nil {
		return nil, err
	}
	records, err := k.d.store.Read(ctx).Countries(ctx)
	return convert(records, func(c store.CountryRecord) cardinal.Country { return c.Country }), err
}

// Country returns a country by its code.
func (k Desk) Country(ctx context.Context, code string) (cardinal.Country, error) {
	if err := k.requireAuthenticated(); err != nil {
		return cardinal.Country{}, err
	}
	record, err := k.d.store.Read(ctx).Country(ctx, code)
	return record.Country, err
}

// UpdateCountry sets a country's tax rate: one row, for all users of the country.
func (k Desk) UpdateCountry(
	ctx context.Context, code string, version int64, in cardinal.CountryChange,
) (cardinal.Country, error) {
	r := Rule{Action: "country.update", Permission: "countries.update"}
	return Change(ctx, k, r, func(tx *Tx) (cardinal.Country, error) {
		before, err := tx.LockCountry(ctx, code)
		if err != nil {
			return before.Country, err
		}
		if err := CheckVersion(before.Version, version); err != nil {
			return before.Country, err
		}
		if !in.TaxRatePPM.Present() {
			return before.Country, nil
		}
		rate := valueOr(in.TaxRatePPM.Value(), -1)
		if rate < 0 || rate > 1_000_000 {
			var check Input
			check.Add("/tax_rate_ppm", "tax_rate_range")
			return before.Country, check.Err()
		}
		if rate == before.TaxRatePPM {
			return before.Country, nil
		}
		after, err := tx.Tx.UpdateCountry(ctx, code, version, rate, tx.Now)
		if err != nil {
			return before.Country, err
		}
		tx.RecordRows(store.DigestCountry(after))
		tx.RecordChange("countries."+code+".tax_rate_ppm", before.TaxRatePPM, after.TaxRatePPM)
		return after.Country, nil
	})
}

// country checks that a country code is in the table countries.
func (in *Input) country(ctx context.Context, r store.Reader, pointer, code string) error {
	if code == "" {
		return nil
	}
	_, err := r.Country(ctx, code)
	if errors.Is(err, cardinal.ErrNotFound) {
		in.Add(pointer, "country_unknown")
		return nil
	}
	return err
}
