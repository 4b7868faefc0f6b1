package directory_test

import (
	"strings"
	"testing"
	"time"

	"cardinal"
	"cardinal/internal/password"
	"cardinal/internal/signin"
)

const otherPassword = "eight purple tricycles"

func TestSetPassword(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		t.Run("SetsAndEndsAllSessions", func(t *testing.T) {
			u, email := w.person(t)
			in := w.signIn(t, email, goodPassword)
			w.forget(t)
			s := must(w.operator().SetPassword(ctx, u.ID, 1, cardinal.PasswordSet{New: otherPassword}))(t)
			if !s.HasPassword || s.MustChange || s.Version != 2 || s.LastReset == nil {
				t.Errorf("state %+v", s)
			}
			w.tells(t, told{action: "password.set", actor: cardinal.OperatorID, subject: u.ID,
				changes: []string{"credentials.hash", "credentials.must_change >false", "sessions.ended >1"}, rows: []string{"credentials", "sessions"}})
			if w.alive(t, in) {
				t.Error("the session lives on")
			}
			_, err := signin.WithPassword(ctx, w.stranger("192.0.2.1"), cardinal.SignIn{Identifier: email, Password: goodPassword})
			refuses(t, err, "invalid_credentials")
			w.signIn(t, email, otherPassword)
		})
		t.Run("GivesAFirstPassword", func(t *testing.T) {
			email := anEmail()
			u := must(w.operator().CreateUser(ctx, cardinal.NewUser{Email: email, EmailVerified: true}))(t)
			if s := must(w.operator().PasswordState(ctx, u.ID))(t); s.HasPassword || s.Version != 0 {
				t.Errorf("state %+v", s)
			}
			_, err := w.operator().SetPassword(ctx, u.ID, 1, cardinal.PasswordSet{New: goodPassword})
			refuses(t, err, "stale 0")
			_, err = w.operator().SetPassword(ctx, u.ID, 0, cardinal.PasswordSet{MustChange: true})
			refuses(t, err, "no_password")
			must(w.operator().SetPassword(ctx, u.ID, 0, cardinal.PasswordSet{New: goodPassword}))(t)
			w.signIn(t, email, goodPassword)
			_, err = w.operator().SetPassword(ctx, u.ID, 0, cardinal.PasswordSet{New: goodPassword})
			refuses(t, err, "stale 1")
		})
		t.Run("RefusesWeakPasswords", func(t *testing.T) {
			u, _ := w.person(t)
			for secret, want := range map[cardinal.Secret]string{
				"":                                      "/new_password password_missing",
				"fourteen chars":                        "/new_password password_too_short",
				"passwordpassword":                      "/new_password password_too_common",
				cardinal.Secret("a\x00" + goodPassword): "/new_password password_format",
				cardinal.Secret(strings.Repeat("x1", 513)): "/new_password password_too_long",
			} {
				_, err := w.operator().SetPassword(ctx, u.ID, 1, cardinal.PasswordSet{New: secret})
				refuses(t, err, want)
			}
			w.set(t, "passwords.min_length", 8)
			must(w.operator().SetPassword(ctx, u.ID, 1, cardinal.PasswordSet{New: "fourteen chars"}))(t)
			w.set(t, "passwords.min_length", 15)
		})
		t.Run("RefusesServices", func(t *testing.T) {
			_, err := w.operator().SetPassword(ctx, w.service(t).ID, 0, cardinal.PasswordSet{New: goodPassword})
			refuses(t, err, "status_not_allowed")
		})
		t.Run("StoresAPHCStringWithASaltOfItsOwn", func(t *testing.T) {
			a, _ := w.person(t)
			b, _ := w.person(t)
			x, y := must(w.Store.Read(ctx).Credential(ctx, a.ID))(t).Hash, must(w.Store.Read(ctx).Credential(ctx, b.ID))(t).Hash
			if !strings.HasPrefix(x, "$argon2id$v=19$m=64,t=1,p=1$") || strings.Contains(x, goodPassword) {
				t.Errorf("stored as %s", x)
			}
			if strings.Split(x, "$")[4] == strings.Split(y, "$")[4] {
				t.Error("one salt for two")
			}
		})
	})
}

func TestMustChangePassword(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		u, email := w.person(t, "administrator")
		must(w.operator().SetPassword(ctx, u.ID, 1, cardinal.PasswordSet{MustChange: true}))(t)
		in := w.signIn(t, email, goodPassword)
		if !in.MustChangePassword || in.Session.Assurance != 0 {
			t.Errorf("signed in as %+v", in)
		}
		desk := w.session(t, in)
		t.Run("LetsNothingElseBeDone", func(t *testing.T) {
			w.forget(t)
			_, err := desk.CreateUser(ctx, cardinal.NewUser{})
			refuses(t, err, "password_change_required")
			_, err = desk.UpdateProfile(ctx, u.ID, 1, cardinal.ProfileChange{DisplayName: cardinal.Set("X")})
			refuses(t, err, "password_change_required")
			_, err = desk.User(ctx, u.ID, false)
			refuses(t, err, "password_change_required")
			_, err = signin.CheckSession(ctx, w.Directory, in.Token.Reveal())
			refuses(t, err, "password_change_required")
			w.tells(t, told{action: "user.create", actor: u.ID, subject: cardinal.SystemID, refused: true}, told{action: "profile.update", actor: u.ID, subject: u.ID, refused: true})
		})
		t.Run("LetsThemSignOut", func(t *testing.T) {
			other := w.signIn(t, email, goodPassword)
			ok(t, w.session(t, other).SignOut(ctx))
			if w.alive(t, other) {
				t.Error("the session lives on")
			}
		})
		t.Run("RaisesTheSessionOnceItIsChanged", func(t *testing.T) {
			w.forget(t)
			s := must(desk.ChangePassword(ctx, cardinal.PasswordChange{Current: goodPassword, New: otherPassword}))(t)
			if s.MustChange || s.Version != 3 {
				t.Errorf("state %+v", s)
			}
			w.tells(t, told{action: "password.change", actor: u.ID, subject: u.ID, changes: []string{"credentials.hash"}, rows: []string{"credentials", "sessions"}})
			must(w.session(t, in).CreateUser(ctx, cardinal.NewUser{}))(t)
			must(signin.CheckSession(ctx, w.Directory, in.Token.Reveal()))(t)
			if again := w.signIn(t, email, otherPassword); again.MustChangePassword || again.Session.Assurance != 1 {
				t.Errorf("signed in as %+v", again)
			}
		})
	})
}

func TestChangePassword(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		t.Run("EndsTheOtherSessions", func(t *testing.T) {
			u, email := w.person(t)
			mine, other := w.signIn(t, email, goodPassword), w.signIn(t, email, goodPassword)
			w.forget(t)
			must(w.session(t, mine).ChangePassword(ctx, cardinal.PasswordChange{Current: goodPassword, New: otherPassword}))(t)
			w.tells(t, told{action: "password.change", actor: u.ID, subject: u.ID, changes: []string{"credentials.hash", "sessions.ended >1"}, rows: []string{"credentials", "sessions"}})
			if !w.alive(t, mine) || w.alive(t, other) {
				t.Errorf("alive: mine %t, the other %t", w.alive(t, mine), w.alive(t, other))
			}
			w.signIn(t, email, otherPassword)
		})
		t.Run("ThrottlesWrongPresentPasswords", func(t *testing.T) {
			u, email := w.person(t)
			desk := w.session(t, w.signIn(t, email, goodPassword))
			w.forget(t)
			for range 10 {
				_, err := desk.ChangePassword(ctx, cardinal.PasswordChange{Current: "wrong wrong wrong", New: otherPassword})
				refuses(t, err, "/current_password password_wrong")
			}
			var want []told
			for range 10 {
				want = append(want, told{action: "password.change", actor: u.ID, subject: u.ID, refused: true})
			}
			w.tells(t, want...)
			for _, secret := range []cardinal.Secret{goodPassword, "wrong wrong wrong"} {
				_, err := desk.ChangePassword(ctx, cardinal.PasswordChange{Current: secret, New: otherPassword})
				refuses(t, err, "too_many_attempts")
			}
			w.tells(t)
			w.Clock.Add(15*time.Minute + time.Second)
			must(desk.ChangePassword(ctx, cardinal.PasswordChange{Current: goodPassword, New: otherPassword}))(t)
		})
		t.Run("RefusesWeakPasswordsAndAccountsWithoutOne", func(t *testing.T) {
			u := must(w.operator().CreateUser(ctx, cardinal.NewUser{Email: anEmail()}))(t)
			_, err := w.as(u).ChangePassword(ctx, cardinal.PasswordChange{Current: goodPassword, New: "short"})
			refuses(t, err, "/new_password password_too_short")
			_, err = w.as(u).ChangePassword(ctx, cardinal.PasswordChange{Current: "", New: goodPassword})
			refuses(t, err, "/current_password password_wrong")
		})
	})
}

func TestRehash(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		u, email := w.person(t)
		stronger := w.another(t, password.Params{MemoryKiB: 128, Iterations: 1, Parallelism: 1})
		in := cardinal.SignIn{Identifier: email, Password: goodPassword}
		w.forget(t)
		must(signin.WithPassword(ctx, stronger.As(cardinal.Stranger(noID, cardinal.Client{})), in))(t)
		w.tells(t, told{action: "session.create", actor: u.ID, subject: u.ID, changes: []string{"credentials.hash", "sessions.method >password"}, rows: []string{"credentials", "sessions"}})
		c := must(w.Store.Read(ctx).Credential(ctx, u.ID))(t)
		if !strings.Contains(c.Hash, "m=128,") || c.Version != 2 {
			t.Errorf("stored as %+v", c)
		}
		must(signin.WithPassword(ctx, stronger.As(cardinal.Stranger(noID, cardinal.Client{})), in))(t)
		w.tells(t, told{action: "session.create", actor: u.ID, subject: u.ID, changes: []string{"sessions.method >password"}, rows: []string{"sessions"}})
		// Weaker parameters do not weaken a hash.
		must(signin.WithPassword(ctx, w.stranger("192.0.2.1"), in))(t)
		if c := must(w.Store.Read(ctx).Credential(ctx, u.ID))(t); c.Version != 2 {
			t.Errorf("stored as %+v", c)
		}
	})
}
