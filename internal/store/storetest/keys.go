package storetest

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/store"
)

// currentKEK returns the key-encryption key in use, and registers one if there is none.
func currentKEK(t *testing.T, s *store.Store) uuid.UUID {
	t.Helper()
	for _, k := range must(s.Read(t.Context()).KEKs(t.Context()))(t) {
		if k.RetiredAt == nil {
			return k.ID
		}
	}
	k := store.KEKRecord{ID: fixedID(1), Location: "file", CheckValue: bytes.Repeat([]byte{7}, 32), CreatedAt: baseTime}
	write(t, s, func(tx store.Tx) error { return tx.InsertKEK(t.Context(), k) })
	return k.ID
}

func keys(t *testing.T, s *store.Store) {
	ctx, r := t.Context(), s.Read(t.Context())
	kek := currentKEK(t, s)
	i := slices.IndexFunc(must(r.KEKs(ctx))(t), func(k store.KEKRecord) bool { return k.ID == kek })
	if i < 0 {
		t.Fatal("KEKs misses the key that InsertKEK added")
	}
	wantEqual(t, "KEKs", must(r.KEKs(ctx))(t)[i], store.KEKRecord{ID: kek, Location: "file",
		CheckValue: bytes.Repeat([]byte{7}, 32), CreatedAt: baseTime})
	insert := func(k store.KEKRecord) error {
		return s.Write(ctx, func(tx store.Tx) error { return tx.InsertKEK(ctx, k) })
	}
	wantViolation(t, "key_encryption_keys_one_live_uq",
		insert(store.KEKRecord{ID: cardinal.NewID(), Location: "environment", CheckValue: make([]byte, 32),
			CreatedAt: baseTime}))
	wantViolation(t, "key_encryption_keys_location_ck",
		insert(store.KEKRecord{ID: cardinal.NewID(), Location: "paper", CheckValue: make([]byte, 32),
			CreatedAt: baseTime}))

	service := store.ServiceKeyRecord{ID: cardinal.NewID(), Name: "blind-index", KEKID: kek, WrappedKey: ciphertext(61),
		CreatedAt: baseTime}
	add := func(k store.ServiceKeyRecord) (got store.ServiceKeyRecord, err error) {
		err = s.Write(ctx, func(tx store.Tx) (err error) {
			got, err = tx.EnsureServiceKey(ctx, k)
			return err
		})
		return got, err
	}
	wantEqual(t, "EnsureServiceKey", must(add(service))(t), service)
	twin := service
	twin.ID, twin.WrappedKey = cardinal.NewID(), make([]byte, 61)
	wantEqual(t, "EnsureServiceKey, existing name", must(add(twin))(t), service)
	wantEqual(t, "ServiceKey", must(r.ServiceKey(ctx, "blind-index"))(t), service)
	_, err := r.ServiceKey(ctx, "none")
	wantError(t, "ServiceKey, unknown", cardinal.ErrNotFound, err)
	twin.Name, twin.WrappedKey = "short", make([]byte, 32)
	_, err = add(twin)
	wantViolation(t, "service_keys_wrapped_key_ck", err)

	user := newUser(t, s, "person")
	key := store.UserKeyRecord{UserID: user, KEKID: uuid.NullUUID{UUID: kek, Valid: true}, WrappedKey: ciphertext(61),
		CreatedAt: baseTime, WrappedAt: baseTime.Add(time.Microsecond)}
	insertKey := func(k store.UserKeyRecord) error {
		return s.Write(ctx, func(tx store.Tx) error { return tx.InsertUserKey(ctx, k) })
	}
	if err := insertKey(key); err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "UserKey", must(r.UserKey(ctx, user))(t), key)
	_, err = r.UserKey(ctx, cardinal.SystemID)
	wantError(t, "UserKey, built-in actor", cardinal.ErrNotFound, err)
	wantViolation(t, "user_keys_pk", insertKey(key))
	for constraint, change := range map[string]func(k *store.UserKeyRecord){
		"user_keys_user_ck":        func(k *store.UserKeyRecord) { k.UserID = cardinal.SystemID },
		"user_keys_wrapped_key_ck": func(k *store.UserKeyRecord) { k.WrappedKey = make([]byte, 32) },
		"user_keys_wrapped_ck": func(k *store.UserKeyRecord) {
			k.WrappedAt = baseTime.Add(-time.Microsecond)
		},
		"user_keys_kek_id_not_null":       func(k *store.UserKeyRecord) { k.KEKID = uuid.NullUUID{} },
		foreignKey(s, "user_keys_kek_fk"): func(k *store.UserKeyRecord) { k.KEKID.UUID = cardinal.NewID() },
	} {
		k := key
		k.UserID = newUser(t, s, "person")
		change(&k)
		wantViolation(t, constraint, insertKey(k))
	}
}
