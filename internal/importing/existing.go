package importing

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"cardinal/internal/directory"
	"cardinal/internal/store"
)

// existingUsers are the users in the database that some rows of a file are about.
type existingUsers struct {
	ids    map[uuid.UUID]bool
	owners map[string]uuid.UUID // users by the blind index of an identifier
}

// findExisting looks up the ids and the identifiers of rows, by two statements for all rows.
func findExisting(ctx context.Context, r store.Reader, rows []checkedRow) (existingUsers, error) {
	existing := existingUsers{map[uuid.UUID]bool{}, map[string]uuid.UUID{}}
	var ids []uuid.UUID
	var indexes [][]byte
	for i := range rows {
		if rows[i].ID != uuid.Nil {
			ids = append(ids, rows[i].ID)
		}
		for _, identifier := range rows[i].identifiers {
			indexes = append(indexes, identifier.index)
		}
	}
	users, err := r.ExistingUserIDs(ctx, ids)
	if err != nil {
		return existing, err
	}
	for _, id := range users {
		existing.ids[id] = true
	}
	identifiers, err := r.IdentifiersByIndex(ctx, indexes)
	for _, record := range identifiers {
		existing.owners[string(record.ValueIndex)] = record.UserID
	}
	return existing, err
}

// errExists says that the user of a row exists already.
var errExists = errors.New("the user exists already")

// classify returns nil for a row that is a new user, errExists for an existing one, and an Invalid for a row with an
// identifier of another user. A row without an id is an existing user when all identifiers in use belong to the same
// user.
func (e existingUsers) classify(row *checkedRow) error {
	if e.ids[row.ID] {
		return errExists
	}
	var check directory.Input
	owners := map[uuid.UUID]bool{}
	for _, identifier := range row.identifiers {
		if owner, ok := e.owners[string(identifier.index)]; ok {
			owners[owner] = true
			check.Add(identifier.pointer, "identifier_taken")
		}
	}
	if len(owners) == 1 && row.ID == uuid.Nil {
		return errExists
	}
	return check.Err()
}
