package main

import (
	"context"
	"strings"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"cardinal"
)

// userSeen is a user with the address that people know them by.
type userSeen struct {
	cardinal.User
	Email string `json:"email,omitempty"`
}

// userInFull is a user with all that hangs on one.
type userInFull struct {
	userSeen
	Contacts []cardinal.Contact     `json:"contacts"`
	Roles    []cardinal.Grant       `json:"roles"`
	Password cardinal.PasswordState `json:"password"`
}

var userColumns = []string{"id", "status", "email", "profile.display_name", "created_at"}

// find returns the user that somebody named by id or by e-mail address.
func (k desk) find(ctx context.Context, name string) (cardinal.User, error) {
	fix := "`cardinal users list` shows who there is."
	if strings.Contains(name, "@") {
		found, err := k.Users(ctx, cardinal.UserFilter{Email: name, Page: cardinal.Page{Limit: 1}}, true)
		if err != nil {
			return cardinal.User{}, err
		}
		if len(found.Data) == 0 {
			return cardinal.User{}, unknown("user", name, fix)
		}
		return found.Data[0], nil
	}
	id, err := uuid.Parse(name)
	if err != nil {
		return cardinal.User{}, wrongUsage("Give an id or an e-mail address. "+fix, "%q names no user", name)
	}
	user, err := k.User(ctx, id, true)
	return user, orUnknown(err, "user", name, fix)
}

// withEmail adds each user's primary address.
func (k desk) withEmail(ctx context.Context, users []cardinal.User) ([]userSeen, error) {
	out := make([]userSeen, len(users))
	for i, user := range users {
		contacts, err := k.Contacts(ctx, user.ID)
		if err != nil {
			return nil, err
		}
		out[i] = userSeen{User: user, Email: primaryEmail(contacts)}
	}
	return out, nil
}

func primaryEmail(contacts []cardinal.Contact) string {
	for _, c := range contacts {
		if c.Kind == "email" && c.IsPrimary {
			return c.Value
		}
	}
	return ""
}

func (a *app) usersList() *cobra.Command {
	var (
		page        paging
		f           cardinal.UserFilter
		role        string
		from, until string
		newestFirst bool
	)
	c := leaf("list", "List users, oldest first", "  cardinal users list --status suspended\n  cardinal users list --role support --json --fields id,email",
		func(ctx context.Context, _ []string) error {
			k, err := a.open(ctx)
			if err != nil {
				return err
			}
			if role != "" {
				r, err := k.role(ctx, role)
				if err != nil {
					return err
				}
				f.RoleID = r.ID
			}
			if from != "" {
				if f.CreatedFrom, err = moment("created-from", from, -1); err != nil {
					return err
				}
			}
			if until != "" {
				if f.CreatedUntil, err = moment("created-until", until, -1); err != nil {
					return err
				}
			}
			found, err := walk(page, newestFirst, func(u userSeen) uuid.UUID { return u.ID }, func(p cardinal.Page) (cardinal.List[userSeen], error) {
				f.Page = p
				users, err := k.Users(ctx, f, true)
				if err != nil {
					return cardinal.List[userSeen]{}, err
				}
				seen, err := k.withEmail(ctx, users.Data)
				return cardinal.List[userSeen]{Data: seen, HasMore: users.HasMore, After: users.After}, err
			})
			if err != nil {
				return err
			}
			return printList(a, found, userColumns...)
		})
	c.Flags().StringVar(&f.Status, "status", "", "only those with this `STATUS`")
	c.Flags().StringVar(&f.Kind, "kind", "", "only those of this `KIND`: person or service")
	c.Flags().StringVar(&f.Search, "search", "", "only whose names or addresses have words that begin with these `WORDS`")
	c.Flags().StringVar(&f.Email, "email", "", "only who has this exact `ADDRESS`")
	c.Flags().StringVar(&role, "role", "", "only who holds this `ROLE`")
	c.Flags().StringVar(&from, "created-from", "", "only those made at this `TIME` or later: a day, RFC 3339, or 30d ago")
	c.Flags().StringVar(&until, "created-until", "", "only those made before this `TIME`")
	c.Flags().BoolVar(&f.BuiltIn, "built-in", false, "show the built-in users operator, system and anonymous too")
	c.Flags().BoolVar(&newestFirst, "newest-first", false, "start with who was made last")
	_ = c.RegisterFlagCompletionFunc("role", a.completeRoles)
	return a.paged(c, &page)
}

func (a *app) usersGet() *cobra.Command {
	return leaf("get USER", "Show a user: profile, contacts, roles", "  cardinal users get ada@example.com", func(ctx context.Context, args []string) error {
		k, err := a.open(ctx)
		if err != nil {
			return err
		}
		user, err := k.find(ctx, args[0])
		if err != nil {
			return err
		}
		full := userInFull{userSeen: userSeen{User: user}}
		if full.Contacts, err = k.Contacts(ctx, user.ID); err != nil {
			return err
		}
		grants, err := k.grants(ctx, user.ID)
		if err != nil {
			return err
		}
		full.Roles = grants
		if full.Password, err = k.PasswordState(ctx, user.ID); err != nil {
			return err
		}
		full.Email = primaryEmail(full.Contacts)
		if err := printItem(a, full, "id", "kind", "status", "profile.display_name", "profile.username", "profile.avatar_url", "profile.country",
			"profile.locale", "profile.time_zone", "profile.preferences", "profile.attributes", "created_at", "updated_at", "deleted_at",
			"password.has_password", "password.must_change"); err != nil || a.json || len(a.fields) > 0 {
			return err
		}
		return a.printContactsAndRoles(full)
	})
}

func (a *app) usersCreate() *cobra.Command {
	var in cardinal.NewUser
	var from passwordFrom
	var preferences, attributes string
	c := leaf("create", "Make a user", "  cardinal users create --email bob@example.com --email-verified --display-name 'Bob'\n  cardinal users create --kind service --display-name billing",
		func(ctx context.Context, _ []string) error {
			var err error
			if in.Preferences, err = a.document("preferences", preferences); err != nil {
				return err
			}
			if in.Attributes, err = a.document("attributes", attributes); err != nil {
				return err
			}
			if from.given() {
				if in.Password, err = from.read(a); err != nil {
					return err
				}
			}
			k, err := a.open(ctx)
			if err != nil {
				return err
			}
			user, err := k.CreateUser(ctx, in)
			if err != nil {
				return err
			}
			without := ""
			if in.Password == "" && in.Kind != "service" {
				without = ", without a password"
			}
			return changed(a, userSeen{User: user, Email: in.Email}, a.again("users", "delete", user.ID.String(), "--yes"), "created %s%s%s", user.ID, inBrackets(in.Email), without)
		})
	c.Flags().StringVar(&in.Kind, "kind", "", "`KIND`: person (default) or service")
	c.Flags().StringVar(&in.Email, "email", "", "e-mail `ADDRESS`")
	c.Flags().BoolVar(&in.EmailVerified, "email-verified", false, "vouch for the address")
	c.Flags().StringVar(&in.Phone, "phone", "", "telephone `NUMBER`, international")
	c.Flags().BoolVar(&in.PhoneVerified, "phone-verified", false, "vouch for the number")
	c.Flags().BoolVar(&in.MustChangePassword, "must-change-password", false, "the password must be changed at the first sign-in")
	profileFlags(c, &in.DisplayName, &in.Username, &in.AvatarURL, &in.Country, &in.Locale, &in.TimeZone, &preferences, &attributes)
	return from.flags(c)
}

// profileFlags are the same for making and changing a user.
func profileFlags(c *cobra.Command, displayName, username, avatarURL, country, locale, timeZone, preferences, attributes *string) {
	c.Flags().StringVar(displayName, "display-name", "", "`NAME` to show, any script")
	c.Flags().StringVar(username, "username", "", "user `NAME`, unique")
	c.Flags().StringVar(avatarURL, "avatar-url", "", "https `LINK` to an image")
	c.Flags().StringVar(country, "country", "", "ISO 3166-1 alpha-2 `CODE`")
	c.Flags().StringVar(locale, "locale", "", "BCP 47 language `TAG`")
	c.Flags().StringVar(timeZone, "time-zone", "", "IANA time `ZONE`")
	c.Flags().StringVar(preferences, "preferences", "", "interface settings as a `JSON` object; - reads it from standard input")
	c.Flags().StringVar(attributes, "attributes", "", "declared custom attributes as a `JSON` object; - reads it from standard input")
}

func inBrackets(s string) string {
	if s == "" {
		return ""
	}
	return " (" + harmless(s) + ")"
}
