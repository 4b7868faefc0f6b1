package directory

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/normal"
	"cardinal/internal/store"
)

// identifierClaim is a wish for what must be unique over all users.
type identifierClaim struct {
	userID    uuid.UUID
	contactID *uuid.UUID // nil for a user name
	kind      string
	normal    string
	verified  bool // does not lapse, and takes the claim from who did not prove it
	settings  Settings
}

// claimIdentifier makes a claim.
func (tx *Tx) claimIdentifier(ctx context.Context, want identifierClaim) error {
	if err := tx.releaseIfAllowed(ctx, want); err != nil {
		return err
	}
	return tx.insertIdentifier(ctx, want)
}

// releaseIfAllowed sees to it that a claim can be made. One that somebody else proved stands; one that nobody proved yields to proof,
// and to anyone once its time is over.
func (tx *Tx) releaseIfAllowed(ctx context.Context, want identifierClaim) error {
	index := tx.Desk.d.keys.BlindIndex(want.kind, want.normal)
	held, err := tx.lockIdentifier(ctx, index, want.userID)
	switch {
	case errors.Is(err, cardinal.ErrNotFound):
		return nil
	case err != nil:
		return err
	case held.UserID == want.userID:
		return cardinal.Refuse("identifier_already_yours")
	}
	if yields, err := tx.isReleasable(ctx, held, want.verified); err != nil {
		return err
	} else if !yields {
		return cardinal.Refuse("identifier_taken")
	}
	return tx.releaseFrom(ctx, held)
}

// insertIdentifier makes a claim that has its way free.
func (tx *Tx) insertIdentifier(ctx context.Context, want identifierClaim) error {
	record := store.IdentifierRecord{ValueIndex: tx.Desk.d.keys.BlindIndex(want.kind, want.normal), UserID: want.userID, ContactID: want.contactID, CreatedAt: tx.Now}
	if !want.verified {
		lapses := tx.Now.Add(want.settings.UnverifiedLifetime)
		record.ExpiresAt = &lapses
	}
	if err := tx.InsertIdentifier(ctx, record); err != nil {
		return err
	}
	tx.RecordRows(store.StampIdentifier(record))
	return nil
}

// lockIdentifier reads a claim and, where it could yield, keeps its holder from proving it meanwhile.
func (tx *Tx) lockIdentifier(ctx context.Context, index []byte, mine uuid.UUID) (store.IdentifierRecord, error) {
	for {
		held, err := tx.Identifier(ctx, index)
		if err != nil || held.UserID == mine || held.ExpiresAt == nil {
			return held, err
		}
		if _, err := tx.UserForChange(ctx, held.UserID); err != nil {
			return held, err
		}
		again, err := tx.Identifier(ctx, index)
		if err != nil || again.UserID == held.UserID {
			return again, err
		}
	}
}

// isReleasable reports whether a claim of somebody else gives way.
func (tx *Tx) isReleasable(ctx context.Context, held store.IdentifierRecord, toProof bool) (bool, error) {
	if held.ExpiresAt == nil || toProof {
		return held.ExpiresAt != nil, nil
	}
	if tx.Now.Before(*held.ExpiresAt) {
		return false, nil
	}
	holder, err := tx.User(ctx, held.UserID)
	if err != nil {
		return false, err
	}
	last, err := tx.isLastIdentifier(ctx, holder)
	return !last, err
}

// isLastIdentifier reports whether only one claim is left to an account that was in use: that one stays, proved or not.
func (tx *Tx) isLastIdentifier(ctx context.Context, user cardinal.User) (bool, error) {
	if tx.Desk.d.statuses[user.Status].AwaitsProof || tx.Desk.d.statuses[valueOr(user.StatusBeforeDeletion, "")].AwaitsProof {
		return false, nil
	}
	left, err := tx.Identifiers(ctx, user.ID)
	return len(left) == 1, err
}

// moveUsername moves a user's claim from one user name to another; an empty one gives it up.
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
		tx.RecordRows(store.GoneIdentifier(old))
	}
	if toNormal == "" {
		return tx.requireSignInIdentifier(ctx, userID)
	}
	return tx.claimIdentifier(ctx, identifierClaim{userID: userID, kind: normal.KindUsername, normal: toNormal, verified: true})
}

// requireSignInIdentifier refuses a change that leaves somebody who has a password with nothing to sign in with.
func (tx *Tx) requireSignInIdentifier(ctx context.Context, userID uuid.UUID) error {
	left, err := tx.Identifiers(ctx, userID)
	if err != nil || len(left) > 0 {
		return err
	}
	if _, err := tx.Credential(ctx, userID); errors.Is(err, cardinal.ErrNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	return cardinal.Refuse("last_sign_in_identifier")
}

// releaseFrom ends a claim that nobody proved: its contact goes, its holder's sessions end, and a holder who never came further
// than signing up goes with it. Only the claim moves, never anything else of the account.
func (tx *Tx) releaseFrom(ctx context.Context, held store.IdentifierRecord) error {
	loser := &Tx{Tx: tx.Tx, Desk: tx.Desk, Now: tx.Now, Event: tx.Event, reindexUsers: tx.reindexUsers}
	// The loser's event comes first: the last word on the claim is that of who has it now.
	loser.Event.ChangedRows, loser.Event.Changes, tx.Event.ID = nil, nil, cardinal.NewID()
	loser.Event.Action = "contact.displace"
	loser.SetSubject(held.UserID)
	if err := loser.removeUnverified(ctx, held); err != nil {
		return err
	}
	tx.RelatedEvents = append(tx.RelatedEvents, loser.Event)
	return nil
}

// removeUnverified removes an unproved claim with its contact, and soft-deletes a holder who is left with no way in and never
// came further than signing up.
func (tx *Tx) removeUnverified(ctx context.Context, held store.IdentifierRecord) error {
	if err := tx.removeContact(ctx, held.UserID, *held.ContactID, held.ValueIndex); err != nil {
		return err
	}
	if err := tx.endSessions(ctx, held.UserID, uuid.Nil, "claim_lost"); err != nil {
		return err
	}
	user, err := tx.UserForChange(ctx, held.UserID)
	if err != nil {
		return err
	}
	left, err := tx.Identifiers(ctx, held.UserID)
	if err != nil || len(left) > 0 || !tx.Desk.d.statuses[user.Status].AwaitsProof {
		return err
	}
	_, err = tx.changeStatus(ctx, user, "delete")
	return err
}
