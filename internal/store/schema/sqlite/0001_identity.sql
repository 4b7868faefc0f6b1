-- Identity: who there is, what is personal about them (sealed), and the claims that must be unique.
-- expand: creates only. *_sealed columns are AES-256-GCM under the owner's key: first byte 0x01, or 0x00 alone once erased.
-- Ids are BLOB(16); times are INTEGER microseconds since 1970 (UTC by construction); booleans are 0 or 1.

CREATE TABLE user_kinds ( -- Lookup: what kind of actor a row of users is; flags keep kind names out of code.
  id                 BLOB NOT NULL CONSTRAINT user_kinds_id_form CHECK (length(id) = 16), -- [id] UUIDv7.
  code               TEXT NOT NULL, -- [public] Name other tables reference.
  description        TEXT NOT NULL, -- [public] Meaning, for people.
  can_sign_in        INTEGER NOT NULL CONSTRAINT user_kinds_can_sign_in_form CHECK (can_sign_in IN (0, 1)), -- [public] Whether this kind may hold credentials and sessions.
  can_hold_api_keys  INTEGER NOT NULL CONSTRAINT user_kinds_can_hold_api_keys_form CHECK (can_hold_api_keys IN (0, 1)), -- [public] Whether this kind may own API keys.
  is_listed          INTEGER NOT NULL CONSTRAINT user_kinds_is_listed_form CHECK (is_listed IN (0, 1)), -- [public] Whether lists of users show this kind unless asked otherwise.
  CONSTRAINT user_kinds_pk PRIMARY KEY (id),
  CONSTRAINT user_kinds_id_ck CHECK (substr(id, 7, 1) BETWEEN x'70' AND x'7F'),
  CONSTRAINT user_kinds_code_uq UNIQUE (code),
  CONSTRAINT user_kinds_code_ck CHECK (code GLOB '[a-z]*' AND code NOT GLOB '*[^a-z_]*' AND length(code) BETWEEN 2 AND 32),
  CONSTRAINT user_kinds_description_ck CHECK (length(description) BETWEEN 1 AND 1024)
) STRICT, WITHOUT ROWID;

CREATE TABLE user_statuses ( -- Lookup: the states of a user; behaviour flags keep status names out of code.
  id           BLOB NOT NULL CONSTRAINT user_statuses_id_form CHECK (length(id) = 16), -- [id] UUIDv7.
  code         TEXT NOT NULL, -- [public] Name other tables reference.
  description  TEXT NOT NULL, -- [public] Meaning, for people.
  can_sign_in  INTEGER NOT NULL CONSTRAINT user_statuses_can_sign_in_form CHECK (can_sign_in IN (0, 1)), -- [public] Whether a user in this status may hold a session.
  is_deleted   INTEGER NOT NULL CONSTRAINT user_statuses_is_deleted_form CHECK (is_deleted IN (0, 1)), -- [public] Whether this status is a soft-deleted one.
  is_erased    INTEGER NOT NULL CONSTRAINT user_statuses_is_erased_form CHECK (is_erased IN (0, 1)), -- [public] Whether this status is final, with personal data destroyed.
  CONSTRAINT user_statuses_pk PRIMARY KEY (id),
  CONSTRAINT user_statuses_id_ck CHECK (substr(id, 7, 1) BETWEEN x'70' AND x'7F'),
  CONSTRAINT user_statuses_code_uq UNIQUE (code),
  CONSTRAINT user_statuses_code_ck CHECK (code GLOB '[a-z]*' AND code NOT GLOB '*[^a-z_]*' AND length(code) BETWEEN 2 AND 32),
  CONSTRAINT user_statuses_description_ck CHECK (length(description) BETWEEN 1 AND 1024),
  CONSTRAINT user_statuses_deleted_ck CHECK (NOT (is_deleted AND can_sign_in)),
  CONSTRAINT user_statuses_erased_ck CHECK (is_deleted OR NOT is_erased)
) STRICT, WITHOUT ROWID;

CREATE TABLE user_status_transitions ( -- Lookup: the allowed moves between statuses and the action that makes each; a trigger refuses all others.
  id           BLOB NOT NULL CONSTRAINT user_status_transitions_id_form CHECK (length(id) = 16), -- [id] UUIDv7.
  from_status  TEXT, -- [public] Status before; NULL for a new user.
  to_status    TEXT NOT NULL, -- [public] Status after.
  action       TEXT NOT NULL, -- [public] What is asked for: create, sign_up, activate, suspend, reactivate, delete, restore, erase.
  description  TEXT NOT NULL, -- [public] When this move is made.
  CONSTRAINT user_status_transitions_pk PRIMARY KEY (id),
  CONSTRAINT user_status_transitions_id_ck CHECK (substr(id, 7, 1) BETWEEN x'70' AND x'7F'),
  CONSTRAINT user_status_transitions_from_fk FOREIGN KEY (from_status) REFERENCES user_statuses (code),
  CONSTRAINT user_status_transitions_to_fk FOREIGN KEY (to_status) REFERENCES user_statuses (code),
  CONSTRAINT user_status_transitions_differ_ck CHECK (from_status <> to_status),
  CONSTRAINT user_status_transitions_action_ck CHECK (action GLOB '[a-z]*' AND action NOT GLOB '*[^a-z_]*' AND length(action) BETWEEN 2 AND 32)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX user_status_transitions_from_ix ON user_status_transitions (from_status, action, to_status);
CREATE UNIQUE INDEX user_status_transitions_initial_uq ON user_status_transitions (action) WHERE from_status IS NULL;
CREATE INDEX user_status_transitions_to_ix ON user_status_transitions (to_status);

CREATE TABLE contact_kinds ( -- Lookup: kinds of contact.
  id           BLOB NOT NULL CONSTRAINT contact_kinds_id_form CHECK (length(id) = 16), -- [id] UUIDv7.
  code         TEXT NOT NULL, -- [public] Name other tables reference.
  description  TEXT NOT NULL, -- [public] Meaning, for people.
  CONSTRAINT contact_kinds_pk PRIMARY KEY (id),
  CONSTRAINT contact_kinds_id_ck CHECK (substr(id, 7, 1) BETWEEN x'70' AND x'7F'),
  CONSTRAINT contact_kinds_code_uq UNIQUE (code),
  CONSTRAINT contact_kinds_code_ck CHECK (code GLOB '[a-z]*' AND code NOT GLOB '*[^a-z_]*' AND length(code) BETWEEN 2 AND 32),
  CONSTRAINT contact_kinds_description_ck CHECK (length(description) BETWEEN 1 AND 1024)
) STRICT, WITHOUT ROWID;

CREATE TABLE countries ( -- Countries and their tax rate: the third normal form in person, a rate changes in one row.
  id            BLOB NOT NULL CONSTRAINT countries_id_form CHECK (length(id) = 16), -- [id] UUIDv7.
  code          TEXT NOT NULL, -- [public] ISO 3166-1 alpha-2 code; other tables reference it.
  name          TEXT NOT NULL, -- [public] English short name.
  tax_rate_ppm  INTEGER NOT NULL DEFAULT 0, -- [public] Standard tax rate in parts per million: 190000 is 19 %.
  created_at    INTEGER NOT NULL CONSTRAINT countries_created_at_form CHECK (created_at BETWEEN 0 AND 253402300799999999), -- [internal] When the row was made (UTC).
  updated_at    INTEGER NOT NULL CONSTRAINT countries_updated_at_form CHECK (updated_at BETWEEN 0 AND 253402300799999999), -- [internal] Last change (UTC).
  version       INTEGER NOT NULL DEFAULT 1, -- [internal] Row revision: grows by one with each change; the ETag.
  CONSTRAINT countries_pk PRIMARY KEY (id),
  CONSTRAINT countries_id_ck CHECK (substr(id, 7, 1) BETWEEN x'70' AND x'7F'),
  CONSTRAINT countries_code_uq UNIQUE (code),
  CONSTRAINT countries_name_uq UNIQUE (name),
  CONSTRAINT countries_code_ck CHECK (code GLOB '[A-Z][A-Z]'),
  CONSTRAINT countries_name_ck CHECK (length(name) BETWEEN 1 AND 128),
  CONSTRAINT countries_tax_rate_ck CHECK (tax_rate_ppm BETWEEN 0 AND 1000000),
  CONSTRAINT countries_updated_ck CHECK (updated_at >= created_at),
  CONSTRAINT countries_version_ck CHECK (version > 0)
) STRICT, WITHOUT ROWID;

CREATE TABLE users ( -- Identity: an identifier, a kind and a status; nothing personal, nothing secret. Every actor is a row, the System too.
  id                      BLOB NOT NULL CONSTRAINT users_id_form CHECK (length(id) = 16), -- [id] UUIDv7, never reused.
  kind                    TEXT NOT NULL, -- [public] What kind of actor this is.
  status                  TEXT NOT NULL, -- [public] Current status: exactly one, from user_statuses.
  status_before_deletion  TEXT, -- [public] Status that a restore returns to.
  created_at              INTEGER NOT NULL CONSTRAINT users_created_at_form CHECK (created_at BETWEEN 0 AND 253402300799999999), -- [internal] When the row was made (UTC).
  updated_at              INTEGER NOT NULL CONSTRAINT users_updated_at_form CHECK (updated_at BETWEEN 0 AND 253402300799999999), -- [internal] Last change (UTC).
  deleted_at              INTEGER CONSTRAINT users_deleted_at_form CHECK (deleted_at BETWEEN 0 AND 253402300799999999), -- [internal] Soft-deleted since (UTC); agrees with the status.
  erased_at               INTEGER CONSTRAINT users_erased_at_form CHECK (erased_at BETWEEN 0 AND 253402300799999999), -- [internal] Personal data destroyed at (UTC); final.
  version                 INTEGER NOT NULL DEFAULT 1, -- [internal] Row revision: grows by one with each change; the ETag.
  schema_version          INTEGER NOT NULL DEFAULT 1, -- [internal] Shape of the row, for application-level versioning.
  CONSTRAINT users_pk PRIMARY KEY (id),
  CONSTRAINT users_id_ck CHECK (substr(id, 7, 1) BETWEEN x'70' AND x'7F'),
  CONSTRAINT users_kind_fk FOREIGN KEY (kind) REFERENCES user_kinds (code),
  CONSTRAINT users_status_fk FOREIGN KEY (status) REFERENCES user_statuses (code),
  CONSTRAINT users_status_before_deletion_fk FOREIGN KEY (status_before_deletion) REFERENCES user_statuses (code),
  CONSTRAINT users_deleted_ck CHECK ((deleted_at IS NULL) = (status_before_deletion IS NULL)),
  CONSTRAINT users_erased_ck CHECK (erased_at IS NULL OR deleted_at IS NOT NULL),
  CONSTRAINT users_updated_ck CHECK (updated_at >= created_at),
  CONSTRAINT users_deleted_at_ck CHECK (deleted_at >= created_at),
  CONSTRAINT users_erased_at_ck CHECK (erased_at >= deleted_at),
  CONSTRAINT users_version_ck CHECK (version > 0 AND schema_version > 0),
  CONSTRAINT users_profile_fk FOREIGN KEY (id) REFERENCES profiles (user_id) DEFERRABLE INITIALLY DEFERRED
) STRICT, WITHOUT ROWID;
CREATE INDEX users_kind_ix ON users (kind, id);
CREATE INDEX users_status_ix ON users (status, id);
CREATE INDEX users_status_before_deletion_ix ON users (status_before_deletion) WHERE status_before_deletion IS NOT NULL;

CREATE TABLE key_encryption_keys ( -- Register of key-encryption keys; the keys themselves live outside the database.
  id            BLOB NOT NULL CONSTRAINT key_encryption_keys_id_form CHECK (length(id) = 16), -- [id] UUIDv7.
  location      TEXT NOT NULL, -- [internal] Where the key is kept: file or environment.
  check_value   BLOB NOT NULL, -- [internal] HMAC of a constant under the key: tells keys apart, reveals none.
  created_at    INTEGER NOT NULL CONSTRAINT key_encryption_keys_created_at_form CHECK (created_at BETWEEN 0 AND 253402300799999999), -- [internal] When the row was made (UTC).
  retired_at    INTEGER CONSTRAINT key_encryption_keys_retired_at_form CHECK (retired_at BETWEEN 0 AND 253402300799999999), -- [internal] Wraps nothing new since (UTC).
  destroyed_at  INTEGER CONSTRAINT key_encryption_keys_destroyed_at_form CHECK (destroyed_at BETWEEN 0 AND 253402300799999999), -- [internal] Destroyed everywhere since (UTC).
  CONSTRAINT key_encryption_keys_pk PRIMARY KEY (id),
  CONSTRAINT key_encryption_keys_id_ck CHECK (substr(id, 7, 1) BETWEEN x'70' AND x'7F'),
  CONSTRAINT key_encryption_keys_location_ck CHECK (location IN ('file', 'environment')),
  CONSTRAINT key_encryption_keys_check_value_uq UNIQUE (check_value),
  CONSTRAINT key_encryption_keys_check_value_ck CHECK (length(check_value) = 32),
  CONSTRAINT key_encryption_keys_retired_ck CHECK (retired_at >= created_at),
  CONSTRAINT key_encryption_keys_destroyed_ck CHECK (destroyed_at IS NULL OR (retired_at IS NOT NULL AND destroyed_at >= retired_at))
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX key_encryption_keys_one_live_uq ON key_encryption_keys ((retired_at IS NULL)) WHERE retired_at IS NULL;

CREATE TABLE service_keys ( -- The service's own keys (blind index, cursors, replies, throttles, audit months), wrapped.
  id           BLOB NOT NULL CONSTRAINT service_keys_id_form CHECK (length(id) = 16), -- [id] UUIDv7.
  name         TEXT NOT NULL, -- [internal] What the key is for.
  kek_id       BLOB NOT NULL CONSTRAINT service_keys_kek_id_form CHECK (length(kek_id) = 16), -- [internal] Key-encryption key that wraps it.
  wrapped_key  BLOB NOT NULL, -- [secret] The key, wrapped.
  created_at   INTEGER NOT NULL CONSTRAINT service_keys_created_at_form CHECK (created_at BETWEEN 0 AND 253402300799999999), -- [internal] When the row was made (UTC).
  wrapped_at   INTEGER NOT NULL CONSTRAINT service_keys_wrapped_at_form CHECK (wrapped_at BETWEEN 0 AND 253402300799999999), -- [internal] Last wrapped (UTC).
  CONSTRAINT service_keys_pk PRIMARY KEY (id),
  CONSTRAINT service_keys_id_ck CHECK (substr(id, 7, 1) BETWEEN x'70' AND x'7F'),
  CONSTRAINT service_keys_name_uq UNIQUE (name),
  CONSTRAINT service_keys_name_ck CHECK (name GLOB '[a-z]*' AND name NOT GLOB '*[^a-z0-9-]*' AND length(name) BETWEEN 2 AND 63),
  CONSTRAINT service_keys_kek_fk FOREIGN KEY (kek_id) REFERENCES key_encryption_keys (id),
  CONSTRAINT service_keys_wrapped_key_ck CHECK (length(wrapped_key) = 61),
  CONSTRAINT service_keys_wrapped_ck CHECK (wrapped_at >= created_at)
) STRICT, WITHOUT ROWID;
CREATE INDEX service_keys_kek_ix ON service_keys (kek_id);

CREATE TABLE user_keys ( -- One data key a user, wrapped; destroying the row destroys all the user's sealed values.
  user_id      BLOB NOT NULL CONSTRAINT user_keys_user_id_form CHECK (length(user_id) = 16), -- [id] Owner.
  kek_id       BLOB NOT NULL CONSTRAINT user_keys_kek_id_form CHECK (length(kek_id) = 16), -- [internal] Key-encryption key that wraps it.
  wrapped_key  BLOB NOT NULL, -- [secret] Data key, wrapped.
  created_at   INTEGER NOT NULL CONSTRAINT user_keys_created_at_form CHECK (created_at BETWEEN 0 AND 253402300799999999), -- [internal] When the row was made (UTC).
  wrapped_at   INTEGER NOT NULL CONSTRAINT user_keys_wrapped_at_form CHECK (wrapped_at BETWEEN 0 AND 253402300799999999), -- [internal] Last wrapped (UTC).
  CONSTRAINT user_keys_pk PRIMARY KEY (user_id),
  CONSTRAINT user_keys_user_fk FOREIGN KEY (user_id) REFERENCES users (id),
  CONSTRAINT user_keys_user_ck CHECK (user_id > x'000000000000700080000000000000ff'),
  CONSTRAINT user_keys_kek_fk FOREIGN KEY (kek_id) REFERENCES key_encryption_keys (id),
  CONSTRAINT user_keys_wrapped_key_ck CHECK (length(wrapped_key) = 61),
  CONSTRAINT user_keys_wrapped_ck CHECK (wrapped_at >= created_at)
) STRICT, WITHOUT ROWID;
CREATE INDEX user_keys_kek_ix ON user_keys (kek_id);

CREATE TABLE attribute_definitions ( -- Declared custom attributes of profiles.
  id           BLOB NOT NULL CONSTRAINT attribute_definitions_id_form CHECK (length(id) = 16), -- [id] UUIDv7.
  name         TEXT NOT NULL, -- [public] Key of the attribute in a profile.
  description  TEXT NOT NULL, -- [public] Meaning, for people.
  value_type   TEXT NOT NULL, -- [public] JSON type of its values: string, number or boolean.
  created_at   INTEGER NOT NULL CONSTRAINT attribute_definitions_created_at_form CHECK (created_at BETWEEN 0 AND 253402300799999999), -- [internal] When the row was made (UTC).
  updated_at   INTEGER NOT NULL CONSTRAINT attribute_definitions_updated_at_form CHECK (updated_at BETWEEN 0 AND 253402300799999999), -- [internal] Last change (UTC).
  version      INTEGER NOT NULL DEFAULT 1, -- [internal] Row revision: grows by one with each change; the ETag.
  CONSTRAINT attribute_definitions_pk PRIMARY KEY (id),
  CONSTRAINT attribute_definitions_id_ck CHECK (substr(id, 7, 1) BETWEEN x'70' AND x'7F'),
  CONSTRAINT attribute_definitions_name_uq UNIQUE (name),
  CONSTRAINT attribute_definitions_name_ck CHECK (name GLOB '[a-z]*' AND name NOT GLOB '*[^a-z0-9_]*' AND length(name) <= 63),
  CONSTRAINT attribute_definitions_description_ck CHECK (length(description) BETWEEN 1 AND 1024),
  CONSTRAINT attribute_definitions_value_type_ck CHECK (value_type IN ('string', 'number', 'boolean')),
  CONSTRAINT attribute_definitions_updated_ck CHECK (updated_at >= created_at),
  CONSTRAINT attribute_definitions_version_ck CHECK (version > 0)
) STRICT, WITHOUT ROWID;

CREATE TABLE profiles ( -- Personal data, exactly one row a user; names and links sealed under the user's key.
  user_id              BLOB NOT NULL CONSTRAINT profiles_user_id_form CHECK (length(user_id) = 16), -- [id] Owner; primary and foreign key make the one-to-one.
  display_name_sealed  BLOB, -- [pii] Display name, sealed.
  username_sealed      BLOB, -- [pii] User name as typed, sealed; its claim stands in identifiers.
  avatar_url_sealed    BLOB, -- [pii] Link to an image in external storage, sealed; never the image.
  country_code         TEXT, -- [pii] Country, for its tax rate.
  locale               TEXT NOT NULL DEFAULT 'und', -- [pii] BCP 47 language tag.
  time_zone            TEXT NOT NULL DEFAULT 'UTC', -- [pii] IANA time zone, for display only.
  preferences          TEXT NOT NULL DEFAULT '{}' CONSTRAINT profiles_preferences_form CHECK (json_valid(preferences)), -- [internal] Interface settings (theme, notifications); nothing personal by rule.
  attributes_sealed    BLOB, -- [pii] Declared custom attributes as JSON, sealed.
  created_at           INTEGER NOT NULL CONSTRAINT profiles_created_at_form CHECK (created_at BETWEEN 0 AND 253402300799999999), -- [internal] When the row was made (UTC).
  updated_at           INTEGER NOT NULL CONSTRAINT profiles_updated_at_form CHECK (updated_at BETWEEN 0 AND 253402300799999999), -- [internal] Last change (UTC).
  version              INTEGER NOT NULL DEFAULT 1, -- [internal] Row revision: grows by one with each change; the ETag.
  schema_version       INTEGER NOT NULL DEFAULT 1, -- [internal] Shape of preferences and attributes.
  CONSTRAINT profiles_pk PRIMARY KEY (user_id),
  CONSTRAINT profiles_user_fk FOREIGN KEY (user_id) REFERENCES users (id),
  CONSTRAINT profiles_country_fk FOREIGN KEY (country_code) REFERENCES countries (code),
  CONSTRAINT profiles_display_name_ck CHECK (display_name_sealed = x'00' OR (substr(display_name_sealed, 1, 1) = x'01' AND length(display_name_sealed) BETWEEN 30 AND 1200)),
  CONSTRAINT profiles_username_ck CHECK (username_sealed = x'00' OR (substr(username_sealed, 1, 1) = x'01' AND length(username_sealed) BETWEEN 30 AND 320)),
  CONSTRAINT profiles_avatar_url_ck CHECK (avatar_url_sealed = x'00' OR (substr(avatar_url_sealed, 1, 1) = x'01' AND length(avatar_url_sealed) BETWEEN 30 AND 2080)),
  CONSTRAINT profiles_attributes_ck CHECK (attributes_sealed = x'00' OR (substr(attributes_sealed, 1, 1) = x'01' AND length(attributes_sealed) BETWEEN 30 AND 32768)),
  CONSTRAINT profiles_locale_ck CHECK (length(locale) BETWEEN 2 AND 35),
  CONSTRAINT profiles_time_zone_ck CHECK (length(time_zone) BETWEEN 1 AND 64),
  CONSTRAINT profiles_preferences_ck CHECK (CASE WHEN json_valid(preferences) THEN json_type(preferences) = 'object' ELSE 0 END AND length(CAST(preferences AS BLOB)) <= 16384),
  CONSTRAINT profiles_updated_ck CHECK (updated_at >= created_at),
  CONSTRAINT profiles_version_ck CHECK (version > 0 AND schema_version > 0)
) STRICT, WITHOUT ROWID;
CREATE INDEX profiles_country_ix ON profiles (country_code) WHERE country_code IS NOT NULL;

CREATE TABLE contacts ( -- E-mail addresses and telephone numbers, one value a row (1NF).
  user_id         BLOB NOT NULL CONSTRAINT contacts_user_id_form CHECK (length(user_id) = 16), -- [id] Owner.
  id              BLOB NOT NULL CONSTRAINT contacts_id_form CHECK (length(id) = 16), -- [id] UUIDv7.
  kind            TEXT NOT NULL, -- [public] E-mail or telephone.
  value_sealed    BLOB NOT NULL, -- [pii] The value as typed, sealed.
  is_primary      INTEGER NOT NULL DEFAULT FALSE CONSTRAINT contacts_is_primary_form CHECK (is_primary IN (0, 1)), -- [public] The one to use; at most one a user and kind.
  verified_at     INTEGER CONSTRAINT contacts_verified_at_form CHECK (verified_at BETWEEN 0 AND 253402300799999999), -- [internal] When control of it was proved or vouched for (UTC).
  created_at      INTEGER NOT NULL CONSTRAINT contacts_created_at_form CHECK (created_at BETWEEN 0 AND 253402300799999999), -- [internal] When the row was made (UTC).
  updated_at      INTEGER NOT NULL CONSTRAINT contacts_updated_at_form CHECK (updated_at BETWEEN 0 AND 253402300799999999), -- [internal] Last change (UTC).
  version         INTEGER NOT NULL DEFAULT 1, -- [internal] Row revision: grows by one with each change; the ETag.
  schema_version  INTEGER NOT NULL DEFAULT 1, -- [internal] Normalisation rules of the value.
  CONSTRAINT contacts_pk PRIMARY KEY (user_id, id),
  CONSTRAINT contacts_id_ck CHECK (substr(id, 7, 1) BETWEEN x'70' AND x'7F'),
  CONSTRAINT contacts_user_fk FOREIGN KEY (user_id) REFERENCES users (id),
  CONSTRAINT contacts_user_ck CHECK (user_id > x'000000000000700080000000000000ff'),
  CONSTRAINT contacts_kind_fk FOREIGN KEY (kind) REFERENCES contact_kinds (code),
  CONSTRAINT contacts_value_ck CHECK (value_sealed = x'00' OR (substr(value_sealed, 1, 1) = x'01' AND length(value_sealed) BETWEEN 30 AND 512)),
  CONSTRAINT contacts_verified_ck CHECK (verified_at >= created_at),
  CONSTRAINT contacts_updated_ck CHECK (updated_at >= created_at),
  CONSTRAINT contacts_version_ck CHECK (version > 0 AND schema_version > 0)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX contacts_one_primary_uq ON contacts (user_id, kind) WHERE is_primary;
CREATE INDEX contacts_kind_ix ON contacts (kind);

CREATE TABLE identifiers ( -- Claims: what must be unique over all users (e-mail, telephone, user name), and all that sign-in reads.
  value_index  BLOB NOT NULL, -- [pii] Keyed blind index of kind and normal form, 32 bytes; the claim.
  user_id      BLOB NOT NULL CONSTRAINT identifiers_user_id_form CHECK (length(user_id) = 16), -- [id] Holder of the claim.
  contact_id   BLOB CONSTRAINT identifiers_contact_id_form CHECK (length(contact_id) = 16), -- [id] Contact that holds the value; NULL for a user name.
  created_at   INTEGER NOT NULL CONSTRAINT identifiers_created_at_form CHECK (created_at BETWEEN 0 AND 253402300799999999), -- [internal] When the row was made (UTC).
  expires_at   INTEGER CONSTRAINT identifiers_expires_at_form CHECK (expires_at BETWEEN 0 AND 253402300799999999), -- [internal] An unproved claim lapses at (UTC); NULL once proved.
  CONSTRAINT identifiers_pk PRIMARY KEY (value_index),
  CONSTRAINT identifiers_value_index_ck CHECK (length(value_index) = 32),
  CONSTRAINT identifiers_user_fk FOREIGN KEY (user_id) REFERENCES users (id),
  CONSTRAINT identifiers_user_ck CHECK (user_id > x'000000000000700080000000000000ff'),
  CONSTRAINT identifiers_contact_fk FOREIGN KEY (user_id, contact_id) REFERENCES contacts (user_id, id),
  CONSTRAINT identifiers_contact_uq UNIQUE (user_id, contact_id),
  CONSTRAINT identifiers_expires_ck CHECK (expires_at > created_at),
  CONSTRAINT identifiers_username_ck CHECK (contact_id IS NOT NULL OR expires_at IS NULL)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX identifiers_one_username_uq ON identifiers (user_id) WHERE contact_id IS NULL;
CREATE INDEX identifiers_expires_ix ON identifiers (expires_at) WHERE expires_at IS NOT NULL;

CREATE TRIGGER users_guard_insert BEFORE INSERT ON users BEGIN
  SELECT RAISE(ABORT, 'users_status_times: status disagrees with deleted_at or erased_at')
   FROM user_statuses s WHERE s.code = NEW.status AND (s.is_deleted <> (NEW.deleted_at IS NOT NULL) OR s.is_erased <> (NEW.erased_at IS NOT NULL));
  SELECT RAISE(ABORT, 'users_status_transition: a new user cannot have this status')
   FROM user_statuses s WHERE s.code = NEW.status
    AND NOT EXISTS (SELECT 1 FROM user_status_transitions t WHERE t.from_status IS NULL AND t.to_status = NEW.status);
END;
CREATE TRIGGER users_guard BEFORE UPDATE ON users BEGIN
  SELECT RAISE(ABORT, 'users_status_times: status disagrees with deleted_at or erased_at')
   FROM user_statuses s WHERE s.code = NEW.status AND (s.is_deleted <> (NEW.deleted_at IS NOT NULL) OR s.is_erased <> (NEW.erased_at IS NOT NULL));
  SELECT RAISE(ABORT, 'users_built_in_fixed: a built-in actor cannot change') WHERE OLD.id <= x'000000000000700080000000000000ff';
  SELECT RAISE(ABORT, 'users_kind_fixed: id and kind cannot change') WHERE NEW.id <> OLD.id OR NEW.kind <> OLD.kind;
  SELECT RAISE(ABORT, 'users_erased_final: an erased user stays as it is') WHERE OLD.erased_at IS NOT NULL;
  SELECT RAISE(ABORT, 'users_status_transition: this move between statuses is not allowed')
   FROM user_statuses s WHERE s.code = NEW.status AND NEW.status <> OLD.status
    AND NOT EXISTS (SELECT 1 FROM user_status_transitions t WHERE t.from_status = OLD.status AND t.to_status = NEW.status);
END;
CREATE TRIGGER users_no_delete BEFORE DELETE ON users BEGIN
  SELECT RAISE(ABORT, 'users_no_delete: soft-delete the user');
END;
CREATE TRIGGER profiles_no_delete BEFORE DELETE ON profiles BEGIN
  SELECT RAISE(ABORT, 'profiles_no_delete: erasure replaces the values');
END;
CREATE TRIGGER identifiers_claim_fixed BEFORE UPDATE OF value_index, user_id, contact_id ON identifiers BEGIN
  SELECT RAISE(ABORT, 'identifiers_claim_fixed: insert the new claim and delete the old one');
END;
CREATE TRIGGER countries_guard_version BEFORE UPDATE ON countries BEGIN
  SELECT RAISE(ABORT, 'countries_version_step: version must grow by one') WHERE NEW.version <> OLD.version + 1;
  SELECT RAISE(ABORT, 'countries_created_fixed: created_at cannot change') WHERE NEW.created_at <> OLD.created_at;
END;
CREATE TRIGGER users_guard_version BEFORE UPDATE ON users BEGIN
  SELECT RAISE(ABORT, 'users_version_step: version must grow by one') WHERE NEW.version <> OLD.version + 1;
  SELECT RAISE(ABORT, 'users_created_fixed: created_at cannot change') WHERE NEW.created_at <> OLD.created_at;
END;
CREATE TRIGGER attribute_definitions_guard_version BEFORE UPDATE ON attribute_definitions BEGIN
  SELECT RAISE(ABORT, 'attribute_definitions_version_step: version must grow by one') WHERE NEW.version <> OLD.version + 1;
  SELECT RAISE(ABORT, 'attribute_definitions_created_fixed: created_at cannot change') WHERE NEW.created_at <> OLD.created_at;
END;
CREATE TRIGGER profiles_guard_version BEFORE UPDATE ON profiles BEGIN
  SELECT RAISE(ABORT, 'profiles_version_step: version must grow by one') WHERE NEW.version <> OLD.version + 1;
  SELECT RAISE(ABORT, 'profiles_created_fixed: created_at cannot change') WHERE NEW.created_at <> OLD.created_at;
END;
CREATE TRIGGER contacts_guard_version BEFORE UPDATE ON contacts BEGIN
  SELECT RAISE(ABORT, 'contacts_version_step: version must grow by one') WHERE NEW.version <> OLD.version + 1;
  SELECT RAISE(ABORT, 'contacts_created_fixed: created_at cannot change') WHERE NEW.created_at <> OLD.created_at;
END;
