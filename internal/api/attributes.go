package api

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory"
)

func (a *API) attributeRoutes() {
	register(a, op(http.MethodGet, "/v1/attributes", "list-attributes", "Profiles", "List the declared custom attributes of profiles"),
		func(ctx context.Context, k directory.Desk, in *struct {
			Strict
			Paging
		}) (*listed[cardinal.AttributeDefinition], error) {
			page, err := in.page(a.directory, false)
			if err != nil {
				return nil, err
			}
			found, err := k.AttributeDefinitions(ctx, page)
			if err != nil {
				return nil, err
			}
			return list(a.directory, &in.Paging, found, func(d cardinal.AttributeDefinition) uuid.UUID { return d.ID }), nil
		})
	register(a, created(op(http.MethodPost, "/v1/attributes", "create-attribute", "Profiles", "Declare a custom attribute")),
		func(ctx context.Context, k directory.Desk, in *posted[cardinal.NewAttributeDefinition]) (*one[cardinal.AttributeDefinition], error) {
			d, err := k.CreateAttributeDefinition(ctx, in.Body)
			return single(d, d.Version), err
		})
	register(a, op(http.MethodDelete, "/v1/attributes/{id}", "delete-attribute", "Profiles", "Take a declaration back"),
		func(ctx context.Context, k directory.Desk, in *struct {
			Strict
			Versioned
			ID uuid.UUID `path:"id" format:"uuid"`
		}) (*empty, error) {
			return nil, k.DeleteAttributeDefinition(ctx, in.ID, in.version())
		})
}
