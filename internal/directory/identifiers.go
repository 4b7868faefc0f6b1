package directory

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/normal"
	"cardinal/internal/store"
)

// claim is a wish for what must be unique over all users.
type claim struct {
	userID    uuid.UUID
	contactID *uuid.UUID // nil for a user name
	kind      string
	normal    string
	proved    bool // does not lapse, and takes the claim from who did not prove it
	settings  settings
}

// claim makes a claim.
func (c *changing) claim(ctx context.Context, want claim) error {
	if err := c.makeWay(ctx, want); err != nil {
		return err
	}
	return c.take(ctx, want)
}

// makeWay sees to it that a claim can be made. One that somebody else proved stands; one that nobody proved yields to proof,
// and to anyone once its time is over.
func (c *changing) makeWay(ctx context.Context, want claim) error {
	index := c.desk.d.keys.index(want.kind, want.normal)
	held, err := c.holdClaim(ctx, index, want.userID)
	switch {
	case errors.Is(err, cardinal.ErrNotFound):
		return nil
	case err != nil:
		return err
	case held.UserID == want.userID:
		return cardinal.Refuse("identifier_already_yours")
	}
	if yields, err := c.yields(ctx, held, want.proved); err != nil {
		return err
	} else if !yields {
		return cardinal.Refuse("identifier_taken")
	}
	return c.displace(ctx, held)
}

// take makes a claim that has its way free.
func (c *changing) take(ctx context.Context, want claim) error {
	record := store.IdentifierRecord{ValueIndex: c.desk.d.keys.index(want.kind, want.normal), UserID: want.userID, ContactID: want.contactID, CreatedAt: c.now}
	if !want.proved {
		lapses := c.now.Add(want.settings.claimLifetime)
		record.ExpiresAt = &lapses
	}
	if err := c.InsertIdentifier(ctx, record); err != nil {
		return err
	}
	c.wrote(store.StampIdentifier(record))
	return nil
}

// holdClaim reads a claim and, where it could yield, keeps its holder from proving it meanwhile.
func (c *changing) holdClaim(ctx context.Context, index []byte, mine uuid.UUID) (store.IdentifierRecord, error) {
	for {
		held, err := c.Identifier(ctx, index)
		if err != nil || held.UserID == mine || held.ExpiresAt == nil {
			return held, err
		}
		if _, err := c.UserForChange(ctx, held.UserID); err != nil {
			return held, err
		}
		again, err := c.Identifier(ctx, index)
		if err != nil || again.UserID == held.UserID {
			return again, err
		}
	}
}

// yields reports whether a claim of somebody else gives way.
func (c *changing) yields(ctx context.Context, held store.IdentifierRecord, toProof bool) (bool, error) {
	if held.ExpiresAt == nil || toProof {
		return held.ExpiresAt != nil, nil
	}
	if c.now.Before(*held.ExpiresAt) {
		return false, nil
	}
	holder, err := c.User(ctx, held.UserID)
	if err != nil {
		return false, err
	}
	last, err := c.lastWayIn(ctx, holder)
	return !last, err
}

// lastWayIn reports whether only one claim is left to an account that was in use: that one stays, proved or not.
func (c *changing) lastWayIn(ctx context.Context, user cardinal.User) (bool, error) {
	if c.desk.d.statuses[user.Status].AwaitsProof || c.desk.d.statuses[or(user.StatusBeforeDeletion, "")].AwaitsProof {
		return false, nil
	}
	left, err := c.Identifiers(ctx, user.ID)
	return len(left) == 1, err
}

// claimUsername moves a user's claim from one user name to another; an empty one gives it up.
func (c *changing) claimUsername(ctx context.Context, userID uuid.UUID, from, toNormal string) error {
	var old []byte
	if from != "" {
		fromNormal, err := normal.Username(from)
		if err != nil {
			return err
		}
		if fromNormal == toNormal {
			return nil // another spelling of the same name
		}
		old = c.desk.d.keys.index(normal.KindUsername, fromNormal)
		if err := c.DeleteIdentifier(ctx, old); err != nil {
			return err
		}
		c.wrote(store.GoneIdentifier(old))
	}
	if toNormal == "" {
		return c.keepWayIn(ctx, userID)
	}
	return c.claim(ctx, claim{userID: userID, kind: normal.KindUsername, normal: toNormal, proved: true})
}

// keepWayIn refuses a change that leaves somebody who has a password with nothing to sign in with.
func (c *changing) keepWayIn(ctx context.Context, userID uuid.UUID) error {
	left, err := c.Identifiers(ctx, userID)
	if err != nil || len(left) > 0 {
		return err
	}
	if _, err := c.Credential(ctx, userID); errors.Is(err, cardinal.ErrNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	return cardinal.Refuse("last_sign_in_identifier")
}

// displace ends a claim that nobody proved: its contact goes, its holder's sessions end, and a holder who never came further
// than signing up goes with it. Only the claim moves, never anything else of the account.
func (c *changing) displace(ctx context.Context, held store.IdentifierRecord) error {
	loser := &changing{Tx: c.Tx, desk: c.desk, now: c.now, event: c.event, unfound: c.unfound}
	// The loser's event comes first: the last word on the claim is that of who has it now.
	loser.event.ChangedRows, loser.event.Changes, c.event.ID = nil, nil, cardinal.NewID()
	loser.event.Action = "contact.displace"
	loser.about(held.UserID)
	if err := loser.dropUnproved(ctx, held); err != nil {
		return err
	}
	c.more = append(c.more, loser.event)
	return nil
}

// dropUnproved removes an unproved claim with its contact, and soft-deletes a holder who is left with no way in and never
// came further than signing up.
func (c *changing) dropUnproved(ctx context.Context, held store.IdentifierRecord) error {
	if err := c.removeContact(ctx, held.UserID, *held.ContactID, held.ValueIndex); err != nil {
		return err
	}
	if err := c.endSessions(ctx, held.UserID, uuid.Nil, "claim_lost"); err != nil {
		return err
	}
	user, err := c.UserForChange(ctx, held.UserID)
	if err != nil {
		return err
	}
	left, err := c.Identifiers(ctx, held.UserID)
	if err != nil || len(left) > 0 || !c.desk.d.statuses[user.Status].AwaitsProof {
		return err
	}
	_, err = c.move(ctx, user, "delete")
	return err
}
