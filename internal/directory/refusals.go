package directory

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/store"
	"cardinal/internal/throttle"
)

// CountRefusal counts the refused attempt of an anonymous caller on an account; uuid.Nil for none. FlushRefusals writes
// the counts to the audit log. An error that refuses nothing is not counted.
func (k Desk) CountRefusal(ctx context.Context, subject uuid.UUID, action string, refusal error) {
	throttled := errors.Is(refusal, cardinal.ErrThrottled)
	if !throttled && !errors.Is(refusal, cardinal.ErrUnauthenticated) && !errors.Is(refusal, cardinal.ErrForbidden) {
		return
	}
	if subject == uuid.Nil {
		subject = cardinal.AnonymousID
	}
	prefix := k.d.throttle.PrefixHash(k.actor.ClientFrom.Address)
	if k.d.refusals.CountAnonymous(k.d.Now(), subject, action, prefix, throttled) {
		k.d.log.WarnContext(ctx, "anonymous attempts are throttled: see the audit log for how many, from where",
			"action", action, "address_prefix", prefix)
	}
}

// FlushRefusals writes the counts of refused attempts to the audit log: of the minutes that are over, or, when the
// service stops, of all.
func (d *Directory) FlushRefusals(ctx context.Context, stopping bool) error {
	before := d.Now().Truncate(time.Minute)
	if stopping {
		before = before.Add(time.Hour)
	}
	refusals := d.refusals.Take(before)
	for len(refusals) > 0 {
		batch := refusals[:min(len(refusals), BatchSize)]
		if err := d.store.Write(ctx, func(tx store.Tx) error {
			for _, refusal := range batch {
				if err := tx.AppendEvent(ctx, d.countedEvent(refusal)); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			d.refusals.PutBack(refusals)
			return err
		}
		refusals = refusals[len(batch):]
	}
	return nil
}

// countedEvent returns the event of counted attempts.
func (d *Directory) countedEvent(refusal throttle.Refusal) store.EventRecord {
	e := d.As(cardinal.System()).NewEvent(Rule{Action: refusal.Action, Subject: refusal.Subject})
	e.ActorID, e.IsRefused, e.Attempts = refusal.Actor, true, refusal.Attempts
	changes := map[string]any{"refused_attempts.minute": refusal.Minute}
	if refusal.Throttled > 0 {
		changes["refused_attempts.throttled"] = refusal.Throttled
	}
	if refusal.Prefix != "" {
		changes["refused_attempts.prefix"] = refusal.Prefix
	}
	e.Changes = d.ColumnChanges(changes)
	return e
}

// signInOutcomes are the outcomes of attempts to sign in, by the kind of their error.
var signInOutcomes = []struct {
	kind    error
	outcome string
}{
	{cardinal.ErrUnauthenticated, throttle.WrongCredentials},
	{cardinal.ErrForbidden, throttle.NotAllowed},
	{cardinal.ErrThrottled, throttle.Throttled},
	{cardinal.ErrBusy, throttle.Busy},
}

// CountSignIn counts an attempt to sign in for the metrics, by its error.
func (d *Directory) CountSignIn(err error) {
	if err == nil {
		d.signIns.Add(throttle.SignedIn)
		return
	}
	for _, o := range signInOutcomes {
		if errors.Is(err, o.kind) {
			d.signIns.Add(o.outcome)
			return
		}
	}
	d.signIns.Add(throttle.Failed)
}
