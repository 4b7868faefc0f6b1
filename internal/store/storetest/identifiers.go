package storetest

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/store"
)

func identifiers(t *testing.T, s *store.Store) {
	ctx, r := t.Context(), s.Read(t.Context())
	user, rival := newUser(t, s, "person"), newUser(t, s, "person")
	contact, another := newContact(t, s, user), newContact(t, s, rival)
	value := func(n byte) []byte { return bytes.Repeat([]byte{0x30 + n}, 32) }
	insert := func(i store.IdentifierRecord) error {
		return s.Write(ctx, func(tx store.Tx) error { return tx.InsertIdentifier(ctx, i) })
	}
	name := store.IdentifierRecord{ValueIndex: value(1), UserID: user, CreatedAt: moment}
	mail := store.IdentifierRecord{ValueIndex: value(2), UserID: user, ContactID: &contact.ID, CreatedAt: moment, ExpiresAt: ptr(moment.Add(time.Hour))}
	for _, i := range []store.IdentifierRecord{name, mail} {
		if err := insert(i); err != nil {
			t.Fatal(err)
		}
		same(t, "Identifier", must(r.Identifier(ctx, i.ValueIndex))(t), i)
	}
	if all := must(r.Identifiers(ctx, user))(t); len(all) != 2 {
		t.Errorf("Identifiers: %v", all)
	}
	same(t, "Identifiers of none", must(r.Identifiers(ctx, rival))(t), []store.IdentifierRecord{})

	violated(t, "identifiers_pk", insert(store.IdentifierRecord{ValueIndex: value(2), UserID: rival, CreatedAt: moment}))
	violated(t, "identifiers_one_username_uq", insert(store.IdentifierRecord{ValueIndex: value(3), UserID: user, CreatedAt: moment}))
	violated(t, "identifiers_contact_uq", insert(store.IdentifierRecord{ValueIndex: value(3), UserID: user, ContactID: &contact.ID, CreatedAt: moment}))
	violated(t, "identifiers_value_index_ck", insert(store.IdentifierRecord{ValueIndex: []byte("ada"), UserID: rival, CreatedAt: moment}))
	violated(t, "identifiers_username_ck", insert(store.IdentifierRecord{ValueIndex: value(3), UserID: rival, CreatedAt: moment, ExpiresAt: mail.ExpiresAt}))
	violated(t, "identifiers_expires_ck", insert(store.IdentifierRecord{ValueIndex: value(3), UserID: rival, ContactID: &another.ID, CreatedAt: moment, ExpiresAt: &moment}))
	violated(t, "identifiers_user_ck", insert(store.IdentifierRecord{ValueIndex: value(3), UserID: cardinal.AnonymousID, CreatedAt: moment}))
	violated(t, foreignKey(s, "identifiers_contact_fk"), insert(store.IdentifierRecord{ValueIndex: value(3), UserID: rival, ContactID: &contact.ID, CreatedAt: moment}))

	for at, want := range map[time.Time]int{mail.ExpiresAt.Add(-time.Microsecond): 0, *mail.ExpiresAt: 1} {
		if lapsed := must(r.LapsedIdentifiers(ctx, at, 10))(t); len(lapsed) != want {
			t.Errorf("lapsed at %v: %v", at, lapsed)
		}
	}
	late := store.IdentifierRecord{ValueIndex: value(4), UserID: rival, ContactID: &another.ID, CreatedAt: moment, ExpiresAt: ptr(moment.Add(time.Minute))}
	if err := insert(late); err != nil {
		t.Error(err)
	}
	same(t, "LapsedIdentifiers", must(r.LapsedIdentifiers(ctx, moment.Add(time.Hour), 10))(t), []store.IdentifierRecord{late, mail})
	same(t, "the first of LapsedIdentifiers", must(r.LapsedIdentifiers(ctx, moment.Add(time.Hour), 1))(t), []store.IdentifierRecord{late})

	until := moment.Add(24 * time.Hour)
	mail.ExpiresAt = &until
	same(t, "ProlongIdentifier", written(t, s, func(tx store.Tx) (store.IdentifierRecord, error) {
		return tx.ProlongIdentifier(ctx, mail.ValueIndex, until)
	}), mail)
	mail.ExpiresAt = nil
	same(t, "ProveIdentifier", written(t, s, func(tx store.Tx) (store.IdentifierRecord, error) {
		return tx.ProveIdentifier(ctx, user, contact.ID)
	}), mail)
	same(t, "Identifier after ProveIdentifier", must(r.Identifier(ctx, mail.ValueIndex))(t), mail)
	for what, change := range map[string]func(store.Tx) (store.IdentifierRecord, error){
		"ProveIdentifier of none": func(tx store.Tx) (store.IdentifierRecord, error) {
			return tx.ProveIdentifier(ctx, user, uuid.New())
		},
		"ProlongIdentifier of none": func(tx store.Tx) (store.IdentifierRecord, error) {
			return tx.ProlongIdentifier(ctx, value(9), until)
		},
	} {
		refused(t, what, cardinal.ErrNotFound, try(t, s, change))
	}
	// A claim moves by giving it up and making it anew, in one transaction.
	moved := store.IdentifierRecord{ValueIndex: mail.ValueIndex, UserID: rival, CreatedAt: moment}
	write(t, s, func(tx store.Tx) error {
		if err := tx.DeleteIdentifier(ctx, mail.ValueIndex); err != nil {
			return err
		}
		return tx.InsertIdentifier(ctx, moved)
	})
	same(t, "a claim that moved", must(r.Identifier(ctx, mail.ValueIndex))(t), moved)
	if got := store.GoneIdentifier(mail.ValueIndex); got.Key != store.StampIdentifier(mail).Key || got.Digest != nil || got.Columns != 0 {
		t.Errorf("GoneIdentifier: %+v", got)
	}
}
