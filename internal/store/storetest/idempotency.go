package storetest

import (
	"bytes"
	"context"
	"testing"
	"time"

	"cardinal"
	"cardinal/internal/store"
)

func idempotencyKeys(t *testing.T, s *store.Store) {
	ctx, r := t.Context(), s.Read(t.Context())
	reply := func(key byte) store.IdempotencyRecord {
		return store.IdempotencyRecord{ID: cardinal.NewID(), CallerID: cardinal.OperatorID, Route: "POST /v1/users",
			KeyHash: bytes.Repeat([]byte{key}, 32), Fingerprint: make([]byte, 32), ReplySealed: ciphertext(30),
			CreatedAt: baseTime, ExpiresAt: baseTime.Add(time.Hour)}
	}
	claim := func(k store.IdempotencyRecord) (bool, error) {
		var claimed bool
		err := s.Write(ctx, func(tx store.Tx) (err error) {
			claimed, err = tx.ClaimIdempotencyKey(ctx, k)
			return err
		})
		return claimed, err
	}
	first := reply(1)
	if !must(claim(first))(t) || must(claim(reply(1)))(t) {
		t.Error("ClaimIdempotencyKey: the first call must succeed, and only that")
	}
	got := must(r.IdempotencyKey(ctx, first.CallerID, nil, first.Route, first.KeyHash))(t)
	wantEqual(t, "IdempotencyKey", got, first)
	for range 2 { // each API key has a row of its own
		keyed, keyID := reply(1), cardinal.NewID()
		keyed.APIKeyID = &keyID
		find := func() (store.IdempotencyRecord, error) {
			return r.IdempotencyKey(ctx, keyed.CallerID, &keyID, keyed.Route, keyed.KeyHash)
		}
		wantEqual(t, "IdempotencyKey without the API key", must(find())(t), first)
		if !must(claim(keyed))(t) || must(claim(keyed))(t) {
			t.Error("ClaimIdempotencyKey, API key: the first call must succeed, and only that")
		}
		wantEqual(t, "IdempotencyKey of an API key", must(find())(t), keyed)
	}
	elsewhere := reply(1)
	elsewhere.Route = "POST /v1/roles"
	if !must(claim(elsewhere))(t) {
		t.Error("ClaimIdempotencyKey, same key on other route: false")
	}
	_, err := r.IdempotencyKey(ctx, first.CallerID, nil, first.Route, bytes.Repeat([]byte{9}, 32))
	wantError(t, "IdempotencyKey, unknown", cardinal.ErrNotFound, err)
	for constraint, change := range map[string]func(k *store.IdempotencyRecord){
		"idempotency_keys_key_hash_ck": func(k *store.IdempotencyRecord) { k.KeyHash = []byte("key") },
		"idempotency_keys_reply_ck": func(k *store.IdempotencyRecord) {
			k.ReplySealed = []byte(`{"id":"0196f0c4-0000-7000-8000-000000000001"}`)
		},
		"idempotency_keys_life_ck": func(k *store.IdempotencyRecord) { k.ExpiresAt = k.CreatedAt },
	} {
		k := reply(8)
		change(&k)
		_, err := claim(k)
		wantViolation(t, constraint, err)
	}
	again := reply(1)
	again.Fingerprint, again.ReplySealed = bytes.Repeat([]byte{3}, 32), ciphertext(31)
	again.CreatedAt, again.ExpiresAt = baseTime.Add(time.Minute), baseTime.Add(2*time.Minute)
	wantError(t, "ReuseIdempotencyKey, not expired", cardinal.ErrNotFound, s.Write(ctx, func(tx store.Tx) error {
		return tx.ReuseIdempotencyKey(ctx, first.ID, again)
	}))
	again.CreatedAt, again.ExpiresAt = first.ExpiresAt, first.ExpiresAt.Add(time.Minute)
	write(t, s, func(tx store.Tx) error { return tx.ReuseIdempotencyKey(ctx, first.ID, again) })
	again.ID = first.ID
	wantEqual(t, "IdempotencyKey after ReuseIdempotencyKey",
		must(r.IdempotencyKey(ctx, first.CallerID, nil, first.Route, first.KeyHash))(t), again)

	// A duplicate waits for the first request until the lock timeout; after the first commits, it finds its response.
	claimed, done := reply(2), make(chan error)
	write(t, s, func(tx store.Tx) error {
		if !must(tx.ClaimIdempotencyKey(ctx, claimed))(t) {
			t.Error("ClaimIdempotencyKey: false")
		}
		shortCtx, stop := context.WithTimeout(ctx, 50*time.Millisecond)
		defer stop()
		err := s.Write(shortCtx, func(tx store.Tx) error {
			if err := tx.SetLockTimeout(ctx, 20*time.Millisecond); err != nil {
				return err
			}
			_, err := tx.ClaimIdempotencyKey(ctx, reply(2))
			return err
		})
		want := cardinal.ErrBusy
		if s.Engine() == "sqlite" {
			want = context.DeadlineExceeded
		}
		wantError(t, "ClaimIdempotencyKey, concurrent claim", want, err)
		go func() {
			done <- s.Write(ctx, func(tx store.Tx) error {
				if ok, err := tx.ClaimIdempotencyKey(ctx, reply(2)); ok || err != nil {
					t.Errorf("ClaimIdempotencyKey, after commit of other claim: %v, %v", ok, err)
				}
				got, err := tx.IdempotencyKey(ctx, claimed.CallerID, nil, claimed.Route, claimed.KeyHash)
				if got.ID != claimed.ID || len(got.ReplySealed) != 40 {
					t.Errorf("IdempotencyKey, claimed by other request: %v", got)
				}
				return err
			})
		}()
		return tx.StoreReply(ctx, claimed.ID, ciphertext(40))
	})
	if err := <-done; err != nil {
		t.Error(err)
	}
	wantError(t, "StoreReply, unknown", cardinal.ErrNotFound, s.Write(ctx, func(tx store.Tx) error {
		return tx.StoreReply(ctx, cardinal.NewID(), ciphertext(30))
	}))
	for _, c := range []struct {
		at   time.Duration
		want int64
	}{
		{time.Hour - time.Microsecond, 0}, {time.Hour, 1}, {time.Hour, 1}, {time.Hour, 1}, {time.Hour, 1},
		{time.Hour, 0}, {time.Hour + time.Minute, 1},
	} {
		n := inTx(t, s, func(tx store.Tx) (int64, error) {
			return tx.DeleteExpiredIdempotencyKeys(ctx, baseTime.Add(c.at), 1)
		})
		if n != c.want {
			t.Errorf("DeleteExpiredIdempotencyKeys at %v: %d, want %d", c.at, n, c.want)
		}
	}
}
