package directory_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"cardinal"
	"cardinal/internal/directory/directorytest"
	"cardinal/internal/signin"
	"cardinal/internal/store"
)

const unverifiedLifetime = 7 * 24 * time.Hour

func TestIdentifierClaims(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.SetSetting(t, "sign_up.mode", "open")
		signUp := func(t *testing.T, email string) cardinal.User {
			t.Helper()
			return value(signin.SignUp(ctx, w.Anonymous(""), cardinal.SignUp{Email: email, Password: goodPassword}))(t)
		}
		verified := func(email string) cardinal.NewContact {
			return cardinal.NewContact{Kind: "email", Value: email, Verified: true}
		}
		t.Run("TypedAddressReservesNothing", func(t *testing.T) {
			email := newEmail()
			mallory, _ := w.NewPerson(t)
			value(w.DeskOf(mallory).AddContact(ctx, mallory.ID, cardinal.NewContact{Kind: "email", Value: email}))(t)
			first, second := signUp(t, email), signUp(t, email)
			if first.Status != "pending" || second.Status != "pending" {
				t.Errorf("the users who sign up with the address are %s and %s", first.Status, second.Status)
			}
			for _, password := range []string{goodPassword, wrongPassword} {
				_, err := signin.WithPassword(ctx, w.Anonymous("192.0.2.1"),
					cardinal.SignIn{Identifier: email, Password: cardinal.Secret(password)})
				expectRefusal(t, err, "invalid_credentials")
			}
			given := value(w.Operator().CreateUser(ctx, cardinal.NewUser{
				Email: email, ChosenByUser: true, Password: goodPassword,
			}))(t)
			if in := w.SignIn(t, email, goodPassword); in.Session.UserID != given.ID {
				t.Error("the address that an administrator gave signs in another user")
			}
			if owner := w.UserByEmail(t, email); owner.ID != given.ID || *owner.EmailVerified {
				t.Errorf("the address is that of %+v", owner)
			}
		})
		t.Run("VerifiedKeepsTypedContacts", func(t *testing.T) {
			email := newEmail()
			pending, owner := signUp(t, email), cardinal.User{}
			owner = value(w.Operator().CreateUser(ctx, cardinal.NewUser{Email: email, EmailVerified: true}))(t)
			if found := w.UserByEmail(t, email); found.ID != owner.ID || !*found.EmailVerified {
				t.Errorf("the address is that of %+v", found)
			}
			c := value(w.Operator().Contacts(ctx, pending.ID))(t)
			if u := w.User(t, pending.ID); u.Status != "pending" || len(c) != 1 {
				t.Errorf("the user who typed it is %s with %d contacts", u.Status, len(c))
			}
			_, err := w.Operator().UpdateContact(ctx, pending.ID, c[0].ID, c[0].Version,
				cardinal.ContactChange{Verified: cardinal.Set(true)})
			expectRefusal(t, err, "identifier_taken")
		})
		t.Run("GivenAddressesAreUnique", func(t *testing.T) {
			email := newEmail()
			value(w.Operator().CreateUser(ctx, cardinal.NewUser{Email: email}))(t)
			_, err := w.Operator().CreateUser(ctx, cardinal.NewUser{Email: email})
			expectRefusal(t, err, "identifier_taken")
			w.Clock.Add(2 * unverifiedLifetime)
			w.RunJob(t, "unverified_contacts.expire")
			_, err = w.Operator().CreateUser(ctx, cardinal.NewUser{Email: email})
			expectRefusal(t, err, "identifier_taken")
		})
		t.Run("VerifiedReplacesGiven", func(t *testing.T) {
			email, own := newEmail(), newEmail()
			previous := value(w.Operator().CreateUser(ctx, cardinal.NewUser{
				DisplayName: "Previous", Email: own, EmailVerified: true, ChosenByUser: true, Password: goodPassword,
			}))(t)
			value(w.Operator().AddContact(ctx, previous.ID, cardinal.NewContact{Kind: "email", Value: email}))(t)
			in := w.SignIn(t, email, goodPassword)
			owner, _ := w.NewPerson(t)
			w.ResetEvents(t)
			value(w.Operator().AddContact(ctx, owner.ID, verified(email)))(t)
			w.ExpectEvents(t, event{
				Action: "contact.displace", Actor: cardinal.OperatorID, Subject: previous.ID,
				Changes: []string{"sessions.ended >1"},
				Rows:    []string{"-contacts", "-identifiers", "sessions"},
			}, event{
				Action: "contact.add", Actor: cardinal.OperatorID, Subject: owner.ID,
				Changes: []string{"contacts.kind >email", "contacts.value_sealed"},
				Rows:    []string{"contacts", "identifiers"},
			})
			if w.SessionActive(t, in) {
				t.Error("the session of the previous user is still active")
			}
			if c := value(w.Operator().Contacts(ctx, previous.ID))(t); len(c) != 1 || c[0].Value != own {
				t.Errorf("the contacts of the previous user: %+v", c)
			}
			if in := w.SignIn(t, own, goodPassword); in.Session.UserID != previous.ID {
				t.Error("the previous user cannot sign in")
			}
			if in := w.SignIn(t, email, goodPassword); in.Session.UserID != owner.ID {
				t.Error("the address still belongs to the previous user")
			}
		})
		t.Run("LastIdentifierIsNotReplaced", func(t *testing.T) {
			email := newEmail()
			u := value(w.Operator().CreateUser(ctx, cardinal.NewUser{
				Email: email, ChosenByUser: true, Password: goodPassword,
			}))(t)
			other, _ := w.NewPerson(t)
			_, err := w.Operator().AddContact(ctx, other.ID, verified(email))
			expectRefusal(t, err, "identifier_needed")
			if in := w.SignIn(t, email, goodPassword); in.Session.UserID != u.ID {
				t.Error("the user cannot sign in any more")
			}
		})
		t.Run("AddressOfUserWithMorePermissionsIsNotReplaced", func(t *testing.T) {
			email := newEmail()
			boss, _ := w.NewPerson(t, "administrator")
			value(w.Operator().AddContact(ctx, boss.ID, cardinal.NewContact{Kind: "email", Value: email}))(t)
			in := w.SignIn(t, email, goodPassword)
			helper, _ := w.NewPerson(t, w.NewRole(t, "contacts.update", "contacts.verify", "users.read"))
			w.ResetEvents(t)
			_, err := w.DeskOf(helper).AddContact(ctx, helper.ID, verified(email))
			expectRefusal(t, err, "target_has_more_permissions")
			w.ExpectEvents(t, event{Action: "contact.add", Actor: helper.ID, Subject: helper.ID, Refused: true})
			if !w.SessionActive(t, in) {
				t.Error("the session of the administrator has ended")
			}
		})
		t.Run("VerifiedNeverReplaced", func(t *testing.T) {
			_, email := w.NewPerson(t)
			other, _ := w.NewPerson(t)
			w.Clock.Add(2 * unverifiedLifetime)
			_, err := w.Operator().AddContact(ctx, other.ID, verified(email))
			expectRefusal(t, err, "identifier_taken")
		})
	})
}

func TestConcurrentIdentifierClaims(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		t.Run("OneSucceeds", func(t *testing.T) {
			for _, verified := range []bool{true, false} {
				email := newEmail()
				var calls []func(context.Context) error
				for range 12 {
					calls = append(calls, func(ctx context.Context) error {
						in := cardinal.NewUser{Email: email, EmailVerified: verified}
						return errorOf(w.Operator().CreateUser(ctx, in))
					})
				}
				succeeded := 0
				for _, err := range directorytest.Concurrently(calls...) {
					if err == nil {
						succeeded++
					} else {
						expectRefusal(t, err, "identifier_taken")
					}
				}
				if succeeded != 1 {
					t.Errorf("%d succeeded", succeeded)
				}
			}
		})
		t.Run("VerifiedConcurrently", func(t *testing.T) {
			if w.Engine == "sqlite" {
				return // SQLite runs one transaction at a time
			}
			email := newEmail()
			owner := value(w.Operator().CreateUser(ctx, cardinal.NewUser{
				Email: email, Username: fmt.Sprintf("name%d", directorytest.NextNumber()),
			}))(t)
			c := value(w.Store.Read(ctx).Contacts(ctx, owner.ID))(t)[0]
			var other sync.WaitGroup
			var err error
			noError(t, w.Store.Write(ctx, func(tx store.Tx) error {
				if _, err := tx.LockUser(ctx, owner.ID); err != nil {
					return err
				}
				now := w.Clock.Now()
				c.VerifiedAt = &now
				if _, err := tx.UpdateContact(ctx, c, now); err != nil {
					return err
				}
				other.Go(func() {
					_, err = w.Operator().CreateUser(context.Background(), cardinal.NewUser{
						Email: email, EmailVerified: true,
					})
				})
				w.WaitForLock(t)
				return nil
			}))
			other.Wait()
			expectRefusal(t, err, "identifier_taken")
		})
		t.Run("OneIdentifierKept", func(t *testing.T) {
			for range 5 {
				u := value(w.Operator().CreateUser(ctx, cardinal.NewUser{
					Email: newEmail(), EmailVerified: true, Username: fmt.Sprintf("name%d", directorytest.NextNumber()),
					ChosenByUser: true, Password: goodPassword,
				}))(t)
				c := value(w.Operator().Contacts(ctx, u.ID))(t)[0]
				directorytest.Concurrently(
					func(ctx context.Context) error { return w.DeskOf(u).RemoveContact(ctx, u.ID, c.ID, c.Version) },
					func(ctx context.Context) error {
						return errorOf(w.DeskOf(u).UpdateProfile(ctx, u.ID, 1, cardinal.ProfileChange{
							Username: cardinal.Clear[string](),
						}))
					})
				if left := value(w.Store.Read(ctx).Identifiers(ctx, u.ID))(t); len(left) != 1 {
					t.Fatalf("%d identifiers are left", len(left))
				}
			}
		})
		t.Run("UsernameWaitsForContact", func(t *testing.T) {
			if w.Engine == "sqlite" {
				return // SQLite runs one transaction at a time
			}
			u := value(w.Operator().CreateUser(ctx, cardinal.NewUser{
				Email: newEmail(), EmailVerified: true, Username: fmt.Sprintf("name%d", directorytest.NextNumber()),
				ChosenByUser: true, Password: goodPassword,
			}))(t)
			c := value(w.Operator().Contacts(ctx, u.ID))(t)[0]
			var other sync.WaitGroup
			var err error
			noError(t, w.Store.Write(ctx, func(tx store.Tx) error { // the steps of RemoveContact
				if _, err := tx.LockUser(ctx, u.ID); err != nil {
					return err
				}
				if err := tx.DeleteContact(ctx, u.ID, c.ID); err != nil {
					return err
				}
				other.Go(func() {
					_, err = w.DeskOf(u).UpdateProfile(context.Background(), u.ID, 1, cardinal.ProfileChange{
						Username: cardinal.Clear[string](),
					})
				})
				w.WaitForLock(t)
				return nil
			}))
			other.Wait()
			expectRefusal(t, err, "last_sign_in_identifier")
		})
	})
}
