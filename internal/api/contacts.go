package api

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory"
)

// OfContact is the contact that a path names.
type OfContact struct {
	ContactID uuid.UUID `path:"contact_id" format:"uuid" doc:"Id of the contact"`
}

func contactRoutes[O owner](a *API, prefix, name string) {
	register(a, op(http.MethodGet, prefix+"/contacts", "list-"+name+"-contacts", "Contacts",
		"List all contacts, oldest first"),
		func(ctx context.Context, desk directory.Desk, in *struct{ Owner O }) (*listed[cardinal.Contact], error) {
			found, err := desk.Contacts(ctx, in.Owner.userID(desk))
			return unpagedList(found), err
		})
	register(a, created(op(http.MethodPost, prefix+"/contacts", "add-"+name+"-contact", "Contacts",
		"Add an email address or a phone number")),
		func(ctx context.Context, desk directory.Desk, in *struct {
			IdempotentInput
			Owner O
			Body  cardinal.NewContact
		}) (*createdResponse[cardinal.Contact], error) {
			c, err := desk.AddContact(ctx, in.Owner.userID(desk), in.Body)
			path := location("users", c.UserID, "contacts", c.ID)
			return &createdResponse[cardinal.Contact]{ETag: etag(c.Version), Location: path, Body: c}, err
		})
	register(a, op(http.MethodGet, prefix+"/contacts/{contact_id}", "get-"+name+"-contact", "Contacts",
		"Read a contact"),
		func(ctx context.Context, desk directory.Desk, in *struct {
			Conditional
			OfContact
			Owner O
		}) (*etagResponse[cardinal.Contact], error) {
			contact, err := desk.Contact(ctx, in.Owner.userID(desk), in.ContactID)
			return okIfModified(in.Conditional, contact, contact.Version, err)
		})
	register(a, op(http.MethodPatch, prefix+"/contacts/{contact_id}", "update-"+name+"-contact", "Contacts",
		"Mark a contact as primary or as verified"),
		func(ctx context.Context, desk directory.Desk, in *struct {
			Versioned
			OfContact
			Owner O
			Body  cardinal.ContactChange
		}) (*etagResponse[cardinal.Contact], error) {
			contact, err := desk.UpdateContact(ctx, in.Owner.userID(desk), in.ContactID, in.version(), in.Body)
			return okWithETag(contact, contact.Version), err
		})
	register(a, op(http.MethodDelete, prefix+"/contacts/{contact_id}", "remove-"+name+"-contact", "Contacts",
		"Remove a contact. The last sign-in identifier cannot be removed"),
		func(ctx context.Context, desk directory.Desk, in *struct {
			Versioned
			OfContact
			Owner O
		}) (*noContent, error) {
			return nil, desk.RemoveContact(ctx, in.Owner.userID(desk), in.ContactID, in.version())
		})
}
