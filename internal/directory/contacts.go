package directory

import (
	"bytes"
	"context"
	"slices"
	"strings"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/seal"
	"cardinal/internal/store"
)

// contactInput is a new contact that was checked, with its normal form.
type contactInput struct {
	kind, typed, normal string
	primary, verified   bool
	givenBy             string
	released            bool // releaseIfAllowed was called: the identifier is free
}

// claim is the claim of a contact on its identifier. contactID is nil while the contact has none.
func (in contactInput) claim(d *Directory, userID uuid.UUID, contactID *uuid.UUID) identifierClaim {
	index := d.keys.BlindIndex(in.kind, in.normal)
	return identifierClaim{userID: userID, contactID: contactID, index: index, verified: in.verified}
}

// addContact adds a contact to a user whose row is locked or new. It claims the identifier, unless the user typed it
// and it is not verified.
func (tx *Tx) addContact(
	ctx context.Context, userID uuid.UUID, key seal.Key, in contactInput,
) (store.ContactRecord, error) {
	value := AsTyped(in.typed, in.normal, MaxTypedContact)
	record := store.ContactRecord{
		UserID: userID, ID: cardinal.NewID(), Kind: in.kind, IsPrimary: in.primary,
		CreatedAt: tx.Now, UpdatedAt: tx.Now, Version: 1, SchemaVersion: 1, GivenBy: in.givenBy,
	}
	row, err := tx.Desk.d.BoundRow(ctx, tx.Reader, record.ID)
	if err != nil {
		return record, err
	}
	record.ValueSealed = EncryptText(key, "contacts", "value_sealed", userID, row, value)
	if in.verified {
		record.VerifiedAt = &tx.Now
	}
	want, reserves := in.claim(tx.Desk.d, userID, &record.ID), reservesIdentifier(in.givenBy, in.verified)
	if !reserves {
		record.ValueIndex = want.index
	} else if !in.released {
		if err := tx.releaseIfAllowed(ctx, want); err != nil {
			return record, err
		}
	}
	if err := tx.InsertContact(ctx, record); err != nil {
		return record, err
	}
	tx.RecordRows(store.DigestContact(record))
	tx.RecordMasked("contacts.value_sealed")
	tx.reindexUsers[userID] = true
	if !reserves {
		return record, nil
	}
	return record, tx.insertIdentifier(ctx, want)
}

// requireNewContact refuses a contact that the user has already, and more contacts than a user can have. What other
// users have plays no part.
func (tx *Tx) requireNewContact(
	ctx context.Context, current []store.ContactRecord, want identifierClaim, reserves bool,
) error {
	unverified := 0
	for _, c := range current {
		if c.ValueIndex != nil {
			unverified++
		}
		if bytes.Equal(c.ValueIndex, want.index) {
			return cardinal.Refuse("identifier_already_yours")
		}
	}
	claim, err := tx.Identifier(ctx, want.index)
	switch {
	case err == nil && claim.UserID == want.userID:
		return cardinal.Refuse("identifier_already_yours")
	case err != nil && !isNotFound(err):
		return err
	case len(current) >= cardinal.MaxContacts:
		return cardinal.Refuse("too_many_contacts", cardinal.MaxContacts)
	case !reserves && unverified >= cardinal.MaxUnverifiedContacts:
		return cardinal.Refuse("too_many_unverified_contacts", cardinal.MaxUnverifiedContacts)
	}
	return nil
}

// DecryptContact returns the contact of a record.
func (d *Directory) DecryptContact(r store.ContactRecord, key seal.Key) cardinal.Contact {
	values := d.RowReader(key, "contacts", r.UserID, r.ID)
	return cardinal.Contact{
		UserID: r.UserID, ID: r.ID, Kind: r.Kind, Value: values.Text("value_sealed", "value", r.ValueSealed),
		IsPrimary: r.IsPrimary, Verified: r.VerifiedAt != nil, VerifiedAt: r.VerifiedAt, GivenBy: r.GivenBy,
		CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt, Version: r.Version, Unreadable: values.Unreadable,
	}
}

// Contacts returns all contacts of a user, oldest first.
func (k Desk) Contacts(ctx context.Context, userID uuid.UUID) ([]cardinal.Contact, error) {
	r, err := k.Read(ctx, Rule{Permission: "users.read", Subject: userID, Own: true})
	if err != nil {
		return nil, err
	}
	if _, err := r.User(ctx, userID); err != nil {
		return nil, err
	}
	records, err := r.Contacts(ctx, userID)
	if err != nil || len(records) == 0 {
		return []cardinal.Contact{}, err
	}
	key, err := k.d.readingKey(ctx, r, userID)
	if err != nil {
		return nil, err
	}
	out := make([]cardinal.Contact, len(records))
	for i, record := range records {
		out[i] = k.d.DecryptContact(record, key)
	}
	return out, nil
}

// ContactsOf returns the contacts of several users, the oldest of each user first, with two statements for every 500
// users. A user without contacts, and an unknown id, has no entry.
func (k Desk) ContactsOf(ctx context.Context, userIDs []uuid.UUID) (map[uuid.UUID][]cardinal.Contact, error) {
	r, err := k.Read(ctx, Rule{Permission: "users.read"})
	if err != nil {
		return nil, err
	}
	contacts := make(map[uuid.UUID][]cardinal.Contact, len(userIDs))
	for ids := range slices.Chunk(UniqueIDs(userIDs), BatchSize) {
		records, err := r.ContactsOfUsers(ctx, ids)
		if err != nil {
			return nil, err
		}
		keys, err := k.d.ReadingKeys(ctx, r, ids)
		if err != nil {
			return nil, err
		}
		for _, record := range records {
			contact := k.d.DecryptContact(record, keys[record.UserID])
			contacts[record.UserID] = append(contacts[record.UserID], contact)
		}
	}
	return contacts, nil
}

// Contact returns one contact of a user.
func (k Desk) Contact(ctx context.Context, userID, id uuid.UUID) (cardinal.Contact, error) {
	r, err := k.Read(ctx, Rule{Permission: "users.read", Subject: userID, Own: true})
	if err != nil {
		return cardinal.Contact{}, err
	}
	record, err := r.Contact(ctx, userID, id)
	if err != nil {
		return cardinal.Contact{}, err
	}
	key, err := k.d.readingKey(ctx, r, userID)
	if err != nil {
		return cardinal.Contact{}, err
	}
	return k.d.DecryptContact(record, key), nil
}

// AddContact adds an email address or a phone number. Users can add their own; to mark it as verified needs the
// permission, and contacts.verify. What a user adds is the same whether another user has it or not, and so is the
// answer.
func (k Desk) AddContact(ctx context.Context, userID uuid.UUID, in cardinal.NewContact) (cardinal.Contact, error) {
	r := Rule{
		Action: "contact.add", Permission: "contacts.update", Subject: userID, Own: !in.Verified, RecentSignIn: true,
	}
	if k.actsForItself(userID) {
		if err := k.countIdentifierChange(ctx, "contact"); err != nil {
			return cardinal.Contact{}, err
		}
	}
	return Change(ctx, k, r, func(tx *Tx) (cardinal.Contact, error) {
		if in.Verified {
			if err := tx.RequirePermission(ctx, "contacts.verify"); err != nil {
				return cardinal.Contact{}, err
			}
		}
		var check Input
		var value string
		if slices.Contains(k.d.contactKinds, in.Kind) {
			value = check.Contact("/value", in.Kind, in.Value)
		} else {
			check.Add("/kind", "contact_kind_unknown", strings.Join(k.d.contactKinds, ", "))
		}
		if err := check.Err(); err != nil {
			return cardinal.Contact{}, err
		}
		// The user is locked, because the limit and the primary contact are rules about all contacts of the user.
		user, err := tx.LockUser(ctx, userID)
		if err != nil {
			return cardinal.Contact{}, err
		}
		if err := tx.RequireAllPermissionsOf(ctx, userID); err != nil {
			return cardinal.Contact{}, err
		}
		if !k.d.kinds[user.Kind].CanSignIn || k.d.statuses[user.Status].IsDeleted {
			return cardinal.Contact{}, cardinal.Refuse("status_not_allowed", user.Status)
		}
		current, err := tx.Contacts(ctx, userID)
		if err != nil {
			return cardinal.Contact{}, err
		}
		first := !slices.ContainsFunc(current, func(r store.ContactRecord) bool { return r.Kind == in.Kind })
		input := contactInput{
			kind: in.Kind, typed: in.Value, normal: value, primary: in.IsPrimary || first, verified: in.Verified,
			givenBy: k.givenBy(userID),
		}
		reserves := reservesIdentifier(input.givenBy, in.Verified)
		if err := tx.requireNewContact(ctx, current, input.claim(k.d, userID, nil), reserves); err != nil {
			return cardinal.Contact{}, err
		}
		if in.IsPrimary && !first {
			if err := tx.clearPrimary(ctx, current, in.Kind); err != nil {
				return cardinal.Contact{}, err
			}
		}
		key, err := k.d.UserKey(ctx, tx.Reader, userID)
		if err != nil {
			return cardinal.Contact{}, err
		}
		record, err := tx.addContact(ctx, userID, key, input)
		if err != nil {
			return cardinal.Contact{}, err
		}
		tx.RecordChange("contacts.kind", nil, record.Kind)
		out := k.d.DecryptContact(record, key)
		if !in.Verified {
			return out, nil
		}
		if out.Removed, err = tx.removeCreatorsAccess(ctx, user, current, in.PasswordConfirmed); err != nil {
			return out, err
		}
		return out, tx.activate(ctx, userID)
	})
}

// clearPrimary makes the primary contact of a kind an ordinary one.
func (tx *Tx) clearPrimary(ctx context.Context, contacts []store.ContactRecord, kind string) error {
	for _, record := range contacts {
		if record.Kind != kind || !record.IsPrimary {
			continue
		}
		record.IsPrimary = false
		after, err := tx.Tx.UpdateContact(ctx, record, tx.Now)
		if err != nil {
			return err
		}
		tx.RecordRows(store.DigestContact(after))
	}
	return nil
}

// activate makes a user active who waited for a verified contact.
func (tx *Tx) activate(ctx context.Context, userID uuid.UUID) error {
	user, err := tx.User(ctx, userID)
	if err != nil {
		return err
	}
	after, err := tx.ChangeUserStatus(ctx, userID, user.Version, "activate", tx.Now)
	if isNotFound(err) {
		return nil // the status has no such transition: the user does not wait
	}
	if err != nil {
		return err
	}
	tx.RecordRows(store.DigestUser(after))
	tx.RecordChange("users.status", user.Status, after.Status)
	return nil
}

// lockContact locks a user and one contact for a change, and checks the contact's version.
func (tx *Tx) lockContact(
	ctx context.Context, userID, id uuid.UUID, version int64,
) (user store.UserRecord, record store.ContactRecord, err error) {
	if user, err = tx.LockUser(ctx, userID); err != nil {
		return user, record, err
	}
	if err := tx.RequireAllPermissionsOf(ctx, userID); err != nil {
		return user, record, err
	}
	if record, err = tx.LockContact(ctx, userID, id); err != nil {
		return user, record, err
	}
	return user, record, CheckVersion(record.Version, version)
}

// verifyContact marks a contact as verified, with a claim on its identifier. The caller stores the record.
func (tx *Tx) verifyContact(ctx context.Context, record *store.ContactRecord) error {
	if record.ValueIndex != nil {
		want := identifierClaim{
			userID: record.UserID, contactID: &record.ID, index: record.ValueIndex, verified: true,
		}
		// Until the contraction of migration 15, an address that the version before added has its claim already.
		if claim, err := tx.Identifier(ctx, want.index); err != nil && !isNotFound(err) {
			return err
		} else if err != nil || claim.UserID != record.UserID {
			if err := tx.claimIdentifier(ctx, want); err != nil {
				return err
			}
		}
	}
	record.VerifiedAt, record.ValueIndex = &tx.Now, nil
	tx.RecordChange("contacts.verified_at", nil, tx.Now)
	return nil
}

// UpdateContact makes a contact the primary one of its kind, or marks it as verified.
func (k Desk) UpdateContact(
	ctx context.Context, userID, id uuid.UUID, version int64, in cardinal.ContactChange,
) (cardinal.Contact, error) {
	r := Rule{
		Action: "contact.update", Permission: "contacts.update", Subject: userID, Own: !in.Verified.Present(),
		RecentSignIn: true,
	}
	return Change(ctx, k, r, func(tx *Tx) (cardinal.Contact, error) {
		if in.Verified.Present() {
			if err := tx.RequirePermission(ctx, "contacts.verify"); err != nil {
				return cardinal.Contact{}, err
			}
		}
		user, record, err := tx.lockContact(ctx, userID, id, version)
		if err != nil {
			return cardinal.Contact{}, err
		}
		if err := checkContactChange(in); err != nil {
			return cardinal.Contact{}, err
		}
		key, err := k.d.readingKey(ctx, tx.Reader, userID)
		if err != nil {
			return cardinal.Contact{}, err
		}
		primary := in.IsPrimary.Present() && !record.IsPrimary
		verify := in.Verified.Present() && record.VerifiedAt == nil
		if !primary && !verify {
			return k.d.DecryptContact(record, key), nil
		}
		contacts, err := tx.Contacts(ctx, userID)
		if err != nil {
			return cardinal.Contact{}, err
		}
		if primary {
			if err := tx.clearPrimary(ctx, contacts, record.Kind); err != nil {
				return cardinal.Contact{}, err
			}
			record.IsPrimary = true
			tx.RecordChange("contacts.is_primary", false, true)
		}
		if verify {
			if err := tx.verifyContact(ctx, &record); err != nil {
				return cardinal.Contact{}, err
			}
		}
		after, err := tx.Tx.UpdateContact(ctx, record, tx.Now)
		if err != nil {
			return cardinal.Contact{}, err
		}
		tx.RecordRows(store.DigestContact(after))
		out := k.d.DecryptContact(after, key)
		if !verify {
			return out, nil
		}
		if out.Removed, err = tx.removeCreatorsAccess(ctx, user, contacts, in.PasswordConfirmed); err != nil {
			return out, err
		}
		return out, tx.activate(ctx, userID)
	})
}

// checkContactChange returns the errors of a change: both fields can be set to true only.
func checkContactChange(in cardinal.ContactChange) error {
	var check Input
	for _, field := range []struct {
		pointer string
		in      cardinal.Change[bool]
	}{{"/is_primary", in.IsPrimary}, {"/verified", in.Verified}} {
		if field.in.Present() && !valueOr(field.in.Value(), false) {
			check.Add(field.pointer, "must_be_true")
		}
	}
	return check.Err()
}

// RemoveContact removes a contact, but not the last identifier to sign in with. When it was the primary contact, the
// oldest other one of its kind becomes primary.
func (k Desk) RemoveContact(ctx context.Context, userID, id uuid.UUID, version int64) error {
	r := Rule{
		Action: "contact.remove", Permission: "contacts.update", Subject: userID, Own: true, RecentSignIn: true,
	}
	_, err := Change(ctx, k, r, func(tx *Tx) (struct{}, error) {
		if _, _, err := tx.lockContact(ctx, userID, id, version); err != nil {
			return struct{}{}, err
		}
		claims, err := tx.Identifiers(ctx, userID)
		if err != nil {
			return struct{}{}, err
		}
		var index []byte
		for _, claim := range claims {
			if claim.ContactID != nil && *claim.ContactID == id {
				index = claim.ValueIndex
			}
		}
		if err := tx.removeContact(ctx, userID, id, index); err != nil || index == nil {
			return struct{}{}, err
		}
		return struct{}{}, tx.requireSignInIdentifier(ctx, userID)
	})
	return err
}

// removeContact removes a contact with its claim. index is the blind index of the claim; nil for none. When the contact
// was the primary one, the oldest other one of its kind becomes primary.
func (tx *Tx) removeContact(ctx context.Context, userID, id uuid.UUID, index []byte) error {
	contacts, err := tx.Contacts(ctx, userID)
	if err != nil {
		return err
	}
	if err := tx.DeleteContact(ctx, userID, id); err != nil {
		return err
	}
	tx.RecordRows(store.DeletedRow("contacts", userID, id))
	tx.reindexUsers[userID] = true
	if index != nil {
		tx.RecordRows(store.DeletedIdentifier(index))
	}
	at := slices.IndexFunc(contacts, func(r store.ContactRecord) bool { return r.ID == id })
	if at < 0 || !contacts[at].IsPrimary {
		return nil
	}
	for _, next := range contacts {
		if next.ID == id || next.Kind != contacts[at].Kind {
			continue
		}
		next.IsPrimary = true
		after, err := tx.Tx.UpdateContact(ctx, next, tx.Now)
		if err != nil {
			return err
		}
		tx.RecordRows(store.DigestContact(after))
		break
	}
	return nil
}
