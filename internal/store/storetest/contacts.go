package storetest

import (
	"testing"
	"time"

	"cardinal"
	"cardinal/internal/store"
)

func contacts(t *testing.T, s *store.Store) {
	ctx, r := t.Context(), s.Read(t.Context())
	user, other := newUser(t, s, "person"), newUser(t, s, "person")
	wantEqual(t, "Contacts, empty", must(r.Contacts(ctx, user))(t), []store.ContactRecord{})
	first, second, third := newContact(t, s, user), newContact(t, s, user), newContact(t, s, user)
	newContact(t, s, other)
	wantEqual(t, "Contacts", must(r.Contacts(ctx, user))(t), []store.ContactRecord{first, second, third})
	wantEqual(t, "Contact", must(r.Contact(ctx, user, second.ID))(t), second)
	_, err := r.Contact(ctx, other, second.ID)
	wantError(t, "Contact, other user", cardinal.ErrNotFound, err)

	update := func(c store.ContactRecord) (got store.ContactRecord, err error) {
		err = s.Write(ctx, func(tx store.Tx) (err error) {
			if got, err = tx.LockContact(ctx, c.UserID, c.ID); err != nil {
				return err
			}
			got, err = tx.UpdateContact(ctx, c, baseTime.Add(time.Hour))
			return err
		})
		return got, err
	}
	write(t, s, func(tx store.Tx) error {
		wantEqual(t, "LockContact", must(tx.LockContact(ctx, user, first.ID))(t), first)
		return nil
	})
	first.IsPrimary, first.VerifiedAt = true, ptr(baseTime.Add(time.Minute))
	got := must(update(first))(t)
	first.Version, first.UpdatedAt = 2, baseTime.Add(time.Hour)
	wantEqual(t, "UpdateContact", got, first)
	stale := first
	stale.Version = 1
	_, err = update(stale)
	wantError(t, "UpdateContact, stale version", cardinal.ErrNotFound, err)
	second.IsPrimary = true
	_, err = update(second)
	wantViolation(t, "contacts_one_primary_uq", err)
	second.IsPrimary, second.VerifiedAt = false, ptr(baseTime.Add(-time.Microsecond))
	_, err = update(second)
	wantViolation(t, "contacts_verified_ck", err)

	insert := func(change func(c *store.ContactRecord)) error {
		c := third
		c.ID = cardinal.NewID()
		change(&c)
		return s.Write(ctx, func(tx store.Tx) error { return tx.InsertContact(ctx, c) })
	}
	if err := insert(func(c *store.ContactRecord) { c.Kind, c.IsPrimary = "phone", true }); err != nil {
		t.Errorf("a primary phone number in addition to a primary email address: %v", err)
	}
	wantViolation(t, "contacts_pk", insert(func(c *store.ContactRecord) { c.ID = third.ID }))
	wantViolation(t, "contacts_value_ck", insert(func(c *store.ContactRecord) {
		c.ValueSealed = []byte("ada.lovelace.of.london@example.com")
	}))
	wantViolation(t, "contacts_user_ck", insert(func(c *store.ContactRecord) { c.UserID = cardinal.SystemID }))
	wantViolation(t, foreignKey(s, "contacts_kind_fk"), insert(func(c *store.ContactRecord) { c.Kind = "fax" }))
	wantViolation(t, foreignKey(s, "contacts_user_fk"), insert(func(c *store.ContactRecord) {
		c.UserID = cardinal.NewID()
	}))

	index := make([]byte, 32)
	index[0] = 0x22
	write(t, s, func(tx store.Tx) error {
		return tx.InsertIdentifier(ctx, store.IdentifierRecord{ValueIndex: index, UserID: user, ContactID: &third.ID,
			CreatedAt: baseTime})
	})
	remove := func() error {
		return s.Write(ctx, func(tx store.Tx) error { return tx.DeleteContact(ctx, user, third.ID) })
	}
	if err := remove(); err != nil {
		t.Error(err)
	}
	_, err = r.Contact(ctx, user, third.ID)
	wantError(t, "Contact after DeleteContact", cardinal.ErrNotFound, err)
	_, err = r.Identifier(ctx, index)
	wantError(t, "the identifier of a deleted contact", cardinal.ErrNotFound, err)
	wantError(t, "DeleteContact, already deleted", cardinal.ErrNotFound, remove())
}
