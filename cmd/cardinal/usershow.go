package main

import (
	"fmt"

	"cardinal"
)

// printContactsAndRoles prints the tables of the contacts and roles of a user.
func (a *app) printContactsAndRoles(u userDetails) error {
	for _, part := range []struct {
		head  string
		empty bool
		print func() error
	}{
		{"contacts", len(u.Contacts) == 0, func() error {
			contacts := listPage[cardinal.Contact]{Data: u.Contacts}
			return printList(a, contacts, "value", "is_primary", "verified", "given_by", "id")
		}},
		{"roles", len(u.Roles) == 0, func() error {
			grants := listPage[cardinal.Grant]{Data: u.Roles}
			return printList(a, grants, "role_name", "granted_by", "created_at", "expires_at")
		}},
	} {
		if part.empty {
			fmt.Fprintf(a.out, "\n%s: none\n", part.head)
			continue
		}
		fmt.Fprintf(a.out, "\n%s:\n", part.head)
		if err := part.print(); err != nil {
			return err
		}
	}
	return nil
}
