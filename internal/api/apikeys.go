package api

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/access"
	"cardinal/internal/directory"
)

// newKey is an API key in the only answer that contains the key itself.
type newKey struct {
	cardinal.APIKey
	Key string `json:"key,omitempty" doc:"The key itself. It is shown only here, and not in a repeated answer"`
}

// OfKey is the API key that a path names.
type OfKey struct {
	KeyID uuid.UUID `path:"id" format:"uuid" doc:"Id of the API key"`
}

func apiKeyID(key cardinal.APIKey) uuid.UUID { return key.ID }

func (a *API) apiKeyRoutes() {
	register(a, op(http.MethodGet, "/v1/api-keys", "list-api-keys", "API keys", "List API keys"),
		func(ctx context.Context, desk directory.Desk, in *struct {
			Paging
			Sorting
			UserID uuid.UUID `query:"user_id" format:"uuid" doc:"Keys of this service"`
		}) (*listed[cardinal.APIKey], error) {
			read := func(ctx context.Context, page cardinal.Page) (cardinal.List[cardinal.APIKey], error) {
				return access.APIKeys(ctx, desk, in.UserID, page)
			}
			return listPage(ctx, a, &in.Paging, in.descending(), read, apiKeyID)
		})
	type output struct {
		Location string `header:"Location"`
		Body     newKey
	}
	register(a, created(op(http.MethodPost, "/v1/api-keys", "create-api-key", "API keys",
		"Create an API key for a service")),
		func(ctx context.Context, desk directory.Desk, in *postInput[cardinal.NewAPIKey]) (*output, error) {
			key, err := access.CreateAPIKey(ctx, desk, in.Body)
			return &output{Location: location("api-keys", key.ID), Body: newKey{key, key.Token.Reveal()}}, err
		})
	register(a, op(http.MethodGet, "/v1/api-keys/{id}", "get-api-key", "API keys",
		"Read an API key, without the key itself"),
		func(ctx context.Context, desk directory.Desk, in *struct{ OfKey }) (*response[cardinal.APIKey], error) {
			key, err := access.APIKey(ctx, desk, in.KeyID)
			return &response[cardinal.APIKey]{Body: key}, err
		})
	register(a, op(http.MethodDelete, "/v1/api-keys/{id}", "revoke-api-key", "API keys", "Revoke an API key"),
		func(ctx context.Context, desk directory.Desk, in *struct{ OfKey }) (*noContent, error) {
			_, err := access.RevokeAPIKey(ctx, desk, in.KeyID)
			return nil, err
		})
}
