package importing

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/normal"
	"cardinal/internal/password"
	"cardinal/internal/store"
)

// newUser makes every row of a candidate, sealed under a key of their own, and the event that lists the rows' digests. Whatever else a
// new user has to have joins here.
func (rules *rules) newUser(ctx context.Context, c *checkedRow, event cardinal.AuditEvent) (store.NewPerson, error) {
	k, now := rules.desk, rules.now
	if c.id = c.ID; c.id == uuid.Nil {
		c.id = cardinal.NewID()
	}
	p := store.NewPerson{User: cardinal.User{ID: c.id, Kind: c.Kind, Status: c.Status, CreatedAt: *c.CreatedAt, UpdatedAt: now, DeletedAt: c.DeletedAt, Version: 1, SchemaVersion: 1}}
	if c.DeletedAt != nil {
		p.User.StatusBeforeDeletion = &c.StatusBeforeDeletion
	}
	key, wrapped := k.Directory().Keys().NewUserKey(c.id, now)
	p.Key = wrapped
	var err error
	profile := directory.ProfileOf(&c.ImportRow)
	profile.UserID, profile.CreatedAt, profile.UpdatedAt, profile.Version = c.id, *c.CreatedAt, now, 1
	if p.Profile, err = directory.EncryptProfile(profile, key); err != nil {
		return p, err
	}
	stamp, err := store.StampProfile(p.Profile)
	if err != nil {
		return p, err
	}
	rows := []cardinal.RowStamp{store.StampUser(p.User), stamp, store.StampUserKey(wrapped)}
	claims := c.identifiers // the user name's first, then the contacts'
	if c.Username != "" {
		p.Identifiers = append(p.Identifiers, store.IdentifierRecord{ValueIndex: claims[0].index, UserID: c.id, CreatedAt: now})
		rows = append(rows, store.StampIdentifier(p.Identifiers[0]))
		claims = claims[1:]
	}
	found := directory.SearchableText{Words: directory.SearchWords(&profile), Attributes: c.Attributes}
	changes := map[string]any{"users.status": c.Status, "users.kind": c.Kind}
	for i, contact := range c.contacts {
		at, lapses := c.verified[i], now.Add(rules.settings.UnverifiedLifetime)
		record := store.ContactRecord{UserID: c.id, ID: cardinal.NewID(), Kind: contact.kind, IsPrimary: contact.primary, VerifiedAt: at, CreatedAt: *c.CreatedAt, UpdatedAt: now, Version: 1, SchemaVersion: 1}
		record.ValueSealed = directory.EncryptText(key, "contacts", "value_sealed", c.id, directory.AsTyped(contact.typed, contact.normal, directory.MaxTypedContact))
		if at != nil && at.Before(record.CreatedAt) {
			record.CreatedAt = *at
		}
		claim := store.IdentifierRecord{ValueIndex: claims[i].index, UserID: c.id, ContactID: &record.ID, CreatedAt: now}
		if at == nil {
			claim.ExpiresAt = &lapses
		}
		if contact.kind == normal.KindEmail {
			found.AddEmail(contact.normal)
		}
		p.Contacts, p.Identifiers = append(p.Contacts, record), append(p.Identifiers, claim)
		rows = append(rows, store.StampContact(record), store.StampIdentifier(claim))
		changes["contacts.value_sealed"] = nil
	}
	on, err := k.Directory().SearchEnabled(ctx, k.Directory().Store().Read(ctx))
	if err != nil {
		return p, err
	}
	if on {
		p.Tokens = k.Directory().Keys().SearchTokens(found, rules.searchable)
	}
	if c.hash != nil {
		phc, err := rules.hashToStore(ctx, c.hash)
		if err != nil {
			return p, err
		}
		p.Credential = rules.credential(c, phc)
		changes["credentials.hash"] = nil
	}
	for _, name := range slices.Sorted(maps.Keys(c.roles)) {
		grant := cardinal.Grant{UserID: c.id, RoleID: c.roles[name].id, GrantedBy: k.Actor().UserID, CreatedAt: now, ExpiresAt: c.roles[name].expires}
		p.Grants = append(p.Grants, grant)
		rows = append(rows, store.StampGrant(grant))
		changes["user_roles."+name] = "granted"
	}
	event.ID, event.SubjectID, event.ChangedRows = cardinal.NewID(), c.id, rows
	event.Changes = k.Directory().ColumnChanges(changes)
	p.Event = event
	return p, nil
}

func (rules *rules) credential(c *checkedRow, phc string) *store.CredentialRecord {
	set := c.CreatedAt // since when there can have been a password, where the file does not say
	if c.PasswordSetAt != nil {
		set = c.PasswordSetAt
	}
	return &store.CredentialRecord{UserID: c.id, Hash: phc, LastReset: *set, MustChange: c.MustChangePassword, CreatedAt: *set, UpdatedAt: rules.now, Version: 1, SchemaVersion: 1}
}

// hashToStore is the text in which a given hash is stored: its own, or wrapped where it is too weak for that.
func (rules *rules) hashToStore(ctx context.Context, given *password.Given) (string, error) {
	if phc, fit := given.PHC(); fit {
		return phc, nil
	}
	return rules.wrap(ctx, given)
}

// wrap waits for a turn as long as it takes: an import can, people who sign in go first.
func (rules *rules) wrap(ctx context.Context, given *password.Given) (string, error) {
	for {
		phc, err := rules.desk.Directory().Hasher().Wrap(ctx, *given)
		if !errors.Is(err, password.ErrBusy) {
			return phc, err
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}

// findSalts finds which salts of the given hashes somebody has already.
func findSalts(ctx context.Context, r store.Reader, list []checkedRow) (map[string]bool, error) {
	var salts []string
	for i := range list {
		if list[i].hash != nil {
			salts = append(salts, list[i].hash.Salt())
		}
	}
	there, err := r.SaltsAmong(ctx, salts)
	taken := map[string]bool{}
	for _, salt := range there {
		taken[salt] = true
	}
	return taken, err
}

// wrapDuplicateSalts wraps the hashes whose salt is taken, in the directory or among these people, and adds the digests of all credentials to
// the events.
func (rules *rules) wrapDuplicateSalts(ctx context.Context, taken map[string]bool, list []checkedRow, people []store.NewPerson) error {
	for i := range people {
		if people[i].Credential == nil {
			continue
		}
		given := list[i].hash
		if _, fit := given.PHC(); fit {
			if taken[given.Salt()] {
				phc, err := rules.wrap(ctx, given)
				if err != nil {
					return err
				}
				people[i].Credential = rules.credential(&list[i], phc)
			}
			taken[given.Salt()] = true
		}
		people[i].Event.ChangedRows = append(people[i].Event.ChangedRows, store.StampCredential(*people[i].Credential))
	}
	return nil
}
