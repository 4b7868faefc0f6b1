package storetest

import (
	"bytes"
	"testing"

	"cardinal"
	"cardinal/internal/store"
)

func identifiers(t *testing.T, s *store.Store) {
	ctx, r := t.Context(), s.Read(t.Context())
	user, rival := newUser(t, s, "person"), newUser(t, s, "person")
	contact := newContact(t, s, user)
	value := func(n byte) []byte { return bytes.Repeat([]byte{0x30 + n}, 32) }
	insert := func(i store.IdentifierRecord) error {
		return s.Write(ctx, func(tx store.Tx) error { return tx.InsertIdentifier(ctx, i) })
	}
	name := store.IdentifierRecord{ValueIndex: value(1), UserID: user, CreatedAt: baseTime}
	mail := store.IdentifierRecord{ValueIndex: value(2), UserID: user, ContactID: &contact.ID, CreatedAt: baseTime}
	for _, i := range []store.IdentifierRecord{name, mail} {
		if err := insert(i); err != nil {
			t.Fatal(err)
		}
		wantEqual(t, "Identifier", must(r.Identifier(ctx, i.ValueIndex))(t), i)
	}
	if all := must(r.Identifiers(ctx, user))(t); len(all) != 2 {
		t.Errorf("Identifiers: %v", all)
	}
	wantEqual(t, "Identifiers, empty", must(r.Identifiers(ctx, rival))(t), []store.IdentifierRecord{})

	wantViolation(t, "identifiers_pk", insert(store.IdentifierRecord{ValueIndex: value(2), UserID: rival,
		CreatedAt: baseTime}))
	wantViolation(t, "identifiers_one_username_uq",
		insert(store.IdentifierRecord{ValueIndex: value(3), UserID: user, CreatedAt: baseTime}))
	wantViolation(t, "identifiers_contact_uq", insert(store.IdentifierRecord{ValueIndex: value(3), UserID: user,
		ContactID: &contact.ID, CreatedAt: baseTime}))
	wantViolation(t, "identifiers_value_index_ck", insert(store.IdentifierRecord{ValueIndex: []byte("ada"),
		UserID: rival, CreatedAt: baseTime}))
	wantViolation(t, "identifiers_user_ck", insert(store.IdentifierRecord{ValueIndex: value(3),
		UserID: cardinal.AnonymousID, CreatedAt: baseTime}))
	wantViolation(t, foreignKey(s, "identifiers_contact_fk"),
		insert(store.IdentifierRecord{ValueIndex: value(3), UserID: rival, ContactID: &contact.ID,
			CreatedAt: baseTime}))

	for name, want := range map[string]bool{"administrator": true, "ada": false, "Administrator": false} {
		wantEqual(t, "IsReservedUsername "+name, must(r.IsReservedUsername(ctx, name))(t), want)
	}
	// An identifier moves to another user by a delete and an insert in one transaction.
	moved := store.IdentifierRecord{ValueIndex: mail.ValueIndex, UserID: rival, CreatedAt: baseTime}
	write(t, s, func(tx store.Tx) error {
		if err := tx.DeleteIdentifier(ctx, mail.ValueIndex); err != nil {
			return err
		}
		return tx.InsertIdentifier(ctx, moved)
	})
	wantEqual(t, "an identifier that moved", must(r.Identifier(ctx, mail.ValueIndex))(t), moved)
	if got := store.DeletedIdentifier(mail.ValueIndex); got.Key != store.DigestIdentifier(mail).Key ||
		got.Digest != nil ||
		got.Columns != 0 {
		t.Errorf("DeletedIdentifier: %+v", got)
	}
}
