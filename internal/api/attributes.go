package api

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory"
)

func attributeID(d cardinal.AttributeDefinition) uuid.UUID { return d.ID }

func (a *API) attributeRoutes() {
	register(a, op(http.MethodGet, "/v1/attributes", "list-attributes", "Profiles",
		"List the declared custom attributes of profiles"),
		func(ctx context.Context, desk directory.Desk, in *struct{ Paging },
		) (*listed[cardinal.AttributeDefinition], error) {
			return listPage(ctx, a, &in.Paging, false, desk.AttributeDefinitions, attributeID)
		})
	register(a, created(op(http.MethodPost, "/v1/attributes", "create-attribute", "Profiles",
		"Declare a custom attribute")),
		func(ctx context.Context, desk directory.Desk, in *postInput[cardinal.NewAttributeDefinition],
		) (*etagResponse[cardinal.AttributeDefinition], error) {
			d, err := desk.CreateAttributeDefinition(ctx, in.Body)
			return okWithETag(d, d.Version), err
		})
	register(a, op(http.MethodDelete, "/v1/attributes/{id}", "delete-attribute", "Profiles",
		"Delete a custom attribute"),
		func(ctx context.Context, desk directory.Desk, in *struct {
			Versioned
			ID uuid.UUID `path:"id" format:"uuid" doc:"Id of the attribute"`
		}) (*noContent, error) {
			return nil, desk.DeleteAttributeDefinition(ctx, in.ID, in.version())
		})
}
