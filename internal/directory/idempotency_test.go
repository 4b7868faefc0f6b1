package directory_test

import (
	"bytes"
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/access"
	"cardinal/internal/directory"
	"cardinal/internal/directory/directorytest"
)

func TestIdempotency(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		admin, _ := w.NewPerson(t, "administrator")
		other, _ := w.NewPerson(t, "administrator")
		once := func(key, body string) *directory.IdempotentRequest {
			return &directory.IdempotentRequest{
				Key: key, Route: "POST /v1/users", Path: "/v1/users", Body: []byte(body),
			}
		}
		t.Run("RepeatReturnsStoredReply", func(t *testing.T) {
			in := cardinal.NewUser{Email: newEmail(), DisplayName: "Once"}
			w.ResetEvents(t)
			first, again := once("key-1", "body"), once("key-1", "body")
			u := value(w.DeskOf(admin).Idempotent(first).CreateUser(ctx, in))(t)
			same := value(w.DeskOf(admin).Idempotent(again).CreateUser(ctx, in))(t)
			directorytest.ExpectSameJSON(t, u, same)
			if first.Replayed || !again.Replayed {
				t.Errorf("replayed: %t, %t", first.Replayed, again.Replayed)
			}
			if e := w.Events(t); len(e) != 1 {
				t.Errorf("recorded as %+v", e)
			}
		})
		t.Run("OtherRequestRefused", func(t *testing.T) {
			value(w.DeskOf(admin).Idempotent(once("key-2", "body")).CreateUser(ctx, cardinal.NewUser{}))(t)
			w.ResetEvents(t)
			_, err := w.DeskOf(admin).Idempotent(once("key-2", "another body")).CreateUser(ctx, cardinal.NewUser{})
			expectRefusal(t, err, "idempotency_mismatch")
			elsewhere := once("key-2", "body")
			elsewhere.Path = "/v1/users/else"
			_, err = w.DeskOf(admin).Idempotent(elsewhere).CreateUser(ctx, cardinal.NewUser{})
			expectRefusal(t, err, "idempotency_mismatch")
			w.ExpectEvents(t)
		})
		t.Run("PerCallerAndRoute", func(t *testing.T) {
			a := value(w.DeskOf(admin).Idempotent(once("key-3", "body")).CreateUser(ctx, cardinal.NewUser{}))(t)
			b := value(w.DeskOf(other).Idempotent(once("key-3", "body")).CreateUser(ctx, cardinal.NewUser{}))(t)
			elsewhere := once("key-3", "body")
			elsewhere.Route = "POST /v1/else"
			c := value(w.DeskOf(admin).Idempotent(elsewhere).CreateUser(ctx, cardinal.NewUser{}))(t)
			if a.ID == b.ID || a.ID == c.ID {
				t.Error("two callers or routes have the same result")
			}
		})
		t.Run("PermissionCheckedFirst", func(t *testing.T) {
			u, _ := w.NewPerson(t, "administrator")
			value(w.DeskOf(u).Idempotent(once("key-4", "body")).CreateUser(ctx, cardinal.NewUser{}))(t)
			noError(t, access.RevokeGrant(ctx, w.Operator(), u.ID, w.Role(t, "administrator").ID))
			_, err := w.DeskOf(u).Idempotent(once("key-4", "body")).CreateUser(ctx, cardinal.NewUser{})
			expectRefusal(t, err, "permission_missing")
		})
		t.Run("FailureNotStored", func(t *testing.T) {
			_, taken := w.NewPerson(t)
			_, err := w.DeskOf(admin).Idempotent(once("key-5", "body")).CreateUser(ctx, cardinal.NewUser{Email: taken})
			expectRefusal(t, err, "identifier_taken")
			retry := once("key-5", "another body")
			value(w.DeskOf(admin).Idempotent(retry).CreateUser(ctx, cardinal.NewUser{}))(t)
			if retry.Replayed {
				t.Error("a failure was replayed")
			}
		})
		t.Run("ExpiresAfterOneDay", func(t *testing.T) {
			a := value(w.DeskOf(admin).Idempotent(once("key-6", "body")).CreateUser(ctx, cardinal.NewUser{}))(t)
			w.Clock.Add(23 * time.Hour)
			b := value(w.DeskOf(admin).Idempotent(once("key-6", "body")).CreateUser(ctx, cardinal.NewUser{}))(t)
			w.Clock.Add(2 * time.Hour)
			taken := once("key-6", "another body")
			c := value(w.DeskOf(admin).Idempotent(taken).CreateUser(ctx, cardinal.NewUser{}))(t)
			if a.ID != b.ID || a.ID == c.ID || taken.Replayed {
				t.Errorf("%s, %s, %s", a.ID, b.ID, c.ID)
			}
			again := once("key-6", "another body")
			d := value(w.DeskOf(admin).Idempotent(again).CreateUser(ctx, cardinal.NewUser{}))(t)
			if d.ID != c.ID || !again.Replayed {
				t.Error("the reply under a reused key was not stored")
			}
			w.Clock.Add(25 * time.Hour)
			w.RunJob(t, "idempotency_keys.purge")
			var n int
			noError(t, w.SQL(t).QueryRowContext(ctx, `SELECT count(*) FROM idempotency_keys`).Scan(&n))
			if n != 0 {
				t.Errorf("%d replies are left", n)
			}
		})
		t.Run("ConcurrentRequests", func(t *testing.T) {
			email := newEmail()
			w.ResetEvents(t)
			var calls []func(context.Context) error
			var mu sync.Mutex
			ids := map[uuid.UUID]int{}
			for range 8 {
				calls = append(calls, func(ctx context.Context) error {
					u, err := w.DeskOf(admin).Idempotent(once("key-7", email)).CreateUser(ctx, cardinal.NewUser{
						Email: email,
					})
					mu.Lock()
					defer mu.Unlock()
					if err == nil {
						ids[u.ID]++
					}
					return err
				})
			}
			for _, err := range directorytest.Concurrently(calls...) {
				if err != nil {
					expectRefusal(t, err, "idempotency_in_flight")
				}
			}
			if e := w.Events(t); len(ids) != 1 || len(e) != 1 {
				t.Errorf("%d results, %d events", len(ids), len(e))
			}
		})
		t.Run("APIKeyWithoutSecret", func(t *testing.T) {
			svc := w.NewService(t, "auditor")
			in := cardinal.NewAPIKey{
				UserID: svc.ID, Name: "once", RoleIDs: []uuid.UUID{w.Role(t, "auditor").ID},
				ExpiresAt: w.Clock.Now().Add(time.Hour),
			}
			first := value(access.CreateAPIKey(ctx, w.DeskOf(admin).Idempotent(once("key-8", "body")), in))(t)
			again := value(access.CreateAPIKey(ctx, w.DeskOf(admin).Idempotent(once("key-8", "body")), in))(t)
			if first.Token == "" || again.Token != "" || first.ID != again.ID {
				t.Errorf("first %t, again %t", first.Token != "", again.Token != "")
			}
		})
		t.Run("NotSharedByKeysOfService", func(t *testing.T) {
			svc := w.NewService(t, "administrator")
			one, two := w.NewAPIKey(t, svc, "administrator"), w.NewAPIKey(t, svc, "administrator")
			u, _ := w.NewPerson(t)
			in := cardinal.NewContact{Kind: "email", Value: newEmail()}
			add := func(key cardinal.APIKey) (cardinal.Contact, error) {
				k := w.DeskOfToken(t, key.Token).Idempotent(once("key-keys", in.Value))
				return k.AddContact(ctx, u.ID, in)
			}
			first := value(add(one))(t)
			if again := value(add(one))(t); again.ID != first.ID {
				t.Errorf("the same key got %s, want %s", again.ID, first.ID)
			}
			// The second key has a reply of its own: here a refusal, which the first key did not get.
			expectRefusal(t, errorOf(add(two)), "identifier_already_yours")
			// A reply that the first version stored has no API key. The request is not repeated.
			_, err := w.SQL(t).ExecContext(ctx,
				`UPDATE idempotency_keys SET api_key_id = NULL WHERE api_key_id IS NOT NULL`)
			noError(t, err)
			if again := value(add(one))(t); again.ID != first.ID {
				t.Errorf("after an upgrade the same key got %s, want %s", again.ID, first.ID)
			}
		})
		t.Run("ReplyEncrypted", func(t *testing.T) {
			u, _ := w.NewPerson(t)
			in := cardinal.NewContact{Kind: "email", Value: "canary." + newEmail()}
			value(w.DeskOf(admin).Idempotent(once("secret-key-9", in.Value)).AddContact(ctx, u.ID, in))(t)
			rows := value(w.SQL(t).QueryContext(ctx,
				`SELECT reply_sealed, key_hash, fingerprint, route FROM idempotency_keys`))(t)
			defer rows.Close()
			n := 0
			for rows.Next() {
				var reply, hash, mark, route []byte
				noError(t, rows.Scan(&reply, &hash, &mark, &route))
				for _, canary := range []string{"canary", "secret-key-9", u.ID.String()} {
					if bytes.Contains(bytes.Join([][]byte{reply, hash, mark, route}, nil), []byte(canary)) {
						t.Errorf("%s is stored in clear text", canary)
					}
				}
				n++
			}
			if n == 0 {
				t.Error("no reply is stored")
			}
		})
	})
}
