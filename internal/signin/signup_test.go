package signin_test

import (
	"testing"
	"time"

	"cardinal"
	"cardinal/internal/directory/directorytest"
	"cardinal/internal/signin"
)

func TestSignUp(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		new := func(email string) cardinal.SignUp {
			return cardinal.SignUp{
				Email: email, Password: goodPassword, DisplayName: "New", Locale: "de", TimeZone: "Europe/Berlin",
			}
		}
		t.Run("Closed", func(t *testing.T) {
			w.ResetEvents(t)
			_, err := signin.SignUp(ctx, w.Anonymous("203.0.113.1"), new(newEmail()))
			expectRefusal(t, err, "sign_up_closed")
			w.ExpectEvents(t)
		})
		w.SetSetting(t, "sign_up.mode", "open")
		t.Run("CreatesPendingUser", func(t *testing.T) {
			w.ResetEvents(t)
			u := value(signin.SignUp(ctx, w.Anonymous("203.0.113.1"), new(newEmail())))(t)
			if u.Status != "pending" || u.Kind != "person" {
				t.Errorf("created %+v", u)
			}
			w.ExpectEvents(t, event{
				Action: "user.sign_up", Actor: cardinal.AnonymousID, Subject: u.ID,
				Changes: []string{
					"contacts.value_sealed", "credentials.hash", "users.kind >person", "users.status >pending",
				},
				Rows: []string{"contacts", "credentials", "profiles", "user_keys", "users"},
			})
			p := value(w.Operator().Profile(ctx, u.ID))(t)
			if p.DisplayName != "New" || p.Locale != "de" || p.TimeZone != "Europe/Berlin" {
				t.Errorf("profile %+v", p)
			}
			seen := value(w.Operator().UserAudit(ctx, u.ID, cardinal.AuditFilter{
				Page: cardinal.Page{Limit: 5},
			}))(t).Data
			if len(seen) != 1 || seen[0].Address != "203.0.113.1" || seen[0].UserAgent != "test agent" {
				t.Errorf("audited %+v", seen)
			}
		})
		t.Run("TakenEmailIsNotDisclosed", func(t *testing.T) {
			owner, email := w.NewPerson(t)
			u := value(signin.SignUp(ctx, w.Anonymous("203.0.113.1"), new(" "+email)))(t)
			if u.Status != "pending" || u.ID == owner.ID {
				t.Errorf("created %+v", u)
			}
			if in := w.SignIn(t, email, goodPassword); in.Session.UserID != owner.ID {
				t.Error("the address signs in another user")
			}
		})
		t.Run("AllErrorsAtOnce", func(t *testing.T) {
			_, err := signin.SignUp(ctx, w.Anonymous("203.0.113.1"), cardinal.SignUp{
				Email: "x", Password: "y", DisplayName: "\x01", Locale: "!", TimeZone: "!",
			})
			expectRefusal(t, err,
				"/display_name text_format, /email email_format, /locale locale_format, "+
					"/password password_too_short, /time_zone time_zone_format")
		})
		t.Run("ThrottledPerAddress", func(t *testing.T) {
			w.SetSetting(t, "sign_in.failures_per_address", 10)
			_, taken := w.NewPerson(t)
			for i := range 10 {
				value(signin.SignUp(ctx, w.Anonymous("203.0.113.77"), new([]string{newEmail(), taken}[i%2])))(t)
			}
			_, err := signin.SignUp(ctx, w.Anonymous("203.0.113.77"), new(newEmail()))
			expectRefusal(t, err, "too_many_attempts")
			value(signin.SignUp(ctx, w.Anonymous("203.0.113.78"), new(newEmail())))(t)
			w.Clock.Add(directorytest.ThrottleWindow + time.Second)
			value(signin.SignUp(ctx, w.Anonymous("203.0.113.77"), new(newEmail())))(t)
		})
	})
}
