package storetest

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/uuid"

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

	unverifiedContacts(t, s, user, other)

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

// unverifiedContacts: several users can have typed the same address. It has no identifier.
func unverifiedContacts(t *testing.T, s *store.Store, user, other uuid.UUID) {
	ctx, r := t.Context(), s.Read(t.Context())
	index := bytes.Repeat([]byte{0x77}, 32)
	typed := func(userID uuid.UUID, at time.Time) store.ContactRecord {
		return store.ContactRecord{UserID: userID, ID: cardinal.NewID(), Kind: "email", ValueSealed: ciphertext(50),
			CreatedAt: at, UpdatedAt: at, Version: 1, SchemaVersion: 1, GivenBy: "user", ValueIndex: index}
	}
	insert := func(c store.ContactRecord) error {
		return s.Write(ctx, func(tx store.Tx) error { return tx.InsertContact(ctx, c) })
	}
	first, second := typed(user, baseTime), typed(other, baseTime.Add(time.Minute))
	for _, c := range []store.ContactRecord{first, second} {
		if err := insert(c); err != nil {
			t.Fatal(err)
		}
	}
	wantEqual(t, "UnverifiedContacts", must(r.UnverifiedContacts(ctx, index, 10))(t),
		[]store.ContactRecord{first, second})
	wantEqual(t, "UnverifiedContacts, first", must(r.UnverifiedContacts(ctx, index, 1))(t),
		[]store.ContactRecord{first})
	wantViolation(t, "contacts_unverified_uq", insert(typed(user, baseTime)))
	for what, change := range map[string]func(*store.ContactRecord){
		"given":    func(c *store.ContactRecord) { c.GivenBy = "administrator" },
		"verified": func(c *store.ContactRecord) { c.VerifiedAt = &c.CreatedAt },
		"short":    func(c *store.ContactRecord) { c.ValueIndex = index[:31] },
	} {
		c := typed(newUser(t, s, "person"), baseTime)
		change(&c)
		t.Run(what, func(t *testing.T) { wantViolation(t, "contacts_value_index_ck", insert(c)) })
	}
	unknown := typed(user, baseTime)
	unknown.GivenBy, unknown.ValueIndex = "other", nil
	wantViolation(t, "contacts_given_by_ck", insert(unknown))

	all := must(r.AllUnverifiedContacts(ctx, nil, uuid.Nil, 10))(t)
	wantEqual(t, "AllUnverifiedContacts", all, []store.ContactRecord{first, second})
	wantEqual(t, "AllUnverifiedContacts, first", must(r.AllUnverifiedContacts(ctx, nil, uuid.Nil, 1))(t), all[:1])
	wantEqual(t, "AllUnverifiedContacts, next", must(r.AllUnverifiedContacts(ctx, index, user, 1))(t), all[1:])
	wantEqual(t, "AllUnverifiedContacts, end", must(r.AllUnverifiedContacts(ctx, index, other, 1))(t), all[2:])

	found := must(r.Users(ctx, store.UserQuery{Page: cardinal.Page{Limit: 10}, Unverified: index}))(t).Users
	if len(found) != 2 || found[0].ID != user || found[1].ID != other {
		t.Errorf("users who typed the address: %v", found)
	}
	services := store.UserQuery{Page: cardinal.Page{Limit: 10}, Unverified: index, Kind: "service"}
	found = must(r.Users(ctx, services))(t).Users
	if len(found) != 0 {
		t.Errorf("services who typed the address: %v", found)
	}
	first.ValueIndex, first.VerifiedAt = nil, ptr(baseTime.Add(time.Minute))
	got := inTx(t, s, func(tx store.Tx) (store.ContactRecord, error) {
		return tx.UpdateContact(ctx, first, baseTime.Add(time.Hour))
	})
	if got.ValueIndex != nil || got.VerifiedAt == nil {
		t.Errorf("the verified contact: %+v", got)
	}
	wantEqual(t, "UnverifiedContacts after the verification", must(r.UnverifiedContacts(ctx, index, 10))(t),
		[]store.ContactRecord{second})
}
