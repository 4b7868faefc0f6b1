package directory

import (
	"context"

	"github.com/google/uuid"

	"cardinal/internal/store"
)

// OwnWords returns what is known about a user and must not be a new password: names and contacts.
func (d *Directory) OwnWords(ctx context.Context, r store.Reader, userID uuid.UUID) ([]string, error) {
	profile, err := r.Profile(ctx, userID)
	if err != nil && !isNotFound(err) {
		return nil, err
	}
	contacts, err := r.Contacts(ctx, userID)
	if err != nil {
		return nil, err
	}
	key, err := d.UserKey(ctx, r, userID)
	if isNotFound(err) {
		return nil, nil // erased
	}
	if err != nil {
		return nil, err
	}
	p := d.DecryptProfile(profile, key)
	words := []string{p.DisplayName, p.Username}
	for _, record := range contacts {
		words = append(words, d.DecryptContact(record, key).Value)
	}
	return words, nil
}
