package main

import (
	"context"
	"strings"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"cardinal"
	"cardinal/internal/normal"
)

func (a *app) contactsList() *cobra.Command {
	return a.withListFlags(command("list USER", "List a user's contacts", "  cardinal contacts list ada@example.com", func(ctx context.Context, args []string) error {
		k, err := a.open(ctx)
		if err != nil {
			return err
		}
		user, err := k.findUser(ctx, args[0])
		if err != nil {
			return err
		}
		contacts, err := k.Contacts(ctx, user.ID)
		if err != nil {
			return err
		}
		return printList(a, listPage[cardinal.Contact]{Data: contacts}, "id", "kind", "value", "is_primary", "verified_at")
	}))
}

func (a *app) contactsAdd() *cobra.Command {
	var in cardinal.NewContact
	c := command("add USER VALUE", "Add an e-mail address or a telephone number", "  cardinal contacts add bob@example.com bob@work.example --verified --primary",
		func(ctx context.Context, args []string) error {
			k, err := a.open(ctx)
			if err != nil {
				return err
			}
			user, err := k.findUser(ctx, args[0])
			if err != nil {
				return err
			}
			in.Kind, in.Value = contactKind(args[1]), args[1]
			contact, err := k.AddContact(ctx, user.ID, in)
			if err != nil {
				return err
			}
			return printChanged(a, contact, a.rerunCommand("contacts", "remove", user.ID.String(), contact.ID.String()), "added %s to %s", sanitize(contact.Value), sanitize(args[0]))
		})
	c.Flags().BoolVar(&in.IsPrimary, "primary", false, "make it the primary one of its kind")
	c.Flags().BoolVar(&in.Verified, "verified", false, "vouch for it")
	return c
}

// contactKind tells an address from a number.
func contactKind(value string) string {
	if strings.Contains(value, "@") {
		return "email"
	}
	return "phone"
}

// findContact returns the contact of a user that somebody named by its id or its value, in any spelling.
func (k desk) findContact(ctx context.Context, user cardinal.User, name string) (cardinal.Contact, error) {
	contacts, err := k.Contacts(ctx, user.ID)
	if err != nil {
		return cardinal.Contact{}, err
	}
	id, _ := uuid.Parse(name)
	for _, c := range contacts {
		if c.ID == id || sameContact(c, name) {
			return c, nil
		}
	}
	return cardinal.Contact{}, notFoundError("contact", name, "`cardinal contacts list "+user.ID.String()+"` shows what there is.")
}

func sameContact(c cardinal.Contact, typed string) bool {
	form := normal.Email
	if c.Kind == "phone" {
		form = normal.Phone
	}
	have, err := form(c.Value)
	if err != nil {
		return false
	}
	want, err := form(typed)
	return err == nil && have == want
}

func (a *app) contactsVerify() *cobra.Command {
	return command("verify USER CONTACT", "Vouch for a contact", "  cardinal contacts verify bob@example.com bob@example.com", func(ctx context.Context, args []string) error {
		k, err := a.open(ctx)
		if err != nil {
			return err
		}
		user, err := k.findUser(ctx, args[0])
		if err != nil {
			return err
		}
		contact, err := k.findContact(ctx, user, args[1])
		if err != nil {
			return err
		}
		after, err := k.UpdateContact(ctx, user.ID, contact.ID, contact.Version, cardinal.ContactChange{Verified: cardinal.Set(true)})
		if err != nil {
			return err
		}
		return printChanged(a, after, "", "%s is verified", sanitize(after.Value))
	})
}

func (a *app) contactsRemove() *cobra.Command {
	return command("remove USER CONTACT", "Remove a contact, but not the last way in", "", func(ctx context.Context, args []string) error {
		k, err := a.open(ctx)
		if err != nil {
			return err
		}
		user, err := k.findUser(ctx, args[0])
		if err != nil {
			return err
		}
		contact, err := k.findContact(ctx, user, args[1])
		if err != nil {
			return err
		}
		if err := k.RemoveContact(ctx, user.ID, contact.ID, contact.Version); err != nil {
			return err
		}
		undo := []string{"contacts", "add", user.ID.String(), contact.Value}
		if contact.IsPrimary {
			undo = append(undo, "--primary")
		}
		if contact.VerifiedAt != nil {
			undo = append(undo, "--verified")
		}
		return printChanged(a, contact, a.rerunCommand(undo...), "removed %s", sanitize(contact.Value))
	})
}
