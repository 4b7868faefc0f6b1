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

const claimLifetime = 7 * 24 * time.Hour

func TestIdentifierClaims(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.SetSetting(t, "sign_up.mode", "open")
		t.Run("UnverifiedReservedUntilExpiry", func(t *testing.T) {
			email := newEmail()
			first := value(signin.SignUp(ctx, w.Anonymous("198.51.100.3"), cardinal.SignUp{
				Email: email, Password: goodPassword,
			}))(t)
			_, err := signin.SignUp(ctx, w.Anonymous("198.51.100.4"), cardinal.SignUp{
				Email: email, Password: goodPassword,
			})
			expectRefusal(t, err, "identifier_taken")
			w.Clock.Add(claimLifetime - time.Minute)
			_, err = signin.SignUp(ctx, w.Anonymous("198.51.100.4"), cardinal.SignUp{
				Email: email, Password: goodPassword,
			})
			expectRefusal(t, err, "identifier_taken")
			w.Clock.Add(2 * time.Minute)
			w.ResetEvents(t)
			second := value(signin.SignUp(ctx, w.Anonymous("198.51.100.4"), cardinal.SignUp{
				Email: email, Password: goodPassword,
			}))(t)
			w.ExpectEvents(t, event{
				Action: "contact.displace", Actor: cardinal.AnonymousID, Subject: first.ID,
				Changes: []string{"users.status pending>deleted"},
				Rows:    []string{"-contacts", "-identifiers", "users"},
			}, event{
				Action: "user.sign_up", Actor: cardinal.AnonymousID, Subject: second.ID,
				Changes: []string{
					"contacts.value_sealed", "credentials.hash", "users.kind >person", "users.status >pending",
				},
				Rows: []string{"contacts", "credentials", "identifiers", "profiles", "user_keys", "users"},
			})
		})
		t.Run("VerifiedReplacesUnverified", func(t *testing.T) {
			email, own := newEmail(), newEmail()
			previous := value(w.Operator().CreateUser(ctx, cardinal.NewUser{
				DisplayName: "Previous", Email: own, EmailVerified: true, Password: goodPassword,
			}))(t)
			value(w.DeskOf(previous).AddContact(ctx, previous.ID, cardinal.NewContact{Kind: "email", Value: email}))(t)
			in := w.SignIn(t, own, goodPassword)
			verified, _ := w.NewPerson(t)
			w.ResetEvents(t)
			value(w.Operator().AddContact(ctx, verified.ID, cardinal.NewContact{
				Kind: "email", Value: email, Verified: true,
			}))(t)
			w.ExpectEvents(t, event{
				Action: "contact.displace", Actor: cardinal.OperatorID, Subject: previous.ID,
				Changes: []string{"sessions.ended >1"},
				Rows:    []string{"-contacts", "-identifiers", "sessions"},
			}, event{
				Action: "contact.add", Actor: cardinal.OperatorID, Subject: verified.ID,
				Changes: []string{"contacts.kind >email", "contacts.value_sealed"},
				Rows:    []string{"contacts", "identifiers"},
			})
			if w.SessionActive(t, in) {
				t.Error("the session of the previous user is still active")
			}
			if u := w.User(t, previous.ID); u.Status != "active" {
				t.Errorf("the previous user is %s", u.Status)
			}
			if c := value(w.Operator().Contacts(ctx, previous.ID))(t); len(c) != 1 || c[0].Value != own {
				t.Errorf("the contacts of the previous user: %+v", c)
			}
			if p := value(w.Operator().Profile(ctx, previous.ID))(t); p.DisplayName != "Previous" {
				t.Errorf("the profile of the previous user: %+v", p)
			}
			if in := w.SignIn(t, own, goodPassword); in.Session.UserID != previous.ID {
				t.Error("the previous user cannot sign in")
			}
			if in := w.SignIn(t, email, goodPassword); in.Session.UserID != verified.ID {
				t.Error("the address still belongs to the previous user")
			}
		})
		t.Run("PendingUserDeleted", func(t *testing.T) {
			email := newEmail()
			pending := value(signin.SignUp(ctx, w.Anonymous("198.51.100.5"), cardinal.SignUp{
				Email: email, Password: goodPassword,
			}))(t)
			value(w.Operator().CreateUser(ctx, cardinal.NewUser{Email: email, EmailVerified: true}))(t)
			if u := w.User(t, pending.ID); u.Status != "deleted" {
				t.Errorf("the previous user is %s", u.Status)
			}
		})
		t.Run("SuspendedUserKept", func(t *testing.T) {
			email := newEmail()
			u := value(w.Operator().CreateUser(ctx, cardinal.NewUser{Email: email, Password: goodPassword}))(t)
			value(w.Operator().SuspendUser(ctx, u.ID, u.Version))(t)
			value(w.Operator().CreateUser(ctx, cardinal.NewUser{Email: email, EmailVerified: true}))(t)
			if u := w.User(t, u.ID); u.Status != "suspended" {
				t.Errorf("the previous user is %s", u.Status)
			}
		})
		t.Run("VerifiedNeverReplaced", func(t *testing.T) {
			_, email := w.NewPerson(t)
			verified, _ := w.NewPerson(t)
			w.Clock.Add(2 * claimLifetime)
			_, err := w.Operator().AddContact(ctx, verified.ID, cardinal.NewContact{
				Kind: "email", Value: email, Verified: true,
			})
			expectRefusal(t, err, "identifier_taken")
		})
		t.Run("JobReleasesExpired", func(t *testing.T) {
			pending := value(signin.SignUp(ctx, w.Anonymous("198.51.100.6"), cardinal.SignUp{
				Email: newEmail(), Password: goodPassword,
			}))(t)
			active, _ := w.NewPerson(t)
			value(w.DeskOf(active).AddContact(ctx, active.ID, cardinal.NewContact{Kind: "email", Value: newEmail()}))(t)
			w.Clock.Add(claimLifetime + time.Minute)
			w.RunJob(t, "unverified_contacts.expire")
			if u := w.User(t, pending.ID); u.Status != "deleted" {
				t.Errorf("the user with an expired address is %s", u.Status)
			}
			if c := value(w.Operator().Contacts(ctx, active.ID))(t); len(c) != 1 {
				t.Errorf("contacts %+v", c)
			}
			w.ResetEvents(t)
			w.RunJob(t, "unverified_contacts.expire")
			w.ExpectEvents(t)
		})
		t.Run("JobKeepsLastIdentifier", func(t *testing.T) {
			var all []cardinal.User
			for range 3 {
				in := cardinal.NewUser{Email: newEmail(), Password: goodPassword}
				all = append(all, value(w.Operator().CreateUser(ctx, in))(t))
			}
			value(w.Operator().SuspendUser(ctx, all[1].ID, 1))(t)
			value(w.Operator().DeleteUser(ctx, all[2].ID, 1))(t)
			w.Clock.Add(claimLifetime + time.Minute)
			// No other user gets it before the job runs.
			email := value(w.Operator().Contacts(ctx, all[0].ID))(t)[0].Value
			_, err := signin.SignUp(ctx, w.Anonymous("198.51.100.7"), cardinal.SignUp{
				Email: email, Password: goodPassword,
			})
			expectRefusal(t, err, "identifier_taken")
			w.RunJob(t, "unverified_contacts.expire")
			for i, status := range []string{"active", "suspended", "deleted"} {
				u, c := w.User(t, all[i].ID), value(w.Operator().Contacts(ctx, all[i].ID))(t)
				if u.Status != status || len(c) != 1 {
					t.Errorf("%s: now %s with %d contacts", status, u.Status, len(c))
				}
			}
			events := w.Events(t)
			for _, e := range events[len(events)-3:] {
				if e.Action != "contact.expire" || len(e.ChangedRows) != 1 {
					t.Errorf("recorded as %+v", e)
				}
				w.ExpectStamp(t, e.ChangedRows[0])
			}
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
			owner := value(w.Operator().CreateUser(ctx, cardinal.NewUser{Email: email}))(t)
			c := value(w.Operator().Contacts(ctx, owner.ID))(t)[0]
			var other sync.WaitGroup
			var err error
			noError(t, w.Store.Write(ctx, func(tx store.Tx) error {
				if _, err := tx.LockUser(ctx, owner.ID); err != nil {
					return err
				}
				if _, err := tx.VerifyIdentifier(ctx, owner.ID, c.ID); err != nil {
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
					Password: goodPassword,
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
				Password: goodPassword,
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
