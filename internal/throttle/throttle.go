// Package throttle limits the rate of guesses, and counts what was refused. It knows no users, identifiers or
// permissions, and no HTTP.
//
// An attempt is counted as failed before its answer is computed, so that attempts at the same time, on all nodes,
// cannot all pass before the first failure is counted. A right answer takes the count back. So an attempt that is never
// settled, because the process was killed or the client hung up, counts as failed.
//
// The counts are in the database. Their keys are keyed hashes, never an identifier or an address.
package throttle

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/seal"
	"cardinal/internal/store"
)

// Throttle limits the rate of attempts over one database. It is safe for use by many goroutines.
type Throttle struct {
	store   *store.Store
	key     seal.Key
	now     func() time.Time
	running runningAttempts
}

// New returns the throttle of a database. key is the service key of throttles.
func New(s *store.Store, key seal.Key, now func() time.Time) *Throttle {
	return &Throttle{store: s, key: key, now: now, running: runningAttempts{attempts: map[string]*running{}}}
}

// Limits are the limits that settings change.
type Limits struct {
	Failures           int64         // in a row for an account, before attempts from unknown devices wait
	FailuresPerAddress int64         // for an IPv4 address or an IPv6 /64, per window
	Window             time.Duration // of the failures of an address, and how long it is blocked then
}

// The limits of an account and of a device. The longest wait and the end after 100 failures follow NIST SP 800-63B,
// section 3.2.2; devices have a count of their own as in OWASP's "Slow down online guessing attacks with device
// cookies".
const (
	firstWait   = time.Second // after the last free failure; it doubles with each further one
	longestWait = time.Hour
	lastFailure = 100 // after so many failures in a row, or the free ones if more, unknown devices are refused
	deviceTries = 10  // failures in a row of a device that signed in before

	keptFree    = 24 * time.Hour      // how long failures count that do not make attempts wait
	keptWaiting = 30 * 24 * time.Hour // and those that do, after the last one
)

// The limit of changes that disclose whether an identifier is in use.
const (
	identifierChanges = 10
	identifierWindow  = time.Hour
)

// never is the end of a block that only a reset ends: the last time that both databases have.
var never = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)

// counter is one count of an attempt, and its limit.
type counter struct {
	store.ThrottleKey
	// block returns until when attempts are refused after n, and when the count expires. It is false while none are.
	block  func(n int64, now time.Time) (until, expires time.Time, blocks bool)
	resets bool  // a right answer ends the count; otherwise it takes this attempt back
	n      int64 // the number of this attempt, once it is counted
}

// inARow is the limit of an account: after the free failures each attempt waits, twice as long as the one before.
func (t *Throttle) inARow(free int64, stops bool, what string, subject []byte) counter {
	hash := t.key.MAC(what, subject)
	return counter{
		ThrottleKey: store.ThrottleKey{Hash: hash[:], ExpiresAt: t.now().Add(keptFree)}, resets: true,
		block: func(n int64, now time.Time) (until, expires time.Time, blocks bool) {
			switch {
			case n < free:
				return now, now, false
			case n >= lastFailure && stops:
				return never, never, true
			}
			wait := longestWait
			if doublings := n - free; doublings < 12 { // 2^12 s are more than an hour
				wait = min(firstWait<<doublings, longestWait)
			}
			return now.Add(wait), now.Add(keptWaiting), true
		},
	}
}

// perWindow is a limit per window. Attempts over it are refused for as long as a window.
func (t *Throttle) perWindow(limit int64, window time.Duration, what string, subject []byte) counter {
	hash := t.key.MAC(what, subject)
	return counter{
		ThrottleKey: store.ThrottleKey{Hash: hash[:], ExpiresAt: t.now().Add(window)},
		block: func(n int64, now time.Time) (until, expires time.Time, blocks bool) {
			return now.Add(window), now.Add(window), n >= limit
		},
	}
}

// Attempt is an attempt that is counted as failed until it is settled. Call End when it is over, in any case.
type Attempt struct {
	throttle *Throttle
	counters []counter
	other    *counter  // a count in which the attempt is not counted, and which a right answer ends
	device   uuid.UUID // that the attempt was counted for
	waitKey  string    // of the attempts that wait for this one; "" when none do
	isRight  bool
	ended    bool
}

// Device returns the id of the known device that the attempt was counted for; uuid.Nil for an unknown one.
func (a *Attempt) Device() uuid.UUID { return a.device }

// SignIn is an attempt to sign in.
type SignIn struct {
	Account []byte    // id of the user, or the blind index of an identifier that no user has
	Device  uuid.UUID // of a device token that is valid for the account; uuid.Nil for none
	Address string    // of the client; "" when it is not known
}

// ReserveSignIn counts an attempt to sign in. A device that signed in before has a count of its own; when that is used
// up, it is like any other device.
func (t *Throttle) ReserveSignIn(ctx context.Context, in SignIn, limits Limits) (*Attempt, error) {
	account := t.accountCounter(in.Account, limits)
	if in.Device != uuid.Nil {
		attempt, err := t.reserve(ctx, t.deviceCounter(in.Device))
		if err == nil {
			attempt.device, attempt.other = in.Device, &account
		}
		if !errors.Is(err, cardinal.ErrThrottled) {
			return attempt, err
		}
	}
	return t.reserveOrWait(ctx, append(t.addressCounters("sign-in", in.Address, limits), account)...)
}

// ReserveFromAddress counts an attempt for the address of the client only.
func (t *Throttle) ReserveFromAddress(ctx context.Context, what, address string, limits Limits) (*Attempt, error) {
	return t.reserve(ctx, t.addressCounters(what, address, limits)...)
}

// ReserveOwnPassword counts an attempt of a signed-in user to enter their current password. It has a count of its own:
// anonymous callers who guess at the sign-in do not keep a user from changing the password.
func (t *Throttle) ReserveOwnPassword(ctx context.Context, user uuid.UUID, limits Limits) (*Attempt, error) {
	return t.reserveOrWait(ctx, t.ownPasswordCounter(user, limits))
}

// CountIdentifierChange counts a change by which a user could ask whether an identifier is in use: a new contact, or
// another user name. Above 10 per hour it is refused before its answer is known. what keeps kinds of changes apart.
func (t *Throttle) CountIdentifierChange(ctx context.Context, what string, user uuid.UUID) error {
	_, err := t.reserve(ctx, t.perWindow(identifierChanges, identifierWindow, what+" user", user[:]))
	var refusal *cardinal.Refusal
	if errors.As(err, &refusal) {
		return cardinal.Refuse("too_many_changes").After(refusal.RetryAfter)
	}
	return err
}

// Reset ends the counts of an account: its owner, or an administrator, has shown who is right.
func (t *Throttle) Reset(ctx context.Context, tx store.Tx, user uuid.UUID) error {
	for _, c := range []counter{t.accountCounter(user[:], Limits{}), t.ownPasswordCounter(user, Limits{})} {
		if err := tx.DeleteThrottle(ctx, c.Hash); err != nil {
			return err
		}
	}
	return nil
}

func (t *Throttle) deviceCounter(device uuid.UUID) counter {
	hash := t.key.MAC("device", device[:])
	return counter{
		ThrottleKey: store.ThrottleKey{Hash: hash[:], ExpiresAt: t.now().Add(keptWaiting)}, resets: true,
		block: func(n int64, now time.Time) (until, expires time.Time, blocks bool) {
			return now.Add(keptWaiting), now.Add(keptWaiting), n >= deviceTries
		},
	}
}

func (t *Throttle) accountCounter(account []byte, limits Limits) counter {
	return t.inARow(limits.Failures, true, "account", account)
}

func (t *Throttle) ownPasswordCounter(user uuid.UUID, limits Limits) counter {
	return t.inARow(limits.Failures, false, "own password", user[:])
}

// sortCounters brings counters into the order in which every transaction locks their rows.
func sortCounters(counters []counter) {
	slices.SortFunc(counters, func(a, b counter) int { return bytes.Compare(a.Hash, b.Hash) })
}

// reserve counts an attempt, or refuses it and counts nothing.
func (t *Throttle) reserve(ctx context.Context, counters ...counter) (*Attempt, error) {
	attempt := &Attempt{throttle: t, counters: counters}
	if len(counters) == 0 {
		return attempt, nil
	}
	sortCounters(counters)
	keys := make([]store.ThrottleKey, len(counters))
	for i, c := range counters {
		keys[i] = c.ThrottleKey
	}
	// Most refusals end here, without a transaction.
	now := t.now()
	rows, err := t.store.Read(ctx).Throttles(ctx, keys...)
	if err == nil {
		err = refusal(rows, now)
	}
	if err != nil {
		return nil, err
	}
	// The count stays although the client hangs up.
	err = t.store.Write(context.WithoutCancel(ctx), func(tx store.Tx) error {
		rows, err := tx.CountAttempts(ctx, now, keys...)
		if err != nil {
			return err
		}
		if err := refusal(rows, now); err != nil {
			return err // the transaction is rolled back
		}
		for i := range counters {
			c := &counters[i]
			at := slices.IndexFunc(rows, func(r store.ThrottleRecord) bool { return bytes.Equal(r.KeyHash, c.Hash) })
			c.n = rows[at].Failures
			if until, expires, blocks := c.block(c.n, now); blocks {
				if err := tx.BlockThrottle(ctx, c.Hash, c.n, until, expires); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return attempt, nil
}

// refusal returns the refusal of an attempt that one of the rows blocks.
func refusal(rows []store.ThrottleRecord, now time.Time) error {
	var until time.Time
	for _, row := range rows {
		if row.BlockedUntil != nil && row.BlockedUntil.After(now) && row.BlockedUntil.After(until) {
			until = *row.BlockedUntil
		}
	}
	switch {
	case until.IsZero():
		return nil
	case until.Equal(never):
		return cardinal.Refuse("sign_in_stopped")
	}
	return cardinal.Refuse("too_many_attempts").After(until.Sub(now))
}
