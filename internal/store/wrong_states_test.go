package store_test

import (
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/store"
	"cardinal/internal/store/dberror"
)

// dialect replaces words in braces by literals of one engine.
type dialect struct {
	engine string
	words  *strings.Replacer
}

var beginning = time.Date(2026, 3, 14, 9, 26, 53, 0, time.UTC)

// ids of the rows that each test starts with, and of rows that do not exist.
var ids = map[string]uuid.UUID{
	"ada": probe(1), "bob": probe(2), "svc": probe(3), "gone": probe(4), "dead": probe(5),
	"mail": probe(10), "mail2": probe(11), "session": probe(20), "key": probe(21), "reply": probe(22), "kek": probe(23),
	"event": probe(24), "new": probe(90), "new2": probe(91),
	"operator": cardinal.OperatorID, "system": cardinal.SystemID,
	"admin":   uuid.MustParse("00000000-0000-7000-8007-000000000001"),
	"auditor": uuid.MustParse("00000000-0000-7000-8007-000000000005"),
	"v4now":   v4(probe(92)),
	"v4":      uuid.MustParse("0a1b2c3d-4e5f-4a6b-8c7d-8e9f0a1b2c3d"),
}

func probe(n byte) uuid.UUID {
	id := cardinal.IDAt(time.Now())
	id[15] = n
	return id
}

// v4 returns an id of version 4 in the same month.
func v4(id uuid.UUID) uuid.UUID {
	id[6] = 0x40 | id[6]&0x0f
	return id
}

func dialectOf(engine string) dialect {
	blob := func(b []byte) string { return "x'" + hex.EncodeToString(b) + "'" }
	if engine == "postgres" {
		blob = func(b []byte) string { return `'\x` + hex.EncodeToString(b) + `'::bytea` }
	}
	words := []string{}
	for name, id := range ids {
		text := blob(id[:])
		if engine == "postgres" {
			text = "'" + id.String() + "'::uuid"
		}
		words = append(words, "{"+name+"}", text)
	}
	for name, after := range map[string]time.Duration{
		"t": 0, "t-1": -time.Second, "t+1": time.Second,
		"t+day": 24 * time.Hour, "t+2days": 48 * time.Hour, "t+401d": 401 * 24 * time.Hour,
	} {
		at := beginning.Add(after)
		text := fmt.Sprint(at.UnixMicro())
		if engine == "postgres" {
			text = "'" + at.Format(time.RFC3339Nano) + "'::timestamptz"
		}
		words = append(words, "{"+name+"}", text)
	}
	for name, b := range map[string][]byte{
		"sealed": append([]byte{1}, make([]byte, 39)...), "long": append([]byte{1}, make([]byte, 1<<20)...),
		"clear": []byte("clear text that is as long as a ciphertext"), "short": {1, 2, 3},
		"format3": append([]byte{3}, make([]byte, 40)...),
		"32":      make([]byte, 32), "32a": append(make([]byte, 31), 1), "32b": append(make([]byte, 31), 2),
		"token": append([]byte{2}, make([]byte, 32)...), "token2": append([]byte{2, 1}, make([]byte, 31)...),
		"61": make([]byte, 61),
	} {
		words = append(words, "{"+name+"}", blob(b))
	}
	for name, salt := range map[string]string{"phc": "c2FsdC1vZi1hZGE", "phc2": "c2FsdC1vZi1ib2I"} {
		words = append(words, "{"+name+"}",
			"'$argon2id$v=19$m=19456,t=2,p=1$"+salt+"$bm90LWEtcmVhbC1kaWdlc3QtYnV0LWxvbmctZW5vdWdo'")
	}
	return dialect{engine, strings.NewReplacer(words...)}
}

// initialRows insert the rows that each test starts with: ada, the only administrator; bob; a service; a deleted user;
// an erased user.
var initialRows = []string{
	`INSERT INTO users (id, kind, status, created_at, updated_at) VALUES ({ada}, 'person', 'active', {t}, {t}),
	  ({bob}, 'person', 'active', {t}, {t}), ({svc}, 'service', 'active', {t}, {t}),
	  ({gone}, 'person', 'active', {t}, {t}), ({dead}, 'person', 'active', {t}, {t})`,
	`INSERT INTO profiles (user_id, created_at, updated_at) VALUES ({ada}, {t}, {t}), ({bob}, {t}, {t}),
	  ({svc}, {t}, {t}), ({gone}, {t}, {t}), ({dead}, {t}, {t})`,
	`UPDATE users SET status = 'deleted', status_before_deletion = 'active', deleted_at = {t}, version = 2
	  WHERE id IN ({gone}, {dead})`,
	`UPDATE users SET status = 'erased', erased_at = {t}, version = 3 WHERE id = {dead}`,
	`INSERT INTO contacts (user_id, id, kind, value_sealed, is_primary, created_at, updated_at)
	  VALUES ({ada}, {mail}, 'email', {sealed}, TRUE, {t}, {t}),
	  ({ada}, {mail2}, 'email', {sealed}, FALSE, {t}, {t})`,
	`INSERT INTO identifiers (value_index, user_id, contact_id, created_at)
	  VALUES ({32}, {ada}, {mail}, {t}), ({32a}, {ada}, NULL, {t})`,
	`INSERT INTO credentials (user_id, hash, last_reset, created_at, updated_at) VALUES ({ada}, {phc}, {t}, {t}, {t})`,
	`INSERT INTO sessions (user_id, id, token_hash, method, assurance_level, created_at, last_seen_at, idle_seconds,
	  expires_at) VALUES ({ada}, {session}, {token}, 'password', 1, {t}, {t}, 600, {t+day})`,
	`INSERT INTO user_roles (user_id, role_id, granted_by, created_at) VALUES ({ada}, {admin}, {system}, {t}),
	  ({svc}, {auditor}, {system}, {t})`,
	`INSERT INTO api_keys (user_id, id, name_sealed, token_hash, hint, created_at, expires_at)
	  VALUES ({svc}, {key}, {sealed}, {token}, 'abcd', {t}, {t+day})`,
	`INSERT INTO key_encryption_keys (id, location, check_value, created_at) VALUES ({kek}, 'file', {32}, {t})`,
	`INSERT INTO idempotency_keys (id, caller_id, route, key_hash, fingerprint, reply_sealed, created_at, expires_at)
	  VALUES ({reply}, {ada}, 'POST /v1/users', {32}, {32}, {sealed}, {t}, {t+day})`,
	`INSERT INTO audit_logs (subject_id, id, actor_id, action) VALUES ({ada}, {event}, {system}, 'users.create')`,
}

// wrongStates must be refused by the database, independent of the program. SQLite does not name a foreign key: for a
// want that ends in _fk, any foreign key counts there.
var wrongStates = []struct {
	name, sql, want string
	postgres        string // SQL for PostgreSQL, if different
	sqlite          string // likewise for SQLite; "-" if the state does not exist there
}{
	// Status (guide 2, 3, 19).
	{name: "unknown status", want: "users_status_fk",
		sql: `UPDATE users SET status = 'blocked', version = 2 WHERE id = {bob}`},
	{name: "unknown kind", want: "users_kind_fk",
		sql: `INSERT INTO users (id, kind, status, created_at, updated_at)
		  VALUES ({new}, 'robot', 'active', {t}, {t})`},
	{name: "no status", want: "users_status_not_null",
		sql: `UPDATE users SET status = NULL, version = 2 WHERE id = {bob}`},
	{name: "forbidden status transition", want: "users_status_transition",
		sql: `UPDATE users SET status = 'pending', version = 2 WHERE id = {bob}`},
	{name: "forbidden initial status", want: "users_status_t",
		sql: `INSERT INTO users (id, kind, status, created_at, updated_at)
		  VALUES ({new}, 'person', 'erased', {t}, {t})`},
	{name: "erased as initial status", want: "users_status_transition",
		sql: `INSERT INTO users (id, kind, status, status_before_deletion, created_at, updated_at, deleted_at,
		  erased_at) VALUES ({new}, 'person', 'erased', 'active', {t}, {t}, {t}, {t})`},
	{name: "deleted status without deleted_at", want: "users_status_times",
		sql: `UPDATE users SET status = 'deleted', version = 2 WHERE id = {bob}`},
	{name: "deleted_at without a deleted status", want: "users_status_times",
		sql: `UPDATE users SET deleted_at = {t}, status_before_deletion = 'active', version = 2 WHERE id = {bob}`},
	{name: "deleted without the status before", want: "users_deleted_ck",
		sql: `UPDATE users SET status = 'deleted', deleted_at = {t}, version = 2 WHERE id = {bob}`},
	{name: "erased status without erased_at", want: "users_status_times",
		sql: `UPDATE users SET status = 'erased', version = 3 WHERE id = {gone}`},
	{name: "erased_at without the erased status", want: "users_status_times",
		sql: `UPDATE users SET erased_at = {t}, version = 3 WHERE id = {gone}`},
	{name: "erased without being deleted", want: "users_status_transition",
		sql: `UPDATE users SET status = 'erased', erased_at = {t}, deleted_at = {t},
		  status_before_deletion = 'active', version = 2 WHERE id = {bob}`},
	{name: "erased before it was deleted", want: "users_erased_at_ck",
		sql: `UPDATE users SET status = 'erased', erased_at = {t-1}, version = 3 WHERE id = {gone}`},
	{name: "erased user restored", want: "users_erased_final",
		sql: `UPDATE users SET status = 'deleted', erased_at = NULL, version = 4 WHERE id = {dead}`},
	{name: "erased user changed", sql: `UPDATE users SET version = 4 WHERE id = {dead}`, want: "users_erased_final"},
	{name: "deleted before it was created", want: "users_deleted_at_ck",
		sql: `UPDATE users SET status = 'deleted', deleted_at = {t-1}, status_before_deletion = 'active',
		  version = 2 WHERE id = {bob}`},
	{name: "kind changed", want: "users_kind_fixed",
		sql: `UPDATE users SET kind = 'service', version = 2 WHERE id = {bob}`},
	{name: "id changed", sql: `UPDATE users SET id = {new}, version = 2 WHERE id = {bob}`, want: "users_kind_fixed"},
	{name: "user deleted", sql: `DELETE FROM users WHERE id = {bob}`, want: "users_no_delete"},
	{name: "users truncated", postgres: `TRUNCATE users CASCADE`, sqlite: "-", want: "users_no_delete"},
	{name: "transition to the same status", want: "user_status_transitions_differ_ck",
		sql: `UPDATE user_status_transitions SET from_status = 'active', to_status = 'active'
		  WHERE action = 'reactivate'`},
	{name: "a deleted status that signs in", want: "user_statuses_deleted_ck",
		sql: `UPDATE user_statuses SET can_sign_in = TRUE WHERE code = 'deleted'`},
	{name: "an erased status that is not deleted", want: "user_statuses_erased_ck",
		sql: `UPDATE user_statuses SET is_deleted = FALSE WHERE code = 'erased'`},

	// Versions and times (guide 4, 27, 29).
	{name: "version skipped", sql: `UPDATE users SET version = 3 WHERE id = {bob}`, want: "users_version_step"},
	{name: "version repeated", sql: `UPDATE users SET updated_at = {t+1} WHERE id = {bob}`, want: "users_version_step"},
	{name: "version of a profile repeated", want: "profiles_version_step",
		sql: `UPDATE profiles SET locale = 'de' WHERE user_id = {bob}`},
	{name: "version of a contact repeated", want: "contacts_version_step",
		sql: `UPDATE contacts SET verified_at = {t} WHERE id = {mail}`},
	{name: "version of a credential repeated", want: "credentials_version_step",
		sql: `UPDATE credentials SET must_change = TRUE WHERE user_id = {ada}`},
	{name: "version of a role repeated", want: "roles_version_step",
		sql: `UPDATE roles SET description = 'x' WHERE id = {auditor}`},
	{name: "version of a permission repeated", want: "permissions_version_step",
		sql: `UPDATE permissions SET description = 'x' WHERE name = 'users.read'`},
	{name: "version of a country repeated", want: "countries_version_step",
		sql: `UPDATE countries SET tax_rate_ppm = 1 WHERE code = 'DE'`},
	{name: "version of a setting repeated", want: "settings_version_step",
		sql: `UPDATE settings SET value = '1' WHERE name = 'passwords.min_length'`},
	{name: "created_at changed", want: "users_created_fixed",
		sql: `UPDATE users SET created_at = {t-1}, version = 2 WHERE id = {bob}`},
	{name: "created_at of a contact changed", want: "contacts_created_fixed",
		sql: `UPDATE contacts SET created_at = {t-1}, version = 2 WHERE id = {mail}`},
	{name: "updated before created", want: "users_updated_ck",
		sql: `UPDATE users SET updated_at = {t-1}, version = 2 WHERE id = {bob}`},
	{name: "a contact updated before created", want: "contacts_updated_ck",
		sql: `UPDATE contacts SET updated_at = {t-1}, version = 2 WHERE id = {mail}`},
	{name: "time as text", postgres: "-", want: "", // the error of STRICT names no constraint
		sqlite: `UPDATE users SET updated_at = '2026-03-14T09:26:53Z', version = 2 WHERE id = {bob}`},
	{name: "a time in the year 10000", want: "users_updated_at_form",
		postgres: "-",
		sqlite:   `UPDATE users SET updated_at = 253402300800000000, version = 2 WHERE id = {bob}`},

	// Ids (guide 1).
	{name: "an id that is not v7", want: "users_id_ck",
		sql: `INSERT INTO users (id, kind, status, created_at, updated_at)
		  VALUES ({v4}, 'person', 'active', {t}, {t})`},
	{name: "a contact's id that is not v7", want: "contacts_id_ck",
		sql: `UPDATE contacts SET id = {v4}, version = 2 WHERE id = {mail2}`},
	{name: "an event's id that is not v7", want: "audit_logs_id_ck",
		sql: `INSERT INTO audit_logs (subject_id, id, actor_id, action)
		  VALUES ({ada}, {v4now}, {ada}, 'users.create')`},
	{name: "an id of 15 bytes", want: "users_id_form",
		postgres: "-",
		sqlite: `INSERT INTO users (id, kind, status, created_at, updated_at)
		  VALUES (x'0196f0c400007000800000000000ff', 'person', 'active', {t}, {t})`},

	// One profile a user (guide 5), preferences (7).
	{name: "second profile of a user", want: "profiles_pk",
		sql: `INSERT INTO profiles (user_id, created_at, updated_at) VALUES ({bob}, {t}, {t})`},
	{name: "a user without a profile", want: "users_profile_fk",
		sql: `INSERT INTO users (id, kind, status, created_at, updated_at)
		  VALUES ({new}, 'person', 'active', {t}, {t})`},
	{name: "a profile without a user", want: "profiles_user_fk",
		sql: `INSERT INTO profiles (user_id, created_at, updated_at) VALUES ({new}, {t}, {t})`},
	{name: "profile deleted", sql: `DELETE FROM profiles WHERE user_id = {bob}`, want: "profiles_no_delete"},
	{name: "profiles truncated", postgres: `TRUNCATE profiles CASCADE`, sqlite: "-", want: "profiles_no_delete"},
	{name: "preferences that are a list", want: "profiles_preferences_ck",
		sql: `UPDATE profiles SET preferences = '[]', version = 2 WHERE user_id = {bob}`},
	{name: "preferences too large", want: "profiles_preferences_ck",
		postgres: `UPDATE profiles SET preferences = jsonb_build_object('x', repeat('x', 16384)), version = 2
		  WHERE user_id = {bob}`,
		sqlite: `UPDATE profiles SET preferences = json_object('x', hex(zeroblob(8192))), version = 2
		  WHERE user_id = {bob}`},
	{name: "preferences that are not JSON", want: "profiles_preferences_",
		postgres: "-",
		sqlite:   `UPDATE profiles SET preferences = '{', version = 2 WHERE user_id = {bob}`},
	{name: "unknown country", want: "profiles_country_fk",
		sql: `UPDATE profiles SET country_code = 'XX', version = 2 WHERE user_id = {bob}`},
	{name: "tax rate above 100 %", want: "countries_tax_rate_ck",
		sql: `UPDATE countries SET tax_rate_ppm = 1000001, version = 2 WHERE code = 'DE'`},
	{name: "tax rate below 0", want: "countries_tax_rate_ck",
		sql: `UPDATE countries SET tax_rate_ppm = -1, version = 2 WHERE code = 'DE'`},
	{name: "two countries with the same code", want: "countries_code_uq",
		sql: `UPDATE countries SET code = 'FR', version = 2 WHERE code = 'DE'`},

	// Passwords (guide 8 to 10).
	{name: "clear-text password", want: "credentials_",
		sql: `UPDATE credentials SET hash = 'correct horse battery staple', version = 2 WHERE user_id = {ada}`},
	{name: "bare MD5", want: "credentials_",
		sql: `UPDATE credentials SET hash = '5f4dcc3b5aa765d61d8327deb882cf99', version = 2 WHERE user_id = {ada}`},
	{name: "bare SHA-256", want: "credentials_",
		sql: `UPDATE credentials SET hash = '5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8',
		  version = 2 WHERE user_id = {ada}`},
	{name: "MD5 crypt", want: "credentials_hash_ck",
		sql: `UPDATE credentials SET hash = '$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/qjXMvbEw8oaL.CzflDtaK/', version = 2
		  WHERE user_id = {ada}`},
	{name: "Argon2 before version 19", want: "credentials_",
		sql: `UPDATE credentials SET hash =
		  '$argon2i$v=16$m=19456,t=2,p=1$c2FsdC1vZi1hZGE$bm90LWEtcmVhbC1kaWdlc3QtYnV0LWxvbmctZW5vdWdo',
		  version = 2 WHERE user_id = {ada}`},
	{name: "clear text in the form of Argon2id", want: "credentials_hash_ck",
		sql: `UPDATE credentials SET hash =
		  '$argon2id$v=19$m=19456,t=2,p=1$c2FsdC1vZi1hZGE$correct horse battery staple, it is',
		  version = 2 WHERE user_id = {ada}`},
	{name: "clear text in the form of bcrypt", want: "credentials_hash_ck",
		sql: `UPDATE credentials SET hash = '$2b$12$abcdefghijklmnopqrstuvcorrect horse battery staple!!',
		  version = 2 WHERE user_id = {ada}`},
	{name: "clear text as a parameter", want: "credentials_hash_ck",
		sql: `UPDATE credentials SET hash =
		  '$argon2id$v=19$m=1swordfish,t=2,p=1$c2FsdC1vZi1hZGE$bm90LWEtcmVhbC1kaWdlc3QtYnV0LWxvbmctZW5vdWdo',
		  version = 2 WHERE user_id = {ada}`},
	{name: "MD5 crypt of the right length", want: "credentials_",
		sql: `UPDATE credentials SET hash = '$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/', version = 2 WHERE user_id = {ada}`},
	{name: "a salted digest", want: "credentials_hash_ck",
		sql: `UPDATE credentials SET hash = '$salted-sha1$suffix$c2FsdHNhbHQ$yrht1iYXEIkejLVu42JWkadd80Q',
		  version = 2 WHERE user_id = {ada}`},
	{name: "clear text wrapped", want: "credentials_hash_ck",
		sql: `UPDATE credentials SET hash =
		  '$argon2id-over$v=19$m=1swordfish,t=2,p=1$c2FsdC1vZi1hZGFzYWx0LQ$` +
			`bm90LWEtcmVhbC1kaWdlc3QtYnV0LWxvbmctZW5vdWdo$1$saltsalt$22',
		  version = 2 WHERE user_id = {ada}`},
	{name: "SHA-crypt with too short a salt", want: "credentials_",
		sql: `UPDATE credentials SET hash = '$5$rounds=5000$saltsalt$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5',
		  version = 2 WHERE user_id = {ada}`},
	{name: "a hash without a salt", want: "credentials_",
		sql: `UPDATE credentials SET hash =
		  '$argon2id$v=19$m=19456,t=2,p=1$$bm90LWEtcmVhbC1kaWdlc3QtYnV0LWxvbmctZW5vdWdo',
		  version = 2 WHERE user_id = {ada}`},
	{name: "duplicate salt", want: "credentials_salt_uq",
		sql: `INSERT INTO credentials (user_id, hash, last_reset, created_at, updated_at)
		  VALUES ({bob}, {phc}, {t}, {t}, {t})`},
	{name: "second password of a user", want: "credentials_pk",
		sql: `INSERT INTO credentials (user_id, hash, last_reset, created_at, updated_at)
		  VALUES ({ada}, {phc2}, {t}, {t}, {t})`},
	{name: "credential without last_reset", want: "credentials_last_reset_not_null",
		sql: `UPDATE credentials SET last_reset = NULL, version = 2 WHERE user_id = {ada}`},
	{name: "last_reset before created_at", want: "credentials_last_reset_ck",
		sql: `UPDATE credentials SET last_reset = {t-1}, version = 2 WHERE user_id = {ada}`},

	// Contacts and claims (guide 15, 26).
	{name: "second primary email address", want: "contacts_one_primary_uq",
		sql: `UPDATE contacts SET is_primary = TRUE, version = 2 WHERE id = {mail2}`},
	{name: "unknown kind of contact", want: "contacts_kind_fk",
		sql: `UPDATE contacts SET kind = 'fax', version = 2 WHERE id = {mail2}`},
	{name: "identifier of two users", want: "identifiers_pk",
		sql: `INSERT INTO identifiers (value_index, user_id, created_at) VALUES ({32}, {bob}, {t})`},
	{name: "second user name of a user", want: "identifiers_one_username_uq",
		sql: `INSERT INTO identifiers (value_index, user_id, created_at) VALUES ({32b}, {ada}, {t})`},
	{name: "two identifiers of one contact", want: "identifiers_contact_uq",
		sql: `INSERT INTO identifiers (value_index, user_id, contact_id, created_at)
		  VALUES ({32b}, {ada}, {mail}, {t})`},
	{name: "identifier with a contact of another user", want: "identifiers_contact_fk",
		sql: `INSERT INTO identifiers (value_index, user_id, contact_id, created_at)
		  VALUES ({32b}, {bob}, {mail2}, {t})`},
	{name: "identifier moved to another user", want: "identifiers_claim_fixed",
		sql: `UPDATE identifiers SET user_id = {bob}, contact_id = NULL WHERE value_index = {32}`},
	{name: "identifier with another index", want: "identifiers_claim_fixed",
		sql: `UPDATE identifiers SET value_index = {32b} WHERE value_index = {32}`},
	{name: "identifier in clear text", want: "identifiers_value_index_ck",
		sql: `INSERT INTO identifiers (value_index, user_id, created_at) VALUES ({clear}, {bob}, {t})`},
	{name: "a contact from an unknown origin", want: "contacts_given_by_ck",
		sql: `UPDATE contacts SET given_by = 'other', version = 2 WHERE id = {mail2}`},
	{name: "a verified contact that is not unique", want: "contacts_value_index_ck",
		sql: `UPDATE contacts SET value_index = {32b}, verified_at = {t}, version = 2 WHERE id = {mail2}`},
	{name: "a contact of an administrator that is not unique", want: "contacts_value_index_ck",
		sql: `UPDATE contacts SET value_index = {32b}, given_by = 'administrator', version = 2 WHERE id = {mail2}`},
	{name: "an unverified contact in clear text", want: "contacts_value_index_ck",
		sql: `UPDATE contacts SET value_index = {clear}, version = 2 WHERE id = {mail2}`},
	{name: "a reserved user name that is not in its normal form", want: "reserved_usernames_name_ck",
		sql: `INSERT INTO reserved_usernames (id, name) VALUES ({mail2}, 'Root')`},
	{name: "a reserved user name twice", want: "reserved_usernames_name_uq",
		sql: `INSERT INTO reserved_usernames (id, name) VALUES ({mail2}, 'root')`},
	{name: "contact of an identifier deleted", want: "identifiers_contact_fk",
		sql: `DELETE FROM contacts WHERE id = {mail}`},

	// Sealed columns (guide 18).
	{name: "display name in clear text", want: "profiles_display_name_ck",
		sql: `UPDATE profiles SET display_name_sealed = {clear}, version = 2 WHERE user_id = {bob}`},
	{name: "user name in clear text", want: "profiles_username_ck",
		sql: `UPDATE profiles SET username_sealed = {clear}, version = 2 WHERE user_id = {bob}`},
	{name: "avatar URL in clear text", want: "profiles_avatar_url_ck",
		sql: `UPDATE profiles SET avatar_url_sealed = {clear}, version = 2 WHERE user_id = {bob}`},
	{name: "avatar as an image", want: "profiles_avatar_url_ck",
		sql: `UPDATE profiles SET avatar_url_sealed = {long}, version = 2 WHERE user_id = {bob}`},
	{name: "attributes in clear text", want: "profiles_attributes_ck",
		sql: `UPDATE profiles SET attributes_sealed = {clear}, version = 2 WHERE user_id = {bob}`},
	{name: "contact in clear text", want: "contacts_value_ck",
		sql: `UPDATE contacts SET value_sealed = {clear}, version = 2 WHERE id = {mail2}`},
	{name: "contact too short for ciphertext", want: "contacts_value_ck",
		sql: `UPDATE contacts SET value_sealed = {short}, version = 2 WHERE id = {mail2}`},
	{name: "contact in an unknown format", want: "contacts_value_ck",
		sql: `UPDATE contacts SET value_sealed = {format3}, version = 2 WHERE id = {mail2}`},
	{name: "address of a session in clear text", want: "sessions_address_ck",
		sql: `UPDATE sessions SET address_sealed = {clear} WHERE id = {session}`},
	{name: "user agent of a session in clear text", want: "sessions_user_agent_ck",
		sql: `UPDATE sessions SET user_agent_sealed = {clear} WHERE id = {session}`},
	{name: "name of an API key in clear text", want: "api_keys_name_ck",
		sql: `UPDATE api_keys SET name_sealed = {clear} WHERE id = {key}`},
	{name: "address of an event in clear text", want: "audit_logs_address_ck",
		sql: `INSERT INTO audit_logs (subject_id, id, actor_id, action, address_sealed)
		  VALUES ({ada}, {new}, {ada}, 'users.create', {clear})`},
	{name: "user agent of an event in clear text", want: "audit_logs_user_agent_ck",
		sql: `INSERT INTO audit_logs (subject_id, id, actor_id, action, user_agent_sealed)
		  VALUES ({ada}, {new}, {ada}, 'users.create', {clear})`},
	{name: "reply in clear text", want: "idempotency_keys_reply_ck",
		sql: `UPDATE idempotency_keys SET reply_sealed = {clear} WHERE id = {reply}`},
	{name: "data key that is not wrapped", want: "user_keys_wrapped_key_ck",
		sql: `INSERT INTO user_keys (user_id, kek_id, wrapped_key, created_at, wrapped_at)
		  VALUES ({bob}, {kek}, {32}, {t}, {t})`},
	{name: "service key that is not wrapped", want: "service_keys_wrapped_key_ck",
		sql: `INSERT INTO service_keys (id, name, kek_id, wrapped_key, created_at, wrapped_at)
		  VALUES ({new}, 'cursor', {kek}, {32}, {t}, {t})`},

	// Built-in actors (settled 1).
	{name: "contact of the system user", want: "contacts_user_ck",
		sql: `INSERT INTO contacts (user_id, id, kind, value_sealed, created_at, updated_at)
		  VALUES ({system}, {new}, 'email', {sealed}, {t}, {t})`},
	{name: "credential of the operator", want: "credentials_user_ck",
		sql: `INSERT INTO credentials (user_id, hash, last_reset, created_at, updated_at)
		  VALUES ({operator}, {phc2}, {t}, {t}, {t})`},
	{name: "session of the operator", want: "sessions_user_ck",
		sql: `INSERT INTO sessions (user_id, id, token_hash, method, assurance_level, created_at, last_seen_at,
		  idle_seconds, expires_at) VALUES ({operator}, {new}, {token}, 'password', 1, {t}, {t}, 600, {t+day})`},
	{name: "data key of the system user", want: "user_keys_user_ck",
		sql: `INSERT INTO user_keys (user_id, kek_id, wrapped_key, created_at, wrapped_at)
		  VALUES ({system}, {kek}, {61}, {t}, {t})`},
	{name: "API key of the system user", want: "api_keys_user_ck",
		sql: `INSERT INTO api_keys (user_id, id, name_sealed, token_hash, hint, created_at, expires_at)
		  VALUES ({system}, {new}, {sealed}, {token}, 'abcd', {t}, {t+day})`},
	{name: "identifier of the system user", want: "identifiers_user_ck",
		sql: `INSERT INTO identifiers (value_index, user_id, created_at) VALUES ({32b}, {system}, {t})`},
	{name: "system user suspended", want: "users_built_in_fixed",
		sql: `UPDATE users SET status = 'suspended', version = 2 WHERE id = {system}`},
	{name: "operator deleted", sql: `DELETE FROM users WHERE id = {operator}`, want: "users_no_delete"},

	// Roles (guide 12, 14; settled 3).
	{name: "role without a description", want: "roles_description_not_null",
		sql: `INSERT INTO roles (id, name, description, created_at, updated_at)
		  VALUES ({new}, 'mute', NULL, {t}, {t})`},
	{name: "role with an empty description", want: "roles_description_ck",
		sql: `INSERT INTO roles (id, name, description, created_at, updated_at)
		  VALUES ({new}, 'mute', '', {t}, {t})`},
	{name: "two roles with the same name", want: "roles_name_uq",
		sql: `INSERT INTO roles (id, name, description, created_at, updated_at)
		  VALUES ({new}, 'auditor', 'x', {t}, {t})`},
	{name: "two permissions with the same name", want: "permissions_name_uq",
		sql: `INSERT INTO permissions (id, name, description, created_at, updated_at)
		  VALUES ({new}, 'users.read', 'x', {t}, {t})`},
	{name: "custom role with all permissions", want: "roles_holds_all_ck",
		sql: `INSERT INTO roles (id, name, description, holds_all, created_at, updated_at)
		  VALUES ({new}, 'root', 'x', TRUE, {t}, {t})`},
	{name: "built-in role deleted", sql: `DELETE FROM roles WHERE id = {auditor}`, want: "roles_built_in_kept"},
	{name: "built-in role renamed", want: "roles_built_in_fixed",
		sql: `UPDATE roles SET name = 'inspector', version = 2 WHERE id = {auditor}`},
	{name: "built-in role marked as custom", want: "roles_built_in_fixed",
		sql: `UPDATE roles SET is_system = FALSE, version = 2 WHERE id = {auditor}`},
	{name: "built-in permission deleted", want: "permissions_built_in_kept",
		sql: `DELETE FROM permissions WHERE name = 'users.read'`},
	{name: "built-in permission renamed", want: "permissions_built_in_fixed",
		sql: `UPDATE permissions SET name = 'users.see', version = 2 WHERE name = 'users.read'`},
	{name: "duplicate grant", want: "user_roles_pk",
		sql: `INSERT INTO user_roles (user_id, role_id, granted_by, created_at)
		  VALUES ({ada}, {admin}, {system}, {t})`},
	{name: "grant by an unknown user", want: "user_roles_granted_by_fk",
		sql: `INSERT INTO user_roles (user_id, role_id, granted_by, created_at)
		  VALUES ({bob}, {auditor}, {new}, {t})`},
	{name: "grant that expires before its creation", want: "user_roles_expires_ck",
		sql: `INSERT INTO user_roles (user_id, role_id, granted_by, created_at, expires_at)
		  VALUES ({bob}, {auditor}, {system}, {t}, {t-1})`},
	{name: "last administrator revoked", want: "roles_min_holders",
		sql: `DELETE FROM user_roles WHERE user_id = {ada}`},
	{name: "last administrator suspended", want: "roles_min_holders",
		sql: `UPDATE users SET status = 'suspended', version = 2 WHERE id = {ada}`},
	{name: "last administrator deleted", want: "roles_min_holders",
		sql: `UPDATE users SET status = 'deleted', deleted_at = {t}, status_before_deletion = 'active', version = 2
		  WHERE id = {ada}`},
	{name: "expiry of the last administrator's grant", want: "roles_min_holders",
		sql: `UPDATE user_roles SET expires_at = {t+day} WHERE user_id = {ada}`},
	{name: "last administrator's grant moved to a service", want: "roles_min_holders",
		sql: `UPDATE user_roles SET user_id = {svc} WHERE user_id = {ada}`},
	{name: "API key with a role that its service does not have", want: "api_key_roles_user_role_fk",
		sql: `INSERT INTO api_key_roles (user_id, api_key_id, role_id) VALUES ({svc}, {key}, {admin})`},

	// Sessions and keys.
	{name: "session of more than 400 days", want: "sessions_life_ck",
		sql: `UPDATE sessions SET expires_at = {t+401d} WHERE id = {session}`},
	{name: "token of a session changed", want: "sessions_token_fixed",
		sql: `UPDATE sessions SET token_hash = {token2} WHERE id = {session}`},
	{name: "session moved to another user", want: "sessions_token_fixed",
		sql: `UPDATE sessions SET user_id = {bob} WHERE id = {session}`},
	{name: "token of a session replaced by one without the service key", want: "sessions_token_fixed",
		sql: `UPDATE sessions SET token_hash = {32a} WHERE id = {session}`},
	{name: "new session without the service key", want: "sessions_token_keyed",
		sql: `INSERT INTO sessions (user_id, id, token_hash, method, assurance_level, created_at, last_seen_at,
		  idle_seconds, expires_at) VALUES ({ada}, {new}, {32}, 'password', 1, {t}, {t}, 600, {t+day})`},
	{name: "new API key without the service key", want: "api_keys_token_keyed",
		sql: `INSERT INTO api_keys (user_id, id, name_sealed, token_hash, hint, created_at, expires_at)
		  VALUES ({svc}, {new}, {sealed}, {32}, 'abcd', {t}, {t+day})`},
	{name: "new set-up link without the service key", want: "setup_links_token_keyed",
		sql: `INSERT INTO setup_links (id, token_hash, created_at, expires_at) VALUES ({new}, {32}, {t}, {t+day})`},
	{name: "API key replaced by one without the service key", want: "api_keys_token_fixed",
		sql: `UPDATE api_keys SET token_hash = {32a} WHERE id = {key}`},
	{name: "token of a session in clear text", want: "sessions_token_hash_ck",
		sql: `INSERT INTO sessions (user_id, id, token_hash, method, assurance_level, created_at, last_seen_at,
		  idle_seconds, expires_at) VALUES ({ada}, {new}, {clear}, 'password', 1, {t}, {t}, 600, {t+day})`},
	{name: "session revoked before its creation", want: "sessions_revoked_ck",
		sql: `UPDATE sessions SET revoked_at = {t-1}, end_reason = 'signed_out' WHERE id = {session}`},
	{name: "session confirmed before its creation", want: "sessions_confirmed_ck",
		sql: `UPDATE sessions SET confirmed_at = {t-1} WHERE id = {session}`},
	{name: "revoked session without a reason", want: "sessions_end_reason_ck",
		sql: `UPDATE sessions SET revoked_at = {t} WHERE id = {session}`},
	{name: "reason of an active session", want: "sessions_end_reason_ck",
		sql: `UPDATE sessions SET end_reason = 'signed_out' WHERE id = {session}`},
	{name: "session revoked for an unknown reason", want: "sessions_end_reason_fk",
		sql: `UPDATE sessions SET revoked_at = {t}, end_reason = 'boredom' WHERE id = {session}`},
	{name: "token of an API key changed", want: "api_keys_token_fixed",
		sql: `UPDATE api_keys SET token_hash = {token2} WHERE id = {key}`},
	{name: "API key revoked before its creation", want: "api_keys_life_ck",
		sql: `UPDATE api_keys SET expires_at = {t-1} WHERE id = {key}`},
	{name: "temporary password that expires when it is set", want: "temporary_passwords_life_ck",
		sql: `INSERT INTO temporary_passwords (user_id, password_set_at, expires_at) VALUES ({ada}, {t}, {t})`},
	{name: "temporary password used after its expiry", want: "temporary_passwords_used_ck",
		sql: `INSERT INTO temporary_passwords (user_id, password_set_at, expires_at, used_at)
		  VALUES ({ada}, {t}, {t+day}, {t+2days})`},
	{name: "setup link for two days", want: "setup_links_life_ck",
		sql: `INSERT INTO setup_links (id, token_hash, created_at, expires_at)
		  VALUES ({new}, {token}, {t}, {t+2days})`},
	{name: "two active key-encryption keys", want: "key_encryption_keys_one_live_uq",
		sql: `INSERT INTO key_encryption_keys (id, location, check_value, created_at)
		  VALUES ({new}, 'file', {32a}, {t})`},
	{name: "a key destroyed while in use", want: "key_encryption_keys_destroyed_ck",
		sql: `UPDATE key_encryption_keys SET destroyed_at = {t} WHERE id = {kek}`},

	// The service's own.
	{name: "a setting that is an object", want: "settings_value_ck",
		sql: `UPDATE settings SET value = '{}', version = 2 WHERE name = 'passwords.min_length'`},
	{name: "a setting that is null", want: "settings_value_ck",
		sql: `UPDATE settings SET value = 'null', version = 2 WHERE name = 'passwords.min_length'`},
	{name: "two settings with the same name", want: "settings_name_uq",
		sql: `UPDATE settings SET name = 'sign_up.mode', version = 2 WHERE name = 'passwords.min_length'`},
	{name: "duplicate idempotency key", want: "idempotency_keys_scope_uq",
		sql: `INSERT INTO idempotency_keys (id, caller_id, route, key_hash, fingerprint, reply_sealed, created_at,
		  expires_at) VALUES ({new}, {ada}, 'POST /v1/users', {32}, {32}, {sealed}, {t}, {t+day})`},
	{name: "lease without an end", want: "jobs_lease_ck",
		sql: `UPDATE jobs SET leased_by = {ada} WHERE kind = 'audit.months'`},
	{name: "duplicate repeating job", want: "jobs_repeating_uq",
		sql: `INSERT INTO jobs (id, kind, repeat_seconds, created_at, run_at)
		  VALUES ({new}, 'audit.months', 60, {t}, {t})`},
	{name: "attempts at a time that is not a minute", want: "refused_attempts_minute_ck",
		sql: `INSERT INTO refused_attempts (subject_id, action, minute, attempts)
		  VALUES ({ada}, 'sessions.create', {t}, 1)`},
	{name: "duplicate attribute", want: "attribute_definitions_name_uq",
		sql: `INSERT INTO attribute_definitions (id, name, description, value_type, created_at, updated_at)
		  VALUES ({new}, 'x', 'x', 'number', {t}, {t}), ({new2}, 'x', 'x', 'number', {t}, {t})`},
	{name: "attribute of an unknown type", want: "attribute_definitions_value_type_ck",
		sql: `INSERT INTO attribute_definitions (id, name, description, value_type, created_at, updated_at)
		  VALUES ({new}, 'x', 'x', 'date', {t}, {t})`},

	// The audit log (guide 13, 20).
	{name: "event by an unknown user", want: "audit_logs_actor_fk",
		sql: `INSERT INTO audit_logs (subject_id, id, actor_id, action)
		  VALUES ({ada}, {new}, {new2}, 'users.create')`},
	{name: "event about an unknown user", want: "audit_logs_subject_fk",
		sql: `INSERT INTO audit_logs (subject_id, id, actor_id, action)
		  VALUES ({new2}, {new}, {ada}, 'users.create')`},
	{name: "event without an actor", want: "audit_logs_",
		sql: `INSERT INTO audit_logs (subject_id, id, action) VALUES ({ada}, {new}, 'users.create')`},
	{name: "event changed", sql: `UPDATE audit_logs SET action = 'users.read'`, want: "audit_logs_append_only"},
	{name: "event deleted", sql: `DELETE FROM audit_logs`, want: "audit_logs_append_only"},
	{name: "event replaced", want: "audit_logs_append_only",
		sql: `INSERT OR REPLACE INTO audit_logs (subject_id, id, actor_id, action)
		  VALUES ({ada}, {event}, {ada}, 'users.read')`,
		postgres: "-"},
	{name: "event changed by an upsert", want: "audit_logs_append_only",
		sql: `INSERT INTO audit_logs (subject_id, id, actor_id, action) VALUES ({ada}, {event}, {ada}, 'users.read')
		  ON CONFLICT (subject_id, id) DO UPDATE SET action = 'users.read'`},
	{name: "audit log truncated", postgres: `TRUNCATE audit_logs`, sqlite: "-", want: "audit_logs_append_only"},
}

func TestWrongStatesAreRefused(t *testing.T) {
	for engine, open := range map[string]func(t *testing.T) *store.Store{
		"sqlite":   func(t *testing.T) *store.Store { s, _ := migratedSQLite(t); return s },
		"postgres": func(t *testing.T) *store.Store { return open(t, migratedPostgres(t)) },
	} {
		t.Run(engine, func(t *testing.T) {
			s, d := open(t), dialectOf(engine)
			if err := s.Write(t.Context(), func(tx store.Tx) error {
				for _, statement := range initialRows {
					if err := store.Exec(t.Context(), tx, d.words.Replace(statement)); err != nil {
						return fmt.Errorf("%s: %w", statement, err)
					}
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			tried, refused := 0, 0
			for _, w := range wrongStates {
				statement := w.sql
				if own := map[string]string{"sqlite": w.sqlite, "postgres": w.postgres}[engine]; own != "" {
					statement = own
				}
				if statement == "-" {
					continue
				}
				tried++
				t.Run(w.name, func(t *testing.T) {
					if expectViolation(t, s, d.words.Replace(statement), w.want) {
						refused++
					}
				})
			}
			if engine == "postgres" {
				n := changePartitions(t, s)
				tried, refused = tried+n, refused+n
			}
			t.Logf("%s: %d wrong states tried, %d refused", engine, tried, refused)
		})
	}
}

// expectViolation runs a statement with the checks of the commit, rolls it back, and compares the violated constraint.
func expectViolation(t *testing.T, s *store.Store, statement, want string) bool {
	t.Helper()
	errUndo := errors.New("undo")
	err := s.Write(t.Context(), func(tx store.Tx) error {
		if err := store.Exec(t.Context(), tx, statement); err != nil {
			return err
		}
		if s.Engine() == "postgres" {
			if err := store.Exec(t.Context(), tx, `SET CONSTRAINTS ALL IMMEDIATE`); err != nil {
				return err
			}
		} else if want == "users_profile_fk" {
			return nil // checked at COMMIT only
		}
		return errUndo
	})
	if s.Engine() == "sqlite" && strings.HasSuffix(want, "_fk") {
		want = "foreign_key"
	}
	if !dberror.Violates(err, want) {
		t.Errorf("%v, want a violation of %s", err, want)
		return false
	}
	return true
}

func countOf(db *sql.DB, query string) (n int, err error) {
	err = db.QueryRow(query).Scan(&n)
	return n, err
}

// changePartitions tries to change each partition of the audit log by its own name, as its owner.
func changePartitions(t *testing.T, s *store.Store) (refused int) {
	t.Helper()
	first := time.Date(time.Now().UTC().Year(), time.Now().UTC().Month(), 1, 0, 0, 0, 0, time.UTC)
	for i := range 13 {
		name := "audit_logs_" + first.AddDate(0, i, 0).Format("200601")
		if expectViolation(t, s, `TRUNCATE `+name, "audit_logs_append_only") {
			refused++
		}
	}
	name := "audit_logs_" + first.Format("200601") // the partition with a row
	for _, statement := range []string{`UPDATE ` + name + ` SET action = 'users.read'`, `DELETE FROM ` + name} {
		if expectViolation(t, s, statement, "audit_logs_append_only") {
			refused++
		}
	}
	return refused
}

// The audit log's own trigger refuses INSERT OR REPLACE, even on a connection without recursive triggers.
func TestReplaceOfEventRefusedWithoutRecursiveTriggers(t *testing.T) {
	s, path := migratedSQLite(t)
	d := dialectOf("sqlite")
	if err := s.Write(t.Context(), func(tx store.Tx) error {
		for _, statement := range initialRows {
			if err := store.Exec(t.Context(), tx, d.words.Replace(statement)); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	db := openSQL(t, "sqlite", path+"?_pragma=recursive_triggers(0)&_pragma=foreign_keys(0)")
	_, err := db.Exec(d.words.Replace(`
		INSERT OR REPLACE INTO audit_logs (subject_id, id, actor_id, action)
		VALUES ({ada}, {event}, {ada}, 'users.read')`))
	if err == nil || !strings.Contains(err.Error(), "audit_logs_append_only") {
		t.Errorf("INSERT OR REPLACE: %v", err)
	}
	unchanged := `SELECT count(*) FROM audit_logs WHERE action = 'users.create'`
	if must(countOf(openSQL(t, "sqlite", path), unchanged))(t) != 1 {
		t.Error("the event has changed")
	}
}

// Each of two administrators revokes the other's grant, and both are checked before either commits. The lock on the row
// of the role makes the second check wait for the end of the first transaction. Then too few administrators are left.
func TestConcurrentRevocationsKeepAnAdministrator(t *testing.T) {
	s, d, ctx := open(t, migratedPostgres(t)), dialectOf("postgres"), t.Context()
	exec := func(tx store.Tx, statements ...string) error {
		for _, statement := range statements {
			if err := store.Exec(ctx, tx, d.words.Replace(statement)); err != nil {
				return err
			}
		}
		return nil
	}
	write(t, s, func(tx store.Tx) error {
		return exec(tx, append(slices.Clone(initialRows), `
			INSERT INTO user_roles (user_id, role_id, granted_by, created_at)
			VALUES ({bob}, {admin}, {system}, {t})`)...)
	})
	second := make(chan error, 1)
	write(t, s, func(tx store.Tx) error {
		err := exec(tx, `DELETE FROM user_roles WHERE user_id = {ada}`, `SET CONSTRAINTS ALL IMMEDIATE`)
		if err != nil {
			return err
		}
		go func() {
			second <- s.Write(ctx, func(tx store.Tx) error {
				return exec(tx, `DELETE FROM user_roles WHERE user_id = {bob}`, `SET CONSTRAINTS ALL IMMEDIATE`)
			})
		}()
		time.Sleep(100 * time.Millisecond)
		return nil
	})
	if err := <-second; !dberror.Violates(err, "roles_min_holders") {
		t.Errorf("both grants were revoked: %v", err)
	}
}
