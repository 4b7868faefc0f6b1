package api

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/access"
	"cardinal/internal/directory"
)

func (a *API) grantRoutes() {
	register(a, op(http.MethodPost, "/v1/users/{id}/roles", "grant-role", "Roles",
		"Grant a role to a user, or change the expiry of a grant"),
		func(ctx context.Context, desk directory.Desk, in *struct {
			IdempotentInput
			Owner ByID
			Body  cardinal.NewGrant
		}) (*response[cardinal.Grant], error) {
			grant, err := access.GrantRole(ctx, desk, in.Owner.UserID, in.Body)
			return &response[cardinal.Grant]{Body: grant}, err
		})
	register(a, op(http.MethodDelete, "/v1/users/{id}/roles/{role_id}", "revoke-role", "Roles",
		"Revoke a role from a user"),
		func(ctx context.Context, desk directory.Desk, in *struct {
			Owner  ByID
			RoleID uuid.UUID `path:"role_id" format:"uuid" doc:"Id of the role"`
		}) (*noContent, error) {
			return nil, access.RevokeGrant(ctx, desk, in.Owner.UserID, in.RoleID)
		})
}

func userGrantRoutes[O owner](a *API, prefix, name string) {
	register(a, op(http.MethodGet, prefix+"/roles", "list-"+name+"-roles", "Roles",
		"List the roles of the user: who granted them, and their expiry"),
		func(ctx context.Context, desk directory.Desk, in *struct {
			Paging
			Owner O
		}) (*listed[cardinal.Grant], error) {
			read := func(ctx context.Context, page cardinal.Page) (cardinal.List[cardinal.Grant], error) {
				return access.Grants(ctx, desk, in.Owner.userID(desk), page)
			}
			grantID := func(g cardinal.Grant) uuid.UUID { return g.RoleID }
			return listPage(ctx, a, &in.Paging, false, read, grantID)
		})
}
