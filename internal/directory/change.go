package directory

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/store"
)

// Rule says what a change or a read is called and who is allowed to do it.
type Rule struct {
	Action     string    // of the audit event: noun, dot, verb
	Permission string    // that the actor needs
	Subject    uuid.UUID // the user that it is about; uuid.Nil when it is about the service itself
	Own        bool      // users are allowed to do it to their own account without the permission
	// BeforePasswordChange allows it to a user who must change their password first.
	BeforePasswordChange bool
	// RecentSignIn asks for a recent sign-in or confirmation of the actor's session: the change affects who has access.
	RecentSignIn bool
}

// Tx is the transaction of one change: the store's transaction, the time, and the audit event that records the change.
type Tx struct {
	store.Tx
	Desk          Desk
	Now           time.Time
	Event         store.EventRecord
	RelatedEvents []store.EventRecord // about other users that the change affects; they are appended before Event
	ForceEvent    bool                // append Event although it lists no row

	replyID      uuid.UUID          // of the row that keeps the reply for a repeated request
	reindexUsers map[uuid.UUID]bool // users with changed names or addresses: their search tokens are replaced
}

// RecordRows adds the digests of rows, as the change left them, to the event.
func (tx *Tx) RecordRows(rows ...cardinal.RowDigest) {
	tx.Event.ChangedRows = append(tx.Event.ChangedRows, rows...)
}

// RecordChange adds a column that changed to the event, with its old and new value where columnVisibility shows them.
func (tx *Tx) RecordChange(column string, from, to any) {
	if tx.Event.Changes == nil {
		tx.Event.Changes = map[string]cardinal.ColumnChange{}
	}
	tx.Event.Changes[column] = columnChange(tx.Desk.d.log, column, from, to)
}

// RecordMasked adds columns that changed to the event. None of them is shown.
func (tx *Tx) RecordMasked(columns ...string) {
	for _, column := range columns {
		tx.RecordChange(column, nil, nil)
	}
}

// SetSubject sets the user that the event is about, when it is known only inside the change.
func (tx *Tx) SetSubject(user uuid.UUID) { tx.Event.SubjectID = user }

// Change performs one change in one transaction: it checks the permission, calls fn, updates the search tokens, appends
// the audit event and stores the reply for a repeated request. If an earlier request had the same Idempotency-Key, it
// returns that reply and does not call fn.
//
// A change that records no row leaves no event. When an authenticated actor is not allowed to make the change, the
// attempt is recorded in a transaction of its own. ARCHITECTURE.md lists the writes that do not pass Change.
func Change[T any](ctx context.Context, k Desk, r Rule, fn func(*Tx) (T, error)) (T, error) {
	var out, zero T
	if !k.actor.Known() {
		// The key of the month may not exist yet. It is created in a transaction of its own, before the transaction of
		// the change.
		if _, err := k.d.keys.monthKey(ctx, k.d.store, k.d.Now()); err != nil {
			return zero, err
		}
	}
	if err := k.limitOwnChange(r); err != nil {
		return zero, err
	}
	err := k.d.store.Write(ctx, func(records store.Tx) error {
		out = zero // the transaction can be retried
		tx := &Tx{Tx: records, Desk: k, Now: k.d.Now(), Event: k.NewEvent(r), reindexUsers: map[uuid.UUID]bool{}}
		if err := tx.authorize(ctx, r); err != nil {
			return err
		}
		replayed, err := tx.replayReply(ctx, &out)
		if err != nil || replayed {
			return err
		}
		if out, err = fn(tx); err != nil {
			return err
		}
		if err := tx.updateSearchTokens(ctx); err != nil {
			return err
		}
		if err := tx.appendEvents(ctx); err != nil {
			return err
		}
		return tx.storeReply(ctx, out)
	})
	if err == nil {
		return out, nil
	}
	if errors.Is(err, cardinal.ErrForbidden) && k.actor.Known() {
		if failed := k.RecordDenial(ctx, r); failed != nil {
			return zero, errors.Join(err, fmt.Errorf("record the denied attempt: %w", failed))
		}
	}
	return zero, TranslateViolation(err)
}

// RecordDenied returns err. If err is a cardinal.ErrForbidden, it records first that the change was denied before it
// began.
func RecordDenied[T any](ctx context.Context, k Desk, r Rule, err error) (T, error) {
	var zero T
	if !errors.Is(err, cardinal.ErrForbidden) {
		return zero, err
	}
	return Change(ctx, k, r, func(*Tx) (T, error) { return zero, err })
}

// NewEvent returns the event of a change, without what changed.
func (k Desk) NewEvent(r Rule) store.EventRecord {
	e := store.EventRecord{SchemaVersion: 1, AuditEvent: cardinal.AuditEvent{
		ID: cardinal.NewID(), ActorID: k.actor.UserID, SubjectID: r.Subject, Action: r.Action,
		SessionID: pointer(k.actor.SessionID), APIKeyID: pointer(k.actor.APIKeyID),
		RequestID: pointer(k.actor.RequestID), Attempts: 1,
	}}
	if e.SubjectID == uuid.Nil {
		e.SubjectID = cardinal.SystemID
	}
	return e
}

// pointer returns a pointer to an id; nil for none.
func pointer(id uuid.NullUUID) *uuid.UUID {
	if !id.Valid {
		return nil
	}
	return &id.UUID
}

// appendEvents appends the events of a change that touched something.
func (tx *Tx) appendEvents(ctx context.Context) error {
	events := tx.RelatedEvents
	if len(tx.Event.ChangedRows) > 0 || tx.ForceEvent {
		events = append(events, tx.Event)
	}
	if len(events) == 0 {
		return nil
	}
	client, err := tx.Desk.EncryptClient(ctx, tx.Reader)
	if err != nil {
		return err
	}
	for _, e := range events {
		e.AddressSealed, e.UserAgentSealed = client.Address, client.UserAgent
		if err := tx.AppendEvent(ctx, e); err != nil {
			return fmt.Errorf("append the audit event: %w", err)
		}
	}
	return nil
}

// RecordDenial records that an authenticated actor tried what they are not allowed to do. Above a number per minute, it
// only counts it.
func (k Desk) RecordDenial(ctx context.Context, r Rule) error {
	if !k.d.refusals.CountActor(k.d.Now(), k.actor.UserID, r.Action) {
		return nil
	}
	client, err := k.EncryptClient(ctx, k.d.store.Read(ctx))
	if err != nil {
		return err
	}
	e := k.NewEvent(r)
	e.AddressSealed, e.UserAgentSealed = client.Address, client.UserAgent
	e.IsRefused = true
	return k.d.store.Write(context.WithoutCancel(ctx), func(tx store.Tx) error {
		if _, err := tx.User(ctx, e.SubjectID); errors.Is(err, cardinal.ErrNotFound) {
			e.SubjectID = cardinal.SystemID // an id that does not exist stays out of the log
		} else if err != nil {
			return err
		}
		return tx.AppendEvent(ctx, e)
	})
}

// CheckVersion returns a *cardinal.Stale when the current version is not the one that the caller read.
func CheckVersion(current, read int64) error {
	if current != read {
		return &cardinal.Stale{Version: current}
	}
	return nil
}

func isNotFound(err error) bool { return errors.Is(err, cardinal.ErrNotFound) }
