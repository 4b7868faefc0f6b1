package importing

import (
	"context"
	"maps"
	"slices"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/normal"
	"cardinal/internal/seal"
	"cardinal/internal/store"
)

// userBuilder builds all rows of a new user, and the event that lists the digests of the rows.
type userBuilder struct {
	*rules
	row     *checkedRow
	key     seal.Key // of the user
	user    store.NewUserRows
	digests []cardinal.RowDigest
	changes map[string]any // new values by column, for the event
	text    directory.SearchableText
}

// usualDigests is how many rows most users have: user, profile, key, two contacts with their identifiers, user name.
const usualDigests = 8

// newUser returns all rows of the user of a row, encrypted under a key of its own, and the event of its creation. A
// new kind of row that every user needs is added here. The digest of the credential is missing: wrapDuplicateSalts
// adds it, because it can change the hash.
func (rules *rules) newUser(ctx context.Context, row *checkedRow, event store.EventRecord) (store.NewUserRows, error) {
	if row.id = row.ID; row.id == uuid.Nil {
		row.id = cardinal.NewID()
	}
	b := userBuilder{rules: rules, row: row, digests: make([]cardinal.RowDigest, 0, usualDigests)}
	b.addUser()
	if err := b.addProfile(); err != nil {
		return b.user, err
	}
	if err := b.addIdentifiers(ctx); err != nil {
		return b.user, err
	}
	if err := b.addSearchTokens(ctx); err != nil {
		return b.user, err
	}
	if err := b.addCredential(ctx); err != nil {
		return b.user, err
	}
	b.addRoles()
	event.ID, event.SubjectID, event.ChangedRows = cardinal.NewID(), row.id, b.digests
	event.Changes = rules.desk.Directory().ColumnChanges(b.changes)
	b.user.Event = event
	return b.user, nil
}

func (b *userBuilder) addUser() {
	row := b.row
	b.user.User = store.UserRecord{SchemaVersion: 1, User: cardinal.User{
		ID: row.id, Kind: row.Kind, Status: row.Status, CreatedAt: *row.CreatedAt, UpdatedAt: b.now,
		DeletedAt: row.DeletedAt, Version: 1,
	}}
	if row.DeletedAt != nil {
		b.user.User.StatusBeforeDeletion = &row.StatusBeforeDeletion
	}
	b.digests = append(b.digests, store.DigestUser(b.user.User))
	b.changes = map[string]any{"users.status": row.Status, "users.kind": row.Kind}
}

// addProfile adds the key of the user and the profile, which is encrypted under it.
func (b *userBuilder) addProfile() error {
	row := b.row
	b.key, b.user.Key = b.desk.Directory().Keys().NewUserKey(row.id, b.now)
	profile := directory.ProfileOf(&row.ImportRow)
	profile.UserID, profile.CreatedAt, profile.UpdatedAt, profile.Version = row.id, *row.CreatedAt, b.now, 1
	var err error
	if b.user.Profile, err = directory.EncryptProfile(profile, b.key); err != nil {
		return err
	}
	digest, err := store.DigestProfile(b.user.Profile)
	if err != nil {
		return err
	}
	b.digests = append(b.digests, digest, store.DigestUserKey(b.user.Key))
	b.text = directory.SearchableText{Words: directory.SearchWords(&profile), Attributes: row.Attributes}
	return nil
}

// addIdentifiers adds the user name and the contacts, each with its row of identifiers.
func (b *userBuilder) addIdentifiers(ctx context.Context) error {
	if b.row.Username != "" { // its identifier is the first one
		b.addIdentifier(store.IdentifierRecord{ValueIndex: b.row.identifiers[0].index})
	}
	for _, contact := range b.row.contacts {
		if err := b.addContact(ctx, contact); err != nil {
			return err
		}
	}
	return nil
}

func (b *userBuilder) addIdentifier(record store.IdentifierRecord) {
	record.UserID, record.CreatedAt = b.row.id, b.now
	b.user.Identifiers = append(b.user.Identifiers, record)
	b.digests = append(b.digests, store.DigestIdentifier(record))
}

func (b *userBuilder) addContact(ctx context.Context, c contact) error {
	d, id := b.desk.Directory(), b.row.id
	typed := directory.AsTyped(c.typed, c.normal, directory.MaxTypedContact)
	record := store.ContactRecord{
		UserID: id, ID: cardinal.NewID(), Kind: c.kind, IsPrimary: c.primary, VerifiedAt: c.verifiedAt,
		CreatedAt: *b.row.CreatedAt, UpdatedAt: b.now, Version: 1, SchemaVersion: 1, GivenBy: cardinal.GivenByImport,
	}
	row, err := d.BoundRow(ctx, d.Store().Read(ctx), record.ID)
	if err != nil {
		return err
	}
	record.ValueSealed = directory.EncryptText(b.key, "contacts", "value_sealed", id, row, typed)
	if c.isTyped {
		record.GivenBy, record.ValueIndex = cardinal.GivenByUser, c.index
		if !d.AwaitsVerification(b.row.Status) {
			record.CreatedAt = b.now // it did not come with the account
		}
	} else if c.verifiedAt != nil && c.verifiedAt.Before(record.CreatedAt) {
		record.CreatedAt = *c.verifiedAt
	}
	if c.kind == normal.KindEmail {
		b.text.AddEmail(c.normal)
	}
	b.user.Contacts = append(b.user.Contacts, record)
	b.digests = append(b.digests, store.DigestContact(record))
	b.changes["contacts.value_sealed"] = nil
	if !c.isTyped {
		b.addIdentifier(store.IdentifierRecord{ValueIndex: c.index, ContactID: &record.ID})
	}
	return nil
}

func (b *userBuilder) addSearchTokens(ctx context.Context) error {
	d := b.desk.Directory()
	var err error
	b.user.SearchTokens, err = d.SearchTokens(ctx, d.Store().Read(ctx), b.text, b.searchable)
	return err
}

func (b *userBuilder) addCredential(ctx context.Context) error {
	if b.row.hash == nil {
		return nil
	}
	hash, err := b.hashToStore(ctx, b.row.hash)
	if err != nil {
		return err
	}
	b.user.Credential = b.credential(b.row, hash)
	b.changes["credentials.hash"] = nil
	return nil
}

func (b *userBuilder) addRoles() {
	for _, name := range slices.Sorted(maps.Keys(b.row.roles)) {
		role := b.row.roles[name]
		grant := cardinal.Grant{
			UserID: b.row.id, RoleID: role.id, GrantedBy: b.desk.Actor().UserID,
			CreatedAt: b.now, ExpiresAt: role.expires,
		}
		b.user.Grants = append(b.user.Grants, grant)
		b.digests = append(b.digests, store.DigestGrant(grant))
		b.changes["user_roles."+name] = "granted"
	}
}
