package directory_test

import (
	"fmt"
	"testing"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/directory/directorytest"
	"cardinal/internal/signin"
)

func TestContacts(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.SetSetting(t, "sign_up.mode", "open")
		t.Run("AddAndChangePrimary", func(t *testing.T) {
			u, _ := w.NewPerson(t)
			desk := w.DeskOf(u)
			w.ResetEvents(t)
			second := value(desk.AddContact(ctx, u.ID, cardinal.NewContact{
				Kind: "email", Value: " Second@Example.com ",
			}))(t)
			if second.IsPrimary || second.VerifiedAt != nil || second.Value != "Second@Example.com" ||
				second.Version != 1 {
				t.Errorf("second %+v", second)
			}
			w.ExpectEvents(t, event{
				Action: "contact.add", Actor: u.ID, Subject: u.ID,
				Changes: []string{"contacts.kind >email", "contacts.value_sealed"},
				Rows:    []string{"contacts"},
			})
			phone := value(desk.AddContact(ctx, u.ID, cardinal.NewContact{
				Kind: "phone", Value: fmt.Sprintf("+4930%07d", directorytest.NextNumber()),
			}))(t)
			if !phone.IsPrimary {
				t.Error("the first of its kind is not the primary one")
			}
			w.ResetEvents(t)
			second = value(desk.UpdateContact(ctx, u.ID, second.ID, second.Version, cardinal.ContactChange{
				IsPrimary: cardinal.Set(true),
			}))(t)
			w.ExpectEvents(t, event{
				Action: "contact.update", Actor: u.ID, Subject: u.ID,
				Changes: []string{"contacts.is_primary false>true"},
				Rows:    []string{"contacts", "contacts"},
			})
			third := value(desk.AddContact(ctx, u.ID, cardinal.NewContact{
				Kind: "email", Value: newEmail(), IsPrimary: true,
			}))(t)
			all := value(desk.Contacts(ctx, u.ID))(t)
			if len(all) != 4 || all[0].IsPrimary || all[1].IsPrimary || !all[2].IsPrimary || !all[3].IsPrimary ||
				all[3].ID != third.ID {
				t.Errorf("contacts %+v", all)
			}
			w.ResetEvents(t)
			again := value(desk.UpdateContact(ctx, u.ID, third.ID, third.Version, cardinal.ContactChange{
				IsPrimary: cardinal.Set(true),
			}))(t)
			if again.Version != third.Version {
				t.Error("no change raised the version")
			}
			w.ExpectEvents(t)
			// When the primary contact is removed, the oldest of its kind becomes primary.
			noError(t, desk.RemoveContact(ctx, u.ID, third.ID, third.Version))
			w.ExpectEvents(t, event{
				Action: "contact.remove", Actor: u.ID, Subject: u.ID,
				Rows: []string{"-contacts", "contacts"},
			})
			if all := value(desk.Contacts(ctx, u.ID))(t); !all[0].IsPrimary {
				t.Errorf("contacts %+v", all)
			}
			directorytest.ExpectSameJSON(t, all[1].ID, value(desk.Contact(ctx, u.ID, second.ID))(t).ID)
		})
		t.Run("ContactsOfSeveralUsers", func(t *testing.T) {
			a, _ := w.NewPerson(t)
			b, _ := w.NewPerson(t)
			value(w.Operator().AddContact(ctx, a.ID, cardinal.NewContact{Kind: "email", Value: newEmail()}))(t)
			service, unknown := w.NewService(t), cardinal.NewID()
			ids := []uuid.UUID{b.ID, unknown, a.ID, service.ID, a.ID, cardinal.SystemID}
			want := map[uuid.UUID][]cardinal.Contact{
				a.ID: value(w.Operator().Contacts(ctx, a.ID))(t), b.ID: value(w.Operator().Contacts(ctx, b.ID))(t),
			}
			if len(want[a.ID]) != 2 || len(want[b.ID]) != 1 {
				t.Fatalf("contacts %+v", want)
			}
			directorytest.ExpectSameJSON(t, want, value(w.Operator().ContactsOf(ctx, ids))(t))
			directorytest.ExpectSameJSON(
				t,
				map[uuid.UUID][]cardinal.Contact{},
				value(w.Operator().ContactsOf(ctx, nil))(t),
			)
		})
		t.Run("InvalidInput", func(t *testing.T) {
			u, email := w.NewPerson(t)
			desk := w.Operator()
			_, err := desk.AddContact(ctx, u.ID, cardinal.NewContact{Kind: "pigeon", Value: "coo"})
			expectRefusal(t, err, "/kind contact_kind_unknown")
			_, err = desk.AddContact(ctx, u.ID, cardinal.NewContact{Kind: "email", Value: "coo"})
			expectRefusal(t, err, "/value email_format")
			_, err = desk.AddContact(ctx, u.ID, cardinal.NewContact{Kind: "email", Value: email})
			expectRefusal(t, err, "identifier_already_yours")
			c := value(desk.Contacts(ctx, u.ID))(t)[0]
			_, err = desk.UpdateContact(ctx, u.ID, c.ID, c.Version, cardinal.ContactChange{
				IsPrimary: cardinal.Set(false), Verified: cardinal.Clear[bool](),
			})
			expectRefusal(t, err, "/is_primary must_be_true, /verified must_be_true")
			_, err = desk.UpdateContact(ctx, u.ID, c.ID, c.Version+1, cardinal.ContactChange{
				IsPrimary: cardinal.Set(true),
			})
			expectRefusal(t, err, "stale 1")
			expectRefusal(t, desk.RemoveContact(ctx, u.ID, c.ID, c.Version+1), "stale 1")
			other, _ := w.NewPerson(t)
			_, err = desk.Contact(ctx, other.ID, c.ID)
			expectRefusal(t, err, "not_found")
			expectRefusal(t, desk.RemoveContact(ctx, other.ID, c.ID, c.Version), "not_found")
		})
		t.Run("VerifyActivatesPending", func(t *testing.T) {
			email := newEmail()
			u := value(signin.SignUp(ctx, w.Anonymous("198.51.100.1"), cardinal.SignUp{
				Email: email, Password: goodPassword,
			}))(t)
			helper, _ := w.NewPerson(t, "support", w.NewRole(t, "contacts.verify"))
			c := value(w.Operator().Contacts(ctx, u.ID))(t)[0]
			if u.Status != "pending" || c.VerifiedAt != nil {
				t.Fatalf("signed up as %+v with %+v", u, c)
			}
			w.ResetEvents(t)
			c = value(w.DeskOf(helper).UpdateContact(ctx, u.ID, c.ID, c.Version, cardinal.ContactChange{
				Verified: cardinal.Set(true),
			}))(t)
			if c.VerifiedAt == nil || w.User(t, u.ID).Status != "active" {
				t.Errorf("contact %+v", c)
			}
			w.ExpectEvents(t, event{
				Action: "contact.update", Actor: helper.ID, Subject: u.ID,
				Changes: []string{"contacts.verified_at >time", "credentials.hash", "users.status pending>active"},
				Rows:    []string{"-credentials", "contacts", "identifiers", "users"},
			})
			value(w.DeskOf(helper).UpdateContact(ctx, u.ID, c.ID, c.Version, cardinal.ContactChange{
				Verified: cardinal.Set(true),
			}))(t)
			w.ResetEvents(t)

			second := value(signin.SignUp(ctx, w.Anonymous("198.51.100.2"), cardinal.SignUp{
				Email: newEmail(), Password: goodPassword,
			}))(t)
			value(w.DeskOf(helper).AddContact(ctx, second.ID, cardinal.NewContact{
				Kind: "email", Value: newEmail(), Verified: true,
			}))(t)
			if w.User(t, second.ID).Status != "active" {
				t.Error("a verified contact does not activate the user")
			}
		})
		t.Run("VerifyKeepsSuspended", func(t *testing.T) {
			u := value(w.Operator().CreateUser(ctx, cardinal.NewUser{Email: newEmail()}))(t)
			value(w.Operator().SuspendUser(ctx, u.ID, u.Version))(t)
			c := value(w.Operator().Contacts(ctx, u.ID))(t)[0]
			value(w.Operator().UpdateContact(ctx, u.ID, c.ID, c.Version, cardinal.ContactChange{
				Verified: cardinal.Set(true),
			}))(t)
			if s := w.User(t, u.ID).Status; s != "suspended" {
				t.Errorf("status %s", s)
			}
		})
		t.Run("LastIdentifierKept", func(t *testing.T) {
			u, _ := w.NewPerson(t)
			c := value(w.Operator().Contacts(ctx, u.ID))(t)[0]
			w.ResetEvents(t)
			expectRefusal(t, w.DeskOf(u).RemoveContact(ctx, u.ID, c.ID, c.Version), "last_sign_in_identifier")
			w.ExpectEvents(t)
			value(w.DeskOf(u).UpdateProfile(ctx, u.ID, 1, cardinal.ProfileChange{
				Username: cardinal.Set("way" + u.ID.String()[24:]),
			}))(t)
			noError(t, w.DeskOf(u).RemoveContact(ctx, u.ID, c.ID, c.Version))
			_, err := w.DeskOf(u).UpdateProfile(ctx, u.ID, 2, cardinal.ProfileChange{
				Username: cardinal.Clear[string](),
			})
			expectRefusal(t, err, "last_sign_in_identifier")
			// A user without a password cannot sign in, so the last identifier can be removed.
			free := value(w.Operator().CreateUser(ctx, cardinal.NewUser{Email: newEmail()}))(t)
			c = value(w.Operator().Contacts(ctx, free.ID))(t)[0]
			noError(t, w.Operator().RemoveContact(ctx, free.ID, c.ID, c.Version))
			_, err = w.Operator().SetPassword(ctx, free.ID, 0,
				cardinal.PasswordSet{ChosenByUser: true, New: goodPassword})
			expectRefusal(t, err, "last_sign_in_identifier")
		})
		t.Run("MaxContacts", func(t *testing.T) {
			u, _ := w.NewPerson(t)
			for range cardinal.MaxContacts - 1 {
				value(w.Operator().AddContact(ctx, u.ID, cardinal.NewContact{Kind: "email", Value: newEmail()}))(t)
			}
			_, err := w.DeskOf(u).AddContact(ctx, u.ID, cardinal.NewContact{Kind: "email", Value: newEmail()})
			expectRefusal(t, err, "too_many_contacts")
		})
	})
}

// TestVerifiedNeedsPermission: an address that is marked as verified signs in, so to change contacts is not enough.
func TestVerifiedNeedsPermission(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		maker := w.NewRole(t, "users.create", "users.read", "contacts.update")
		helper, _ := w.NewPerson(t, maker)
		verifier, _ := w.NewPerson(t, maker, w.NewRole(t, "contacts.verify"))
		only, _ := w.NewPerson(t, w.NewRole(t, "contacts.verify"))
		u, _ := w.NewPerson(t)
		open := value(w.Operator().AddContact(ctx, u.ID, cardinal.NewContact{Kind: "email", Value: newEmail()}))(t)
		for name, call := range map[string]func(k directory.Desk) error{
			"AddContact": func(k directory.Desk) error {
				in := cardinal.NewContact{Kind: "email", Value: newEmail(), Verified: true}
				return errorOf(k.AddContact(ctx, u.ID, in))
			},
			"UpdateContact": func(k directory.Desk) error {
				in := cardinal.ContactChange{Verified: cardinal.Set(true)}
				return errorOf(k.UpdateContact(ctx, u.ID, open.ID, open.Version, in))
			},
			"CreateUser, email": func(k directory.Desk) error {
				return errorOf(k.CreateUser(ctx, cardinal.NewUser{Email: newEmail(), EmailVerified: true}))
			},
			"CreateUser, phone": func(k directory.Desk) error {
				in := cardinal.NewUser{Phone: "+442079460000", PhoneVerified: true}
				return errorOf(k.CreateUser(ctx, in))
			},
		} {
			w.ResetEvents(t)
			expectRefusal(t, call(w.DeskOf(helper)), "permission_missing")
			if events := w.Events(t); len(events) != 1 || !events[0].IsRefused || events[0].ActorID != helper.ID {
				t.Errorf("%s: the events of the refusal are %+v", name, events)
			}
			expectRefusal(t, call(w.DeskOf(only)), "permission_missing")
			noError(t, call(w.DeskOf(verifier)))
		}
	})
}
