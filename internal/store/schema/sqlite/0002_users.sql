-- Users: identity in one table, personal data in another, with exactly one profile per user.
-- Columns named *_sealed contain AES-256-GCM ciphertext under the key of their owner. The first byte is 0x01; after
-- erasure a single byte 0x00 is left.

CREATE TABLE users ( -- Identity: id, kind and status; nothing personal or secret. Every actor has a row, Cardinal too.
  id                      BLOB NOT NULL -- [id] UUIDv7, never reused.
    CONSTRAINT users_id_form CHECK (length(id) = 16),
  kind                    TEXT NOT NULL, -- [public] Kind of user.
  status                  TEXT NOT NULL, -- [public] Current status; exactly one.
  status_before_deletion  TEXT, -- [public] Status that a restore returns to; NULL unless deleted.
  created_at              INTEGER NOT NULL -- [internal] When the row was created (UTC).
    CONSTRAINT users_created_at_form CHECK (created_at BETWEEN 0 AND 253402300799999999),
  updated_at              INTEGER NOT NULL -- [internal] When the row was last changed (UTC).
    CONSTRAINT users_updated_at_form CHECK (updated_at BETWEEN 0 AND 253402300799999999),
  deleted_at              INTEGER -- [internal] When the user was soft-deleted (UTC); agrees with the status.
    CONSTRAINT users_deleted_at_form CHECK (deleted_at BETWEEN 0 AND 253402300799999999),
  erased_at               INTEGER -- [internal] When the personal data was destroyed (UTC); final.
    CONSTRAINT users_erased_at_form CHECK (erased_at BETWEEN 0 AND 253402300799999999),
  version                 INTEGER NOT NULL DEFAULT 1, -- [internal] Row version: increases by one per change; the ETag.
  schema_version          INTEGER NOT NULL DEFAULT 1, -- [internal] Version of the row's format, for the application.
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

CREATE TABLE attribute_definitions ( -- Declared custom attributes of profiles.
  id             BLOB NOT NULL -- [id] UUIDv7.
    CONSTRAINT attribute_definitions_id_form CHECK (length(id) = 16),
  name           TEXT NOT NULL, -- [public] Name of the attribute in a profile.
  description    TEXT NOT NULL, -- [public] Description for readers.
  value_type     TEXT NOT NULL, -- [public] JSON type of its values: string, number or boolean.
  is_searchable  INTEGER NOT NULL DEFAULT FALSE -- [public] Whether users can be found by its exact value; constant.
    CONSTRAINT attribute_definitions_is_searchable_form CHECK (is_searchable IN (0, 1)),
  created_at     INTEGER NOT NULL -- [internal] When the row was created (UTC).
    CONSTRAINT attribute_definitions_created_at_form CHECK (created_at BETWEEN 0 AND 253402300799999999),
  updated_at     INTEGER NOT NULL -- [internal] When the row was last changed (UTC).
    CONSTRAINT attribute_definitions_updated_at_form CHECK (updated_at BETWEEN 0 AND 253402300799999999),
  version        INTEGER NOT NULL DEFAULT 1, -- [internal] Row version: increases by one per change; the ETag.
  CONSTRAINT attribute_definitions_pk PRIMARY KEY (id),
  CONSTRAINT attribute_definitions_id_ck CHECK (substr(id, 7, 1) BETWEEN x'70' AND x'7F'),
  CONSTRAINT attribute_definitions_name_uq UNIQUE (name),
  CONSTRAINT attribute_definitions_name_ck CHECK (name GLOB '[a-z]*' AND name NOT GLOB '*[^a-z0-9_]*'
    AND length(name) <= 63),
  CONSTRAINT attribute_definitions_description_ck CHECK (length(description) BETWEEN 1 AND 1024),
  CONSTRAINT attribute_definitions_value_type_ck CHECK (value_type IN ('string', 'number', 'boolean')),
  CONSTRAINT attribute_definitions_updated_ck CHECK (updated_at >= created_at),
  CONSTRAINT attribute_definitions_version_ck CHECK (version > 0)
) STRICT, WITHOUT ROWID;

CREATE TABLE profiles ( -- Personal data, exactly one row per user. Names and links are encrypted under the user's key.
  user_id              BLOB NOT NULL -- [id] Owner; the primary key and the foreign key make the relation one-to-one.
    CONSTRAINT profiles_user_id_form CHECK (length(user_id) = 16),
  display_name_sealed  BLOB, -- [pii] Display name, encrypted.
  username_sealed      BLOB, -- [pii] User name as entered, encrypted; its blind index is in identifiers.
  avatar_url_sealed    BLOB, -- [pii] Link to an image in external storage, encrypted; the image is never stored.
  country_code         TEXT, -- [pii] Country; determines the tax rate.
  locale               TEXT NOT NULL DEFAULT 'und', -- [pii] BCP 47 language tag.
  time_zone            TEXT NOT NULL DEFAULT 'UTC', -- [pii] IANA time zone, for display only.
  preferences          TEXT NOT NULL DEFAULT '{}' -- [internal] Interface settings such as the theme; nothing personal.
    CONSTRAINT profiles_preferences_form CHECK (json_valid(preferences)),
  attributes_sealed    BLOB, -- [pii] Custom attributes as JSON, encrypted.
  created_at           INTEGER NOT NULL -- [internal] When the row was created (UTC).
    CONSTRAINT profiles_created_at_form CHECK (created_at BETWEEN 0 AND 253402300799999999),
  updated_at           INTEGER NOT NULL -- [internal] When the row was last changed (UTC).
    CONSTRAINT profiles_updated_at_form CHECK (updated_at BETWEEN 0 AND 253402300799999999),
  version              INTEGER NOT NULL DEFAULT 1, -- [internal] Row version: increases by one per change; the ETag.
  schema_version       INTEGER NOT NULL DEFAULT 1, -- [internal] Version of the format of preferences and attributes.
  CONSTRAINT profiles_pk PRIMARY KEY (user_id),
  CONSTRAINT profiles_user_fk FOREIGN KEY (user_id) REFERENCES users (id),
  CONSTRAINT profiles_country_fk FOREIGN KEY (country_code) REFERENCES countries (code),
  CONSTRAINT profiles_display_name_ck CHECK (display_name_sealed = x'00'
    OR (substr(display_name_sealed, 1, 1) = x'01' AND length(display_name_sealed) BETWEEN 30 AND 1200)),
  CONSTRAINT profiles_username_ck CHECK (
    username_sealed = x'00' OR (substr(username_sealed, 1, 1) = x'01' AND length(username_sealed) BETWEEN 30 AND 320)),
  CONSTRAINT profiles_avatar_url_ck CHECK (avatar_url_sealed = x'00'
    OR (substr(avatar_url_sealed, 1, 1) = x'01' AND length(avatar_url_sealed) BETWEEN 30 AND 2080)),
  CONSTRAINT profiles_attributes_ck CHECK (attributes_sealed = x'00'
    OR (substr(attributes_sealed, 1, 1) = x'01' AND length(attributes_sealed) BETWEEN 30 AND 32768)),
  CONSTRAINT profiles_locale_ck CHECK (length(locale) BETWEEN 2 AND 35),
  CONSTRAINT profiles_time_zone_ck CHECK (length(time_zone) BETWEEN 1 AND 64),
  CONSTRAINT profiles_preferences_ck CHECK (
    CASE WHEN json_valid(preferences) THEN json_type(preferences) = 'object' ELSE 0 END
    AND length(CAST(preferences AS BLOB)) <= 16384),
  CONSTRAINT profiles_updated_ck CHECK (updated_at >= created_at),
  CONSTRAINT profiles_version_ck CHECK (version > 0 AND schema_version > 0)
) STRICT, WITHOUT ROWID;
CREATE INDEX profiles_country_ix ON profiles (country_code) WHERE country_code IS NOT NULL;

CREATE TRIGGER users_guard BEFORE UPDATE ON users BEGIN
  SELECT RAISE(ABORT, 'users_status_times: status disagrees with deleted_at or erased_at')
   FROM user_statuses s WHERE s.code = NEW.status
    AND (s.is_deleted <> (NEW.deleted_at IS NOT NULL) OR s.is_erased <> (NEW.erased_at IS NOT NULL));
  SELECT RAISE(ABORT, 'users_built_in_fixed: a built-in user cannot change')
   WHERE OLD.id <= x'000000000000700080000000000000ff';
  SELECT RAISE(ABORT, 'users_kind_fixed: id and kind cannot change') WHERE NEW.id <> OLD.id OR NEW.kind <> OLD.kind;
  SELECT RAISE(ABORT, 'users_erased_final: an erased user cannot change') WHERE OLD.erased_at IS NOT NULL;
  SELECT RAISE(ABORT, 'users_status_transition: this status transition is not allowed')
   FROM user_statuses s WHERE s.code = NEW.status AND NEW.status <> OLD.status
    AND NOT EXISTS (
    SELECT 1 FROM user_status_transitions t WHERE t.from_status = OLD.status AND t.to_status = NEW.status);
END;
CREATE TRIGGER users_guard_insert BEFORE INSERT ON users BEGIN
  SELECT RAISE(ABORT, 'users_status_times: status disagrees with deleted_at or erased_at')
   FROM user_statuses s WHERE s.code = NEW.status
    AND (s.is_deleted <> (NEW.deleted_at IS NOT NULL) OR s.is_erased <> (NEW.erased_at IS NOT NULL));
  SELECT RAISE(ABORT, 'users_status_transition: a new user cannot have this status')
   FROM user_statuses s WHERE s.code = NEW.status
    AND NOT EXISTS (
    SELECT 1 FROM user_status_transitions t WHERE t.from_status IS NULL AND t.to_status = NEW.status);
END;
CREATE TRIGGER users_guard_version BEFORE UPDATE ON users BEGIN
  SELECT RAISE(ABORT, 'users_version_step: version must increase by one') WHERE NEW.version <> OLD.version + 1;
  SELECT RAISE(ABORT, 'users_created_fixed: created_at cannot change') WHERE NEW.created_at <> OLD.created_at;
END;
CREATE TRIGGER users_no_delete BEFORE DELETE ON users BEGIN
  SELECT RAISE(ABORT, 'users_no_delete: soft-delete the user instead');
END;
CREATE TRIGGER attribute_definitions_guard_version BEFORE UPDATE ON attribute_definitions BEGIN
  SELECT RAISE(ABORT, 'attribute_definitions_version_step: version must increase by one')
   WHERE NEW.version <> OLD.version + 1;
  SELECT RAISE(ABORT, 'attribute_definitions_created_fixed: created_at cannot change')
   WHERE NEW.created_at <> OLD.created_at;
END;
CREATE TRIGGER profiles_guard_version BEFORE UPDATE ON profiles BEGIN
  SELECT RAISE(ABORT, 'profiles_version_step: version must increase by one') WHERE NEW.version <> OLD.version + 1;
  SELECT RAISE(ABORT, 'profiles_created_fixed: created_at cannot change') WHERE NEW.created_at <> OLD.created_at;
END;
CREATE TRIGGER profiles_no_delete BEFORE DELETE ON profiles BEGIN
  SELECT RAISE(ABORT, 'profiles_no_delete: erase the values instead');
END;
