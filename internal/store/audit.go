package store

import (
	"context"
	"slices"
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
	return tx.execDeferred(ctx, `
		INSERT INTO audit_logs (`+auditColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
		e.SubjectID, e.ID, e.ActorID, e.SessionID, e.APIKeyID, e.Action, e.IsRefused, e.Attempts, rows, changes, e.RequestID,
		e.AddressSealed, e.UserAgentSealed, e.SchemaVersion)
}

// EventWalk is what a walk over the audit log found.
type EventWalk struct {
	Events []cardinal.AuditEvent // one more than asked for when there are more
	Until  uuid.UUID             // where the walk stopped before it found enough: the next begins there; uuid.Nil when it came to the end
}

// eventFilters are the filters that are set. That of the request comes last: it alone does not give its events in order.
func eventFilters(f cardinal.AuditFilter) []indexFilter {
	var all []indexFilter
	add := func(column string, value any) {
		all = append(all, indexFilter{table: `audit_logs`, idColumn: `id`, condition: column + ` = $%d`, args: []any{value},
			exists: `COALESCE(` + column + `, ` + column + `) = $%d`})
	}
	if f.SubjectID != uuid.Nil {
		add(`subject_id`, f.SubjectID)
	}
	if f.ActorID != uuid.Nil {
		add(`actor_id`, f.ActorID)
	}
	if f.Action != "" {
		add(`action`, f.Action)
	}
	if f.RequestID != uuid.Nil {
		add(`request_id`, f.RequestID)
	}
	return all
}

// Events returns a page of the audit log. Each filter has an index: the rarest leads, the others are asked about each of its events, and
// a walk looks at a bounded number of them. On PostgreSQL it goes through the months newest first (or oldest first), each bounded by its
// ids, so that planning does not grow with the number of months.
func (r Reader) Events(ctx context.Context, f cardinal.AuditFilter) (EventWalk, error) {
	within := allIDs(f.Page)
	if !f.From.IsZero() {
		within.low = lowestIDAt(f.From)
	}
	if !f.Until.IsZero() {
		within.high = lowestIDAt(f.Until)
	}
	return r.readEvents(ctx, eventFilters(f), within)
}

func (r Reader) readEvents(ctx context.Context, found []indexFilter, within idRange) (EventWalk, error) {
	walk := EventWalk{Events: []cardinal.AuditEvent{}}
	parts, err := r.partitionRanges(ctx, within)
	if err != nil {
		return walk, err
	}
	left := maxScan
	for _, part := range parts {
		part.Limit = within.Limit - len(walk.Events)
		seen, err := r.appendEvents(ctx, &walk, found, part, left)
		if err != nil || len(walk.Events) > within.Limit || walk.Until != uuid.Nil {
			return walk, err
		}
		left = max(1, left-seen)
	}
	return walk, nil
}

// partitionRanges are the parts of the audit log that a walk goes through, in its order: the months, or all of it on an engine that has none.
func (r Reader) partitionRanges(ctx context.Context, within idRange) ([]idRange, error) {
	if r.engine.auditMonths == nil {
		return []idRange{within}, nil
	}
	months, err := r.engine.auditMonths(ctx, r)
	if err != nil {
		return nil, err
	}
	if within.Descending {
		slices.Reverse(months)
	}
	var found []idRange
	for _, month := range months {
		part := idRange{within.Page, cardinal.IDAt(month), cardinal.IDAt(month.AddDate(0, 1, 0))}
		if lessID(part.low, within.low) {
			part.low = within.low
		}
		if lessID(within.high, part.high) {
			part.high = within.high
		}
		after := part.After
		if !lessID(part.low, part.high) || after != uuid.Nil && (part.Descending && !lessID(part.low, after) || !part.Descending && !lessID(after, part.high)) {
			continue
		}
		found = append(found, part)
	}
	return found, nil
}

func lessID(a, b uuid.UUID) bool { return string(a[:]) < string(b[:]) }

// appendEvents adds what a part of the log has to a walk that may look at most at so many; it returns how many it looked at to choose from.
func (r Reader) appendEvents(ctx context.Context, walk *EventWalk, found []indexFilter, within idRange, most int) (seen int, err error) {
	lead, others, err := r.chooseDriving(ctx, found, indexFilter{table: `audit_logs`, idColumn: `id`}, within, most)
	if err != nil {
		return 0, err
	}
	until, err := r.scanLimitID(ctx, lead, within, most)
	if err != nil {
		return 0, err
	}
	w := whereClause{}
	if lead.condition != "" {
		w.and(lead.condition, lead.args...)
	}
	for _, other := range others {
		w.and(other.exists, other.args...)
	}
	w.boundAt(lead.idColumn, within.Page, until)
	w.page(lead.idColumn, within)
	events, err := queryAll(ctx, r, scanEvent, `SELECT `+auditColumns+` FROM audit_logs`+w.sql(), w.args...)
	walk.Events = append(walk.Events, events...)
	if len(events) <= within.Limit {
		walk.Until = until
	}
	return lead.count, err
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
