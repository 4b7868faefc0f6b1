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

// contactInput is a contact on its way in, checked and in its normal form.
type contactInput struct {
	kind, typed, normal string
	primary, verified   bool
	released            bool // its claim can be made: makeWay was called
}

// addContact adds a contact and its claim to a user whose row is locked or new.
func (tx *Tx) addContact(ctx context.Context, userID uuid.UUID, key seal.Key, new contactInput, s Settings) (store.ContactRecord, error) {
	record := store.ContactRecord{UserID: userID, ID: cardinal.NewID(), Kind: new.kind, IsPrimary: new.primary, CreatedAt: tx.Now, UpdatedAt: tx.Now, Version: 1, SchemaVersion: 1}
	record.ValueSealed = EncryptText(key, "contacts", "value_sealed", userID, AsTyped(new.typed, new.normal, MaxTypedContact))
	if new.verified {
		record.VerifiedAt = &tx.Now
	}
	want := identifierClaim{userID: userID, contactID: &record.ID, kind: new.kind, normal: new.normal, verified: new.verified, settings: s}
	if !new.released {
		if err := tx.releaseIfAllowed(ctx, want); err != nil {
			return record, err
		}
	}
	if err := tx.InsertContact(ctx, record); err != nil {
		return record, err
	}
	tx.RecordRows(store.StampContact(record))
	tx.RecordMasked("contacts.value_sealed")
	tx.reindexUsers[userID] = true
	return record, tx.insertIdentifier(ctx, want)
}

// DecryptContact opens a stored contact.
func DecryptContact(r store.ContactRecord, key seal.Key) (cardinal.Contact, error) {
	value, err := decryptText(key, "contacts", "value_sealed", r.UserID, r.ValueSealed)
	return cardinal.Contact{UserID: r.UserID, ID: r.ID, Kind: r.Kind, Value: value, IsPrimary: r.IsPrimary, VerifiedAt: r.VerifiedAt,
		CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt, Version: r.Version}, err
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
	key, err := k.d.UserKey(ctx, r, userID)
	if err != nil {
		return nil, err
	}
	out := make([]cardinal.Contact, len(records))
	for i, record := range records {
		if out[i], err = DecryptContact(record, key); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// ContactsOf returns the contacts of several users, the oldest of each user first, with two statements for every 500 users. A user
// without contacts, and an id that is no user, has no entry.
func (k Desk) ContactsOf(ctx context.Context, userIDs []uuid.UUID) (map[uuid.UUID][]cardinal.Contact, error) {
	r, err := k.Read(ctx, Rule{Permission: "users.read"})
	if err != nil {
		return nil, err
	}
	contacts := make(map[uuid.UUID][]cardinal.Contact, len(userIDs))
	for ids := range slices.Chunk(uniqueIDs(userIDs), BatchSize) {
		records, err := r.ContactsAmong(ctx, ids)
		if err != nil {
			return nil, err
		}
		keys, err := k.d.userKeys(ctx, r, ids)
		if err != nil {
			return nil, err
		}
		for _, record := range records {
			contact, err := DecryptContact(record, keys[record.UserID])
			if err != nil {
				return nil, err
			}
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
	key, err := k.d.UserKey(ctx, r, userID)
	if err != nil {
		return cardinal.Contact{}, err
	}
	return DecryptContact(record, key)
}

// AddContact adds an e-mail address or a telephone number. Only somebody with the permission can vouch for it.
func (k Desk) AddContact(ctx context.Context, userID uuid.UUID, in cardinal.NewContact) (cardinal.Contact, error) {
	r := Rule{Action: "contact.add", Permission: "contacts.update", Subject: userID, Own: !in.Verified}
	return Change(ctx, k, r, func(tx *Tx) (cardinal.Contact, error) {
		var check Input
		if !slices.Contains(k.d.contactKinds, in.Kind) {
			check.Add("/kind", "contact_kind_unknown", strings.Join(k.d.contactKinds, ", "))
		}
		value := check.Contact("/value", in.Kind, in.Value)
		if err := check.Err(); err != nil {
			return cardinal.Contact{}, err
		}
		user, err := tx.UserForChange(ctx, userID) // one at a time: the bound and the primary one are rules over all contacts
		if err != nil {
			return cardinal.Contact{}, err
		}
		if err := tx.RequireAllPermissionsOf(ctx, userID); err != nil {
			return cardinal.Contact{}, err
		}
		if !k.d.kinds[user.Kind].CanSignIn || k.d.statuses[user.Status].IsDeleted {
			return cardinal.Contact{}, cardinal.Refuse("status_not_allowed", user.Status)
		}
		there, err := tx.Contacts(ctx, userID)
		if err != nil {
			return cardinal.Contact{}, err
		}
		if len(there) >= cardinal.MaxContacts {
			return cardinal.Contact{}, cardinal.Refuse("too_many_contacts", cardinal.MaxContacts)
		}
		first := !slices.ContainsFunc(there, func(r store.ContactRecord) bool { return r.Kind == in.Kind })
		if in.IsPrimary && !first {
			if err := tx.clearPrimary(ctx, there, in.Kind); err != nil {
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
		record, err := tx.addContact(ctx, userID, key, contactInput{kind: in.Kind, typed: in.Value, normal: value, primary: in.IsPrimary || first, verified: in.Verified}, s)
		if err != nil {
			return cardinal.Contact{}, err
		}
		tx.RecordChange("contacts.kind", nil, record.Kind)
		if in.Verified {
			if err := tx.activate(ctx, userID); err != nil {
				return cardinal.Contact{}, err
			}
		}
		return DecryptContact(record, key)
	})
}

// clearPrimary takes the place of the primary contact of a kind away.
func (tx *Tx) clearPrimary(ctx context.Context, there []store.ContactRecord, kind string) error {
	for _, record := range there {
		if record.Kind != kind || !record.IsPrimary {
			continue
		}
		record.IsPrimary = false
		after, err := tx.Tx.UpdateContact(ctx, record, tx.Now)
		if err != nil {
			return err
		}
		tx.RecordRows(store.StampContact(after))
	}
	return nil
}

// activate makes a pending user active once a contact of theirs is proved.
func (tx *Tx) activate(ctx context.Context, userID uuid.UUID) error {
	user, err := tx.User(ctx, userID)
	if err != nil {
		return err
	}
	after, err := tx.SetUserStatus(ctx, userID, user.Version, "activate", tx.Now)
	if isNotFound(err) {
		return nil // not one that waits for it
	}
	if err != nil {
		return err
	}
	tx.RecordRows(store.StampUser(after))
	tx.RecordChange("users.status", user.Status, after.Status)
	return nil
}

// UpdateContact makes a contact the primary one of its kind, or vouches for it.
func (k Desk) UpdateContact(ctx context.Context, userID, id uuid.UUID, version int64, in cardinal.ContactChange) (cardinal.Contact, error) {
	r := Rule{Action: "contact.update", Permission: "contacts.update", Subject: userID, Own: !in.Verified.Present()}
	return Change(ctx, k, r, func(tx *Tx) (cardinal.Contact, error) {
		if _, err := tx.UserForChange(ctx, userID); err != nil {
			return cardinal.Contact{}, err
		}
		if err := tx.RequireAllPermissionsOf(ctx, userID); err != nil {
			return cardinal.Contact{}, err
		}
		record, err := tx.ContactForChange(ctx, userID, id)
		if err != nil {
			return cardinal.Contact{}, err
		}
		if err := CheckVersion(record.Version, version); err != nil {
			return cardinal.Contact{}, err
		}
		var check Input
		for _, field := range []struct {
			pointer string
			in      cardinal.Change[bool]
		}{{"/is_primary", in.IsPrimary}, {"/verified", in.Verified}} {
			if field.in.Present() && !valueOr(field.in.Value(), false) {
				check.Add(field.pointer, "must_be_true")
			}
		}
		if err := check.Err(); err != nil {
			return cardinal.Contact{}, err
		}
		key, err := k.d.UserKey(ctx, tx.Reader, userID)
		if err != nil {
			return cardinal.Contact{}, err
		}
		primary, verify := in.IsPrimary.Present() && !record.IsPrimary, in.Verified.Present() && record.VerifiedAt == nil
		if !primary && !verify {
			return DecryptContact(record, key)
		}
		if primary {
			there, err := tx.Contacts(ctx, userID)
			if err != nil {
				return cardinal.Contact{}, err
			}
			if err := tx.clearPrimary(ctx, there, record.Kind); err != nil {
				return cardinal.Contact{}, err
			}
			record.IsPrimary = true
			tx.RecordChange("contacts.is_primary", false, true)
		}
		if verify {
			record.VerifiedAt = &tx.Now
			proved, err := tx.ProveIdentifier(ctx, userID, id)
			if err != nil {
				return cardinal.Contact{}, err
			}
			tx.RecordRows(store.StampIdentifier(proved))
			tx.RecordChange("contacts.verified_at", nil, tx.Now)
		}
		after, err := tx.Tx.UpdateContact(ctx, record, tx.Now)
		if err != nil {
			return cardinal.Contact{}, err
		}
		tx.RecordRows(store.StampContact(after))
		if verify {
			if err := tx.activate(ctx, userID); err != nil {
				return cardinal.Contact{}, err
			}
		}
		return DecryptContact(after, key)
	})
}

// RemoveContact removes a contact, but not the last way in. When it was the primary one, the oldest of its kind takes its place.
func (k Desk) RemoveContact(ctx context.Context, userID, id uuid.UUID, version int64) error {
	r := Rule{Action: "contact.remove", Permission: "contacts.update", Subject: userID, Own: true}
	_, err := Change(ctx, k, r, func(tx *Tx) (struct{}, error) {
		if _, err := tx.UserForChange(ctx, userID); err != nil {
			return struct{}{}, err
		}
		if err := tx.RequireAllPermissionsOf(ctx, userID); err != nil {
			return struct{}{}, err
		}
		record, err := tx.ContactForChange(ctx, userID, id)
		if err != nil {
			return struct{}{}, err
		}
		if err := CheckVersion(record.Version, version); err != nil {
			return struct{}{}, err
		}
		claims, err := tx.Identifiers(ctx, userID)
		if err != nil {
			return struct{}{}, err
		}
		var index []byte
		for _, held := range claims {
			if held.ContactID != nil && *held.ContactID == id {
				index = held.ValueIndex
			}
		}
		if err := tx.removeContact(ctx, userID, id, index); err != nil {
			return struct{}{}, err
		}
		return struct{}{}, tx.requireSignInIdentifier(ctx, userID)
	})
	return err
}

// removeContact removes a contact with its claim and lets the next of its kind be the primary one.
func (tx *Tx) removeContact(ctx context.Context, userID, id uuid.UUID, index []byte) error {
	there, err := tx.Contacts(ctx, userID)
	if err != nil {
		return err
	}
	if err := tx.DeleteContact(ctx, userID, id); err != nil {
		return err
	}
	tx.RecordRows(store.Gone("contacts", userID, id))
	tx.reindexUsers[userID] = true
	if index != nil {
		tx.RecordRows(store.GoneIdentifier(index))
	}
	at := slices.IndexFunc(there, func(r store.ContactRecord) bool { return r.ID == id })
	if at < 0 || !there[at].IsPrimary {
		return nil
	}
	for _, next := range there {
		if next.ID == id || next.Kind != there[at].Kind {
			continue
		}
		next.IsPrimary = true
		after, err := tx.Tx.UpdateContact(ctx, next, tx.Now)
		if err != nil {
			return err
		}
		tx.RecordRows(store.StampContact(after))
		break
	}
	return nil
}
