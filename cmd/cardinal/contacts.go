package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"cardinal"
	"cardinal/internal/normal"
)

func (a *app) contactsList() *cobra.Command {
	c := command("list USER", "List the contacts of a user", "  cardinal contacts list ada@example.com",
		func(ctx context.Context, args []string) error {
			k, err := a.open(ctx)
			if err != nil {
				return err
			}
			user, err := k.lookUpUser(ctx, args[0])
			if err != nil {
				return err
			}
			contacts, err := k.Contacts(ctx, user.ID)
			if err != nil {
				return err
			}
			list := listPage[cardinal.Contact]{Data: contacts}
			return printList(a, list, "id", "kind", "value", "is_primary", "verified", "given_by")
		})
	return a.withListFlags(c)
}

func (a *app) contactsAdd() *cobra.Command {
	var in cardinal.NewContact
	c := command("add USER VALUE", "Add an email address or a phone number",
		"  cardinal contacts add bob@example.com bob@work.example --verified --primary",
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
			undo := a.rerunCommand("contacts", "remove", user.ID.String(), contact.ID.String())
			return printChanged(a, contact, undo, "added %s to %s%s", sanitize(contact.Value), sanitize(args[0]),
				removedAccess(contact))
		})
	c.Flags().BoolVar(&in.IsPrimary, "primary", false, "make it the primary contact of its kind")
	c.Flags().BoolVar(&in.Verified, "verified", false, "mark it as verified")
	addPasswordConfirmed(c, &in.PasswordConfirmed)
	return c
}

// addPasswordConfirmed adds the flag of the commands that verify an address.
func addPasswordConfirmed(c *cobra.Command, confirmed *bool) {
	c.Flags().BoolVar(confirmed, "password-confirmed", false,
		"keep the password and the sessions of an account that its user created:\n"+
			"the owner of the address knows the password")
}

// removedAccess says what the verification of an address removed.
func removedAccess(c cardinal.Contact) string {
	if c.Removed == nil {
		return ""
	}
	text := fmt.Sprintf("; %d sessions ended", c.Removed.Sessions)
	if c.Removed.Password {
		text += ", and the password was removed, because the user created the account"
	}
	return text
}

// contactKind returns the kind of contact that a value has.
func contactKind(value string) string {
	if strings.Contains(value, "@") {
		return "email"
	}
	return "phone"
}

// findContact returns a contact of a user by its id or by its value, in any spelling.
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
	return cardinal.Contact{}, notFoundError("contact", name,
		"`cardinal contacts list "+user.ID.String()+"` lists the contacts.")
}

// sameContact reports whether a contact has a value: their normal forms are equal.
func sameContact(c cardinal.Contact, typed string) bool {
	normalize := normal.Email
	if c.Kind == "phone" {
		normalize = normal.Phone
	}
	have, err := normalize(c.Value)
	if err != nil {
		return false
	}
	want, err := normalize(typed)
	return err == nil && have == want
}

func (a *app) contactsVerify() *cobra.Command {
	var in cardinal.ContactChange
	c := command("verify USER CONTACT", "Mark a contact as verified",
		"  cardinal contacts verify 01a20ae3-d529-7e2f-941f-9ae3da1e7568 bob@example.com",
		func(ctx context.Context, args []string) error {
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
			in.Verified = cardinal.Set(true)
			after, err := k.UpdateContact(ctx, user.ID, contact.ID, contact.Version, in)
			if err != nil {
				return err
			}
			return printChanged(a, after, "", "%s is verified%s", sanitize(after.Value), removedAccess(after))
		})
	addPasswordConfirmed(c, &in.PasswordConfirmed)
	return c
}

func (a *app) contactsRemove() *cobra.Command {
	return command("remove USER CONTACT", "Remove a contact, except the last sign-in identifier", "",
		func(ctx context.Context, args []string) error {
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
