package storetest

import (
	"slices"
	"strings"
	"testing"

	"cardinal"
	"cardinal/internal/store"
)

func countries(t *testing.T, s *store.Store) {
	ctx, r := t.Context(), s.Read(t.Context())
	all := must(r.Countries(ctx))(t)
	if len(all) < 249 || !slices.IsSortedFunc(all, func(a, b store.CountryRecord) int {
		return strings.Compare(a.Code, b.Code)
	}) {
		t.Errorf("Countries: %d", len(all))
	}
	if c := must(r.Country(ctx, "RE"))(t); c.Name != "Réunion" {
		t.Errorf("Country: %v", c)
	}
	_, err := r.Country(ctx, "XX")
	wantError(t, "Country, unknown", cardinal.ErrNotFound, err)
	want := must(r.Country(ctx, "DE"))(t)
	write(t, s, func(tx store.Tx) error {
		wantEqual(t, "LockCountry", must(tx.LockCountry(ctx, "DE"))(t), want)
		got := must(tx.UpdateCountry(ctx, "DE", want.Version, 190_000, baseTime))(t)
		want.TaxRatePPM, want.UpdatedAt, want.Version = 190_000, baseTime, want.Version+1
		wantEqual(t, "UpdateCountry", got, want)
		return nil
	})
	wantEqual(t, "Country after UpdateCountry", must(r.Country(ctx, "DE"))(t), want)
	update := func(version, ppm int64) error {
		return txError(t, s, func(tx store.Tx) (store.CountryRecord, error) {
			return tx.UpdateCountry(ctx, "DE", version, ppm, baseTime)
		})
	}
	wantError(t, "UpdateCountry, stale version", cardinal.ErrNotFound, update(want.Version-1, 0))
	wantViolation(t, "countries_tax_rate_ck", update(want.Version, 1_000_001))
}
