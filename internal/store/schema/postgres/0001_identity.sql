-- Identity: who there is, what is personal about them (sealed), and the claims that must be unique.
-- expand: creates only. *_sealed columns are AES-256-GCM under the owner's key: first byte 0x01, or 0x00 alone once erased.


-- Times, ids and random values come from the service; these functions only read what a value already says.
CREATE FUNCTION uuid_v7_time(id uuid) RETURNS timestamptz LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT to_timestamp((('x' || substr(translate(id::text, '-', ''), 1, 12))::bit(48)::bigint / 1000.0)::double precision)
$$;
COMMENT ON FUNCTION uuid_v7_time(uuid) IS 'The moment a UUIDv7 carries, to the millisecond (RFC 9562, section 5.7).';

CREATE FUNCTION uuid_v7_floor(moment timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT encode(substring(int8send((extract(epoch FROM moment) * 1000)::bigint) FROM 3) || '\x70008000000000000000'::bytea, 'hex')::uuid
$$;
COMMENT ON FUNCTION uuid_v7_floor(timestamptz) IS 'The lowest id of a moment: bounds of partitions and of time ranges.';

CREATE FUNCTION guard_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.version <> OLD.version + 1 THEN
    RAISE EXCEPTION 'version must grow by one (% to %)', OLD.version, NEW.version
      USING ERRCODE = 'check_violation', CONSTRAINT = TG_TABLE_NAME || '_version_step', TABLE = TG_TABLE_NAME;
  END IF;
  IF NEW.created_at <> OLD.created_at THEN
    RAISE EXCEPTION 'created_at cannot change'
      USING ERRCODE = 'check_violation', CONSTRAINT = TG_TABLE_NAME || '_created_fixed', TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NEW;
END $$;
COMMENT ON FUNCTION guard_version() IS 'Trigger: a version is never skipped or repeated, and created_at never moves.';

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% on % is refused: %', TG_OP, TG_TABLE_NAME, TG_ARGV[1]
    USING ERRCODE = 'check_violation', CONSTRAINT = TG_ARGV[0], TABLE = TG_TABLE_NAME;
END $$;
COMMENT ON FUNCTION refuse_change() IS 'Trigger: refuses the statement; arguments are the name of the rule and what to do instead.';

CREATE TABLE user_kinds (
  id                 uuid NOT NULL,
  code               text NOT NULL,
  description        text NOT NULL,
  can_sign_in        boolean NOT NULL,
  can_hold_api_keys  boolean NOT NULL,
  is_listed          boolean NOT NULL,
  CONSTRAINT user_kinds_pk PRIMARY KEY (id),
  CONSTRAINT user_kinds_id_ck CHECK ((get_byte(uuid_send(id), 6) & 240) = 112),
  CONSTRAINT user_kinds_code_uq UNIQUE (code),
  CONSTRAINT user_kinds_code_ck CHECK (code ~ '^[a-z][a-z_]{1,31}$'),
  CONSTRAINT user_kinds_description_ck CHECK (char_length(description) BETWEEN 1 AND 1024)
);
COMMENT ON TABLE user_kinds IS 'Lookup: what kind of actor a row of users is; flags keep kind names out of code.';
COMMENT ON COLUMN user_kinds.id IS '[id] UUIDv7.';
COMMENT ON COLUMN user_kinds.code IS '[public] Name other tables reference.';
COMMENT ON COLUMN user_kinds.description IS '[public] Meaning, for people.';
COMMENT ON COLUMN user_kinds.can_sign_in IS '[public] Whether this kind may hold credentials and sessions.';
COMMENT ON COLUMN user_kinds.can_hold_api_keys IS '[public] Whether this kind may own API keys.';
COMMENT ON COLUMN user_kinds.is_listed IS '[public] Whether lists of users show this kind unless asked otherwise.';

CREATE TABLE user_statuses (
  id           uuid NOT NULL,
  code         text NOT NULL,
  description  text NOT NULL,
  can_sign_in  boolean NOT NULL,
  is_deleted   boolean NOT NULL,
  is_erased    boolean NOT NULL,
  CONSTRAINT user_statuses_pk PRIMARY KEY (id),
  CONSTRAINT user_statuses_id_ck CHECK ((get_byte(uuid_send(id), 6) & 240) = 112),
  CONSTRAINT user_statuses_code_uq UNIQUE (code),
  CONSTRAINT user_statuses_code_ck CHECK (code ~ '^[a-z][a-z_]{1,31}$'),
  CONSTRAINT user_statuses_description_ck CHECK (char_length(description) BETWEEN 1 AND 1024),
  CONSTRAINT user_statuses_deleted_ck CHECK (NOT (is_deleted AND can_sign_in)),
  CONSTRAINT user_statuses_erased_ck CHECK (is_deleted OR NOT is_erased)
);
COMMENT ON TABLE user_statuses IS 'Lookup: the states of a user; behaviour flags keep status names out of code.';
COMMENT ON COLUMN user_statuses.id IS '[id] UUIDv7.';
COMMENT ON COLUMN user_statuses.code IS '[public] Name other tables reference.';
COMMENT ON COLUMN user_statuses.description IS '[public] Meaning, for people.';
COMMENT ON COLUMN user_statuses.can_sign_in IS '[public] Whether a user in this status may hold a session.';
COMMENT ON COLUMN user_statuses.is_deleted IS '[public] Whether this status is a soft-deleted one.';
COMMENT ON COLUMN user_statuses.is_erased IS '[public] Whether this status is final, with personal data destroyed.';

CREATE TABLE user_status_transitions (
  id           uuid NOT NULL,
  from_status  text,
  to_status    text NOT NULL,
  action       text NOT NULL,
  description  text NOT NULL,
  CONSTRAINT user_status_transitions_pk PRIMARY KEY (id),
  CONSTRAINT user_status_transitions_id_ck CHECK ((get_byte(uuid_send(id), 6) & 240) = 112),
  CONSTRAINT user_status_transitions_from_fk FOREIGN KEY (from_status) REFERENCES user_statuses (code),
  CONSTRAINT user_status_transitions_to_fk FOREIGN KEY (to_status) REFERENCES user_statuses (code),
  CONSTRAINT user_status_transitions_differ_ck CHECK (from_status <> to_status),
  CONSTRAINT user_status_transitions_action_ck CHECK (action ~ '^[a-z][a-z_]{1,31}$')
);
CREATE UNIQUE INDEX user_status_transitions_from_ix ON user_status_transitions (from_status, action, to_status);
CREATE UNIQUE INDEX user_status_transitions_initial_uq ON user_status_transitions (action) WHERE from_status IS NULL;
CREATE INDEX user_status_transitions_to_ix ON user_status_transitions (to_status);
COMMENT ON TABLE user_status_transitions IS 'Lookup: the allowed moves between statuses and the action that makes each; a trigger refuses all others.';
COMMENT ON COLUMN user_status_transitions.id IS '[id] UUIDv7.';
COMMENT ON COLUMN user_status_transitions.from_status IS '[public] Status before; NULL for a new user.';
COMMENT ON COLUMN user_status_transitions.to_status IS '[public] Status after.';
COMMENT ON COLUMN user_status_transitions.action IS '[public] What is asked for: create, sign_up, activate, suspend, reactivate, delete, restore, erase.';
COMMENT ON COLUMN user_status_transitions.description IS '[public] When this move is made.';

CREATE TABLE contact_kinds (
  id           uuid NOT NULL,
  code         text NOT NULL,
  description  text NOT NULL,
  CONSTRAINT contact_kinds_pk PRIMARY KEY (id),
  CONSTRAINT contact_kinds_id_ck CHECK ((get_byte(uuid_send(id), 6) & 240) = 112),
  CONSTRAINT contact_kinds_code_uq UNIQUE (code),
  CONSTRAINT contact_kinds_code_ck CHECK (code ~ '^[a-z][a-z_]{1,31}$'),
  CONSTRAINT contact_kinds_description_ck CHECK (char_length(description) BETWEEN 1 AND 1024)
);
COMMENT ON TABLE contact_kinds IS 'Lookup: kinds of contact.';
COMMENT ON COLUMN contact_kinds.id IS '[id] UUIDv7.';
COMMENT ON COLUMN contact_kinds.code IS '[public] Name other tables reference.';
COMMENT ON COLUMN contact_kinds.description IS '[public] Meaning, for people.';

CREATE TABLE countries (
  id            uuid NOT NULL,
  code          text NOT NULL,
  name          text NOT NULL,
  tax_rate_ppm  bigint NOT NULL DEFAULT 0,
  created_at    timestamptz NOT NULL,
  updated_at    timestamptz NOT NULL,
  version       bigint NOT NULL DEFAULT 1,
  CONSTRAINT countries_pk PRIMARY KEY (id),
  CONSTRAINT countries_id_ck CHECK ((get_byte(uuid_send(id), 6) & 240) = 112),
  CONSTRAINT countries_code_uq UNIQUE (code),
  CONSTRAINT countries_name_uq UNIQUE (name),
  CONSTRAINT countries_code_ck CHECK (code ~ '^[A-Z]{2}$'),
  CONSTRAINT countries_name_ck CHECK (char_length(name) BETWEEN 1 AND 128),
  CONSTRAINT countries_tax_rate_ck CHECK (tax_rate_ppm BETWEEN 0 AND 1000000),
  CONSTRAINT countries_updated_ck CHECK (updated_at >= created_at),
  CONSTRAINT countries_version_ck CHECK (version > 0)
);
COMMENT ON TABLE countries IS 'Countries and their tax rate: the third normal form in person, a rate changes in one row.';
COMMENT ON COLUMN countries.id IS '[id] UUIDv7.';
COMMENT ON COLUMN countries.code IS '[public] ISO 3166-1 alpha-2 code; other tables reference it.';
COMMENT ON COLUMN countries.name IS '[public] English short name.';
COMMENT ON COLUMN countries.tax_rate_ppm IS '[public] Standard tax rate in parts per million: 190000 is 19 %.';
COMMENT ON COLUMN countries.created_at IS '[internal] When the row was made (UTC).';
COMMENT ON COLUMN countries.updated_at IS '[internal] Last change (UTC).';
COMMENT ON COLUMN countries.version IS '[internal] Row revision: grows by one with each change; the ETag.';

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
COMMENT ON TABLE users IS 'Identity: an identifier, a kind and a status; nothing personal, nothing secret. Every actor is a row, the System too.';
COMMENT ON COLUMN users.id IS '[id] UUIDv7, never reused.';
COMMENT ON COLUMN users.kind IS '[public] What kind of actor this is.';
COMMENT ON COLUMN users.status IS '[public] Current status: exactly one, from user_statuses.';
COMMENT ON COLUMN users.status_before_deletion IS '[public] Status that a restore returns to.';
COMMENT ON COLUMN users.created_at IS '[internal] When the row was made (UTC).';
COMMENT ON COLUMN users.updated_at IS '[internal] Last change (UTC).';
COMMENT ON COLUMN users.deleted_at IS '[internal] Soft-deleted since (UTC); agrees with the status.';
COMMENT ON COLUMN users.erased_at IS '[internal] Personal data destroyed at (UTC); final.';
COMMENT ON COLUMN users.version IS '[internal] Row revision: grows by one with each change; the ETag.';
COMMENT ON COLUMN users.schema_version IS '[internal] Shape of the row, for application-level versioning.';

CREATE TABLE key_encryption_keys (
  id            uuid NOT NULL,
  location      text NOT NULL,
  check_value   bytea NOT NULL,
  created_at    timestamptz NOT NULL,
  retired_at    timestamptz,
  destroyed_at  timestamptz,
  CONSTRAINT key_encryption_keys_pk PRIMARY KEY (id),
  CONSTRAINT key_encryption_keys_id_ck CHECK ((get_byte(uuid_send(id), 6) & 240) = 112),
  CONSTRAINT key_encryption_keys_location_ck CHECK (location IN ('file', 'environment')),
  CONSTRAINT key_encryption_keys_check_value_uq UNIQUE (check_value),
  CONSTRAINT key_encryption_keys_check_value_ck CHECK (octet_length(check_value) = 32),
  CONSTRAINT key_encryption_keys_retired_ck CHECK (retired_at >= created_at),
  CONSTRAINT key_encryption_keys_destroyed_ck CHECK (destroyed_at IS NULL OR (retired_at IS NOT NULL AND destroyed_at >= retired_at))
);
CREATE UNIQUE INDEX key_encryption_keys_one_live_uq ON key_encryption_keys ((retired_at IS NULL)) WHERE retired_at IS NULL;
COMMENT ON TABLE key_encryption_keys IS 'Register of key-encryption keys; the keys themselves live outside the database.';
COMMENT ON COLUMN key_encryption_keys.id IS '[id] UUIDv7.';
COMMENT ON COLUMN key_encryption_keys.location IS '[internal] Where the key is kept: file or environment.';
COMMENT ON COLUMN key_encryption_keys.check_value IS '[internal] HMAC of a constant under the key: tells keys apart, reveals none.';
COMMENT ON COLUMN key_encryption_keys.created_at IS '[internal] When the row was made (UTC).';
COMMENT ON COLUMN key_encryption_keys.retired_at IS '[internal] Wraps nothing new since (UTC).';
COMMENT ON COLUMN key_encryption_keys.destroyed_at IS '[internal] Destroyed everywhere since (UTC).';

CREATE TABLE service_keys (
  id           uuid NOT NULL,
  name         text NOT NULL,
  kek_id       uuid NOT NULL,
  wrapped_key  bytea NOT NULL,
  created_at   timestamptz NOT NULL,
  wrapped_at   timestamptz NOT NULL,
  CONSTRAINT service_keys_pk PRIMARY KEY (id),
  CONSTRAINT service_keys_id_ck CHECK ((get_byte(uuid_send(id), 6) & 240) = 112),
  CONSTRAINT service_keys_name_uq UNIQUE (name),
  CONSTRAINT service_keys_name_ck CHECK (name ~ '^[a-z][a-z0-9-]{1,62}$'),
  CONSTRAINT service_keys_kek_fk FOREIGN KEY (kek_id) REFERENCES key_encryption_keys (id),
  CONSTRAINT service_keys_wrapped_key_ck CHECK (octet_length(wrapped_key) = 61),
  CONSTRAINT service_keys_wrapped_ck CHECK (wrapped_at >= created_at)
);
CREATE INDEX service_keys_kek_ix ON service_keys (kek_id);
COMMENT ON TABLE service_keys IS 'The service''s own keys (blind index, cursors, replies, throttles, audit months), wrapped.';
COMMENT ON COLUMN service_keys.id IS '[id] UUIDv7.';
COMMENT ON COLUMN service_keys.name IS '[internal] What the key is for.';
COMMENT ON COLUMN service_keys.kek_id IS '[internal] Key-encryption key that wraps it.';
COMMENT ON COLUMN service_keys.wrapped_key IS '[secret] The key, wrapped.';
COMMENT ON COLUMN service_keys.created_at IS '[internal] When the row was made (UTC).';
COMMENT ON COLUMN service_keys.wrapped_at IS '[internal] Last wrapped (UTC).';

CREATE TABLE user_keys (
  user_id      uuid NOT NULL,
  kek_id       uuid NOT NULL,
  wrapped_key  bytea NOT NULL,
  created_at   timestamptz NOT NULL,
  wrapped_at   timestamptz NOT NULL,
  CONSTRAINT user_keys_pk PRIMARY KEY (user_id),
  CONSTRAINT user_keys_user_fk FOREIGN KEY (user_id) REFERENCES users (id),
  CONSTRAINT user_keys_user_ck CHECK (user_id > '00000000-0000-7000-8000-0000000000ff'),
  CONSTRAINT user_keys_kek_fk FOREIGN KEY (kek_id) REFERENCES key_encryption_keys (id),
  CONSTRAINT user_keys_wrapped_key_ck CHECK (octet_length(wrapped_key) = 61),
  CONSTRAINT user_keys_wrapped_ck CHECK (wrapped_at >= created_at)
);
CREATE INDEX user_keys_kek_ix ON user_keys (kek_id);
COMMENT ON TABLE user_keys IS 'One data key a user, wrapped; destroying the row destroys all the user''s sealed values.';
COMMENT ON COLUMN user_keys.user_id IS '[id] Owner.';
COMMENT ON COLUMN user_keys.kek_id IS '[internal] Key-encryption key that wraps it.';
COMMENT ON COLUMN user_keys.wrapped_key IS '[secret] Data key, wrapped.';
COMMENT ON COLUMN user_keys.created_at IS '[internal] When the row was made (UTC).';
COMMENT ON COLUMN user_keys.wrapped_at IS '[internal] Last wrapped (UTC).';

CREATE TABLE attribute_definitions (
  id           uuid NOT NULL,
  name         text NOT NULL,
  description  text NOT NULL,
  value_type   text NOT NULL,
  created_at   timestamptz NOT NULL,
  updated_at   timestamptz NOT NULL,
  version      bigint NOT NULL DEFAULT 1,
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
COMMENT ON COLUMN attribute_definitions.name IS '[public] Key of the attribute in a profile.';
COMMENT ON COLUMN attribute_definitions.description IS '[public] Meaning, for people.';
COMMENT ON COLUMN attribute_definitions.value_type IS '[public] JSON type of its values: string, number or boolean.';
COMMENT ON COLUMN attribute_definitions.created_at IS '[internal] When the row was made (UTC).';
COMMENT ON COLUMN attribute_definitions.updated_at IS '[internal] Last change (UTC).';
COMMENT ON COLUMN attribute_definitions.version IS '[internal] Row revision: grows by one with each change; the ETag.';

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
  CONSTRAINT profiles_display_name_ck CHECK (display_name_sealed = '\x00' OR (get_byte(display_name_sealed, 0) = 1 AND octet_length(display_name_sealed) BETWEEN 30 AND 1200)),
  CONSTRAINT profiles_username_ck CHECK (username_sealed = '\x00' OR (get_byte(username_sealed, 0) = 1 AND octet_length(username_sealed) BETWEEN 30 AND 320)),
  CONSTRAINT profiles_avatar_url_ck CHECK (avatar_url_sealed = '\x00' OR (get_byte(avatar_url_sealed, 0) = 1 AND octet_length(avatar_url_sealed) BETWEEN 30 AND 2080)),
  CONSTRAINT profiles_attributes_ck CHECK (attributes_sealed = '\x00' OR (get_byte(attributes_sealed, 0) = 1 AND octet_length(attributes_sealed) BETWEEN 30 AND 32768)),
  CONSTRAINT profiles_locale_ck CHECK (char_length(locale) BETWEEN 2 AND 35),
  CONSTRAINT profiles_time_zone_ck CHECK (char_length(time_zone) BETWEEN 1 AND 64),
  CONSTRAINT profiles_preferences_ck CHECK (jsonb_typeof(preferences) = 'object' AND octet_length(preferences::text) <= 16384),
  CONSTRAINT profiles_updated_ck CHECK (updated_at >= created_at),
  CONSTRAINT profiles_version_ck CHECK (version > 0 AND schema_version > 0)
);
CREATE INDEX profiles_country_ix ON profiles (country_code) WHERE country_code IS NOT NULL;
COMMENT ON TABLE profiles IS 'Personal data, exactly one row a user; names and links sealed under the user''s key.';
COMMENT ON COLUMN profiles.user_id IS '[id] Owner; primary and foreign key make the one-to-one.';
COMMENT ON COLUMN profiles.display_name_sealed IS '[pii] Display name, sealed.';
COMMENT ON COLUMN profiles.username_sealed IS '[pii] User name as typed, sealed; its claim stands in identifiers.';
COMMENT ON COLUMN profiles.avatar_url_sealed IS '[pii] Link to an image in external storage, sealed; never the image.';
COMMENT ON COLUMN profiles.country_code IS '[pii] Country, for its tax rate.';
COMMENT ON COLUMN profiles.locale IS '[pii] BCP 47 language tag.';
COMMENT ON COLUMN profiles.time_zone IS '[pii] IANA time zone, for display only.';
COMMENT ON COLUMN profiles.preferences IS '[internal] Interface settings (theme, notifications); nothing personal by rule.';
COMMENT ON COLUMN profiles.attributes_sealed IS '[pii] Declared custom attributes as JSON, sealed.';
COMMENT ON COLUMN profiles.created_at IS '[internal] When the row was made (UTC).';
COMMENT ON COLUMN profiles.updated_at IS '[internal] Last change (UTC).';
COMMENT ON COLUMN profiles.version IS '[internal] Row revision: grows by one with each change; the ETag.';
COMMENT ON COLUMN profiles.schema_version IS '[internal] Shape of preferences and attributes.';

CREATE TABLE contacts (
  user_id         uuid NOT NULL,
  id              uuid NOT NULL,
  kind            text NOT NULL,
  value_sealed    bytea NOT NULL,
  is_primary      boolean NOT NULL DEFAULT FALSE,
  verified_at     timestamptz,
  created_at      timestamptz NOT NULL,
  updated_at      timestamptz NOT NULL,
  version         bigint NOT NULL DEFAULT 1,
  schema_version  bigint NOT NULL DEFAULT 1,
  CONSTRAINT contacts_pk PRIMARY KEY (user_id, id),
  CONSTRAINT contacts_id_ck CHECK ((get_byte(uuid_send(id), 6) & 240) = 112),
  CONSTRAINT contacts_user_fk FOREIGN KEY (user_id) REFERENCES users (id),
  CONSTRAINT contacts_user_ck CHECK (user_id > '00000000-0000-7000-8000-0000000000ff'),
  CONSTRAINT contacts_kind_fk FOREIGN KEY (kind) REFERENCES contact_kinds (code),
  CONSTRAINT contacts_value_ck CHECK (value_sealed = '\x00' OR (get_byte(value_sealed, 0) = 1 AND octet_length(value_sealed) BETWEEN 30 AND 512)),
  CONSTRAINT contacts_verified_ck CHECK (verified_at >= created_at),
  CONSTRAINT contacts_updated_ck CHECK (updated_at >= created_at),
  CONSTRAINT contacts_version_ck CHECK (version > 0 AND schema_version > 0)
);
CREATE UNIQUE INDEX contacts_one_primary_uq ON contacts (user_id, kind) WHERE is_primary;
CREATE INDEX contacts_kind_ix ON contacts (kind);
COMMENT ON TABLE contacts IS 'E-mail addresses and telephone numbers, one value a row (1NF).';
COMMENT ON COLUMN contacts.user_id IS '[id] Owner.';
COMMENT ON COLUMN contacts.id IS '[id] UUIDv7.';
COMMENT ON COLUMN contacts.kind IS '[public] E-mail or telephone.';
COMMENT ON COLUMN contacts.value_sealed IS '[pii] The value as typed, sealed.';
COMMENT ON COLUMN contacts.is_primary IS '[public] The one to use; at most one a user and kind.';
COMMENT ON COLUMN contacts.verified_at IS '[internal] When control of it was proved or vouched for (UTC).';
COMMENT ON COLUMN contacts.created_at IS '[internal] When the row was made (UTC).';
COMMENT ON COLUMN contacts.updated_at IS '[internal] Last change (UTC).';
COMMENT ON COLUMN contacts.version IS '[internal] Row revision: grows by one with each change; the ETag.';
COMMENT ON COLUMN contacts.schema_version IS '[internal] Normalisation rules of the value.';

CREATE TABLE identifiers (
  value_index  bytea NOT NULL,
  user_id      uuid NOT NULL,
  contact_id   uuid,
  created_at   timestamptz NOT NULL,
  expires_at   timestamptz,
  CONSTRAINT identifiers_pk PRIMARY KEY (value_index),
  CONSTRAINT identifiers_value_index_ck CHECK (octet_length(value_index) = 32),
  CONSTRAINT identifiers_user_fk FOREIGN KEY (user_id) REFERENCES users (id),
  CONSTRAINT identifiers_user_ck CHECK (user_id > '00000000-0000-7000-8000-0000000000ff'),
  CONSTRAINT identifiers_contact_fk FOREIGN KEY (user_id, contact_id) REFERENCES contacts (user_id, id),
  CONSTRAINT identifiers_contact_uq UNIQUE (user_id, contact_id),
  CONSTRAINT identifiers_expires_ck CHECK (expires_at > created_at),
  CONSTRAINT identifiers_username_ck CHECK (contact_id IS NOT NULL OR expires_at IS NULL)
);
CREATE UNIQUE INDEX identifiers_one_username_uq ON identifiers (user_id) WHERE contact_id IS NULL;
CREATE INDEX identifiers_expires_ix ON identifiers (expires_at) WHERE expires_at IS NOT NULL;
COMMENT ON TABLE identifiers IS 'Claims: what must be unique over all users (e-mail, telephone, user name), and all that sign-in reads.';
COMMENT ON COLUMN identifiers.value_index IS '[pii] Keyed blind index of kind and normal form, 32 bytes; the claim.';
COMMENT ON COLUMN identifiers.user_id IS '[id] Holder of the claim.';
COMMENT ON COLUMN identifiers.contact_id IS '[id] Contact that holds the value; NULL for a user name.';
COMMENT ON COLUMN identifiers.created_at IS '[internal] When the row was made (UTC).';
COMMENT ON COLUMN identifiers.expires_at IS '[internal] An unproved claim lapses at (UTC); NULL once proved.';

-- Exactly one profile a user: the second half of the one-to-one, checked at COMMIT.
ALTER TABLE users ADD CONSTRAINT users_profile_fk FOREIGN KEY (id) REFERENCES profiles (user_id) DEFERRABLE INITIALLY DEFERRED;

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
    RAISE EXCEPTION 'a built-in actor cannot change'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'users_built_in_fixed', TABLE = 'users';
  END IF;
  IF NEW.id <> OLD.id OR NEW.kind <> OLD.kind THEN
    RAISE EXCEPTION 'id and kind cannot change'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'users_kind_fixed', TABLE = 'users';
  END IF;
  IF OLD.erased_at IS NOT NULL THEN
    RAISE EXCEPTION 'an erased user stays as it is'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'users_erased_final', TABLE = 'users';
  END IF;
  IF NEW.status <> OLD.status AND NOT EXISTS (
       SELECT FROM user_status_transitions t WHERE t.from_status = OLD.status AND t.to_status = NEW.status)
     AND EXISTS (SELECT FROM user_statuses s WHERE s.code = NEW.status) THEN
    RAISE EXCEPTION 'status may not go from % to %', OLD.status, NEW.status
      USING ERRCODE = 'check_violation', CONSTRAINT = 'users_status_transition', TABLE = 'users';
  END IF;
  RETURN NEW;
END $$;
COMMENT ON FUNCTION guard_user() IS 'Trigger: only allowed moves between statuses; times agree with the status; built-in and erased users stay as they are.';

CREATE TRIGGER users_guard BEFORE INSERT OR UPDATE ON users FOR EACH ROW EXECUTE FUNCTION guard_user();
CREATE TRIGGER users_no_delete BEFORE DELETE ON users FOR EACH ROW EXECUTE FUNCTION refuse_change('users_no_delete', 'soft-delete the user');
CREATE TRIGGER users_no_truncate BEFORE TRUNCATE ON users FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('users_no_delete', 'soft-delete the user');
CREATE TRIGGER profiles_no_delete BEFORE DELETE ON profiles FOR EACH ROW EXECUTE FUNCTION refuse_change('profiles_no_delete', 'erasure replaces the values');
CREATE TRIGGER profiles_no_truncate BEFORE TRUNCATE ON profiles FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('profiles_no_delete', 'erasure replaces the values');
CREATE TRIGGER identifiers_claim_fixed BEFORE UPDATE OF value_index, user_id, contact_id ON identifiers FOR EACH ROW
  EXECUTE FUNCTION refuse_change('identifiers_claim_fixed', 'insert the new claim and delete the old one');
CREATE TRIGGER countries_guard_version BEFORE UPDATE ON countries FOR EACH ROW EXECUTE FUNCTION guard_version();
CREATE TRIGGER users_guard_version BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION guard_version();
CREATE TRIGGER attribute_definitions_guard_version BEFORE UPDATE ON attribute_definitions FOR EACH ROW EXECUTE FUNCTION guard_version();
CREATE TRIGGER profiles_guard_version BEFORE UPDATE ON profiles FOR EACH ROW EXECUTE FUNCTION guard_version();
CREATE TRIGGER contacts_guard_version BEFORE UPDATE ON contacts FOR EACH ROW EXECUTE FUNCTION guard_version();
