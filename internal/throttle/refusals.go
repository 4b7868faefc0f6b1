package throttle

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"cardinal"
)

// The limits of what one minute keeps in memory and adds to the audit log.
const (
	fullRefusals    = 10     // events of refusals per actor and minute, before the others are counted
	maxPrefixes     = 100    // address prefixes that are counted apart
	maxGroups       = 1000   // groups of refusals
	maxActors       = 10_000 // actors whose refusals are events of their own
	maxMinutes      = 10     // that wait to be written, when the database does not answer
	episodeInterval = 15 * time.Minute
)

// Refusal is a refused attempt, or several of one minute.
type Refusal struct {
	Actor, Subject uuid.UUID
	Action         string
	Prefix         string // keyed hash of the address prefix of an anonymous caller; "" for all others together
	Minute         time.Time
	Attempts       int64
	Throttled      int64 // of the attempts, those that the throttle refused without an answer
}

// group is what refusals are counted by.
type group struct {
	actor, subject uuid.UUID
	action, prefix string
}

// Refusals counts refused attempts by the minute, in memory. The counts are written to the audit log when their minute
// is over: neither guesses nor refused changes can fill it.
type Refusals struct {
	mu            sync.Mutex
	minutes       map[time.Time]*minute
	lastThrottled time.Time
}

type minute struct {
	groups   map[group]*Refusal
	prefixes map[string]bool
	actors   map[uuid.UUID]int
}

// NewRefusals returns empty counts.
func NewRefusals() *Refusals { return &Refusals{minutes: map[time.Time]*minute{}} }

// at returns the counts of a minute. While the database does not answer, the oldest are dropped.
func (r *Refusals) at(now time.Time) *minute {
	start := now.Truncate(time.Minute)
	m := r.minutes[start]
	if m == nil {
		m = &minute{groups: map[group]*Refusal{}, prefixes: map[string]bool{}, actors: map[uuid.UUID]int{}}
		r.minutes[start] = m
		for len(r.minutes) > maxMinutes {
			delete(r.minutes, slices.MinFunc(slices.Collect(maps.Keys(r.minutes)), time.Time.Compare))
		}
	}
	return m
}

// CountAnonymous counts a refused attempt of an anonymous caller on an account, or on cardinal.AnonymousID when there
// is none. begins is true for the first throttled attempt after a quarter of an hour without one.
func (r *Refusals) CountAnonymous(
	now time.Time, subject uuid.UUID, action, prefix string, throttled bool,
) (begins bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := r.at(now)
	if !m.prefixes[prefix] && len(m.prefixes) >= maxPrefixes {
		prefix = ""
	}
	m.prefixes[prefix] = true
	g := group{cardinal.AnonymousID, subject, action, prefix}
	if m.groups[g] == nil && len(m.groups) >= maxGroups {
		g.subject, g.prefix = cardinal.AnonymousID, ""
	}
	m.add(g, now, throttled)
	if !throttled {
		return false
	}
	begins = now.Sub(r.lastThrottled) > episodeInterval
	r.lastThrottled = now
	return begins
}

// CountActor counts the refusal of an authenticated actor. It is true for those that get an event of their own; the
// others are in the counts.
func (r *Refusals) CountActor(now time.Time, actor uuid.UUID, action string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := r.at(now)
	if _, known := m.actors[actor]; known || len(m.actors) < maxActors {
		m.actors[actor]++
		if m.actors[actor] <= fullRefusals {
			return true
		}
	}
	g := group{actor: actor, subject: cardinal.SystemID, action: action}
	if m.groups[g] == nil && len(m.groups) >= maxGroups {
		g.actor = cardinal.SystemID
	}
	m.add(g, now, false)
	return false
}

func (m *minute) add(g group, now time.Time, throttled bool) {
	if m.groups[g] == nil {
		m.groups[g] = &Refusal{
			Actor: g.actor, Subject: g.subject, Action: g.action, Prefix: g.prefix, Minute: now.Truncate(time.Minute),
		}
	}
	m.groups[g].Attempts++
	if throttled {
		m.groups[g].Throttled++
	}
}

// Take removes and returns the counts of all minutes that began before a time.
func (r *Refusals) Take(before time.Time) []Refusal {
	r.mu.Lock()
	defer r.mu.Unlock()
	var taken []Refusal
	for start, m := range r.minutes {
		if start.Before(before) {
			for _, refusal := range m.groups {
				taken = append(taken, *refusal)
			}
			delete(r.minutes, start)
		}
	}
	return taken
}

// PutBack returns counts that could not be written. Those of a minute that was dropped are lost.
func (r *Refusals) PutBack(refusals []Refusal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, refusal := range refusals {
		m := r.at(refusal.Minute)
		g := group{refusal.Actor, refusal.Subject, refusal.Action, refusal.Prefix}
		if known := m.groups[g]; known != nil {
			known.Attempts += refusal.Attempts
			known.Throttled += refusal.Throttled
			continue
		}
		m.groups[g] = &refusal
	}
}
