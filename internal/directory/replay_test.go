package directory_test

import (
	"bytes"
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/signin"
)

func TestOnce(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		admin, _ := w.person(t, "administrator")
		other, _ := w.person(t, "administrator")
		once := func(key, body string) *directory.IdempotentRequest {
			return &directory.IdempotentRequest{Key: key, Route: "POST /v1/users", Path: "/v1/users", Body: []byte(body)}
		}
		t.Run("GivesTheSameResultAndDoesNothingTwice", func(t *testing.T) {
			in := cardinal.NewUser{Email: anEmail(), DisplayName: "Once"}
			w.forget(t)
			first, again := once("key-1", "body"), once("key-1", "body")
			u := must(w.as(admin).Idempotent(first).CreateUser(ctx, in))(t)
			same := must(w.as(admin).Idempotent(again).CreateUser(ctx, in))(t)
			sameJSON(t, u, same)
			if first.Replayed || !again.Replayed {
				t.Errorf("replayed: %t, %t", first.Replayed, again.Replayed)
			}
			if e := w.events(t); len(e) != 1 {
				t.Errorf("told as %+v", e)
			}
		})
		t.Run("RefusesAnotherRequestUnderTheSameKey", func(t *testing.T) {
			must(w.as(admin).Idempotent(once("key-2", "body")).CreateUser(ctx, cardinal.NewUser{}))(t)
			w.forget(t)
			_, err := w.as(admin).Idempotent(once("key-2", "another body")).CreateUser(ctx, cardinal.NewUser{})
			refuses(t, err, "idempotency_mismatch")
			elsewhere := once("key-2", "body")
			elsewhere.Path = "/v1/users/else"
			_, err = w.as(admin).Idempotent(elsewhere).CreateUser(ctx, cardinal.NewUser{})
			refuses(t, err, "idempotency_mismatch")
			w.tells(t)
		})
		t.Run("KeepsCallersAndRoutesApart", func(t *testing.T) {
			a := must(w.as(admin).Idempotent(once("key-3", "body")).CreateUser(ctx, cardinal.NewUser{}))(t)
			b := must(w.as(other).Idempotent(once("key-3", "body")).CreateUser(ctx, cardinal.NewUser{}))(t)
			elsewhere := once("key-3", "body")
			elsewhere.Route = "POST /v1/else"
			c := must(w.as(admin).Idempotent(elsewhere).CreateUser(ctx, cardinal.NewUser{}))(t)
			if a.ID == b.ID || a.ID == c.ID {
				t.Error("one result for two callers or routes")
			}
		})
		t.Run("ChecksThePermissionBeforeItReplays", func(t *testing.T) {
			u, _ := w.person(t, "administrator")
			must(w.as(u).Idempotent(once("key-4", "body")).CreateUser(ctx, cardinal.NewUser{}))(t)
			ok(t, w.operator().RevokeGrant(ctx, u.ID, w.role(t, "administrator").ID))
			_, err := w.as(u).Idempotent(once("key-4", "body")).CreateUser(ctx, cardinal.NewUser{})
			refuses(t, err, "permission_missing")
		})
		t.Run("DoesNotKeepAFailure", func(t *testing.T) {
			_, taken := w.person(t)
			_, err := w.as(admin).Idempotent(once("key-5", "body")).CreateUser(ctx, cardinal.NewUser{Email: taken})
			refuses(t, err, "identifier_taken")
			retry := once("key-5", "another body")
			must(w.as(admin).Idempotent(retry).CreateUser(ctx, cardinal.NewUser{}))(t)
			if retry.Replayed {
				t.Error("a failure was replayed")
			}
		})
		t.Run("ForgetsAfterADay", func(t *testing.T) {
			a := must(w.as(admin).Idempotent(once("key-6", "body")).CreateUser(ctx, cardinal.NewUser{}))(t)
			w.Clock.Add(23 * time.Hour)
			b := must(w.as(admin).Idempotent(once("key-6", "body")).CreateUser(ctx, cardinal.NewUser{}))(t)
			w.Clock.Add(2 * time.Hour)
			taken := once("key-6", "another body")
			c := must(w.as(admin).Idempotent(taken).CreateUser(ctx, cardinal.NewUser{}))(t)
			if a.ID != b.ID || a.ID == c.ID || taken.Replayed {
				t.Errorf("%s, %s, %s", a.ID, b.ID, c.ID)
			}
			again := once("key-6", "another body")
			if d := must(w.as(admin).Idempotent(again).CreateUser(ctx, cardinal.NewUser{}))(t); d.ID != c.ID || !again.Replayed {
				t.Error("the place that was taken over keeps no reply")
			}
			w.Clock.Add(25 * time.Hour)
			w.run(t, "replies.purge")
			var n int
			ok(t, w.raw(t).QueryRowContext(ctx, `SELECT count(*) FROM idempotency_keys`).Scan(&n))
			if n != 0 {
				t.Errorf("%d replies are left", n)
			}
		})
		t.Run("HasOneEffectTogether", func(t *testing.T) {
			email := anEmail()
			w.forget(t)
			var tries []func(context.Context) error
			var mu sync.Mutex
			ids := map[uuid.UUID]int{}
			for range 8 {
				tries = append(tries, func(ctx context.Context) error {
					u, err := w.as(admin).Idempotent(once("key-7", email)).CreateUser(ctx, cardinal.NewUser{Email: email})
					mu.Lock()
					defer mu.Unlock()
					if err == nil {
						ids[u.ID]++
					}
					return err
				})
			}
			for _, err := range together(tries...) {
				if err != nil {
					refuses(t, err, "idempotency_in_flight")
				}
			}
			if e := w.events(t); len(ids) != 1 || len(e) != 1 {
				t.Errorf("%d results, %d events", len(ids), len(e))
			}
		})
		t.Run("RepeatsAKeyWithoutItsSecret", func(t *testing.T) {
			svc := w.service(t, "auditor")
			in := cardinal.NewAPIKey{UserID: svc.ID, Name: "once", RoleIDs: []uuid.UUID{w.role(t, "auditor").ID}, ExpiresAt: w.Clock.Now().Add(time.Hour)}
			first := must(w.as(admin).Idempotent(once("key-8", "body")).CreateAPIKey(ctx, in))(t)
			again := must(w.as(admin).Idempotent(once("key-8", "body")).CreateAPIKey(ctx, in))(t)
			if first.Token == "" || again.Token != "" || first.ID != again.ID {
				t.Errorf("first %t, again %t", first.Token != "", again.Token != "")
			}
		})
		t.Run("KeepsTheReplySealed", func(t *testing.T) {
			u, _ := w.person(t)
			in := cardinal.NewContact{Kind: "email", Value: "canary." + anEmail()}
			must(w.as(admin).Idempotent(once("secret-key-9", in.Value)).AddContact(ctx, u.ID, in))(t)
			rows := must(w.raw(t).QueryContext(ctx, `SELECT reply_sealed, key_hash, fingerprint, route FROM idempotency_keys`))(t)
			defer rows.Close()
			n := 0
			for rows.Next() {
				var sealed, hash, mark, route []byte
				ok(t, rows.Scan(&sealed, &hash, &mark, &route))
				for _, canary := range []string{"canary", "secret-key-9", u.ID.String()} {
					if bytes.Contains(bytes.Join([][]byte{sealed, hash, mark, route}, nil), []byte(canary)) {
						t.Errorf("%s is stored in clear", canary)
					}
				}
				n++
			}
			if n == 0 {
				t.Error("no reply is kept")
			}
		})
		t.Run("KeepsNoBearerToken", func(t *testing.T) {
			_, email := w.person(t)
			desk := w.stranger("192.0.2.1").Idempotent(once("key-10", "body"))
			a := must(signin.WithPassword(ctx, desk, cardinal.SignIn{Identifier: email, Password: goodPassword}))(t)
			b := must(signin.WithPassword(ctx, desk, cardinal.SignIn{Identifier: email, Password: goodPassword}))(t)
			if a.Session.ID == b.Session.ID || b.Token == "" {
				t.Error("a sign-in was replayed")
			}
			x := must(signin.NewSetupLink(ctx, w.operator().Idempotent(once("key-11", "body"))))(t)
			y := must(signin.NewSetupLink(ctx, w.operator().Idempotent(once("key-11", "body"))))(t)
			if x.Token == y.Token || y.Token == "" {
				t.Error("a set-up link was replayed")
			}
		})
	})
}
