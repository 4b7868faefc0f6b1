package storetest

import (
	"testing"
	"time"

	"cardinal"
	"cardinal/internal/store"
)

func setupLinks(t *testing.T, s *store.Store) {
	ctx, r := t.Context(), s.Read(t.Context())
	link := store.SetupLinkRecord{ID: cardinal.NewID(), TokenHash: keyedToken(0), CreatedAt: baseTime,
		ExpiresAt: baseTime.Add(30 * time.Minute)}
	ofLink := store.TokenHashes{Keyed: link.TokenHash}
	insert := func(l store.SetupLinkRecord) error {
		return s.Write(ctx, func(tx store.Tx) error { return tx.InsertSetupLink(ctx, l) })
	}
	if err := insert(link); err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "SetupLink", must(r.SetupLink(ctx, ofLink))(t), link)
	twin := link
	twin.ID = cardinal.NewID()
	wantViolation(t, "setup_links_token_hash_uq", insert(twin))
	twin.TokenHash, twin.ExpiresAt = keyedToken(1), baseTime.Add(24*time.Hour+time.Microsecond)
	ofTwin := store.TokenHashes{Keyed: twin.TokenHash}
	wantViolation(t, "setup_links_life_ck", insert(twin))
	write(t, s, func(tx store.Tx) error {
		if err := tx.DeleteEndedSetupLinks(ctx, link.ExpiresAt.Add(-time.Microsecond)); err != nil {
			return err
		}
		wantEqual(t, "LockSetupLink", must(tx.LockSetupLink(ctx, ofLink))(t), link)
		return tx.MarkSetupLinkUsed(ctx, link.ID, baseTime)
	})
	link.UsedAt = &baseTime
	wantEqual(t, "SetupLink after MarkSetupLinkUsed", must(r.SetupLink(ctx, ofLink))(t), link)
	wantError(t, "MarkSetupLinkUsed, already used", cardinal.ErrNotFound, s.Write(ctx, func(tx store.Tx) error {
		return tx.MarkSetupLinkUsed(ctx, link.ID, baseTime)
	}))
	twin.ExpiresAt = baseTime.Add(time.Minute)
	if err := insert(twin); err != nil {
		t.Error(err)
	}
	write(t, s, func(tx store.Tx) error { return tx.DeleteEndedSetupLinks(ctx, baseTime) })
	_, err := r.SetupLink(ctx, ofLink)
	wantError(t, "used link after DeleteEndedSetupLinks", cardinal.ErrNotFound, err)
	wantEqual(t, "valid link after DeleteEndedSetupLinks", must(r.SetupLink(ctx, ofTwin))(t), twin)
	write(t, s, func(tx store.Tx) error { return tx.DeleteEndedSetupLinks(ctx, twin.ExpiresAt) })
	_, err = r.SetupLink(ctx, ofTwin)
	wantError(t, "expired link after DeleteEndedSetupLinks", cardinal.ErrNotFound, err)
}
