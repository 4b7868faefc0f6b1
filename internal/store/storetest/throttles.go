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
	refused(t, "Throttle of none", cardinal.ErrNotFound, err)
	count := func(at time.Time) int64 {
		return written(t, s, func(tx store.Tx) (int64, error) { return tx.CountFailure(ctx, key, at, window) })
	}
	for i, at := range []time.Duration{0, time.Minute, window - time.Microsecond} {
		if n := count(moment.Add(at)); n != int64(i+1) {
			t.Errorf("failure %d: %d", i+1, n)
		}
	}
	same(t, "Throttle", must(throttle())(t), store.ThrottleRecord{KeyHash: key, Failures: 3, WindowStartedAt: moment,
		ExpiresAt: moment.Add(3*window - time.Microsecond)})
	if n := count(moment.Add(window)); n != 1 {
		t.Errorf("the first failure of a new window: %d", n)
	}
	until := moment.Add(4 * window)
	write(t, s, func(tx store.Tx) error { return tx.BlockThrottle(ctx, key, until) })
	want := store.ThrottleRecord{KeyHash: key, Failures: 1, WindowStartedAt: moment.Add(window), BlockedUntil: &until, ExpiresAt: until}
	same(t, "Throttle after BlockThrottle", must(throttle())(t), want)
	// A failure during the refusal does not end it; one after it does.
	count(until.Add(-time.Microsecond))
	if got := must(throttle())(t); got.BlockedUntil == nil || !got.BlockedUntil.Equal(until) {
		t.Errorf("a failure ended the refusal: %+v", got)
	}
	count(until)
	if got := must(throttle())(t); got.BlockedUntil != nil {
		t.Errorf("a refusal outlives its time: %+v", got)
	}
	// Nor is a refusal forgotten before its end because of a failure early in it.
	write(t, s, func(tx store.Tx) error { return tx.BlockThrottle(ctx, key, until.Add(10*window)) })
	count(until.Add(window))
	if got := must(throttle())(t); got.ExpiresAt.Before(*got.BlockedUntil) {
		t.Errorf("forgotten at %v, refused until %v", got.ExpiresAt, got.BlockedUntil)
	}
	write(t, s, func(tx store.Tx) error { return tx.ClearThrottle(ctx, key) })
	_, err = throttle()
	refused(t, "Throttle after ClearThrottle", cardinal.ErrNotFound, err)

	for i := range 3 {
		key = bytes.Repeat([]byte{0x62 + byte(i)}, 32)
		count(moment.Add(time.Duration(i) * time.Second))
	}
	for _, c := range []struct {
		at   time.Duration
		want int64
	}{{-time.Microsecond, 0}, {0, 1}, {time.Second, 1}, {time.Second, 0}} {
		n := written(t, s, func(tx store.Tx) (int64, error) { return tx.DeleteExpiredThrottles(ctx, moment.Add(2*window+c.at), 1) })
		if n != c.want {
			t.Errorf("DeleteExpiredThrottles at %v: %d, want %d", c.at, n, c.want)
		}
	}
}

func refusals(t *testing.T, s *store.Store) {
	ctx := t.Context()
	user := newUser(t, s, "person")
	minute := moment.Truncate(time.Minute)
	for _, c := range []struct {
		subject uuid.UUID
		action  string
		at      time.Time
	}{
		{user, "sessions.create", moment},
		{user, "sessions.create", minute.Add(time.Minute - time.Microsecond)},
		{user, "sessions.create", minute.Add(time.Minute).In(time.FixedZone("", -5*3600))},
		{cardinal.AnonymousID, "sessions.create", moment},
	} {
		write(t, s, func(tx store.Tx) error { return tx.CountRefusal(ctx, c.subject, c.action, c.at) })
	}
	violated(t, "refused_attempts_action_ck", s.Write(ctx, func(tx store.Tx) error { return tx.CountRefusal(ctx, user, "Sign in", moment) }))
	take := func(before time.Time, limit int) map[store.RefusedAttempts]bool {
		taken := map[store.RefusedAttempts]bool{}
		for _, r := range written(t, s, func(tx store.Tx) ([]store.RefusedAttempts, error) { return tx.TakeRefusals(ctx, before, limit) }) {
			taken[r] = true
		}
		return taken
	}
	same(t, "TakeRefusals of an earlier minute", take(minute, 10), map[store.RefusedAttempts]bool{})
	if taken := take(minute.Add(time.Microsecond), 1); len(taken) != 1 {
		t.Errorf("one of TakeRefusals: %v", taken)
	}
	taken := take(minute.Add(time.Hour), 10)
	if last := (store.RefusedAttempts{SubjectID: user, Action: "sessions.create", Minute: minute.Add(time.Minute), Attempts: 1}); !taken[last] || len(taken) != 2 {
		t.Errorf("TakeRefusals: %v", taken)
	}
	same(t, "TakeRefusals twice", take(minute.Add(time.Hour), 10), map[store.RefusedAttempts]bool{})
	// Counts add up, and are taken as they were.
	for range 3 {
		write(t, s, func(tx store.Tx) error { return tx.CountRefusal(ctx, user, "accounts.create", moment) })
	}
	same(t, "TakeRefusals of a count", take(minute.Add(time.Hour), 10), map[store.RefusedAttempts]bool{
		{SubjectID: user, Action: "accounts.create", Minute: minute, Attempts: 3}: true})
}
