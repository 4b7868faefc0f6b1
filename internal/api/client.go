package api

import (
	"errors"
	"net/http"
	"net/netip"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/signin"
)

// clientAddress is the header in which a backend names the client whose user it signs in.
const clientAddress = "Client-Address"

// clientOf returns the client of a request of an anonymous caller. A backend that sends an API key with the permission
// clients.forward names the client in Client-Address: otherwise all its users would share one address, and its limit.
// From all other callers the header is ignored, so that no caller can name the address of another one. An API key that
// is not valid is refused: its backend would not notice that its users share one address.
func (a *API) clientOf(r *http.Request, from request) (cardinal.Client, error) {
	token := bearer(r)
	if !directory.IsAPIKey(token) {
		return from.client, nil
	}
	actor, err := signin.Authenticate(r.Context(), a.directory, token, from.nullID(), from.client)
	if err != nil {
		return from.client, err
	}
	_, err = a.directory.As(actor).Read(r.Context(), directory.Rule{Permission: "clients.forward"})
	if errors.Is(err, cardinal.ErrForbidden) {
		return from.client, nil
	}
	if err != nil {
		return from.client, err
	}
	client := from.client
	given := r.Header.Values(clientAddress)
	if len(given) != 1 {
		return client, cardinal.Refuse("client_address_missing")
	}
	address, err := netip.ParseAddr(strings.TrimSpace(given[0]))
	if err != nil {
		return client, cardinal.Refuse("client_address_missing")
	}
	client.Address = address.Unmap().WithZone("").String()
	return client, nil
}

// clientParameter describes the header.
func clientParameter() *huma.Param {
	return &huma.Param{
		Name: clientAddress, In: "header", Schema: &huma.Schema{Type: huma.TypeString},
		Description: "IP address of the client, from a backend that sends an API key with the permission " +
			"clients.forward as Bearer token; required from it, and ignored from all other callers",
	}
}
