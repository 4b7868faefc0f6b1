package throttle

import (
	"sync"
	"time"

	"github.com/google/uuid"

	"cardinal"
)

// The limit of changes that users make to their own accounts. It is far above what a person does, and bounds what one
// account adds to the audit log: 17,000 events a day.
const (
	ownChanges    = 120
	ownWindow     = 10 * time.Minute
	maxRatedUsers = 100_000 // whose changes are counted in one window, by one node
)

// Rate is how much of a limit a user has left.
type Rate struct {
	Limit, Left int64
	Window      time.Duration
	Reset       time.Duration // until the limit begins again
}

// OwnChanges counts the changes that users make to their own accounts, in memory. All users have the same windows, so
// that the counts of one window can be forgotten together.
type OwnChanges struct {
	mu     sync.Mutex
	window time.Time
	counts map[uuid.UUID]int64
}

// Count counts a change and returns what is left. Above the limit, it counts nothing and refuses the change.
func (o *OwnChanges) Count(now time.Time, user uuid.UUID) (Rate, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	window := now.Truncate(ownWindow)
	if !window.Equal(o.window) {
		o.window, o.counts = window, map[uuid.UUID]int64{}
	}
	rate := Rate{Limit: ownChanges, Window: ownWindow, Reset: window.Add(ownWindow).Sub(now)}
	n, known := o.counts[user]
	if n >= ownChanges || !known && len(o.counts) >= maxRatedUsers {
		return rate, cardinal.Refuse("too_many_changes").After(rate.Reset)
	}
	o.counts[user] = n + 1
	rate.Left = ownChanges - n - 1
	return rate, nil
}
