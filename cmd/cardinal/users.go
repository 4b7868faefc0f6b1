package main

import (
	"context"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"cardinal"
	"cardinal/internal/directory"
)

// userWithEmail is a user with their primary email address, and whether it is verified. The field of the same name in
// User is only there with --email.
type userWithEmail struct {
	cardinal.User
	Email         string `json:"email,omitempty"`
	EmailVerified bool   `json:"email_verified"`
}

// userDetails is a user with their contacts, roles and password state.
type userDetails struct {
	userWithEmail
	Contacts []cardinal.Contact     `json:"contacts"`
	Roles    []cardinal.Grant       `json:"roles"`
	Password cardinal.PasswordState `json:"password"`
}

var userColumns = []string{"id", "status", "email", "email_verified", "profile.display_name", "created_at"}

// addEmails adds the primary email address of each user.
func (k desk) addEmails(ctx context.Context, users []cardinal.User) ([]userWithEmail, error) {
	ids := make([]uuid.UUID, len(users))
	for i, user := range users {
		ids[i] = user.ID
	}
	contacts, err := k.ContactsOf(ctx, ids)
	if err != nil {
		return nil, err
	}
	out := make([]userWithEmail, len(users))
	for i, user := range users {
		out[i] = withEmail(user, contacts[user.ID])
	}
	return out, nil
}

// withEmail adds the primary email address of a user.
func withEmail(user cardinal.User, contacts []cardinal.Contact) userWithEmail {
	out := userWithEmail{User: user}
	for _, c := range contacts {
		if c.Kind == "email" && c.IsPrimary {
			out.Email, out.EmailVerified = c.Value, c.Verified
		}
	}
	return out
}

func (a *app) usersList() *cobra.Command {
	var (
		page        pageFlags
		f           cardinal.UserFilter
		role        string
		from, until string
		newestFirst bool
	)
	c := command("list", "List users, oldest first",
		"  cardinal users list --status suspended\n  cardinal users list --role support --json --fields id,email",
		func(ctx context.Context, _ []string) error {
			k, err := a.open(ctx)
			if err != nil {
				return err
			}
			if role != "" {
				r, err := k.findRole(ctx, role)
				if err != nil {
					return err
				}
				f.RoleID = r.ID
			}
			if from != "" {
				if f.CreatedFrom, err = parseTime("created-from", from, -1); err != nil {
					return err
				}
			}
			if until != "" {
				if f.CreatedUntil, err = parseTime("created-until", until, -1); err != nil {
					return err
				}
			}
			found, err := paginate(page, newestFirst, func(u userWithEmail) uuid.UUID { return u.ID },
				func(p cardinal.Page) (cardinal.List[userWithEmail], error) {
					f.Page = p
					users, err := k.Users(ctx, f, true)
					if err != nil {
						return cardinal.List[userWithEmail]{}, err
					}
					withEmails, err := k.addEmails(ctx, users.Data)
					page := cardinal.List[userWithEmail]{Data: withEmails, HasMore: users.HasMore, After: users.After}
					return page, err
				})
			if err != nil {
				return err
			}
			return printList(a, found, userColumns...)
		})
	c.Flags().StringVar(&f.Status, "status", "", "only users with this `STATUS`")
	c.Flags().StringVar(&f.Kind, "kind", "", "only users of this `KIND`: person or service")
	c.Flags().StringVar(&f.Search, "search", "",
		"only users with words in names or addresses that start with these `WORDS`")
	c.Flags().StringVar(&f.Email, "email", "",
		"only the user who verified exactly this email `ADDRESS`;\n"+
			"if there is none, the users who have it unverified")
	c.Flags().StringVar(&role, "role", "", "only users with this `ROLE`")
	c.Flags().StringVar(&from, "created-from", "",
		"only users created at this `TIME` or later: a day, RFC 3339, or a duration like 30d before now")
	c.Flags().StringVar(&until, "created-until", "", "only users created before this `TIME`")
	c.Flags().BoolVar(&f.BuiltIn, "built-in", false,
		"include the built-in users: operator, system and anonymous caller")
	c.Flags().BoolVar(&newestFirst, "newest-first", false, "list the newest users first")
	_ = c.RegisterFlagCompletionFunc("role", a.completeRoles)
	return a.withPageFlags(c, &page)
}

func (a *app) usersGet() *cobra.Command {
	return command("get USER", "Show a user: profile, contacts, roles", "  cardinal users get ada@example.com",
		func(ctx context.Context, args []string) error {
			k, err := a.open(ctx)
			if err != nil {
				return err
			}
			user, err := k.lookUpUser(ctx, args[0])
			if err != nil {
				return err
			}
			var details userDetails
			if details.Contacts, err = k.Contacts(ctx, user.ID); err != nil {
				return err
			}
			if details.Roles, err = k.grants(ctx, user.ID); err != nil {
				return err
			}
			if details.Password, err = k.PasswordState(ctx, user.ID); err != nil {
				return err
			}
			details.userWithEmail = withEmail(user, details.Contacts)
			lines := slices.Concat([]string{"id", "kind", "status"}, profileLines(),
				[]string{"created_at", "updated_at", "deleted_at", "password.has_password", "password.must_change"})
			err = printItem(a, details, lines...)
			if err != nil || a.json || len(a.fields) > 0 {
				return err
			}
			return a.printContactsAndRoles(details)
		})
}

// profileLines are the fields of a user's profile, in the order in which they are printed.
func profileLines() []string {
	var lines []string
	for _, f := range directory.ProfileFields {
		lines = append(lines, "profile."+f.Name)
	}
	return lines
}

func (a *app) usersCreate() *cobra.Command {
	var in cardinal.NewUser
	var from passwordFlags
	var preferences, attributes string
	c := command("create", "Create a user",
		"  cardinal users create --email bob@example.com --email-verified --display-name 'Bob'\n"+
			"  cardinal users create --kind service --display-name billing",
		func(ctx context.Context, _ []string) error {
			var err error
			if in.Preferences, err = a.jsonObject("preferences", preferences); err != nil {
				return err
			}
			if in.Attributes, err = a.jsonObject("attributes", attributes); err != nil {
				return err
			}
			if from.isSet() {
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
			suffix := ""
			if in.Password == "" && in.Kind != "service" {
				suffix = ", without a password"
			}
			undo := a.rerunCommand("users", "delete", user.ID.String(), "--yes")
			return printChanged(a, userWithEmail{User: user, Email: in.Email, EmailVerified: in.EmailVerified}, undo,
				"created %s%s%s", user.ID, parenthesize(in.Email), suffix)
		})
	c.Flags().StringVar(&in.Kind, "kind", "", "`KIND`: person (default) or service")
	c.Flags().StringVar(&in.Email, "email", "", "email `ADDRESS`")
	c.Flags().BoolVar(&in.EmailVerified, "email-verified", false, "mark the address as verified")
	c.Flags().StringVar(&in.Phone, "phone", "", "phone `NUMBER`, in international format")
	c.Flags().BoolVar(&in.PhoneVerified, "phone-verified", false, "mark the number as verified")
	c.Flags().BoolVar(&in.MustChangePassword, "must-change-password", false,
		"require a change of the password at the first sign-in (the default)")
	c.Flags().BoolVar(&in.ChosenByUser, "chosen-by-user", false, "require no change: the user chose this password")
	c.MarkFlagsMutuallyExclusive("must-change-password", "chosen-by-user")
	profileFlags(c, &in, &preferences, &attributes)
	return from.addTo(c)
}

// profileFlags adds the flags of a profile; creating and editing a user have the same ones. The texts are read into a
// new user.
func profileFlags(c *cobra.Command, texts *cardinal.NewUser, preferences, attributes *string) {
	for _, f := range directory.ProfileFields {
		if f.Doc != "" {
			c.Flags().StringVar(f.Text(texts), profileFlag(f), "", f.Doc)
		}
	}
	c.Flags().StringVar(preferences, "preferences", "",
		"interface settings as a `JSON` object; - reads it from standard input")
	c.Flags().StringVar(attributes, "attributes", "",
		"declared custom attributes as a `JSON` object; - reads it from standard input")
}

// profileFlag returns the name of the flag of a field: display-name for display_name.
func profileFlag(f directory.ProfileField) string {
	return strings.ReplaceAll(f.Name, "_", "-")
}

// parenthesize returns " (s)", or "" for an empty text.
func parenthesize(s string) string {
	if s == "" {
		return ""
	}
	return " (" + sanitize(s) + ")"
}
