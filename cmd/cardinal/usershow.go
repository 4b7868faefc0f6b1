package main

import (
	"fmt"

	"cardinal"
)

// printContactsAndRoles ends what people see of a user.
func (a *app) printContactsAndRoles(u userDetails) error {
	for _, part := range []struct {
		head  string
		empty bool
		print func() error
	}{
		{"contacts", len(u.Contacts) == 0, func() error {
			return printList(a, listPage[cardinal.Contact]{Data: u.Contacts}, "value", "is_primary", "verified_at", "id")
		}},
		{"roles", len(u.Roles) == 0, func() error {
			return printList(a, listPage[cardinal.Grant]{Data: u.Roles}, "role_name", "granted_by", "created_at", "expires_at")
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
