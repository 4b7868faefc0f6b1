package storetest

import (
	"testing"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/store"
)

func encryptedSamples(t *testing.T, s *store.Store) {
	ctx, r := t.Context(), s.Read(t.Context())
	// The ids of all other rows are between these two.
	oldest := insertUser(t, s, uuid.MustParse("00000000-0001-7000-8000-000000000000"), "person").ID
	newest := newUser(t, s, "person")
	key := store.UserKeyRecord{UserID: newest, KEKID: uuid.NullUUID{UUID: must(r.KEKs(ctx))(t)[0].ID, Valid: true},
		WrappedKey: ciphertext(61), CreatedAt: baseTime, WrappedAt: baseTime}
	write(t, s, func(tx store.Tx) error { return tx.InsertUserKey(ctx, key) })
	first, last := newContact(t, s, oldest), newContact(t, s, newest)
	columns := 0
	for _, p := range store.EncryptedColumns() {
		got := must(r.SampleEncryptedColumn(ctx, p, 2))(t)
		if columns++; len(got) > 2 {
			t.Errorf("%s.%s: %d values", p.Table, p.Column, len(got))
		}
		if p.Table != "contacts" {
			continue
		}
		wantEqual(t, "first and last contact", got, []store.EncryptedValue{
			{OwnerID: oldest, RowID: first.ID, Ciphertext: first.ValueSealed, Key: store.UserKeyRecord{UserID: oldest}},
			{OwnerID: newest, RowID: last.ID, Ciphertext: last.ValueSealed,
				Key: store.UserKeyRecord{UserID: newest, KEKID: key.KEKID, WrappedKey: key.WrappedKey}},
		})
		for _, v := range must(r.SampleEncryptedColumn(ctx, p, 100))(t) {
			if v.OwnerID == cardinal.SystemID || v.Ciphertext == nil {
				t.Errorf("%+v", v)
			}
		}
	}
	if columns != 10 {
		t.Errorf("%d encrypted columns, want 10", columns)
	}
}
