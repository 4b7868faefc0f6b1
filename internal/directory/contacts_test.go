package directory_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"cardinal"
	"cardinal/internal/signin"
	"cardinal/internal/store"
)

const claimLifetime = 7 * 24 * time.Hour

func TestContacts(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.set(t, "sign_up.mode", "open")
		t.Run("AddsAndSwitchesThePrimaryOne", func(t *testing.T) {
			u, _ := w.person(t)
			desk := w.as(u)
			w.forget(t)
			second := must(desk.AddContact(ctx, u.ID, cardinal.NewContact{Kind: "email", Value: " Second@Example.com "}))(t)
			if second.IsPrimary || second.VerifiedAt != nil || second.Value != "Second@Example.com" || second.Version != 1 {
				t.Errorf("second %+v", second)
			}
			w.tells(t, told{action: "contact.add", actor: u.ID, subject: u.ID, changes: []string{"contacts.kind >email", "contacts.value_sealed"}, rows: []string{"contacts", "identifiers"}})
			phone := must(desk.AddContact(ctx, u.ID, cardinal.NewContact{Kind: "phone", Value: fmt.Sprintf("+4930%07d", serial.Add(1))}))(t)
			if !phone.IsPrimary {
				t.Error("the first of its kind is not the primary one")
			}
			w.forget(t)
			second = must(desk.UpdateContact(ctx, u.ID, second.ID, second.Version, cardinal.ContactChange{IsPrimary: cardinal.Set(true)}))(t)
			w.tells(t, told{action: "contact.update", actor: u.ID, subject: u.ID, changes: []string{"contacts.is_primary false>true"}, rows: []string{"contacts", "contacts"}})
			third := must(desk.AddContact(ctx, u.ID, cardinal.NewContact{Kind: "email", Value: anEmail(), IsPrimary: true}))(t)
			all := must(desk.Contacts(ctx, u.ID))(t)
			if len(all) != 4 || all[0].IsPrimary || all[1].IsPrimary || !all[2].IsPrimary || !all[3].IsPrimary || all[3].ID != third.ID {
				t.Errorf("contacts %+v", all)
			}
			w.forget(t)
			again := must(desk.UpdateContact(ctx, u.ID, third.ID, third.Version, cardinal.ContactChange{IsPrimary: cardinal.Set(true)}))(t)
			if again.Version != third.Version {
				t.Error("no change raised the version")
			}
			w.tells(t)
			// The oldest of its kind takes the place of a primary one that goes.
			ok(t, desk.RemoveContact(ctx, u.ID, third.ID, third.Version))
			w.tells(t, told{action: "contact.remove", actor: u.ID, subject: u.ID, rows: []string{"-contacts", "-identifiers", "contacts"}})
			if all := must(desk.Contacts(ctx, u.ID))(t); !all[0].IsPrimary {
				t.Errorf("contacts %+v", all)
			}
			sameJSON(t, all[1].ID, must(desk.Contact(ctx, u.ID, second.ID))(t).ID)
		})
		t.Run("RefusesBadInput", func(t *testing.T) {
			u, email := w.person(t)
			desk := w.operator()
			_, err := desk.AddContact(ctx, u.ID, cardinal.NewContact{Kind: "pigeon", Value: "coo"})
			refuses(t, err, "/kind contact_kind_unknown")
			_, err = desk.AddContact(ctx, u.ID, cardinal.NewContact{Kind: "email", Value: "coo"})
			refuses(t, err, "/value email_format")
			_, err = desk.AddContact(ctx, u.ID, cardinal.NewContact{Kind: "email", Value: email})
			refuses(t, err, "identifier_already_yours")
			c := must(desk.Contacts(ctx, u.ID))(t)[0]
			_, err = desk.UpdateContact(ctx, u.ID, c.ID, c.Version, cardinal.ContactChange{IsPrimary: cardinal.Set(false), Verified: cardinal.Clear[bool]()})
			refuses(t, err, "/is_primary must_be_true, /verified must_be_true")
			_, err = desk.UpdateContact(ctx, u.ID, c.ID, c.Version+1, cardinal.ContactChange{IsPrimary: cardinal.Set(true)})
			refuses(t, err, "stale 1")
			refuses(t, desk.RemoveContact(ctx, u.ID, c.ID, c.Version+1), "stale 1")
			other, _ := w.person(t)
			_, err = desk.Contact(ctx, other.ID, c.ID)
			refuses(t, err, "not_found")
			refuses(t, desk.RemoveContact(ctx, other.ID, c.ID, c.Version), "not_found")
		})
		t.Run("VouchingActivatesAPendingUser", func(t *testing.T) {
			email := anEmail()
			u := must(signin.SignUp(ctx, w.stranger("198.51.100.1"), cardinal.SignUp{Email: email, Password: goodPassword}))(t)
			helper, _ := w.person(t, "support")
			c := must(w.operator().Contacts(ctx, u.ID))(t)[0]
			if u.Status != "pending" || c.VerifiedAt != nil {
				t.Fatalf("signed up as %+v with %+v", u, c)
			}
			w.forget(t)
			c = must(w.as(helper).UpdateContact(ctx, u.ID, c.ID, c.Version, cardinal.ContactChange{Verified: cardinal.Set(true)}))(t)
			if c.VerifiedAt == nil || w.user(t, u.ID).Status != "active" {
				t.Errorf("contact %+v", c)
			}
			w.tells(t, told{action: "contact.update", actor: helper.ID, subject: u.ID,
				changes: []string{"contacts.verified_at >time", "users.status pending>active"}, rows: []string{"contacts", "identifiers", "users"}})
			w.signIn(t, email, goodPassword)
			must(w.as(helper).UpdateContact(ctx, u.ID, c.ID, c.Version, cardinal.ContactChange{Verified: cardinal.Set(true)}))(t)
			w.forget(t)

			second := must(signin.SignUp(ctx, w.stranger("198.51.100.2"), cardinal.SignUp{Email: anEmail(), Password: goodPassword}))(t)
			must(w.as(helper).AddContact(ctx, second.ID, cardinal.NewContact{Kind: "email", Value: anEmail(), Verified: true}))(t)
			if w.user(t, second.ID).Status != "active" {
				t.Error("a vouched-for contact does not activate")
			}
		})
		t.Run("VouchingDoesNotWakeTheSuspended", func(t *testing.T) {
			u := must(w.operator().CreateUser(ctx, cardinal.NewUser{Email: anEmail()}))(t)
			must(w.operator().SuspendUser(ctx, u.ID, u.Version))(t)
			c := must(w.operator().Contacts(ctx, u.ID))(t)[0]
			must(w.operator().UpdateContact(ctx, u.ID, c.ID, c.Version, cardinal.ContactChange{Verified: cardinal.Set(true)}))(t)
			if s := w.user(t, u.ID).Status; s != "suspended" {
				t.Errorf("status %s", s)
			}
		})
		t.Run("KeepsTheLastWayIn", func(t *testing.T) {
			u, _ := w.person(t)
			c := must(w.operator().Contacts(ctx, u.ID))(t)[0]
			w.forget(t)
			refuses(t, w.as(u).RemoveContact(ctx, u.ID, c.ID, c.Version), "last_sign_in_identifier")
			w.tells(t)
			must(w.as(u).UpdateProfile(ctx, u.ID, 1, cardinal.ProfileChange{Username: cardinal.Set("way" + u.ID.String()[24:])}))(t)
			ok(t, w.as(u).RemoveContact(ctx, u.ID, c.ID, c.Version))
			_, err := w.as(u).UpdateProfile(ctx, u.ID, 2, cardinal.ProfileChange{Username: cardinal.Clear[string]()})
			refuses(t, err, "last_sign_in_identifier")
			// Who has no password has no way in to lose.
			free := must(w.operator().CreateUser(ctx, cardinal.NewUser{Email: anEmail()}))(t)
			c = must(w.operator().Contacts(ctx, free.ID))(t)[0]
			ok(t, w.operator().RemoveContact(ctx, free.ID, c.ID, c.Version))
			_, err = w.operator().SetPassword(ctx, free.ID, 0, cardinal.PasswordSet{New: goodPassword})
			refuses(t, err, "last_sign_in_identifier")
		})
		t.Run("HoldsTwentyAtMost", func(t *testing.T) {
			u, _ := w.person(t)
			for range cardinal.MaxContacts - 1 {
				must(w.as(u).AddContact(ctx, u.ID, cardinal.NewContact{Kind: "email", Value: anEmail()}))(t)
			}
			_, err := w.as(u).AddContact(ctx, u.ID, cardinal.NewContact{Kind: "email", Value: anEmail()})
			refuses(t, err, "too_many_contacts")
		})
	})
}

func TestClaims(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.set(t, "sign_up.mode", "open")
		t.Run("AnUnprovedClaimStandsUntilItLapses", func(t *testing.T) {
			email := anEmail()
			first := must(signin.SignUp(ctx, w.stranger("198.51.100.3"), cardinal.SignUp{Email: email, Password: goodPassword}))(t)
			_, err := signin.SignUp(ctx, w.stranger("198.51.100.4"), cardinal.SignUp{Email: email, Password: goodPassword})
			refuses(t, err, "identifier_taken")
			w.Clock.Add(claimLifetime - time.Minute)
			_, err = signin.SignUp(ctx, w.stranger("198.51.100.4"), cardinal.SignUp{Email: email, Password: goodPassword})
			refuses(t, err, "identifier_taken")
			w.Clock.Add(2 * time.Minute)
			w.forget(t)
			second := must(signin.SignUp(ctx, w.stranger("198.51.100.4"), cardinal.SignUp{Email: email, Password: goodPassword}))(t)
			w.tells(t, told{action: "contact.displace", actor: cardinal.StrangerID, subject: first.ID,
				changes: []string{"users.status pending>deleted"}, rows: []string{"-contacts", "-identifiers", "users"}},
				told{action: "user.sign_up", actor: cardinal.StrangerID, subject: second.ID,
					changes: []string{"contacts.value_sealed", "credentials.hash", "users.kind >person", "users.status >pending"},
					rows:    []string{"contacts", "credentials", "identifiers", "profiles", "user_keys", "users"}})
		})
		t.Run("ProofDisplacesAnUnprovedClaimAndNothingElse", func(t *testing.T) {
			email, own := anEmail(), anEmail()
			loser := must(w.operator().CreateUser(ctx, cardinal.NewUser{DisplayName: "Loser", Email: own, EmailVerified: true, Password: goodPassword}))(t)
			must(w.as(loser).AddContact(ctx, loser.ID, cardinal.NewContact{Kind: "email", Value: email}))(t)
			in := w.signIn(t, own, goodPassword)
			winner, _ := w.person(t)
			w.forget(t)
			must(w.operator().AddContact(ctx, winner.ID, cardinal.NewContact{Kind: "email", Value: email, Verified: true}))(t)
			w.tells(t, told{action: "contact.displace", actor: cardinal.OperatorID, subject: loser.ID, changes: []string{"sessions.ended >1"}, rows: []string{"-contacts", "-identifiers", "sessions"}},
				told{action: "contact.add", actor: cardinal.OperatorID, subject: winner.ID, changes: []string{"contacts.kind >email", "contacts.value_sealed"}, rows: []string{"contacts", "identifiers"}})
			if w.alive(t, in) {
				t.Error("the loser's session lives on")
			}
			if u := w.user(t, loser.ID); u.Status != "active" {
				t.Errorf("the loser is %s", u.Status)
			}
			if c := must(w.operator().Contacts(ctx, loser.ID))(t); len(c) != 1 || c[0].Value != own {
				t.Errorf("the loser's contacts %+v", c)
			}
			if p := must(w.operator().Profile(ctx, loser.ID))(t); p.DisplayName != "Loser" {
				t.Errorf("the loser's profile %+v", p)
			}
			if in := w.signIn(t, own, goodPassword); in.Session.UserID != loser.ID {
				t.Error("the loser cannot sign in")
			}
			if in := w.signIn(t, email, goodPassword); in.Session.UserID != winner.ID {
				t.Error("the claim did not move")
			}
		})
		t.Run("DisplacedWithoutHavingComeFurtherTheyGo", func(t *testing.T) {
			email := anEmail()
			pending := must(signin.SignUp(ctx, w.stranger("198.51.100.5"), cardinal.SignUp{Email: email, Password: goodPassword}))(t)
			must(w.operator().CreateUser(ctx, cardinal.NewUser{Email: email, EmailVerified: true}))(t)
			if u := w.user(t, pending.ID); u.Status != "deleted" {
				t.Errorf("the loser is %s", u.Status)
			}
		})
		t.Run("ASuspendedLoserIsNotDeleted", func(t *testing.T) {
			email := anEmail()
			u := must(w.operator().CreateUser(ctx, cardinal.NewUser{Email: email, Password: goodPassword}))(t)
			must(w.operator().SuspendUser(ctx, u.ID, u.Version))(t)
			must(w.operator().CreateUser(ctx, cardinal.NewUser{Email: email, EmailVerified: true}))(t)
			if u := w.user(t, u.ID); u.Status != "suspended" {
				t.Errorf("the loser is %s", u.Status)
			}
		})
		t.Run("NothingDisplacesAProvedClaim", func(t *testing.T) {
			_, email := w.person(t)
			winner, _ := w.person(t)
			w.Clock.Add(2 * claimLifetime)
			_, err := w.operator().AddContact(ctx, winner.ID, cardinal.NewContact{Kind: "email", Value: email, Verified: true})
			refuses(t, err, "identifier_taken")
		})
		t.Run("TheJobFreesLapsedClaims", func(t *testing.T) {
			pending := must(signin.SignUp(ctx, w.stranger("198.51.100.6"), cardinal.SignUp{Email: anEmail(), Password: goodPassword}))(t)
			used, _ := w.person(t)
			must(w.as(used).AddContact(ctx, used.ID, cardinal.NewContact{Kind: "email", Value: anEmail()}))(t)
			w.Clock.Add(claimLifetime + time.Minute)
			w.run(t, "claims.expire")
			if u := w.user(t, pending.ID); u.Status != "deleted" {
				t.Errorf("who never proved the address is %s", u.Status)
			}
			if c := must(w.operator().Contacts(ctx, used.ID))(t); len(c) != 1 {
				t.Errorf("contacts %+v", c)
			}
			w.forget(t)
			w.run(t, "claims.expire")
			w.tells(t)
		})
		t.Run("TheJobKeepsTheLastWayInOfAccountsThatWereInUse", func(t *testing.T) {
			var all []cardinal.User
			for range 3 {
				all = append(all, must(w.operator().CreateUser(ctx, cardinal.NewUser{Email: anEmail(), Password: goodPassword}))(t))
			}
			must(w.operator().SuspendUser(ctx, all[1].ID, 1))(t)
			must(w.operator().DeleteUser(ctx, all[2].ID, 1))(t)
			w.Clock.Add(claimLifetime + time.Minute)
			// Nor does anyone get it in the time before the job runs.
			email := must(w.operator().Contacts(ctx, all[0].ID))(t)[0].Value
			_, err := signin.SignUp(ctx, w.stranger("198.51.100.7"), cardinal.SignUp{Email: email, Password: goodPassword})
			refuses(t, err, "identifier_taken")
			w.run(t, "claims.expire")
			for i, status := range []string{"active", "suspended", "deleted"} {
				if u, c := w.user(t, all[i].ID), must(w.operator().Contacts(ctx, all[i].ID))(t); u.Status != status || len(c) != 1 {
					t.Errorf("%s: now %s with %d contacts", status, u.Status, len(c))
				}
			}
			events := w.events(t)
			for _, e := range events[len(events)-3:] {
				if e.Action != "contact.expire" || len(e.ChangedRows) != 1 {
					t.Errorf("told as %+v", e)
				}
				w.stampFits(t, e.ChangedRows[0])
			}
		})
	})
}

func TestClaimsTogether(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		t.Run("OneOfManyWins", func(t *testing.T) {
			for _, verified := range []bool{true, false} {
				email := anEmail()
				var tries []func(context.Context) error
				for range 12 {
					tries = append(tries, func(ctx context.Context) error {
						_, err := w.operator().CreateUser(ctx, cardinal.NewUser{Email: email, EmailVerified: verified})
						return err
					})
				}
				won := 0
				for _, err := range together(tries...) {
					if err == nil {
						won++
					} else {
						refuses(t, err, "identifier_taken")
					}
				}
				if won != 1 {
					t.Errorf("%d won", won)
				}
			}
		})
		t.Run("ProvedMeanwhileItStands", func(t *testing.T) {
			if w.engine == "sqlite" {
				return // its transactions take turns
			}
			email := anEmail()
			holder := must(w.operator().CreateUser(ctx, cardinal.NewUser{Email: email}))(t)
			c := must(w.operator().Contacts(ctx, holder.ID))(t)[0]
			var other sync.WaitGroup
			var err error
			ok(t, w.Store.Write(ctx, func(tx store.Tx) error {
				if _, err := tx.UserForChange(ctx, holder.ID); err != nil {
					return err
				}
				if _, err := tx.ProveIdentifier(ctx, holder.ID, c.ID); err != nil {
					return err
				}
				other.Go(func() {
					_, err = w.operator().CreateUser(context.Background(), cardinal.NewUser{Email: email, EmailVerified: true})
				})
				w.waitForLock(t)
				return nil
			}))
			other.Wait()
			refuses(t, err, "identifier_taken")
		})
		t.Run("KeepsOneWayIn", func(t *testing.T) {
			for range 5 {
				u := must(w.operator().CreateUser(ctx, cardinal.NewUser{Email: anEmail(), EmailVerified: true, Username: fmt.Sprintf("name%d", serial.Add(1)), Password: goodPassword}))(t)
				c := must(w.operator().Contacts(ctx, u.ID))(t)[0]
				together(
					func(ctx context.Context) error { return w.as(u).RemoveContact(ctx, u.ID, c.ID, c.Version) },
					func(ctx context.Context) error {
						_, err := w.as(u).UpdateProfile(ctx, u.ID, 1, cardinal.ProfileChange{Username: cardinal.Clear[string]()})
						return err
					})
				if left := must(w.Store.Read(ctx).Identifiers(ctx, u.ID))(t); len(left) != 1 {
					t.Fatalf("%d ways in are left", len(left))
				}
			}
		})
		t.Run("AUserNameGivenUpWaitsForAContactThatGoes", func(t *testing.T) {
			if w.engine == "sqlite" {
				return // its transactions take turns
			}
			u := must(w.operator().CreateUser(ctx, cardinal.NewUser{Email: anEmail(), EmailVerified: true, Username: fmt.Sprintf("name%d", serial.Add(1)), Password: goodPassword}))(t)
			c := must(w.operator().Contacts(ctx, u.ID))(t)[0]
			var other sync.WaitGroup
			var err error
			ok(t, w.Store.Write(ctx, func(tx store.Tx) error { // as RemoveContact does it
				if _, err := tx.UserForChange(ctx, u.ID); err != nil {
					return err
				}
				if err := tx.DeleteContact(ctx, u.ID, c.ID); err != nil {
					return err
				}
				other.Go(func() {
					_, err = w.as(u).UpdateProfile(context.Background(), u.ID, 1, cardinal.ProfileChange{Username: cardinal.Clear[string]()})
				})
				w.waitForLock(t)
				return nil
			}))
			other.Wait()
			refuses(t, err, "last_sign_in_identifier")
		})
	})
}

// waitForLock waits until some transaction waits for another.
func (w *world) waitForLock(t testing.TB) {
	db := w.raw(t)
	for range 200 {
		var n int
		ok(t, db.QueryRowContext(t.Context(), `SELECT count(*) FROM pg_locks WHERE NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) OR (NOT granted AND locktype = 'transactionid')`).Scan(&n))
		if n > 0 {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Log("nobody waits")
}
