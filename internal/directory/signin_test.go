package directory_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/directory/directorytest"
	"cardinal/internal/signin"
	"cardinal/internal/store"
)

const window = 15 * time.Minute

// minutes adds up what strangers tried in vain, as the job writes it: "action subject" to attempts.
func (w *world) minutes(t testing.TB) map[string]int64 {
	t.Helper()
	w.forget(t)
	w.Clock.Add(time.Minute)
	w.run(t, "audit.attempts")
	sum := map[string]int64{}
	for _, e := range w.events(t) {
		if e.ActorID != cardinal.StrangerID || !e.IsRefused || len(e.ChangedRows) != 0 || shown(e.Changes["refused_attempts.minute"].To) != "time" {
			t.Errorf("told as %+v", e)
		}
		sum[e.Action+" "+e.SubjectID.String()] += e.Attempts
	}
	return sum
}

func TestSignIn(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		try := func(address, identifier, secret string) error {
			_, err := signin.WithPassword(ctx, w.stranger(address), cardinal.SignIn{Identifier: identifier, Password: cardinal.Secret(secret)})
			return err
		}
		t.Run("OpensASession", func(t *testing.T) {
			u, email := w.person(t)
			w.forget(t)
			in := must(signin.WithPassword(ctx, w.stranger("203.0.113.5"), cardinal.SignIn{Identifier: email, Password: goodPassword}))(t)
			s := in.Session
			if s.UserID != u.ID || s.Method != "password" || s.Assurance != 1 || s.Address != "203.0.113.5" || s.UserAgent != "test agent" || in.MustChangePassword ||
				s.ExpiresAt.Sub(s.CreatedAt) != 30*24*time.Hour || s.IdleEndsAt.Sub(s.CreatedAt) != 7*24*time.Hour {
				t.Errorf("session %+v", s)
			}
			w.tells(t, told{action: "session.create", actor: u.ID, subject: u.ID, changes: []string{"sessions.method >password"}, rows: []string{"sessions"}})
			listed := must(w.operator().Sessions(ctx, u.ID, cardinal.Page{Limit: 10}))(t)
			if len(listed.Data) != 1 || listed.Data[0].Address != s.Address || listed.Data[0].UserAgent != s.UserAgent {
				t.Errorf("listed %+v", listed)
			}
			seen := must(w.operator().UserAudit(ctx, u.ID, cardinal.AuditFilter{Page: cardinal.Page{Limit: 1, Descending: true}}))(t).Data[0]
			if seen.Address != s.Address || seen.UserAgent != s.UserAgent || *seen.SessionID != s.ID {
				t.Errorf("audited %+v", seen)
			}
		})
		t.Run("GivesOneAnswerToWhateverIsWrong", func(t *testing.T) {
			u, email := w.person(t)
			bare := must(w.operator().CreateUser(ctx, cardinal.NewUser{Email: anEmail(), EmailVerified: true}))(t)
			bareEmail := must(w.operator().Contacts(ctx, bare.ID))(t)[0].Value
			w.minutes(t)
			for _, c := range [][2]string{{email, "wrong wrong wrong"}, {email, ""}, {bareEmail, goodPassword}, {"nobody@example.com", goodPassword}, {"", goodPassword}, {"\xff", goodPassword}} {
				err := try("203.0.113.6", c[0], c[1])
				refuses(t, err, "invalid_credentials")
				if err.Error() != "invalid_credentials: It is not disclosed which of them is wrong. Check both." {
					t.Errorf("said %q", err)
				}
			}
			w.tells(t)
			sum := w.minutes(t)
			want := map[string]int64{"session.create " + u.ID.String(): 2, "session.create " + bare.ID.String(): 1, "session.create " + cardinal.StrangerID.String(): 3}
			if fmt.Sprint(sum) != fmt.Sprint(want) {
				t.Errorf("counted %v, want %v", sum, want)
			}
			if again := w.minutes(t); len(again) != 0 {
				t.Errorf("counted twice: %v", again)
			}
		})
		t.Run("TellsWhatIsWrongWithTheAccountToWhoProvedIt", func(t *testing.T) {
			u, email := w.person(t)
			must(w.operator().SuspendUser(ctx, u.ID, u.Version))(t)
			refuses(t, try("203.0.113.7", email, goodPassword), "account_suspended")
			refuses(t, try("203.0.113.7", email, "wrong wrong wrong"), "invalid_credentials")
			gone, goneEmail := w.person(t)
			must(w.operator().DeleteUser(ctx, gone.ID, gone.Version))(t)
			refuses(t, try("203.0.113.7", goneEmail, goodPassword), "account_deleted")
			w.set(t, "sign_up.mode", "open")
			pending := anEmail()
			must(signin.SignUp(ctx, w.stranger("203.0.113.8"), cardinal.SignUp{Email: pending, Password: goodPassword}))(t)
			refuses(t, try("203.0.113.7", pending, goodPassword), "account_pending")
			refuses(t, try("203.0.113.7", pending, "wrong wrong wrong"), "invalid_credentials")
		})
		t.Run("ThrottlesAnIdentifierInTheStore", func(t *testing.T) {
			_, email := w.person(t)
			other := w.another(t, directorytest.CheapHash)
			for i := range 10 {
				refuses(t, try(fmt.Sprintf("203.0.113.%d", 20+i), email, "wrong wrong wrong"), "invalid_credentials")
			}
			err := try("203.0.113.99", email, goodPassword)
			refuses(t, err, "too_many_attempts")
			_, err = signin.WithPassword(ctx, other.As(cardinal.Stranger(noID, cardinal.Client{})), cardinal.SignIn{Identifier: " " + email, Password: goodPassword})
			refuses(t, err, "too_many_attempts")
			w.Clock.Add(window - time.Minute)
			refuses(t, try("203.0.113.99", email, goodPassword), "too_many_attempts")
			w.Clock.Add(time.Minute + time.Second)
			ok(t, try("203.0.113.99", email, goodPassword))
		})
		t.Run("ThrottlesUnknownIdentifiersAlike", func(t *testing.T) {
			for range 10 {
				refuses(t, try("", "unknown@example.com", "wrong wrong wrong"), "invalid_credentials")
			}
			refuses(t, try("", "unknown@example.com", "wrong wrong wrong"), "too_many_attempts")
		})
		t.Run("ForgetsFailuresAfterSuccess", func(t *testing.T) {
			_, email := w.person(t)
			for range 3 {
				for range 9 {
					refuses(t, try("", email, "wrong wrong wrong"), "invalid_credentials")
				}
				ok(t, try("", email, goodPassword))
			}
		})
		t.Run("ThrottlesAnAddressPrefix", func(t *testing.T) {
			w.set(t, "sign_in.failures_per_address", 10)
			defer w.set(t, "sign_in.failures_per_address", 100)
			_, email := w.person(t)
			for i := range 10 {
				refuses(t, try(fmt.Sprintf("2001:db8:0:1::%d", i), fmt.Sprintf("guess%d@example.com", i), "wrong wrong wrong"), "invalid_credentials")
			}
			refuses(t, try("2001:db8:0:1:ffff::1", email, goodPassword), "too_many_attempts")
			ok(t, try("2001:db8:0:2::1", email, goodPassword))
			for i := range 10 {
				refuses(t, try("203.0.113.200", fmt.Sprintf("guess%d@example.com", i), "wrong wrong wrong"), "invalid_credentials")
			}
			refuses(t, try("::ffff:203.0.113.200", email, goodPassword), "too_many_attempts")
			ok(t, try("203.0.113.201", email, goodPassword))
		})
		t.Run("CountsGuessesThatWereMadeAtOnce", func(t *testing.T) {
			_, email := w.person(t)
			for range 9 {
				refuses(t, try("", email, "wrong wrong wrong"), "invalid_credentials")
			}
			var tries []func(context.Context) error
			for range 6 {
				tries = append(tries, func(context.Context) error { return try("", email, "wrong wrong wrong") })
			}
			together(tries...)
			refuses(t, try("", email, goodPassword), "too_many_attempts")
		})
		t.Run("ASuspensionAtTheSameTimeWins", func(t *testing.T) {
			if w.engine == "sqlite" {
				return // its transactions take turns
			}
			u, email := w.person(t)
			var other sync.WaitGroup
			var err error
			ok(t, w.Store.Write(ctx, func(tx store.Tx) error {
				if _, err := tx.SetUserStatus(ctx, u.ID, u.Version, "suspend", w.Clock.Now()); err != nil {
					return err
				}
				if _, err := tx.RevokeSessions(ctx, u.ID, uuid.Nil, "signed_out", w.Clock.Now()); err != nil {
					return err
				}
				other.Go(func() { err = try("", email, goodPassword) })
				w.waitForLock(t)
				return nil
			}))
			other.Wait()
			refuses(t, err, "invalid_credentials")
			if s := must(w.operator().Sessions(ctx, u.ID, cardinal.Page{Limit: 5}))(t); len(s.Data) != 0 {
				t.Errorf("a session of a suspended user: %+v", s)
			}
		})
	})
}

// atHash is a context that does something each time its holder asks for a turn to hash: in the middle of a call, after what
// the call read first and before its transaction.
type atHash struct {
	context.Context
	do func()
}

// Err is what the queue of hashes asks before it gives a turn.
func (c atHash) Err() error {
	var caller [1]uintptr
	runtime.Callers(2, caller[:])
	if f, _ := runtime.CallersFrames(caller[:]).Next(); strings.HasSuffix(f.Function, "password.(*queue).enter") {
		c.do()
	}
	return c.Context.Err()
}

func TestSignInTakesATurn(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		_, email := w.person(t)
		bare := anEmail()
		must(w.operator().CreateUser(t.Context(), cardinal.NewUser{Email: bare, EmailVerified: true}))(t)
		for _, c := range []cardinal.SignIn{{Identifier: email, Password: "wrong wrong wrong"}, {Identifier: email}, {Identifier: bare, Password: goodPassword},
			{Identifier: "nobody@example.com", Password: goodPassword}, {Identifier: "\xff", Password: goodPassword}} {
			turns := 0
			_, err := signin.WithPassword(atHash{t.Context(), func() { turns++ }}, w.stranger(""), c)
			refuses(t, err, "invalid_credentials")
			if turns != 1 {
				t.Errorf("%q took %d turns, want one whatever is wrong", c.Identifier, turns)
			}
		}
	})
}

// What was right when a password began to be verified may be wrong when that ends: too many guesses were made meanwhile, or
// the password is another one.
func TestPasswordsUnderWay(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		u, email := w.person(t)
		in := w.signIn(t, email, goodPassword)
		signIn := func(ctx context.Context, secret cardinal.Secret) error {
			_, err := signin.WithPassword(ctx, w.stranger(""), cardinal.SignIn{Identifier: email, Password: secret})
			return err
		}
		change := func(ctx context.Context, secret cardinal.Secret) error {
			_, err := w.as(u).ChangePassword(ctx, cardinal.PasswordChange{Current: secret, New: otherPassword})
			return err
		}
		guess := func(try func(context.Context, cardinal.Secret) error) func() {
			return func() {
				for range 10 {
					if err := try(ctx, "wrong wrong wrong"); err == nil {
						t.Error("a wrong password is right")
					}
				}
			}
		}
		replace := func() {
			now := must(w.operator().PasswordState(ctx, u.ID))(t)
			must(w.operator().SetPassword(ctx, u.ID, now.Version, cardinal.PasswordSet{New: goodPassword}))(t)
		}
		for _, c := range []struct {
			name, want string
			late       func(context.Context, cardinal.Secret) error
			meanwhile  func()
		}{
			{"GuessesAtSignIn", "too_many_attempts", signIn, guess(signIn)},
			{"GuessesAtAChange", "too_many_attempts", change, guess(change)},
			{"AnotherPasswordAtSignIn", "invalid_credentials", signIn, replace},
			{"AnotherPasswordAtAChange", "stale 3", change, replace},
		} {
			t.Run(c.name, func(t *testing.T) {
				var once sync.Once
				refuses(t, c.late(atHash{ctx, func() { once.Do(c.meanwhile) }}, goodPassword), c.want)
				w.Clock.Add(2*window + time.Second)
			})
		}
		if w.alive(t, in) {
			t.Error("a password was set, and the session lives on")
		}
	})
}

// otherSecret is a token of the same ids with another secret.
func otherSecret(token cardinal.Secret) string {
	text := []byte(token.Reveal())
	at := &text[len(text)-9]
	if *at == 'x' {
		*at = 'y'
	} else {
		*at = 'x'
	}
	return string(text)
}

func TestSession(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		t.Run("SaysWhoItIsAndUntilWhen", func(t *testing.T) {
			u, email := w.person(t)
			in := w.signIn(t, email, goodPassword)
			c := must(signin.CheckSession(ctx, w.Directory, in.Token.Reveal()))(t)
			if c.UserID != u.ID || c.SessionID != in.Session.ID || c.Kind != "person" || c.Status != "active" || c.Assurance != 1 || !c.ExpiresAt.Equal(in.Session.IdleEndsAt) {
				t.Errorf("check %+v", c)
			}
			wrong := otherSecret(in.Token)
			for _, bearer := range []string{"", "cs_", in.Token.Reveal() + "x", wrong, "ck_" + in.Token.Reveal()[3:]} {
				_, err := signin.CheckSession(ctx, w.Directory, bearer)
				refuses(t, err, "not_signed_in")
				_, err = signin.Authenticate(ctx, w.Directory, bearer, noID, cardinal.Client{})
				refuses(t, err, "not_signed_in")
			}
		})
		t.Run("IsRefusedAtOnceWhereverItEnded", func(t *testing.T) {
			u, email := w.person(t)
			other := w.another(t, directorytest.CheapHash)
			for name, end := range map[string]func(in cardinal.SignedIn) error{
				"sign out": func(in cardinal.SignedIn) error {
					a, err := signin.Authenticate(ctx, other, in.Token.Reveal(), noID, cardinal.Client{})
					if err != nil {
						return err
					}
					return other.As(a).SignOut(ctx)
				},
				"end": func(in cardinal.SignedIn) error {
					return other.As(cardinal.Operator()).EndSession(ctx, u.ID, in.Session.ID)
				},
				"end all": func(in cardinal.SignedIn) error { return other.As(cardinal.Operator()).EndSessions(ctx, u.ID, false) },
			} {
				in := w.signIn(t, email, goodPassword)
				if !w.alive(t, in) {
					t.Fatal("dead from the start")
				}
				w.forget(t)
				ok(t, end(in))
				if w.alive(t, in) {
					t.Errorf("%s: the session lives on", name)
				}
				if _, err := signin.CheckSession(ctx, w.Directory, in.Token.Reveal()); said(err) != "not_signed_in" {
					t.Errorf("%s: said %q", name, said(err))
				}
				e := w.events(t)
				if len(e) != 1 || e[0].SubjectID != u.ID || len(e[0].ChangedRows) != 1 || shown(e[0].Changes["sessions.ended"].To) != "1" {
					t.Fatalf("%s: told as %+v", name, e)
				}
				w.stampFits(t, e[0].ChangedRows[0])
				refuses(t, w.operator().EndSession(ctx, u.ID, in.Session.ID), "not_found")
				ok(t, w.operator().EndSessions(ctx, u.ID, true))
				w.tells(t)
			}
		})
		t.Run("IsRefusedToWhoCannotSignIn", func(t *testing.T) {
			// Suspending ends the sessions; the check does not rely on it.
			u, email := w.person(t)
			in := w.signIn(t, email, goodPassword)
			ok(t, w.Store.Write(ctx, func(tx store.Tx) error {
				_, err := tx.SetUserStatus(ctx, u.ID, u.Version, "suspend", w.Clock.Now())
				return err
			}))
			if w.alive(t, in) {
				t.Error("a suspended user has a session")
			}
		})
		t.Run("SparesTheOneThatAsks", func(t *testing.T) {
			u, email := w.person(t)
			mine, other := w.signIn(t, email, goodPassword), w.signIn(t, email, goodPassword)
			ok(t, w.session(t, mine).EndSessions(ctx, u.ID, false))
			if !w.alive(t, mine) || w.alive(t, other) {
				t.Error("the wrong one ended")
			}
			ok(t, w.session(t, mine).EndSessions(ctx, u.ID, true))
			if w.alive(t, mine) {
				t.Error("the session lives on")
			}
		})
		t.Run("OnlyASessionSignsOut", func(t *testing.T) {
			u, _ := w.person(t)
			refuses(t, w.as(u).SignOut(ctx), "no_session")
		})
		t.Run("EndsWhenIdle", func(t *testing.T) {
			w.set(t, "sessions.idle_seconds", 600)
			defer w.set(t, "sessions.idle_seconds", 604800)
			_, email := w.person(t)
			in := w.signIn(t, email, goodPassword)
			w.Clock.Add(9 * time.Minute)
			if !w.alive(t, in) {
				t.Error("dead too early")
			}
			ok(t, w.FlushLastSeen(ctx))
			w.Clock.Add(9 * time.Minute)
			if !w.alive(t, in) {
				t.Error("use does not keep it alive")
			}
			w.Clock.Add(time.Minute + time.Second)
			if w.alive(t, in) {
				t.Error("the session lives on: noted, but not flushed, is not seen")
			}
		})
		t.Run("EndsAbsolutely", func(t *testing.T) {
			w.set(t, "sessions.absolute_seconds", 600)
			defer w.set(t, "sessions.absolute_seconds", 2592000)
			_, email := w.person(t)
			in := w.signIn(t, email, goodPassword)
			if c := must(signin.CheckSession(ctx, w.Directory, in.Token.Reveal()))(t); !c.ExpiresAt.Equal(in.Session.ExpiresAt) {
				t.Errorf("ends %s, want %s", c.ExpiresAt, in.Session.ExpiresAt)
			}
			for range 9 {
				w.Clock.Add(time.Minute)
				if !w.alive(t, in) {
					t.Fatal("dead too early")
				}
				ok(t, w.FlushLastSeen(ctx))
			}
			w.Clock.Add(time.Minute)
			if w.alive(t, in) {
				t.Error("the session lives on")
			}
		})
		t.Run("IsSeenOnceAMinuteAndByFlushOnly", func(t *testing.T) {
			u, email := w.person(t)
			in := w.signIn(t, email, goodPassword)
			seen := func() time.Time { return must(w.Store.Read(ctx).Session(ctx, u.ID, in.Session.ID))(t).LastSeenAt }
			first := seen()
			w.Clock.Add(50 * time.Second)
			w.alive(t, in)
			ok(t, w.FlushLastSeen(ctx))
			if !seen().Equal(first) {
				t.Error("seen within the minute")
			}
			w.Clock.Add(11 * time.Second)
			w.forget(t)
			w.alive(t, in)
			if !seen().Equal(first) {
				t.Error("seen without a flush")
			}
			ok(t, w.FlushLastSeen(ctx))
			moved := seen()
			if !moved.After(first.Add(time.Minute)) {
				t.Errorf("seen %s after %s", moved, first)
			}
			w.tells(t)
			w.Clock.Add(30 * time.Second)
			w.alive(t, in)
			ok(t, w.FlushLastSeen(ctx))
			if !seen().Equal(moved) {
				t.Error("seen twice in a minute")
			}
		})
	})
}

func TestSignUp(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		new := func(email string) cardinal.SignUp {
			return cardinal.SignUp{Email: email, Password: goodPassword, DisplayName: "New", Locale: "de", TimeZone: "Europe/Berlin"}
		}
		t.Run("IsClosed", func(t *testing.T) {
			w.forget(t)
			_, err := signin.SignUp(ctx, w.stranger("203.0.113.1"), new(anEmail()))
			refuses(t, err, "sign_up_closed")
			w.tells(t)
		})
		w.set(t, "sign_up.mode", "open")
		t.Run("MakesAPendingUser", func(t *testing.T) {
			w.forget(t)
			u := must(signin.SignUp(ctx, w.stranger("203.0.113.1"), new(anEmail())))(t)
			if u.Status != "pending" || u.Kind != "person" {
				t.Errorf("made %+v", u)
			}
			w.tells(t, told{action: "user.sign_up", actor: cardinal.StrangerID, subject: u.ID,
				changes: []string{"contacts.value_sealed", "credentials.hash", "users.kind >person", "users.status >pending"},
				rows:    []string{"contacts", "credentials", "identifiers", "profiles", "user_keys", "users"}})
			p := must(w.operator().Profile(ctx, u.ID))(t)
			if p.DisplayName != "New" || p.Locale != "de" || p.TimeZone != "Europe/Berlin" {
				t.Errorf("profile %+v", p)
			}
			seen := must(w.operator().UserAudit(ctx, u.ID, cardinal.AuditFilter{Page: cardinal.Page{Limit: 5}}))(t).Data
			if len(seen) != 1 || seen[0].Address != "203.0.113.1" || seen[0].UserAgent != "test agent" {
				t.Errorf("audited %+v", seen)
			}
		})
		t.Run("RefusesTakenAddresses", func(t *testing.T) {
			_, email := w.person(t)
			_, err := signin.SignUp(ctx, w.stranger("203.0.113.1"), new(" "+email))
			refuses(t, err, "identifier_taken")
		})
		t.Run("NamesAllFaultsAtOnce", func(t *testing.T) {
			_, err := signin.SignUp(ctx, w.stranger("203.0.113.1"), cardinal.SignUp{Email: "x", Password: "y", DisplayName: "\x01", Locale: "!", TimeZone: "!"})
			refuses(t, err, "/display_name text_format, /email email_format, /locale locale_format, /password password_too_short, /time_zone time_zone_format")
		})
		t.Run("IsThrottledByAddressMadeOrRefused", func(t *testing.T) {
			w.set(t, "sign_in.failures_per_address", 10)
			_, taken := w.person(t)
			for i := range 10 {
				if i%2 == 0 {
					must(signin.SignUp(ctx, w.stranger("203.0.113.77"), new(anEmail())))(t)
				} else {
					_, err := signin.SignUp(ctx, w.stranger("203.0.113.77"), new(taken))
					refuses(t, err, "identifier_taken")
				}
			}
			_, err := signin.SignUp(ctx, w.stranger("203.0.113.77"), new(anEmail()))
			refuses(t, err, "too_many_attempts")
			must(signin.SignUp(ctx, w.stranger("203.0.113.78"), new(anEmail())))(t)
			w.Clock.Add(window + time.Second)
			must(signin.SignUp(ctx, w.stranger("203.0.113.77"), new(anEmail())))(t)
		})
	})
}

func TestAuditOfStrangersAcrossMonths(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		// The address is sealed a moment before the event gets its id: on the last day of a month the two can differ.
		ctx := t.Context()
		w.set(t, "sign_up.mode", "open")
		month := time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)
		address, err := directory.SealedInMonthBefore(ctx, w.Directory, month, "203.0.113.9")
		ok(t, err)
		id := cardinal.IDAt(month.Add(time.Second))
		ok(t, w.Store.Write(ctx, func(tx store.Tx) error {
			if _, err := tx.EnsureAuditMonths(ctx, month); err != nil {
				return err
			}
			return tx.AppendEvent(ctx, cardinal.AuditEvent{ID: id, ActorID: cardinal.StrangerID, SubjectID: cardinal.SystemID, Action: "user.sign_up", Attempts: 1, SchemaVersion: 1, AddressSealed: address})
		}))
		page := must(w.operator().Audit(ctx, cardinal.AuditFilter{Page: cardinal.Page{Limit: 5}, Action: "user.sign_up"}))(t)
		if len(page.Data) != 1 || page.Data[0].Address != "203.0.113.9" {
			t.Errorf("audited %+v", page.Data)
		}
	})
}

func TestSetUp(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		setUp := func(token cardinal.Secret, email string) (cardinal.SignedIn, error) {
			return signin.SetUp(ctx, w.stranger("203.0.113.1"), cardinal.SetUp{Token: token, Email: email, Password: goodPassword, DisplayName: "First"})
		}
		t.Run("MakesTheFirstAdministratorOnce", func(t *testing.T) {
			if must(signin.HasAdministrator(ctx, w.Directory))(t) {
				t.Error("there is an administrator already")
			}
			w.forget(t)
			link := must(signin.NewSetupLink(ctx, w.operator()))(t)
			w.tells(t, told{action: "setup_link.create", actor: cardinal.OperatorID, subject: cardinal.SystemID, changes: []string{"setup_links.expires_at >time"}})
			// A refused attempt does not use it up.
			_, err := setUp(link.Token, "nobody")
			refuses(t, err, "/email email_format")
			email := anEmail()
			in := must(setUp(link.Token, email))(t)
			w.tells(t, told{action: "user.create", actor: cardinal.OperatorID, subject: in.Session.UserID,
				changes: []string{"contacts.value_sealed", "credentials.hash", "user_roles.administrator >granted", "users.kind >person", "users.status >active"},
				rows:    []string{"contacts", "credentials", "identifiers", "profiles", "user_keys", "user_roles", "users"}},
				told{action: "session.create", actor: in.Session.UserID, subject: in.Session.UserID, changes: []string{"sessions.method >setup_link"}, rows: []string{"sessions"}})
			must(w.session(t, in).Settings(ctx))(t)
			w.signIn(t, email, goodPassword)
			if !must(signin.HasAdministrator(ctx, w.Directory))(t) {
				t.Error("there is no administrator")
			}
			_, err = setUp(link.Token, anEmail())
			refuses(t, err, "setup_link_expired")
			if n := w.minutes(t)["setup_link.use "+cardinal.StrangerID.String()]; n != 1 {
				t.Errorf("counted %d attempts", n)
			}
		})
		t.Run("Expires", func(t *testing.T) {
			link := must(signin.NewSetupLink(ctx, w.operator()))(t)
			w.Clock.Add(30 * time.Minute)
			_, err := setUp(link.Token, anEmail())
			refuses(t, err, "setup_link_expired")
		})
		t.Run("KeepsOnlyTheHash", func(t *testing.T) {
			link := must(signin.NewSetupLink(ctx, w.operator()))(t)
			rows := must(w.raw(t).QueryContext(ctx, `SELECT token_hash FROM setup_links`))(t)
			defer rows.Close()
			for rows.Next() {
				var hash []byte
				ok(t, rows.Scan(&hash))
				if len(hash) != 32 {
					t.Errorf("stored %d bytes of %s", len(hash), link.Token)
				}
			}
		})
		t.Run("WorksOnceTogether", func(t *testing.T) {
			for range 3 {
				link := must(signin.NewSetupLink(ctx, w.operator()))(t)
				before := len(must(signin.Administrators(ctx, w.operator()))(t))
				var tries []func(context.Context) error
				for range 6 {
					tries = append(tries, func(context.Context) error { _, err := setUp(link.Token, anEmail()); return err })
				}
				won := 0
				for _, err := range together(tries...) {
					if err == nil {
						won++
					} else {
						refuses(t, err, "setup_link_expired")
					}
				}
				if after := len(must(signin.Administrators(ctx, w.operator()))(t)); won != 1 || after != before+1 {
					t.Errorf("%d won, %d administrators after %d", won, after, before)
				}
			}
		})
		t.Run("ThrottlesWrongTokens", func(t *testing.T) {
			w.set(t, "sign_in.failures_per_address", 10)
			link := must(signin.NewSetupLink(ctx, w.operator()))(t)
			w.Clock.Add(window + time.Second)
			link = must(signin.NewSetupLink(ctx, w.operator()))(t)
			for range 10 {
				_, err := setUp("cl_wrong", anEmail())
				refuses(t, err, "setup_link_expired")
			}
			_, err := setUp(link.Token, anEmail())
			refuses(t, err, "too_many_attempts")
			w.Clock.Add(window + time.Second)
			must(setUp(link.Token, anEmail()))(t)
		})
		t.Run("TheOperatorAddsAdministrators", func(t *testing.T) {
			email := anEmail()
			made := must(signin.AddAdministrator(ctx, w.operator(), cardinal.NewUser{Email: email, Password: goodPassword}))(t)
			in := w.signIn(t, email, goodPassword)
			must(w.session(t, in).Settings(ctx))(t)
			u, there := w.person(t)
			same := must(signin.AddAdministrator(ctx, w.operator(), cardinal.NewUser{Email: " " + there}))(t)
			if same.ID != u.ID || made.ID == u.ID {
				t.Errorf("made %s, then %s of %s", made.ID, same.ID, u.ID)
			}
			must(w.as(u).Settings(ctx))(t)
			_, err := signin.AddAdministrator(ctx, w.operator(), cardinal.NewUser{Email: "x"})
			refuses(t, err, "/email email_format")
		})
	})
}
