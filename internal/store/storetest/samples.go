package storetest

import (
	"testing"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/store"
)

func sealedSamples(t *testing.T, s *store.Store) {
	ctx, r := t.Context(), s.Read(t.Context())
	// The ids of all other rows are between these two.
	oldest := insertUser(t, s, uuid.MustParse("00000000-0001-7000-8000-000000000000"), "person").ID
	newest := newUser(t, s, "person")
	key := store.UserKeyRecord{UserID: newest, KEKID: uuid.NullUUID{UUID: must(r.KEKs(ctx))(t)[0].ID, Valid: true},
		WrappedKey: ciphertext(61), CreatedAt: baseTime, WrappedAt: baseTime}
	write(t, s, func(tx store.Tx) error { return tx.InsertUserKey(ctx, key) })
	first, last := newContact(t, s, oldest), newContact(t, s, newest)
	columns := 0
	for _, p := range store.SealedPlaces() {
		got := must(r.SealedSample(ctx, p, 2))(t)
		if columns++; len(got) > 2 {
			t.Errorf("%s.%s: %d values", p.Table, p.Column, len(got))
		}
		if p.Table != "contacts" {
			continue
		}
		wantEqual(t, "first and last contact", got, []store.SealedValue{
			{OwnerID: oldest, RowID: first.ID, Sealed: first.ValueSealed, Key: store.UserKeyRecord{UserID: oldest}},
			{OwnerID: newest, RowID: last.ID, Sealed: last.ValueSealed,
				Key: store.UserKeyRecord{UserID: newest, KEKID: key.KEKID, WrappedKey: key.WrappedKey}},
		})
		for _, v := range must(r.SealedSample(ctx, p, 100))(t) {
			if v.OwnerID == cardinal.SystemID || v.Sealed == nil {
				t.Errorf("%+v", v)
			}
		}
	}
	if columns != 10 {
		t.Errorf("%d encrypted columns, want 10", columns)
	}
}
