package directory

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/seal"
	"cardinal/internal/store"
)

// Audit returns a page of the audit log, newest first unless asked otherwise. People may read what was done to them.
func (k Desk) Audit(ctx context.Context, f cardinal.AuditFilter) (cardinal.List[cardinal.AuditEvent], error) {
	r, err := k.read(ctx, rule{permission: "audit.read", subject: f.SubjectID, own: true})
	if err != nil {
		return cardinal.List[cardinal.AuditEvent]{}, err
	}
	walk, err := r.Events(ctx, f)
	if err != nil {
		return cardinal.List[cardinal.AuditEvent]{}, err
	}
	page := cardinal.PageOf(walk.Events, f.Limit)
	if walk.Until != uuid.Nil {
		page.HasMore, page.After = true, walk.Until
	}
	return page, k.openEvents(ctx, r, page.Data)
}

// openEvents opens where events came from, for who may see it: an auditor, and the one who acted. What that takes is asked once for all
// of them. A destroyed key leaves an event closed.
func (k Desk) openEvents(ctx context.Context, r store.Reader, events []cardinal.AuditEvent) error {
	var actors []uuid.UUID
	for _, e := range events {
		if e.AddressSealed != nil || e.UserAgentSealed != nil {
			actors = append(actors, e.ActorID)
		}
	}
	if len(actors) == 0 {
		return nil
	}
	sees, err := k.may(ctx, r, "audit.read")
	if err != nil {
		return err
	}
	opening := eventKeys{d: k.d, r: r}
	if opening.ofUsers, err = k.d.userKeys(ctx, r, actors); err != nil {
		return err
	}
	for i := range events {
		if e := &events[i]; (e.AddressSealed != nil || e.UserAgentSealed != nil) && (sees || e.ActorID == k.actor.UserID) {
			if err := opening.open(ctx, e); err != nil {
				return err
			}
		}
	}
	return nil
}

// eventKeys are the keys of a page of events.
type eventKeys struct {
	d        *Directory
	r        store.Reader
	ofUsers  map[uuid.UUID]seal.Key
	ofMonths map[string]seal.Key // the zero Key for one that was destroyed
}

// open opens an event's address and agent, unless its key is gone.
func (k *eventKeys) open(ctx context.Context, e *cardinal.AuditEvent) error {
	if e.ActorID != cardinal.AnonymousID {
		_, err := openClient(e, k.ofUsers[e.ActorID])
		return err
	}
	opened, err := k.openAnonymous(ctx, e, e.OccurredAt)
	// An address is sealed a moment before its event gets its id, which may be on the other side of a month's end.
	before := e.OccurredAt.Add(-time.Hour)
	if !opened && (err == nil || errors.Is(err, seal.ErrBroken)) && before.Month() != e.OccurredAt.Month() {
		_, err = k.openAnonymous(ctx, e, before)
	}
	return err
}

// openAnonymous decrypts an event of an anonymous caller with the key of a month, which is read once per page.
func (k *eventKeys) openAnonymous(ctx context.Context, e *cardinal.AuditEvent, at time.Time) (bool, error) {
	name := monthName(at)
	key, ok := k.ofMonths[name]
	if !ok {
		var err error
		if key, err = k.d.keys.lookUp(ctx, k.r, name); err != nil && !isNotFound(err) {
			return false, err
		}
		if k.ofMonths == nil {
			k.ofMonths = map[string]seal.Key{}
		}
		k.ofMonths[name] = key
	}
	return openClient(e, key)
}

// openClient opens where an event came from; false when the key is gone.
func openClient(e *cardinal.AuditEvent, key seal.Key) (opened bool, err error) {
	if key.IsZero() {
		return false, nil
	}
	if e.Address, err = openText(key, "audit_logs", "address_sealed", e.ActorID, e.AddressSealed); err != nil {
		return false, err
	}
	e.UserAgent, err = openText(key, "audit_logs", "user_agent_sealed", e.ActorID, e.UserAgentSealed)
	return err == nil, err
}

// UserAudit returns a page of what was done to one user.
func (k Desk) UserAudit(ctx context.Context, userID uuid.UUID, f cardinal.AuditFilter) (cardinal.List[cardinal.AuditEvent], error) {
	r, err := k.read(ctx, rule{permission: "audit.read", subject: userID, own: true})
	if err != nil {
		return cardinal.List[cardinal.AuditEvent]{}, err
	}
	if _, err := r.User(ctx, userID); err != nil {
		return cardinal.List[cardinal.AuditEvent]{}, err
	}
	f.SubjectID = userID
	return k.Audit(ctx, f)
}
