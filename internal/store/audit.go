// The audit log: appending events, and lists with filters (pagescan.go has the algorithm).

package store

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/rowdigest"
)

// EventRecord is a row of audit_logs.
type EventRecord struct {
	cardinal.AuditEvent
	AddressSealed, UserAgentSealed []byte // encrypted under the actor's key
	SchemaVersion                  int64
}

const auditColumns = `subject_id, id, actor_id, session_id, api_key_id, action, is_refused, attempts, changed_rows,
  changes, request_id, address_sealed, user_agent_sealed, schema_version`

// auditColumnTypes are the types of auditColumns on PostgreSQL.
var auditColumnTypes = []string{
	"uuid", "uuid", "uuid", "uuid", "uuid", "text", "boolean", "bigint", "jsonb", "jsonb", "uuid", "bytea", "bytea",
	"bigint",
}

func scanEvent(row scanner) (e EventRecord, err error) {
	err = row.Scan(&e.SubjectID, &e.ID, &e.ActorID, &e.SessionID, &e.APIKeyID, &e.Action, &e.IsRefused, &e.Attempts,
		rowDigestsInto{&e}, jsonInto{&e.Changes}, &e.RequestID, &e.AddressSealed, &e.UserAgentSealed, &e.SchemaVersion)
	e.OccurredAt = cardinal.TimeOf(e.ID)
	return e, err
}

// rowDigestsInto scans the changed rows of an entry. The subject must be scanned before.
type rowDigestsInto struct{ of *EventRecord }

func (s rowDigestsInto) Scan(v any) (err error) {
	var text json.RawMessage
	if err := (jsonInto{&text}).Scan(v); err != nil {
		return err
	}
	s.of.ChangedRows, err = rowdigest.Decode(text, s.of.SubjectID)
	return err
}

// AppendEvent adds an event to the audit log. No method changes an event; InsertUsers adds events too.
func (tx Tx) AppendEvent(ctx context.Context, e EventRecord) error {
	if e.ChangedRows == nil {
		e.ChangedRows = []cardinal.RowDigest{}
	}
	if e.Changes == nil {
		e.Changes = map[string]cardinal.ColumnChange{}
	}
	rows, err := rowdigest.Canonical(e.ChangedRows)
	if err != nil {
		return err
	}
	changes, err := rowdigest.Canonical(e.Changes)
	if err != nil {
		return err
	}
	return tx.execDeferred(ctx, `
		INSERT INTO audit_logs (`+auditColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
		e.SubjectID, e.ID, e.ActorID, e.SessionID, e.APIKeyID, e.Action, e.IsRefused, e.Attempts, rows, changes,
		e.RequestID, e.AddressSealed, e.UserAgentSealed, e.SchemaVersion)
}

// EventPage is one page of the audit log.
type EventPage struct {
	Events []EventRecord // one more than the limit if there are more
	// ResumeAfter is where the scan stopped before it found enough events: the next page begins after it. uuid.Nil if
	// the scan reached the end.
	ResumeAfter uuid.UUID
}

// eventFilters returns the filters that are set. The request's filter comes last: its index alone does not return
// events in order.
func eventFilters(f cardinal.AuditFilter) []indexFilter {
	var filters []indexFilter
	add := func(column string, value any) {
		filters = append(filters, indexFilter{table: `audit_logs`, idColumn: `id`, condition: column + ` = $%d`,
			args: []any{value}, exists: `COALESCE(` + column + `, ` + column + `) = $%d`})
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
	return filters
}

// Events returns a page of the audit log. The most selective filter drives the scan, the others are tested per event.
// One page scans a bounded number of events. On PostgreSQL the scan goes through the monthly partitions, newest first
// (or oldest first), each bounded by its ids, so that planning time does not grow with the number of months.
func (r Reader) Events(ctx context.Context, f cardinal.AuditFilter) (EventPage, error) {
	ids := allIDs(f.Page)
	if !f.From.IsZero() {
		ids.low = lowestIDAt(f.From)
	}
	if !f.Until.IsZero() {
		ids.high = lowestIDAt(f.Until)
	}
	return r.readEvents(ctx, eventFilters(f), ids)
}

func (r Reader) readEvents(ctx context.Context, filters []indexFilter, ids idRange) (EventPage, error) {
	page := EventPage{Events: []EventRecord{}}
	partitions, err := r.partitionRanges(ctx, ids)
	if err != nil {
		return page, err
	}
	left := maxScan
	for _, partition := range partitions {
		partition.Limit = ids.Limit - len(page.Events)
		scanned, err := r.appendEvents(ctx, &page, filters, partition, left)
		if err != nil || len(page.Events) > ids.Limit || page.ResumeAfter != uuid.Nil {
			return page, err
		}
		left = max(1, left-scanned)
	}
	return page, nil
}

// partitionRanges returns the ranges of ids that a page is read from, in its order: one per monthly partition, or the
// whole range on an engine without partitions.
func (r Reader) partitionRanges(ctx context.Context, ids idRange) ([]idRange, error) {
	if r.engine.auditMonths == nil {
		return []idRange{ids}, nil
	}
	months, err := r.engine.auditMonths(ctx, r)
	if err != nil {
		return nil, err
	}
	if ids.Descending {
		slices.Reverse(months)
	}
	var ranges []idRange
	for _, month := range months {
		partition := idRange{ids.Page, cardinal.IDAt(month), cardinal.IDAt(month.AddDate(0, 1, 0))}
		if lessID(partition.low, ids.low) {
			partition.low = ids.low
		}
		if lessID(ids.high, partition.high) {
			partition.high = ids.high
		}
		if lessID(partition.low, partition.high) && !partition.isPassed() {
			ranges = append(ranges, partition)
		}
	}
	return ranges, nil
}

// isPassed reports whether the page begins after every id of the range.
func (p idRange) isPassed() bool {
	switch {
	case p.After == uuid.Nil:
		return false
	case p.Descending:
		return !lessID(p.low, p.After)
	}
	return !lessID(p.After, p.high)
}

// appendEvents adds the events of one partition to a page. It scans at most limit entries, and returns how many it
// counted to choose the driving index.
func (r Reader) appendEvents(
	ctx context.Context, page *EventPage, filters []indexFilter, ids idRange, limit int,
) (scanned int, err error) {
	driving, others, err := r.chooseDriving(ctx, filters, indexFilter{table: `audit_logs`, idColumn: `id`}, ids, limit)
	if err != nil {
		return 0, err
	}
	limitID, err := r.scanLimitID(ctx, driving, ids, limit)
	if err != nil {
		return 0, err
	}
	w := whereClause{}
	if driving.condition != "" {
		w.and(driving.condition, driving.args...)
	}
	for _, other := range others {
		w.and(other.exists, other.args...)
	}
	w.boundAt(driving.idColumn, ids.Page, limitID)
	w.page(driving.idColumn, ids)
	events, err := queryAll(ctx, r, scanEvent, `SELECT `+auditColumns+` FROM audit_logs`+w.sql(), w.args...)
	page.Events = append(page.Events, events...)
	if len(events) <= ids.Limit {
		page.ResumeAfter = limitID
	}
	return driving.count, err
}

// EnsureAuditMonths creates the partitions of the current month and of the next monthsAhead months; it returns how many
// were missing.
func (tx Tx) EnsureAuditMonths(ctx context.Context, now time.Time) (created int, err error) {
	first := time.Date(now.UTC().Year(), now.UTC().Month(), 1, 0, 0, 0, 0, time.UTC)
	for i := range monthsAhead + 1 {
		isNew, err := tx.engine.ensureAuditMonth(ctx, tx, first.AddDate(0, i, 0))
		if err != nil {
			return created, err
		}
		if isNew {
			created++
		}
	}
	return created, nil
}

// AuditMonthsAhead returns how many months after the current one have a partition; monthsAhead on an engine without
// partitions.
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
