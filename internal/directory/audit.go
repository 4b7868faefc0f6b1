package directory

import (
	"context"
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
	if keys.userKeys, err = k.d.ReadingKeys(ctx, r, actors); err != nil {
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
	monthKeys map[string]monthKey // by name
}

// monthKey is the key of a month. exists is false when it was destroyed with the month, and the key is zero when it
// cannot be unwrapped.
type monthKey struct {
	key    seal.Key
	exists bool
}

// decrypt decrypts the address and the user agent of an event, unless the key was destroyed.
func (k *clientKeys) decrypt(ctx context.Context, e *store.EventRecord) error {
	key, exists := k.userKeys[e.ActorID]
	if e.ActorID == cardinal.AnonymousID {
		var err error
		if key, exists, err = k.keyOfAnonymous(ctx, e); err != nil {
			return err
		}
	}
	if !exists {
		return nil
	}
	values := k.d.RowReader(key, "audit_logs", e.ActorID, uuid.Nil)
	e.Address = values.Text("address_sealed", "address", e.AddressSealed)
	e.UserAgent = values.Text("user_agent_sealed", "user_agent", e.UserAgentSealed)
	e.Unreadable = values.Unreadable
	return nil
}

// keyOfAnonymous returns the key of the month of an event of an anonymous caller. An address is encrypted shortly
// before its event gets its id. When the month ended in between, the address is under the key of the month before.
func (k *clientKeys) keyOfAnonymous(ctx context.Context, e *store.EventRecord) (seal.Key, bool, error) {
	month, err := k.month(ctx, e.OccurredAt)
	before := e.OccurredAt.Add(-time.Hour)
	if err != nil || before.Month() == e.OccurredAt.Month() || month.exists && decryptsClient(month.key, e) {
		return month.key, month.exists, err
	}
	earlier, err := k.month(ctx, before)
	if err != nil || !earlier.exists || month.exists && !decryptsClient(earlier.key, e) {
		return month.key, month.exists, err
	}
	return earlier.key, true, nil
}

func decryptsClient(key seal.Key, e *store.EventRecord) bool {
	for column, encrypted := range map[string][]byte{
		"address_sealed": e.AddressSealed, "user_agent_sealed": e.UserAgentSealed,
	} {
		if encrypted == nil {
			continue
		}
		if _, err := decryptText(key, "audit_logs", column, e.ActorID, uuid.Nil, encrypted); err != nil {
			return false
		}
	}
	return true
}

// month returns the key of a month, which is read once per page.
func (k *clientKeys) month(ctx context.Context, at time.Time) (monthKey, error) {
	name := monthKeyName(at)
	if month, ok := k.monthKeys[name]; ok {
		return month, nil
	}
	record, err := k.r.ServiceKey(ctx, name)
	if err != nil && !isNotFound(err) {
		return monthKey{}, err
	}
	month := monthKey{exists: err == nil}
	if month.exists {
		if month.key, err = k.d.keys.unwrapServiceKey(name, record, nil); err != nil {
			k.d.ReportUnreadable("service_keys", "wrapped_key", cardinal.SystemID, record.ID)
		}
	}
	if k.monthKeys == nil {
		k.monthKeys = map[string]monthKey{}
	}
	k.monthKeys[name] = month
	return month, nil
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
