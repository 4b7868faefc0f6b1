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
	found, err := r.Events(ctx, f)
	if err != nil {
		return cardinal.List[cardinal.AuditEvent]{}, err
	}
	page := cardinal.PageOf(found, f.Limit)
	keys := map[string]*seal.Key{}
	for i := range page.Data {
		if err := k.openEvent(ctx, r, &page.Data[i], keys); err != nil {
			return cardinal.List[cardinal.AuditEvent]{}, err
		}
	}
	return page, nil
}

// openEvent opens where an event came from, for who may see it: an auditor, and the one who acted. A destroyed key leaves it
// closed.
func (k Desk) openEvent(ctx context.Context, r store.Reader, e *cardinal.AuditEvent, keys map[string]*seal.Key) error {
	if e.AddressSealed == nil && e.UserAgentSealed == nil {
		return nil
	}
	if e.ActorID != k.actor.UserID {
		may, err := r.May(ctx, k.caller(), "audit.read", k.d.now())
		if err != nil || !may {
			return err
		}
	}
	opened, err := k.d.openClient(ctx, r, e, e.OccurredAt, keys)
	// An address is sealed a moment before its event gets its id, which may be on the other side of a month's end.
	before := e.OccurredAt.Add(-time.Hour)
	if !opened && (err == nil || errors.Is(err, seal.ErrBroken)) && e.ActorID == cardinal.StrangerID && before.Month() != e.OccurredAt.Month() {
		_, err = k.d.openClient(ctx, r, e, before, keys)
	}
	return err
}

// openClient opens an event's address and agent with the key of its actor, or of a month; false when the key is gone.
func (d *Directory) openClient(ctx context.Context, r store.Reader, e *cardinal.AuditEvent, sealed time.Time, keys map[string]*seal.Key) (bool, error) {
	key, err := d.eventKey(ctx, r, e.ActorID, sealed, keys)
	if err != nil || key == nil {
		return false, err
	}
	if e.Address, err = openText(*key, "audit_logs", "address_sealed", e.ActorID, e.AddressSealed); err != nil {
		return false, err
	}
	e.UserAgent, err = openText(*key, "audit_logs", "user_agent_sealed", e.ActorID, e.UserAgentSealed)
	return err == nil, err
}

// eventKey finds the key that an actor's address was sealed with, each once a page; nil when it was destroyed.
func (d *Directory) eventKey(ctx context.Context, r store.Reader, actor uuid.UUID, sealed time.Time, keys map[string]*seal.Key) (*seal.Key, error) {
	name := actor.String()
	if actor == cardinal.StrangerID {
		name = monthName(sealed)
	}
	if key, ok := keys[name]; ok {
		return key, nil
	}
	var key seal.Key
	var err error
	if actor == cardinal.StrangerID {
		key, err = d.keys.lookUp(ctx, r, name)
	} else {
		key, err = d.userKey(ctx, r, actor)
	}
	if isNotFound(err) {
		keys[name] = nil
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	keys[name] = &key
	return &key, nil
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
