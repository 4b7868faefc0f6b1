package store

import (
	"context"
	"time"

	"github.com/google/uuid"

	"cardinal"
)

const auditColumns = `subject_id, id, actor_id, session_id, api_key_id, action, is_refused, attempts, changed_rows, changes, request_id,
  address_sealed, user_agent_sealed, schema_version`

func scanEvent(row scanner) (e cardinal.AuditEvent, err error) {
	err = row.Scan(&e.SubjectID, &e.ID, &e.ActorID, &e.SessionID, &e.APIKeyID, &e.Action, &e.IsRefused, &e.Attempts,
		stampsInto{&e}, jsonInto{&e.Changes}, &e.RequestID, &e.AddressSealed, &e.UserAgentSealed, &e.SchemaVersion)
	e.OccurredAt = cardinal.TimeOf(e.ID)
	return e, err
}

// AppendEvent adds an event to the audit log. There is no other way to write to it, and none to change it.
func (tx Tx) AppendEvent(ctx context.Context, e cardinal.AuditEvent) error {
	if e.ChangedRows == nil {
		e.ChangedRows = []cardinal.RowStamp{}
	}
	if e.Changes == nil {
		e.Changes = map[string]cardinal.ColumnChange{}
	}
	rows, err := canonicalJSON(e.ChangedRows)
	if err != nil {
		return err
	}
	changes, err := canonicalJSON(e.Changes)
	if err != nil {
		return err
	}
	return tx.later(ctx, `
		INSERT INTO audit_logs (`+auditColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
		e.SubjectID, e.ID, e.ActorID, e.SessionID, e.APIKeyID, e.Action, e.IsRefused, e.Attempts, rows, changes, e.RequestID,
		e.AddressSealed, e.UserAgentSealed, e.SchemaVersion)
}

// Events returns a page of the audit log, one event more than asked for when there are more. On PostgreSQL it walks the
// months newest first (or oldest first), each bounded by its ids, so that planning does not grow with the number of months.
func (r Reader) Events(ctx context.Context, f cardinal.AuditFilter) ([]cardinal.AuditEvent, error) {
	low, high := uuid.Nil, cardinal.MaxID
	if !f.From.IsZero() {
		low = floorID(f.From)
	}
	if !f.Until.IsZero() {
		high = floorID(f.Until)
	}
	if r.engine.auditMonths == nil {
		return r.events(ctx, f, low, high)
	}
	months, err := r.engine.auditMonths(ctx, r)
	if err != nil {
		return nil, err
	}
	found := []cardinal.AuditEvent{}
	want := f.Limit
	for i := range months {
		month := months[i]
		if f.Descending {
			month = months[len(months)-1-i]
		}
		from, until := cardinal.IDAt(month), cardinal.IDAt(month.AddDate(0, 1, 0))
		if less(from, low) {
			from = low
		}
		if less(high, until) {
			until = high
		}
		if !less(from, until) || (f.After != uuid.Nil && (f.Descending && !less(from, f.After) || !f.Descending && !less(f.After, until))) {
			continue
		}
		f.Limit = want - len(found)
		more, err := r.events(ctx, f, from, until)
		if err != nil {
			return nil, err
		}
		found = append(found, more...)
		if len(found) > want {
			break
		}
	}
	return found, nil
}

func less(a, b uuid.UUID) bool { return string(a[:]) < string(b[:]) }

func (r Reader) events(ctx context.Context, f cardinal.AuditFilter, low, high uuid.UUID) ([]cardinal.AuditEvent, error) {
	w := where{}
	if f.SubjectID != uuid.Nil {
		w.and(`subject_id = $%d`, f.SubjectID)
	}
	if f.ActorID != uuid.Nil {
		w.and(`actor_id = $%d`, f.ActorID)
	}
	if f.Action != "" {
		w.and(`action = $%d`, f.Action)
	}
	if f.RequestID != uuid.Nil {
		w.and(`request_id = $%d`, f.RequestID)
	}
	w.walk(`id`, f.Page, low, high)
	return all(ctx, r, scanEvent, `SELECT `+auditColumns+` FROM audit_logs`+w.text(), w.args...)
}

// EnsureAuditMonths makes the places of this month and the monthsAhead after it; it returns how many were missing.
func (tx Tx) EnsureAuditMonths(ctx context.Context, now time.Time) (made int, err error) {
	first := time.Date(now.UTC().Year(), now.UTC().Month(), 1, 0, 0, 0, 0, time.UTC)
	for i := range monthsAhead + 1 {
		new, err := tx.engine.ensureAuditMonth(ctx, tx, first.AddDate(0, i, 0))
		if err != nil {
			return made, err
		}
		if new {
			made++
		}
	}
	return made, nil
}

// AuditMonthsAhead returns how many months after now's have their place already; monthsAhead where the engine needs none.
func (r Reader) AuditMonthsAhead(ctx context.Context, now time.Time) (int, error) {
	if r.engine.auditMonths == nil {
		return monthsAhead, nil
	}
	months, err := r.engine.auditMonths(ctx, r)
	ahead := 0
	for _, m := range months {
		if m.After(now) {
			ahead++
		}
	}
	return ahead, err
}
