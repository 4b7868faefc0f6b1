package storetest

import (
	"slices"
	"strings"
	"testing"

	"cardinal"
	"cardinal/internal/store"
)

func settings(t *testing.T, s *store.Store) {
	ctx, r := t.Context(), s.Read(t.Context())
	all := must(r.Settings(ctx))(t)
	if len(all) == 0 || !slices.IsSortedFunc(all, func(a, b cardinal.Setting) int {
		return strings.Compare(a.Name, b.Name)
	}) {
		t.Errorf("Settings: %v", all)
	}
	want := must(r.Setting(ctx, "passwords.min_length"))(t)
	if !slices.Contains(all, want) {
		t.Errorf("Settings misses %v", want)
	}
	for _, value := range []any{20.0, "x<é\u2028 日本 \"", true, 1.5, "", -1e21, false, 0.0} {
		got := inTx(t, s, func(tx store.Tx) (cardinal.Setting, error) {
			wantEqual(t, "LockSetting", must(tx.LockSetting(ctx, want.Name))(t), want)
			return tx.UpdateSetting(ctx, want.Name, want.Version, value, baseTime)
		})
		want.Value, want.UpdatedAt, want.Version = value, baseTime, want.Version+1
		wantEqual(t, "UpdateSetting", got, want)
		wantEqual(t, "Setting", must(r.Setting(ctx, want.Name))(t), want)
		digest := must(store.DigestSetting(want))(t)
		wantEqual(t, "digest of a setting", must(store.DigestSetting(got))(t), digest)
	}
	update := func(version int64, value any) error {
		return txError(t, s, func(tx store.Tx) (cardinal.Setting, error) {
			return tx.UpdateSetting(ctx, want.Name, version, value, baseTime)
		})
	}
	wantError(t, "UpdateSetting, stale version", cardinal.ErrNotFound, update(want.Version-1, true))
	for _, value := range []any{[]string{"x"}, map[string]any{}, nil, strings.Repeat("x", 4095)} {
		wantViolation(t, "settings_value_ck", update(want.Version, value))
	}
	_, err := r.Setting(ctx, "no.such")
	wantError(t, "Setting, unknown", cardinal.ErrNotFound, err)
}
