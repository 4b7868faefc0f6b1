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
	ContactID uuid.UUID `path:"contact_id" format:"uuid"`
}

func contactRoutes[O owner](a *API, prefix, name string) {
	register(a, op(http.MethodGet, prefix+"/contacts", "list-"+name+"-contacts", "Contacts", "List all contacts, oldest first"),
		func(ctx context.Context, k directory.Desk, in *struct {
			Strict
			Owner O
		}) (*listed[cardinal.Contact], error) {
			found, err := k.Contacts(ctx, in.Owner.of(k))
			return whole(found), err
		})
	register(a, created(op(http.MethodPost, prefix+"/contacts", "add-"+name+"-contact", "Contacts", "Add an e-mail address or a telephone number")),
		func(ctx context.Context, k directory.Desk, in *struct {
			Strict
			Replayable
			Owner O
			Body  cardinal.NewContact
		}) (*made[cardinal.Contact], error) {
			contact, err := k.AddContact(ctx, in.Owner.of(k), in.Body)
			return &made[cardinal.Contact]{ETag: etag(contact.Version), Location: location("users", contact.UserID, "contacts", contact.ID), Body: contact}, err
		})
	register(a, op(http.MethodGet, prefix+"/contacts/{contact_id}", "get-"+name+"-contact", "Contacts", "Read a contact"),
		func(ctx context.Context, k directory.Desk, in *struct {
			Strict
			Conditional
			OfContact
			Owner O
		}) (*one[cardinal.Contact], error) {
			contact, err := k.Contact(ctx, in.Owner.of(k), in.ContactID)
			if err != nil {
				return nil, err
			}
			if err := in.seen(contact.Version); err != nil {
				return nil, err
			}
			return single(contact, contact.Version), nil
		})
	register(a, op(http.MethodPatch, prefix+"/contacts/{contact_id}", "update-"+name+"-contact", "Contacts", "Make a contact the primary one, or vouch for it"),
		func(ctx context.Context, k directory.Desk, in *struct {
			Strict
			Versioned
			OfContact
			Owner O
			Body  cardinal.ContactChange
		}) (*one[cardinal.Contact], error) {
			contact, err := k.UpdateContact(ctx, in.Owner.of(k), in.ContactID, in.version(), in.Body)
			return single(contact, contact.Version), err
		})
	register(a, op(http.MethodDelete, prefix+"/contacts/{contact_id}", "remove-"+name+"-contact", "Contacts", "Remove a contact, but not the last way in"),
		func(ctx context.Context, k directory.Desk, in *struct {
			Strict
			Versioned
			OfContact
			Owner O
		}) (*empty, error) {
			return nil, k.RemoveContact(ctx, in.Owner.of(k), in.ContactID, in.version())
		})
}
