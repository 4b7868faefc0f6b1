package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"cardinal"
)

// An email address identifies a user only when the user has verified it. Every user can type the address of another
// person into an own account, so a command that changes a user does not accept an unverified one.

// candidate is a user who has an address that no user has verified.
type candidate struct {
	UserID    uuid.UUID `json:"user_id"`
	Status    string    `json:"status"`
	GivenBy   string    `json:"given_by"`
	CreatedAt time.Time `json:"created_at"` // when the user was created
}

// unverifiedError is the error of a command that would change a user by an address that no user has verified.
type unverifiedError struct {
	address    string
	candidates []candidate
}

func (e *unverifiedError) Error() string {
	return fmt.Sprintf("no user has verified %q, so it does not say which user you mean", e.address)
}

func (e *unverifiedError) Unwrap() error { return cardinal.ErrConflict }

// report returns the error as it is printed, with all candidates.
func (e *unverifiedError) report() errorReport {
	return errorReport{
		Code: "address_unverified", Message: e.Error(), Candidates: e.candidates,
		Fix: "Nothing was changed. Use the id of a user. If the user is the owner of the address, verify " +
			"it first: `cardinal contacts verify ID " + e.address + "`.",
	}
}

// findUser returns the user that a command changes, by id or by an email address that the user has verified. For an
// address that no user has verified it returns an unverifiedError.
func (k desk) findUser(ctx context.Context, name string) (cardinal.User, error) {
	if strings.Contains(name, "@") {
		return k.userByAddress(ctx, name)
	}
	return k.userByID(ctx, name)
}

func (k desk) userByAddress(ctx context.Context, address string) (cardinal.User, error) {
	owners, err := k.AddressOwners(ctx, address)
	switch {
	case err != nil:
		return cardinal.User{}, err
	case len(owners) == 0:
		return cardinal.User{}, notFoundError("user", address, listUsersHint)
	case owners[0].Verified:
		return k.User(ctx, owners[0].UserID, true)
	}
	unverified := &unverifiedError{address: address}
	for _, owner := range owners {
		user, err := k.User(ctx, owner.UserID, false)
		if err != nil {
			return cardinal.User{}, err
		}
		unverified.candidates = append(unverified.candidates,
			candidate{UserID: user.ID, Status: user.Status, GivenBy: owner.GivenBy, CreatedAt: user.CreatedAt})
	}
	return cardinal.User{}, unverified
}

// lookUpUser returns the user that a command only shows, by id or by email address. An unverified address is
// accepted if one user has it.
func (k desk) lookUpUser(ctx context.Context, name string) (cardinal.User, error) {
	user, err := k.findUser(ctx, name)
	var unverified *unverifiedError
	if errors.As(err, &unverified) && len(unverified.candidates) == 1 {
		return k.User(ctx, unverified.candidates[0].UserID, true)
	}
	return user, err
}

const listUsersHint = "`cardinal users list` lists the users."

func (k desk) userByID(ctx context.Context, name string) (cardinal.User, error) {
	id, err := uuid.Parse(name)
	if err != nil {
		return cardinal.User{}, usageError("Give an id or an email address. "+listUsersHint,
			"%q is not an id or an email address", name)
	}
	user, err := k.User(ctx, id, true)
	return user, notFoundAs(err, "user", name, listUsersHint)
}
