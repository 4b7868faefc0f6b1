package throttle

import (
	"fmt"
	"testing"
	"time"

	"cardinal"
)

var minuteStart = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

// sum adds up the attempts of refusals, in all and of those without a prefix.
func sum(refusals []Refusal) (attempts, withoutPrefix int64) {
	for _, r := range refusals {
		attempts += r.Attempts
		if r.Prefix == "" {
			withoutPrefix += r.Attempts
		}
	}
	return attempts, withoutPrefix
}

// TestPrefixesBounded: a minute has at most a hundred prefixes; all others are counted together.
func TestPrefixesBounded(t *testing.T) {
	r := NewRefusals()
	for i := range 250 {
		r.CountAnonymous(minuteStart, cardinal.AnonymousID, "session.create", fmt.Sprint(i), i%2 == 0)
	}
	if early := r.Take(minuteStart); len(early) != 0 {
		t.Errorf("%d groups before the end of the minute", len(early))
	}
	taken := r.Take(minuteStart.Add(time.Minute))
	attempts, others := sum(taken)
	if len(taken) != 101 || attempts != 250 || others != 150 {
		t.Errorf("%d groups, %d attempts, %d without prefix", len(taken), attempts, others)
	}
	if again := r.Take(minuteStart.Add(time.Hour)); len(again) != 0 {
		t.Errorf("%d groups are taken twice", len(again))
	}
}

// TestGroupsBounded: neither many accounts nor many actors make a minute grow without a limit, and none is left out.
func TestGroupsBounded(t *testing.T) {
	r := NewRefusals()
	const accounts = 3000
	for range accounts {
		r.CountAnonymous(minuteStart, cardinal.NewID(), "session.create", "prefix", true)
	}
	counted := int64(accounts)
	for range maxActors + 500 {
		for actor, i := cardinal.NewID(), 0; i < fullRefusals+1; i++ {
			if !r.CountActor(minuteStart, actor, "role.create") {
				counted++
			}
		}
	}
	taken := r.Take(minuteStart.Add(time.Minute))
	if attempts, _ := sum(taken); len(taken) > maxGroups+2 || attempts != counted {
		t.Errorf("%d groups, %d attempts, want at most %d groups and %d attempts",
			len(taken), attempts, maxGroups+2, counted)
	}
}

// TestPutBack: counts that could not be written are not lost, and those that wait are bounded.
func TestPutBack(t *testing.T) {
	r := NewRefusals()
	for i := range 3 * maxMinutes {
		now := minuteStart.Add(time.Duration(i) * time.Minute)
		r.CountAnonymous(now, cardinal.AnonymousID, "session.create", "prefix", false)
		taken := r.Take(now.Add(time.Minute))
		r.CountAnonymous(now, cardinal.AnonymousID, "session.create", "prefix", true)
		r.PutBack(taken)
	}
	taken := r.Take(minuteStart.Add(time.Hour))
	if attempts, _ := sum(taken); len(taken) != maxMinutes || attempts != 2*maxMinutes {
		t.Errorf("%d groups, %d attempts", len(taken), attempts)
	}
}

// TestEpisodes: a warning begins an episode, and another one follows only after a quarter of an hour without throttled
// attempts.
func TestEpisodes(t *testing.T) {
	r := NewRefusals()
	at := minuteStart
	for i, c := range []struct {
		after     time.Duration
		throttled bool
		begins    bool
	}{
		{0, false, false}, {0, true, true}, {time.Second, true, false}, {14 * time.Minute, true, false},
		{14 * time.Minute, true, false}, {16 * time.Minute, false, false}, {0, true, true},
	} {
		at = at.Add(c.after)
		begins := r.CountAnonymous(at, cardinal.AnonymousID, "session.create", "", c.throttled)
		if begins != c.begins {
			t.Errorf("%d: an episode begins: %t", i, begins)
		}
	}
}
