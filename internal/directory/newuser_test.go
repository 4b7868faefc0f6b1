package directory_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cardinal"
	"cardinal/internal/directory/directorytest"
)

func TestCreateUser(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		t.Run("Defaults", func(t *testing.T) {
			w.ResetEvents(t)
			u := value(w.Operator().CreateUser(ctx, cardinal.NewUser{}))(t)
			if u.Kind != "person" || u.Status != "active" || u.Version != 1 || u.DeletedAt != nil ||
				u.CreatedAt.IsZero() {
				t.Errorf("created %+v", u)
			}
			w.ExpectEvents(t, event{
				Action: "user.create", Actor: cardinal.OperatorID, Subject: u.ID,
				Changes: []string{"users.kind >person", "users.status >active"},
				Rows:    []string{"profiles", "user_keys", "users"},
			})
			p := value(w.Operator().Profile(ctx, u.ID))(t)
			if p.Locale != "und" || p.TimeZone != "UTC" || p.Version != 1 || p.DisplayName != "" ||
				len(p.Preferences) != 0 || len(p.Attributes) != 0 {
				t.Errorf("profile %+v", p)
			}
		})
		t.Run("AllFields", func(t *testing.T) {
			value(w.Operator().CreateAttributeDefinition(ctx, cardinal.NewAttributeDefinition{
				Name: "shoe_size", Description: "Of the left foot.", ValueType: "number",
			}))(t)
			w.ResetEvents(t)
			in := cardinal.NewUser{
				Kind: "person", DisplayName: "Zoë Ångström", Username: "ZoeA",
				Email: "Zoe@Example.COM", EmailVerified: true, Phone: "+44 20 7946 0018",
				ChosenByUser: true, Password: goodPassword, MustChangePassword: true,
				AvatarURL: "https://img.example.com/z.png",
				Country:   "SE", Locale: "sv-SE", TimeZone: "Europe/Stockholm",
				Preferences: map[string]any{"theme": "dark"}, Attributes: map[string]any{"shoe_size": 38.0},
			}
			u := value(w.Operator().CreateUser(ctx, in))(t)
			w.ExpectEvents(t, event{
				Action: "user.create", Actor: cardinal.OperatorID, Subject: u.ID,
				Changes: []string{
					"contacts.value_sealed", "credentials.hash", "users.kind >person", "users.status >active",
				},
				Rows: []string{
					"contacts", "contacts", "credentials", "identifiers", "identifiers", "identifiers", "profiles",
					"user_keys", "users",
				},
			})
			p := value(w.Operator().Profile(ctx, u.ID))(t)
			want := cardinal.Profile{
				UserID: u.ID, DisplayName: in.DisplayName, Username: in.Username, AvatarURL: in.AvatarURL,
				Country: "SE", Locale: "sv-SE", TimeZone: in.TimeZone, Preferences: in.Preferences,
				Attributes: in.Attributes, CreatedAt: u.CreatedAt, UpdatedAt: u.CreatedAt, Version: 1,
			}
			if diff := cmp.Diff(want, p); diff != "" {
				t.Errorf("profile (-want +got)\n%s", diff)
			}
			contacts := value(w.Operator().Contacts(ctx, u.ID))(t)
			if len(contacts) != 2 || contacts[0].Value != in.Email || contacts[0].VerifiedAt == nil ||
				!contacts[0].IsPrimary || contacts[1].Value != in.Phone || contacts[1].VerifiedAt != nil ||
				!contacts[1].IsPrimary {
				t.Errorf("contacts %+v", contacts)
			}
			if s := value(w.Operator().PasswordState(ctx, u.ID))(t); !s.HasPassword || !s.MustChange || s.Version != 1 {
				t.Errorf("password %+v", s)
			}
		})
		t.Run("IdentifierSpellings", func(t *testing.T) {
			u := value(w.Operator().CreateUser(ctx, cardinal.NewUser{
				Email: "Märta@Bücher.Example", EmailVerified: true, Phone: "+46 8 123 456 78", PhoneVerified: true,
				Username: "Å.Öberg", ChosenByUser: true, Password: goodPassword,
			}))(t)
			for _, typed := range []string{
				"märta@bücher.example", " MÄRTA@BÜCHER.EXAMPLE ", "Ma\u0308rta@xn--bcher-kva.example",
				"märta@bücher.example.", "+46812345678", "0046 8 123-456.78", "Å.ÖBERG", "a\u030a.o\u0308berg",
				"Ａ\u030a.Öberg",
			} {
				in := w.SignIn(t, typed, goodPassword)
				if in.Session.UserID != u.ID {
					t.Errorf("%q signs %s in, want %s", typed, in.Session.UserID, u.ID)
				}
			}
		})
		t.Run("TakenInAnySpelling", func(t *testing.T) {
			value(w.Operator().CreateUser(ctx, cardinal.NewUser{
				Email: "taken@example.org", EmailVerified: true, Phone: "+4930123456", PhoneVerified: true,
				Username: "Taken",
			}))(t)
			w.ResetEvents(t)
			for _, in := range []cardinal.NewUser{
				{Email: "TAKEN@Example.org"}, {Email: "taken@example.org", EmailVerified: true},
				{Phone: "0049 30 123456"}, {Username: "tAKEN"},
			} {
				_, err := w.Operator().CreateUser(ctx, in)
				expectRefusal(t, err, "identifier_taken")
				if !errors.Is(err, cardinal.ErrConflict) {
					t.Errorf("%v is not of the kind conflict", err)
				}
			}
			w.ExpectEvents(t)
		})
		t.Run("AllErrorsAtOnce", func(t *testing.T) {
			w.ResetEvents(t)
			_, err := w.Operator().CreateUser(ctx, cardinal.NewUser{
				DisplayName: "a\u0000b", Username: "x", Email: "invalid", Phone: "12",
				ChosenByUser: true, Password: "short",
				AvatarURL: "http://x", Country: "XX", Locale: "!!", TimeZone: "Mars/Base",
				Preferences: map[string]any{"a": "\x00"}, Attributes: map[string]any{"undeclared": 1.0},
			})
			expectRefusal(t, err,
				"/attributes/undeclared attribute_unknown, /avatar_url url_format, /country country_unknown, "+
					"/display_name text_format, /email email_format, /locale locale_format, "+
					"/password password_too_short, /phone phone_format, /preferences document_format, "+
					"/time_zone time_zone_format, /username username_format")
			w.ExpectEvents(t)
		})
		t.Run("InvalidKinds", func(t *testing.T) {
			for _, kind := range []string{"operator", "system", "anonymous", "robot"} {
				_, err := w.Operator().CreateUser(ctx, cardinal.NewUser{Kind: kind})
				expectRefusal(t, err, "/kind kind_unknown")
			}
			_, err := w.Operator().CreateUser(ctx, cardinal.NewUser{
				Kind: "service", Email: "s@example.com", Phone: "+49301234567", Username: "svc",
				ChosenByUser: true, Password: goodPassword,
			})
			expectRefusal(t, err,
				"/email kind_cannot_sign_in, /password kind_cannot_sign_in, /phone kind_cannot_sign_in, "+
					"/username kind_cannot_sign_in")
		})
		t.Run("PasswordWithoutIdentifier", func(t *testing.T) {
			_, err := w.Operator().CreateUser(ctx, cardinal.NewUser{ChosenByUser: true, Password: goodPassword})
			expectRefusal(t, err, "/password password_without_identifier")
			_, err = w.Operator().CreateUser(ctx, cardinal.NewUser{MustChangePassword: true})
			expectRefusal(t, err, "/must_change_password password_missing")
		})
		t.Run("DocumentLimits", func(t *testing.T) {
			deep := map[string]any{}
			for range 9 {
				deep = map[string]any{"a": deep}
			}
			_, err := w.Operator().CreateUser(ctx, cardinal.NewUser{Preferences: deep})
			expectRefusal(t, err, "/preferences document_format")
			_, err = w.Operator().CreateUser(ctx, cardinal.NewUser{
				Preferences: map[string]any{"a": strings.Repeat("x", 8192)},
			})
			expectRefusal(t, err, "/preferences document_too_long")
		})
		t.Run("LongestTexts", func(t *testing.T) {
			// The text as typed is stored; it can be longer than its normal form.
			u := value(w.Operator().CreateUser(ctx, cardinal.NewUser{
				DisplayName:   strings.Repeat("😀", 200),
				Username:      "  " + strings.Repeat("\u1112\u1161\u11ab", 64) + "  ",
				Phone:         "+49 30 9" + strings.Repeat(" ", 600) + "87654",
				PhoneVerified: true,
				AvatarURL:     "https://example.com/" + strings.Repeat("a", 2028),
			}))(t)
			p := value(w.Operator().Profile(ctx, u.ID))(t)
			if p.Username != strings.TrimSpace(p.Username) {
				t.Errorf("the user name %q has white space around it", p.Username)
			}
		})
	})
}
