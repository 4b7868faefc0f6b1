package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"cardinal"
	"cardinal/internal/access"
	"cardinal/internal/signin"
)

// setupLink is a set-up link as it is printed. It can be printed only once, because only the hash of the token is
// stored.
type setupLink struct {
	URL       string    `json:"url"`
	Token     string    `json:"token"`
	ExpiresAt time.Time `json:"expires_at"`
}

func (a *app) adminSetupLink() *cobra.Command {
	return command("setup-link", "Create a one-time link that creates an administrator", "",
		func(ctx context.Context, _ []string) error {
			k, err := a.open(ctx)
			if err != nil {
				return err
			}
			c, err := a.config()
			if err != nil {
				return err
			}
			link, err := signin.NewSetupLink(ctx, k.Desk)
			if err != nil {
				return err
			}
			printed := setupLink{URL: setupURL(baseURL(c), link), Token: link.Token.Reveal(), ExpiresAt: link.ExpiresAt}
			if a.json || len(a.fields) > 0 {
				return printItem(a, printed, "url", "token", "expires_at")
			}
			_, err = fmt.Fprintf(a.out, "%s\nWorks once, until %s. Without a browser:\n%s\n",
				printed.URL, clock(link.ExpiresAt), setupCurl(baseURL(c), link))
			return err
		})
}

func setupURL(base string, link cardinal.SetupLink) string {
	return base + "/set-up#token=" + link.Token.Reveal()
}

// setupCurl returns the command that uses a set-up link. Its password is too short on purpose: the service rejects the
// command when it is copied without a change.
func setupCurl(base string, link cardinal.SetupLink) string {
	return "curl " + base + `/v1/set-up -H 'Content-Type: application/json' -d '{"token":"` + link.Token.Reveal() +
		`","email":"you@example.com","password":"CHOOSE-ONE","display_name":"You"}'`
}

func clock(t time.Time) string { return t.UTC().Format("15:04 MST") }

func (a *app) adminAdd() *cobra.Command {
	var in cardinal.NewUser
	var from passwordFlags
	c := command("add EMAIL", "Create an administrator, or grant the role to an existing user",
		"  cardinal admin add ada@example.com --display-name 'Ada Lovelace' --password-file ./password",
		func(ctx context.Context, args []string) error {
			k, err := a.open(ctx)
			if err != nil {
				return err
			}
			in.Email = args[0]
			_, err = k.userByAddress(ctx, in.Email)
			isNew := errors.Is(err, cardinal.ErrNotFound)
			if err != nil && !isNew {
				return err
			}
			if isNew || from.isSet() {
				if !isNew {
					return usageError("Leave the password out: "+a.rerunCommand("admin", "add", in.Email),
						"%s exists already and keeps the password", in.Email)
				}
				if in.Password, err = from.read(a); err != nil {
					return err
				}
			}
			user, err := access.AddAdministrator(ctx, k.Desk, in)
			if err != nil {
				return err
			}
			undo := a.rerunCommand("users", "delete", user.ID.String(), "--yes")
			if !isNew {
				undo = a.rerunCommand("roles", "revoke", user.ID.String(), "administrator")
			}
			return printChanged(a, user, undo, "%s is an administrator: %s", in.Email, user.ID)
		})
	c.Flags().StringVar(&in.DisplayName, "display-name", "", "`NAME` to show")
	return from.addTo(c)
}

func (a *app) adminList() *cobra.Command {
	return a.withListFlags(command("list", "List the administrators", "", func(ctx context.Context, _ []string) error {
		k, err := a.open(ctx)
		if err != nil {
			return err
		}
		users, err := access.Administrators(ctx, k.Desk)
		if err != nil {
			return err
		}
		withEmails, err := k.addEmails(ctx, users)
		if err != nil {
			return err
		}
		return printList(a, listPage[userWithEmail]{Data: withEmails}, userColumns...)
	}))
}
