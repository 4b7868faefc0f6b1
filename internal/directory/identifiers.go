package directory

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/normal"
	"cardinal/internal/store"
)

// Identifiers (user names, email addresses, phone numbers) are unique over all users. A row of the table
// identifiers, a claim, reserves one for a user. A verified claim never expires. An unverified one does, and is
// released to any user who verifies the same identifier first: an address cannot be blocked by a user who does not own
// it.

// identifierClaim is a request to reserve an identifier (unique over all users).
type identifierClaim struct {
	userID    uuid.UUID
	contactID *uuid.UUID // nil for a user name
	kind      string
	normal    string
	verified  bool // the claim never expires, and it replaces an unverified claim of another user
	settings  Settings
}

// claimIdentifier reserves an identifier, after it released the claim of another user where that is allowed.
func (tx *Tx) claimIdentifier(ctx context.Context, want identifierClaim) error {
	if err := tx.releaseIfAllowed(ctx, want); err != nil {
		return err
	}
	return tx.insertIdentifier(ctx, want)
}

// releaseIfAllowed frees an identifier for a new claim. A verified claim of another user is kept (identifier_taken); an
// unverified one is released to a verified claim, and to any claim once expired.
func (tx *Tx) releaseIfAllowed(ctx context.Context, want identifierClaim) error {
	index := tx.Desk.d.keys.BlindIndex(want.kind, want.normal)
	current, err := tx.lockIdentifier(ctx, index, want.userID)
	switch {
	case errors.Is(err, cardinal.ErrNotFound):
		return nil
	case err != nil:
		return err
	case current.UserID == want.userID:
		return cardinal.Refuse("identifier_already_yours")
	}
	if releasable, err := tx.isReleasable(ctx, current, want.verified); err != nil {
		return err
	} else if !releasable {
		return cardinal.Refuse("identifier_taken")
	}
	return tx.releaseFrom(ctx, current)
}

// insertIdentifier inserts a claim on an identifier that is free: releaseIfAllowed was called.
func (tx *Tx) insertIdentifier(ctx context.Context, want identifierClaim) error {
	record := store.IdentifierRecord{
		ValueIndex: tx.Desk.d.keys.BlindIndex(want.kind, want.normal),
		UserID:     want.userID, ContactID: want.contactID, CreatedAt: tx.Now,
	}
	if !want.verified {
		expires := tx.Now.Add(want.settings.UnverifiedLifetime)
		record.ExpiresAt = &expires
	}
	if err := tx.InsertIdentifier(ctx, record); err != nil {
		return err
	}
	tx.RecordRows(store.DigestIdentifier(record))
	return nil
}

// lockIdentifier reads the claim on an identifier. Where it could be released (it is unverified and of another user),
// it locks that user, so that they cannot verify it at the same time. After the lock it reads the claim again, because
// it could have changed before.
func (tx *Tx) lockIdentifier(ctx context.Context, index []byte, userID uuid.UUID) (store.IdentifierRecord, error) {
	for {
		current, err := tx.Identifier(ctx, index)
		if err != nil || current.UserID == userID || current.ExpiresAt == nil {
			return current, err
		}
		if _, err := tx.LockUser(ctx, current.UserID); err != nil {
			return current, err
		}
		locked, err := tx.Identifier(ctx, index)
		if err != nil || locked.UserID == current.UserID {
			return locked, err
		}
	}
}

// isReleasable reports whether a claim of another user can be released, to a claim that is verified or not.
func (tx *Tx) isReleasable(ctx context.Context, current store.IdentifierRecord, toVerified bool) (bool, error) {
	if current.ExpiresAt == nil || toVerified {
		return current.ExpiresAt != nil, nil
	}
	if tx.Now.Before(*current.ExpiresAt) {
		return false, nil
	}
	user, err := tx.User(ctx, current.UserID)
	if err != nil {
		return false, err
	}
	last, err := tx.isLastIdentifier(ctx, user)
	return !last, err
}

// isLastIdentifier reports whether an account that is or was in use has only one identifier left. That one is kept,
// verified or not.
func (tx *Tx) isLastIdentifier(ctx context.Context, user store.UserRecord) (bool, error) {
	statuses := tx.Desk.d.statuses
	if statuses[user.Status].AwaitsVerification || statuses[valueOr(user.StatusBeforeDeletion, "")].AwaitsVerification {
		return false, nil
	}
	identifiers, err := tx.Identifiers(ctx, user.ID)
	return len(identifiers) == 1, err
}

// moveUsername replaces a user's claim on one user name by a claim on another; an empty new name only removes the old
// claim.
func (tx *Tx) moveUsername(ctx context.Context, userID uuid.UUID, from, toNormal string) error {
	var old []byte
	if from != "" {
		fromNormal, err := normal.Username(from)
		if err != nil {
			return err
		}
		if fromNormal == toNormal {
			return nil // another spelling of the same name
		}
		old = tx.Desk.d.keys.BlindIndex(normal.KindUsername, fromNormal)
		if err := tx.DeleteIdentifier(ctx, old); err != nil {
			return err
		}
		tx.RecordRows(store.DeletedIdentifier(old))
	}
	if toNormal == "" {
		return tx.requireSignInIdentifier(ctx, userID)
	}
	return tx.claimIdentifier(ctx, identifierClaim{
		userID: userID, kind: normal.KindUsername, normal: toNormal, verified: true,
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

// releaseFrom removes an unverified claim of another user and records it in an event about that user. See
// removeUnverified for what else is removed. Only the identifier passes to the new user, never anything else of the
// account.
func (tx *Tx) releaseFrom(ctx context.Context, current store.IdentifierRecord) error {
	other := &Tx{Tx: tx.Tx, Desk: tx.Desk, Now: tx.Now, Event: tx.Event, reindexUsers: tx.reindexUsers}
	// The event about the other user gets the id of this event, and this event gets a new, higher one. The log is
	// sorted by id, so the last event about an identifier is about the user who has it now.
	other.Event.ChangedRows, other.Event.Changes, tx.Event.ID = nil, nil, cardinal.NewID()
	other.Event.Action = "contact.displace"
	other.SetSubject(current.UserID)
	if err := other.removeUnverified(ctx, current); err != nil {
		return err
	}
	tx.RelatedEvents = append(tx.RelatedEvents, other.Event)
	return nil
}

// removeUnverified removes an unverified claim with its contact, and ends the sessions of its user. A user without any
// other identifier who only signed up (the status still waits for a verified contact) is soft-deleted.
func (tx *Tx) removeUnverified(ctx context.Context, current store.IdentifierRecord) error {
	if err := tx.removeContact(ctx, current.UserID, *current.ContactID, current.ValueIndex); err != nil {
		return err
	}
	if err := tx.EndSessions(ctx, current.UserID, uuid.Nil, "claim_lost"); err != nil {
		return err
	}
	user, err := tx.LockUser(ctx, current.UserID)
	if err != nil {
		return err
	}
	identifiers, err := tx.Identifiers(ctx, current.UserID)
	if err != nil || len(identifiers) > 0 || !tx.Desk.d.statuses[user.Status].AwaitsVerification {
		return err
	}
	_, err = tx.changeStatus(ctx, user, "delete")
	return err
}
