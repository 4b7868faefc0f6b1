package directory

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/normal"
	"cardinal/internal/store"
)

// Identifiers (user names, email addresses, phone numbers) are unique over all users. A row of the table identifiers, a
// claim, reserves one for a user, who can sign in with it. A verified address has a claim that is never released. An
// unverified one that an administrator or an import gave has a claim that is released only to a user who verifies the
// address. An address that its user typed has no claim until it is verified: it reserves nothing, excludes no user and
// signs no user in. docs/identifiers.md has the table.

// identifierClaim is a request to reserve an identifier (unique over all users).
type identifierClaim struct {
	userID    uuid.UUID
	contactID *uuid.UUID // nil for a user name
	index     []byte     // blind index
	verified  bool       // it replaces the claim of another user to an unverified address
}

// claimIdentifier reserves an identifier, after it released the claim of another user where that is allowed.
func (tx *Tx) claimIdentifier(ctx context.Context, want identifierClaim) error {
	if err := tx.releaseIfAllowed(ctx, want); err != nil {
		return err
	}
	return tx.insertIdentifier(ctx, want)
}

// releaseIfAllowed frees an identifier for a new claim. The claim of another user is kept (identifier_taken), unless
// the address is unverified there and the new claim is verified. Then the actor must be allowed to change that user,
// and the user must keep another identifier.
func (tx *Tx) releaseIfAllowed(ctx context.Context, want identifierClaim) error {
	current, err := tx.lockIdentifier(ctx, want)
	switch {
	case errors.Is(err, cardinal.ErrNotFound):
		return nil
	case err != nil:
		return err
	case current.UserID == want.userID:
		return cardinal.Refuse("identifier_already_yours")
	case !want.verified || current.ContactID == nil:
		return cardinal.Refuse("identifier_taken")
	}
	contact, err := tx.Contact(ctx, current.UserID, *current.ContactID)
	if err != nil {
		return err
	}
	if contact.VerifiedAt != nil {
		return cardinal.Refuse("identifier_taken")
	}
	if err := tx.RequireAllPermissionsOf(ctx, current.UserID); err != nil {
		return err
	}
	if others, err := tx.Identifiers(ctx, current.UserID); err != nil {
		return err
	} else if len(others) == 1 {
		return cardinal.Refuse("identifier_needed")
	}
	return tx.releaseFrom(ctx, current)
}

// insertIdentifier inserts a claim on an identifier that is free: releaseIfAllowed was called.
func (tx *Tx) insertIdentifier(ctx context.Context, want identifierClaim) error {
	record := store.IdentifierRecord{
		ValueIndex: want.index, UserID: want.userID, ContactID: want.contactID, CreatedAt: tx.Now,
	}
	if err := tx.InsertIdentifier(ctx, record); err != nil {
		return err
	}
	tx.RecordRows(store.DigestIdentifier(record))
	return nil
}

// lockIdentifier reads the claim on an identifier. Where it could be released (it is of another user, and the new claim
// is verified), it locks that user, so that the address cannot be verified there at the same time. After the lock it
// reads the claim again, because it could have changed before.
func (tx *Tx) lockIdentifier(ctx context.Context, want identifierClaim) (store.IdentifierRecord, error) {
	for {
		current, err := tx.Identifier(ctx, want.index)
		if err != nil || current.UserID == want.userID || !want.verified {
			return current, err
		}
		if _, err := tx.LockUser(ctx, current.UserID); err != nil {
			return current, err
		}
		locked, err := tx.Identifier(ctx, want.index)
		if err != nil || locked.UserID == current.UserID {
			return locked, err
		}
	}
}

// moveUsername replaces a user's claim on one user name by a claim on another; an empty new name only removes the old
// claim. Users cannot give themselves a reserved name.
func (tx *Tx) moveUsername(ctx context.Context, userID uuid.UUID, from, toNormal string) error {
	if from != "" {
		fromNormal, err := normal.Username(from)
		if err != nil {
			return err
		}
		if fromNormal == toNormal {
			return nil // another spelling of the same name
		}
		old := tx.Desk.d.keys.BlindIndex(normal.KindUsername, fromNormal)
		if err := tx.DeleteIdentifier(ctx, old); err != nil {
			return err
		}
		tx.RecordRows(store.DeletedIdentifier(old))
	}
	if toNormal == "" {
		return tx.requireSignInIdentifier(ctx, userID)
	}
	if tx.Desk.actsForItself(userID) {
		if reserved, err := tx.IsReservedUsername(ctx, toNormal); err != nil {
			return err
		} else if reserved {
			return cardinal.Refuse("username_reserved")
		}
	}
	return tx.claimIdentifier(ctx, identifierClaim{
		userID: userID, index: tx.Desk.d.keys.BlindIndex(normal.KindUsername, toNormal), verified: true,
	})
}

// requireSignInIdentifier refuses a change that leaves a user who has a password without any identifier to sign in
// with.
func (tx *Tx) requireSignInIdentifier(ctx context.Context, userID uuid.UUID) error {
	identifiers, err := tx.Identifiers(ctx, userID)
	if err != nil || len(identifiers) > 0 {
		return err
	}
	if _, err := tx.Credential(ctx, userID); errors.Is(err, cardinal.ErrNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	return cardinal.Refuse("last_sign_in_identifier")
}

// releaseFrom removes an unverified address of another user, ends that user's sessions, and records it in an event
// about that user. Only the identifier passes to the new user, never anything else of the account. Administrators see
// the event in the audit log, and a warning in the log.
func (tx *Tx) releaseFrom(ctx context.Context, current store.IdentifierRecord) error {
	other := &Tx{Tx: tx.Tx, Desk: tx.Desk, Now: tx.Now, Event: tx.Event, reindexUsers: tx.reindexUsers}
	// The event about the other user gets the id of this event, and this event gets a new, higher one. The log is
	// sorted by id, so the last event about an identifier is about the user who has it now.
	other.Event.ChangedRows, other.Event.Changes, tx.Event.ID = nil, nil, cardinal.NewID()
	other.Event.Action = "contact.displace"
	other.SetSubject(current.UserID)
	if err := other.removeContact(ctx, current.UserID, *current.ContactID, current.ValueIndex); err != nil {
		return err
	}
	if err := other.EndSessions(ctx, current.UserID, uuid.Nil, "claim_lost"); err != nil {
		return err
	}
	tx.RelatedEvents = append(tx.RelatedEvents, other.Event)
	tx.Desk.d.log.Warn("a user lost an unverified address to a user who has it verified",
		"lost_by", current.UserID, "event", other.Event.ID)
	return nil
}
