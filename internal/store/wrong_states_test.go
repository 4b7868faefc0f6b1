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
)

// dialect writes the literals of one engine.
type dialect struct {
	engine string
	words  *strings.Replacer
}

var beginning = time.Date(2026, 3, 14, 9, 26, 53, 0, time.UTC)

// ids of the rows that every wrong state starts from, and of rows that are not there.
var ids = map[string]uuid.UUID{
	"ada": probe(1), "bob": probe(2), "svc": probe(3), "gone": probe(4), "dead": probe(5), "mail": probe(10), "mail2": probe(11),
	"session": probe(20), "key": probe(21), "reply": probe(22), "kek": probe(23), "event": probe(24), "new": probe(90), "new2": probe(91),
	"operator": cardinal.OperatorID, "system": cardinal.SystemID, "admin": uuid.MustParse("00000000-0000-7000-8007-000000000001"),
	"auditor": uuid.MustParse("00000000-0000-7000-8007-000000000005"), "v4now": v4(probe(92)), "v4": uuid.MustParse("0a1b2c3d-4e5f-4a6b-8c7d-8e9f0a1b2c3d"),
}

func probe(n byte) uuid.UUID {
	id := cardinal.IDAt(time.Now())
	id[15] = n
	return id
}

// v4 makes an id one that is not v7, in the same month.
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
	for name, after := range map[string]time.Duration{"t": 0, "t-1": -time.Second, "t+1": time.Second, "t+day": 24 * time.Hour, "t+2days": 48 * time.Hour,
		"t+401d": 401 * 24 * time.Hour} {
		at := beginning.Add(after)
		text := fmt.Sprint(at.UnixMicro())
		if engine == "postgres" {
			text = "'" + at.Format(time.RFC3339Nano) + "'::timestamptz"
		}
		words = append(words, "{"+name+"}", text)
	}
	sealed := append([]byte{1}, make([]byte, 39)...)
	for name, b := range map[string][]byte{"sealed": sealed, "clear": []byte("clear text that is long enough to be taken for sealed"), "short": {1, 2, 3},
		"long": append([]byte{1}, make([]byte, 1<<20)...), "32": make([]byte, 32), "32a": append(make([]byte, 31), 1), "32b": append(make([]byte, 31), 2), "61": make([]byte, 61)} {
		words = append(words, "{"+name+"}", blob(b))
	}
	words = append(words, "{phc}", "'$argon2id$v=19$m=19456,t=2,p=1$c2FsdC1vZi1hZGE$bm90LWEtcmVhbC1kaWdlc3QtYnV0LWxvbmctZW5vdWdo'",
		"{phc2}", "'$argon2id$v=19$m=19456,t=2,p=1$c2FsdC1vZi1ib2I$bm90LWEtcmVhbC1kaWdlc3QtYnV0LWxvbmctZW5vdWdo'")
	return dialect{engine, strings.NewReplacer(words...)}
}

// begin makes the rows that wrong states start from: ada, the only administrator; bob; a service; one deleted, one erased.
var begin = []string{
	`INSERT INTO users (id, kind, status, created_at, updated_at) VALUES ({ada}, 'person', 'active', {t}, {t}), ({bob}, 'person', 'active', {t}, {t}),
	   ({svc}, 'service', 'active', {t}, {t}), ({gone}, 'person', 'active', {t}, {t}), ({dead}, 'person', 'active', {t}, {t})`,
	`INSERT INTO profiles (user_id, created_at, updated_at) VALUES ({ada}, {t}, {t}), ({bob}, {t}, {t}), ({svc}, {t}, {t}), ({gone}, {t}, {t}), ({dead}, {t}, {t})`,
	`UPDATE users SET status = 'deleted', status_before_deletion = 'active', deleted_at = {t}, version = 2 WHERE id IN ({gone}, {dead})`,
	`UPDATE users SET status = 'erased', erased_at = {t}, version = 3 WHERE id = {dead}`,
	`INSERT INTO contacts (user_id, id, kind, value_sealed, is_primary, created_at, updated_at) VALUES ({ada}, {mail}, 'email', {sealed}, TRUE, {t}, {t}), ({ada}, {mail2}, 'email', {sealed}, FALSE, {t}, {t})`,
	`INSERT INTO identifiers (value_index, user_id, contact_id, created_at, expires_at) VALUES ({32}, {ada}, {mail}, {t}, NULL), ({32a}, {ada}, NULL, {t}, NULL)`,
	`INSERT INTO credentials (user_id, hash, last_reset, created_at, updated_at) VALUES ({ada}, {phc}, {t}, {t}, {t})`,
	`INSERT INTO sessions (user_id, id, token_hash, method, assurance_level, created_at, last_seen_at, idle_seconds, expires_at) VALUES ({ada}, {session}, {32}, 'password', 1, {t}, {t}, 600, {t+day})`,
	`INSERT INTO user_roles (user_id, role_id, granted_by, created_at) VALUES ({ada}, {admin}, {system}, {t}), ({svc}, {auditor}, {system}, {t})`,
	`INSERT INTO api_keys (user_id, id, name_sealed, token_hash, hint, created_at, expires_at) VALUES ({svc}, {key}, {sealed}, {32}, 'abcd', {t}, {t+day})`,
	`INSERT INTO key_encryption_keys (id, location, check_value, created_at) VALUES ({kek}, 'file', {32}, {t})`,
	`INSERT INTO idempotency_keys (id, caller_id, route, key_hash, fingerprint, reply_sealed, created_at, expires_at) VALUES ({reply}, {ada}, 'POST /v1/users', {32}, {32}, {sealed}, {t}, {t+day})`,
	`INSERT INTO audit_logs (subject_id, id, actor_id, action) VALUES ({ada}, {event}, {system}, 'users.create')`,
}

// wrongStates are what the database must refuse whoever asks. A name of a constraint that SQLite cannot say (it names no
// foreign key) ends in _fk.
var wrongStates = []struct {
	name, sql, want string
	postgres        string // where its SQL differs
	sqlite          string // likewise; "-" where the state cannot be written
}{
	// Status (guide 2, 3, 19).
	{name: "unknown status", sql: `UPDATE users SET status = 'blocked', version = 2 WHERE id = {bob}`, want: "users_status_fk"},
	{name: "unknown kind", sql: `INSERT INTO users (id, kind, status, created_at, updated_at) VALUES ({new}, 'robot', 'active', {t}, {t})`, want: "users_kind_fk"},
	{name: "no status", sql: `UPDATE users SET status = NULL, version = 2 WHERE id = {bob}`, want: "users_status_not_null"},
	{name: "forbidden move", sql: `UPDATE users SET status = 'pending', version = 2 WHERE id = {bob}`, want: "users_status_transition"},
	{name: "forbidden beginning", sql: `INSERT INTO users (id, kind, status, created_at, updated_at) VALUES ({new}, 'person', 'erased', {t}, {t})`, want: "users_status_t"},
	{name: "forbidden beginning as erased", sql: `INSERT INTO users (id, kind, status, status_before_deletion, created_at, updated_at, deleted_at, erased_at) VALUES ({new}, 'person', 'erased', 'active', {t}, {t}, {t}, {t})`, want: "users_status_transition"},
	{name: "deleted without a time", sql: `UPDATE users SET status = 'deleted', version = 2 WHERE id = {bob}`, want: "users_status_times"},
	{name: "a time without deleted", sql: `UPDATE users SET deleted_at = {t}, status_before_deletion = 'active', version = 2 WHERE id = {bob}`, want: "users_status_times"},
	{name: "deleted, and what it was is lost", sql: `UPDATE users SET status = 'deleted', deleted_at = {t}, version = 2 WHERE id = {bob}`, want: "users_deleted_ck"},
	{name: "erased without a time", sql: `UPDATE users SET status = 'erased', version = 3 WHERE id = {gone}`, want: "users_status_times"},
	{name: "a time without erased", sql: `UPDATE users SET erased_at = {t}, version = 3 WHERE id = {gone}`, want: "users_status_times"},
	{name: "erased without being deleted", sql: `UPDATE users SET status = 'erased', erased_at = {t}, deleted_at = {t}, status_before_deletion = 'active', version = 2 WHERE id = {bob}`, want: "users_status_transition"},
	{name: "erased before it was deleted", sql: `UPDATE users SET status = 'erased', erased_at = {t-1}, version = 3 WHERE id = {gone}`, want: "users_erased_at_ck"},
	{name: "erased going back", sql: `UPDATE users SET status = 'deleted', erased_at = NULL, version = 4 WHERE id = {dead}`, want: "users_erased_final"},
	{name: "erased changing at all", sql: `UPDATE users SET version = 4 WHERE id = {dead}`, want: "users_erased_final"},
	{name: "deleted before it was made", sql: `UPDATE users SET status = 'deleted', deleted_at = {t-1}, status_before_deletion = 'active', version = 2 WHERE id = {bob}`, want: "users_deleted_at_ck"},
	{name: "kind changed", sql: `UPDATE users SET kind = 'service', version = 2 WHERE id = {bob}`, want: "users_kind_fixed"},
	{name: "id changed", sql: `UPDATE users SET id = {new}, version = 2 WHERE id = {bob}`, want: "users_kind_fixed"},
	{name: "user deleted", sql: `DELETE FROM users WHERE id = {bob}`, want: "users_no_delete"},
	{name: "users truncated", postgres: `TRUNCATE users CASCADE`, sqlite: "-", want: "users_no_delete"},
	{name: "a move that is none", sql: `UPDATE user_status_transitions SET from_status = 'active', to_status = 'active' WHERE action = 'reactivate'`, want: "user_status_transitions_differ_ck"},
	{name: "a deleted status that signs in", sql: `UPDATE user_statuses SET can_sign_in = TRUE WHERE code = 'deleted'`, want: "user_statuses_deleted_ck"},
	{name: "an erased status that is not deleted", sql: `UPDATE user_statuses SET is_deleted = FALSE WHERE code = 'erased'`, want: "user_statuses_erased_ck"},

	// Versions and times (guide 4, 27, 29).
	{name: "version skipped", sql: `UPDATE users SET version = 3 WHERE id = {bob}`, want: "users_version_step"},
	{name: "version repeated", sql: `UPDATE users SET updated_at = {t+1} WHERE id = {bob}`, want: "users_version_step"},
	{name: "version of a profile repeated", sql: `UPDATE profiles SET locale = 'de' WHERE user_id = {bob}`, want: "profiles_version_step"},
	{name: "version of a contact repeated", sql: `UPDATE contacts SET verified_at = {t} WHERE id = {mail}`, want: "contacts_version_step"},
	{name: "version of a credential repeated", sql: `UPDATE credentials SET must_change = TRUE WHERE user_id = {ada}`, want: "credentials_version_step"},
	{name: "version of a role repeated", sql: `UPDATE roles SET description = 'x' WHERE id = {auditor}`, want: "roles_version_step"},
	{name: "version of a permission repeated", sql: `UPDATE permissions SET description = 'x' WHERE name = 'users.read'`, want: "permissions_version_step"},
	{name: "version of a country repeated", sql: `UPDATE countries SET tax_rate_ppm = 1 WHERE code = 'DE'`, want: "countries_version_step"},
	{name: "version of a setting repeated", sql: `UPDATE settings SET value = '1' WHERE name = 'passwords.min_length'`, want: "settings_version_step"},
	{name: "created_at changed", sql: `UPDATE users SET created_at = {t-1}, version = 2 WHERE id = {bob}`, want: "users_created_fixed"},
	{name: "created_at of a contact changed", sql: `UPDATE contacts SET created_at = {t-1}, version = 2 WHERE id = {mail}`, want: "contacts_created_fixed"},
	{name: "updated before created", sql: `UPDATE users SET updated_at = {t-1}, version = 2 WHERE id = {bob}`, want: "users_updated_ck"},
	{name: "a contact updated before created", sql: `UPDATE contacts SET updated_at = {t-1}, version = 2 WHERE id = {mail}`, want: "contacts_updated_ck"},
	{name: "a time in text", postgres: "-", sqlite: `UPDATE users SET updated_at = '2026-03-14T09:26:53Z', version = 2 WHERE id = {bob}`, want: "" /* STRICT has no name */},
	{name: "a time in the year 10000", postgres: "-", sqlite: `UPDATE users SET updated_at = 253402300800000000, version = 2 WHERE id = {bob}`, want: "users_updated_at_form"},

	// Ids (guide 1).
	{name: "an id that is not v7", sql: `INSERT INTO users (id, kind, status, created_at, updated_at) VALUES ({v4}, 'person', 'active', {t}, {t})`, want: "users_id_ck"},
	{name: "a contact's id that is not v7", sql: `UPDATE contacts SET id = {v4}, version = 2 WHERE id = {mail2}`, want: "contacts_id_ck"},
	{name: "an event's id that is not v7", sql: `INSERT INTO audit_logs (subject_id, id, actor_id, action) VALUES ({ada}, {v4now}, {ada}, 'users.create')`, want: "audit_logs_id_ck"},
	{name: "an id of 15 bytes", postgres: "-", sqlite: `INSERT INTO users (id, kind, status, created_at, updated_at) VALUES (x'0196f0c400007000800000000000ff', 'person', 'active', {t}, {t})`, want: "users_id_form"},

	// One profile a user (guide 5), preferences (7).
	{name: "a second profile", sql: `INSERT INTO profiles (user_id, created_at, updated_at) VALUES ({bob}, {t}, {t})`, want: "profiles_pk"},
	{name: "a user without a profile", sql: `INSERT INTO users (id, kind, status, created_at, updated_at) VALUES ({new}, 'person', 'active', {t}, {t})`, want: "users_profile_fk"},
	{name: "a profile without a user", sql: `INSERT INTO profiles (user_id, created_at, updated_at) VALUES ({new}, {t}, {t})`, want: "profiles_user_fk"},
	{name: "profile deleted", sql: `DELETE FROM profiles WHERE user_id = {bob}`, want: "profiles_no_delete"},
	{name: "profiles truncated", postgres: `TRUNCATE profiles CASCADE`, sqlite: "-", want: "profiles_no_delete"},
	{name: "preferences that are a list", sql: `UPDATE profiles SET preferences = '[]', version = 2 WHERE user_id = {bob}`, want: "profiles_preferences_ck"},
	{name: "preferences too large", postgres: `UPDATE profiles SET preferences = jsonb_build_object('x', repeat('x', 16384)), version = 2 WHERE user_id = {bob}`,
		sqlite: `UPDATE profiles SET preferences = json_object('x', hex(zeroblob(8192))), version = 2 WHERE user_id = {bob}`, want: "profiles_preferences_ck"},
	{name: "preferences that are no JSON", postgres: "-", sqlite: `UPDATE profiles SET preferences = '{', version = 2 WHERE user_id = {bob}`, want: "profiles_preferences_"},
	{name: "unknown country", sql: `UPDATE profiles SET country_code = 'XX', version = 2 WHERE user_id = {bob}`, want: "profiles_country_fk"},
	{name: "tax rate above 100 %", sql: `UPDATE countries SET tax_rate_ppm = 1000001, version = 2 WHERE code = 'DE'`, want: "countries_tax_rate_ck"},
	{name: "tax rate below 0", sql: `UPDATE countries SET tax_rate_ppm = -1, version = 2 WHERE code = 'DE'`, want: "countries_tax_rate_ck"},
	{name: "two countries of one code", sql: `UPDATE countries SET code = 'FR', version = 2 WHERE code = 'DE'`, want: "countries_code_uq"},

	// Passwords (guide 8 to 10).
	{name: "clear-text password", sql: `UPDATE credentials SET hash = 'correct horse battery staple', version = 2 WHERE user_id = {ada}`, want: "credentials_"},
	{name: "bare MD5", sql: `UPDATE credentials SET hash = '5f4dcc3b5aa765d61d8327deb882cf99', version = 2 WHERE user_id = {ada}`, want: "credentials_"},
	{name: "bare SHA-256", sql: `UPDATE credentials SET hash = '5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8', version = 2 WHERE user_id = {ada}`, want: "credentials_"},
	{name: "MD5 crypt", sql: `UPDATE credentials SET hash = '$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/qjXMvbEw8oaL.CzflDtaK/', version = 2 WHERE user_id = {ada}`, want: "credentials_hash_ck"},
	{name: "Argon2 before version 19", sql: `UPDATE credentials SET hash = '$argon2i$v=16$m=19456,t=2,p=1$c2FsdC1vZi1hZGE$bm90LWEtcmVhbC1kaWdlc3QtYnV0LWxvbmctZW5vdWdo', version = 2 WHERE user_id = {ada}`, want: "credentials_"},
	{name: "clear text dressed as Argon2id", sql: `UPDATE credentials SET hash = '$argon2id$v=19$m=19456,t=2,p=1$c2FsdC1vZi1hZGE$correct horse battery staple, it is', version = 2 WHERE user_id = {ada}`, want: "credentials_hash_ck"},
	{name: "clear text dressed as bcrypt", sql: `UPDATE credentials SET hash = '$2b$12$abcdefghijklmnopqrstuvcorrect horse battery staple!!', version = 2 WHERE user_id = {ada}`, want: "credentials_hash_ck"},
	{name: "clear text as a parameter", sql: `UPDATE credentials SET hash = '$argon2id$v=19$m=1swordfish,t=2,p=1$c2FsdC1vZi1hZGE$bm90LWEtcmVhbC1kaWdlc3QtYnV0LWxvbmctZW5vdWdo', version = 2 WHERE user_id = {ada}`, want: "credentials_hash_ck"},
	{name: "MD5 crypt of the right length", sql: `UPDATE credentials SET hash = '$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/', version = 2 WHERE user_id = {ada}`, want: "credentials_"},
	{name: "a salted digest", sql: `UPDATE credentials SET hash = '$salted-sha1$suffix$c2FsdHNhbHQ$yrht1iYXEIkejLVu42JWkadd80Q', version = 2 WHERE user_id = {ada}`, want: "credentials_hash_ck"},
	{name: "clear text wrapped", sql: `UPDATE credentials SET hash = '$argon2id-over$v=19$m=1swordfish,t=2,p=1$c2FsdC1vZi1hZGFzYWx0LQ$bm90LWEtcmVhbC1kaWdlc3QtYnV0LWxvbmctZW5vdWdo$1$saltsalt$22', version = 2 WHERE user_id = {ada}`, want: "credentials_hash_ck"},
	{name: "SHA-crypt with too short a salt", sql: `UPDATE credentials SET hash = '$5$rounds=5000$saltsalt$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5', version = 2 WHERE user_id = {ada}`, want: "credentials_"},
	{name: "a hash without a salt", sql: `UPDATE credentials SET hash = '$argon2id$v=19$m=19456,t=2,p=1$$bm90LWEtcmVhbC1kaWdlc3QtYnV0LWxvbmctZW5vdWdo', version = 2 WHERE user_id = {ada}`, want: "credentials_"},
	{name: "a salt used twice", sql: `INSERT INTO credentials (user_id, hash, last_reset, created_at, updated_at) VALUES ({bob}, {phc}, {t}, {t}, {t})`, want: "credentials_salt_uq"},
	{name: "a second password", sql: `INSERT INTO credentials (user_id, hash, last_reset, created_at, updated_at) VALUES ({ada}, {phc2}, {t}, {t}, {t})`, want: "credentials_pk"},
	{name: "no last reset", sql: `UPDATE credentials SET last_reset = NULL, version = 2 WHERE user_id = {ada}`, want: "credentials_last_reset_not_null"},
	{name: "reset before it was made", sql: `UPDATE credentials SET last_reset = {t-1}, version = 2 WHERE user_id = {ada}`, want: "credentials_last_reset_ck"},

	// Contacts and claims (guide 15, 26).
	{name: "a second primary e-mail address", sql: `UPDATE contacts SET is_primary = TRUE, version = 2 WHERE id = {mail2}`, want: "contacts_one_primary_uq"},
	{name: "unknown kind of contact", sql: `UPDATE contacts SET kind = 'fax', version = 2 WHERE id = {mail2}`, want: "contacts_kind_fk"},
	{name: "a claim of two", sql: `INSERT INTO identifiers (value_index, user_id, created_at) VALUES ({32}, {bob}, {t})`, want: "identifiers_pk"},
	{name: "a second user name", sql: `INSERT INTO identifiers (value_index, user_id, created_at) VALUES ({32b}, {ada}, {t})`, want: "identifiers_one_username_uq"},
	{name: "two claims of one contact", sql: `INSERT INTO identifiers (value_index, user_id, contact_id, created_at) VALUES ({32b}, {ada}, {mail}, {t})`, want: "identifiers_contact_uq"},
	{name: "a claim by another's contact", sql: `INSERT INTO identifiers (value_index, user_id, contact_id, created_at) VALUES ({32b}, {bob}, {mail2}, {t})`, want: "identifiers_contact_fk"},
	{name: "a claim moved", sql: `UPDATE identifiers SET user_id = {bob}, contact_id = NULL WHERE value_index = {32}`, want: "identifiers_claim_fixed"},
	{name: "a claim renamed", sql: `UPDATE identifiers SET value_index = {32b} WHERE value_index = {32}`, want: "identifiers_claim_fixed"},
	{name: "a claim in clear", sql: `INSERT INTO identifiers (value_index, user_id, created_at) VALUES ({clear}, {bob}, {t})`, want: "identifiers_value_index_ck"},
	{name: "a user name that lapses", sql: `UPDATE identifiers SET expires_at = {t+day} WHERE value_index = {32a}`, want: "identifiers_username_ck"},
	{name: "a contact removed under its claim", sql: `DELETE FROM contacts WHERE id = {mail}`, want: "identifiers_contact_fk"},

	// Sealed columns (guide 18).
	{name: "display name in clear", sql: `UPDATE profiles SET display_name_sealed = {clear}, version = 2 WHERE user_id = {bob}`, want: "profiles_display_name_ck"},
	{name: "user name in clear", sql: `UPDATE profiles SET username_sealed = {clear}, version = 2 WHERE user_id = {bob}`, want: "profiles_username_ck"},
	{name: "avatar URL in clear", sql: `UPDATE profiles SET avatar_url_sealed = {clear}, version = 2 WHERE user_id = {bob}`, want: "profiles_avatar_url_ck"},
	{name: "avatar as an image", sql: `UPDATE profiles SET avatar_url_sealed = {long}, version = 2 WHERE user_id = {bob}`, want: "profiles_avatar_url_ck"},
	{name: "attributes in clear", sql: `UPDATE profiles SET attributes_sealed = {clear}, version = 2 WHERE user_id = {bob}`, want: "profiles_attributes_ck"},
	{name: "contact in clear", sql: `UPDATE contacts SET value_sealed = {clear}, version = 2 WHERE id = {mail2}`, want: "contacts_value_ck"},
	{name: "contact too short to be sealed", sql: `UPDATE contacts SET value_sealed = {short}, version = 2 WHERE id = {mail2}`, want: "contacts_value_ck"},
	{name: "session's address in clear", sql: `UPDATE sessions SET address_sealed = {clear} WHERE id = {session}`, want: "sessions_address_ck"},
	{name: "session's agent in clear", sql: `UPDATE sessions SET user_agent_sealed = {clear} WHERE id = {session}`, want: "sessions_user_agent_ck"},
	{name: "API key's name in clear", sql: `UPDATE api_keys SET name_sealed = {clear} WHERE id = {key}`, want: "api_keys_name_ck"},
	{name: "event's address in clear", sql: `INSERT INTO audit_logs (subject_id, id, actor_id, action, address_sealed) VALUES ({ada}, {new}, {ada}, 'users.create', {clear})`, want: "audit_logs_address_ck"},
	{name: "event's agent in clear", sql: `INSERT INTO audit_logs (subject_id, id, actor_id, action, user_agent_sealed) VALUES ({ada}, {new}, {ada}, 'users.create', {clear})`, want: "audit_logs_user_agent_ck"},
	{name: "reply in clear", sql: `UPDATE idempotency_keys SET reply_sealed = {clear} WHERE id = {reply}`, want: "idempotency_keys_reply_ck"},
	{name: "data key that is not wrapped", sql: `INSERT INTO user_keys (user_id, kek_id, wrapped_key, created_at, wrapped_at) VALUES ({bob}, {kek}, {32}, {t}, {t})`, want: "user_keys_wrapped_key_ck"},
	{name: "service key that is not wrapped", sql: `INSERT INTO service_keys (id, name, kek_id, wrapped_key, created_at, wrapped_at) VALUES ({new}, 'cursor', {kek}, {32}, {t}, {t})`, want: "service_keys_wrapped_key_ck"},

	// Built-in actors (settled 1).
	{name: "a contact of the System", sql: `INSERT INTO contacts (user_id, id, kind, value_sealed, created_at, updated_at) VALUES ({system}, {new}, 'email', {sealed}, {t}, {t})`, want: "contacts_user_ck"},
	{name: "a credential of the operator", sql: `INSERT INTO credentials (user_id, hash, last_reset, created_at, updated_at) VALUES ({operator}, {phc2}, {t}, {t}, {t})`, want: "credentials_user_ck"},
	{name: "a session of the operator", sql: `INSERT INTO sessions (user_id, id, token_hash, method, assurance_level, created_at, last_seen_at, idle_seconds, expires_at) VALUES ({operator}, {new}, {32}, 'password', 1, {t}, {t}, 600, {t+day})`, want: "sessions_user_ck"},
	{name: "a data key of the System", sql: `INSERT INTO user_keys (user_id, kek_id, wrapped_key, created_at, wrapped_at) VALUES ({system}, {kek}, {61}, {t}, {t})`, want: "user_keys_user_ck"},
	{name: "an API key of the System", sql: `INSERT INTO api_keys (user_id, id, name_sealed, token_hash, hint, created_at, expires_at) VALUES ({system}, {new}, {sealed}, {32}, 'abcd', {t}, {t+day})`, want: "api_keys_user_ck"},
	{name: "a claim of the System", sql: `INSERT INTO identifiers (value_index, user_id, created_at) VALUES ({32b}, {system}, {t})`, want: "identifiers_user_ck"},
	{name: "the System suspended", sql: `UPDATE users SET status = 'suspended', version = 2 WHERE id = {system}`, want: "users_built_in_fixed"},
	{name: "the operator deleted", sql: `DELETE FROM users WHERE id = {operator}`, want: "users_no_delete"},

	// Roles (guide 12, 14; settled 3).
	{name: "role without a description", sql: `INSERT INTO roles (id, name, description, created_at, updated_at) VALUES ({new}, 'mute', NULL, {t}, {t})`, want: "roles_description_not_null"},
	{name: "role with an empty description", sql: `INSERT INTO roles (id, name, description, created_at, updated_at) VALUES ({new}, 'mute', '', {t}, {t})`, want: "roles_description_ck"},
	{name: "two roles of one name", sql: `INSERT INTO roles (id, name, description, created_at, updated_at) VALUES ({new}, 'auditor', 'x', {t}, {t})`, want: "roles_name_uq"},
	{name: "two permissions of one name", sql: `INSERT INTO permissions (id, name, description, created_at, updated_at) VALUES ({new}, 'users.read', 'x', {t}, {t})`, want: "permissions_name_uq"},
	{name: "a role of one's own that holds all", sql: `INSERT INTO roles (id, name, description, holds_all, created_at, updated_at) VALUES ({new}, 'root', 'x', TRUE, {t}, {t})`, want: "roles_holds_all_ck"},
	{name: "built-in role deleted", sql: `DELETE FROM roles WHERE id = {auditor}`, want: "roles_built_in_kept"},
	{name: "built-in role renamed", sql: `UPDATE roles SET name = 'inspector', version = 2 WHERE id = {auditor}`, want: "roles_built_in_fixed"},
	{name: "built-in role made one's own", sql: `UPDATE roles SET is_system = FALSE, version = 2 WHERE id = {auditor}`, want: "roles_built_in_fixed"},
	{name: "built-in permission deleted", sql: `DELETE FROM permissions WHERE name = 'users.read'`, want: "permissions_built_in_kept"},
	{name: "built-in permission renamed", sql: `UPDATE permissions SET name = 'users.see', version = 2 WHERE name = 'users.read'`, want: "permissions_built_in_fixed"},
	{name: "the same grant twice", sql: `INSERT INTO user_roles (user_id, role_id, granted_by, created_at) VALUES ({ada}, {admin}, {system}, {t})`, want: "user_roles_pk"},
	{name: "a grant by nobody", sql: `INSERT INTO user_roles (user_id, role_id, granted_by, created_at) VALUES ({bob}, {auditor}, {new}, {t})`, want: "user_roles_granted_by_fk"},
	{name: "a grant that ends before it begins", sql: `INSERT INTO user_roles (user_id, role_id, granted_by, created_at, expires_at) VALUES ({bob}, {auditor}, {system}, {t}, {t-1})`, want: "user_roles_expires_ck"},
	{name: "last administrator revoked", sql: `DELETE FROM user_roles WHERE user_id = {ada}`, want: "roles_min_holders"},
	{name: "last administrator suspended", sql: `UPDATE users SET status = 'suspended', version = 2 WHERE id = {ada}`, want: "roles_min_holders"},
	{name: "last administrator deleted", sql: `UPDATE users SET status = 'deleted', deleted_at = {t}, status_before_deletion = 'active', version = 2 WHERE id = {ada}`, want: "roles_min_holders"},
	{name: "last administrator made to expire", sql: `UPDATE user_roles SET expires_at = {t+day} WHERE user_id = {ada}`, want: "roles_min_holders"},
	{name: "last administrator's grant given to a service", sql: `UPDATE user_roles SET user_id = {svc} WHERE user_id = {ada}`, want: "roles_min_holders"},
	{name: "an API key of a role that its service has not", sql: `INSERT INTO api_key_roles (user_id, api_key_id, role_id) VALUES ({svc}, {key}, {admin})`, want: "api_key_roles_user_role_fk"},

	// Sessions and keys.
	{name: "a session that outlives 400 days", sql: `UPDATE sessions SET expires_at = {t+401d} WHERE id = {session}`, want: "sessions_life_ck"},
	{name: "a session's token changed", sql: `UPDATE sessions SET token_hash = {32a} WHERE id = {session}`, want: "sessions_token_fixed"},
	{name: "a session moved", sql: `UPDATE sessions SET user_id = {bob} WHERE id = {session}`, want: "sessions_token_fixed"},
	{name: "a session's token in clear", sql: `INSERT INTO sessions (user_id, id, token_hash, method, assurance_level, created_at, last_seen_at, idle_seconds, expires_at) VALUES ({ada}, {new}, {clear}, 'password', 1, {t}, {t}, 600, {t+day})`, want: "sessions_token_hash_ck"},
	{name: "a session ended before it began", sql: `UPDATE sessions SET revoked_at = {t-1}, end_reason = 'signed_out' WHERE id = {session}`, want: "sessions_revoked_ck"},
	{name: "a session that ended for no reason", sql: `UPDATE sessions SET revoked_at = {t} WHERE id = {session}`, want: "sessions_end_reason_ck"},
	{name: "a reason of a session that goes on", sql: `UPDATE sessions SET end_reason = 'signed_out' WHERE id = {session}`, want: "sessions_end_reason_ck"},
	{name: "a session that ended for an unknown reason", sql: `UPDATE sessions SET revoked_at = {t}, end_reason = 'boredom' WHERE id = {session}`, want: "sessions_end_reason_fk"},
	{name: "an API key's token changed", sql: `UPDATE api_keys SET token_hash = {32a} WHERE id = {key}`, want: "api_keys_token_fixed"},
	{name: "an API key that ended before it began", sql: `UPDATE api_keys SET expires_at = {t-1} WHERE id = {key}`, want: "api_keys_life_ck"},
	{name: "a set-up link for two days", sql: `INSERT INTO setup_links (id, token_hash, created_at, expires_at) VALUES ({new}, {32}, {t}, {t+2days})`, want: "setup_links_life_ck"},
	{name: "two live key-encryption keys", sql: `INSERT INTO key_encryption_keys (id, location, check_value, created_at) VALUES ({new}, 'file', {32a}, {t})`, want: "key_encryption_keys_one_live_uq"},
	{name: "a key destroyed while in use", sql: `UPDATE key_encryption_keys SET destroyed_at = {t} WHERE id = {kek}`, want: "key_encryption_keys_destroyed_ck"},

	// The service's own.
	{name: "a setting that is an object", sql: `UPDATE settings SET value = '{}', version = 2 WHERE name = 'passwords.min_length'`, want: "settings_value_ck"},
	{name: "a setting that is null", sql: `UPDATE settings SET value = 'null', version = 2 WHERE name = 'passwords.min_length'`, want: "settings_value_ck"},
	{name: "two settings of one name", sql: `UPDATE settings SET name = 'sign_up.mode', version = 2 WHERE name = 'passwords.min_length'`, want: "settings_name_uq"},
	{name: "an idempotency key twice", sql: `INSERT INTO idempotency_keys (id, caller_id, route, key_hash, fingerprint, reply_sealed, created_at, expires_at) VALUES ({new}, {ada}, 'POST /v1/users', {32}, {32}, {sealed}, {t}, {t+day})`, want: "idempotency_keys_key_uq"},
	{name: "half a lease", sql: `UPDATE jobs SET leased_by = {ada} WHERE kind = 'audit.months'`, want: "jobs_lease_ck"},
	{name: "a repeating job twice", sql: `INSERT INTO jobs (id, kind, repeat_seconds, created_at, run_at) VALUES ({new}, 'audit.months', 60, {t}, {t})`, want: "jobs_repeating_uq"},
	{name: "attempts of no minute", sql: `INSERT INTO refused_attempts (subject_id, action, minute, attempts) VALUES ({ada}, 'sessions.create', {t}, 1)`, want: "refused_attempts_minute_ck"},
	{name: "an attribute twice", sql: `INSERT INTO attribute_definitions (id, name, description, value_type, created_at, updated_at) VALUES ({new}, 'x', 'x', 'number', {t}, {t}), ({new2}, 'x', 'x', 'number', {t}, {t})`, want: "attribute_definitions_name_uq"},
	{name: "an attribute of no type", sql: `INSERT INTO attribute_definitions (id, name, description, value_type, created_at, updated_at) VALUES ({new}, 'x', 'x', 'date', {t}, {t})`, want: "attribute_definitions_value_type_ck"},

	// The audit log (guide 13, 20).
	{name: "an event by nobody", sql: `INSERT INTO audit_logs (subject_id, id, actor_id, action) VALUES ({ada}, {new}, {new2}, 'users.create')`, want: "audit_logs_actor_fk"},
	{name: "an event about nobody", sql: `INSERT INTO audit_logs (subject_id, id, actor_id, action) VALUES ({new2}, {new}, {ada}, 'users.create')`, want: "audit_logs_subject_fk"},
	{name: "an event without an actor", sql: `INSERT INTO audit_logs (subject_id, id, action) VALUES ({ada}, {new}, 'users.create')`, want: "audit_logs_"},
	{name: "an event changed", sql: `UPDATE audit_logs SET action = 'users.read'`, want: "audit_logs_append_only"},
	{name: "an event removed", sql: `DELETE FROM audit_logs`, want: "audit_logs_append_only"},
	{name: "an event replaced", sql: `INSERT OR REPLACE INTO audit_logs (subject_id, id, actor_id, action) VALUES ({ada}, {event}, {ada}, 'users.read')`, postgres: "-", want: "audit_logs_append_only"},
	{name: "an event changed by an upsert", sql: `INSERT INTO audit_logs (subject_id, id, actor_id, action) VALUES ({ada}, {event}, {ada}, 'users.read') ON CONFLICT (subject_id, id) DO UPDATE SET action = 'users.read'`, want: "audit_logs_append_only"},
	{name: "the log truncated", postgres: `TRUNCATE audit_logs`, sqlite: "-", want: "audit_logs_append_only"},
}

func TestWrongStatesAreRefused(t *testing.T) {
	for engine, open := range map[string]func(t *testing.T) *store.Store{
		"sqlite":   func(t *testing.T) *store.Store { s, _ := migratedSQLite(t); return s },
		"postgres": func(t *testing.T) *store.Store { return open(t, migratedPostgres(t)) },
	} {
		t.Run(engine, func(t *testing.T) {
			s, d := open(t), dialectOf(engine)
			if err := s.Write(t.Context(), func(tx store.Tx) error {
				for _, statement := range begin {
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
					if tryWrong(t, s, d.words.Replace(statement), w.want) {
						refused++
					}
				})
			}
			if engine == "postgres" {
				n := tryPartitions(t, s)
				tried, refused = tried+n, refused+n
			}
			t.Logf("%s: %d wrong states tried, %d refused", engine, tried, refused)
		})
	}
}

// tryWrong runs a statement, and what is checked at the commit, and undoes it.
func tryWrong(t *testing.T, s *store.Store, statement, want string) bool {
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
			return nil // only its commit can tell
		}
		return errUndo
	})
	if s.Engine() == "sqlite" && strings.HasSuffix(want, "_fk") {
		want = "foreign_key"
	}
	if !store.Violates(err, want) {
		t.Errorf("%v, want a violation of %s", err, want)
		return false
	}
	return true
}

func countOf(db *sql.DB, query string) (n int, err error) {
	err = db.QueryRow(query).Scan(&n)
	return n, err
}

// tryPartitions tries to change every month of the log by its own name, as its owner.
func tryPartitions(t *testing.T, s *store.Store) (refused int) {
	t.Helper()
	first := time.Date(time.Now().UTC().Year(), time.Now().UTC().Month(), 1, 0, 0, 0, 0, time.UTC)
	for i := range 13 {
		name := "audit_logs_" + first.AddDate(0, i, 0).Format("200601")
		if tryWrong(t, s, `TRUNCATE `+name, "audit_logs_append_only") {
			refused++
		}
	}
	name := "audit_logs_" + first.Format("200601") // the one that has a row
	for _, statement := range []string{`UPDATE ` + name + ` SET action = 'users.read'`, `DELETE FROM ` + name} {
		if tryWrong(t, s, statement, "audit_logs_append_only") {
			refused++
		}
	}
	return refused
}

// The log's own trigger refuses a replacement, even where whoever writes did not switch recursive triggers on.
func TestReplacementIsRefusedWithoutRecursiveTriggers(t *testing.T) {
	s, path := migratedSQLite(t)
	d := dialectOf("sqlite")
	if err := s.Write(t.Context(), func(tx store.Tx) error {
		for _, statement := range begin {
			if err := store.Exec(t.Context(), tx, d.words.Replace(statement)); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	db := openSQL(t, "sqlite", path+"?_pragma=recursive_triggers(0)&_pragma=foreign_keys(0)")
	_, err := db.Exec(d.words.Replace(`INSERT OR REPLACE INTO audit_logs (subject_id, id, actor_id, action) VALUES ({ada}, {event}, {ada}, 'users.read')`))
	if err == nil || !strings.Contains(err.Error(), "audit_logs_append_only") {
		t.Errorf("INSERT OR REPLACE: %v", err)
	}
	if rows := openSQL(t, "sqlite", path); must(countOf(rows, `SELECT count(*) FROM audit_logs WHERE action = 'users.create'`))(t) != 1 {
		t.Error("the event is not as it was")
	}
}

// Of two administrators each ends the other's grant, and both are checked before either commits: the role's row makes the
// second check wait for the first transaction's end, and then there is one too few.
func TestTwoAdministratorsCannotBothLeave(t *testing.T) {
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
		return exec(tx, append(slices.Clone(begin), `INSERT INTO user_roles (user_id, role_id, granted_by, created_at) VALUES ({bob}, {admin}, {system}, {t})`)...)
	})
	second := make(chan error, 1)
	write(t, s, func(tx store.Tx) error {
		if err := exec(tx, `DELETE FROM user_roles WHERE user_id = {ada}`, `SET CONSTRAINTS ALL IMMEDIATE`); err != nil {
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
	if err := <-second; !store.Violates(err, "roles_min_holders") {
		t.Errorf("both left: %v", err)
	}
}
