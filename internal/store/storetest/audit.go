package storetest

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/store"
	"cardinal/internal/store/dberror"
)

func audit(t *testing.T, s *store.Store) {
	ctx, r := t.Context(), s.Read(t.Context())
	subject, actor := newUser(t, s, "person"), newUser(t, s, "person")
	request, session, key := cardinal.NewID(), cardinal.NewID(), cardinal.NewID()
	now := time.Now().UTC()
	next := time.Date(now.Year(), now.Month()+1, 1, 0, 0, 0, 0, time.UTC)
	// Around the end of a month, which is the boundary between two partitions.
	ats := []time.Time{next.Add(-2 * time.Millisecond), next.Add(-time.Millisecond), next, next.Add(time.Millisecond),
		next.AddDate(0, 2, 0), next.AddDate(0, 2, 0)}
	var inserted []store.EventRecord
	for i, at := range ats {
		id := cardinal.IDAt(at)
		id[15] = byte(i)
		e := store.EventRecord{SchemaVersion: 1, AuditEvent: cardinal.AuditEvent{ID: id,
			OccurredAt: at.Truncate(time.Millisecond), ActorID: actor, SubjectID: subject, Action: "users.update",
			Attempts: 1, ChangedRows: []cardinal.RowDigest{}, Changes: map[string]cardinal.ColumnChange{}}}
		if i%2 == 1 {
			e.SubjectID, e.ActorID, e.SessionID, e.APIKeyID, e.RequestID = actor, subject, &session, &key, &request
			e.Action, e.IsRefused, e.Attempts, e.SchemaVersion = "sessions.create", true, 3, 2
			e.ChangedRows = []cardinal.RowDigest{{Table: "users", Key: subject.String(), Version: 2, Columns: 1,
				Digest: []byte{0, 1, 255}}, {Table: "contacts", Key: "a/b"}}
			e.Changes = map[string]cardinal.ColumnChange{"users.status": {From: "active", To: "süß <日本>"},
				"profiles.locale": {Masked: true}, "x": {From: 1.5, To: true}}
			e.AddressSealed, e.UserAgentSealed = ciphertext(128), ciphertext(600)
		}
		write(t, owner[s], func(tx store.Tx) error { return tx.AppendEvent(ctx, e) })
		inserted = append(inserted, e)
	}
	pick := func(indexes ...int) []store.EventRecord {
		found := []store.EventRecord{}
		for _, i := range indexes {
			found = append(found, inserted[i])
		}
		return found
	}
	for _, c := range []struct {
		name   string
		filter cardinal.AuditFilter
		want   []store.EventRecord
	}{
		{"subject", cardinal.AuditFilter{SubjectID: subject}, pick(0, 2, 4)},
		{"actor", cardinal.AuditFilter{ActorID: subject}, pick(1, 3, 5)},
		{"request", cardinal.AuditFilter{RequestID: request}, pick(1, 3, 5)},
		{"request and actor", cardinal.AuditFilter{RequestID: request, ActorID: subject}, pick(1, 3, 5)},
		{"request and another actor", cardinal.AuditFilter{RequestID: request, ActorID: actor}, pick()},
		{"all four", cardinal.AuditFilter{SubjectID: actor, ActorID: subject, Action: "sessions.create",
			RequestID: request}, pick(1, 3, 5)},
		{"action and subject", cardinal.AuditFilter{Action: "users.update", SubjectID: subject}, pick(0, 2, 4)},
		{"subject and another action", cardinal.AuditFilter{Action: "sessions.create", SubjectID: subject}, pick()},
		{"from is inclusive", cardinal.AuditFilter{RequestID: request, From: ats[3]}, pick(3, 5)},
		{"until is exclusive", cardinal.AuditFilter{RequestID: request, Until: ats[3]}, pick(1)},
		{"between", cardinal.AuditFilter{ActorID: actor, From: ats[1], Until: ats[4]}, pick(2)},
		{"since 1969", cardinal.AuditFilter{ActorID: actor, From: time.Date(1969, 1, 1, 0, 0, 0, 0, time.UTC)},
			pick(0, 2, 4)},
		{"until 1969", cardinal.AuditFilter{ActorID: actor, Until: time.Date(1969, 1, 1, 0, 0, 0, 0, time.UTC)},
			pick()},
		{"unknown subject", cardinal.AuditFilter{SubjectID: cardinal.NewID()}, pick()},
	} {
		t.Run(c.name, func(t *testing.T) {
			wantEqual(t, "Events", readPages(t, func(e store.EventRecord) uuid.UUID {
				return e.ID
			}, func(p cardinal.Page) ([]store.EventRecord, error) {
				c.filter.Page = p
				found, err := r.Events(ctx, c.filter)
				return found.Events, err
			}), c.want)
		})
	}
	readPages(t, func(e store.EventRecord) uuid.UUID {
		return e.ID
	}, func(p cardinal.Page) ([]store.EventRecord, error) {
		found, err := r.Events(ctx, cardinal.AuditFilter{Page: p, From: ats[0]})
		return found.Events, err
	})

	boundedEventScan(t, s)

	appended := func(change func(e *store.EventRecord)) error {
		e := inserted[0]
		e.ID = cardinal.NewID()
		change(&e)
		return s.Write(ctx, func(tx store.Tx) error { return tx.AppendEvent(ctx, e) })
	}
	if err := appended(func(e *store.EventRecord) { e.ChangedRows, e.Changes = nil, nil }); err != nil {
		t.Errorf("event without rows: %v", err)
	}
	wantViolation(t, "audit_logs_action_ck", appended(func(e *store.EventRecord) { e.Action = "a.b.c.d.e" }))
	wantViolation(t, "audit_logs_attempts_ck", appended(func(e *store.EventRecord) { e.Attempts = 0 }))
	wantViolation(t, "audit_logs_address_ck", appended(func(e *store.EventRecord) {
		e.AddressSealed = []byte("2001:db8::1, 2001:db8::2, 2001:db8::3")
	}))
	wantViolation(t, foreignKey(s, "audit_logs_actor_fk"), appended(func(e *store.EventRecord) {
		e.ActorID = cardinal.NewID()
	}))
	wantViolation(t, foreignKey(s, "audit_logs_subject_fk"), appended(func(e *store.EventRecord) {
		e.SubjectID = cardinal.NewID()
	}))
	// The same event a second time: SQLite reports append-only, because it cannot tell this from a replacement.
	if err := owner[s].Write(ctx, func(tx store.Tx) error {
		return tx.AppendEvent(ctx, inserted[0])
	}); !dberror.Violates(err, "audit_logs_append_only") && !dberror.Violates(err, "audit_logs_") {
		t.Errorf("the same event twice: %v", err)
	}
}

func auditMonths(t *testing.T, s *store.Store) {
	ctx, now := t.Context(), time.Now().UTC()
	ensure := func(at time.Time) int {
		return inTx(t, s, func(tx store.Tx) (int, error) { return tx.EnsureAuditMonths(ctx, at) })
	}
	if created := ensure(now); created != 0 {
		t.Errorf("Migrate left %d months to create", created)
	}
	if ahead := must(s.Read(ctx).AuditMonthsAhead(ctx, now))(t); ahead != 12 {
		t.Errorf("AuditMonthsAhead: %d", ahead)
	}
	first := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
	want := 0
	if s.Engine() == "postgres" {
		want = 2
	}
	// The last microsecond of a month, in a time zone behind UTC.
	later := first.AddDate(0, 3, 0).Add(-time.Microsecond).In(time.FixedZone("", -11*3600))
	if created := ensure(later); created != want {
		t.Errorf("EnsureAuditMonths two months later: %d, want %d", created, want)
	}
	if ahead := must(s.Read(ctx).AuditMonthsAhead(ctx, later))(t); ahead != 12 {
		t.Errorf("AuditMonthsAhead two months later: %d", ahead)
	}
}

// boundedEventScan: two filters have more events than one page scans, and only one event in common. Pages end before
// they reach it; each page continues the scan, also across the end of a month.
func boundedEventScan(t *testing.T, s *store.Store) {
	const each = 2500
	ctx, r := t.Context(), s.Read(t.Context())
	actor, now := newUser(t, s, "person"), time.Now().UTC()
	monthEnd := time.Date(now.Year(), now.Month()+5, 1, 0, 0, 0, 0, time.UTC)
	var rare uuid.UUID
	write(t, owner[s], func(tx store.Tx) error {
		for i := range 2 * each {
			e := store.EventRecord{SchemaVersion: 1, AuditEvent: cardinal.AuditEvent{
				ID:      cardinal.IDAt(monthEnd.Add(time.Duration(i-each) * time.Millisecond)),
				ActorID: actor, SubjectID: actor, Action: "bounded.common", Attempts: 1}}
			if i%2 == 1 {
				e.ActorID, e.Action = cardinal.SystemID, "bounded.rare"
			}
			if i == 2*each-2 {
				rare, e.Action = e.ID, "bounded.rare"
			}
			if err := tx.AppendEvent(ctx, e); err != nil {
				return err
			}
		}
		return nil
	})
	for _, descending := range []bool{false, true} {
		f := cardinal.AuditFilter{ActorID: actor, Action: "bounded.rare", From: monthEnd.Add(-time.Hour),
			Page: cardinal.Page{Limit: 10, Descending: descending}}
		var found []uuid.UUID
		pages := 0
		for {
			page := must(r.Events(ctx, f))(t)
			for _, e := range page.Events {
				found = append(found, e.ID)
			}
			if pages++; page.ResumeAfter == uuid.Nil || pages > 100 {
				break
			}
			f.After = page.ResumeAfter
		}
		wantEqual(t, "Events, two unselective filters", found, []uuid.UUID{rare})
		if pages < 2 {
			t.Errorf("%d page scanned all events", pages)
		}
	}
}
