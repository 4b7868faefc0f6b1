package directory_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cardinal"
	"cardinal/internal/directory/directorytest"
	"cardinal/internal/signin"
)

// contactOf returns the only contact of a user.
func contactOf(t *testing.T, w *world, userID [16]byte) cardinal.Contact {
	t.Helper()
	contacts := value(w.Operator().Contacts(t.Context(), userID))(t)
	if len(contacts) != 1 {
		t.Fatalf("%d contacts", len(contacts))
	}
	return contacts[0]
}

// A caller who signs up with the address of another person knows the password of the account. When an administrator
// verifies the address, the owner gets the account without that password.
func TestVerificationRemovesCreatorsAccess(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.SetSetting(t, "sign_up.mode", "open")
		signUp := func(t *testing.T) (cardinal.User, string) {
			t.Helper()
			email := newEmail()
			in := cardinal.SignUp{Email: email, Password: goodPassword}
			return value(signin.SignUp(ctx, w.Anonymous(""), in))(t), email
		}
		refused := func(t *testing.T, email string) {
			t.Helper()
			in := cardinal.SignIn{Identifier: email, Password: goodPassword}
			_, err := signin.WithPassword(ctx, w.Anonymous("192.0.2.1"), in)
			expectRefusal(t, err, "invalid_credentials")
		}
		verify := cardinal.ContactChange{Verified: cardinal.Set(true)}
		t.Run("Verify", func(t *testing.T) {
			u, email := signUp(t)
			c := contactOf(t, w, u.ID)
			after := value(w.Operator().UpdateContact(ctx, u.ID, c.ID, c.Version, verify))(t)
			if diff := cmp.Diff(&cardinal.RemovedAccess{Password: true}, after.Removed); diff != "" {
				t.Error(diff)
			}
			if w.User(t, u.ID).Status != "active" || value(w.Operator().PasswordState(ctx, u.ID))(t).HasPassword {
				t.Error("the user is not active, or has the password of who signed up")
			}
			refused(t, email)
		})
		t.Run("AddVerified", func(t *testing.T) {
			u, _ := signUp(t)
			email := newEmail()
			in := cardinal.NewContact{Kind: "email", Value: email, Verified: true}
			c := value(w.Operator().AddContact(ctx, u.ID, in))(t)
			if c.Removed == nil || !c.Removed.Password {
				t.Errorf("removed: %+v", c.Removed)
			}
			refused(t, email)
		})
		t.Run("APIKey", func(t *testing.T) {
			u, email := signUp(t)
			role := w.NewRole(t, "contacts.update", "contacts.verify", "users.read")
			service := w.NewService(t, role)
			key := w.DeskOfToken(t, w.NewAPIKey(t, service, role).Token)
			c := contactOf(t, w, u.ID)
			if after := value(key.UpdateContact(ctx, u.ID, c.ID, c.Version, verify))(t); after.Removed == nil {
				t.Error("nothing was removed")
			}
			refused(t, email)
		})
		t.Run("Confirmed", func(t *testing.T) {
			u, email := signUp(t)
			c := contactOf(t, w, u.ID)
			in := cardinal.ContactChange{Verified: cardinal.Set(true), PasswordConfirmed: true}
			if after := value(w.Operator().UpdateContact(ctx, u.ID, c.ID, c.Version, in))(t); after.Removed != nil {
				t.Errorf("removed: %+v", after.Removed)
			}
			session := w.SignIn(t, email, goodPassword)
			// A later address of the account, without the confirmation.
			more := cardinal.NewContact{Kind: "email", Value: newEmail(), Verified: true}
			added := value(w.Operator().AddContact(ctx, u.ID, more))(t)
			want := &cardinal.RemovedAccess{Password: true, Sessions: 1}
			if diff := cmp.Diff(want, added.Removed); diff != "" || w.SessionActive(t, session) {
				t.Error("the session is active, or: " + diff)
			}
		})
		t.Run("CreatedByAdministrator", func(t *testing.T) {
			email := newEmail()
			u := value(w.Operator().CreateUser(ctx, cardinal.NewUser{Email: email, Password: goodPassword}))(t)
			c := contactOf(t, w, u.ID)
			if after := value(w.Operator().UpdateContact(ctx, u.ID, c.ID, c.Version, verify))(t); after.Removed != nil {
				t.Errorf("removed: %+v", after.Removed)
			}
			w.SignIn(t, email, goodPassword)
		})
	})
}

// Reactivating a suspended sign-up makes the account active, but verifies nothing.
func TestActivationVerifiesNothing(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.SetSetting(t, "sign_up.mode", "open")
		email := newEmail()
		u := value(signin.SignUp(ctx, w.Anonymous(""), cardinal.SignUp{Email: email, Password: goodPassword}))(t)
		u = value(w.Operator().SuspendUser(ctx, u.ID, u.Version))(t)
		u = value(w.Operator().ReactivateUser(ctx, u.ID, u.Version))(t)
		if u.Status != "active" || contactOf(t, w, u.ID).Verified {
			t.Errorf("the user is %s", u.Status)
		}
		in := cardinal.SignIn{Identifier: email, Password: goodPassword}
		_, err := signin.WithPassword(ctx, w.Anonymous("192.0.2.1"), in)
		expectRefusal(t, err, "invalid_credentials")
		c := contactOf(t, w, u.ID)
		change := cardinal.ContactChange{Verified: cardinal.Set(true), PasswordConfirmed: true}
		value(w.Operator().UpdateContact(ctx, u.ID, c.ID, c.Version, change))(t)
		w.SignIn(t, email, goodPassword)
	})
}

// The answer to an address that a user adds is the same whether another user has it or not.
func TestAddedContactDisclosesNothing(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		_, verified := w.NewPerson(t)
		given, free := newEmail(), newEmail()
		value(w.Operator().CreateUser(ctx, cardinal.NewUser{Email: given}))(t)
		u, own := w.NewPerson(t)
		var answers []cardinal.Contact
		for _, email := range []string{verified, given, free} {
			w.ResetEvents(t)
			c := value(w.DeskOf(u).AddContact(ctx, u.ID, cardinal.NewContact{Kind: "email", Value: email}))(t)
			w.ExpectEvents(t, event{
				Action: "contact.add", Actor: u.ID, Subject: u.ID,
				Changes: []string{"contacts.kind >email", "contacts.value_sealed"}, Rows: []string{"contacts"},
			})
			answers = append(answers, cardinal.Contact{
				Kind: c.Kind, IsPrimary: c.IsPrimary, Verified: c.Verified, GivenBy: c.GivenBy, Version: c.Version,
			})
			_, err := w.DeskOf(u).AddContact(ctx, u.ID, cardinal.NewContact{Kind: "email", Value: email})
			expectRefusal(t, err, "identifier_already_yours")
		}
		want := cardinal.Contact{Kind: "email", GivenBy: "user", Version: 1}
		if diff := cmp.Diff([]cardinal.Contact{want, want, want}, answers); diff != "" {
			t.Error(diff)
		}
		_, err := w.DeskOf(u).AddContact(ctx, u.ID, cardinal.NewContact{Kind: "email", Value: own})
		expectRefusal(t, err, "identifier_already_yours")
		_, err = w.DeskOf(u).AddContact(ctx, u.ID, cardinal.NewContact{Kind: "email", Value: newEmail()})
		expectRefusal(t, err, "too_many_unverified_contacts")
	})
}

func TestOwnChangesAreLimited(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		t.Run("Contacts", func(t *testing.T) {
			u, _ := w.NewPerson(t)
			add := func() error {
				c, err := w.DeskOf(u).AddContact(ctx, u.ID, cardinal.NewContact{Kind: "email", Value: newEmail()})
				if err == nil {
					err = w.DeskOf(u).RemoveContact(ctx, u.ID, c.ID, c.Version)
				}
				return err
			}
			for range 10 {
				noError(t, add())
			}
			w.Clock.Add(10 * time.Minute)
			err := add()
			expectRefusal(t, err, "too_many_changes")
			if wait := err.(*cardinal.Refusal).RetryAfter; wait > 50*time.Minute || wait < 49*time.Minute {
				t.Errorf("retry after %s", wait)
			}
			w.Clock.Add(51 * time.Minute)
			noError(t, add())
		})
		t.Run("UsernamesConcurrently", func(t *testing.T) {
			u, _ := w.NewPerson(t)
			taken := fmt.Sprintf("taken%d", directorytest.NextNumber())
			value(w.Operator().CreateUser(ctx, cardinal.NewUser{Username: taken}))(t)
			var calls []func(context.Context) error
			for range 30 {
				calls = append(calls, func(ctx context.Context) error {
					in := cardinal.ProfileChange{Username: cardinal.Set(taken)}
					return errorOf(w.DeskOf(u).UpdateProfile(ctx, u.ID, 1, in))
				})
			}
			answered := 0
			for _, err := range directorytest.Concurrently(calls...) {
				if code := errorCode(err); code == "identifier_taken" {
					answered++
				} else if code != "too_many_changes" {
					t.Errorf("%v", err)
				}
			}
			if answered != 10 {
				t.Errorf("%d of 30 questions were answered", answered)
			}
			// What says nothing about other users is not counted.
			value(w.DeskOf(u).UpdateProfile(ctx, u.ID, 1, cardinal.ProfileChange{DisplayName: cardinal.Set("Ada")}))(t)
			in := cardinal.ProfileChange{Username: cardinal.Set(taken + "a")}
			value(w.Operator().UpdateProfile(ctx, u.ID, 2, in))(t)
			value(w.DeskOf(u).UpdateUser(ctx, u.ID, u.Version, cardinal.UserChange{
				Profile: cardinal.ProfileChange{Username: cardinal.Set(taken + "A")},
			}))(t)
			_, err := w.DeskOf(u).UpdateUser(ctx, u.ID, u.Version+1, cardinal.UserChange{
				Profile: cardinal.ProfileChange{Username: cardinal.Set(taken)},
			})
			expectRefusal(t, err, "too_many_changes")
		})
	})
}

func TestReservedUsernames(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		u, _ := w.NewPerson(t)
		for _, name := range []string{"Administrator", "root", "ＳＵＰＰＯＲＴ"} {
			_, err := w.DeskOf(u).UpdateProfile(ctx, u.ID, 1, cardinal.ProfileChange{Username: cardinal.Set(name)})
			expectRefusal(t, err, "username_reserved")
		}
		value(w.Operator().UpdateProfile(ctx, u.ID, 1, cardinal.ProfileChange{Username: cardinal.Set("root")}))(t)
		value(w.DeskOf(u).UpdateProfile(ctx, u.ID, 2, cardinal.ProfileChange{Username: cardinal.Set("Root")}))(t)
	})
}

func TestAddressOwners(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.SetSetting(t, "sign_up.mode", "open")
		owners := func(t *testing.T, email string) []cardinal.AddressOwner {
			t.Helper()
			return value(w.Operator().AddressOwners(ctx, email))(t)
		}
		email := newEmail()
		if found := owners(t, email); len(found) != 0 {
			t.Errorf("owners of a new address: %+v", found)
		}
		signedUp := value(signin.SignUp(ctx, w.Anonymous(""), cardinal.SignUp{Email: email, Password: goodPassword}))(t)
		given := value(w.Operator().CreateUser(ctx, cardinal.NewUser{Email: email}))(t)
		found := owners(t, " "+email)
		if len(found) != 2 || found[0].UserID != given.ID || found[0].GivenBy != "administrator" || found[0].Verified ||
			found[1].UserID != signedUp.ID || found[1].GivenBy != "user" || found[1].Verified {
			t.Errorf("owners of an unverified address: %+v", found)
		}
		c := contactOf(t, w, given.ID)
		value(w.Operator().UpdateContact(ctx, given.ID, c.ID, c.Version,
			cardinal.ContactChange{Verified: cardinal.Set(true)}))(t)
		if found := owners(t, email); len(found) != 1 || found[0].UserID != given.ID || !found[0].Verified {
			t.Errorf("owners of a verified address: %+v", found)
		}
		_, err := w.Operator().AddressOwners(ctx, "nonsense")
		expectRefusal(t, err, "/email email_format")
	})
}

func TestUnverifiedExpire(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.SetSetting(t, "sign_up.mode", "open")
		u, own := w.NewPerson(t)
		value(w.DeskOf(u).AddContact(ctx, u.ID, cardinal.NewContact{Kind: "email", Value: newEmail()}))(t)
		given := value(w.Operator().CreateUser(ctx, cardinal.NewUser{Email: newEmail(), Password: goodPassword}))(t)
		in := cardinal.SignUp{Email: newEmail(), Password: goodPassword}
		pending := value(signin.SignUp(ctx, w.Anonymous(""), in))(t)
		run := func() {
			w.RunJob(t, "unverified_contacts.expire")
			w.RunJob(t, "unverified_accounts.expire")
		}
		w.ResetEvents(t)
		run()
		w.Clock.Add(unverifiedLifetime - time.Minute)
		run()
		w.ExpectEvents(t)
		w.Clock.Add(2 * time.Minute)
		run()
		w.ExpectEvents(t, event{
			Action: "contact.expire", Actor: cardinal.SystemID, Subject: u.ID, Rows: []string{"-contacts"},
		}, event{
			Action: "user.expire", Actor: cardinal.SystemID, Subject: pending.ID,
			Changes: []string{"users.status pending>deleted"}, Rows: []string{"users"},
		})
		if contactOf(t, w, u.ID).Value != own {
			t.Error("the user lost the verified address")
		}
		if contactOf(t, w, given.ID).Verified || contactOf(t, w, pending.ID).GivenBy != "user" {
			t.Error("a contact that is kept changed")
		}
		// An account that was restored waits for the whole time again.
		restored := w.User(t, pending.ID)
		value(w.Operator().RestoreUser(ctx, pending.ID, restored.Version))(t)
		w.ResetEvents(t)
		run()
		w.ExpectEvents(t)
		w.Clock.Add(unverifiedLifetime + time.Minute)
		run()
		if status := w.User(t, pending.ID).Status; status != "deleted" {
			t.Errorf("the restored account is %s", status)
		}
	})
}
