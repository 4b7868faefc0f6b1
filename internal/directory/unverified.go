package directory

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/normal"
	"cardinal/internal/store"
)

// actsForItself reports whether the actor is the user itself, with a session: what it gives was typed by the user. A
// caller who signs up is anonymous, and also types for itself.
func (k Desk) actsForItself(userID uuid.UUID) bool {
	return !k.actor.APIKeyID.Valid && (k.actor.UserID == userID || k.actor.UserID == cardinal.AnonymousID)
}

// givenBy returns who gives a contact to a user.
func (k Desk) givenBy(userID uuid.UUID) string {
	if k.actsForItself(userID) {
		return cardinal.GivenByUser
	}
	return cardinal.GivenByAdministrator
}

// reservesIdentifier reports whether a contact is unique and can be used to sign in: it is verified, or it was given
// by another actor than its user.
func reservesIdentifier(givenBy string, verified bool) bool {
	return verified || givenBy != cardinal.GivenByUser
}

// createdByUser reports whether the user created the account: it has a contact that was typed with the account.
func createdByUser(user store.UserRecord, contacts []store.ContactRecord) bool {
	return slices.ContainsFunc(contacts, func(c store.ContactRecord) bool {
		return c.GivenBy == cardinal.GivenByUser && c.CreatedAt.Equal(user.CreatedAt)
	})
}

// removeCreatorsAccess ends the sessions and removes the password of an account that its user created, because another
// actor verifies an address there. A caller who created the account with the address of another person knows the
// password; without this, that person would share the account with the caller (pre-hijacking). confirmed says that the
// actor knows that the owner of the address entered the password. It returns nil when there was nothing to remove.
func (tx *Tx) removeCreatorsAccess(
	ctx context.Context, user store.UserRecord, contacts []store.ContactRecord, confirmed bool,
) (*cardinal.RemovedAccess, error) {
	if confirmed || tx.Desk.actsForItself(user.ID) || !createdByUser(user, contacts) {
		return nil, nil
	}
	var removed cardinal.RemovedAccess
	ended, err := tx.RevokeSessions(ctx, user.ID, uuid.Nil, "address_verified", tx.Now)
	if err != nil {
		return nil, err
	}
	for _, s := range ended {
		tx.RecordRows(store.DigestSession(s))
	}
	if removed.Sessions = len(ended); removed.Sessions > 0 {
		tx.RecordChange("sessions.ended", nil, removed.Sessions)
	}
	switch err := tx.DeleteCredential(ctx, user.ID); {
	case err == nil:
		removed.Password = true
		tx.RecordRows(store.DeletedRow("credentials", user.ID))
		tx.RecordMasked("credentials.hash")
	case !isNotFound(err):
		return nil, err
	}
	if removed == (cardinal.RemovedAccess{}) {
		return nil, nil
	}
	return &removed, nil
}

// maxAddressOwners bounds the list of users who have an address. Many can have typed one.
const maxAddressOwners = 20

// AddressOwners returns who has an email address. If a user has verified it, that is the only one. Otherwise the
// address identifies no user: the list has the user who got it from an administrator or an import, and users who typed
// it, at most 20.
func (k Desk) AddressOwners(ctx context.Context, email string) ([]cardinal.AddressOwner, error) {
	r, err := k.Read(ctx, Rule{Permission: "users.read"})
	if err != nil {
		return nil, err
	}
	var check Input
	index := k.d.keys.BlindIndex(normal.KindEmail, check.Text("/email", email, normal.Email))
	if err := check.Err(); err != nil {
		return nil, err
	}
	var owners []cardinal.AddressOwner
	reserved, err := reservedContact(ctx, r, index)
	if err == nil {
		owners = append(owners, addressOwner(reserved))
	} else if !isNotFound(err) {
		return nil, err
	}
	if len(owners) == 1 && owners[0].Verified {
		return owners, nil
	}
	typed, err := r.UnverifiedContacts(ctx, index, maxAddressOwners-len(owners))
	for _, record := range typed {
		owners = append(owners, addressOwner(record))
	}
	return owners, err
}

func addressOwner(c store.ContactRecord) cardinal.AddressOwner {
	return cardinal.AddressOwner{
		UserID: c.UserID, ContactID: c.ID, Verified: c.VerifiedAt != nil, GivenBy: c.GivenBy, CreatedAt: c.CreatedAt,
	}
}

// reservedContact returns the contact that has the claim on an address; cardinal.ErrNotFound if there is none.
func reservedContact(ctx context.Context, r store.Reader, index []byte) (store.ContactRecord, error) {
	claim, err := r.Identifier(ctx, index)
	if err != nil {
		return store.ContactRecord{}, err
	}
	if claim.ContactID == nil {
		return store.ContactRecord{}, cardinal.ErrNotFound
	}
	return r.Contact(ctx, claim.UserID, *claim.ContactID)
}

// expireUnverifiedContacts removes contacts that their users added and no user verified in time. It goes through all of
// them: users can have few, and each is there for a short time.
func expireUnverifiedContacts(ctx context.Context, k Desk, _ uuid.UUID) error {
	r := k.d.store.Read(ctx)
	s, err := k.d.CurrentSettings(ctx, r)
	if err != nil {
		return err
	}
	before := k.d.Now().Add(-s.UnverifiedLifetime)
	var last store.ContactRecord
	for {
		batch, err := r.AllUnverifiedContacts(ctx, last.ValueIndex, last.UserID, BatchSize)
		if err != nil {
			return err
		}
		for _, last = range batch {
			if last.CreatedAt.After(before) {
				continue
			}
			if err := k.expireUnverifiedContact(ctx, last); err != nil {
				return err
			}
		}
		if len(batch) < BatchSize {
			return nil
		}
	}
}

// expireUnverifiedContact removes a contact, unless the account has no identifier at all: then nothing else says whose
// account it is.
func (k Desk) expireUnverifiedContact(ctx context.Context, c store.ContactRecord) error {
	identifiers, err := k.d.store.Read(ctx).Identifiers(ctx, c.UserID)
	if err != nil || len(identifiers) == 0 {
		return err
	}
	r := Rule{Action: "contact.expire", Permission: "jobs.run", Subject: c.UserID}
	_, err = Change(ctx, k, r, func(tx *Tx) (struct{}, error) {
		if _, err := tx.LockUser(ctx, c.UserID); err != nil {
			return struct{}{}, err
		}
		current, err := tx.LockContact(ctx, c.UserID, c.ID)
		if isNotFound(err) || err == nil && current.ValueIndex == nil {
			return struct{}{}, nil // removed or verified in the meantime
		}
		if err != nil {
			return struct{}{}, err
		}
		return struct{}{}, tx.removeContact(ctx, current.UserID, current.ID, nil)
	})
	return err
}

// expireUnverifiedAccounts soft-deletes accounts that wait for a verified address for too long.
func expireUnverifiedAccounts(ctx context.Context, k Desk, _ uuid.UUID) error {
	r := k.d.store.Read(ctx)
	s, err := k.d.CurrentSettings(ctx, r)
	if err != nil {
		return err
	}
	before := k.d.Now().Add(-s.UnverifiedAccountLifetime)
	for code, status := range k.d.statuses {
		if !status.AwaitsVerification {
			continue
		}
		query := store.UserQuery{Status: code, CreatedUntil: before, Page: cardinal.Page{Limit: BatchSize}}
		for more := true; more; {
			page, err := r.Users(ctx, query)
			if err != nil {
				return err
			}
			for _, user := range page.Users {
				if query.After = user.ID; user.UpdatedAt.After(before) {
					continue // restored, for example
				}
				if err := k.expireUnverifiedAccount(ctx, user.ID, code, before); err != nil {
					return err
				}
			}
			more = len(page.Users) > query.Limit
		}
	}
	return nil
}

func (k Desk) expireUnverifiedAccount(ctx context.Context, id uuid.UUID, status string, before time.Time) error {
	r := Rule{Action: "user.expire", Permission: "jobs.run", Subject: id}
	_, err := Change(ctx, k, r, func(tx *Tx) (struct{}, error) {
		user, err := tx.LockUser(ctx, id)
		if err != nil || user.Status != status || user.UpdatedAt.After(before) {
			return struct{}{}, err // verified or changed in the meantime
		}
		_, err = tx.changeStatus(ctx, user, "delete")
		return struct{}{}, err
	})
	return err
}
