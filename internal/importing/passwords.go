package importing

import (
	"context"
	"strings"

	"cardinal/internal/password"
	"cardinal/internal/store"
)

// credential returns the password of the user of a row.
func (rules *rules) credential(row *checkedRow, hash string) *store.CredentialRecord {
	setAt := row.CreatedAt // the earliest possible time, when the file does not say
	if row.PasswordSetAt != nil {
		setAt = row.PasswordSetAt
	}
	return &store.CredentialRecord{
		UserID: row.id, Hash: hash, LastReset: *setAt, MustChange: row.MustChangePassword,
		CreatedAt: *setAt, UpdatedAt: rules.now, Version: 1, SchemaVersion: 1,
	}
}

// hashToStore returns the text in which a hash of a file is stored: the hash itself, or a hash of it when it is too
// weak.
func (rules *rules) hashToStore(ctx context.Context, given *password.ImportedHash) (string, error) {
	if rules.hasher().MustWrap(*given) {
		return rules.desk.WrapHash(ctx, *given)
	}
	return given.PHC(), nil
}

func (rules *rules) hasher() *password.Hasher { return rules.desk.Directory().Hasher() }

// schemesOf returns the schemes of the users' hashes, except those with the parameters of this service.
func (rules *rules) schemesOf(users []store.NewUserRows) map[string]password.SchemeInUse {
	schemes, own := map[string]password.SchemeInUse{}, rules.hasher().Prefix()
	for i := range users {
		if c := users[i].Credential; c != nil && !strings.HasPrefix(c.Hash, own) {
			password.AddInUse(schemes, c.Hash)
		}
	}
	return schemes
}

// findSalts returns the salts of the rows' hashes that a credential in the database has already.
func findSalts(ctx context.Context, r store.Reader, rows []checkedRow) (map[string]bool, error) {
	var salts []string
	for i := range rows {
		if rows[i].hash != nil {
			salts = append(salts, rows[i].hash.Salt())
		}
	}
	existing, err := r.ExistingSalts(ctx, salts)
	used := map[string]bool{}
	for _, salt := range existing {
		used[salt] = true
	}
	return used, err
}

// wrapDuplicateSalts wraps the hashes that have a salt of another credential, in the database or among these users,
// because salts must be unique: the wrapped hash has a new salt. It adds the digest of each credential to the event
// of its user.
func (rules *rules) wrapDuplicateSalts(
	ctx context.Context, usedSalts map[string]bool, rows []checkedRow, users []store.NewUserRows,
) error {
	for i := range users {
		if users[i].Credential == nil {
			continue
		}
		given := rows[i].hash
		if !rules.hasher().MustWrap(*given) {
			if usedSalts[given.Salt()] {
				hash, err := rules.desk.WrapHash(ctx, *given)
				if err != nil {
					return err
				}
				users[i].Credential = rules.credential(&rows[i], hash)
			}
			usedSalts[given.Salt()] = true
		}
		event := &users[i].Event
		event.ChangedRows = append(event.ChangedRows, store.DigestCredential(*users[i].Credential))
	}
	return nil
}
