package signin_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"cardinal"
	"cardinal/internal/access"
	"cardinal/internal/directory/directorytest"
	"cardinal/internal/signin"
)

func TestSetUp(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		setUp := func(token cardinal.Secret, email string) (cardinal.SignedIn, error) {
			return signin.SetUp(ctx, w.Anonymous("203.0.113.1"), cardinal.SetUp{
				Token: token, Email: email, Password: goodPassword, DisplayName: "First",
			})
		}
		t.Run("FirstAdministrator", func(t *testing.T) {
			if value(signin.HasAdministrator(ctx, w.Directory))(t) {
				t.Error("there is an administrator already")
			}
			w.ResetEvents(t)
			link := value(signin.NewSetupLink(ctx, w.Operator()))(t)
			w.ExpectEvents(t, event{
				Action: "setup_link.create", Actor: cardinal.OperatorID, Subject: cardinal.SystemID,
				Changes: []string{"setup_links.expires_at >time"},
			})
			// A refused attempt does not use the link.
			_, err := setUp(link.Token, "invalid")
			expectRefusal(t, err, "/email email_format")
			email := newEmail()
			in := value(setUp(link.Token, email))(t)
			w.ExpectEvents(t, event{
				Action: "user.create", Actor: cardinal.OperatorID, Subject: in.Session.UserID,
				Changes: []string{
					"contacts.value_sealed", "credentials.hash", "user_roles.administrator >granted",
					"users.kind >person", "users.status >active",
				},
				Rows: []string{
					"contacts", "credentials", "identifiers", "profiles", "user_keys", "user_roles", "users",
				},
			}, event{
				Action: "session.create", Actor: in.Session.UserID, Subject: in.Session.UserID,
				Changes: []string{"sessions.method >setup_link"},
				Rows:    []string{"sessions"},
			})
			value(w.DeskOfToken(t, in.Token).Settings(ctx))(t)
			w.SignIn(t, email, goodPassword)
			if !value(signin.HasAdministrator(ctx, w.Directory))(t) {
				t.Error("there is no administrator")
			}
			_, err = setUp(link.Token, newEmail())
			expectRefusal(t, err, "setup_link_expired")
			if n := refusedAttempts(t, w)["setup_link.use "+cardinal.AnonymousID.String()]; n != 1 {
				t.Errorf("counted %d attempts", n)
			}
		})
		t.Run("Expiry", func(t *testing.T) {
			link := value(signin.NewSetupLink(ctx, w.Operator()))(t)
			w.Clock.Add(30 * time.Minute)
			_, err := setUp(link.Token, newEmail())
			expectRefusal(t, err, "setup_link_expired")
		})
		t.Run("HashStored", func(t *testing.T) {
			link := value(signin.NewSetupLink(ctx, w.Operator()))(t)
			rows := value(w.SQL(t).QueryContext(ctx, `SELECT token_hash FROM setup_links`))(t)
			defer rows.Close()
			for rows.Next() {
				var hash []byte
				noError(t, rows.Scan(&hash))
				if len(hash) != 33 || hash[0] != 2 || strings.Contains(link.Token.Reveal(), string(hash[1:])) {
					t.Errorf("stored %d bytes of %s", len(hash), link.Token)
				}
			}
		})
		t.Run("ConcurrentUse", func(t *testing.T) {
			for range 3 {
				link := value(signin.NewSetupLink(ctx, w.Operator()))(t)
				before := len(value(access.Administrators(ctx, w.Operator()))(t))
				var calls []func(context.Context) error
				for range 6 {
					calls = append(calls, func(context.Context) error {
						return errorOf(setUp(link.Token, newEmail()))
					})
				}
				succeeded := 0
				for _, err := range directorytest.Concurrently(calls...) {
					if err == nil {
						succeeded++
					} else {
						expectRefusal(t, err, "setup_link_expired")
					}
				}
				after := len(value(access.Administrators(ctx, w.Operator()))(t))
				if succeeded != 1 || after != before+1 {
					t.Errorf("%d succeeded, %d administrators, %d before", succeeded, after, before)
				}
			}
		})
		t.Run("WrongTokensThrottled", func(t *testing.T) {
			w.SetSetting(t, "sign_in.failures_per_address", 10)
			link := value(signin.NewSetupLink(ctx, w.Operator()))(t)
			w.Clock.Add(directorytest.ThrottleWindow + time.Second)
			link = value(signin.NewSetupLink(ctx, w.Operator()))(t)
			for range 10 {
				_, err := setUp("cl_wrong", newEmail())
				expectRefusal(t, err, "setup_link_expired")
			}
			_, err := setUp(link.Token, newEmail())
			expectRefusal(t, err, "too_many_attempts")
			w.Clock.Add(directorytest.ThrottleWindow + time.Second)
			value(setUp(link.Token, newEmail()))(t)
		})
		t.Run("AddAdministrator", func(t *testing.T) {
			email := newEmail()
			created := value(access.AddAdministrator(ctx, w.Operator(), cardinal.NewUser{
				Email: email, ChosenByUser: true, Password: goodPassword,
			}))(t)
			in := w.SignIn(t, email, goodPassword)
			value(w.DeskOfToken(t, in.Token).Settings(ctx))(t)
			u, userEmail := w.NewPerson(t)
			same := value(access.AddAdministrator(ctx, w.Operator(), cardinal.NewUser{Email: " " + userEmail}))(t)
			if same.ID != u.ID || created.ID == u.ID {
				t.Errorf("created %s; the existing user is %s, want %s", created.ID, same.ID, u.ID)
			}
			value(w.DeskOf(u).Settings(ctx))(t)
			_, err := access.AddAdministrator(ctx, w.Operator(), cardinal.NewUser{Email: "x"})
			expectRefusal(t, err, "/email email_format")
		})
	})
}

// TestSetupLinkNeedsItsRoles: a set-up link gives roles without an end to the user who has it.
func TestSetupLinkNeedsItsRoles(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		end := w.Clock.Now().Add(time.Hour)
		maker, _ := w.NewPerson(t, w.NewRole(t, "setup_links.create"))
		_, err := signin.NewSetupLink(ctx, w.DeskOf(maker))
		expectRefusal(t, err, "role_has_more_permissions")
		w.Grant(t, maker, "administrator", &end)
		_, err = signin.NewSetupLink(ctx, w.DeskOf(maker))
		expectRefusal(t, err, "outlasts_your_permissions")
		admin, _ := w.NewPerson(t, "administrator")
		value(signin.NewSetupLink(ctx, w.DeskOf(admin)))(t)
	})
}
