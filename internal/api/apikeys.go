package api

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory"
)

// newKey is an API key on the one answer that shows it.
type newKey struct {
	cardinal.APIKey
	Key string `json:"key,omitempty" doc:"The key itself; shown this once, and left out of a replayed answer"`
}

type OfKey struct {
	KeyID uuid.UUID `path:"id" format:"uuid" doc:"Id of the API key"`
}

func (a *API) apiKeyRoutes() {
	register(a, op(http.MethodGet, "/v1/api-keys", "list-api-keys", "API keys", "List API keys"),
		func(ctx context.Context, k directory.Desk, in *struct {
			Strict
			Paging
			Sorting
			UserID uuid.UUID `query:"user_id" format:"uuid" doc:"Keys of this service"`
		}) (*listed[cardinal.APIKey], error) {
			page, err := in.page(a.directory, in.descending())
			if err != nil {
				return nil, err
			}
			found, err := k.APIKeys(ctx, in.UserID, page)
			if err != nil {
				return nil, err
			}
			return list(a.directory, &in.Paging, found, func(key cardinal.APIKey) uuid.UUID { return key.ID }), nil
		})
	register(a, created(op(http.MethodPost, "/v1/api-keys", "create-api-key", "API keys", "Make an API key for a service")),
		func(ctx context.Context, k directory.Desk, in *posted[cardinal.NewAPIKey]) (*struct {
			Location string `header:"Location"`
			Body     newKey
		}, error) {
			key, err := k.CreateAPIKey(ctx, in.Body)
			return &struct {
				Location string `header:"Location"`
				Body     newKey
			}{location("api-keys", key.ID), newKey{key, key.Token.Reveal()}}, err
		})
	register(a, op(http.MethodGet, "/v1/api-keys/{id}", "get-api-key", "API keys", "Read an API key, without the key itself"),
		func(ctx context.Context, k directory.Desk, in *struct {
			Strict
			OfKey
		}) (*plain[cardinal.APIKey], error) {
			key, err := k.APIKey(ctx, in.KeyID)
			return &plain[cardinal.APIKey]{Body: key}, err
		})
	register(a, op(http.MethodDelete, "/v1/api-keys/{id}", "revoke-api-key", "API keys", "End an API key"),
		func(ctx context.Context, k directory.Desk, in *struct {
			Strict
			OfKey
		}) (*empty, error) {
			_, err := k.RevokeAPIKey(ctx, in.KeyID)
			return nil, err
		})
}
