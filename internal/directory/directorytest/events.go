package directorytest

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/store"
)

// Event is what a test expects of one audit event.
type Event struct {
	Action         string
	Actor, Subject uuid.UUID
	Refused        bool
	Changes        []string // "column" when the values are masked, otherwise "column from>to"
	Rows           []string // tables, with a minus sign when the row was deleted
}

// ResetEvents makes the next call of Events or ExpectEvents start with the events that follow.
func (w *World) ResetEvents(t testing.TB) { t.Helper(); w.Events(t) }

// Events returns the events since the last call, oldest first.
func (w *World) Events(t testing.TB) []store.EventRecord {
	t.Helper()
	// Ids of concurrent events can be committed in another order; the tests that read events do not change anything
	// concurrently.
	filter := cardinal.AuditFilter{Page: cardinal.Page{Limit: 5000, After: w.lastEvent}}
	found := Value(w.Store.Read(t.Context()).Events(t.Context(), filter))(t).Events
	if len(found) > 0 {
		w.lastEvent = found[len(found)-1].ID
	}
	return found
}

// ExpectEvents ends the test unless the events since the last call are exactly the expected ones. The stamps in them
// must be those of the rows as they are now.
func (w *World) ExpectEvents(t testing.TB, want ...Event) {
	t.Helper()
	got := w.Events(t)
	if len(got) != len(want) {
		var actions []string
		for _, e := range got {
			actions = append(actions, e.Action)
		}
		t.Fatalf("%d events %q, want %d", len(got), actions, len(want))
	}
	latest := map[string]cardinal.RowDigest{}
	for i, e := range got {
		expectEvent(t, i, e, want[i])
		for _, row := range e.ChangedRows {
			latest[row.Table+" "+row.Key] = row
		}
	}
	for _, row := range latest {
		w.ExpectStamp(t, row)
	}
}

// expectEvent compares one event, without its stamps.
func expectEvent(t testing.TB, i int, e store.EventRecord, want Event) {
	t.Helper()
	if e.Action != want.Action || e.ActorID != want.Actor || e.SubjectID != want.Subject ||
		e.IsRefused != want.Refused || e.Attempts != 1 {
		t.Errorf("event %d: %s by %s about %s, refused %t, %d attempts, want %+v",
			i, e.Action, e.ActorID, e.SubjectID, e.IsRefused, e.Attempts, want)
	}
	changes := []string{}
	for _, column := range slices.Sorted(maps.Keys(e.Changes)) {
		c := e.Changes[column]
		if !c.Masked {
			changes = append(changes, fmt.Sprintf("%s %s>%s", column, ValueText(c.From), ValueText(c.To)))
			continue
		}
		if c.From != nil || c.To != nil {
			t.Errorf("event %d: %s is masked and has values", i, column)
		}
		changes = append(changes, column)
	}
	if diff := cmp.Diff(append([]string{}, want.Changes...), changes); diff != "" {
		t.Errorf("event %d, %s: changes (-want +got)\n%s", i, e.Action, diff)
	}
	rows := []string{}
	for _, row := range e.ChangedRows {
		if row.Columns == 0 {
			rows = append(rows, "-"+row.Table)
		} else {
			rows = append(rows, row.Table)
		}
	}
	slices.Sort(rows)
	if diff := cmp.Diff(append([]string{}, want.Rows...), rows); diff != "" {
		t.Errorf("event %d, %s: rows (-want +got)\n%s", i, e.Action, diff)
	}
}

// ValueText returns a value of a change as an Event has it: "time" for a time, because a test does not have the exact
// one.
func ValueText(v any) string {
	if s, ok := v.(string); ok {
		if _, err := time.Parse(time.RFC3339Nano, s); err == nil {
			return "time"
		}
	}
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

// ExpectStamp reports an error unless a stamp is that of the row as it is now, or says that the row was deleted and it
// was.
func (w *World) ExpectStamp(t testing.TB, row cardinal.RowDigest) {
	t.Helper()
	current, err := w.currentStamp(t, row)
	if row.Columns == 0 {
		if !errors.Is(err, cardinal.ErrNotFound) {
			t.Errorf("%s %s has a stamp of a deleted row and exists: %v", row.Table, row.Key, err)
		}
		return
	}
	if err != nil {
		t.Errorf("%s %s: %v", row.Table, row.Key, err)
		return
	}
	if diff := cmp.Diff(current, row); diff != "" {
		t.Errorf("the stamp of %s differs from the row (-row +event)\n%s", row.Table, diff)
	}
}

// currentStamp returns the stamp of the row that another stamp names.
func (w *World) currentStamp(t testing.TB, row cardinal.RowDigest) (cardinal.RowDigest, error) {
	t.Helper()
	ctx, r := t.Context(), w.Store.Read(t.Context())
	if row.Table == "identifiers" {
		index, err := hex.DecodeString(row.Key)
		if err != nil {
			return cardinal.RowDigest{}, err
		}
		return stampOf(store.DigestIdentifier)(r.Identifier(ctx, index))
	}
	var ids []uuid.UUID
	for _, part := range strings.Split(row.Key, "/") {
		id, err := uuid.Parse(part)
		if err != nil {
			t.Fatalf("key %q of %s: %v", row.Key, row.Table, err)
		}
		ids = append(ids, id)
	}
	switch row.Table {
	case "users":
		return stampOf(store.DigestUser)(r.User(ctx, ids[0]))
	case "user_keys":
		return stampOf(store.DigestUserKey)(r.UserKey(ctx, ids[0]))
	case "profiles":
		p, err := r.Profile(ctx, ids[0])
		if err != nil {
			return cardinal.RowDigest{}, err
		}
		return store.DigestProfile(p)
	case "contacts":
		return stampOf(store.DigestContact)(r.Contact(ctx, ids[0], ids[1]))
	case "credentials":
		return stampOf(store.DigestCredential)(r.Credential(ctx, ids[0]))
	case "sessions":
		return stampOf(store.DigestSession)(r.Session(ctx, ids[0], ids[1]))
	case "roles":
		return stampOf(store.DigestRole)(r.Role(ctx, ids[0]))
	case "permissions":
		return stampOf(store.DigestPermission)(r.Permission(ctx, ids[0]))
	case "role_permissions":
		return rolePermissionStamp(ctx, r, ids[0], ids[1])
	case "user_roles":
		return stampOf(store.DigestGrant)(r.Grant(ctx, ids[0], ids[1]))
	case "api_keys":
		return stampOf(store.DigestAPIKey)(r.APIKey(ctx, ids[1]))
	case "api_key_roles":
		using, err := r.APIKeyIDsWithRole(ctx, ids[0], ids[2])
		if err != nil || !slices.Contains(using, ids[1]) {
			return cardinal.RowDigest{}, errors.Join(err, cardinal.ErrNotFound)
		}
		return store.DigestAPIKeyRole(ids[0], ids[1], ids[2]), nil
	case "attribute_definitions":
		return stampOf(store.DigestAttributeDefinition)(r.AttributeDefinition(ctx, ids[0]))
	case "countries":
		all, err := r.Countries(ctx)
		return stampOf(store.DigestCountry)(find(all, err, func(c store.CountryRecord) bool { return c.ID == ids[0] }))
	case "settings":
		all, err := r.Settings(ctx)
		setting, err := find(all, err, func(s cardinal.Setting) bool { return s.ID == ids[0] })
		if err != nil {
			return cardinal.RowDigest{}, err
		}
		return store.DigestSetting(setting)
	}
	return cardinal.RowDigest{}, fmt.Errorf("the tests do not read the table %s", row.Table)
}

// rolePermissionStamp returns the stamp of a permission of a role. The row has no time of its own: its stamp has that
// of the role's last change.
func rolePermissionStamp(
	ctx context.Context, r store.Reader, roleID, permissionID uuid.UUID,
) (cardinal.RowDigest, error) {
	ids, err := r.RolePermissionIDs(ctx, roleID)
	if err != nil || !slices.Contains(ids, permissionID) {
		return cardinal.RowDigest{}, errors.Join(err, cardinal.ErrNotFound)
	}
	role, err := r.Role(ctx, roleID)
	return store.DigestRolePermission(roleID, permissionID, role.UpdatedAt), err
}

// find returns the first element that a function accepts.
func find[T any](all []T, err error, accept func(T) bool) (T, error) {
	i := slices.IndexFunc(all, accept)
	if err != nil || i < 0 {
		var none T
		return none, errors.Join(err, cardinal.ErrNotFound)
	}
	return all[i], nil
}

// stampOf returns a function that stamps the row of a read, or returns the error of the read.
func stampOf[T any](stamp func(T) cardinal.RowDigest) func(T, error) (cardinal.RowDigest, error) {
	return func(v T, err error) (cardinal.RowDigest, error) {
		if err != nil {
			return cardinal.RowDigest{}, err
		}
		return stamp(v), nil
	}
}
