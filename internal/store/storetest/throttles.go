package storetest

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/store"
)

func throttles(t *testing.T, s *store.Store) {
	ctx, r := t.Context(), s.Read(t.Context())
	const life = 15 * time.Minute
	hash := func(i int) []byte { return bytes.Repeat([]byte{0x61 + byte(i)}, 32) }
	count := func(at time.Time, hashes ...int) []store.ThrottleRecord {
		var keys []store.ThrottleKey
		for _, i := range hashes {
			keys = append(keys, store.ThrottleKey{Hash: hash(i), ExpiresAt: at.Add(life)})
		}
		rows := inTx(t, s, func(tx store.Tx) ([]store.ThrottleRecord, error) {
			return tx.CountAttempts(ctx, at, keys...)
		})
		slices.SortFunc(rows, func(a, b store.ThrottleRecord) int { return bytes.Compare(a.KeyHash, b.KeyHash) })
		return rows
	}
	read := func(hashes ...int) []store.ThrottleRecord {
		var keys []store.ThrottleKey
		for _, i := range hashes {
			keys = append(keys, store.ThrottleKey{Hash: hash(i)})
		}
		return must(r.Throttles(ctx, keys...))(t)
	}
	record := func(i int, failures int64, expires time.Time) store.ThrottleRecord {
		return store.ThrottleRecord{KeyHash: hash(i), Failures: failures, ExpiresAt: expires}
	}
	wantEqual(t, "Throttles, unknown", len(read(0, 1)), 0)
	wantEqual(t, "Throttles of no key", len(read()), 0)
	end := baseTime.Add(life)
	wantEqual(t, "CountAttempts", count(baseTime, 0, 1),
		[]store.ThrottleRecord{record(0, 1, end), record(1, 1, end)})
	// A later attempt does not extend the count; one after its end begins another.
	wantEqual(t, "CountAttempts, again", count(end.Add(-time.Microsecond), 0)[0], record(0, 2, end))
	wantEqual(t, "Throttles", read(0, 1)[0].Failures+read(0, 1)[1].Failures, int64(3))
	wantEqual(t, "CountAttempts after the end", count(end, 0)[0], record(0, 1, end.Add(life)))

	until := end.Add(time.Hour)
	block := func(failures int64, until time.Time) {
		write(t, s, func(tx store.Tx) error { return tx.BlockThrottle(ctx, hash(0), failures, until, until) })
	}
	block(2, until)
	wantEqual(t, "BlockThrottle after another attempt", read(0)[0], record(0, 1, end.Add(life)))
	block(1, until)
	blocked := record(0, 1, until)
	blocked.BlockedUntil = &until
	wantEqual(t, "BlockThrottle", read(0)[0], blocked)
	// An attempt during a block does not end it.
	blocked.Failures = 2
	wantEqual(t, "CountAttempts while blocked", count(until.Add(-time.Microsecond), 0)[0], blocked)
	uncount := func(failures int64) store.ThrottleRecord {
		write(t, s, func(tx store.Tx) error { return tx.UncountAttempt(ctx, hash(0), failures) })
		return read(0)[0]
	}
	blocked.Failures = 1
	wantEqual(t, "UncountAttempt of an earlier attempt", uncount(1), blocked)
	wantEqual(t, "UncountAttempt of the last attempt", uncount(1), record(0, 0, until))
	wantEqual(t, "UncountAttempt without attempts", uncount(0), record(0, 0, until))
	for _, i := range []int{0, 1} {
		write(t, s, func(tx store.Tx) error { return tx.DeleteThrottle(ctx, hash(i)) })
	}
	wantEqual(t, "Throttles after DeleteThrottle", len(read(0, 1)), 0)

	for i := range 3 {
		count(baseTime.Add(time.Duration(i)*time.Second), i)
	}
	for _, c := range []struct {
		at   time.Duration
		want int64
	}{{-time.Microsecond, 0}, {0, 1}, {time.Second, 1}, {time.Second, 0}} {
		n := inTx(t, s, func(tx store.Tx) (int64, error) {
			return tx.DeleteExpiredThrottles(ctx, baseTime.Add(life+c.at), 1)
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
