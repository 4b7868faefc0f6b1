package storetest

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/store"
)

func reencrypt(t *testing.T, s *store.Store) {
	ctx, r := t.Context(), s.Read(t.Context())
	user, service := newUser(t, s, "person"), newUser(t, s, "service")
	contact := newContact(t, s, user)
	session := store.SessionRecord{
		UserID: user, ID: cardinal.NewID(), TokenHash: keyedToken(0), Method: "password", CreatedAt: baseTime,
		LastSeenAt: baseTime, IdleSeconds: 60, ExpiresAt: baseTime.Add(time.Hour), AddressSealed: ciphertext(40),
		UserAgentSealed: ciphertext(50), SchemaVersion: 1,
	}
	key := store.APIKeyRecord{
		UserID: service, ID: cardinal.NewID(), NameSealed: ciphertext(30), TokenHash: keyedToken(0), Hint: "abcd",
		RoleIDs: []uuid.UUID{}, CreatedAt: baseTime, ExpiresAt: baseTime.Add(time.Hour), SchemaVersion: 1,
	}
	write(t, s, func(tx store.Tx) error {
		if err := tx.InsertSession(ctx, session); err != nil {
			return err
		}
		return tx.InsertAPIKey(ctx, key)
	})
	older := func(table store.RowTable, userID, id uuid.UUID) (isOlder, found bool) {
		t.Helper()
		rows := must(r.RowKeys(ctx, table, store.RowKey{}, 1000))(t)
		i := slices.IndexFunc(rows, func(k store.RowKey) bool { return k.UserID == userID && k.ID == id })
		if i < 0 {
			return false, false
		}
		next := must(r.RowKeys(ctx, table, rows[i], 1000))(t)
		wantEqual(t, "RowKeys, after the row", slices.Contains(next, rows[i]), false)
		return rows[i].IsOlder, true
	}
	wantOlder := func(table store.RowTable, userID, id uuid.UUID, want bool) {
		t.Helper()
		got, found := older(table, userID, id)
		wantEqual(t, "RowKeys of "+string(table), []bool{got, found}, []bool{want, true})
	}
	bound := func(value []byte) []byte {
		value = slices.Clone(value)
		value[0] = 2
		return value
	}
	wantOlder(store.ContactRows, user, contact.ID, true)
	contact.ValueSealed = bound(contact.ValueSealed)
	got := inTx(t, s, func(tx store.Tx) (store.ContactRecord, error) { return tx.SetContactValue(ctx, contact) })
	contact.Version++
	wantEqual(t, "SetContactValue", got, contact)
	wantOlder(store.ContactRows, user, contact.ID, false)

	wantOlder(store.SessionRows, user, session.ID, true)
	session.AddressSealed, session.SchemaVersion = bound(session.AddressSealed), 2
	session.UserAgentSealed = bound(session.UserAgentSealed)
	gotSession := inTx(t, s, func(tx store.Tx) (store.SessionRecord, error) {
		if _, err := tx.LockSession(ctx, user, session.ID); err != nil {
			return session, err
		}
		return tx.SetSessionValues(ctx, session)
	})
	wantEqual(t, "SetSessionValues", gotSession, session)
	wantOlder(store.SessionRows, user, session.ID, false)

	wantOlder(store.APIKeyRows, service, key.ID, true)
	key.NameSealed, key.SchemaVersion = bound(key.NameSealed), 2
	write(t, s, func(tx store.Tx) error {
		if _, err := tx.LockAPIKey(ctx, key.ID); err != nil {
			return err
		}
		return tx.SetAPIKeyName(ctx, key)
	})
	wantEqual(t, "SetAPIKeyName", must(r.APIKey(ctx, key.ID))(t), key)
	wantOlder(store.APIKeyRows, service, key.ID, false)
}
