package storetest

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/store"
)

func throttles(t *testing.T, s *store.Store) {
	ctx, r := t.Context(), s.Read(t.Context())
	const window = 15 * time.Minute
	key := bytes.Repeat([]byte{0x61}, 32)
	throttle := func() (store.ThrottleRecord, error) {
		found, err := r.Throttles(ctx, key, bytes.Repeat([]byte{0x62}, 32))
		if err == nil && len(found) == 0 {
			err = cardinal.ErrNotFound
		}
		return append(found, store.ThrottleRecord{})[0], err
	}
	_, err := throttle()
	wantError(t, "Throttle, unknown", cardinal.ErrNotFound, err)
	count := func(at time.Time) int64 {
		return inTx(t, s, func(tx store.Tx) (int64, error) { return tx.CountThrottleFailure(ctx, key, at, window) })
	}
	for i, at := range []time.Duration{0, time.Minute, window - time.Microsecond} {
		if n := count(baseTime.Add(at)); n != int64(i+1) {
			t.Errorf("failure %d: %d", i+1, n)
		}
	}
	wantEqual(t, "Throttle", must(throttle())(t), store.ThrottleRecord{KeyHash: key, Failures: 3,
		WindowStartedAt: baseTime, ExpiresAt: baseTime.Add(3*window - time.Microsecond)})
	if n := count(baseTime.Add(window)); n != 1 {
		t.Errorf("first failure of a new window: %d", n)
	}
	until := baseTime.Add(4 * window)
	write(t, s, func(tx store.Tx) error { return tx.BlockThrottle(ctx, key, until) })
	want := store.ThrottleRecord{KeyHash: key, Failures: 1, WindowStartedAt: baseTime.Add(window), BlockedUntil: &until,
		ExpiresAt: until}
	wantEqual(t, "Throttle after BlockThrottle", must(throttle())(t), want)
	// A failure during a block does not end it; a failure after it does.
	count(until.Add(-time.Microsecond))
	if got := must(throttle())(t); got.BlockedUntil == nil || !got.BlockedUntil.Equal(until) {
		t.Errorf("a failure ended the block: %+v", got)
	}
	count(until)
	if got := must(throttle())(t); got.BlockedUntil != nil {
		t.Errorf("the block did not end at its time: %+v", got)
	}
	// A failure early in a block does not make the row expire before the block ends.
	write(t, s, func(tx store.Tx) error { return tx.BlockThrottle(ctx, key, until.Add(10*window)) })
	count(until.Add(window))
	if got := must(throttle())(t); got.ExpiresAt.Before(*got.BlockedUntil) {
		t.Errorf("row expires at %v, blocked until %v", got.ExpiresAt, got.BlockedUntil)
	}
	write(t, s, func(tx store.Tx) error { return tx.DeleteThrottle(ctx, key) })
	_, err = throttle()
	wantError(t, "Throttle after DeleteThrottle", cardinal.ErrNotFound, err)

	for i := range 3 {
		key = bytes.Repeat([]byte{0x62 + byte(i)}, 32)
		count(baseTime.Add(time.Duration(i) * time.Second))
	}
	for _, c := range []struct {
		at   time.Duration
		want int64
	}{{-time.Microsecond, 0}, {0, 1}, {time.Second, 1}, {time.Second, 0}} {
		n := inTx(t, s, func(tx store.Tx) (int64, error) {
			return tx.DeleteExpiredThrottles(ctx, baseTime.Add(2*window+c.at), 1)
		})
		if n != c.want {
			t.Errorf("DeleteExpiredThrottles at %v: %d, want %d", c.at, n, c.want)
		}
	}
}

func refusedAttempts(t *testing.T, s *store.Store) {
	ctx := t.Context()
	user := newUser(t, s, "person")
	minute := baseTime.Truncate(time.Minute)
	for _, c := range []struct {
		subject uuid.UUID
		action  string
		at      time.Time
	}{
		{user, "sessions.create", baseTime},
		{user, "sessions.create", minute.Add(time.Minute - time.Microsecond)},
		{user, "sessions.create", minute.Add(time.Minute).In(time.FixedZone("", -5*3600))},
		{cardinal.AnonymousID, "sessions.create", baseTime},
	} {
		write(t, s, func(tx store.Tx) error { return tx.CountRefusedAttempt(ctx, c.subject, c.action, c.at) })
	}
	wantViolation(t, "refused_attempts_action_ck", s.Write(ctx, func(tx store.Tx) error {
		return tx.CountRefusedAttempt(ctx, user, "Sign in", baseTime)
	}))
	take := func(before time.Time, limit int) map[store.RefusedAttempts]bool {
		taken := map[store.RefusedAttempts]bool{}
		for _, r := range inTx(t, s, func(tx store.Tx) ([]store.RefusedAttempts, error) {
			return tx.TakeRefusedAttempts(ctx, before, limit)
		}) {
			taken[r] = true
		}
		return taken
	}
	wantEqual(t, "TakeRefusedAttempts, earlier minute", take(minute, 10), map[store.RefusedAttempts]bool{})
	if taken := take(minute.Add(time.Microsecond), 1); len(taken) != 1 {
		t.Errorf("TakeRefusedAttempts, limit 1: %v", taken)
	}
	taken := take(minute.Add(time.Hour), 10)
	if last := (store.RefusedAttempts{SubjectID: user, Action: "sessions.create", Minute: minute.Add(time.Minute),
		Attempts: 1}); !taken[last] || len(taken) != 2 {
		t.Errorf("TakeRefusedAttempts: %v", taken)
	}
	wantEqual(t, "TakeRefusedAttempts, already taken", take(minute.Add(time.Hour), 10),
		map[store.RefusedAttempts]bool{})
	// Several attempts add up to one count.
	for range 3 {
		write(t, s, func(tx store.Tx) error { return tx.CountRefusedAttempt(ctx, user, "accounts.create", baseTime) })
	}
	wantEqual(t, "TakeRefusedAttempts, several attempts", take(minute.Add(time.Hour), 10),
		map[store.RefusedAttempts]bool{
			{SubjectID: user, Action: "accounts.create", Minute: minute, Attempts: 3}: true})
}
