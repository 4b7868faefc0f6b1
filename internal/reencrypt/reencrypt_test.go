package reencrypt_test

import (
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/access"
	"cardinal/internal/directory/directorytest"
	"cardinal/internal/pgtest"
	"cardinal/internal/signin"
	"cardinal/internal/store"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// value returns the value of a call, or ends the test with the error of the call.
func value[T any](v T, err error) func(testing.TB) T { return directorytest.Value(v, err) }

func execute(t *testing.T, w *directorytest.World, format string, values ...any) {
	t.Helper()
	value(w.SQL(t).Exec(fmt.Sprintf(format, values...)))(t)
}

// TestReencrypt: values that a node wrote before the contraction are bound to their rows afterwards. The content is the
// same, the version of a contact is raised, and one event per user has the new digests.
func TestReencrypt(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *directorytest.World) {
		ctx := t.Context()
		const contraction = `number = %d AND phase = 'contract'`
		execute(t, w, `UPDATE schema_migrations SET number = 90000 + number WHERE `+contraction,
			store.BoundRowMigration)
		older := w.OpenNode(t, directorytest.CheapHash)
		email := directorytest.NewEmail()
		u := value(older.As(cardinal.Operator()).CreateUser(ctx, cardinal.NewUser{
			Email: email, EmailVerified: true, Phone: "+999 1 234567",
			ChosenByUser: true, Password: directorytest.Password,
		}))(t)
		in := cardinal.SignIn{Identifier: email, Password: directorytest.Password}
		session := value(signin.WithPassword(ctx, directorytest.Anonymous(older, "192.0.2.1"), in))(t)
		service := w.NewService(t, "support")
		key := value(access.CreateAPIKey(ctx, older.As(cardinal.Operator()), cardinal.NewAPIKey{
			UserID: service.ID, Name: "billing", RoleIDs: []uuid.UUID{w.Role(t, "support").ID},
			ExpiresAt: w.Clock.Now().Add(time.Hour),
		}))(t)
		broken := value(older.As(cardinal.Operator()).CreateUser(ctx, cardinal.NewUser{
			Email: directorytest.NewEmail(),
		}))(t)
		execute(t, w, `UPDATE contacts SET version = version + 1, value_sealed = (SELECT value_sealed FROM contacts c
			WHERE c.user_id = %[1]s ORDER BY id LIMIT 1) WHERE user_id = %[2]s`, id(w, u.ID), id(w, broken.ID))
		execute(t, w, `UPDATE schema_migrations SET number = number - 90000 WHERE `+contraction,
			90000+store.BoundRowMigration)

		before := contacts(t, w, u.ID)
		if formats := formatsOf(t, w, u.ID, service.ID); !slices.Equal(formats, []byte{1, 1, 1, 1, 1}) {
			t.Fatalf("written before the contraction: formats %v", formats)
		}
		w.ResetEvents(t)
		w.RunJob(t, "values.reencrypt")
		if formats := formatsOf(t, w, u.ID, service.ID); !slices.Equal(formats, []byte{2, 2, 2, 2, 2}) {
			t.Errorf("after the job: formats %v", formats)
		}
		after := contacts(t, w, u.ID)
		for i := range after {
			if after[i].Value != before[i].Value || after[i].Version != before[i].Version+1 ||
				!after[i].UpdatedAt.Equal(before[i].UpdatedAt) {
				t.Errorf("the contact is %+v, was %+v", after[i], before[i])
			}
		}
		found := value(w.Operator().Sessions(ctx, u.ID, cardinal.Page{Limit: 5}))(t).Data
		if len(found) != 1 || found[0].Address != "192.0.2.1" || found[0].Unreadable != nil ||
			!w.SessionActive(t, session) {
			t.Errorf("sessions: %+v", found)
		}
		if got := value(access.APIKey(ctx, w.Operator(), key.ID))(t); got.Name != "billing" {
			t.Errorf("API key: %+v", got)
		}
		rows := map[uuid.UUID]int{}
		for _, e := range w.Events(t) {
			if e.Action != "user.reencrypt" || e.ActorID != cardinal.SystemID {
				t.Errorf("event %s of %s", e.Action, e.ActorID)
			}
			rows[e.SubjectID] += len(e.ChangedRows)
			for _, row := range e.ChangedRows {
				w.ExpectStamp(t, row)
			}
		}
		if rows[u.ID] != 3 || rows[service.ID] != 1 || len(rows) != 2 {
			t.Errorf("digests by user: %v", rows)
		}
		// What cannot be decrypted stays as it is.
		if formats := formatsOf(t, w, broken.ID); !slices.Equal(formats, []byte{1}) {
			t.Errorf("an unreadable value: formats %v", formats)
		}
		w.RunJob(t, "values.reencrypt")
		w.ExpectEvents(t)
	})
}

// TestReencryptedUserIsUnchanged: encrypting a contact again is no change of the user, so that the undo of an
// import still erases the user.
func TestReencryptedUserIsUnchanged(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *directorytest.World) {
		ctx := t.Context()
		u := value(w.Operator().CreateUser(ctx, cardinal.NewUser{Email: directorytest.NewEmail()}))(t)
		unchanged := func() bool {
			t.Helper()
			var found []uuid.UUID
			directorytest.NoError(t, w.Store.Write(ctx, func(tx store.Tx) (err error) {
				found, err = tx.UnchangedUserIDs(ctx, []uuid.UUID{u.ID})
				return err
			}))
			return len(found) == 1
		}
		if !unchanged() {
			t.Fatal("a new user counts as changed")
		}
		record := value(w.Store.Read(ctx).Contacts(ctx, u.ID))(t)[0]
		directorytest.NoError(t, w.Store.Write(ctx, func(tx store.Tx) error {
			_, err := tx.SetContactValue(ctx, record)
			return err
		}))
		if !unchanged() {
			t.Error("a user whose contact was encrypted again counts as changed")
		}
		w.Clock.Add(time.Second)
		value(w.Operator().UpdateContact(ctx, u.ID, record.ID, record.Version+1, cardinal.ContactChange{
			Verified: cardinal.Set(true),
		}))(t)
		if unchanged() {
			t.Error("a user whose contact was verified counts as unchanged")
		}
	})
}

// id returns an id as a literal in SQL.
func id(w *directorytest.World, id uuid.UUID) string {
	if w.Engine == "sqlite" {
		return fmt.Sprintf("x'%x'", id[:])
	}
	return "'" + id.String() + "'"
}

func contacts(t *testing.T, w *directorytest.World, userID uuid.UUID) []cardinal.Contact {
	t.Helper()
	return value(w.Operator().Contacts(t.Context(), userID))(t)
}

// formatsOf returns the first bytes of all encrypted values of users in contacts, sessions and api_keys.
func formatsOf(t *testing.T, w *directorytest.World, users ...uuid.UUID) []byte {
	t.Helper()
	ctx, r := t.Context(), w.Store.Read(t.Context())
	var formats []byte
	for _, user := range users {
		for _, c := range value(r.Contacts(ctx, user))(t) {
			formats = append(formats, c.ValueSealed[0])
		}
		for _, s := range value(r.Sessions(ctx, user, cardinal.Page{Limit: 10}))(t) {
			formats = append(formats, s.AddressSealed[0], s.UserAgentSealed[0])
		}
		for _, k := range value(r.APIKeys(ctx, user, cardinal.Page{Limit: 10}))(t) {
			formats = append(formats, k.NameSealed[0])
		}
	}
	return formats
}
