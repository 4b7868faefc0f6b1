package importing

import (
	"context"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/seal"
	"cardinal/internal/store"
)

// exportPage is how many users are read and decrypted together.
const exportPage = 200

// Export calls onRow with every user, in the format that imports read and in the order of ids. Erased users are left
// out: they have no data. Password hashes are included only with secrets. One audit event records the export and
// whether it had secrets.
func Export(ctx context.Context, k directory.Desk, withSecrets bool, onRow func(cardinal.ImportRow) error) error {
	if err := recordExport(ctx, k, withSecrets); err != nil {
		return err
	}
	reader := k.Directory().Store().Read(ctx)
	for page := (cardinal.Page{Limit: exportPage}); ; {
		found, err := reader.Users(ctx, store.UserQuery{Page: page})
		if err != nil {
			return err
		}
		users := found.Users
		hasMore := len(users) > exportPage
		users = users[:min(len(users), exportPage)]
		if len(users) == 0 {
			return nil
		}
		rows, err := exportRows(ctx, k.Directory(), reader, users, withSecrets)
		if err != nil {
			return err
		}
		for _, row := range rows {
			if err := onRow(row); err != nil {
				return err
			}
		}
		if page.After = users[len(users)-1].ID; !hasMore {
			return nil
		}
	}
}

// recordExport checks the permission and appends the audit event.
func recordExport(ctx context.Context, k directory.Desk, withSecrets bool) error {
	rule := directory.Rule{Action: "export.start", Permission: "users.export", RecentSignIn: true}
	_, err := directory.Change(ctx, k, rule, func(tx *directory.Tx) (struct{}, error) {
		tx.ForceEvent = true
		if withSecrets {
			tx.RecordMasked("credentials.hash")
		}
		return struct{}{}, nil
	})
	return err
}

// exportPageRows are the rows of one page of users, with the position of each user in them.
type exportPageRows struct {
	ids  []uuid.UUID
	rows []cardinal.ImportRow
	at   map[uuid.UUID]int
}

func (p *exportPageRows) row(userID uuid.UUID) *cardinal.ImportRow { return &p.rows[p.at[userID]] }

// exportRows reads what a page of users has, by one statement per table.
func exportRows(
	ctx context.Context, d *directory.Directory, r store.Reader, users []store.UserRecord, withSecrets bool,
) ([]cardinal.ImportRow, error) {
	page := exportPageRows{at: map[uuid.UUID]int{}}
	for _, u := range users {
		if u.ErasedAt != nil {
			continue
		}
		page.at[u.ID] = len(page.rows)
		page.ids = append(page.ids, u.ID)
		row := cardinal.ImportRow{
			ID: u.ID, Kind: u.Kind, Status: u.Status, CreatedAt: &u.CreatedAt, DeletedAt: u.DeletedAt,
		}
		if u.StatusBeforeDeletion != nil {
			row.StatusBeforeDeletion = *u.StatusBeforeDeletion
		}
		page.rows = append(page.rows, row)
	}
	if len(page.ids) == 0 {
		return nil, nil
	}
	keys, err := page.addProfiles(ctx, d, r)
	if err != nil {
		return nil, err
	}
	if err := page.addContacts(ctx, d, r, keys); err != nil {
		return nil, err
	}
	if err := page.addRoles(ctx, d, r); err != nil {
		return nil, err
	}
	if !withSecrets {
		return page.rows, nil
	}
	return page.rows, page.addCredentials(ctx, r)
}

// addProfiles decrypts the profiles, and returns the keys of the users.
func (p *exportPageRows) addProfiles(
	ctx context.Context, d *directory.Directory, r store.Reader,
) (map[uuid.UUID]seal.Key, error) {
	records, err := r.Profiles(ctx, p.ids)
	if err != nil {
		return nil, err
	}
	keys := make(map[uuid.UUID]seal.Key, len(records))
	for _, record := range records {
		key := d.ReadingKey(record.Key)
		keys[record.UserID] = key
		directory.SetProfileFields(p.row(record.UserID), d.DecryptProfile(record.ProfileRecord, key))
	}
	return keys, nil
}

// addContacts adds the contacts. One that cannot be decrypted is left out: an import would refuse the row.
func (p *exportPageRows) addContacts(
	ctx context.Context, d *directory.Directory, r store.Reader, keys map[uuid.UUID]seal.Key,
) error {
	records, err := r.ContactsOfUsers(ctx, p.ids)
	if err != nil {
		return err
	}
	for _, record := range records {
		c := d.DecryptContact(record, keys[record.UserID])
		if len(c.Unreadable) > 0 {
			continue
		}
		contact := cardinal.ImportContact{
			Kind: c.Kind, Value: c.Value, IsPrimary: c.IsPrimary, VerifiedAt: c.VerifiedAt,
		}
		if record.ValueIndex != nil { // without it, the import would reserve an address that only its user typed
			contact.GivenBy = c.GivenBy
		}
		row := p.row(record.UserID)
		row.Contacts = append(row.Contacts, contact)
	}
	return nil
}

// addRoles adds the roles that have not expired.
func (p *exportPageRows) addRoles(ctx context.Context, d *directory.Directory, r store.Reader) error {
	grants, err := r.GrantsOfUsers(ctx, p.ids)
	if err != nil {
		return err
	}
	now := d.Now()
	for _, g := range grants {
		if row := p.row(g.UserID); g.ExpiresAt == nil || g.ExpiresAt.After(now) {
			row.Roles = append(row.Roles, cardinal.ImportRole{Name: g.RoleName, ExpiresAt: g.ExpiresAt})
		}
	}
	return nil
}

func (p *exportPageRows) addCredentials(ctx context.Context, r store.Reader) error {
	credentials, err := r.CredentialsOfUsers(ctx, p.ids)
	for _, c := range credentials {
		row := p.row(c.UserID)
		row.PasswordHash, row.PasswordSetAt, row.MustChangePassword = c.Hash, &c.LastReset, c.MustChange
	}
	return err
}
