package directory_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/access"
	"cardinal/internal/directory"
	"cardinal/internal/directory/directorytest"
	"cardinal/internal/importing"
	"cardinal/internal/password"
	"cardinal/internal/seal"
	"cardinal/internal/store"
)

// literal returns an id as a literal in SQL.
func literal(w *world, id uuid.UUID) string {
	if w.Engine == "sqlite" {
		return fmt.Sprintf("x'%x'", id[:])
	}
	return "'" + id.String() + "'"
}

// execute runs a statement without the store, as an attacker who can write to the database.
func execute(t *testing.T, w *world, format string, values ...any) {
	t.Helper()
	value(w.SQL(t).Exec(fmt.Sprintf(format, values...)))(t)
}

// addEmail adds a second, verified address to a user.
func addEmail(t *testing.T, w *world, userID uuid.UUID) cardinal.Contact {
	t.Helper()
	in := cardinal.NewContact{Kind: "email", Value: newEmail(), Verified: true}
	return value(w.Operator().AddContact(t.Context(), userID, in))(t)
}

// TestValuesAreBoundToTheirRow: values of two rows of one user that were swapped in the database do not open in each
// other's place.
func TestValuesAreBoundToTheirRow(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		u, email := w.NewPerson(t)
		second := addEmail(t, w, u.ID)
		first := w.SignIn(t, email, goodPassword)
		w.SignIn(t, email, goodPassword)
		service := w.NewService(t, "support")
		w.NewAPIKey(t, service, "support")
		w.NewAPIKey(t, service, "support")

		swap := func(table string, userID uuid.UUID, set ...string) {
			t.Helper()
			execute(t, w, `CREATE TABLE swapped AS SELECT * FROM %s WHERE user_id = %s`, table, literal(w, userID))
			for i, column := range set {
				set[i] = fmt.Sprintf(`%[1]s = (SELECT s.%[1]s FROM swapped s WHERE s.id <> %[2]s.id)`, column, table)
			}
			if table == "contacts" {
				set = append(set, "version = version + 1")
			}
			execute(t, w, `UPDATE %s SET %s WHERE user_id = %s`, table, strings.Join(set, ", "), literal(w, userID))
			execute(t, w, `DROP TABLE swapped`)
		}
		swap("contacts", u.ID, "value_sealed")
		for _, c := range value(w.Operator().Contacts(ctx, u.ID))(t) {
			if c.Value != "" || !slices.Equal(c.Unreadable, []string{"value"}) {
				t.Errorf("a swapped contact is %q, unreadable %v", c.Value, c.Unreadable)
			}
		}
		if c := value(w.Operator().Contact(ctx, u.ID, second.ID))(t); !slices.Equal(c.Unreadable, []string{"value"}) {
			t.Errorf("one swapped contact: %+v", c)
		}
		swap("sessions", u.ID, "address_sealed", "user_agent_sealed")
		for _, s := range value(w.Operator().Sessions(ctx, u.ID, cardinal.Page{Limit: 5}))(t).Data {
			if s.Address != "" || !slices.Equal(s.Unreadable, []string{"address", "user_agent"}) {
				t.Errorf("a swapped session: address %q, unreadable %v", s.Address, s.Unreadable)
			}
		}
		swap("api_keys", service.ID, "name_sealed")
		for _, k := range value(access.APIKeys(ctx, w.Operator(), service.ID, cardinal.Page{Limit: 5}))(t).Data {
			if k.Name != "" || !slices.Equal(k.Unreadable, []string{"name"}) {
				t.Errorf("a swapped API key: name %q, unreadable %v", k.Name, k.Unreadable)
			}
		}
		if !w.SessionActive(t, first) {
			t.Error("a session with unreadable values has ended")
		}
	})
}

// TestBoundOnlyAfterTheContraction: nodes of an older version cannot decrypt bound values, so none is written while
// they can be running.
func TestBoundOnlyAfterTheContraction(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx, id := t.Context(), cardinal.NewID()
		execute(t, w, `DELETE FROM schema_migrations WHERE number = %d AND phase = 'contract'`, store.BoundRowMigration)
		before := w.OpenNode(t, directorytest.CheapHash)
		if row := value(before.BoundRow(ctx, w.Store.Read(ctx), id))(t); row != uuid.Nil {
			t.Errorf("before the contraction: bound to %s", row)
		}
		u := value(before.As(cardinal.Operator()).CreateUser(ctx, cardinal.NewUser{Email: newEmail()}))(t)
		if got := firstBytes(t, w, u.ID); !slices.Equal(got, []byte{1}) {
			t.Errorf("contacts written before the contraction begin with %v", got)
		}
		execute(t, w, `INSERT INTO schema_migrations SELECT number, 'contract', name, checksum, applied_at
			FROM schema_migrations WHERE number = %d AND phase = 'expand'`, store.BoundRowMigration)
		after := w.OpenNode(t, directorytest.CheapHash)
		if row := value(after.BoundRow(ctx, w.Store.Read(ctx), id))(t); row != id {
			t.Errorf("after the contraction: bound to %s", row)
		}
		u = value(after.As(cardinal.Operator()).CreateUser(ctx, cardinal.NewUser{Email: newEmail()}))(t)
		if got := firstBytes(t, w, u.ID); !slices.Equal(got, []byte{2}) {
			t.Errorf("contacts written after the contraction begin with %v", got)
		}
	})
}

// firstBytes returns the first byte of the value of each contact of a user.
func firstBytes(t *testing.T, w *world, userID uuid.UUID) []byte {
	t.Helper()
	var first []byte
	for _, c := range value(w.Store.Read(t.Context()).Contacts(t.Context(), userID))(t) {
		first = append(first, c.ValueSealed[0])
	}
	return first
}

// TestOneUnreadableValue: one value that cannot be decrypted is shown as unreadable, logged and counted. Lists, search,
// export, sign-in, changes and erasure continue.
func TestOneUnreadableValue(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		value(w.Operator().CreateAttributeDefinition(ctx, cardinal.NewAttributeDefinition{
			Name: "team", Description: "Team.", ValueType: "string",
		}))(t)
		email := newEmail()
		broken := value(w.Operator().CreateUser(ctx, cardinal.NewUser{
			DisplayName: "Ada Broken", Username: fmt.Sprintf("ada%d", directorytest.NextNumber()),
			Email: email, EmailVerified: true, ChosenByUser: true, Password: goodPassword,
			Attributes: map[string]any{"team": "red"},
		}))(t)
		whole := value(w.Operator().CreateUser(ctx, cardinal.NewUser{DisplayName: "Ada Whole", Email: newEmail()}))(t)
		w.RunJob(t, "search.build")
		in := w.SignIn(t, email, goodPassword)

		// The values of the profile change their columns, as they can be only in the database.
		execute(t, w, `UPDATE profiles SET username_sealed = display_name_sealed,
			attributes_sealed = display_name_sealed, version = version + 1 WHERE user_id = %s`, literal(w, broken.ID))
		execute(t, w, `UPDATE contacts SET version = version + 1, value_sealed =
			(SELECT value_sealed FROM contacts x WHERE x.user_id = %s) WHERE user_id = %s`,
			literal(w, whole.ID), literal(w, broken.ID))

		var log bytes.Buffer
		d := value(directory.Open(ctx, w.Store, directory.Options{
			LoadKeys: func() (*seal.Keyring, error) { return seal.LoadKeyring(w.Keys, "") },
			Hasher: password.New(directorytest.CheapHash,
				password.Limits{Concurrent: 1, Queue: 1, Wait: time.Second}),
			Clock: w.Clock.Now, Logger: slog.New(slog.NewTextHandler(&log, nil)),
		}))(t)
		k := d.As(cardinal.Operator())
		names := func(filter cardinal.UserFilter) map[string][]string {
			t.Helper()
			filter.Page = cardinal.Page{Limit: 50}
			found := map[string][]string{}
			for _, u := range value(k.Users(ctx, filter, true))(t).Data {
				found[u.Profile.DisplayName] = u.Profile.Unreadable
			}
			return found
		}
		want := map[string][]string{"Ada Broken": {"username", "attributes"}, "Ada Whole": nil}
		if diff := cmp.Diff(want, names(cardinal.UserFilter{})); diff != "" {
			t.Errorf("list: %s", diff)
		}
		if diff := cmp.Diff(want, names(cardinal.UserFilter{Search: "ada"})); diff != "" {
			t.Errorf("search: %s", diff)
		}
		contacts := value(k.ContactsOf(ctx, []uuid.UUID{broken.ID, whole.ID}))(t)
		if len(contacts[broken.ID][0].Unreadable) != 1 || contacts[whole.ID][0].Unreadable != nil {
			t.Errorf("contacts: %+v", contacts)
		}
		exported := map[string]int{}
		noError(t, importing.Export(ctx, k, false, func(row cardinal.ImportRow) error {
			exported[row.DisplayName] = len(row.Contacts)
			return nil
		}))
		if exported["Ada Whole"] != 1 || exported["Ada Broken"] != 0 || len(exported) != 2 {
			t.Errorf("exported contacts by user: %v", exported)
		}
		w.SignIn(t, email, goodPassword)
		if !w.SessionActive(t, in) {
			t.Error("the session ended")
		}

		counted := slices.Sorted(maps.Keys(d.Unreadable()))
		wantCounted := []string{"contacts.value_sealed", "profiles.attributes_sealed", "profiles.username_sealed"}
		if diff := cmp.Diff(wantCounted, counted); diff != "" {
			t.Errorf("counted: %s", diff)
		}
		if got := d.Stats(ctx).Unreadable["contacts.value_sealed"]; got < 3 {
			t.Errorf("%d reads of the contact are counted, want 3 or more", got)
		}
		if n := strings.Count(log.String(), "contacts.value_sealed"); n != 1 ||
			!strings.Contains(log.String(), broken.ID.String()) {
			t.Errorf("%d lines about the column, want 1 within a minute:\n%s", n, log.String())
		}

		// A change of another field keeps the unreadable ones as they are stored.
		stored := func() store.ProfileRecord {
			t.Helper()
			return value(w.Store.Read(ctx).Profiles(ctx, []uuid.UUID{broken.ID}))(t)[0].ProfileRecord
		}
		before := stored()
		newName := cardinal.ProfileChange{DisplayName: cardinal.Set("Ada New")}
		p := value(k.UpdateProfile(ctx, broken.ID, before.Version, newName))(t)
		if diff := cmp.Diff([]string{"username", "attributes"}, p.Unreadable); diff != "" {
			t.Errorf("after a change of the name: %s", diff)
		}
		after := stored()
		if !bytes.Equal(before.UsernameSealed, after.UsernameSealed) ||
			!bytes.Equal(before.AttributesSealed, after.AttributesSealed) {
			t.Error("a change of the name replaced unreadable values")
		}
		// A change of an unreadable field replaces it, and the old user name is free again.
		newUsername := cardinal.ProfileChange{Username: cardinal.Set("ada.new")}
		p = value(k.UpdateProfile(ctx, broken.ID, after.Version, newUsername))(t)
		if p.Username != "ada.new" || !slices.Equal(p.Unreadable, []string{"attributes"}) {
			t.Errorf("after a change of the user name: %q, unreadable %v", p.Username, p.Unreadable)
		}

		erase(t, w, broken.ID)
	})
}

// erase destroys the personal data of a user.
func erase(t *testing.T, w *world, id uuid.UUID) {
	t.Helper()
	noError(t, w.Store.Write(t.Context(), func(tx store.Tx) error {
		erased, err := tx.EraseUsers(t.Context(), []uuid.UUID{id}, w.Clock.Now())
		if err == nil && len(erased) != 1 {
			t.Errorf("%d users are erased, want 1", len(erased))
		}
		return err
	}))
}

// TestUnreadableUserKey: the wrapped key of one user that was damaged hides the values of this user only.
func TestUnreadableUserKey(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		broken, _ := w.NewPerson(t)
		whole, _ := w.NewPerson(t)
		w.RunJob(t, "search.build")
		execute(t, w, `UPDATE user_keys SET wrapped_key = (SELECT wrapped_key FROM user_keys WHERE user_id = %s)
			WHERE user_id = %s`, literal(w, whole.ID), literal(w, broken.ID))
		page := value(w.Operator().Users(ctx, cardinal.UserFilter{Page: cardinal.Page{Limit: 50}}, true))(t)
		if len(page.Data) != 2 {
			t.Errorf("%d users are listed, want 2", len(page.Data))
		}
		contacts := value(w.Operator().ContactsOf(ctx, []uuid.UUID{broken.ID, whole.ID}))(t)
		if contacts[broken.ID][0].Unreadable == nil || contacts[whole.ID][0].Value == "" {
			t.Errorf("contacts: %+v", contacts)
		}
		value(w.Operator().Audit(ctx, cardinal.AuditFilter{Page: cardinal.Page{Limit: 50}}))(t)
		if w.Unreadable()["user_keys.wrapped_key"] == 0 {
			t.Error("the key is not counted")
		}
		erase(t, w, broken.ID)
	})
}

// TestUnreadableClientOfEvents: an event whose address cannot be decrypted is listed with the others.
func TestUnreadableClientOfEvents(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		_, email := w.NewPerson(t)
		w.SignIn(t, email, goodPassword)
		records := value(w.Store.Read(ctx).Events(ctx, cardinal.AuditFilter{
			Page: cardinal.Page{Limit: 1}, Action: "session.create", Until: w.Clock.Now().Add(time.Hour),
		}))(t)
		event := records.Events[0]
		event.ID, event.AddressSealed = cardinal.NewID(), event.UserAgentSealed
		noError(t, w.Store.Write(ctx, func(tx store.Tx) error { return tx.AppendEvent(ctx, event) }))
		filter := cardinal.AuditFilter{Page: cardinal.Page{Limit: 5}, Action: "session.create"}
		found := value(w.Operator().Audit(ctx, filter))(t).Data
		unreadable := 0
		for _, e := range found {
			if slices.Equal(e.Unreadable, []string{"address"}) && e.Address == "" && e.UserAgent != "" {
				unreadable++
			}
		}
		if len(found) != 2 || unreadable != 1 {
			t.Errorf("%d of %d events have an unreadable address, want 1 of 2", unreadable, len(found))
		}
	})
}
