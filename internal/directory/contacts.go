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

// newContact is a contact on its way in, checked and in its normal form.
type newContact struct {
	kind, typed, normal string
	primary, verified   bool
	free                bool // its claim can be made: makeWay was called
}

// addContact adds a contact and its claim to a user whose row is locked or new.
func (c *changing) addContact(ctx context.Context, userID uuid.UUID, key seal.Key, new newContact, s settings) (store.ContactRecord, error) {
	record := store.ContactRecord{UserID: userID, ID: cardinal.NewID(), Kind: new.kind, IsPrimary: new.primary, CreatedAt: c.now, UpdatedAt: c.now, Version: 1, SchemaVersion: 1}
	record.ValueSealed = sealText(key, "contacts", "value_sealed", userID, asTyped(new.typed, new.normal, maxTypedContact))
	if new.verified {
		record.VerifiedAt = &c.now
	}
	want := claim{userID: userID, contactID: &record.ID, kind: new.kind, normal: new.normal, proved: new.verified, settings: s}
	if !new.free {
		if err := c.makeWay(ctx, want); err != nil {
			return record, err
		}
	}
	if err := c.InsertContact(ctx, record); err != nil {
		return record, err
	}
	c.wrote(store.StampContact(record))
	c.masked("contacts.value_sealed")
	c.unfound[userID] = true
	return record, c.take(ctx, want)
}

// openContact opens a stored contact.
func openContact(r store.ContactRecord, key seal.Key) (cardinal.Contact, error) {
	value, err := openText(key, "contacts", "value_sealed", r.UserID, r.ValueSealed)
	return cardinal.Contact{UserID: r.UserID, ID: r.ID, Kind: r.Kind, Value: value, IsPrimary: r.IsPrimary, VerifiedAt: r.VerifiedAt,
		CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt, Version: r.Version}, err
}

// Contacts returns all contacts of a user, oldest first.
func (k Desk) Contacts(ctx context.Context, userID uuid.UUID) ([]cardinal.Contact, error) {
	r, err := k.read(ctx, rule{permission: "users.read", subject: userID, own: true})
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
	key, err := k.d.userKey(ctx, r, userID)
	if err != nil {
		return nil, err
	}
	out := make([]cardinal.Contact, len(records))
	for i, record := range records {
		if out[i], err = openContact(record, key); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// ContactsOf returns the contacts of several users, the oldest of each user first, with two statements for every 500 users. A user
// without contacts, and an id that is no user, has no entry.
func (k Desk) ContactsOf(ctx context.Context, userIDs []uuid.UUID) (map[uuid.UUID][]cardinal.Contact, error) {
	r, err := k.read(ctx, rule{permission: "users.read"})
	if err != nil {
		return nil, err
	}
	contacts := make(map[uuid.UUID][]cardinal.Contact, len(userIDs))
	for ids := range slices.Chunk(uniqueIDs(userIDs), batch) {
		records, err := r.ContactsAmong(ctx, ids)
		if err != nil {
			return nil, err
		}
		keys, err := k.d.userKeys(ctx, r, ids)
		if err != nil {
			return nil, err
		}
		for _, record := range records {
			contact, err := openContact(record, keys[record.UserID])
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
	r, err := k.read(ctx, rule{permission: "users.read", subject: userID, own: true})
	if err != nil {
		return cardinal.Contact{}, err
	}
	record, err := r.Contact(ctx, userID, id)
	if err != nil {
		return cardinal.Contact{}, err
	}
	key, err := k.d.userKey(ctx, r, userID)
	if err != nil {
		return cardinal.Contact{}, err
	}
	return openContact(record, key)
}

// AddContact adds an e-mail address or a telephone number. Only somebody with the permission can vouch for it.
func (k Desk) AddContact(ctx context.Context, userID uuid.UUID, in cardinal.NewContact) (cardinal.Contact, error) {
	r := rule{action: "contact.add", permission: "contacts.update", subject: userID, own: !in.Verified}
	return change(ctx, k, r, func(c *changing) (cardinal.Contact, error) {
		var check input
		if !slices.Contains(k.d.contactKinds, in.Kind) {
			check.Add("/kind", "contact_kind_unknown", strings.Join(k.d.contactKinds, ", "))
		}
		value := check.contact("/value", in.Kind, in.Value)
		if err := check.Err(); err != nil {
			return cardinal.Contact{}, err
		}
		user, err := c.UserForChange(ctx, userID) // one at a time: the bound and the primary one are rules over all contacts
		if err != nil {
			return cardinal.Contact{}, err
		}
		if err := c.mayTouch(ctx, userID); err != nil {
			return cardinal.Contact{}, err
		}
		if !k.d.kinds[user.Kind].CanSignIn || k.d.statuses[user.Status].IsDeleted {
			return cardinal.Contact{}, cardinal.Refuse("status_not_allowed", user.Status)
		}
		there, err := c.Contacts(ctx, userID)
		if err != nil {
			return cardinal.Contact{}, err
		}
		if len(there) >= cardinal.MaxContacts {
			return cardinal.Contact{}, cardinal.Refuse("too_many_contacts", cardinal.MaxContacts)
		}
		first := !slices.ContainsFunc(there, func(r store.ContactRecord) bool { return r.Kind == in.Kind })
		if in.IsPrimary && !first {
			if err := c.demote(ctx, there, in.Kind); err != nil {
				return cardinal.Contact{}, err
			}
		}
		key, err := k.d.userKey(ctx, c.Reader, userID)
		if err != nil {
			return cardinal.Contact{}, err
		}
		s, err := k.d.settings(ctx, c.Reader)
		if err != nil {
			return cardinal.Contact{}, err
		}
		record, err := c.addContact(ctx, userID, key, newContact{kind: in.Kind, typed: in.Value, normal: value, primary: in.IsPrimary || first, verified: in.Verified}, s)
		if err != nil {
			return cardinal.Contact{}, err
		}
		c.changed("contacts.kind", nil, record.Kind)
		if in.Verified {
			if err := c.activate(ctx, userID); err != nil {
				return cardinal.Contact{}, err
			}
		}
		return openContact(record, key)
	})
}

// demote takes the place of the primary contact of a kind away.
func (c *changing) demote(ctx context.Context, there []store.ContactRecord, kind string) error {
	for _, record := range there {
		if record.Kind != kind || !record.IsPrimary {
			continue
		}
		record.IsPrimary = false
		after, err := c.Tx.UpdateContact(ctx, record, c.now)
		if err != nil {
			return err
		}
		c.wrote(store.StampContact(after))
	}
	return nil
}

// activate makes a pending user active once a contact of theirs is proved.
func (c *changing) activate(ctx context.Context, userID uuid.UUID) error {
	user, err := c.User(ctx, userID)
	if err != nil {
		return err
	}
	after, err := c.SetUserStatus(ctx, userID, user.Version, "activate", c.now)
	if isNotFound(err) {
		return nil // not one that waits for it
	}
	if err != nil {
		return err
	}
	c.wrote(store.StampUser(after))
	c.changed("users.status", user.Status, after.Status)
	return nil
}

// UpdateContact makes a contact the primary one of its kind, or vouches for it.
func (k Desk) UpdateContact(ctx context.Context, userID, id uuid.UUID, version int64, in cardinal.ContactChange) (cardinal.Contact, error) {
	r := rule{action: "contact.update", permission: "contacts.update", subject: userID, own: !in.Verified.Present()}
	return change(ctx, k, r, func(c *changing) (cardinal.Contact, error) {
		if _, err := c.UserForChange(ctx, userID); err != nil {
			return cardinal.Contact{}, err
		}
		if err := c.mayTouch(ctx, userID); err != nil {
			return cardinal.Contact{}, err
		}
		record, err := c.ContactForChange(ctx, userID, id)
		if err != nil {
			return cardinal.Contact{}, err
		}
		if err := fresh(record.Version, version); err != nil {
			return cardinal.Contact{}, err
		}
		var check input
		for _, field := range []struct {
			pointer string
			in      cardinal.Change[bool]
		}{{"/is_primary", in.IsPrimary}, {"/verified", in.Verified}} {
			if field.in.Present() && !or(field.in.Value(), false) {
				check.Add(field.pointer, "must_be_true")
			}
		}
		if err := check.Err(); err != nil {
			return cardinal.Contact{}, err
		}
		key, err := k.d.userKey(ctx, c.Reader, userID)
		if err != nil {
			return cardinal.Contact{}, err
		}
		primary, verify := in.IsPrimary.Present() && !record.IsPrimary, in.Verified.Present() && record.VerifiedAt == nil
		if !primary && !verify {
			return openContact(record, key)
		}
		if primary {
			there, err := c.Contacts(ctx, userID)
			if err != nil {
				return cardinal.Contact{}, err
			}
			if err := c.demote(ctx, there, record.Kind); err != nil {
				return cardinal.Contact{}, err
			}
			record.IsPrimary = true
			c.changed("contacts.is_primary", false, true)
		}
		if verify {
			record.VerifiedAt = &c.now
			proved, err := c.ProveIdentifier(ctx, userID, id)
			if err != nil {
				return cardinal.Contact{}, err
			}
			c.wrote(store.StampIdentifier(proved))
			c.changed("contacts.verified_at", nil, c.now)
		}
		after, err := c.Tx.UpdateContact(ctx, record, c.now)
		if err != nil {
			return cardinal.Contact{}, err
		}
		c.wrote(store.StampContact(after))
		if verify {
			if err := c.activate(ctx, userID); err != nil {
				return cardinal.Contact{}, err
			}
		}
		return openContact(after, key)
	})
}

// RemoveContact removes a contact, but not the last way in. When it was the primary one, the oldest of its kind takes its place.
func (k Desk) RemoveContact(ctx context.Context, userID, id uuid.UUID, version int64) error {
	r := rule{action: "contact.remove", permission: "contacts.update", subject: userID, own: true}
	_, err := change(ctx, k, r, func(c *changing) (struct{}, error) {
		if _, err := c.UserForChange(ctx, userID); err != nil {
			return struct{}{}, err
		}
		if err := c.mayTouch(ctx, userID); err != nil {
			return struct{}{}, err
		}
		record, err := c.ContactForChange(ctx, userID, id)
		if err != nil {
			return struct{}{}, err
		}
		if err := fresh(record.Version, version); err != nil {
			return struct{}{}, err
		}
		claims, err := c.Identifiers(ctx, userID)
		if err != nil {
			return struct{}{}, err
		}
		var index []byte
		for _, held := range claims {
			if held.ContactID != nil && *held.ContactID == id {
				index = held.ValueIndex
			}
		}
		if err := c.removeContact(ctx, userID, id, index); err != nil {
			return struct{}{}, err
		}
		return struct{}{}, c.keepWayIn(ctx, userID)
	})
	return err
}

// removeContact removes a contact with its claim and lets the next of its kind be the primary one.
func (c *changing) removeContact(ctx context.Context, userID, id uuid.UUID, index []byte) error {
	there, err := c.Contacts(ctx, userID)
	if err != nil {
		return err
	}
	if err := c.DeleteContact(ctx, userID, id); err != nil {
		return err
	}
	c.wrote(store.Gone("contacts", userID, id))
	c.unfound[userID] = true
	if index != nil {
		c.wrote(store.GoneIdentifier(index))
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
		after, err := c.Tx.UpdateContact(ctx, next, c.now)
		if err != nil {
			return err
		}
		c.wrote(store.StampContact(after))
		break
	}
	return nil
}
