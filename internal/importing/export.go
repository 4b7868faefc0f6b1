package importing

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/seal"
	"cardinal/internal/store"
)

// exportPage is how many people are opened at once.
const exportPage = 200

// Export gives everybody back in the format that imports read, in the order of their ids: but for the erased, of whom nothing is left.
// Password hashes come only with secrets. It is recorded, with whether they did.
func Export(ctx context.Context, k directory.Desk, withSecrets bool, give func(cardinal.ImportRow) error) error {
	if _, err := directory.Change(ctx, k, directory.Rule{Action: "export.start", Permission: "users.export"}, func(tx *directory.Tx) (struct{}, error) {
		tx.ForceEvent = true
		if withSecrets {
			tx.RecordMasked("credentials.hash")
		}
		return struct{}{}, nil
	}); err != nil {
		return err
	}
	reader := k.Directory().Store().Read(ctx)
	for page := (cardinal.Page{Limit: exportPage}); ; {
		walk, err := reader.Users(ctx, cardinal.UserFilter{Page: page})
		if err != nil {
			return err
		}
		users := walk.Users
		more := len(users) > exportPage
		users = users[:min(len(users), exportPage)]
		if len(users) == 0 {
			return nil
		}
		rows, err := exportRows(ctx, k.Directory(), reader, users, withSecrets)
		if err != nil {
			return err
		}
		for _, row := range rows {
			if err := give(row); err != nil {
				return err
			}
		}
		if page.After = users[len(users)-1].ID; !more {
			return nil
		}
	}
}

// exportRows opens a page of people by four statements.
func exportRows(ctx context.Context, d *directory.Directory, r store.Reader, users []cardinal.User, withSecrets bool) ([]cardinal.ImportRow, error) {
	rows, ids, at := make([]cardinal.ImportRow, 0, len(users)), make([]uuid.UUID, 0, len(users)), map[uuid.UUID]int{}
	for _, u := range users {
		if u.ErasedAt != nil {
			continue
		}
		at[u.ID] = len(rows)
		ids = append(ids, u.ID)
		row := cardinal.ImportRow{ID: u.ID, Kind: u.Kind, Status: u.Status, CreatedAt: &u.CreatedAt, DeletedAt: u.DeletedAt, StatusBeforeDeletion: statusBeforeDeletion(u)}
		rows = append(rows, row)
	}
	if len(ids) == 0 {
		return nil, nil
	}
	keys, err := exportProfiles(ctx, d, r, ids, at, rows)
	if err != nil {
		return nil, err
	}
	contacts, err := r.ContactsAmong(ctx, ids)
	if err != nil {
		return nil, err
	}
	for _, record := range contacts {
		c, err := directory.DecryptContact(record, keys[record.UserID])
		if err != nil {
			return nil, err
		}
		row := &rows[at[record.UserID]]
		row.Contacts = append(row.Contacts, cardinal.ImportContact{Kind: c.Kind, Value: c.Value, IsPrimary: c.IsPrimary, VerifiedAt: c.VerifiedAt})
	}
	grants, err := r.GrantsAmong(ctx, ids)
	if err != nil {
		return nil, err
	}
	now := d.Now()
	for _, g := range grants {
		if row := &rows[at[g.UserID]]; g.ExpiresAt == nil || g.ExpiresAt.After(now) {
			row.Roles = append(row.Roles, cardinal.ImportRole{Name: g.RoleName, ExpiresAt: g.ExpiresAt})
		}
	}
	if !withSecrets {
		return rows, nil
	}
	credentials, err := r.CredentialsAmong(ctx, ids)
	for _, c := range credentials {
		row := &rows[at[c.UserID]]
		row.PasswordHash, row.PasswordSetAt, row.MustChangePassword = c.Hash, &c.LastReset, c.MustChange
	}
	return rows, err
}

// exportProfiles opens profiles into rows, and returns the keys that opened them.
func exportProfiles(ctx context.Context, d *directory.Directory, r store.Reader, ids []uuid.UUID, at map[uuid.UUID]int, rows []cardinal.ImportRow) (map[uuid.UUID]seal.Key, error) {
	records, err := r.Profiles(ctx, ids)
	if err != nil {
		return nil, err
	}
	keys := make(map[uuid.UUID]seal.Key, len(records))
	for _, record := range records {
		key, err := d.Keys().Unwrap(record.Key)
		if err != nil {
			return nil, err
		}
		p, err := directory.DecryptProfile(record.ProfileRecord, key)
		if err != nil {
			return nil, fmt.Errorf("open the profile of user %s: %w", record.UserID, err)
		}
		keys[record.UserID] = key
		directory.SetProfileFields(&rows[at[record.UserID]], p)
	}
	return keys, nil
}

func statusBeforeDeletion(u cardinal.User) string {
	if u.StatusBeforeDeletion == nil {
		return ""
	}
	return *u.StatusBeforeDeletion
}
