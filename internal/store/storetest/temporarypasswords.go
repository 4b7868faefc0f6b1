package storetest

import (
	"testing"
	"time"

	"cardinal"
	"cardinal/internal/store"
)

func temporaryPasswords(t *testing.T, s *store.Store) {
	ctx, r := t.Context(), s.Read(t.Context())
	want := store.TemporaryPassword{UserID: newUser(t, s, "person"), SetAt: baseTime,
		ExpiresAt: baseTime.Add(time.Hour)}
	_, err := r.TemporaryPassword(ctx, want.UserID, baseTime)
	wantError(t, "TemporaryPassword, unknown", cardinal.ErrNotFound, err)
	write(t, s, func(tx store.Tx) error { return tx.SaveTemporaryPassword(ctx, want) })
	wantEqual(t, "TemporaryPassword", must(r.TemporaryPassword(ctx, want.UserID, baseTime))(t), want)
	_, err = r.TemporaryPassword(ctx, want.UserID, baseTime.Add(time.Microsecond))
	wantError(t, "TemporaryPassword, of another password", cardinal.ErrNotFound, err)

	use := func(p store.TemporaryPassword, now time.Time) (usable bool) {
		write(t, s, func(tx store.Tx) (err error) {
			usable, err = tx.UseTemporaryPassword(ctx, p, now)
			return err
		})
		return usable
	}
	wantEqual(t, "UseTemporaryPassword, expired", use(want, want.ExpiresAt), false)
	wantEqual(t, "UseTemporaryPassword", use(want, want.ExpiresAt.Add(-time.Microsecond)), true)
	wantEqual(t, "UseTemporaryPassword, used", use(want, baseTime), false)
	used := want.ExpiresAt.Add(-time.Microsecond)
	want.UsedAt = &used
	wantEqual(t, "TemporaryPassword, used", must(r.TemporaryPassword(ctx, want.UserID, baseTime))(t), want)

	want.SetAt, want.ExpiresAt, want.UsedAt = baseTime.Add(time.Minute), baseTime.Add(2*time.Hour), nil
	write(t, s, func(tx store.Tx) error { return tx.SaveTemporaryPassword(ctx, want) })
	wantEqual(t, "SaveTemporaryPassword, again", must(r.TemporaryPassword(ctx, want.UserID, want.SetAt))(t), want)
	write(t, s, func(tx store.Tx) error { return tx.DeleteTemporaryPassword(ctx, want.UserID) })
	_, err = r.TemporaryPassword(ctx, want.UserID, want.SetAt)
	wantError(t, "TemporaryPassword, deleted", cardinal.ErrNotFound, err)
}
