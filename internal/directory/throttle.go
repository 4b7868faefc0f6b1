package directory

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/store"
)

// Throttle limits the rate of guesses: it counts failed attempts per identifier and per address prefix, and blocks both
// for a time when there are too many. The counts are in the database, so that all nodes share them and a restart does
// not reset them. Its keys are keyed hashes, never the identifier or the address.
type Throttle struct {
	Identifier, address []byte // nil when there is none
}

// NewThrottle returns the throttle of an attempt: what is tried ("sign-in", "sign-up" and so on) with which identifier,
// from the address of the actor.
func (k Desk) NewThrottle(what string, identifier []byte) Throttle {
	var t Throttle
	if identifier != nil {
		hash := k.d.keys.throttles.MAC(what+" identifier", identifier)
		t.Identifier = hash[:]
	}
	if prefix := addressPrefix(k.actor.ClientFrom.Address); prefix != "" {
		hash := k.d.keys.throttles.MAC(what+" address", []byte(prefix))
		t.address = hash[:]
	}
	return t
}

// addressPrefix returns the range that one subscriber usually has: an IPv4 address, or the /64 prefix of an IPv6
// address. It is "" for an invalid address.
func addressPrefix(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return ""
	}
	if a = a.Unmap(); a.Is4() {
		return a.String()
	}
	p, err := a.Prefix(64)
	if err != nil {
		return ""
	}
	return p.String()
}

// keys returns the keys that are set.
func (t Throttle) keys() [][]byte {
	return slices.DeleteFunc([][]byte{t.Identifier, t.address}, func(key []byte) bool { return key == nil })
}

// Check refuses an attempt while its identifier or its address is blocked. tried reports whether failures are counted
// for one of them.
func (t Throttle) Check(ctx context.Context, r store.Reader, now time.Time) (tried bool, err error) {
	rows, err := r.Throttles(ctx, t.keys()...)
	if err != nil {
		return false, err
	}
	for _, row := range rows {
		if row.BlockedUntil != nil && now.Before(*row.BlockedUntil) {
			return true, cardinal.Refuse("too_many_attempts").After(row.BlockedUntil.Sub(now))
		}
	}
	return len(rows) > 0, nil
}

// CountAttempt counts a failed attempt, and blocks the identifier or the address at its limit.
func (k Desk) CountAttempt(ctx context.Context, t Throttle, s Settings) error {
	return k.d.store.Write(context.WithoutCancel(ctx), func(tx store.Tx) error {
		return t.count(ctx, tx, s, k.d.Now())
	})
}

// RecordFailure counts a failed attempt like CountAttempt. It also counts the refusal per minute: recordRefusedAttempts
// writes these counts to the audit log.
func (k Desk) RecordFailure(ctx context.Context, t Throttle, s Settings, subject uuid.UUID, action string) error {
	now := k.d.Now()
	return k.d.store.Write(context.WithoutCancel(ctx), func(tx store.Tx) error {
		if err := t.count(ctx, tx, s, now); err != nil {
			return err
		}
		return tx.CountRefusedAttempt(ctx, subject, action, now)
	})
}

// count adds an attempt to the identifier and to the address, and blocks the one that reaches its limit.
func (t Throttle) count(ctx context.Context, tx store.Tx, s Settings, now time.Time) error {
	for _, limit := range []struct {
		key []byte
		max int64
	}{{t.Identifier, s.FailuresPerIdentifier}, {t.address, s.FailuresPerAddress}} {
		if limit.key == nil {
			continue
		}
		n, err := tx.CountThrottleFailure(ctx, limit.key, now, s.FailureWindow)
		if err != nil {
			return err
		}
		if n >= limit.max {
			if err := tx.BlockThrottle(ctx, limit.key, now.Add(s.FailureWindow)); err != nil {
				return err
			}
		}
	}
	return nil
}
