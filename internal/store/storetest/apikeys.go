package storetest

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/store"
)

func apiKeys(t *testing.T, s *store.Store) {
	ctx, r := t.Context(), s.Read(t.Context())
	service := newUser(t, s, "service")
	reader, deleter := newRole(t, s, "key_reader", "users.read"), newRole(t, s, "key_deleter", "users.delete")
	other := newRole(t, s, "key_other")
	grant(t, s, service, reader.ID, nil)
	grant(t, s, service, deleter.ID, nil)
	key := func(roles ...uuid.UUID) store.APIKeyRecord {
		return store.APIKeyRecord{UserID: service, ID: cardinal.NewID(), NameSealed: ciphertext(30),
			TokenHash: keyedToken(0), Hint: "abcd", RoleIDs: append([]uuid.UUID{}, roles...), CreatedAt: baseTime,
			ExpiresAt: baseTime.Add(time.Hour), SchemaVersion: 1}
	}
	insert := func(k store.APIKeyRecord) error {
		return s.Write(ctx, func(tx store.Tx) error { return tx.InsertAPIKey(ctx, k) })
	}
	narrow, wide, bare := key(reader.ID), key(reader.ID, deleter.ID), key()
	for _, k := range []store.APIKeyRecord{narrow, wide, bare} {
		if err := insert(k); err != nil {
			t.Fatal(err)
		}
		wantEqual(t, "APIKey", must(r.APIKey(ctx, k.ID))(t), k)
	}
	wantViolation(t, foreignKey(s, "api_key_roles_user_role_fk"), insert(key(other.ID)))
	for constraint, change := range map[string]func(k *store.APIKeyRecord){
		"api_keys_user_ck": func(k *store.APIKeyRecord) { k.UserID = cardinal.OperatorID },
		"api_keys_name_ck": func(k *store.APIKeyRecord) { k.NameSealed = []byte("the key of the nightly export to X") },
		"api_keys_life_ck": func(k *store.APIKeyRecord) { k.ExpiresAt = k.CreatedAt },
		"api_keys_hint_ck": func(k *store.APIKeyRecord) { k.Hint = "abcde" },
	} {
		k := key()
		change(&k)
		wantViolation(t, constraint, insert(k))
	}
	twin := key()
	twin.UserID, twin.ID = newUser(t, s, "service"), narrow.ID
	wantViolation(t, "api_keys_id_uq", insert(twin))
	for k, want := range map[*store.APIKeyRecord][3]bool{&narrow: {true, false, false}, &wide: {true, true, true},
		&bare: {false, false, false}} {
		c := store.Caller{UserID: service, APIKeyID: uuid.NullUUID{UUID: k.ID, Valid: true}}
		got := [3]bool{must(r.HasPermission(ctx, c, "users.read", baseTime))(t),
			must(r.HasAllPermissionsOfRole(ctx, c, deleter.ID, baseTime))(t),
			must(r.HasAllPermissionsOfUser(ctx, c, service, baseTime))(t)}
		if got != want {
			t.Errorf("key of %d roles: %v", len(k.RoleIDs), got)
		}
		if n := len(callerPermissions(t, s, c, baseTime)); n != len(k.RoleIDs) {
			t.Errorf("key of %d roles: %d permissions", len(k.RoleIDs), n)
		}
	}
	for _, owner := range []uuid.UUID{uuid.Nil, service} {
		all := readPages(t, func(k store.APIKeyRecord) uuid.UUID {
			return k.ID
		}, func(p cardinal.Page) ([]store.APIKeyRecord, error) {
			return r.APIKeys(ctx, owner, p)
		})
		wantEqual(t, "APIKeys", all, []store.APIKeyRecord{narrow, wide, bare})
	}
	wantEqual(t, "APIKeys, other service account", must(r.APIKeys(ctx, cardinal.NewID(), cardinal.Page{Limit: 10}))(t),
		[]store.APIKeyRecord{})
	_, err := r.APIKey(ctx, cardinal.NewID())
	wantError(t, "APIKey, unknown", cardinal.ErrNotFound, err)
	wantEqual(t, "APIKeyIDsWithRole", must(r.APIKeyIDsWithRole(ctx, service, reader.ID))(t),
		[]uuid.UUID{narrow.ID, wide.ID})

	revoke := func(tx store.Tx) (store.APIKeyRecord, error) {
		return tx.RevokeAPIKey(ctx, service, narrow.ID, baseTime)
	}
	narrow.RevokedAt = &baseTime
	wantEqual(t, "RevokeAPIKey", inTx(t, s, revoke), narrow)
	wantError(t, "RevokeAPIKey, already revoked", cardinal.ErrNotFound, txError(t, s, revoke))
	wantEqual(t, "AuthenticateAPIKey", must(r.AuthenticateAPIKey(ctx, service, narrow.ID))(t),
		store.APIKeyAuth{TokenHash: narrow.TokenHash, ExpiresAt: narrow.ExpiresAt, RevokedAt: &baseTime,
			Status: "active", CanHoldAPIKeys: true, CanSignIn: true})
	_, err = r.AuthenticateAPIKey(ctx, cardinal.NewID(), narrow.ID)
	wantError(t, "AuthenticateAPIKey, other user", cardinal.ErrNotFound, err)

	// If the service account loses a role, its API keys lose it too.
	inTx(t, s, func(tx store.Tx) (bool, error) { return tx.DeleteGrant(ctx, service, reader.ID) })
	if left := must(r.APIKey(ctx, wide.ID))(t).RoleIDs; !slices.Equal(left, []uuid.UUID{deleter.ID}) {
		t.Errorf("roles of the key after its service account lost one: %v", left)
	}
}
