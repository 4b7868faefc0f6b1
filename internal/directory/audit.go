package directory

import (
	"context"

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
	key, err := k.d.eventKey(ctx, r, *e, keys)
	if err != nil || key == nil {
		return err
	}
	if e.Address, err = openText(*key, "audit_logs", "address_sealed", e.ActorID, e.AddressSealed); err != nil {
		return err
	}
	e.UserAgent, err = openText(*key, "audit_logs", "user_agent_sealed", e.ActorID, e.UserAgentSealed)
	return err
}

// eventKey finds the key that an event's address was sealed with, each once a page; nil when it was destroyed.
func (d *Directory) eventKey(ctx context.Context, r store.Reader, e cardinal.AuditEvent, keys map[string]*seal.Key) (*seal.Key, error) {
	name := e.ActorID.String()
	if e.ActorID == cardinal.StrangerID {
		name = e.OccurredAt.Format("2006-01")
	}
	if key, ok := keys[name]; ok {
		return key, nil
	}
	var key seal.Key
	var err error
	if e.ActorID == cardinal.StrangerID {
		key, err = d.keys.month(ctx, d.store, e.OccurredAt)
	} else {
		key, err = d.userKey(ctx, r, e.ActorID)
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
