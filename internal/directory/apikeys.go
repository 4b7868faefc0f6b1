package directory

import (
	"context"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/normal"
	"cardinal/internal/seal"
	"cardinal/internal/store"
)

const maxKeyLifetime = 2 * 366 * 24 * time.Hour

// openAPIKey opens a stored API key with the key of its service, which it reads.
func (d *Directory) openAPIKey(ctx context.Context, r store.Reader, record store.APIKeyRecord) (cardinal.APIKey, error) {
	key, err := d.userKey(ctx, r, record.UserID)
	if err != nil {
		return cardinal.APIKey{}, err
	}
	return openedAPIKey(record, key)
}

func openedAPIKey(record store.APIKeyRecord, key seal.Key) (cardinal.APIKey, error) {
	name, err := openText(key, "api_keys", "name_sealed", record.UserID, record.NameSealed)
	return cardinal.APIKey{UserID: record.UserID, ID: record.ID, Name: name, Hint: record.Hint, RoleIDs: record.RoleIDs,
		CreatedAt: record.CreatedAt, ExpiresAt: record.ExpiresAt, RevokedAt: record.RevokedAt}, err
}

// APIKeys returns a page of API keys: of one service, or of all (uuid.Nil).
func (k Desk) APIKeys(ctx context.Context, userID uuid.UUID, p cardinal.Page) (cardinal.List[cardinal.APIKey], error) {
	r, err := k.read(ctx, rule{permission: "api_keys.read"})
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
	keys, err := k.d.userKeys(ctx, r, services)
	if err != nil {
		return out, err
	}
	for i, record := range page.Data {
		if out.Data[i], err = openedAPIKey(record, keys[record.UserID]); err != nil {
			return out, err
		}
	}
	return out, nil
}

// APIKey returns an API key, without the key itself.
func (k Desk) APIKey(ctx context.Context, id uuid.UUID) (cardinal.APIKey, error) {
	r, err := k.read(ctx, rule{permission: "api_keys.read"})
	if err != nil {
		return cardinal.APIKey{}, err
	}
	record, err := r.APIKey(ctx, id)
	if err != nil {
		return cardinal.APIKey{}, err
	}
	return k.d.openAPIKey(ctx, r, record)
}

// CreateAPIKey makes an API key for a service, with roles that the service holds. The key itself is in the answer and nowhere
// else; a repeated request gets the answer without it.
func (k Desk) CreateAPIKey(ctx context.Context, in cardinal.NewAPIKey) (cardinal.APIKey, error) {
	r := rule{action: "api_key.create", permission: "api_keys.create", subject: in.UserID}
	return change(ctx, k, r, func(c *changing) (cardinal.APIKey, error) {
		var check input
		name, err := normal.Text(in.Name, 100)
		check.AddError("/name", err)
		ends := in.ExpiresAt.UTC().Truncate(time.Microsecond)
		if !ends.After(c.now) || ends.After(c.now.Add(maxKeyLifetime)) {
			check.Add("/expires_at", "expiry_range")
		}
		if len(in.RoleIDs) == 0 {
			check.Add("/role_ids", "roles_missing")
		}
		user, err := c.UserForChange(ctx, in.UserID)
		if isNotFound(err) || err == nil && (!k.d.kinds[user.Kind].CanHoldAPIKeys || !k.d.statuses[user.Status].CanSignIn) {
			check.Add("/user_id", "service_unknown")
			return cardinal.APIKey{}, check.Err()
		} else if err != nil {
			return cardinal.APIKey{}, err
		}
		roles := uniqueIDs(in.RoleIDs)
		for i, role := range in.RoleIDs {
			if _, err := c.Grant(ctx, in.UserID, role); isNotFound(err) {
				check.Add("/role_ids/"+itoa(i), "role_not_granted")
			} else if err != nil {
				return cardinal.APIKey{}, err
			}
		}
		if err := check.Err(); err != nil {
			return cardinal.APIKey{}, err
		}
		if err := c.mayTouch(ctx, in.UserID); err != nil { // or the key would be a way to what the service may and the maker may not
			return cardinal.APIKey{}, err
		}
		key, err := k.d.userKey(ctx, c.Reader, in.UserID)
		if err != nil {
			return cardinal.APIKey{}, err
		}
		id := cardinal.NewID()
		t, text := newToken(apiKeyPrefix, in.UserID, id)
		record := store.APIKeyRecord{UserID: in.UserID, ID: id, TokenHash: t.hash[:], Hint: text.Reveal()[len(text)-4:], RoleIDs: roles,
			NameSealed: sealText(key, "api_keys", "name_sealed", in.UserID, name), CreatedAt: c.now, ExpiresAt: ends, SchemaVersion: 1}
		if err := c.InsertAPIKey(ctx, record); err != nil {
			return cardinal.APIKey{}, err
		}
		c.wrote(store.StampAPIKey(record))
		for _, role := range roles {
			c.wrote(store.StampAPIKeyRole(in.UserID, id, role))
		}
		c.changed("api_keys.expires_at", nil, ends)
		out, err := k.d.openAPIKey(ctx, c.Reader, record)
		out.Token = text
		return out, err
	})
}

func uniqueIDs(ids []uuid.UUID) []uuid.UUID {
	seen := map[uuid.UUID]bool{}
	var out []uuid.UUID
	for _, id := range ids {
		if !seen[id] {
			seen[id] = true
			out = append(out, id)
		}
	}
	return out
}

// RevokeAPIKey ends an API key.
func (k Desk) RevokeAPIKey(ctx context.Context, id uuid.UUID) (cardinal.APIKey, error) {
	r := rule{action: "api_key.revoke", permission: "api_keys.revoke"}
	return change(ctx, k, r, func(c *changing) (cardinal.APIKey, error) {
		before, err := c.APIKey(ctx, id)
		if err != nil {
			return cardinal.APIKey{}, err
		}
		c.about(before.UserID)
		if err := c.mayTouch(ctx, before.UserID); err != nil {
			return cardinal.APIKey{}, err
		}
		after, err := c.Tx.RevokeAPIKey(ctx, before.UserID, id, c.now)
		if isNotFound(err) {
			return k.d.openAPIKey(ctx, c.Reader, before) // ended already
		}
		if err != nil {
			return cardinal.APIKey{}, err
		}
		after.RoleIDs = before.RoleIDs
		c.wrote(store.StampAPIKey(after))
		c.changed("api_keys.revoked_at", nil, c.now)
		return k.d.openAPIKey(ctx, c.Reader, after)
	})
}
