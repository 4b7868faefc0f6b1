package signin_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/directory/directorytest"
	"cardinal/internal/password"
	"cardinal/internal/seal"
	"cardinal/internal/signin"
	"cardinal/internal/store"
)

// refusedAttempts sums the refused attempts of anonymous callers that are recorded now, by "action subject".
func refusedAttempts(t testing.TB, w *world) map[string]int64 {
	t.Helper()
	w.ResetEvents(t)
	w.Clock.Add(time.Minute)
	noError(t, w.FlushRefusals(t.Context(), false))
	sum := map[string]int64{}
	for _, e := range w.Events(t) {
		minute := directorytest.ValueText(e.Changes["refused_attempts.minute"].To)
		if e.Changes["refused_attempts.prefix"].To == nil {
			t.Errorf("recorded without a prefix: %+v", e)
		}
		if e.ActorID != cardinal.AnonymousID || !e.IsRefused || len(e.ChangedRows) != 0 || minute != "time" {
			t.Errorf("recorded as %+v", e)
		}
		sum[e.Action+" "+e.SubjectID.String()] += e.Attempts
	}
	return sum
}

func TestWithPassword(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		signIn := func(address, identifier, secret string) error {
			return errorOf(signin.WithPassword(ctx, w.Anonymous(address), cardinal.SignIn{
				Identifier: identifier, Password: cardinal.Secret(secret),
			}))
		}
		t.Run("OpensSession", func(t *testing.T) {
			u, email := w.NewPerson(t)
			w.ResetEvents(t)
			in := value(signin.WithPassword(ctx, w.Anonymous("203.0.113.5"), cardinal.SignIn{
				Identifier: email, Password: goodPassword,
			}))(t)
			s := in.Session
			if s.UserID != u.ID || s.Method != "password" || s.Assurance != 1 || s.Address != "203.0.113.5" ||
				s.UserAgent != "test agent" || in.MustChangePassword ||
				s.ExpiresAt.Sub(s.CreatedAt) != 30*24*time.Hour || s.IdleEndsAt.Sub(s.CreatedAt) != 7*24*time.Hour {
				t.Errorf("session %+v", s)
			}
			w.ExpectEvents(t, event{
				Action: "session.create", Actor: u.ID, Subject: u.ID,
				Changes: []string{"sessions.method >password"},
				Rows:    []string{"sessions"},
			})
			listed := value(w.Operator().Sessions(ctx, u.ID, cardinal.Page{Limit: 10}))(t)
			if len(listed.Data) != 1 || listed.Data[0].Address != s.Address || listed.Data[0].UserAgent != s.UserAgent {
				t.Errorf("listed %+v", listed)
			}
			seen := value(w.Operator().UserAudit(ctx, u.ID, cardinal.AuditFilter{
				Page: cardinal.Page{Limit: 1, Descending: true},
			}))(t).Data[0]
			if seen.Address != s.Address || seen.UserAgent != s.UserAgent || *seen.SessionID != s.ID {
				t.Errorf("audited %+v", seen)
			}
		})
		t.Run("OneAnswerForAllErrors", func(t *testing.T) {
			u, email := w.NewPerson(t)
			emailWithoutPassword := newEmail()
			noPassword := value(w.Operator().CreateUser(ctx, cardinal.NewUser{
				Email: emailWithoutPassword, EmailVerified: true,
			}))(t)
			refusedAttempts(t, w)
			for _, c := range [][2]string{
				{email, wrongPassword}, {email, ""}, {emailWithoutPassword, goodPassword},
				{"unknown@example.com", goodPassword}, {"", goodPassword}, {"\xff", goodPassword},
			} {
				err := signIn("203.0.113.6", c[0], c[1])
				expectRefusal(t, err, "invalid_credentials")
				if err.Error() != "invalid_credentials: It is not disclosed which of them is wrong. Check both." {
					t.Errorf("the error is %q", err)
				}
			}
			w.ExpectEvents(t)
			sum := refusedAttempts(t, w)
			want := map[string]int64{
				"session.create " + u.ID.String():                 2,
				"session.create " + noPassword.ID.String():        1,
				"session.create " + cardinal.AnonymousID.String(): 3,
			}
			if fmt.Sprint(sum) != fmt.Sprint(want) {
				t.Errorf("counted %v, want %v", sum, want)
			}
			if again := refusedAttempts(t, w); len(again) != 0 {
				t.Errorf("counted twice: %v", again)
			}
		})
		t.Run("StatusAfterRightPassword", func(t *testing.T) {
			u, email := w.NewPerson(t)
			value(w.Operator().SuspendUser(ctx, u.ID, u.Version))(t)
			expectRefusal(t, signIn("203.0.113.7", email, goodPassword), "account_suspended")
			expectRefusal(t, signIn("203.0.113.7", email, wrongPassword), "invalid_credentials")
			deleted, deletedEmail := w.NewPerson(t)
			value(w.Operator().DeleteUser(ctx, deleted.ID, deleted.Version))(t)
			expectRefusal(t, signIn("203.0.113.7", deletedEmail, goodPassword), "account_deleted")
			w.SetSetting(t, "sign_up.mode", "open")
			// The address of a sign-up signs no user in. Only a user name that an administrator gave names the account.
			pending, name := newEmail(), fmt.Sprintf("pending%d", directorytest.NextNumber())
			signedUp := value(signin.SignUp(ctx, w.Anonymous("203.0.113.8"), cardinal.SignUp{
				Email: pending, Password: goodPassword,
			}))(t)
			expectRefusal(t, signIn("203.0.113.7", pending, goodPassword), "invalid_credentials")
			change := cardinal.ProfileChange{Username: cardinal.Set(name)}
			value(w.Operator().UpdateProfile(ctx, signedUp.ID, 1, change))(t)
			expectRefusal(t, signIn("203.0.113.7", name, goodPassword), "account_pending")
			expectRefusal(t, signIn("203.0.113.7", name, wrongPassword), "invalid_credentials")
		})
		t.Run("SuspendedConcurrently", func(t *testing.T) {
			if w.Engine == "sqlite" {
				return // SQLite runs one transaction at a time
			}
			u, email := w.NewPerson(t)
			var other sync.WaitGroup
			var err error
			noError(t, w.Store.Write(ctx, func(tx store.Tx) error {
				if _, err := tx.ChangeUserStatus(ctx, u.ID, u.Version, "suspend", w.Clock.Now()); err != nil {
					return err
				}
				if _, err := tx.RevokeSessions(ctx, u.ID, uuid.Nil, "signed_out", w.Clock.Now()); err != nil {
					return err
				}
				other.Go(func() { err = signIn("", email, goodPassword) })
				w.WaitForLock(t)
				return nil
			}))
			other.Wait()
			expectRefusal(t, err, "invalid_credentials")
			if s := value(w.Operator().Sessions(ctx, u.ID, cardinal.Page{Limit: 5}))(t); len(s.Data) != 0 {
				t.Errorf("a suspended user has sessions: %+v", s)
			}
		})
	})
}

// TestWithPasswordHashesOnce: every refused attempt computes one hash, so that the time discloses nothing.
func TestWithPasswordHashesOnce(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		_, email := w.NewPerson(t)
		withoutPassword := newEmail()
		value(w.Operator().CreateUser(t.Context(), cardinal.NewUser{Email: withoutPassword, EmailVerified: true}))(t)
		for _, c := range []cardinal.SignIn{
			{Identifier: email, Password: wrongPassword},
			{Identifier: email},
			{Identifier: withoutPassword, Password: goodPassword},
			{Identifier: "unknown@example.com", Password: goodPassword},
			{Identifier: "\xff", Password: goodPassword},
		} {
			hashes := 0
			ctx := directorytest.BeforeHash(t.Context(), func() { hashes++ })
			_, err := signin.WithPassword(ctx, w.Anonymous(""), c)
			expectRefusal(t, err, "invalid_credentials")
			if hashes != 1 {
				t.Errorf("%q: %d hashes, want 1", c.Identifier, hashes)
			}
		}
	})
}

// TestWithPasswordQueueFull: a full hashing queue refuses the attempt before the first statement.
func TestWithPasswordQueueFull(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		slow := password.Params{MemoryKiB: 32 << 10, Iterations: 8, Parallelism: 1}
		hasher := password.New(slow, password.Limits{Concurrent: 1})
		d := value(directory.Open(t.Context(), w.Store, directory.Options{
			LoadKeys: func() (*seal.Keyring, error) { return seal.LoadKeyring(w.Keys, "") },
			Hasher:   hasher,
		}))(t)
		var hashing sync.WaitGroup
		defer hashing.Wait()
		hashing.Go(func() { _, _ = hasher.Hash(context.WithoutCancel(t.Context()), password.Caller{}, goodPassword) })
		for running := 0; running == 0; running, _, _ = hasher.Stats() {
			runtime.Gosched()
		}
		canceled, cancel := context.WithCancel(t.Context())
		cancel() // every statement fails from now on
		in := cardinal.SignIn{Identifier: "ana@example.com", Password: goodPassword}
		_, err := signin.WithPassword(canceled, directorytest.Anonymous(d, ""), in)
		expectRefusal(t, err, "busy")
	})
}

// TestTokensNotStored: results with a bearer token are not stored for a repeated request.
func TestTokensNotStored(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		request := func(key string) *directory.IdempotentRequest {
			return &directory.IdempotentRequest{Key: key, Route: "POST /v1/x", Path: "/v1/x", Body: []byte("body")}
		}
		_, email := w.NewPerson(t)
		anonymous := w.Anonymous("192.0.2.1").Idempotent(request("key-1"))
		in := cardinal.SignIn{Identifier: email, Password: goodPassword}
		a := value(signin.WithPassword(ctx, anonymous, in))(t)
		b := value(signin.WithPassword(ctx, anonymous, in))(t)
		if a.Session.ID == b.Session.ID || b.Token == "" {
			t.Error("a sign-in was replayed")
		}
		x := value(signin.NewSetupLink(ctx, w.Operator().Idempotent(request("key-2"))))(t)
		y := value(signin.NewSetupLink(ctx, w.Operator().Idempotent(request("key-2"))))(t)
		if x.Token == y.Token || y.Token == "" {
			t.Error("a set-up link was replayed")
		}
	})
}
