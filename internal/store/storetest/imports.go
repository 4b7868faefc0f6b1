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
	r := store.ImportRecord{ContentMAC: sealed(32), DetailsSealed: sealed(40), KEKID: uuid.NullUUID{UUID: kek, Valid: true}, WrappedKey: sealed(61)}
	r.ImportRun = cardinal.ImportRun{ID: cardinal.NewID(), ActorID: cardinal.OperatorID, Format: "ndjson", State: "running", CreatedAt: moment, UpdatedAt: moment}
	if change != nil {
		change(&r)
	}
	write(t, s, func(tx store.Tx) error { return tx.InsertImport(t.Context(), r) })
	return r
}

func imports(t *testing.T, s *store.Store) {
	ctx, r := t.Context(), s.Read(t.Context())
	_, err := r.Import(ctx, cardinal.NewID())
	refused(t, "Import of none", cardinal.ErrNotFound, err)
	first := newImport(t, s, nil)
	second := newImport(t, s, func(r *store.ImportRecord) { r.ContentMAC = append(sealed(31), 8) })
	other := newImport(t, s, func(r *store.ImportRecord) { r.ContentMAC = append(sealed(31), 7) })
	same(t, "Import", must(r.Import(ctx, first.ID))(t), first)
	same(t, "Imports", must(r.Imports(ctx, cardinal.Page{Limit: 2, Descending: true}))(t), []store.ImportRecord{other, second, first})
	same(t, "ImportsOf", must(r.ImportsOf(ctx, first.ContentMAC))(t), []store.ImportRecord{first})
	same(t, "InitialStatuses", must(r.InitialStatuses(ctx))(t),
		map[string]string{"create": "active", "sign_up": "pending", "import_suspended": "suspended", "import_deleted": "deleted"})

	later := moment.Add(time.Minute)
	write(t, s, func(tx store.Tx) error {
		now, err := tx.ImportForChange(ctx, other.ID)
		same(t, "ImportForChange", now, other)
		other.Read, other.Created, other.Skipped, other.Faulty, other.UpdatedAt, other.FinishedAt, other.State = 6, 3, 2, 1, later, &later, "finished"
		if err != nil {
			return err
		}
		return tx.UpdateImport(ctx, other, later)
	})
	same(t, "after UpdateImport", must(r.Import(ctx, other.ID))(t), other)
	other.UndoneAt, other.State, other.Undone, other.Kept = &later, "undone", 2, 1
	other.KEKID, other.WrappedKey, other.DetailsSealed = uuid.NullUUID{}, nil, []byte{0}
	write(t, s, func(tx store.Tx) error { return tx.UpdateImport(ctx, other, later) })
	same(t, "after it is undone", must(r.Import(ctx, other.ID))(t), other)
	for constraint, change := range map[string]func(*store.ImportRecord){
		"import_runs_rows_ck":   func(r *store.ImportRecord) { r.Read = 1 },
		"import_runs_undone_ck": func(r *store.ImportRecord) { r.Undone = 1 },
		"import_runs_key_ck":    func(r *store.ImportRecord) { r.WrappedKey = nil },
	} {
		wrong := first
		change(&wrong)
		violated(t, constraint, s.Write(ctx, func(tx store.Tx) error { return tx.UpdateImport(ctx, wrong, later) }))
	}
}

// newPerson is somebody with a row in every table that an import fills.
func newPerson(t *testing.T, s *store.Store, run uuid.UUID, salt string) store.NewPerson {
	t.Helper()
	id, contact, kek := cardinal.NewID(), cardinal.NewID(), must(s.Read(t.Context()).KEKs(t.Context()))(t)[0].ID
	event := cardinal.AuditEvent{ID: cardinal.NewID(), SubjectID: id, ActorID: cardinal.OperatorID, Action: store.ImportAction, Attempts: 1, SchemaVersion: 2, RequestID: &run,
		Changes: map[string]cardinal.ColumnChange{}}
	event.OccurredAt = cardinal.TimeOf(event.ID)
	index := append(sealed(16), id[:]...)
	claim := store.IdentifierRecord{ValueIndex: index, UserID: id, ContactID: &contact, CreatedAt: moment}
	event.ChangedRows = []cardinal.RowStamp{{Table: "contacts", Key: id.String() + "/" + contact.String(), Version: 1, Columns: 1, Digest: []byte{0, 1, 255}},
		{Table: "user_keys", Key: id.String(), Columns: 1, Digest: []byte{1}}, store.StampIdentifier(claim), {Table: "users", Key: "another/key", Version: 12},
		{Table: "identifiers", Key: strings.Repeat("ff", 32), Columns: 1, Digest: []byte{2}}}
	return store.NewPerson{
		User:        cardinal.User{ID: id, Kind: "person", Status: "active", CreatedAt: moment, UpdatedAt: moment, Version: 1, SchemaVersion: 1},
		Key:         store.UserKeyRecord{UserID: id, KEKID: uuid.NullUUID{UUID: kek, Valid: true}, WrappedKey: sealed(61), CreatedAt: moment, WrappedAt: moment},
		Profile:     plainProfile(id),
		Contacts:    []store.ContactRecord{{UserID: id, ID: contact, Kind: "email", ValueSealed: sealed(40), IsPrimary: true, VerifiedAt: ptr(moment), CreatedAt: moment, UpdatedAt: moment, Version: 1, SchemaVersion: 1}},
		Identifiers: []store.IdentifierRecord{claim},
		Credential:  &store.CredentialRecord{UserID: id, Hash: phc(salt), LastReset: moment, CreatedAt: moment, UpdatedAt: moment, Version: 1, SchemaVersion: 1},
		Grants:      []cardinal.Grant{{UserID: id, RoleID: roleNamed(t, s, "auditor"), GrantedBy: cardinal.OperatorID, CreatedAt: moment}},
		Event:       event,
	}
}

func people(t *testing.T, s *store.Store) {
	ctx, r := t.Context(), s.Read(t.Context())
	run := newImport(t, s, nil).ID
	a, b := newPerson(t, s, run, "aW1wb3J0ZWQtb25l"), newPerson(t, s, run, "aW1wb3J0ZWQtdHdv")
	insert := func(list ...store.NewPerson) error {
		return s.Write(ctx, func(tx store.Tx) error { return tx.InsertPeople(ctx, list) })
	}
	if err := insert(a, b); err != nil {
		t.Fatal(err)
	}
	id := a.User.ID
	same(t, "User", must(r.User(ctx, id))(t), a.User)
	same(t, "UserKey", must(r.UserKey(ctx, id))(t), a.Key)
	same(t, "UserKeysAmong", must(r.UserKeysAmong(ctx, []uuid.UUID{cardinal.SystemID, id, id}))(t), []store.UserKeyRecord{a.Key})
	same(t, "Profile", must(r.Profile(ctx, id))(t), a.Profile)
	same(t, "Contacts", must(r.Contacts(ctx, id))(t), a.Contacts)
	same(t, "Identifiers", must(r.Identifiers(ctx, id))(t), a.Identifiers)
	same(t, "Credential", must(r.Credential(ctx, id))(t), *a.Credential)
	same(t, "ImportedPeople", must(r.ImportedPeople(ctx, run, uuid.Nil, 5))(t), []cardinal.AuditEvent{a.Event, b.Event})
	same(t, "ImportedPeople after one", must(r.ImportedPeople(ctx, run, a.Event.ID, 5))(t), []cardinal.AuditEvent{b.Event})
	same(t, "IdentifiersAmong", must(r.IdentifiersAmong(ctx, [][]byte{a.Identifiers[0].ValueIndex, sealed(32)}))(t), a.Identifiers)
	same(t, "UsersAmong", must(r.UsersAmong(ctx, []uuid.UUID{id, cardinal.NewID()}))(t), []uuid.UUID{id})
	same(t, "SaltsAmong", must(r.SaltsAmong(ctx, []string{"aW1wb3J0ZWQtb25l", "none"}))(t), []string{"aW1wb3J0ZWQtb25l"})
	both := []uuid.UUID{a.User.ID, b.User.ID}
	same(t, "ContactsAmong", must(r.ContactsAmong(ctx, both))(t), []store.ContactRecord{a.Contacts[0], b.Contacts[0]})
	same(t, "CredentialsAmong", must(r.CredentialsAmong(ctx, both[:1]))(t), []store.CredentialRecord{*a.Credential})
	granted := a.Grants[0]
	granted.RoleName = "auditor"
	same(t, "GrantsAmong", must(r.GrantsAmong(ctx, both[:1]))(t), []cardinal.Grant{granted})
	same(t, "UsersAmong none", len(must(r.UsersAmong(ctx, nil))(t)), 0)

	c := newPerson(t, s, run, "aW1wb3J0ZWQtdHdv")
	violated(t, "credentials_salt_uq", insert(c))
	c = newPerson(t, s, run, "aW1wb3J0ZWQtMTIz")
	c.Identifiers[0].ValueIndex = a.Identifiers[0].ValueIndex
	violated(t, "identifiers_pk", insert(newPerson(t, s, run, "aW1wb3J0ZWQtNDU2"), c))
	same(t, "nobody of a batch that was refused", len(must(r.UsersAmong(ctx, []uuid.UUID{c.User.ID}))(t)), 0)

	write(t, s, func(tx store.Tx) error {
		_, err := tx.TouchUser(ctx, b.User.ID, 1, moment.Add(time.Second))
		return err
	})
	same(t, "UntouchedAmong", written(t, s, func(tx store.Tx) ([]uuid.UUID, error) { return tx.UntouchedAmong(ctx, []uuid.UUID{id, b.User.ID}) }), []uuid.UUID{id})
	later := moment.Add(time.Hour)
	erased := written(t, s, func(tx store.Tx) ([]store.ErasedPerson, error) { return tx.ErasePeople(ctx, []uuid.UUID{id}, later) })
	if len(erased) != 1 || erased[0].User.Status != "erased" || erased[0].User.Version != 3 || erased[0].Profile.Version != 2 {
		t.Fatalf("ErasePeople: %+v", erased)
	}
	same(t, "the user who was erased", must(r.User(ctx, id))(t), erased[0].User)
	same(t, "the profile that was erased", must(r.Profile(ctx, id))(t), erased[0].Profile)
	for _, err := range []error{second(r.UserKey(ctx, id)), second(r.Credential(ctx, id)), second(r.Identifier(ctx, a.Identifiers[0].ValueIndex)), second(r.Grant(ctx, id, a.Grants[0].RoleID))} {
		refused(t, "what was erased", cardinal.ErrNotFound, err)
	}
	same(t, "contacts of the erased", len(must(r.Contacts(ctx, id))(t)), 0)
	same(t, "erasing none", len(written(t, s, func(tx store.Tx) ([]store.ErasedPerson, error) { return tx.ErasePeople(ctx, nil, later) })), 0)
}

func second[T any](_ T, err error) error { return err }
