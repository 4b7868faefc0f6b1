-- Users: identity in one table, personal data in another, with exactly one profile per user.
-- Columns named *_sealed contain AES-256-GCM ciphertext under the key of their owner. The first byte is 0x01; after
-- erasure a single byte 0x00 is left.

CREATE TABLE users (
  id                      uuid NOT NULL,
  kind                    text NOT NULL,
  status                  text NOT NULL,
  status_before_deletion  text,
  created_at              timestamptz NOT NULL,
  updated_at              timestamptz NOT NULL,
  deleted_at              timestamptz,
  erased_at               timestamptz,
  version                 bigint NOT NULL DEFAULT 1,
  schema_version          bigint NOT NULL DEFAULT 1,
  CONSTRAINT users_pk PRIMARY KEY (id),
  CONSTRAINT users_id_ck CHECK ((get_byte(uuid_send(id), 6) & 240) = 112),
  CONSTRAINT users_kind_fk FOREIGN KEY (kind) REFERENCES user_kinds (code),
  CONSTRAINT users_status_fk FOREIGN KEY (status) REFERENCES user_statuses (code),
  CONSTRAINT users_status_before_deletion_fk FOREIGN KEY (status_before_deletion) REFERENCES user_statuses (code),
  CONSTRAINT users_deleted_ck CHECK ((deleted_at IS NULL) = (status_before_deletion IS NULL)),
  CONSTRAINT users_erased_ck CHECK (erased_at IS NULL OR deleted_at IS NOT NULL),
  CONSTRAINT users_updated_ck CHECK (updated_at >= created_at),
  CONSTRAINT users_deleted_at_ck CHECK (deleted_at >= created_at),
  CONSTRAINT users_erased_at_ck CHECK (erased_at >= deleted_at),
  CONSTRAINT users_version_ck CHECK (version > 0 AND schema_version > 0)
);
CREATE INDEX users_kind_ix ON users (kind, id);
CREATE INDEX users_status_ix ON users (status, id);
CREATE INDEX users_status_before_deletion_ix ON users (status_before_deletion) WHERE status_before_deletion IS NOT NULL;
COMMENT ON TABLE users IS
  'Identity: id, kind and status; nothing personal or secret. Every actor has a row, Cardinal too.';
COMMENT ON COLUMN users.id IS '[id] UUIDv7, never reused.';
COMMENT ON COLUMN users.kind IS '[public] Kind of user.';
COMMENT ON COLUMN users.status IS '[public] Current status; exactly one.';
COMMENT ON COLUMN users.status_before_deletion IS '[public] Status that a restore returns to; NULL unless deleted.';
COMMENT ON COLUMN users.created_at IS '[internal] When the row was created (UTC).';
COMMENT ON COLUMN users.updated_at IS '[internal] When the row was last changed (UTC).';
COMMENT ON COLUMN users.deleted_at IS '[internal] When the user was soft-deleted (UTC); agrees with the status.';
COMMENT ON COLUMN users.erased_at IS '[internal] When the personal data was destroyed (UTC); final.';
COMMENT ON COLUMN users.version IS '[internal] Row version: increases by one per change; the ETag.';
COMMENT ON COLUMN users.schema_version IS '[internal] Version of the row''s format, for the application.';

CREATE TABLE attribute_definitions (
  id             uuid NOT NULL,
  name           text NOT NULL,
  description    text NOT NULL,
  value_type     text NOT NULL,
  is_searchable  boolean NOT NULL DEFAULT FALSE,
  created_at     timestamptz NOT NULL,
  updated_at     timestamptz NOT NULL,
  version        bigint NOT NULL DEFAULT 1,
  CONSTRAINT attribute_definitions_pk PRIMARY KEY (id),
  CONSTRAINT attribute_definitions_id_ck CHECK ((get_byte(uuid_send(id), 6) & 240) = 112),
  CONSTRAINT attribute_definitions_name_uq UNIQUE (name),
  CONSTRAINT attribute_definitions_name_ck CHECK (name ~ '^[a-z][a-z0-9_]{0,62}$'),
  CONSTRAINT attribute_definitions_description_ck CHECK (char_length(description) BETWEEN 1 AND 1024),
  CONSTRAINT attribute_definitions_value_type_ck CHECK (value_type IN ('string', 'number', 'boolean')),
  CONSTRAINT attribute_definitions_updated_ck CHECK (updated_at >= created_at),
  CONSTRAINT attribute_definitions_version_ck CHECK (version > 0)
);
COMMENT ON TABLE attribute_definitions IS 'Declared custom attributes of profiles.';
COMMENT ON COLUMN attribute_definitions.id IS '[id] UUIDv7.';
COMMENT ON COLUMN attribute_definitions.name IS '[public] Name of the attribute in a profile.';
COMMENT ON COLUMN attribute_definitions.description IS '[public] Description for readers.';
COMMENT ON COLUMN attribute_definitions.value_type IS '[public] JSON type of its values: string, number or boolean.';
COMMENT ON COLUMN attribute_definitions.is_searchable IS
  '[public] Whether users can be found by its exact value; constant.';
COMMENT ON COLUMN attribute_definitions.created_at IS '[internal] When the row was created (UTC).';
COMMENT ON COLUMN attribute_definitions.updated_at IS '[internal] When the row was last changed (UTC).';
COMMENT ON COLUMN attribute_definitions.version IS '[internal] Row version: increases by one per change; the ETag.';

CREATE TABLE profiles (
  user_id              uuid NOT NULL,
  display_name_sealed  bytea,
  username_sealed      bytea,
  avatar_url_sealed    bytea,
  country_code         text,
  locale               text NOT NULL DEFAULT 'und',
  time_zone            text NOT NULL DEFAULT 'UTC',
  preferences          jsonb NOT NULL DEFAULT '{}',
  attributes_sealed    bytea,
  created_at           timestamptz NOT NULL,
  updated_at           timestamptz NOT NULL,
  version              bigint NOT NULL DEFAULT 1,
  schema_version       bigint NOT NULL DEFAULT 1,
  CONSTRAINT profiles_pk PRIMARY KEY (user_id),
  CONSTRAINT profiles_user_fk FOREIGN KEY (user_id) REFERENCES users (id),
  CONSTRAINT profiles_country_fk FOREIGN KEY (country_code) REFERENCES countries (code),
  CONSTRAINT profiles_display_name_ck CHECK (display_name_sealed = '\x00'
    OR (get_byte(display_name_sealed, 0) = 1 AND octet_length(display_name_sealed) BETWEEN 30 AND 1200)),
  CONSTRAINT profiles_username_ck CHECK (username_sealed = '\x00'
    OR (get_byte(username_sealed, 0) = 1 AND octet_length(username_sealed) BETWEEN 30 AND 320)),
  CONSTRAINT profiles_avatar_url_ck CHECK (avatar_url_sealed = '\x00'
    OR (get_byte(avatar_url_sealed, 0) = 1 AND octet_length(avatar_url_sealed) BETWEEN 30 AND 2080)),
  CONSTRAINT profiles_attributes_ck CHECK (attributes_sealed = '\x00'
    OR (get_byte(attributes_sealed, 0) = 1 AND octet_length(attributes_sealed) BETWEEN 30 AND 32768)),
  CONSTRAINT profiles_locale_ck CHECK (char_length(locale) BETWEEN 2 AND 35),
  CONSTRAINT profiles_time_zone_ck CHECK (char_length(time_zone) BETWEEN 1 AND 64),
  CONSTRAINT profiles_preferences_ck CHECK (jsonb_typeof(preferences) = 'object'
    AND octet_length(preferences::text) <= 16384),
  CONSTRAINT profiles_updated_ck CHECK (updated_at >= created_at),
  CONSTRAINT profiles_version_ck CHECK (version > 0 AND schema_version > 0)
);
CREATE INDEX profiles_country_ix ON profiles (country_code) WHERE country_code IS NOT NULL;
COMMENT ON TABLE profiles IS
  'Personal data, exactly one row per user. Names and links are encrypted under the user''s key.';
COMMENT ON COLUMN profiles.user_id IS '[id] Owner; the primary key and the foreign key make the relation one-to-one.';
COMMENT ON COLUMN profiles.display_name_sealed IS '[pii] Display name, encrypted.';
COMMENT ON COLUMN profiles.username_sealed IS
  '[pii] User name as entered, encrypted; its blind index is in identifiers.';
COMMENT ON COLUMN profiles.avatar_url_sealed IS
  '[pii] Link to an image in external storage, encrypted; the image is never stored.';
COMMENT ON COLUMN profiles.country_code IS '[pii] Country; determines the tax rate.';
COMMENT ON COLUMN profiles.locale IS '[pii] BCP 47 language tag.';
COMMENT ON COLUMN profiles.time_zone IS '[pii] IANA time zone, for display only.';
COMMENT ON COLUMN profiles.preferences IS '[internal] Interface settings such as the theme; nothing personal.';
COMMENT ON COLUMN profiles.attributes_sealed IS '[pii] Custom attributes as JSON, encrypted.';
COMMENT ON COLUMN profiles.created_at IS '[internal] When the row was created (UTC).';
COMMENT ON COLUMN profiles.updated_at IS '[internal] When the row was last changed (UTC).';
COMMENT ON COLUMN profiles.version IS '[internal] Row version: increases by one per change; the ETag.';
COMMENT ON COLUMN profiles.schema_version IS '[internal] Version of the format of preferences and attributes.';

-- The second half of the one-to-one relation: each user has a profile. It is checked at COMMIT.
ALTER TABLE users ADD CONSTRAINT users_profile_fk FOREIGN KEY (id) REFERENCES profiles (user_id)
  DEFERRABLE INITIALLY DEFERRED;

CREATE FUNCTION guard_user() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  state user_statuses;
BEGIN
  SELECT * INTO state FROM user_statuses WHERE code = NEW.status;
  IF state.is_deleted <> (NEW.deleted_at IS NOT NULL) OR state.is_erased <> (NEW.erased_at IS NOT NULL) THEN
    RAISE EXCEPTION 'status % disagrees with deleted_at or erased_at', NEW.status
      USING ERRCODE = 'check_violation', CONSTRAINT = 'users_status_times', TABLE = 'users';
  END IF;
  IF TG_OP = 'INSERT' THEN
    IF NOT EXISTS (SELECT FROM user_status_transitions t WHERE t.from_status IS NULL AND t.to_status = NEW.status)
       AND EXISTS (SELECT FROM user_statuses s WHERE s.code = NEW.status) THEN
      RAISE EXCEPTION 'a new user cannot be %', NEW.status
        USING ERRCODE = 'check_violation', CONSTRAINT = 'users_status_transition', TABLE = 'users';
    END IF;
    RETURN NEW;
  END IF;
  IF OLD.id <= '00000000-0000-7000-8000-0000000000ff' THEN
    RAISE EXCEPTION 'a built-in user cannot change'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'users_built_in_fixed', TABLE = 'users';
  END IF;
  IF NEW.id <> OLD.id OR NEW.kind <> OLD.kind THEN
    RAISE EXCEPTION 'id and kind cannot change'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'users_kind_fixed', TABLE = 'users';
  END IF;
  IF OLD.erased_at IS NOT NULL THEN
    RAISE EXCEPTION 'an erased user cannot change'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'users_erased_final', TABLE = 'users';
  END IF;
  IF NEW.status <> OLD.status AND NOT EXISTS (
       SELECT FROM user_status_transitions t WHERE t.from_status = OLD.status AND t.to_status = NEW.status)
     AND EXISTS (SELECT FROM user_statuses s WHERE s.code = NEW.status) THEN
    RAISE EXCEPTION 'status cannot change from % to %', OLD.status, NEW.status
      USING ERRCODE = 'check_violation', CONSTRAINT = 'users_status_transition', TABLE = 'users';
  END IF;
  RETURN NEW;
END $$;
COMMENT ON FUNCTION guard_user() IS
  'Trigger: allows only listed status transitions, requires times that agree with the status, and refuses changes '
  'of built-in and erased users.';

CREATE TRIGGER users_guard BEFORE INSERT OR UPDATE ON users FOR EACH ROW EXECUTE FUNCTION guard_user();
CREATE TRIGGER users_guard_version BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION guard_version();
CREATE TRIGGER users_no_delete BEFORE DELETE ON users FOR EACH ROW
  EXECUTE FUNCTION refuse_change('users_no_delete', 'soft-delete the user instead');
CREATE TRIGGER users_no_truncate BEFORE TRUNCATE ON users FOR EACH STATEMENT
  EXECUTE FUNCTION refuse_change('users_no_delete', 'soft-delete the user instead');
CREATE TRIGGER attribute_definitions_guard_version BEFORE UPDATE ON attribute_definitions FOR EACH ROW
  EXECUTE FUNCTION guard_version();
CREATE TRIGGER profiles_guard_version BEFORE UPDATE ON profiles FOR EACH ROW EXECUTE FUNCTION guard_version();
CREATE TRIGGER profiles_no_delete BEFORE DELETE ON profiles FOR EACH ROW
  EXECUTE FUNCTION refuse_change('profiles_no_delete', 'erase the values instead');
CREATE TRIGGER profiles_no_truncate BEFORE TRUNCATE ON profiles FOR EACH STATEMENT
  EXECUTE FUNCTION refuse_change('profiles_no_delete', 'erase the values instead');
