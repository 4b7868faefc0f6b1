package directory

import (
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
	released            bool // releaseIfAllowed was called: the identifier is free
}

// addContact adds a contact, with the claim on its identifier, to a user whose row is locked or new.
func (tx *Tx) addContact(
	ctx context.Context, userID uuid.UUID, key seal.Key, in contactInput, s Settings,
) (store.ContactRecord, error) {
	value := AsTyped(in.typed, in.normal, MaxTypedContact)
	record := store.ContactRecord{
		UserID: userID, ID: cardinal.NewID(), Kind: in.kind, IsPrimary: in.primary,
		CreatedAt: tx.Now, UpdatedAt: tx.Now, Version: 1, SchemaVersion: 1,
	}
	row, err := tx.Desk.d.BoundRow(ctx, tx.Reader, record.ID)
	if err != nil {
		return record, err
	}
	record.ValueSealed = EncryptText(key, "contacts", "value_sealed", userID, row, value)
	if in.verified {
		record.VerifiedAt = &tx.Now
	}
	want := identifierClaim{
		userID: userID, contactID: &record.ID, kind: in.kind, normal: in.normal, verified: in.verified, settings: s,
	}
	if !in.released {
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
	return record, tx.insertIdentifier(ctx, want)
}

// DecryptContact returns the contact of a record.
func (d *Directory) DecryptContact(r store.ContactRecord, key seal.Key) cardinal.Contact {
	values := d.RowReader(key, "contacts", r.UserID, r.ID)
	return cardinal.Contact{
		UserID: r.UserID, ID: r.ID, Kind: r.Kind, Value: values.Text("value_sealed", "value", r.ValueSealed),
		IsPrimary: r.IsPrimary, VerifiedAt: r.VerifiedAt, CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt,
		Version: r.Version, Unreadable: values.Unreadable,
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
// permission, and contacts.verify.
func (k Desk) AddContact(ctx context.Context, userID uuid.UUID, in cardinal.NewContact) (cardinal.Contact, error) {
	r := Rule{
		Action: "contact.add", Permission: "contacts.update", Subject: userID, Own: !in.Verified, RecentSignIn: true,
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
		if len(current) >= cardinal.MaxContacts {
			return cardinal.Contact{}, cardinal.Refuse("too_many_contacts", cardinal.MaxContacts)
		}
		first := !slices.ContainsFunc(current, func(r store.ContactRecord) bool { return r.Kind == in.Kind })
		if in.IsPrimary && !first {
			if err := tx.clearPrimary(ctx, current, in.Kind); err != nil {
				return cardinal.Contact{}, err
			}
		}
		key, err := k.d.UserKey(ctx, tx.Reader, userID)
		if err != nil {
			return cardinal.Contact{}, err
		}
		s, err := k.d.CurrentSettings(ctx, tx.Reader)
		if err != nil {
			return cardinal.Contact{}, err
		}
		record, err := tx.addContact(ctx, userID, key, contactInput{
			kind: in.Kind, typed: in.Value, normal: value, primary: in.IsPrimary || first, verified: in.Verified,
		}, s)
		if err != nil {
			return cardinal.Contact{}, err
		}
		tx.RecordChange("contacts.kind", nil, record.Kind)
		if in.Verified {
			if err := tx.activate(ctx, userID); err != nil {
				return cardinal.Contact{}, err
			}
		}
		return k.d.DecryptContact(record, key), nil
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
func (tx *Tx) lockContact(ctx context.Context, userID, id uuid.UUID, version int64) (store.ContactRecord, error) {
	if _, err := tx.LockUser(ctx, userID); err != nil {
		return store.ContactRecord{}, err
	}
	if err := tx.RequireAllPermissionsOf(ctx, userID); err != nil {
		return store.ContactRecord{}, err
	}
	record, err := tx.LockContact(ctx, userID, id)
	if err != nil {
		return record, err
	}
	return record, CheckVersion(record.Version, version)
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
		record, err := tx.lockContact(ctx, userID, id, version)
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
		if primary {
			contacts, err := tx.Contacts(ctx, userID)
			if err != nil {
				return cardinal.Contact{}, err
			}
			if err := tx.clearPrimary(ctx, contacts, record.Kind); err != nil {
				return cardinal.Contact{}, err
			}
			record.IsPrimary = true
			tx.RecordChange("contacts.is_primary", false, true)
		}
		if verify {
			record.VerifiedAt = &tx.Now
			claim, err := tx.VerifyIdentifier(ctx, userID, id)
			if err != nil {
				return cardinal.Contact{}, err
			}
			tx.RecordRows(store.DigestIdentifier(claim))
			tx.RecordChange("contacts.verified_at", nil, tx.Now)
		}
		after, err := tx.Tx.UpdateContact(ctx, record, tx.Now)
		if err != nil {
			return cardinal.Contact{}, err
		}
		tx.RecordRows(store.DigestContact(after))
		if verify {
			if err := tx.activate(ctx, userID); err != nil {
				return cardinal.Contact{}, err
			}
		}
		return k.d.DecryptContact(after, key), nil
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
		if _, err := tx.lockContact(ctx, userID, id, version); err != nil {
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
		if err := tx.removeContact(ctx, userID, id, index); err != nil {
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
