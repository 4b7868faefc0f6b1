package storetest

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/store"
)

func newImport(t *testing.T, s *store.Store, change func(*store.ImportRecord)) store.ImportRecord {
	t.Helper()
	kek := must(s.Read(t.Context()).KEKs(t.Context()))(t)[0].ID
	r := store.ImportRecord{ContentMAC: ciphertext(32), DetailsSealed: ciphertext(40),
		KEKID: uuid.NullUUID{UUID: kek, Valid: true}, WrappedKey: ciphertext(61)}
	r.ImportRun = cardinal.ImportRun{ID: cardinal.NewID(), ActorID: cardinal.OperatorID, Format: "ndjson",
		State: "running", CreatedAt: baseTime, UpdatedAt: baseTime}
	if change != nil {
		change(&r)
	}
	write(t, s, func(tx store.Tx) error { return tx.InsertImport(t.Context(), r) })
	return r
}

func imports(t *testing.T, s *store.Store) {
	ctx, r := t.Context(), s.Read(t.Context())
	_, err := r.Import(ctx, cardinal.NewID())
	wantError(t, "Import, unknown", cardinal.ErrNotFound, err)
	first := newImport(t, s, nil)
	second := newImport(t, s, func(r *store.ImportRecord) { r.ContentMAC = append(ciphertext(31), 8) })
	other := newImport(t, s, func(r *store.ImportRecord) { r.ContentMAC = append(ciphertext(31), 7) })
	wantEqual(t, "Import", must(r.Import(ctx, first.ID))(t), first)
	wantEqual(t, "Imports", must(r.Imports(ctx, cardinal.Page{Limit: 2, Descending: true}))(t),
		[]store.ImportRecord{other, second, first})
	wantEqual(t, "ImportsByContent", must(r.ImportsByContent(ctx, first.ContentMAC))(t), []store.ImportRecord{first})
	wantEqual(t, "InitialStatuses", must(r.InitialStatuses(ctx))(t),
		map[string]string{"create": "active", "sign_up": "pending", "import_suspended": "suspended",
			"import_deleted": "deleted"})

	later := baseTime.Add(time.Minute)
	write(t, s, func(tx store.Tx) error {
		locked, err := tx.LockImport(ctx, other.ID)
		wantEqual(t, "LockImport", locked, other)
		other.Read, other.Created, other.Skipped, other.Invalid = 6, 3, 2, 1
		other.UpdatedAt, other.FinishedAt, other.State = later, &later, "finished"
		if err != nil {
			return err
		}
		return tx.UpdateImport(ctx, other, later)
	})
	wantEqual(t, "Import after UpdateImport", must(r.Import(ctx, other.ID))(t), other)
	other.UndoneAt, other.State, other.Undone, other.Kept = &later, "undone", 2, 1
	other.KEKID, other.WrappedKey, other.DetailsSealed = uuid.NullUUID{}, nil, []byte{0}
	write(t, s, func(tx store.Tx) error { return tx.UpdateImport(ctx, other, later) })
	wantEqual(t, "Import, undone", must(r.Import(ctx, other.ID))(t), other)
	for constraint, change := range map[string]func(*store.ImportRecord){
		"import_runs_rows_ck":   func(r *store.ImportRecord) { r.Read = 1 },
		"import_runs_undone_ck": func(r *store.ImportRecord) { r.Undone = 1 },
		"import_runs_key_ck":    func(r *store.ImportRecord) { r.WrappedKey = nil },
	} {
		wrong := first
		change(&wrong)
		wantViolation(t, constraint, s.Write(ctx, func(tx store.Tx) error {
			return tx.UpdateImport(ctx, wrong, later)
		}))
	}
}

// newUserRows returns a user with a row in every table that an import fills.
func newUserRows(t *testing.T, s *store.Store, run uuid.UUID, salt string) store.NewUserRows {
	t.Helper()
	id, contact, kek := cardinal.NewID(), cardinal.NewID(), must(s.Read(t.Context()).KEKs(t.Context()))(t)[0].ID
	event := store.EventRecord{SchemaVersion: 2, AuditEvent: cardinal.AuditEvent{ID: cardinal.NewID(), SubjectID: id,
		ActorID: cardinal.OperatorID, Action: store.ImportAction, Attempts: 1, RequestID: &run,
		Changes: map[string]cardinal.ColumnChange{}}}
	event.OccurredAt = cardinal.TimeOf(event.ID)
	index := append(ciphertext(16), id[:]...)
	identifier := store.IdentifierRecord{ValueIndex: index, UserID: id, ContactID: &contact, CreatedAt: baseTime}
	event.ChangedRows = []cardinal.RowDigest{{Table: "contacts", Key: id.String() + "/" + contact.String(), Version: 1,
		Columns: 1, Digest: []byte{0, 1, 255}},
		{Table: "user_keys", Key: id.String(), Columns: 1, Digest: []byte{1}}, store.DigestIdentifier(identifier),
		{Table: "users", Key: "another/key", Version: 12}, {Table: "identifiers", Key: strings.Repeat("ff", 32),
			Columns: 1, Digest: []byte{2}}}
	return store.NewUserRows{
		User: store.UserRecord{SchemaVersion: 1, User: cardinal.User{ID: id, Kind: "person", Status: "active",
			CreatedAt: baseTime, UpdatedAt: baseTime, Version: 1}},
		Key: store.UserKeyRecord{UserID: id, KEKID: uuid.NullUUID{UUID: kek, Valid: true},
			WrappedKey: ciphertext(61), CreatedAt: baseTime, WrappedAt: baseTime},
		Profile: minimalProfile(id),
		Contacts: []store.ContactRecord{{UserID: id, ID: contact, Kind: "email", ValueSealed: ciphertext(40),
			IsPrimary: true, VerifiedAt: ptr(baseTime), CreatedAt: baseTime, UpdatedAt: baseTime, Version: 1,
			SchemaVersion: 1, GivenBy: "import"}},
		Identifiers: []store.IdentifierRecord{identifier},
		Credential: &store.CredentialRecord{UserID: id, Hash: phc(salt), LastReset: baseTime, CreatedAt: baseTime,
			UpdatedAt: baseTime, Version: 1, SchemaVersion: 1},
		Grants: []cardinal.Grant{{UserID: id, RoleID: roleID(t, s, "auditor"), GrantedBy: cardinal.OperatorID,
			CreatedAt: baseTime}},
		Event: event,
	}
}

func bulkUsers(t *testing.T, s *store.Store) {
	ctx, r := t.Context(), s.Read(t.Context())
	run := newImport(t, s, nil).ID
	a, b := newUserRows(t, s, run, "aW1wb3J0ZWQtb25l"), newUserRows(t, s, run, "aW1wb3J0ZWQtdHdv")
	insert := func(list ...store.NewUserRows) error {
		return s.Write(ctx, func(tx store.Tx) error { return tx.InsertUsers(ctx, list) })
	}
	if err := insert(a, b); err != nil {
		t.Fatal(err)
	}
	id := a.User.ID
	wantEqual(t, "User", must(r.User(ctx, id))(t), a.User)
	wantEqual(t, "UserKey", must(r.UserKey(ctx, id))(t), a.Key)
	wantEqual(t, "UserKeys", must(r.UserKeys(ctx, []uuid.UUID{cardinal.SystemID, id, id}))(t),
		[]store.UserKeyRecord{a.Key})
	wantEqual(t, "Profile", must(r.Profile(ctx, id))(t), a.Profile)
	wantEqual(t, "Contacts", must(r.Contacts(ctx, id))(t), a.Contacts)
	wantEqual(t, "Identifiers", must(r.Identifiers(ctx, id))(t), a.Identifiers)
	wantEqual(t, "Credential", must(r.Credential(ctx, id))(t), *a.Credential)
	wantEqual(t, "ImportedUserEvents", must(r.ImportedUserEvents(ctx, run, uuid.Nil, 5))(t),
		[]store.EventRecord{a.Event, b.Event})
	wantEqual(t, "ImportedUserEvents, second page", must(r.ImportedUserEvents(ctx, run, a.Event.ID, 5))(t),
		[]store.EventRecord{b.Event})
	wantEqual(t, "IdentifiersByIndex", must(r.IdentifiersByIndex(ctx, [][]byte{a.Identifiers[0].ValueIndex,
		ciphertext(32)}))(t), a.Identifiers)
	wantEqual(t, "ExistingUserIDs", must(r.ExistingUserIDs(ctx, []uuid.UUID{id, cardinal.NewID()}))(t), []uuid.UUID{id})
	wantEqual(t, "ExistingSalts", must(r.ExistingSalts(ctx, []string{"aW1wb3J0ZWQtb25l", "none"}))(t),
		[]string{"aW1wb3J0ZWQtb25l"})
	both := []uuid.UUID{a.User.ID, b.User.ID}
	wantEqual(t, "ContactsOfUsers", must(r.ContactsOfUsers(ctx, both))(t),
		[]store.ContactRecord{a.Contacts[0], b.Contacts[0]})
	wantEqual(t, "CredentialsOfUsers", must(r.CredentialsOfUsers(ctx, both[:1]))(t),
		[]store.CredentialRecord{*a.Credential})
	granted := a.Grants[0]
	granted.RoleName = "auditor"
	wantEqual(t, "GrantsOfUsers", must(r.GrantsOfUsers(ctx, both[:1]))(t), []cardinal.Grant{granted})
	wantEqual(t, "ExistingUserIDs, empty list", len(must(r.ExistingUserIDs(ctx, nil))(t)), 0)

	c := newUserRows(t, s, run, "aW1wb3J0ZWQtdHdv")
	wantViolation(t, "credentials_salt_uq", insert(c))
	c = newUserRows(t, s, run, "aW1wb3J0ZWQtMTIz")
	c.Identifiers[0].ValueIndex = a.Identifiers[0].ValueIndex
	wantViolation(t, "identifiers_pk", insert(newUserRows(t, s, run, "aW1wb3J0ZWQtNDU2"), c))
	wantEqual(t, "users of a failed batch", len(must(r.ExistingUserIDs(ctx, []uuid.UUID{c.User.ID}))(t)), 0)

	write(t, s, func(tx store.Tx) error {
		_, err := tx.TouchUser(ctx, b.User.ID, 1, baseTime.Add(time.Second))
		return err
	})
	wantEqual(t, "UnchangedUserIDs", inTx(t, s, func(tx store.Tx) ([]uuid.UUID, error) {
		return tx.UnchangedUserIDs(ctx, []uuid.UUID{id, b.User.ID})
	}), []uuid.UUID{id})
	later := baseTime.Add(time.Hour)
	erased := inTx(t, s, func(tx store.Tx) ([]store.ErasedUser, error) {
		return tx.EraseUsers(ctx, []uuid.UUID{id}, later)
	})
	if len(erased) != 1 || erased[0].User.Status != "erased" || erased[0].User.Version != 3 ||
		erased[0].Profile.Version != 2 {
		t.Fatalf("EraseUsers: %+v", erased)
	}
	wantEqual(t, "User, erased", must(r.User(ctx, id))(t), erased[0].User)
	wantEqual(t, "Profile, erased", must(r.Profile(ctx, id))(t), erased[0].Profile)
	for _, err := range []error{errorOf(r.UserKey(ctx, id)), errorOf(r.Credential(ctx, id)),
		errorOf(r.Identifier(ctx, a.Identifiers[0].ValueIndex)), errorOf(r.Grant(ctx, id, a.Grants[0].RoleID))} {
		wantError(t, "erased row", cardinal.ErrNotFound, err)
	}
	wantEqual(t, "Contacts, erased user", len(must(r.Contacts(ctx, id))(t)), 0)
	wantEqual(t, "EraseUsers, empty list", len(inTx(t, s, func(tx store.Tx) ([]store.ErasedUser, error) {
		return tx.EraseUsers(ctx, nil, later)
	})), 0)
}

func errorOf[T any](_ T, err error) error { return err }
