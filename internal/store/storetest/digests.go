package storetest

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/store"
)

// digests inserts one fixed row per table and reads it back. It compares the digest before, the digest after, and a
// golden digest. Do not change a golden digest: existing audit events would no longer match. Give the list of columns a
// new version instead.
func digests(t *testing.T, s *store.Store) {
	ctx, r := t.Context(), s.Read(t.Context())
	later := baseTime.Add(36 * time.Hour)
	user, service := insertUser(t, s, fixedID(100), "person"), insertUser(t, s, fixedID(101), "service")
	role := cardinal.Role{ID: fixedID(102), Name: "golden", Description: "Größe – 日本", IsAssignable: true,
		CreatedAt: baseTime, UpdatedAt: later, Version: 1}
	permission := cardinal.Permission{ID: fixedID(103), Name: "golden.read", Description: "“Golden”",
		CreatedAt: baseTime, UpdatedAt: later, Version: 1}
	attribute := cardinal.AttributeDefinition{ID: fixedID(104), Name: "golden", Description: "x", ValueType: "boolean",
		CreatedAt: baseTime, UpdatedAt: later, Version: 1}
	profile := store.ProfileRecord{UserID: fixedID(105), DisplayNameSealed: ciphertext(31), AvatarURLSealed: []byte{0},
		Country: ptr("FR"), Locale: "fr", TimeZone: "Europe/Paris", Preferences: unusualJSON(), CreatedAt: baseTime,
		UpdatedAt: later, Version: 1, SchemaVersion: 2}
	contact := store.ContactRecord{UserID: user.ID, ID: fixedID(106), Kind: "phone", ValueSealed: ciphertext(33),
		IsPrimary: true, VerifiedAt: &later, CreatedAt: baseTime, UpdatedAt: later, Version: 1, SchemaVersion: 1,
		GivenBy: "import"}
	identifier := store.IdentifierRecord{ValueIndex: bytes.Repeat([]byte{0xab}, 32), UserID: user.ID,
		ContactID: &contact.ID, CreatedAt: baseTime}
	credential := store.CredentialRecord{UserID: user.ID, Hash: phc("Z29sZGVuLXNhbHQ"), LastReset: later,
		MustChange: true, CreatedAt: baseTime, UpdatedAt: later, Version: 1, SchemaVersion: 1}
	session := store.SessionRecord{UserID: user.ID, ID: fixedID(107), TokenHash: keyedToken(0xcd),
		Method: "password", Assurance: 1, CreatedAt: baseTime, LastSeenAt: later, IdleSeconds: 3600,
		ExpiresAt: baseTime.Add(99 * time.Hour), AddressSealed: ciphertext(34), SchemaVersion: 1}
	key := store.UserKeyRecord{UserID: user.ID, KEKID: uuid.NullUUID{UUID: currentKEK(t, s), Valid: true},
		WrappedKey: ciphertext(61), CreatedAt: baseTime, WrappedAt: later}
	apiKey := store.APIKeyRecord{UserID: service.ID, ID: fixedID(108), NameSealed: ciphertext(35),
		TokenHash: keyedToken(0xef), Hint: "wxyz", RoleIDs: []uuid.UUID{role.ID}, CreatedAt: baseTime,
		ExpiresAt: later, SchemaVersion: 1}
	granted := cardinal.Grant{UserID: service.ID, RoleID: role.ID, RoleName: role.Name, GrantedBy: user.ID,
		CreatedAt: baseTime, ExpiresAt: &later}
	before := []cardinal.RowDigest{store.DigestUser(user), store.DigestRole(role), store.DigestPermission(permission),
		store.DigestAttributeDefinition(attribute), must(store.DigestProfile(profile))(t), store.DigestContact(contact),
		store.DigestIdentifier(identifier), store.DigestCredential(credential), store.DigestSession(session),
		store.DigestUserKey(key), store.DigestAPIKey(apiKey), store.DigestGrant(granted)}

	write(t, s, func(tx store.Tx) error {
		must(tx.InsertRole(ctx, role))(t)
		must(tx.InsertPermission(ctx, permission))(t)
		must(tx.AddRolePermission(ctx, role.ID, permission.ID, baseTime))(t)
		must(tx.InsertAttributeDefinition(ctx, attribute))(t)
		must(tx.InsertUser(ctx, profile.UserID, "person", "create", baseTime))(t)
		must(tx.UpsertGrant(ctx, granted))(t)
		for _, insert := range []func() error{
			func() error { return tx.InsertProfile(ctx, profile) },
			func() error { return tx.InsertContact(ctx, contact) },
			func() error { return tx.InsertIdentifier(ctx, identifier) },
			func() error { return tx.InsertCredential(ctx, credential) },
			func() error { return tx.InsertSession(ctx, session) },
			func() error { return tx.InsertUserKey(ctx, key) },
			func() error { return tx.InsertAPIKey(ctx, apiKey) },
		} {
			if err := insert(); err != nil {
				return err
			}
		}
		return nil
	})
	after := []cardinal.RowDigest{store.DigestUser(must(r.User(ctx, user.ID))(t)),
		store.DigestRole(must(r.Role(ctx, role.ID))(t)),
		store.DigestPermission(must(r.Permission(ctx, permission.ID))(t)),
		store.DigestAttributeDefinition(must(r.AttributeDefinition(ctx, attribute.ID))(t)),
		must(store.DigestProfile(must(r.Profile(ctx, profile.UserID))(t)))(t),
		store.DigestContact(must(r.Contact(ctx, user.ID, contact.ID))(t)),
		store.DigestIdentifier(must(r.Identifier(ctx, identifier.ValueIndex))(t)),
		store.DigestCredential(must(r.Credential(ctx, user.ID))(t)),
		store.DigestSession(must(r.Session(ctx, user.ID, session.ID))(t)),
		store.DigestUserKey(must(r.UserKey(ctx, user.ID))(t)), store.DigestAPIKey(must(r.APIKey(ctx, apiKey.ID))(t)),
		store.DigestGrant(must(r.Grant(ctx, service.ID, role.ID))(t))}
	wantEqual(t, "stamps before and after", after, before)

	// Rows that a migration inserted, with values that no other case uses.
	country := inTx(t, s, func(tx store.Tx) (store.CountryRecord, error) {
		return tx.UpdateCountry(ctx, "AQ", 1, 123_456, later)
	})
	setting := inTx(t, s, func(tx store.Tx) (cardinal.Setting, error) {
		return tx.UpdateSetting(ctx, "sign_up.mode", 1, "süß <&>", later)
	})
	after = append(after, store.DigestCountry(country), must(store.DigestSetting(setting))(t),
		store.DigestRolePermission(role.ID, permission.ID, baseTime),
		store.DigestAPIKeyRole(service.ID, apiKey.ID, role.ID))
	for _, stamp := range after {
		wantDigest(t, stamp, goldenDigests[stamp.Table])
		list := 1
		switch stamp.Table {
		case "attribute_definitions": // version 2 added is_searchable
			list = 2
		case "api_keys": // version 2 has no token_hash
			list = 2
		case "sessions": // version 2 added end_reason, version 3 has no token_hash and added confirmed_at
			list = 3
		case "contacts": // version 2 added given_by and value_index
			list = 2
		case "identifiers": // version 2 has no expires_at
			list = 2
		}
		deleted := store.DeletedRow(stamp.Table, uuid.UUID{})
		if deleted.Digest != nil || deleted.Columns != 0 || stamp.Columns != list {
			t.Errorf("%s: version %d of the list of columns; deleted row %+v", stamp.Table, stamp.Columns, deleted)
		}
	}
	if len(after) != len(goldenDigests) {
		t.Errorf("%d tables, %d golden digests", len(after), len(goldenDigests))
	}
	// A column that changes without an event is not part of the digest.
	session.LastSeenAt = later.Add(time.Hour)
	wantDigest(t, store.DigestSession(session), goldenDigests["sessions"])
}

var goldenDigests = map[string]string{
	"api_key_roles":         "36701bcfe957e7a6ffbbaf76651379f9630fa639903ae828b677b04d99071a8d",
	"api_keys":              "8158778b9304ffa3111c6b6a9ac9f767b208c1392a1ed88c6b5a72c949d602f4",
	"attribute_definitions": "b7b61b3bc990d8bcdbfdd8c0c69239cc543b8f7ca92c0a0b1b7fae2c263bc2be",
	"contacts":              "1479a9f3857b796908c61febdf8a2efccfab0beab5c8aa914b3cd8f138d7f2ae",
	"countries":             "27cc01df014e17a5a16f75b8b91cabbe5e50620837047c956fbbce73c61432f2",
	"credentials":           "efd4ccf4ed96a0521325bbc1a43f34a21e03ed5f012c5fce8240c842265a1f24",
	"identifiers":           "f4b56a728d0fdf605a47bf8b64a8469ef25af2c15aa88827c72bfcd04e9fd390",
	"permissions":           "b44c8c89229f9f4cad24b5e6a51e813210aad6c199ff6ea414d1db3bea5922eb",
	"profiles":              "358f08a5f547cb8b019b6ec518c626f159b4e8f88f87045b0b600ce5259e6ecb",
	"role_permissions":      "d7612b0e738b1b5cf08c90e18532171cd8abc2f5d21a3caf1bc086ddddd55469",
	"roles":                 "6e536423f22b68177a04525170a529c68e36c630a9bd15a1b3238398bb809a90",
	"sessions":              "69d44e5fbeb742a6a58a0a9a797b40efef33e057b3cafd9ea14587ec8b3a98c3",
	"settings":              "155330701368d272925973a0b4def08a1676721450128b0cfb17f2acfa815ee1",
	"user_keys":             "2d1072c0c8d4e41540964540bbb9bfd285868ee0ec62a073855ca35645a07995",
	"user_roles":            "3e731e35dfd051c6918dc72bc531d4bde20f7abfa3f96a9a6c1d9b7c7dafada7",
	"users":                 "53ba280710d54c246ea9b1fa5041f22178c3a27863dddc4c8857659d942840f9",
}
