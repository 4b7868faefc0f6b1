package throttle

import (
	"context"
	"slices"

	"cardinal/internal/store"
)

// Succeed settles an attempt with a right answer, in the transaction of what it allows.
func (a *Attempt) Succeed(ctx context.Context, tx store.Tx) error {
	a.isRight = true
	counters := a.counters
	if a.other != nil {
		counters = append(slices.Clone(counters), *a.other)
		sortCounters(counters)
	}
	for _, c := range counters {
		var err error
		if c.resets {
			err = tx.DeleteThrottle(ctx, c.Hash)
		} else {
			err = tx.UncountAttempt(ctx, c.Hash, c.n)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Fail settles an attempt with a wrong answer. It is counted already; the wait begins now.
func (a *Attempt) Fail(ctx context.Context) error {
	now := a.throttle.now()
	blocked := slices.DeleteFunc(slices.Clone(a.counters), func(c counter) bool {
		_, _, blocks := c.block(c.n, now)
		return !blocks
	})
	if len(blocked) == 0 {
		return nil
	}
	return a.throttle.store.Write(context.WithoutCancel(ctx), func(tx store.Tx) error {
		for _, c := range blocked {
			until, expires, _ := c.block(c.n, now)
			if err := tx.BlockThrottle(ctx, c.Hash, c.n, until, expires); err != nil {
				return err
			}
		}
		return nil
	})
}

// Release settles an attempt without an answer: the service was too busy to compute one.
func (a *Attempt) Release(ctx context.Context) error {
	a.isRight = true
	if len(a.counters) == 0 {
		return nil
	}
	return a.throttle.store.Write(context.WithoutCancel(ctx), func(tx store.Tx) error {
		for _, c := range a.counters {
			if err := tx.UncountAttempt(ctx, c.Hash, c.n); err != nil {
				return err
			}
		}
		return nil
	})
}
