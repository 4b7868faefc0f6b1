package access

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/normal"
	"cardinal/internal/seal"
	"cardinal/internal/store"
)

const maxAPIKeyLifetime = 2 * 366 * 24 * time.Hour

// decryptAPIKey returns the API key of a record. It reads the data key of the service.
func decryptAPIKey(
	ctx context.Context, d *directory.Directory, r store.Reader, record store.APIKeyRecord,
) (cardinal.APIKey, error) {
	keys, err := d.ReadingKeys(ctx, r, []uuid.UUID{record.UserID})
	return decryptAPIKeyRecord(d, record, keys[record.UserID]), err
}

// decryptAPIKeyRecord returns the API key of a record.
func decryptAPIKeyRecord(d *directory.Directory, record store.APIKeyRecord, key seal.Key) cardinal.APIKey {
	values := d.RowReader(key, "api_keys", record.UserID, record.ID)
	return cardinal.APIKey{
		UserID: record.UserID, ID: record.ID, Name: values.Text("name_sealed", "name", record.NameSealed),
		Hint: record.Hint, RoleIDs: record.RoleIDs, CreatedAt: record.CreatedAt, ExpiresAt: record.ExpiresAt,
		RevokedAt: record.RevokedAt, Unreadable: values.Unreadable,
	}
}

// APIKeys returns a page of API keys: of one service, or of all (uuid.Nil).
func APIKeys(
	ctx context.Context, k directory.Desk, userID uuid.UUID, p cardinal.Page,
) (cardinal.List[cardinal.APIKey], error) {
	r, err := k.Read(ctx, directory.Rule{Permission: "api_keys.read"})
	if err != nil {
		return cardinal.List[cardinal.APIKey]{}, err
	}
	records, err := r.APIKeys(ctx, userID, p)
	if err != nil {
		return cardinal.List[cardinal.APIKey]{}, err
	}
	page := cardinal.PageOf(records, p.Limit)
	out := cardinal.List[cardinal.APIKey]{Data: make([]cardinal.APIKey, len(page.Data)), HasMore: page.HasMore}
	services := make([]uuid.UUID, len(page.Data))
	for i, record := range page.Data {
		services[i] = record.UserID
	}
	keys, err := k.Directory().ReadingKeys(ctx, r, services)
	if err != nil {
		return out, err
	}
	for i, record := range page.Data {
		out.Data[i] = decryptAPIKeyRecord(k.Directory(), record, keys[record.UserID])
	}
	return out, nil
}

// APIKey returns an API key, without the key itself.
func APIKey(ctx context.Context, k directory.Desk, id uuid.UUID) (cardinal.APIKey, error) {
	r, err := k.Read(ctx, directory.Rule{Permission: "api_keys.read"})
	if err != nil {
		return cardinal.APIKey{}, err
	}
	record, err := r.APIKey(ctx, id)
	if err != nil {
		return cardinal.APIKey{}, err
	}
	return decryptAPIKey(ctx, k.Directory(), r, record)
}

// CreateAPIKey creates an API key for a service, with roles that the service has. The key itself is only in the answer
// and is not stored; a repeated request gets the answer without it.
func CreateAPIKey(ctx context.Context, k directory.Desk, in cardinal.NewAPIKey) (cardinal.APIKey, error) {
	r := directory.Rule{Action: "api_key.create", Permission: "api_keys.create", Subject: in.UserID, RecentSignIn: true}
	return directory.Change(ctx, k, r, func(tx *directory.Tx) (cardinal.APIKey, error) {
		var check directory.Input
		name, err := normal.Text(in.Name, 100)
		check.AddError("/name", err)
		expires := in.ExpiresAt.UTC().Truncate(time.Microsecond)
		if !expires.After(tx.Now) || expires.After(tx.Now.Add(maxAPIKeyLifetime)) {
			check.Add("/expires_at", "expiry_range")
		}
		if len(in.RoleIDs) == 0 {
			check.Add("/role_ids", "roles_missing")
		}
		user, err := tx.LockUser(ctx, in.UserID)
		kind, _ := k.Directory().Kind(user.Kind)
		if errors.Is(err, cardinal.ErrNotFound) ||
			err == nil && (!kind.CanHoldAPIKeys || !k.Directory().Status(user.Status).CanSignIn) {
			check.Add("/user_id", "service_unknown")
			return cardinal.APIKey{}, check.Err()
		} else if err != nil {
			return cardinal.APIKey{}, err
		}
		roles := directory.UniqueIDs(in.RoleIDs)
		for i, role := range in.RoleIDs {
			if _, err := tx.Grant(ctx, in.UserID, role); errors.Is(err, cardinal.ErrNotFound) {
				check.Add("/role_ids/"+strconv.Itoa(i), "role_not_granted")
			} else if err != nil {
				return cardinal.APIKey{}, err
			}
		}
		if err := check.Err(); err != nil {
			return cardinal.APIKey{}, err
		}
		// Otherwise the key would give the actor permissions of the service that the actor does not have.
		if err := tx.RequireAllPermissionsOf(ctx, in.UserID); err != nil {
			return cardinal.APIKey{}, err
		}
		if err := requireKeyEnd(ctx, tx, roles, expires); err != nil {
			return cardinal.APIKey{}, err
		}
		key, err := k.Directory().UserKey(ctx, tx.Reader, in.UserID)
		if err != nil {
			return cardinal.APIKey{}, err
		}
		id := cardinal.NewID()
		row, err := k.Directory().BoundRow(ctx, tx.Reader, id)
		if err != nil {
			return cardinal.APIKey{}, err
		}
		token, text := directory.NewToken(directory.APIKeyPrefix, in.UserID, id)
		hashes := k.Directory().Keys().TokenHashes(token)
		record := store.APIKeyRecord{
			UserID: in.UserID, ID: id, TokenHash: hashes.Keyed, OlderTokenHash: hashes.Older,
			Hint: text.Reveal()[len(text)-4:], RoleIDs: roles,
			NameSealed: directory.EncryptText(key, "api_keys", "name_sealed", in.UserID, row, name),
			CreatedAt:  tx.Now, ExpiresAt: expires, SchemaVersion: directory.ValuesVersion(row),
		}
		if err := tx.InsertAPIKey(ctx, record); err != nil {
			return cardinal.APIKey{}, err
		}
		tx.RecordRows(store.DigestAPIKey(record))
		for _, role := range roles {
			tx.RecordRows(store.DigestAPIKeyRole(in.UserID, id, role))
		}
		tx.RecordChange("api_keys.expires_at", nil, expires)
		out, err := decryptAPIKey(ctx, k.Directory(), tx.Reader, record)
		out.Token = text
		return out, err
	})
}

// requireKeyEnd refuses an API key that outlasts the actor's own permissions: the user who creates a key can use it.
func requireKeyEnd(ctx context.Context, tx *directory.Tx, roles []uuid.UUID, expires time.Time) error {
	ends, err := tx.Desk.PermissionEnds(ctx, tx.Reader)
	if err != nil {
		return err
	}
	limit := ends.Limit("api_keys.create")
	for _, id := range roles {
		role, err := tx.Role(ctx, id)
		if err != nil {
			return err
		}
		if limit, err = ends.WithRole(ctx, tx.Reader, limit, role); err != nil {
			return err
		}
	}
	return limit.Require(&expires)
}

// RevokeAPIKey revokes an API key. A key that is revoked already is returned as it is.
func RevokeAPIKey(ctx context.Context, k directory.Desk, id uuid.UUID) (cardinal.APIKey, error) {
	r := directory.Rule{Action: "api_key.revoke", Permission: "api_keys.revoke", RecentSignIn: true}
	return directory.Change(ctx, k, r, func(tx *directory.Tx) (cardinal.APIKey, error) {
		before, err := tx.APIKey(ctx, id)
		if err != nil {
			return cardinal.APIKey{}, err
		}
		tx.SetSubject(before.UserID)
		if err := tx.RequireAllPermissionsOf(ctx, before.UserID); err != nil {
			return cardinal.APIKey{}, err
		}
		after, err := tx.Tx.RevokeAPIKey(ctx, before.UserID, id, tx.Now)
		if errors.Is(err, cardinal.ErrNotFound) {
			return decryptAPIKey(ctx, k.Directory(), tx.Reader, before) // revoked already
		}
		if err != nil {
			return cardinal.APIKey{}, err
		}
		after.RoleIDs = before.RoleIDs
		tx.RecordRows(store.DigestAPIKey(after))
		tx.RecordChange("api_keys.revoked_at", nil, tx.Now)
		return decryptAPIKey(ctx, k.Directory(), tx.Reader, after)
	})
}
