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

// Audit returns a page of the audit log, by default newest first. Users are allowed to read the events about
// themselves.
func (k Desk) Audit(ctx context.Context, f cardinal.AuditFilter) (cardinal.List[cardinal.AuditEvent], error) {
	r, err := k.Read(ctx, Rule{Permission: "audit.read", Subject: f.SubjectID, Own: true})
	if err != nil {
		return cardinal.List[cardinal.AuditEvent]{}, err
	}
	scan, err := r.Events(ctx, f)
	if err != nil {
		return cardinal.List[cardinal.AuditEvent]{}, err
	}
	records := cardinal.PageOf(scan.Events, f.Limit)
	if err := k.decryptClients(ctx, r, records.Data); err != nil {
		return cardinal.List[cardinal.AuditEvent]{}, err
	}
	page := convertPage(records, func(e store.EventRecord) cardinal.AuditEvent { return e.AuditEvent })
	if scan.ResumeAfter != uuid.Nil {
		page.HasMore, page.After = true, scan.ResumeAfter
	}
	return page, nil
}

// decryptClients decrypts the address and the user agent of events, for a reader who is allowed to see them: an
// auditor, or the actor of the event. The permission and the keys are read once for all events. When the key was
// destroyed, both fields stay empty.
func (k Desk) decryptClients(ctx context.Context, r store.Reader, events []store.EventRecord) error {
	var actors []uuid.UUID
	for _, e := range events {
		if e.AddressSealed != nil || e.UserAgentSealed != nil {
			actors = append(actors, e.ActorID)
		}
	}
	if len(actors) == 0 {
		return nil
	}
	isAuditor, err := k.HasPermission(ctx, r, "audit.read")
	if err != nil {
		return err
	}
	keys := clientKeys{d: k.d, r: r}
	if keys.userKeys, err = k.d.UserKeys(ctx, r, actors); err != nil {
		return err
	}
	for i := range events {
		e := &events[i]
		if e.AddressSealed == nil && e.UserAgentSealed == nil || !isAuditor && e.ActorID != k.actor.UserID {
			continue
		}
		if err := keys.decrypt(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

// clientKeys are the keys that decrypt the addresses and user agents of a page of events.
type clientKeys struct {
	d         *Directory
	r         store.Reader
	userKeys  map[uuid.UUID]seal.Key
	monthKeys map[string]seal.Key // by name; the zero Key for one that was destroyed
}

// decrypt decrypts the address and the user agent of an event, unless the key was destroyed.
func (k *clientKeys) decrypt(ctx context.Context, e *store.EventRecord) error {
	if e.ActorID != cardinal.AnonymousID {
		_, err := decryptClient(e, k.userKeys[e.ActorID])
		return err
	}
	decrypted, err := k.decryptAnonymous(ctx, e, e.OccurredAt)
	// An address is encrypted shortly before its event gets its id. When the month ended in between, the address is
	// under the key of the month before.
	before := e.OccurredAt.Add(-time.Hour)
	if !decrypted && (err == nil || errors.Is(err, seal.ErrDecrypt)) && before.Month() != e.OccurredAt.Month() {
		_, err = k.decryptAnonymous(ctx, e, before)
	}
	return err
}

// decryptAnonymous decrypts the event of an anonymous caller with the key of a month, which is read once per page.
func (k *clientKeys) decryptAnonymous(ctx context.Context, e *store.EventRecord, at time.Time) (bool, error) {
	name := monthKeyName(at)
	key, ok := k.monthKeys[name]
	if !ok {
		var err error
		if key, err = k.d.keys.readServiceKey(ctx, k.r, name); err != nil && !isNotFound(err) {
			return false, err
		}
		if k.monthKeys == nil {
			k.monthKeys = map[string]seal.Key{}
		}
		k.monthKeys[name] = key
	}
	return decryptClient(e, key)
}

// decryptClient decrypts the address and the user agent of an event; false when the key was destroyed.
func decryptClient(e *store.EventRecord, key seal.Key) (decrypted bool, err error) {
	if key.IsZero() {
		return false, nil
	}
	if e.Address, err = DecryptText(key, "audit_logs", "address_sealed", e.ActorID, e.AddressSealed); err != nil {
		return false, err
	}
	e.UserAgent, err = DecryptText(key, "audit_logs", "user_agent_sealed", e.ActorID, e.UserAgentSealed)
	return err == nil, err
}

// UserAudit returns a page of the events about one user.
func (k Desk) UserAudit(
	ctx context.Context, userID uuid.UUID, f cardinal.AuditFilter,
) (cardinal.List[cardinal.AuditEvent], error) {
	r, err := k.Read(ctx, Rule{Permission: "audit.read", Subject: userID, Own: true})
	if err != nil {
		return cardinal.List[cardinal.AuditEvent]{}, err
	}
	if _, err := r.User(ctx, userID); err != nil {
		return cardinal.List[cardinal.AuditEvent]{}, err
	}
	f.SubjectID = userID
	return k.Audit(ctx, f)
}
