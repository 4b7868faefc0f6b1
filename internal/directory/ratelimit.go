package directory

import (
	"bytes"
	"context"
	"slices"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/normal"
	"cardinal/internal/store"
)

// countUsername counts a new user name that a user tries, and refuses too many: the answer says whether another user
// has it. Other changes of a profile are not counted.
func (k Desk) countUsername(ctx context.Context, userID uuid.UUID, in cardinal.Change[string]) error {
	if !in.Present() || !k.actsForItself(userID) {
		return nil
	}
	name, err := normal.Username(valueOr(in.Value(), ""))
	if err != nil {
		return nil // it is removed or not valid: the answer says nothing about other users
	}
	identifiers, err := k.d.store.Read(ctx).Identifiers(ctx, userID)
	if err != nil {
		return err
	}
	index := k.d.keys.BlindIndex(normal.KindUsername, name)
	hasIt := func(i store.IdentifierRecord) bool { return bytes.Equal(i.ValueIndex, index) }
	if slices.ContainsFunc(identifiers, hasIt) {
		return nil
	}
	return k.countIdentifierChange(ctx, "user name")
}

// countIdentifierChange counts an attempt of the actor before its answer is known, and refuses too many. what keeps
// kinds of changes apart.
func (k Desk) countIdentifierChange(ctx context.Context, what string) error {
	if !k.actor.Known() {
		return nil // not authenticated: the change is refused anyway
	}
	return k.d.throttle.CountIdentifierChange(ctx, what, k.actor.UserID)
}
