package store

import (
	"context"
	"time"

	"cardinal"
)

// CountryRecord is a row of countries.
type CountryRecord struct {
	cardinal.Country
	CreatedAt time.Time
}

const countryColumns = `id, code, name, tax_rate_ppm, created_at, updated_at, version`

func scanCountry(row scanner) (c CountryRecord, err error) {
	err = row.Scan(&c.ID, &c.Code, &c.Name, &c.TaxRatePPM, timeInto{&c.CreatedAt}, timeInto{&c.UpdatedAt}, &c.Version)
	return c, err
}

// DigestCountry digests a row of countries.
func DigestCountry(c CountryRecord) cardinal.RowDigest {
	return digestRow("countries", keyOf(c.ID), c.Version, c.ID, c.Code, c.Name, c.TaxRatePPM, c.CreatedAt, c.UpdatedAt,
		c.Version)
}

// Countries returns all countries by code.
func (r Reader) Countries(ctx context.Context) ([]CountryRecord, error) {
	return queryAll(ctx, r, scanCountry,
		`SELECT `+countryColumns+` FROM countries ORDER BY code`+r.engine.byteCollation)
}

// Country returns the country with a code.
func (r Reader) Country(ctx context.Context, code string) (CountryRecord, error) {
	return queryOne(ctx, r, scanCountry, `SELECT `+countryColumns+` FROM countries WHERE code = $1`, code)
}

// LockCountry returns the country with a code and locks it until the transaction ends.
func (tx Tx) LockCountry(ctx context.Context, code string) (CountryRecord, error) {
	return queryOne(ctx, tx.Reader, scanCountry,
		`SELECT `+countryColumns+` FROM countries WHERE code = $1`+tx.engine.lockRow, code)
}

// UpdateCountry updates a country's tax rate (in parts per million) if it still has the given version; it returns the
// new row.
func (tx Tx) UpdateCountry(
	ctx context.Context, code string, version, ppm int64, now time.Time,
) (CountryRecord, error) {
	return queryOne(ctx, tx.Reader, scanCountry, `
		UPDATE countries SET tax_rate_ppm = $3, updated_at = $4, version = version + 1
		 WHERE code = $1 AND version = $2
		RETURNING `+countryColumns, code, version, ppm, now)
}
